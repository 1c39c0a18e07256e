//! JSON from token to token: white space is taken out and put in, and nothing else changes.

use serde::de::IgnoredAny;

use super::write::{depth, too_deep};
use super::{JsonError, MAX_DEPTH};

/// Whether a text is JSON that nests no deeper than Sepia's does.
#[cfg(any(test, feature = "export"))]
pub(crate) fn is_json(text: &str) -> bool {
    depth(text) <= MAX_DEPTH && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Takes the JSON of one field, and returns its tokens without the white space between them.
///
/// # Errors
/// If it is no JSON, or nests too deep to stand in an object of fields.
pub(crate) fn value_tokens(json: &str) -> Result<String, JsonError> {
    // The object of fields is a level, too.
    if depth(json) >= MAX_DEPTH {
        return Err(too_deep());
    }
    match serde_json::from_str::<IgnoredAny>(json) {
        Ok(_) => Ok(compact(json)),
        Err(error) => Err(JsonError::new(format!("this is not one JSON value: {error}"))),
    }
}

/// Checks that JSON nests no deeper than Sepia's does.
///
/// # Errors
/// If it nests deeper.
pub(crate) fn check_depth(json: &str) -> Result<(), JsonError> {
    if depth(json) > MAX_DEPTH { Err(too_deep()) } else { Ok(()) }
}

/// Takes the white space between the tokens out of JSON.
pub(crate) fn compact(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    for token in Tokens(json) {
        compact.push_str(token);
    }
    compact
}

/// Makes a file of JSON without white space, in the form in which Sepia writes it.
pub(crate) fn pretty(compact: &str) -> Vec<u8> {
    let mut out = String::with_capacity(2 * compact.len());
    let mut depth = 0_usize;
    let mut tokens = Tokens(compact).peekable();
    let newline = |out: &mut String, depth: usize| {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    };
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" => {
                out.push_str(token);
                if !matches!(tokens.peek(), Some(&("}" | "]"))) {
                    depth += 1;
                    newline(&mut out, depth);
                } else if let Some(close) = tokens.next() {
                    out.push_str(close);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                newline(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push(',');
                newline(&mut out, depth);
            }
            ":" => out.push_str(": "),
            _ => out.push_str(token),
        }
    }
    out.push('\n');
    out.into_bytes()
}

/// The tokens of a text that is JSON.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.trim_ascii_start();
        let bytes = text.as_bytes();
        let length = match bytes.first()? {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => string_length(bytes),
            _ => bytes.iter().position(|byte| b"{}[],: \t\r\n\"".contains(byte)).unwrap_or(bytes.len()),
        };
        let (token, rest) = text.split_at_checked(length)?;
        self.0 = rest;
        Some(token)
    }
}

/// How long the string is with which a text begins, its quotes included; up to the end if it has none.
pub(crate) fn string_length(text: &[u8]) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::json::Object;
    use proptest::prelude::*;

    #[test]
    fn every_token_stays_as_it_is() {
        let text = " { \"a\\\"b\" : [ 1.50e+10 , -0 , {} , [ ] , true,null ] ,\n\t\"é {\" : \"\\u00e9 : , \\\\\" } ";
        assert!(is_json(text));
        let compacted = "{\"a\\\"b\":[1.50e+10,-0,{},[],true,null],\"é {\":\"\\u00e9 : , \\\\\"}";
        assert_eq!(compact(text), compacted);
        let made = "{\n  \"a\\\"b\": [\n    1.50e+10,\n    -0,\n    {},\n    [],\n    true,\n    null\n  ],\n  \
                    \"é {\": \"\\u00e9 : , \\\\\"\n}\n";
        assert_eq!(String::from_utf8_lossy(&pretty(compacted)), made);
        for scalar in ["1", "\"x\"", "null", "[]", "{}"] {
            assert_eq!((compact(scalar), pretty(scalar)), (scalar.to_owned(), format!("{scalar}\n").into_bytes()));
        }
    }

    #[test]
    fn what_is_deeper_than_anything_that_is_written_is_not_taken_for_json() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(is_json(&nested(MAX_DEPTH)) && !is_json(&nested(MAX_DEPTH + 1)));
        assert!(!is_json("") && !is_json("{") && !is_json("{} {}") && !is_json("{\"a\": 01}"));
    }

    proptest! {
        #[test]
        fn what_the_serializer_writes_is_made_again(
            text in any::<String>(),
            numbers in proptest::collection::vec(proptest::num::f64::NORMAL, 0..4),
            map in proptest::collection::btree_map(any::<String>(), proptest::option::of(any::<i128>()), 0..4),
        ) {
            let mut object = Object::new();
            let written = object.field("text", &text).and_then(|()| object.field(&text, &numbers));
            prop_assume!(written.is_ok() && object.field("map", &(map, Vec::<u8>::new())).is_ok());
            let file = object.finish();
            let file_text = std::str::from_utf8(&file).unwrap_or_default();
            prop_assert!(is_json(file_text));
            prop_assert_eq!(pretty(&compact(file_text)), file);
        }
    }
}
