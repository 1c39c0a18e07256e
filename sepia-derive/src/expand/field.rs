//! Code for one field. The field's type decides, when it is compiled, whether it is a value or a reference.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{GenericArgument, Ident, PathArguments, ReturnType, Type};

use super::at;
use crate::model::{Field, Kind};

/// Who decides on which side a field is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The compiler, from the field's type.
    Asked,
    Reference,
    Value,
}

impl Side {
    fn of(field: &Field<'_>) -> Self {
        match field {
            Field { keys, .. } if keys.reference.is_some() => Side::Reference,
            Field { keys, .. } if keys.value.is_some() => Side::Value,
            _ => Side::Asked,
        }
    }
}

/// Emits the code that writes a field:
///
/// ```text
/// {
///     use __sepia::{AskReference as _, AskSet as _, AskValue as _, AskNeither as _};
///     (&&&&__sepia::Ask::<Vec<(u8, Note)>>::NEW)
///         .__side()
///         .__and((&&&&__sepia::Ask::<u8>::NEW).__side())
///         .__and((&&&&__sepia::Ask::<Note>::NEW).__side())
///         .__write::<Vec<(u8, Note)>>(__writer, "notes", &__object.notes, None)?;
/// }
/// ```
///
/// The elements of tuples are asked one by one: that a tuple holds objects if *any* of its elements does cannot be said
/// by implementing a trait.
pub(super) fn write(kind: Kind, field: &Field<'_>) -> TokenStream {
    let Field { ident, ty, .. } = field;
    let span = at(field.ty);
    let (name, _) = field.name();
    let default = default(field);
    let traits = match Side::of(field) {
        Side::Asked => quote!(
            use __sepia::{AskReference as _, AskSet as _, AskValue as _, AskNeither as _};
        ),
        // What is not asked is not in scope, since method lookup would find it.
        Side::Value => quote!(
            use __sepia::{AskSet as _, AskValue as _, AskNeither as _};
        ),
        Side::Reference => TokenStream::new(),
    };
    let side = match Side::of(field) {
        Side::Asked => {
            let mut elements = Vec::new();
            tuple_elements(ty, &mut elements);
            quote_spanned! {span=>
                (&&&&__sepia::Ask::<#ty>::NEW).__side()
                    #(.__and((&&&&__sepia::Ask::<#elements>::NEW).__side()))*
            }
        }
        Side::Value => quote_spanned!(span=> (&&&&__sepia::Ask::<#ty>::NEW).__side()),
        Side::Reference => quote_spanned!(span=> __sepia::ReferenceSide),
    };
    let write = match kind {
        Kind::Container => Ident::new("__write", ty.span()),
        Kind::Serializable => Ident::new("__write_value", ty.span()),
    };
    quote_spanned! {span=>
        {
            #traits
            #side.#write::<#ty>(__writer, #name, &__object.#ident, #default)?;
        }
    }
}

/// Emits the expression that reads a field:
///
/// ```text
/// {
///     use __sepia::{FillReference as _, FillValue as _, FillNothing as _};
///     (&&&__sepia::Ask::<Vec<Note>>::NEW).__read(__reader, "notes", None)?
/// }
/// ```
///
/// A type that fits nowhere is let through: writing reports it.
pub(super) fn read(field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    let span = at(field.ty);
    let (name, _) = field.name();
    let default = default(field);
    let traits = match Side::of(field) {
        Side::Asked => quote!(FillReference as _, FillValue as _, FillNothing as _),
        Side::Value => quote!(FillValue as _, FillNothing as _),
        Side::Reference => quote!(FillReference as _, FillNothing as _),
    };
    quote_spanned! {span=>
        {
            use __sepia::{#traits};
            (&&&__sepia::Ask::<#ty>::NEW).__read(__reader, #name, #default)?
        }
    }
}

/// Emits the expression that makes a field which is not stored.
pub(super) fn skipped(field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    match field.keys.default.as_ref().and_then(|default| default.value.as_ref()) {
        Some(path) => quote!(#path()),
        None => quote_spanned!(at(field.ty)=> <#ty as ::core::default::Default>::default()),
    }
}

/// Emits what a missing field is, an `Option<fn() -> F>`.
fn default(field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    match &field.keys.default {
        None => quote!(::core::option::Option::None),
        Some(default) => {
            let function = match &default.value {
                Some(path) => quote!(#path),
                None => quote_spanned!(at(field.ty)=> <#ty as ::core::default::Default>::default),
            };
            // The type turns the function into a pointer, and shows one of another type at its path.
            quote! {
                {
                    let __function: fn() -> #ty = #function;
                    ::core::option::Option::Some(__function)
                }
            }
        }
    }
}

/// Emits the expression that borrows the id from `__object`.
pub(super) fn id(field: &Field<'_>) -> TokenStream {
    let Field { ident, ty, .. } = field;
    quote_spanned!(at(field.ty)=> <#ty as __sepia::IdOf<Self>>::__id(&__object.#ident))
}

/// Emits the expression that makes the id field from `__id`.
pub(super) fn give_id(field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    quote_spanned!(at(field.ty)=> <#ty as __sepia::IdOf<Self>>::__give(__id))
}

/// Gathers the element types of every tuple type that stands anywhere in `ty`.
fn tuple_elements<'a>(ty: &'a Type, elements: &mut Vec<&'a Type>) {
    match ty {
        Type::Tuple(tuple) => {
            for element in &tuple.elems {
                elements.push(element);
                tuple_elements(element, elements);
            }
        }
        Type::Array(array) => tuple_elements(&array.elem, elements),
        Type::Group(group) => tuple_elements(&group.elem, elements),
        Type::Paren(paren) => tuple_elements(&paren.elem, elements),
        Type::Ptr(pointer) => tuple_elements(&pointer.elem, elements),
        Type::Reference(reference) => tuple_elements(&reference.elem, elements),
        Type::Slice(slice) => tuple_elements(&slice.elem, elements),
        Type::Path(path) => {
            if let Some(qself) = &path.qself {
                tuple_elements(&qself.ty, elements);
            }
            for segment in &path.path.segments {
                arguments(&segment.arguments, elements);
            }
        }
        _ => {}
    }
}

fn arguments<'a>(arguments: &'a PathArguments, elements: &mut Vec<&'a Type>) {
    match arguments {
        PathArguments::None => {}
        PathArguments::AngleBracketed(list) => {
            for argument in &list.args {
                match argument {
                    GenericArgument::Type(ty) => tuple_elements(ty, elements),
                    GenericArgument::AssocType(assoc) => tuple_elements(&assoc.ty, elements),
                    _ => {}
                }
            }
        }
        PathArguments::Parenthesized(call) => {
            if let ReturnType::Type(_, ty) = &call.output {
                tuple_elements(ty, elements);
            }
        }
    }
}
