//! What the user wrote, before anyone judges it.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Fields, Generics, Ident, Type, Variant};

use crate::attr::{self, FieldKeys, TypeKeys};
use crate::errors::Errors;
use crate::serde::{self, Case};

/// The derive that was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Serializable,
    Container,
}

impl Kind {
    /// Returns the name of the derive.
    pub(crate) fn derive(self) -> &'static str {
        match self {
            Kind::Serializable => "Serializable",
            Kind::Container => "Container",
        }
    }
}

/// A struct that derives `Serializable` or `Container`.
pub(crate) struct Object<'a> {
    pub(crate) kind: Kind,
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) keys: TypeKeys,
    /// `None` if the type has no named fields.
    pub(crate) fields: Option<Vec<Field<'a>>>,
}

/// One field of an object.
pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) keys: FieldKeys,
    /// How it is called without a name of its own.
    pub(crate) case: Option<Case>,
}

/// An enum that derives `Reference`.
pub(crate) struct Reference<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) keys: TypeKeys,
    /// `None` if the type is no enum.
    pub(crate) variants: Option<Vec<&'a Variant>>,
}

impl<'a> Object<'a> {
    /// Reads a type and its attributes.
    pub(crate) fn read(kind: Kind, input: &'a DeriveInput, errors: &mut Errors) -> Self {
        let mut keys = attr::of_type(&input.attrs, errors);
        let follows_serde = keys.follow_serde();
        if follows_serde {
            serde::of_type(&input.attrs, &mut keys, errors);
        }
        let fields = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) => {
                    let case = keys.rename_all.as_ref().map(|case| case.value);
                    let read = |field| Field::read(field, follows_serde, case, errors);
                    Some(fields.named.iter().filter_map(read).collect())
                }
                Fields::Unnamed(_) | Fields::Unit => None,
            },
            Data::Enum(_) | Data::Union(_) => None,
        };
        Object { kind, ident: &input.ident, generics: &input.generics, keys, fields }
    }

    /// Returns the class on disk, and where it was written.
    pub(crate) fn class(&self) -> (String, Span) {
        match &self.keys.class {
            Some(class) => (class.value.value(), class.value.span()),
            None => (self.ident.unraw().to_string(), self.ident.span()),
        }
    }
}

impl<'a> Field<'a> {
    /// Reads a named field.
    fn read(field: &'a syn::Field, follows_serde: bool, case: Option<Case>, errors: &mut Errors) -> Option<Self> {
        let mut keys = attr::of_field(&field.attrs, errors);
        if follows_serde {
            serde::of_field(&field.attrs, &mut keys, errors);
        }
        Some(Field { ident: field.ident.as_ref()?, ty: &field.ty, keys, case })
    }

    /// Returns the field's name on disk, and where it was written.
    pub(crate) fn name(&self) -> (String, Span) {
        match &self.keys.rename {
            Some(rename) => (rename.value.value(), rename.value.span()),
            None => {
                let name = self.ident.unraw().to_string();
                (self.case.map_or_else(|| name.clone(), |case| case.apply(&name)), self.ident.span())
            }
        }
    }

    /// Returns whether the field is an id where none is marked.
    pub(crate) fn is_called_id(&self) -> bool {
        let name = self.ident.unraw();
        name == "id" || name == "sepia_id"
    }
}

impl<'a> Reference<'a> {
    /// Reads a type and its attributes.
    pub(crate) fn read(input: &'a DeriveInput, errors: &mut Errors) -> Self {
        let keys = attr::of_enum(&input.attrs, errors);
        let follows_serde = keys.follow_serde();
        if follows_serde {
            serde::of_enum(&input.attrs, errors);
        }
        let variants = match &input.data {
            Data::Enum(data) => {
                for variant in &data.variants {
                    for attrs in [&variant.attrs].into_iter().chain(variant.fields.iter().map(|field| &field.attrs)) {
                        attr::of_variant(attrs, errors);
                        if follows_serde {
                            serde::of_enum(attrs, errors);
                        }
                    }
                }
                Some(data.variants.iter().collect())
            }
            Data::Struct(_) | Data::Union(_) => None,
        };
        Reference { ident: &input.ident, generics: &input.generics, keys, variants }
    }
}
