//! Code for one field. The field's type decides, when it is compiled, whether it is a value or a reference.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{GenericArgument, PathArguments, ReturnType, Type};

use super::at;
use crate::attr::Key;
use crate::model::{Field, Kind, Object};

/// Emits the statement that writes a field:
///
/// ```text
/// Codec::write({ .. }, __writer, "name", &__object.name, false)?;
/// ```
pub(super) fn write(object: &Object<'_>, field: &Field<'_>) -> TokenStream {
    let ident = field.ident;
    let (name, _) = field.name();
    let codec = codec(object.kind, field);
    let defaulted = field.keys.default.is_some() || object.keys.default.is_some();
    quote!(__sepia::Codec::write(#codec, __writer, #name, &__object.#ident, #defaulted)?;)
}

/// Emits the expression that reads a field:
///
/// ```text
/// Codec::read({ .. }, __reader, "name", None)?
/// ```
///
/// or, where the type has a default and the field has none of its own,
///
/// ```text
/// match Codec::read_if_any({ .. }, __reader, "name")? { Some(__read) => __read, None => __default.name }
/// ```
pub(super) fn read(object: &Object<'_>, field: &Field<'_>) -> TokenStream {
    let (name, _) = field.name();
    let codec = codec(object.kind, field);
    if field.keys.default.is_none() && object.keys.default.is_some() {
        let missing = missing(object, field);
        return quote! {
            match __sepia::Codec::read_if_any(#codec, __reader, #name)? {
                ::core::option::Option::Some(__read) => __read,
                ::core::option::Option::None => #missing,
            }
        };
    }
    let default = default(field);
    quote!(__sepia::Codec::read(#codec, __reader, #name, #default)?)
}

/// Emits the expression that finds out how a field is stored:
///
/// ```text
/// {
///     let __side = (&&&Ask::<Vec<(u8, Note)>>::NEW).__value(NeitherSide);
///     let __side = (&&Ask::<Vec<(u8, Note)>>::NEW).__reference(ReferenceSide, __side);
///     let __side = (&&Ask::<u8>::NEW).__reference(ReferenceSide, __side);
///     let __side = (&&Ask::<Note>::NEW).__reference(ReferenceSide, __side);
///     __side.__codec::<Vec<(u8, Note)>>()
/// }
/// ```
///
/// The elements of tuples are asked one by one: that a tuple holds objects if *any* of its elements does cannot be said
/// by implementing a trait.
///
/// Writing and reading say the same, so that the compiler reports a type that does not fit once.
fn codec(kind: Kind, field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    let span = at(ty);
    if field.keys.reference.is_some() {
        return quote_spanned!(span=> <#ty as __sepia::ReferenceField>::__codec());
    }
    let mut holders = Vec::new();
    if field.keys.value.is_none() {
        holders.push(ty);
        tuple_elements(ty, &mut holders);
    }
    let (reference, otherwise) = match kind {
        Kind::Container if field.keys.value.is_none() => (quote!(ReferenceSide), quote!(NeitherSide)),
        Kind::Container | Kind::Serializable => (quote!(FileReferenceSide), quote!(ValueSide)),
    };
    quote_spanned! {span=>
        {
            let __side = (&&&__sepia::Ask::<#ty>::NEW).__value(__sepia::#otherwise);
            #(let __side = (&&__sepia::Ask::<#holders>::NEW).__reference(__sepia::#reference, __side);)*
            __side.__codec::<#ty>()
        }
    }
}

/// Emits the expression that makes a field which is not stored, or which a record does not have though it has a
/// default: its own, else the field of the type's own, [`whole_default`].
pub(super) fn missing(object: &Object<'_>, field: &Field<'_>) -> TokenStream {
    let Field { ident, ty, .. } = field;
    match (&field.keys.default, &object.keys.default) {
        (Some(Key { value: Some(path), .. }), _) => quote!(#path()),
        (None, Some(_)) => quote!(__default.#ident),
        (Some(Key { value: None, .. }) | None, _) => {
            quote_spanned!(at(field.ty)=> <#ty as ::core::default::Default>::default())
        }
    }
}

/// Emits the statement that makes what the fields without a default of their own are taken from:
///
/// ```text
/// let __default: Self = <Self as Default>::default();
/// ```
pub(super) fn whole_default(object: &Object<'_>) -> TokenStream {
    let Some(Key { span, value }) = &object.keys.default else { return TokenStream::new() };
    let made = match value {
        Some(path) => quote!(#path()),
        None => quote_spanned!(Span::call_site().located_at(*span)=> <Self as ::core::default::Default>::default()),
    };
    quote!(let __default: Self = #made;)
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

/// Emits the expression that borrows the id from `__object` to change it.
pub(super) fn id_mut(field: &Field<'_>) -> TokenStream {
    let Field { ident, ty, .. } = field;
    quote_spanned!(at(field.ty)=> <#ty as __sepia::IdOf<Self>>::__id_mut(&mut __object.#ident))
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
