//! Rules about a struct as a whole.

use std::collections::HashMap;

use proc_macro2::Span;
use syn::GenericParam;

use super::{Checked, Content, LONGEST_NAME, field, lifetimes};
use crate::errors::Errors;
use crate::model::{Field, Kind, Object};

/// What `content` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Text,
    Bytes,
    Custom,
}

/// Checks an object against every rule. Returns `None` if one of them left nothing to generate code from.
pub(crate) fn object<'a>(object: &'a Object<'a>, errors: &mut Errors) -> Option<Checked<'a>> {
    lifetimes(object.generics, errors);
    generic_names_its_class(object, errors);
    class_is_a_name(object, errors);
    let form = form(object, errors);
    if let Some(form) = form {
        ignore_unknown_needs_names(object, form, errors);
        serde_names_need_names(object, form, errors);
    }
    let fields = named_fields(object, errors)?;
    let id = id(object, fields, errors);
    if let Some(id) = id {
        field::id_stands_alone(id, errors);
    }
    // Where no id is certain, the fields that could be it are not judged as others.
    let others = || {
        fields.iter().filter(|field| match id {
            Some(id) => !std::ptr::eq(*field, id),
            None => !field.is_called_id(),
        })
    };
    for field in others() {
        field::keys_agree(field, errors);
    }
    let stored: Vec<&Field<'_>> = others().filter(|field| field.keys.skip.is_none()).collect();
    let content = match form? {
        Form::Json => {
            for field in &stored {
                field::name_is_free(field, errors);
                field::owns_its_data(field, errors);
                if object.kind == Kind::Serializable {
                    field::serializable_holds_no_reference(field, errors);
                }
            }
            names_differ(&stored, errors);
            Content::Fields(stored)
        }
        Form::Custom => {
            others().for_each(|field| field::custom_takes_no_keys(field, errors));
            Content::Custom
        }
        form @ (Form::Text | Form::Bytes) => {
            stored.iter().for_each(|field| field::whole_takes_no_keys(field, errors));
            let field = the_only_field(object, &stored, errors)?;
            if form == Form::Text { Content::Text(field) } else { Content::Bytes(field) }
        }
    };
    Some(Checked { id: id?, content })
}

/// A field's name on disk is its name in the struct, so a field without a name has no place.
fn named_fields<'a>(object: &'a Object<'a>, errors: &mut Errors) -> Option<&'a [Field<'a>]> {
    if object.fields.is_none() {
        let Object { ident, kind, .. } = object;
        let derive = kind.derive();
        errors.on(
            ident,
            format!("`{derive}` is for structs with named fields: write `struct {ident} {{ id: Id<{ident}>, .. }}`"),
        );
    }
    object.fields.as_deref()
}

/// Two instantiations of a generic type would share the class that is the type's bare name.
fn generic_names_its_class(object: &Object<'_>, errors: &mut Errors) {
    let generic = object.generics.params.iter().find(|param| !matches!(param, GenericParam::Lifetime(_)));
    if let (Some(_), None) = (generic, &object.keys.class) {
        let message = format!(
            "a generic type names its class, and only one instantiation of it can live in a store: add `#[sepia(class = \"{}\")]`",
            object.class().0
        );
        errors.on(object.ident, message);
    }
}

/// The class is the name of a directory.
fn class_is_a_name(object: &Object<'_>, errors: &mut Errors) {
    let (class, span) = object.class();
    if class.is_empty() {
        errors.at(span, "a class needs a name: write `class = \"Name\"`");
    } else if class.len() > LONGEST_NAME {
        errors.at(span, format!("a class has at most {LONGEST_NAME} bytes: write a shorter `class = \"Name\"`"));
    }
}

/// A container is a directory, which is neither a text nor bytes.
fn form(object: &Object<'_>, errors: &mut Errors) -> Option<Form> {
    let Some(content) = &object.keys.content else {
        return Some(Form::Json);
    };
    let (form, expected) = match (object.kind, content.value.value().as_str()) {
        (_, "custom") => (Some(Form::Custom), ""),
        (Kind::Serializable, "json") => (Some(Form::Json), ""),
        (Kind::Serializable, "text") => (Some(Form::Text), ""),
        (Kind::Serializable, "bytes") => (Some(Form::Bytes), ""),
        (Kind::Serializable, _) => (None, "a content is `\"json\"`, `\"text\"`, `\"bytes\"` or `\"custom\"`"),
        (Kind::Container, _) => {
            // Its fields are checked for what they would be without the key.
            (
                Some(Form::Json),
                "a container is a directory with a data.json: leave `content` out, or write `content = \"custom\"`",
            )
        }
    };
    if !expected.is_empty() {
        errors.on(&content.value, expected);
    }
    form
}

/// Only content with named entries can have unknown ones.
fn ignore_unknown_needs_names(object: &Object<'_>, form: Form, errors: &mut Errors) {
    let Some(key) = &object.keys.ignore_unknown else { return };
    match form {
        Form::Json => {}
        Form::Text | Form::Bytes => {
            errors.at(key.span, "a text or bytes file has no keys that could be unknown: drop `ignore_unknown`");
        }
        // The reader sees what was not asked for.
        Form::Custom if object.kind == Kind::Container => {}
        Form::Custom => {
            errors.at(key.span, "a custom content decides itself what it ignores: drop `ignore_unknown`");
        }
    }
}

/// Only content with named entries has names to change, and keys that could be unknown.
fn serde_names_need_names(object: &Object<'_>, form: Form, errors: &mut Errors) {
    let keys = &object.keys;
    match form {
        Form::Text | Form::Bytes => {
            if let Some(key) = &keys.rename_all {
                errors.at(key.span, "a text or bytes file has no names of fields: drop `rename_all`");
            }
            if let Some(key) = &keys.deny_unknown_fields {
                errors
                    .at(key.span, "a text or bytes file has no keys that could be unknown: drop `deny_unknown_fields`");
            }
        }
        Form::Json => {
            if let (Some(deny), Some(ignore)) = (&keys.deny_unknown_fields, &keys.ignore_unknown) {
                let message = "`deny_unknown_fields` and `ignore_unknown` contradict each other: keep one of the two";
                errors.at(deny.span, message);
                errors.at(ignore.span, message);
            }
        }
        // The type's own code reads serde's attributes, or does not.
        Form::Custom => {}
    }
}

/// An object is found by its id, which has to be one field, and beyond doubt.
fn id<'a>(object: &Object<'_>, fields: &'a [Field<'a>], errors: &mut Errors) -> Option<&'a Field<'a>> {
    let marked: Vec<&Field<'_>> = fields.iter().filter(|field| field.keys.id.is_some()).collect();
    if let [first, others @ ..] = marked.as_slice() {
        for other in others {
            let span = other.keys.id.as_ref().map_or_else(Span::call_site, |key| key.span);
            errors.at(span, format!("an object has one id, and `{}` is marked too: mark one of the two", first.ident));
        }
        return Some(first);
    }
    let called: Vec<&Field<'_>> = fields.iter().filter(|field| field.is_called_id()).collect();
    match called.as_slice() {
        [only] => Some(only),
        [] => {
            let (_, ty, _) = object.generics.split_for_impl();
            let ident = object.ident;
            let ty = quote::quote!(#ident #ty).to_string().replace(' ', "");
            let message = format!(
                "an object has an id: add the field `id: Id<{ty}>`, or mark the field that is it with `#[sepia(id)]`"
            );
            errors.on(ident, message);
            None
        }
        [_, second, ..] => {
            errors
                .on(second.ident, "both `id` and `sepia_id` could be the id: mark the one that is with `#[sepia(id)]`");
            None
        }
    }
}

/// Two fields of one name would overwrite each other. Each of them is reported, as it may be either that was meant to
/// be called otherwise.
fn names_differ(stored: &[&Field<'_>], errors: &mut Errors) {
    let mut fields: HashMap<String, Vec<&syn::Ident>> = HashMap::new();
    for field in stored {
        fields.entry(field.name().0).or_default().push(field.ident);
    }
    for field in stored {
        let (name, span) = field.name();
        let mut called = fields.get(&name).into_iter().flatten();
        if let Some(other) = called.find(|other| **other != field.ident) {
            errors.at(span, format!("`{other}` is called `{name}` on disk too: rename one of the two"));
        }
    }
}

/// The file is the field, so there is no room for a second one, and nothing to write without the first.
fn the_only_field<'a>(object: &Object<'_>, stored: &[&'a Field<'a>], errors: &mut Errors) -> Option<&'a Field<'a>> {
    match stored {
        [only] => Some(only),
        [] => {
            let message = "the file is one field's text or bytes: add that field besides the id";
            match &object.keys.content {
                Some(content) => errors.on(&content.value, message),
                None => errors.on(object.ident, message),
            }
            None
        }
        [first, others @ ..] => {
            for other in others {
                let message = format!(
                    "the file is the field `{}` and has no room for another: mark one of them `#[sepia(skip)]`, or store both with `content = \"json\"`",
                    first.ident
                );
                errors.on(other.ident, message);
            }
            None
        }
    }
}
