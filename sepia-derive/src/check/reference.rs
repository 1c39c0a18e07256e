//! Rules about an enum of references.

use syn::Fields;

use super::{Choice, lifetimes};
use crate::errors::Errors;
use crate::model::Reference;

/// Checks an enum against every rule. Returns `None` if there is nothing to generate code from.
pub(crate) fn reference<'a>(reference: &'a Reference<'a>, errors: &mut Errors) -> Option<Vec<Choice<'a>>> {
    lifetimes(reference.generics, errors);
    let ident = reference.ident;
    let Some(variants) = &reference.variants else {
        let message = format!(
            "`Reference` is for enums whose variants hold one object each: derive `Serializable` or `Container` for `{ident}`"
        );
        errors.on(ident, message);
        return None;
    };
    has_variants(reference, variants, errors);
    Some(variants.iter().filter_map(|variant| holds_one_object(variant, errors)).collect())
}

/// An enum without variants has no value that could be loaded.
fn has_variants(reference: &Reference<'_>, variants: &[&syn::Variant], errors: &mut Errors) {
    if variants.is_empty() {
        let message =
            "an enum of references needs variants: add one such as `Note(Note)` for each class that it can hold";
        errors.on(reference.ident, message);
    }
}

/// The class of the object tells which variant to load, so there has to be exactly one object.
fn holds_one_object<'a>(variant: &'a syn::Variant, errors: &mut Errors) -> Option<Choice<'a>> {
    if let Fields::Unnamed(fields) = &variant.fields
        && fields.unnamed.len() == 1
        && let Some(field) = fields.unnamed.first()
    {
        return Some(Choice { ident: &variant.ident, ty: &field.ty });
    }
    let ident = &variant.ident;
    errors.on(ident, format!("a variant of an enum of references holds one object: write `{ident}(SomeObject)`"));
    None
}
