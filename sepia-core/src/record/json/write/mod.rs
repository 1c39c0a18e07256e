//! The serializer.

mod compound;

use std::ops::Range;

use serde::Serialize;
use serde::ser::{self, Serializer as _};

use super::{JsonError, MAX_DEPTH, Naming, is_plain};
use compound::{List, Map, RAW, Shape, Struct};

type Result<T = (), E = JsonError> = std::result::Result<T, E>;

/// A JSON object under construction: the fields of one file.
#[derive(Debug)]
pub(crate) struct Object {
    json: Writer,
    is_empty: bool,
    /// Where the names stand in the output that others might repeat.
    names: Vec<Range<usize>>,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self::in_buffer(Vec::new())
    }

    /// Begins an object in the memory of a buffer.
    pub(crate) fn in_buffer(mut out: Vec<u8>) -> Self {
        out.clear();
        // The bracket comes with the first field: what is no JSON never has one.
        Self { json: Writer { out, depth: 1 }, is_empty: true, names: Vec::new() }
    }

    /// Appends a field. One that fails leaves nothing behind.
    pub(crate) fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result {
        self.add(name, Naming::Free, value)
    }

    /// The same, where more may be known of the name.
    pub(crate) fn add<T: Serialize + ?Sized>(&mut self, name: &str, naming: Naming, value: &T) -> Result {
        let before = self.key(name, naming)?;
        let written = value.serialize(&mut self.json);
        self.end_field(before, written)
    }

    /// Appends a field whose name no other has, and whose elements have no order of their own: sorted by their JSON.
    pub(crate) fn unordered<T: Serialize>(&mut self, name: &str, elements: impl Iterator<Item = T>) -> Result {
        let before = self.key(name, Naming::Distinct)?;
        let written = sorted(&mut self.json, elements);
        self.end_field(before, written)
    }

    /// Writes a name, and returns where the field begins.
    fn key(&mut self, name: &str, naming: Naming) -> Result<usize> {
        let out = &mut self.json.out;
        let before = out.len();
        // No field is written within another, so this is at one level.
        match self.is_empty {
            true => {
                out.reserve(256);
                out.extend_from_slice(b"{\n  ");
            }
            false => out.extend_from_slice(b",\n  "),
        }
        let start = out.len();
        self.json.string(name);
        if naming == Naming::Free {
            let (known, key) = self.json.out.split_at(start);
            if self.names.iter().any(|range| range.len() == key.len() && known[range.clone()] == *key) {
                self.json.out.truncate(before);
                return Err(JsonError::new("there is a value of this name already"));
            }
            self.names.push(start..self.json.out.len());
        }
        self.json.out.extend_from_slice(b": ");
        Ok(before)
    }

    fn end_field(&mut self, before: usize, written: Result) -> Result {
        match written {
            Ok(()) => self.is_empty = false,
            Err(_) => {
                self.json.out.truncate(before);
                self.json.depth = 1;
                self.names.retain(|name| name.start < before);
            }
        }
        written
    }

    /// Returns the bytes of the file.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.is_empty {
            self.json.out.push(b'{');
        }
        self.json.close(self.is_empty, b'}');
        self.json.out.push(b'\n');
        self.json.out
    }
}

fn sorted<T: Serialize>(json: &mut Writer, elements: impl Iterator<Item = T>) -> Result {
    let start = json.out.len();
    let mut sorted = Vec::new();
    let mut list = json.serialize_seq(None)?;
    for element in elements {
        let before = list.json.out.len();
        ser::SerializeSeq::serialize_element(&mut list, &element)?;
        // Without the comma of all but the first.
        let comma = usize::from(list.json.out[before] == b',');
        sorted.push(list.json.out[before + comma..].to_vec());
    }
    sorted.sort();
    list.json.out.truncate(start + 1);
    list.json.out.extend_from_slice(&sorted.join(&b','));
    ser::SerializeSeq::end(list)
}

#[derive(Debug)]
struct Writer {
    out: Vec<u8>,
    depth: usize,
}

impl Writer {
    fn open(&mut self, bracket: u8) -> Result {
        if self.depth == MAX_DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        self.out.push(bracket);
        Ok(())
    }

    fn close(&mut self, empty: bool, bracket: u8) {
        self.depth -= 1;
        if !empty {
            self.newline();
        }
        self.out.push(bracket);
    }

    /// What stands before an element or key.
    fn separate(&mut self, first: &mut bool) {
        if !std::mem::replace(first, false) {
            self.out.push(b',');
        }
        self.newline();
    }

    fn newline(&mut self) {
        self.out.push(b'\n');
        for _ in 0..self.depth {
            self.out.extend_from_slice(b"  ");
        }
    }

    fn string(&mut self, text: &str) {
        if !is_plain(text) {
            return self.plain(&text);
        }
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
    }

    /// What needs no care of ours is written as serde_json writes it.
    fn plain<T: Serialize>(&mut self, value: &T) {
        // Invariant: strings, finite numbers and bools always serialize, and a Vec always grows.
        let written = serde_json::to_writer(&mut self.out, value);
        debug_assert!(written.is_ok());
    }

    /// A text that is JSON itself.
    fn raw<T: Serialize + ?Sized>(&mut self, text: &T) -> Result {
        let start = self.out.len();
        text.serialize(&mut *self)?;
        let text: String = serde_json::from_slice(&self.out[start..]).map_err(|e| JsonError::new(e.to_string()))?;
        if self.depth + depth(&text) > MAX_DEPTH {
            return Err(too_deep());
        }
        self.out.truncate(start);
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn variant(&mut self, variant: &str) -> Result {
        self.open(b'{')?;
        self.newline();
        self.string(variant);
        self.out.extend_from_slice(b": ");
        Ok(())
    }
}

pub(super) fn too_deep() -> JsonError {
    JsonError::new(format!("values nest deeper than {MAX_DEPTH} levels"))
}

/// How deep the brackets of a JSON text nest.
pub(super) fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

const NOT_FINITE: &str = "JSON has no NaN and no infinities";

macro_rules! plain {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result {
            self.plain(&value);
            Ok(())
        }
    )*};
}

impl<'a> ser::Serializer for &'a mut Writer {
    type Ok = ();
    type Error = JsonError;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Map<'a>;
    type SerializeStruct = Struct<'a>;
    type SerializeStructVariant = Struct<'a>;

    plain! {
        serialize_char: char,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    }

    fn serialize_bool(self, value: bool) -> Result {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result {
        self.string(text);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result {
        if !value.is_finite() {
            return Err(JsonError::new(NOT_FINITE));
        }
        self.plain(&value);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result {
        if !value.is_finite() {
            return Err(JsonError::new(NOT_FINITE));
        }
        self.plain(&value);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result {
        let mut list = self.serialize_seq(Some(bytes.len()))?;
        for byte in bytes {
            ser::SerializeSeq::serialize_element(&mut list, byte)?;
        }
        ser::SerializeSeq::end(list)
    }

    fn serialize_none(self) -> Result {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        let start = self.out.len();
        value.serialize(&mut *self)?;
        if &self.out[start..] == b"null" {
            return Err(JsonError::new("a `Some` that holds nothing is null in JSON, and would come back as `None`"));
        }
        Ok(())
    }

    fn serialize_unit(self) -> Result {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.close(false, b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>> {
        self.open(b'[')?;
        Ok(List { json: self, empty: true, in_variant: false })
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'a>> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'a>> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<List<'a>> {
        self.variant(variant)?;
        self.open(b'[')?;
        Ok(List { json: self, empty: true, in_variant: true })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'a>> {
        self.open(b'{')?;
        let start = self.out.len();
        Ok(Map { json: self, empty: true, start, entries: Vec::new() })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Struct<'a>> {
        if RAW.contains(&name) {
            return Ok(Struct { json: self, empty: true, shape: Shape::Raw });
        }
        self.open(b'{')?;
        Ok(Struct { json: self, empty: true, shape: Shape::Object })
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Struct<'a>> {
        self.variant(variant)?;
        self.open(b'{')?;
        Ok(Struct { json: self, empty: true, shape: Shape::InVariant })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, HashMap};

    fn json<T: Serialize>(value: &T) -> Result<String> {
        let mut object = Object::new();
        object.field("v", value)?;
        let bytes = object.finish();
        Ok(String::from_utf8(bytes).unwrap_or_else(|e| unreachable!("{e}")))
    }

    #[test]
    fn looks_like_serde_json_pretty() {
        let value = BTreeMap::from([
            ("a", serde_json::json!([1, -2.5, "x\n\"", null, true, {}, [], {"k": {"l": [1]}}])),
            ("b", serde_json::json!("é😀\u{7f}")),
        ]);
        let expected = serde_json::to_string_pretty(&BTreeMap::from([("v", &value)]));
        assert_eq!(json(&value).ok(), expected.ok().map(|text| text + "\n"));
    }

    #[test]
    fn maps_are_sorted_by_the_text_of_their_keys() {
        let map: HashMap<i32, &str> = [(10, "x"), (9, "y"), (-1, "z")].into();
        let text = json(&map).unwrap_or_default();
        assert_eq!(text, "{\n  \"v\": {\n    \"-1\": \"z\",\n    \"10\": \"x\",\n    \"9\": \"y\"\n  }\n}\n");
    }

    #[test]
    fn what_would_not_come_back_is_refused() {
        assert!(json(&f64::NAN).is_err() && json(&f32::INFINITY).is_err() && json(&vec![f64::NEG_INFINITY]).is_err());
        assert!(json(&Some(None::<i32>)).is_err() && json(&Some(())).is_err());
        assert!(json(&Some("null")).is_ok() && json(&None::<i32>).is_ok());
        assert!(json(&BTreeMap::from([(vec![1], 1)])).is_err());
    }

    #[test]
    fn the_deepest_value_that_is_written_is_read() {
        let nested = |levels: usize| {
            let text = "[".repeat(levels) + &"]".repeat(levels);
            let mut value = serde_json::Value::Array(Vec::new());
            for _ in 1..levels {
                value = serde_json::Value::Array(vec![value]);
            }
            (text, value)
        };
        let (_, deepest) = nested(MAX_DEPTH - 1);
        let text = json(&deepest).unwrap_or_default();
        let back: Result<serde_json::Value, _> = serde_json::from_str(&text);
        assert_eq!(back.ok().and_then(|mut v| v.get_mut("v").map(serde_json::Value::take)), Some(deepest));
        assert!(json(&nested(MAX_DEPTH).1).is_err());
    }

    #[test]
    fn finished_json_is_taken_as_it_is() {
        let raw = serde_json::value::RawValue::from_string("[1,  2]".to_owned());
        assert_eq!(raw.ok().and_then(|raw| json(&raw).ok()).as_deref(), Some("{\n  \"v\": [1,  2]\n}\n"));
    }

    #[test]
    fn finished_json_is_no_deeper_than_any_other() {
        let raw = |levels: usize| {
            let text = format!("{}\"]\\\"[\"{}", "[".repeat(levels), "]".repeat(levels));
            serde_json::value::RawValue::from_string(text).unwrap()
        };
        assert!(json(&raw(MAX_DEPTH - 1)).is_ok() && json(&raw(MAX_DEPTH)).is_err());
    }

    #[test]
    fn a_field_that_fails_leaves_nothing_behind() {
        let mut object = Object::new();
        assert!(object.field("a", &vec![vec![f64::NAN]]).is_err());
        assert!(object.field("a", &1).is_ok() && object.field("a", &2).is_err() && object.field("b", &3).is_ok());
        assert_eq!(object.finish(), b"{\n  \"a\": 1,\n  \"b\": 3\n}\n");
    }

    #[test]
    fn sets_are_sorted() {
        let mut object = Object::new();
        let written = object.unordered("s", ["b", "a", "c"].iter());
        let empty = object.unordered("t", std::iter::empty::<i32>());
        assert!(written.is_ok() && empty.is_ok());
        let text = String::from_utf8(object.finish()).unwrap_or_default();
        assert_eq!(text, "{\n  \"s\": [\n    \"a\",\n    \"b\",\n    \"c\"\n  ],\n  \"t\": []\n}\n");
    }
}
