//! How ids, keys and classes become names of files, and back.
//!
//! A name is its text with a closed set of characters percent-encoded, upper case, byte by byte:
//! `%`, `/`, `\`, the control characters (Unicode category Cc); a `.` that comes first; a `~` that
//! comes last; and the first letter of `data.json`, however capitalised. The empty text is a lone
//! `%`. Every text has exactly one name, so a file that is named otherwise is foreign.

use std::borrow::Cow;

use crate::record::words;

/// The file that marks a container and holds its values.
pub(crate) const DATA: &str = "data.json";

/// The most bytes of an encoded id (without its generation), key or class.
pub(crate) const MAX_NAME: usize = 200;

/// Returns the name of `text`, of any length.
pub(crate) fn encode(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    if text.is_empty() {
        return Cow::Borrowed("%");
    }
    let marker = text.eq_ignore_ascii_case(DATA);
    let bytes = text.as_bytes();
    let mut name = String::with_capacity(text.len() + 8);
    for (at, character) in text.char_indices() {
        let escaped = match character {
            '%' | '/' | '\\' => true,
            '.' => at == 0,
            '~' => at + 1 == bytes.len(),
            _ => character.is_control() || (marker && at == 0),
        };
        if escaped {
            for byte in &bytes[at..at + character.len_utf8()] {
                name.push('%');
                name.push(HEX[usize::from(byte >> 4)] as char);
                name.push(HEX[usize::from(byte & 15)] as char);
            }
        } else {
            name.push(character);
        }
    }
    Cow::Owned(name)
}

/// Returns the text whose name this is, or `None` if no text has this name.
pub(crate) fn decode(name: &str) -> Option<Cow<'_, str>> {
    if is_plain(name) {
        return Some(Cow::Borrowed(name));
    }
    if name == "%" {
        return Some(Cow::Borrowed(""));
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                bytes.push(digit(*high)? << 4 | digit(*low)?);
                rest = tail;
            }
            (b'%', _) => return None,
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (encode(&text) == name).then_some(Cow::Owned(text))
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Whether the text is its own name.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    if *first == b'.' || *last == b'~' {
        return false;
    }
    // Most texts are done with one look.
    let may_need_care = |word| {
        let controls = words::below(word, b' ') | words::equal(word, 0x7f) | words::beyond_ascii(word);
        controls | words::equal(word, b'%') | words::equal(word, b'/') | words::equal(word, b'\\')
    };
    if !words::any(text, may_need_care) {
        return !text.eq_ignore_ascii_case(DATA);
    }
    let mut before = 0;
    for &byte in bytes {
        let plain = match byte {
            0..0x20 | 0x7f | b'%' | b'/' | b'\\' => false,
            // The second byte of U+0080..U+009F.
            0x80..0xa0 => before != 0xc2,
            _ => true,
        };
        if !plain {
            return false;
        }
        before = byte;
    }
    !text.eq_ignore_ascii_case(DATA)
}

/// Splits `{base}.{N}`, N a canonical decimal `u64` and the base not empty.
pub(crate) fn split_generation(text: &str) -> Option<(&str, u64)> {
    let (base, number) = text.rsplit_once('.')?;
    let canonical = number == "0" || (!number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit()));
    if base.is_empty() || number.is_empty() || !canonical {
        return None;
    }
    Some((base, number.parse().ok()?))
}

/// Returns which generation of `base` an id is, if it is one; `base` itself is generation 0.
pub(crate) fn generation_of(base: &str, id: &str) -> Option<u64> {
    if id == base {
        return Some(0);
    }
    split_generation(id).filter(|(stem, _)| *stem == base).map(|(_, generation)| generation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_closed_set_and_nothing_else_is_escaped() {
        for (text, name) in [
            ("work_board", "work_board"),
            ("10.0.0.1", "10.0.0.1"),
            ("", "%"),
            (".", "%2E"),
            ("..", "%2E."),
            (".hidden", "%2Ehidden"),
            ("a/b", "a%2Fb"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("a\\b", "a%5Cb"),
            ("%2F", "%252F"),
            ("x.tmp", "x.tmp"),
            ("con", "con"),
            ("a~", "a%7E"),
            ("~a", "~a"),
            ("~", "%7E"),
            ("data.json", "%64ata.json"),
            ("DATA.json", "%44ATA.json"),
            ("data.json.0", "data.json.0"),
            ("a\0b\nc\u{7f}", "a%00b%0Ac%7F"),
            ("\u{85}x\u{a0}", "%C2%85x\u{a0}"),
            ("שלום 😀", "שלום 😀"),
            ("2024-01-15T10:30:00Z", "2024-01-15T10:30:00Z"),
        ] {
            assert_eq!(encode(text), name);
            assert_eq!(decode(name).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_name_that_no_text_has_is_foreign() {
        for name in ["", ".git", "a~", "%2f", "%2", "a%", "%41", "%FF", "%zz", "data.json", "a%2Eb", "%%"] {
            assert_eq!(decode(name), None, "{name}");
        }
    }

    #[test]
    fn generations_are_canonical_numbers_behind_a_base() {
        assert_eq!(split_generation("note-1.3"), Some(("note-1", 3)));
        assert_eq!(split_generation("10.0.0.1.0"), Some(("10.0.0.1", 0)));
        assert_eq!(split_generation("n.18446744073709551615"), Some(("n", u64::MAX)));
        for text in ["n", "n.", ".1", "n.01", "n.+1", "n.18446744073709551616", "n.1a", "n.٣"] {
            assert_eq!(split_generation(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_has_one_name_that_stays_in_its_directory(text in "\\PC{0,12}|[\\x00-\\xff%/.~\\\\]{0,8}") {
            let name = encode(&text).into_owned();
            prop_assert_eq!(decode(&name), Some(Cow::Borrowed(text.as_str())));
            prop_assert!(!name.is_empty() && !name.contains(['/', '\0']) && !name.starts_with('.'));
        }

        #[test]
        fn a_name_decodes_only_if_it_is_canonical(name in "[%0-9A-Fa-f./~ad]{0,8}") {
            if let Some(text) = decode(&name) {
                prop_assert_eq!(encode(&text).into_owned(), name);
            }
        }
    }
}
