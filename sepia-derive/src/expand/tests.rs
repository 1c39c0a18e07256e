//! What the macros emit, as code that a person can read. `UPDATE_SNAPSHOTS=1 cargo test -p sepia-derive` writes the
//! files anew; read the difference before keeping it.

#![allow(clippy::panic)]

use std::path::Path;

use proc_macro2::TokenStream;
use syn::{DeriveInput, parse_quote};

use super::{object, reference};
use crate::model::Kind;

#[test]
fn container() {
    let input: DeriveInput = parse_quote! {
        #[sepia(generations, ignore_unknown)]
        struct Board {
            id: Id<Board>,
            name: String,
            #[sepia(rename = "notes", default = none)]
            pairs: Vec<(u8, Note)>,
            #[sepia(value)]
            copied: Note,
            #[sepia(reference)]
            linked: Note,
            #[sepia(skip)]
            cache: Cache,
        }
    };
    same("container", &object(Kind::Container, &input));
}

#[test]
fn serde_attributes() {
    let input: DeriveInput = parse_quote! {
        #[serde(rename_all = "camelCase", default)]
        struct Settings {
            id: Id<Settings>,
            dark_theme: bool,
            #[serde(rename = "zoom", default)]
            size: u8,
            #[sepia(with = hex)]
            colour_code: u32,
            #[serde(skip)]
            cache: Cache,
        }
    };
    same("serde_attributes", &object(Kind::Serializable, &input));
}

#[test]
fn text() {
    let input: DeriveInput = parse_quote! {
        #[sepia(content = "text", crate = library::sepia)]
        struct Postit {
            #[sepia(id)]
            key: Id<Postit>,
            text: String,
        }
    };
    same("text", &object(Kind::Serializable, &input));
}

#[test]
fn generic() {
    let input: DeriveInput = parse_quote! {
        #[sepia(class = "Point")]
        struct Point<T: Number = u8, const N: usize = 2>
        where
            T::Unit: Clone,
        {
            id: Id<Self>,
            #[sepia(with = hex, default)]
            axes: [T; N],
        }
    };
    same("generic", &object(Kind::Serializable, &input));
}

#[test]
fn of_several_classes() {
    let input: DeriveInput = parse_quote! {
        enum Shape {
            Circle(Circle),
            Square(Box<Square>),
        }
    };
    same("reference", &reference(&input));
}

/// On a mistake, every trait is still implemented, and the only errors are the reported ones.
#[test]
fn mistakes() {
    let input: DeriveInput = parse_quote! {
        #[sepia(generations)]
        struct Board<'a> {
            name: &'a str,
        }
    };
    same("mistakes", &object(Kind::Container, &input));
}

fn same(name: &str, code: &TokenStream) {
    let file = syn::parse2(code.clone()).unwrap_or_else(|error| panic!("{name}: {error}: {code}"));
    let code = prettyplease::unparse(&file);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/expand/snapshots").join(name).with_extension("rs");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &code).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(code == expected, "{name} is not what {} says:\n{code}", path.display());
}
