//! The rules. One function per rule: each reports what breaks it, at its own place, and says what to write instead.

mod field;
mod object;
mod reference;

pub(crate) use object::object;
pub(crate) use reference::reference;

use syn::{GenericParam, Generics, Type};

use crate::errors::Errors;
use crate::model::Field;

/// The longest name on disk, in bytes.
const LONGEST_NAME: usize = 200;

/// What an object stores, once every rule holds.
pub(crate) enum Content<'a> {
    /// Fields in `data.json`, or in the JSON file that the object is.
    Fields(Vec<&'a Field<'a>>),
    Text(&'a Field<'a>),
    Bytes(&'a Field<'a>),
    Custom,
}

/// An object that follows every rule.
pub(crate) struct Checked<'a> {
    pub(crate) id: &'a Field<'a>,
    pub(crate) content: Content<'a>,
}

/// A variant that holds one object.
pub(crate) struct Choice<'a> {
    pub(crate) ident: &'a syn::Ident,
    pub(crate) ty: &'a Type,
}

/// What is loaded is owned by nobody else, so it cannot borrow.
fn lifetimes(generics: &Generics, errors: &mut Errors) {
    for param in &generics.params {
        if let GenericParam::Lifetime(param) = param {
            let message = "what is loaded owns its data and cannot borrow: use an owned type such as `String`, and drop the lifetime";
            errors.on(&param.lifetime, message);
        }
    }
}
