//! JSON as it was written: fields in their order, numbers with every digit.

use std::borrow::Cow;
use std::fmt;
use std::io;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::Formatter;
use serde_json::value::RawValue;

use super::text::printable;

/// How deep values are taken apart; what lies deeper stays text. Sepia writes at most 127 levels.
const MAX_DEPTH: usize = 128;

/// The widest value that is written in one line.
const MAX_WIDTH: usize = 76;

/// A value, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    /// `null`, `true`, `false`, a number; or what lies too deep.
    Plain(&'a str),
    Text(String),
    List(Vec<Json<'a>>),
    Fields(Vec<(String, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Takes a file apart that must hold one JSON object.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn parse_object(file: &'a [u8]) -> Result<Vec<(String, Json<'a>)>, String> {
        let text = std::str::from_utf8(file).map_err(|error| error.to_string())?;
        // Some editors put a byte order mark in front of it; loading passes over it, too.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match Self::of(raw, 0) {
            Self::Fields(fields) => Ok(fields),
            _ => Err("it is not a JSON object".to_owned()),
        }
    }

    fn of(raw: &'a RawValue, depth: usize) -> Self {
        // Invariant: `raw` is JSON, so each of these parses whenever its first character is right.
        let text = raw.get();
        let plain = || Self::Plain(text);
        if depth == MAX_DEPTH {
            return plain();
        }
        match text.as_bytes().first() {
            // A lone surrogate (`"\ud800"`) is JSON and no text.
            Some(b'"') => serde_json::from_str(text).map_or_else(|_| plain(), Self::Text),
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(text)
                .map_or_else(|_| plain(), |list| Self::List(list.iter().map(|raw| Self::of(raw, depth + 1)).collect())),
            Some(b'{') => serde_json::from_str::<Pairs<'a>>(text).map_or_else(
                |_| plain(),
                |pairs| {
                    let pairs = pairs.0.into_iter();
                    Self::Fields(pairs.map(|(key, raw)| (key, Self::of(raw, depth + 1))).collect())
                },
            ),
            _ => plain(),
        }
    }

    /// Calls `each` with every scalar and the way to it.
    pub(crate) fn each_scalar(&self, path: &str, each: &mut dyn FnMut(&str, Cow<'_, str>)) {
        match self {
            Self::Plain(text) => each(path, Cow::Borrowed(text)),
            Self::Text(text) => each(path, Cow::Borrowed(text)),
            Self::List(list) => {
                for (at, value) in list.iter().enumerate() {
                    value.each_scalar(&format!("{path}[{at}]"), each);
                }
            }
            Self::Fields(fields) => {
                for (name, value) in fields {
                    value.each_scalar(&format!("{path}.{name}"), each);
                }
            }
        }
    }

    /// Writes the value in as few lines as are good to read, without control characters.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        self.write(&mut lines, 0);
        lines
    }

    fn write(&self, lines: &mut Vec<String>, indent: usize) {
        let short = self.compact();
        let is_flat = matches!(self, Self::Plain(_) | Self::Text(_));
        if is_flat || short.chars().count() + indent <= MAX_WIDTH {
            push(lines, &short);
            return;
        }
        let inner = " ".repeat(indent + 2);
        let (open, close, count) = match self {
            Self::List(list) => ("[", "]", list.len()),
            Self::Fields(fields) => ("{", "}", fields.len()),
            Self::Plain(_) | Self::Text(_) => return,
        };
        push(lines, open);
        for at in 0..count {
            lines.push(inner.clone());
            match self {
                Self::List(list) => list[at].write(lines, indent + 2),
                Self::Fields(fields) => {
                    let (name, value) = &fields[at];
                    push(lines, &format!("{}: ", quoted(name)));
                    value.write(lines, indent + 2);
                }
                Self::Plain(_) | Self::Text(_) => {}
            }
            if at + 1 < count {
                push(lines, ",");
            }
        }
        lines.push(" ".repeat(indent) + close);
    }

    /// Writes the value in one line, without control characters.
    pub(crate) fn compact(&self) -> String {
        match self {
            Self::Plain(text) => printable(text).into_owned(),
            Self::Text(text) => quoted(text),
            Self::List(list) => format!("[{}]", list.iter().map(Self::compact).collect::<Vec<_>>().join(", ")),
            Self::Fields(fields) => {
                let fields: Vec<_> = fields.iter().map(|(k, v)| format!("{}: {}", quoted(k), v.compact())).collect();
                if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
            }
        }
    }
}

fn push(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

fn quoted(text: &str) -> String {
    // Strings are always JSON.
    line(text).unwrap_or_default()
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(text) => {
                let raw: &RawValue = serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
                raw.serialize(serializer)
            }
            Self::Text(text) => text.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
            Self::Fields(fields) => fields_as_map(fields, serializer),
        }
    }
}

/// Writes fields as an object, in their order.
pub(crate) fn fields_as_map<S: Serializer>(fields: &[(String, Json<'_>)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(fields.len()))?;
    for (name, value) in fields {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

/// Writes a value as one line of JSON without any control character.
pub(crate) fn line<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Safe))?;
    // Invariant: serde_json writes UTF-8.
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// Compact, and escapes the control characters that JSON would leave alone.
struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(char::is_control) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut characters = from.chars();
            if let Some(control) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(control))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_raw_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Between values, JSON has no control characters but white space.
        let mut rest = fragment;
        while let Some(at) = rest.find(char::is_control) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut characters = from.chars();
            match characters.next() {
                Some(control) if control.is_ascii_whitespace() => writer.write_all(b" ")?,
                Some(control) => write!(writer, "\\u{:04x}", u32::from(control))?,
                None => {}
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// The fields of an object, in their order.
pub(crate) struct Pairs<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de> de::Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<(String, Json<'_>)> {
        Json::parse_object(text.as_bytes()).unwrap_or_else(|error| unreachable!("{error}"))
    }

    #[test]
    fn order_and_digits_are_kept() {
        let text = r#"{"z":340282366920938463463374607431768211455,"a":[1.50,{"k":null}],"s":"é\n"}"#;
        assert_eq!(line(&Json::Fields(parse(text))).ok().as_deref(), Some(text));
    }

    #[test]
    fn no_control_character_is_left_in_a_line() {
        assert_eq!(line("\u{1b}\u{7f}\u{85}").ok().as_deref(), Some(r#""\u001b\u007f\u0085""#));
        let raw: Box<RawValue> = serde_json::from_str("[1,\n \"\u{85}\"]").unwrap_or_else(|e| unreachable!("{e}"));
        assert_eq!(line(&raw).ok().as_deref(), Some("[1,  \"\\u0085\"]"));
    }

    #[test]
    fn only_what_is_long_takes_several_lines() {
        let fields = parse(
            r#"{"short":[1,2],"long":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",{}]}"#,
        );
        assert_eq!(fields[0].1.lines(), ["[1, 2]"]);
        assert_eq!(fields[1].1.lines().len(), 4);
    }

    #[test]
    fn endless_nesting_stays_text() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parse(&deep).len(), 1);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "{", "{}x", "nul"] {
            assert!(Json::parse_object(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Json::parse_object(b"\xff").is_err());
    }
}
