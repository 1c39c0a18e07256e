//! Looking for bytes in a text, eight at a time.

/// The lowest bit of each byte.
const LOW: u64 = u64::MAX / 0xff;
/// The highest bit of each byte.
const HIGH: u64 = LOW << 7;

/// Returns something else than 0 if one of these bytes is below another, of at most 128.
pub(crate) const fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(LOW * bound as u64) & !word & HIGH
}

/// Returns something else than 0 if one of these bytes is this one.
pub(crate) const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (LOW * byte as u64), 1)
}

/// Returns something else than 0 if one of these bytes is below another, of at most 128, or is one of two, both of ASCII.
pub(crate) const fn below_or_either(word: u64, bound: u8, either: [u8; 2]) -> u64 {
    let [one, other] = [LOW * either[0] as u64, LOW * either[1] as u64];
    let found =
        word.wrapping_sub(LOW * bound as u64) | (word ^ one).wrapping_sub(LOW) | (word ^ other).wrapping_sub(LOW);
    // What is compared differs in none of the highest bits.
    found & !word & HIGH
}

/// Returns something else than 0 if one of these bytes is part of a character beyond ASCII.
pub(crate) const fn beyond_ascii(word: u64) -> u64 {
    word & HIGH
}

/// Whether a question to eight bytes is answered with something else than 0 for any byte of a text.
pub(crate) fn any(text: &str, question: impl Fn(u64) -> u64) -> bool {
    let ask = |bytes| question(u64::from_ne_bytes(bytes));
    let bytes = text.as_bytes();
    if let Some(last) = bytes.last_chunk::<8>() {
        // What is no whole word is looked at with some of what stands before it. Most texts are short: it takes longer to
        // look at more words at once than to look at these one by one.
        return ask(*last) != 0 || bytes.as_chunks::<8>().0.iter().any(|word| ask(*word) != 0);
    }
    // A byte may come twice.
    let word = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>(), bytes) {
        (Some([a, b, c, d]), Some([e, f, g, h]), _) => [*a, *b, *c, *d, *e, *f, *g, *h],
        (.., [first, second, .., last]) => [*first, *second, *last, *first, *first, *first, *first, *first],
        (.., [first, last]) => [*first, *last, *first, *first, *first, *first, *first, *first],
        (.., [only]) => [*only; 8],
        (.., []) => return false,
    };
    ask(word) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert_eq, proptest};

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for length in 1..40 {
            for at in 0..length {
                let mut bytes = vec![b'x'; length];
                bytes[at] = b'!';
                let text = String::from_utf8(bytes).unwrap();
                assert!(any(&text, |word| equal(word, b'!')) && any(&text, |word| below(word, b'"')), "{text}");
                assert!(!any(&text, |word| equal(word, b'?')) && !any(&text, |word| below(word, b'!')), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_answers_are_those_of_the_bytes(text in "[ -~é\u{80}-\u{ff}\0-\u{1f}]{0,30}", byte in 0..128_u8) {
            let bytes = text.as_bytes();
            prop_assert_eq!(any(&text, |word| equal(word, byte)), bytes.contains(&byte));
            prop_assert_eq!(any(&text, |word| below(word, byte)), bytes.iter().any(|other| *other < byte));
            prop_assert_eq!(any(&text, beyond_ascii), !text.is_ascii());
            let is_either = |other: &u8| *other < byte || [byte, b'\\'].contains(other);
            prop_assert_eq!(any(&text, |word| below_or_either(word, byte, [byte, b'\\'])), bytes.iter().any(is_either));
        }
    }
}
