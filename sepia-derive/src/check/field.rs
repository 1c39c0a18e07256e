//! Rules about one field.

use syn::Type;

use super::LONGEST_NAME;
use crate::errors::Errors;
use crate::model::Field;

/// The id is written as the object's own name, in one way only. That serde leaves it out of the file is what happens.
pub(super) fn id_stands_alone(id: &Field<'_>, errors: &mut Errors) {
    for (key, span) in id.keys.written() {
        if key != "id" && !(key == "skip" && id.keys.skipped_by_serde) {
            errors.at(span, format!("the id is the object's own name on disk: drop `{key}`"));
        }
    }
}

/// Of two keys that answer the same question differently, one would have no effect.
pub(super) fn keys_agree(field: &Field<'_>, errors: &mut Errors) {
    let keys = &field.keys;
    if keys.skip.is_some() {
        for (key, span) in keys.written() {
            if !matches!(key, "id" | "skip" | "default") {
                errors.at(span, format!("a skipped field is not stored: drop `{key}`, or drop `skip`"));
            }
        }
        return;
    }
    let Some(reference) = &keys.reference else { return };
    if keys.value.is_some() {
        errors.at(reference.span, "a field is a value or a reference: keep one of the two");
    }
    if keys.with.is_some() {
        errors.at(reference.span, "`with` writes a value: drop `reference`, or drop `with`");
    }
}

/// Some names on disk are sepia's own, some are none.
pub(super) fn name_is_free(field: &Field<'_>, errors: &mut Errors) {
    let (name, span) = field.name();
    if name.is_empty() {
        errors.at(span, "a field needs a name on disk: write `rename = \"name\"`");
    } else if name.len() > LONGEST_NAME {
        errors
            .at(span, format!("a name on disk has at most {LONGEST_NAME} bytes: write a shorter `rename = \"name\"`"));
    } else if name.starts_with("sepia_") {
        errors.at(
            span,
            "names that start with `sepia_` are sepia's own: add `#[sepia(rename = \"name\")]` with another name",
        );
    } else if name.eq_ignore_ascii_case("data.json") {
        errors
            .at(span, "`data.json` is the file that makes a directory a container: write another `rename = \"name\"`");
    }
}

/// What is loaded has nothing to borrow from. A lifetime of the type's own has been reported there.
pub(super) fn owns_its_data(field: &Field<'_>, errors: &mut Errors) {
    if let (Type::Reference(borrowed), None) = (field.ty, &field.keys.with)
        && borrowed.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident == "static")
    {
        errors
            .on(borrowed, "what is loaded owns its data: write `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`");
    }
}

/// A serializable is one file, and links need a directory.
pub(super) fn serializable_holds_no_reference(field: &Field<'_>, errors: &mut Errors) {
    if let Some(reference) = &field.keys.reference {
        errors.at(reference.span, "a serializable is one file and holds no references: derive `Container` instead");
    }
}

/// Custom code decides what is stored, so the keys would have no effect.
pub(super) fn custom_takes_no_keys(field: &Field<'_>, errors: &mut Errors) {
    for (key, span) in field.keys.written() {
        if key != "id" {
            errors.at(span, format!("with `content = \"custom\"` your own code stores the fields: drop `{key}`"));
        }
    }
}

/// The field's text or bytes are the file, under the object's own name.
pub(super) fn whole_takes_no_keys(field: &Field<'_>, errors: &mut Errors) {
    for (key, span) in field.keys.written() {
        if key != "id" {
            errors.at(span, format!("the file is this field as it stands: drop `{key}`"));
        }
    }
}
