//! Keys of maps, as text: strings, integers, chars, bools, finite floats and unit variants.

use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::ser::{self, Impossible, Serialize};

use super::JsonError;

type Result<T, E = JsonError> = std::result::Result<T, E>;

/// Returns the text of a map's key.
pub(crate) fn to_key_text<T: Serialize + ?Sized>(key: &T) -> Result<String> {
    key.serialize(ToText)
}

/// Makes a map's key from its text.
pub(crate) fn from_key_text<T: DeserializeOwned>(text: &str) -> Result<T> {
    T::deserialize(FromText(text))
}

struct ToText;

fn refused<T>(what: &str) -> Result<T> {
    Err(JsonError::new(format!("{what} cannot be a key: keys are text, integers, chars, bools or unit variants")))
}

macro_rules! by_display {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<String> {
            Ok(value.to_string())
        }
    )*};
}

impl ser::Serializer for ToText {
    type Ok = String;
    type Error = JsonError;
    type SerializeSeq = Impossible<String, JsonError>;
    type SerializeTuple = Impossible<String, JsonError>;
    type SerializeTupleStruct = Impossible<String, JsonError>;
    type SerializeTupleVariant = Impossible<String, JsonError>;
    type SerializeMap = Impossible<String, JsonError>;
    type SerializeStruct = Impossible<String, JsonError>;
    type SerializeStructVariant = Impossible<String, JsonError>;

    by_display! {
        serialize_bool: bool, serialize_char: char, serialize_str: &str,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    }

    fn serialize_f32(self, value: f32) -> Result<String> {
        if value.is_finite() { Ok(value.to_string()) } else { refused("a float that is not finite") }
    }

    fn serialize_f64(self, value: f64) -> Result<String> {
        if value.is_finite() { Ok(value.to_string()) } else { refused("a float that is not finite") }
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<String> {
        refused("a byte string")
    }

    fn serialize_none(self) -> Result<String> {
        refused("an `Option`")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<String> {
        refused("an `Option`")
    }

    fn serialize_unit(self) -> Result<String> {
        refused("`()`")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<String> {
        refused(name)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<String> {
        Ok(variant.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<String> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String> {
        refused(name)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        refused("a sequence")
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
        refused("a tuple")
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeTupleStruct> {
        refused(name)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        refused(name)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        refused("a map")
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeStruct> {
        refused(name)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant> {
        refused(name)
    }
}

struct FromText<'a>(&'a str);

macro_rules! by_parse {
    ($($method:ident $visit:ident: $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.0.parse::<$type>() {
                // Another spelling of the same key would collide with it.
                Ok(value) if value.to_string() == self.0 => visitor.$visit(value),
                _ => Err(JsonError::new(format!("{:?} is not the key of a map of {}", self.0, stringify!($type)))),
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for FromText<'_> {
    type Error = JsonError;

    by_parse! {
        deserialize_bool visit_bool: bool,
        deserialize_i8 visit_i8: i8, deserialize_i16 visit_i16: i16, deserialize_i32 visit_i32: i32,
        deserialize_i64 visit_i64: i64, deserialize_i128 visit_i128: i128,
        deserialize_u8 visit_u8: u8, deserialize_u16 visit_u16: u16, deserialize_u32 visit_u32: u32,
        deserialize_u64 visit_u64: u64, deserialize_u128 visit_u128: u128,
        deserialize_f32 visit_f32: f32, deserialize_f64 visit_f64: f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        IntoDeserializer::<JsonError>::into_deserializer(self.0).deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;

    fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(key: T, text: &str) {
        assert_eq!(to_key_text(&key).ok().as_deref(), Some(text));
        assert_eq!(from_key_text::<T>(text).ok(), Some(key));
    }

    #[test]
    fn keys_come_back() {
        comes_back(String::new(), "");
        comes_back("a/b".to_owned(), "a/b");
        comes_back(i8::MIN, "-128");
        comes_back(u128::MAX, "340282366920938463463374607431768211455");
        comes_back(true, "true");
        comes_back('😀', "😀");
        comes_back(std::net::Ipv4Addr::LOCALHOST, "127.0.0.1");
        comes_back(1e300_f64, &1e300_f64.to_string());
    }

    #[test]
    fn what_is_not_text_like_is_refused() {
        assert!(to_key_text(&Some(1)).is_err() && to_key_text(&()).is_err() && to_key_text(&(1, 2)).is_err());
        assert!(to_key_text(&f64::NAN).is_err() && to_key_text(&[1, 2]).is_err());
    }

    #[test]
    fn another_spelling_is_no_key() {
        assert!(from_key_text::<u8>("007").is_err() && from_key_text::<i32>("+7").is_err());
        assert!(from_key_text::<u8>("256").is_err() && from_key_text::<bool>("yes").is_err());
    }
}
