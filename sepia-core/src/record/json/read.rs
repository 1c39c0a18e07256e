//! Reading the fields of one file, each by itself.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use serde::de::{self, DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::split::split;
use super::{JsonError, without_mark};

/// The fields of one file, in its order: each name, and the JSON under it.
pub(crate) struct Fields<'a> {
    file: &'a [u8],
    fields: Vec<Field<'a>>,
    next: usize,
    /// What is wrong with the file as a whole, if anything, since that was looked at.
    whole: OnceCell<Option<JsonError>>,
}

/// The name of a field and its JSON, until that is taken.
pub(super) type Field<'a> = (Cow<'a, str>, Option<&'a str>);

/// Cuts a JSON object without a byte order mark into its fields, of which each is parsed when it is read: those that never are must be
/// [checked](Fields::check_rest).
pub(crate) fn cut_fields(file: &[u8]) -> Result<Fields<'_>, JsonError> {
    match std::str::from_utf8(file).ok().and_then(split) {
        Some(fields) if twice(&fields).is_none() => Ok(Fields { file, fields, next: 0, whole: OnceCell::new() }),
        // What is wrong, or just unusual, is looked at closely.
        _ => parse_unmarked(file),
    }
}

/// Parses a JSON object of fields.
pub(crate) fn parse_fields(file: &[u8]) -> Result<Fields<'_>, JsonError> {
    parse_unmarked(without_mark(file))
}

/// Parses what has no byte order mark, or no more.
pub(super) fn parse_unmarked(file: &[u8]) -> Result<Fields<'_>, JsonError> {
    // Checked at once, rather than text by text.
    let text = std::str::from_utf8(file).map_err(|error| JsonError::new(format!("this is not UTF-8: {error}")))?;
    let mut parser = serde_json::Deserializer::from_str(text);
    let fields = de::Deserializer::deserialize_map(&mut parser, Top)
        .and_then(|fields| parser.end().map(|()| fields))
        .map_err(|error| JsonError::new(format!("this is not a JSON object of fields: {error}")))?;
    Ok(Fields { file, fields, next: 0, whole: OnceCell::from(None) })
}

impl<'a> Fields<'a> {
    /// Takes the JSON of a field. Fields mostly come in the order in which they are asked for.
    pub(crate) fn take(&mut self, name: &str) -> Option<&'a str> {
        let count = self.fields.len();
        for step in 0..count {
            let at = (self.next + step) % count;
            if self.fields[at].0 == name {
                self.next = at + 1;
                return self.fields[at].1.take();
            }
        }
        None
    }

    /// The same fields, of which so many have been taken already.
    pub(super) fn without_first(mut self, count: usize) -> Self {
        self.fields.iter_mut().take(count).for_each(|(_, json)| *json = None);
        self.next = count;
        self
    }

    /// Returns the names of the fields that have not been taken.
    pub(crate) fn rest(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|(_, json)| json.is_some()).map(|(name, _)| &**name)
    }

    /// Makes sure that what has not been taken is JSON.
    pub(crate) fn check_rest(&self) -> Result<(), JsonError> {
        let mut rest = self.fields.iter().filter_map(|(_, json)| *json);
        rest.try_for_each(|json| self.read::<IgnoredAny>(json).map(|_| ()))
    }

    /// Makes sure that what could not be read was JSON at least. Who reads a field may do without it; but a file that is
    /// no JSON is no object.
    pub(crate) fn check_taken(&self) -> Result<(), JsonError> {
        self.whole.get().and_then(Option::as_ref).map_or(Ok(()), |wrong| Err(wrong.clone()))
    }

    /// Reads the value of a field.
    pub(crate) fn read<T: DeserializeOwned>(&self, text: &'a str) -> Result<T, JsonError> {
        parse(text, Extent::All).map(|(value, _)| value).map_err(|error| self.explain(text, &error))
    }

    /// Says why the JSON of a field cannot be read, and where in the file.
    fn explain(&self, text: &str, error: &serde_json::Error) -> JsonError {
        // A field that was cut out of what is no JSON may end anywhere.
        if let Some(wrong) = self.whole.get_or_init(|| parse_unmarked(self.file).err()) {
            return wrong.clone();
        }
        // The parser counts from the start of the field; people count from the start of the file.
        let start = (text.as_ptr() as usize).saturating_sub(self.file.as_ptr() as usize);
        let before = self.file.get(..start).unwrap_or_default();
        let lines = before.iter().filter(|&&byte| byte == b'\n').count();
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count();
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message);
        let (line, column) = match error.line() {
            // Some errors are found before the first character is taken.
            0 | 1 => (lines + 1, column + error.column().max(1)),
            line => (lines + line, error.column()),
        };
        JsonError::new(format!("{message} at line {line} column {column}"))
    }
}

/// How much of a text a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    All,
    /// What it begins with.
    First,
}

/// Parses a value, and returns what stands behind it.
pub(super) fn parse<T: DeserializeOwned>(text: &str, extent: Extent) -> serde_json::Result<(T, &str)> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(&mut parser)?;
    if extent == Extent::All {
        parser.end()?;
    }
    let length = parser.into_iter::<IgnoredAny>().byte_offset();
    Ok((value, text.get(length..).unwrap_or_default()))
}

struct Top;

impl<'de> Visitor<'de> for Top {
    type Value = Vec<Field<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: Self::Value = Vec::with_capacity(8);
        while let Some(BorrowedKey(name)) = map.next_key()? {
            fields.push((name, Some(map.next_value::<&RawValue>()?.get())));
        }
        match twice(&fields) {
            Some(name) => Err(de::Error::custom(format_args!("the field {name:?} stands there twice"))),
            None => Ok(fields),
        }
    }
}

/// Returns a name that stands twice. Few names are compared faster than they are sorted.
fn twice<'f, T>(fields: &'f [(Cow<'_, str>, T)]) -> Option<&'f str> {
    if fields.len() <= 16 {
        let is_twice =
            |(at, (name, _)): &(usize, &(Cow<'_, str>, T))| fields[..*at].iter().any(|(other, _)| other == name);
        return fields.iter().enumerate().find(is_twice).map(|(_, (name, _))| &**name);
    }
    let mut names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// A key, borrowed from the file unless it holds escapes.
struct BorrowedKey<'a>(Cow<'a, str>);

impl<'de> de::Deserialize<'de> for BorrowedKey<'de> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl<'de> Visitor<'de> for Key {
            type Value = BorrowedKey<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(BorrowedKey(Cow::Borrowed(name)))
            }
            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(BorrowedKey(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Key)
    }
}

/// What a field is that the file does not have: `None` for an `Option`, empty for a collection, and
/// missing for anything else.
pub(crate) fn missing<T: DeserializeOwned>() -> Option<T> {
    T::deserialize(Missing).ok()
}

struct Missing;

impl<'de> de::Deserializer<'de> for Missing {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, JsonError> {
        Err(JsonError::new("missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_none()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_seq(Nothing)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_map(Nothing)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct struct enum identifier ignored_any
    }
}

struct Nothing;

impl<'de> SeqAccess<'de> for Nothing {
    type Error = JsonError;
    fn next_element_seed<T: de::DeserializeSeed<'de>>(&mut self, _: T) -> Result<Option<T::Value>, JsonError> {
        Ok(None)
    }
}

impl<'de> MapAccess<'de> for Nothing {
    type Error = JsonError;
    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, JsonError> {
        Ok(None)
    }
    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, _: V) -> Result<V::Value, JsonError> {
        Err(JsonError::new("missing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::collections::{BTreeMap, HashSet};

    #[test]
    fn fields_are_taken_in_any_order_and_the_rest_is_known() {
        for cut in [parse_fields, cut_fields] {
            for b in ["bb", "b\\u0062"] {
                let file = format!(r#" {{"a": 1, "{b}": [2, {{"c": "}}\"]"}}], "z": null}} "#);
                let Ok(mut fields) = cut(file.as_bytes()) else { unreachable!("it is an object") };
                assert_eq!(fields.take("bb"), Some(r#"[2, {"c": "}\"]"}]"#));
                assert_eq!(fields.take("a"), Some("1"));
                assert!(fields.take("a").is_none() && fields.take("q").is_none());
                assert_eq!(fields.rest().collect::<Vec<_>>(), ["z"]);
                assert!(fields.check_rest().is_ok());
            }
        }
    }

    /// Reads every field as any JSON, by either way.
    fn read_all(file: &[u8], cut: fn(&[u8]) -> Result<Fields<'_>, JsonError>) -> Option<Vec<(String, Value)>> {
        let mut fields = cut(file).ok()?;
        fields.check_rest().ok()?;
        let names: Vec<String> = fields.rest().map(str::to_owned).collect();
        let read = names.into_iter().map(|name| {
            let json = fields.take(&name)?;
            Some((name, fields.read(json).ok()?))
        });
        read.collect()
    }

    #[test]
    fn what_is_cut_and_read_is_what_is_parsed() {
        for file in [
            "{}",
            " { } ",
            "{\"a\":1}",
            "{\"a\": \"\\\"}\", \"b\": [[], {}]}",
            "{\"a\": 01}",
            "{\"a\": [1 2]}",
            "{\"a\": [}]}",
            "{\"a\": tru}",
            "{\"a\": }",
            "{\"a\" 1}",
            "{\"a\": 1,}",
            "{\"a\": 1 \"b\": 2}",
            "{\"a\": 1}}",
            "{\"a\": \"x}",
            "{,}",
            "{\"a\": {\"b\": 1}]}",
            "{\"a\": [1}, \"b\": 2]}",
            "{\"a\u{1}\": 1}",
            "{\"a\": \"\u{1}\"}",
            "{\"é\": \"ö\\u00e9\"}",
        ] {
            assert_eq!(read_all(file.as_bytes(), cut_fields), read_all(file.as_bytes(), parse_fields), "{file}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_no_json_is_read_by_being_cut(file in r#"\{("[a-c\\]"(: ?|)([0-9]|[\[{}\],"\\ a:]|true|"x"){0,6}[,}]?){0,3}\}?"#) {
            prop_assert_eq!(read_all(file.as_bytes(), cut_fields), read_all(file.as_bytes(), parse_fields));
        }
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for file in ["", "[]", "{", "{\"a\": 1", "{} x", "{\"a\": 1, \"a\": 2}", "null", "{\"a\": \u{1}}"] {
            assert!(parse_fields(file.as_bytes()).is_err(), "{file}");
        }
        assert!(parse_fields(b"{\"a\": \"\xff\"}").is_err());
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        if let Ok(mut fields) = parse_fields(deep.as_bytes()) {
            let read = fields.take("a").map(|json| fields.read::<serde_json::Value>(json).is_err());
            assert_eq!(read, Some(true));
        }
    }

    #[test]
    fn positions_are_those_of_the_file() {
        let file = b"{\n  \"a\": 1,\n  \"b\": [true,\n    7]\n}";
        let message = |name: &str| {
            let mut fields = parse_fields(file).ok()?;
            let json = fields.take(name)?;
            fields.read::<Vec<bool>>(json).err().map(|error| error.to_string())
        };
        assert!(message("a").is_some_and(|m| m.ends_with("at line 2 column 8")), "{:?}", message("a"));
        assert!(message("b").is_some_and(|m| m.ends_with("at line 4 column 5")), "{:?}", message("b"));
    }

    /// What was cut out ended where the file did not, and whoever did without it got an object of what is no JSON.
    #[test]
    fn what_is_wrong_with_a_file_is_said_of_all_of_it() {
        for file in
            ["{\"a\": [}, \"b\": 2}", "{\"a\": , \"b\": 2}", "{\"a\": \"\\x\", \"b\": 2}", "{\"b\": 2, \"a\": 2e}"]
        {
            let whole = parse_fields(file.as_bytes()).err().map(|error| error.to_string());
            let Ok(mut fields) = cut_fields(file.as_bytes()) else { unreachable!("it can be cut") };
            assert!(fields.check_taken().is_ok());
            let read = fields.take("a").map(|json| fields.read::<u8>(json));
            assert_eq!(read.and_then(Result::err).map(|error| error.to_string()), whole, "{file}");
            let read = fields.take("b").map(|json| fields.read::<u8>(json).is_ok());
            assert_eq!(read, Some(true), "{file}");
            assert_eq!(fields.check_taken().err().map(|error| error.to_string()), whole, "{file}");
        }
    }

    #[test]
    fn options_and_collections_may_be_missing() {
        assert_eq!(missing::<Option<u8>>(), Some(None));
        assert_eq!(missing::<Vec<u8>>(), Some(vec![]));
        assert_eq!(missing::<HashSet<u8>>(), Some(HashSet::new()));
        assert_eq!(missing::<BTreeMap<String, u8>>(), Some(BTreeMap::new()));
        assert_eq!(missing::<u8>(), None);
        assert_eq!(missing::<String>(), None);
        assert_eq!(missing::<(u8, u8)>(), None);
    }
}
