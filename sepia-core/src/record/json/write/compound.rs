//! Arrays, objects and maps, as serde hands them over piece by piece.

use std::ops::Range;

use serde::Serialize;
use serde::ser;

use super::super::key::to_key_text;
use super::{JsonError, Result, Writer};

/// An array.
pub(super) struct List<'a> {
    pub(super) json: &'a mut Writer,
    pub(super) empty: bool,
    pub(super) in_variant: bool,
}

impl List<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.json.separate(&mut self.empty);
        value.serialize(&mut *self.json)
    }

    fn finish(self) {
        self.json.close(self.empty, b']');
        if self.in_variant {
            self.json.close(false, b'}');
        }
    }
}

macro_rules! list {
    ($($compound:ident::$method:ident),*) => {$(
        impl ser::$compound for List<'_> {
            type Ok = ();
            type Error = JsonError;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
                self.element(value)
            }
            fn end(self) -> Result {
                self.finish();
                Ok(())
            }
        }
    )*};
}
list!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// An object whose keys the program names: in the order of their declaration.
pub(super) struct Struct<'a> {
    pub(super) json: &'a mut Writer,
    pub(super) empty: bool,
    pub(super) shape: Shape,
}

pub(super) enum Shape {
    Object,
    InVariant,
    Raw,
}

/// How serde_json's own types hand over JSON that is finished already, as a struct with one text.
pub(super) const RAW: [&str; 2] = ["$serde_json::private::RawValue", "$serde_json::private::Number"];

macro_rules! structure {
    ($($compound:ident),*) => {$(
        impl ser::$compound for Struct<'_> {
            type Ok = ();
            type Error = JsonError;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result {
                if let Shape::Raw = self.shape {
                    return self.json.raw(value);
                }
                self.json.separate(&mut self.empty);
                self.json.string(name);
                self.json.out.extend_from_slice(b": ");
                value.serialize(&mut *self.json)
            }
            fn end(self) -> Result {
                match self.shape {
                    Shape::Raw => {}
                    Shape::Object => self.json.close(self.empty, b'}'),
                    Shape::InVariant => {
                        self.json.close(self.empty, b'}');
                        self.json.close(false, b'}');
                    }
                }
                Ok(())
            }
        }
    )*};
}
structure!(SerializeStruct, SerializeStructVariant);

/// An object whose keys are data: sorted.
pub(super) struct Map<'a> {
    pub(super) json: &'a mut Writer,
    pub(super) empty: bool,
    pub(super) start: usize,
    /// Each key, and where its line `"key": value` stands in the output.
    pub(super) entries: Vec<(String, Range<usize>)>,
}

impl ser::SerializeMap for Map<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        let key = to_key_text(key)?;
        self.json.separate(&mut self.empty);
        let start = self.json.out.len();
        self.json.string(&key);
        self.json.out.extend_from_slice(b": ");
        self.entries.push((key, start..start));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        value.serialize(&mut *self.json)?;
        match self.entries.last_mut() {
            Some((_, line)) => line.end = self.json.out.len(),
            None => return Err(JsonError::new("a map's value came before its key")),
        }
        Ok(())
    }

    fn end(mut self) -> Result {
        if !self.entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            self.entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            if let Some(twice) = self.entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(JsonError::new(format!("two keys of a map are both written as {:?}", twice[0].0)));
            }
            let lines = self.json.out.split_off(self.start);
            let mut first = true;
            for (_, line) in &self.entries {
                self.json.separate(&mut first);
                self.json.out.extend_from_slice(&lines[line.start - self.start..line.end - self.start]);
            }
        }
        self.json.close(self.empty, b'}');
        Ok(())
    }
}
