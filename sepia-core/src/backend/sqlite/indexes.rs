//! What indexes of others on the tables of a store compute for each row that is written.
//!
//! SQLite counts a call of a function as one step, whatever it does. So an index may call those alone whose work and
//! whose result are bounded by what they are given, and match no patterns.

/// Functions that take time and memory in the measure of their arguments, and give no more; and words of the language
/// behind which a bracket calls nothing.
const BOUNDED: &str = " abs cast coalesce date datetime ifnull iif instr json_array_length json_extract json_type \
    json_valid julianday length lower ltrim max min nullif octet_length round rtrim substr time trim typeof unixepoch \
    upper and case else in is not on or then when where ";
/// Operators that are functions with a name.
const MATCHING: [&str; 4] = ["glob", "like", "match", "regexp"];

/// Returns what an index calls that may take any time or memory, by the statement that makes it on a table.
pub(super) fn unbounded_call(sql: &str, table: &str) -> Option<String> {
    let mut tokens = tokens(sql).peekable();
    while let Some(token) = tokens.next() {
        let Token::Word(word) = token else { continue };
        let word = word.to_ascii_lowercase();
        let is_called = matches!(tokens.peek(), Some(Token::Open));
        let is_bounded = BOUNDED.contains(&format!(" {word} ")) || word.eq_ignore_ascii_case(table);
        if MATCHING.contains(&&*word) || is_called && !is_bounded {
            return Some(word);
        }
    }
    None
}

enum Token<'a> {
    /// A name, without its quotes, or a word of the language.
    Word(&'a str),
    Open,
    Other,
}

/// The tokens of a statement, as far as calls are told by them.
fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let first = rest.chars().next()?;
        let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$') || !letter.is_ascii();
        let close = match first {
            '\'' | '"' | '`' => Some(first),
            '[' => Some(']'),
            _ => None,
        };
        let (token, length) = if let Some(close) = close {
            let inner = &rest[1..];
            let end = inner.find(close).unwrap_or(inner.len());
            let text = &inner[..end];
            // A quote within quotes begins the next token, which is no word then, and not called either.
            (if first == '\'' { Token::Other } else { Token::Word(text) }, (end + 2).min(rest.len()))
        } else if rest.starts_with("--") {
            (Token::Other, rest.find('\n').map_or(rest.len(), |end| end + 1))
        } else if rest.starts_with("/*") {
            (Token::Other, rest.find("*/").map_or(rest.len(), |end| end + 2))
        } else if is_word(first) {
            let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
            (Token::Word(&rest[..end]), end)
        } else {
            (if first == '(' { Token::Open } else { Token::Other }, first.len_utf8())
        };
        rest = &rest[length..];
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_however_they_are_written() {
        let of = |sql: &str| unbounded_call(&format!("CREATE INDEX i ON object{sql}"), "object");
        for sound in [
            " (modified)",
            "(class, id COLLATE NOCASE DESC)",
            " (json_extract(content, '$.name')) WHERE class = 'like (x'",
            " (content ->> '$.name') WHERE class IN ('A', 'B') AND (id > 'x' OR NOT (id IS NULL))",
            " (CAST(substr(content, 1, 9) AS TEXT))",
        ] {
            assert_eq!(of(sound), None, "{sound}");
        }
        for (call, sql) in [
            ("zeroblob", " (length(zeroblob(400000000)))"),
            ("hex", " (\"hex\"(content))"),
            ("hex", " ([hex] (content))"),
            ("hex", " (`HEX`\n(content))"),
            ("printf", " (modified) WHERE printf('%400000000d', 1) > ''"),
            ("like", " (id) WHERE id LIKE '%a%a%a%a%'"),
            ("glob", " (id GLOB 'a*')"),
            ("replace", " (json_extract(replace(content, 'a', 'aaaaaaaaaa'), '$'))"),
        ] {
            assert_eq!(of(sql).as_deref(), Some(call), "{sql}");
        }
    }
}
