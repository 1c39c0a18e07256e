//! Generated code names everything by its full path.
#![no_implicit_prelude]
#![allow(dead_code, non_camel_case_types)]

#[derive(::sepia::Serializable)]
#[sepia(content = "text")]
struct Text {
    id: ::sepia::Id<Text>,
    text: ::std::string::String,
}

#[derive(::sepia::Serializable)]
#[sepia(content = "bytes", generations)]
struct Bytes {
    id: ::sepia::Id<Bytes>,
    bytes: ::std::vec::Vec<u8>,
    #[sepia(skip)]
    cache: u8,
}

#[derive(::sepia::Serializable)]
#[sepia(ignore_unknown)]
struct Json {
    id: ::sepia::Id<Json>,
    size: ::core::option::Option<u8>,
    #[sepia(default)]
    set: ::std::collections::HashSet<u8>,
}

#[derive(::sepia::Reference)]
enum Either {
    Text(Text),
    Json(::std::boxed::Box<Json>),
}

#[derive(::sepia::Container)]
struct All {
    id: ::sepia::Id<All>,
    pair: (u8, (u8, u8)),
    either: ::std::vec::Vec<Either>,
    #[sepia(value)]
    forced: u8,
    #[sepia(reference, default)]
    references: ::core::option::Option<Text>,
    #[sepia(with = module)]
    with: u8,
}

mod module {
    pub fn serialize<S: ::serde::Serializer>(value: &u8, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
        serializer.serialize_u8(*value)
    }
    pub fn deserialize<'de, D: ::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<u8, D::Error> {
        ::serde::Deserialize::deserialize(deserializer)
    }
}

// Names that the prelude and the language have.
struct Option;
struct Vec;
struct Result;
struct Ok;
struct Some;
struct None;
struct str;
struct bool;

pub(super) fn main() {}
