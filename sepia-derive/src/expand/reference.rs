//! `derive(Reference)`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{at, implement, item_stub};
use crate::check::Choice;
use crate::model::Reference;

/// Emits the implementations for an enum:
///
/// ```text
/// impl HoldsObjects for Shape {}
/// impl Item for Shape {
///     fn __shown(__item: &Self) -> Option<&str> {
///         match __item { Self::Circle(__object) => <Circle as Item>::__shown(__object), .. }
///     }
///     fn __encode(..) -> Result<Entry> {
///         match __item { Self::Circle(__object) => <Circle as Item>::__encode(.., __hidden.with_class()), .. }
///     }
///     fn __decode(..) -> Result<Self> {
///         let __class = __found.class(__decoder, &[<Circle as OfClass>::__CLASS, ..])?;
///         if __class == <Circle as OfClass>::__CLASS { .. } else { .. }
///     }
/// }
/// const _: () = assert!(distinct(&[<Circle as OfClass>::__CLASS, ..]), "..");
/// ```
///
/// The classes of a generic enum are known only where it is used, so that its assertion stands in `__encode`.
///
/// `OfClass` demands `Item`. Each function asks for both at the same place, so that a type which is neither is reported
/// for what it should be, and once.
pub(super) fn code(reference: &Reference<'_>, choices: &[Choice<'_>]) -> TokenStream {
    let Reference { ident, generics, .. } = reference;
    let classes: Vec<_> = choices.iter().map(class).collect();
    let shown = arms(choices, |_, item| quote!(#item::__shown(__object)));
    let encode = arms(choices, |_, item| quote!(#item::__encode(__object, __encoder, __hidden.with_class())));
    let decode = decode(choices);
    let message = format!(
        "two variants of `{ident}` hold objects of one class, so the class could not tell which variant to load: \
         keep one of the two, or give the other object's type a class of its own"
    );
    let assertion = quote_spanned!(ident.span()=> ::core::assert!(__sepia::distinct(&[#(#classes),*]), #message));
    let is_generic = !generics.params.is_empty();
    let assert_where_used = is_generic.then(|| quote!(const { #assertion };));
    let item = quote! {
        fn __shown(__item: &Self) -> ::core::option::Option<&::core::primitive::str> {
            #(let _ = #classes;)*
            #shown
        }
        fn __encode(
            __item: &Self,
            __encoder: &mut __sepia::Encoder,
            __hidden: __sepia::Hidden,
        ) -> __sepia::Result<__sepia::Entry> {
            #(let _ = #classes;)*
            #assert_where_used
            #encode
        }
        fn __decode(
            __found: __sepia::Found<'_>,
            __decoder: &__sepia::Decoder<'_>,
        ) -> __sepia::Result<Self> {
            let __class = __found.class(__decoder, &[#(#classes),*])?;
            #decode
        }
    };
    let mut code = implement("HoldsObjects", ident, generics, &TokenStream::new());
    code.extend(implement("Item", ident, generics, &item));
    if !is_generic {
        code.extend(quote_spanned!(ident.span()=> const _: () = #assertion;));
    }
    code
}

/// Implementations that do nothing, for a type with mistakes.
pub(super) fn stub(reference: &Reference<'_>) -> TokenStream {
    let Reference { ident, generics, .. } = reference;
    let mut code = implement("HoldsObjects", ident, generics, &TokenStream::new());
    code.extend(implement("Item", ident, generics, &item_stub()));
    code
}

fn class(Choice { ty, .. }: &Choice<'_>) -> TokenStream {
    quote_spanned!(at(*ty)=> <#ty as __sepia::OfClass>::__CLASS)
}

fn arms(choices: &[Choice<'_>], mut code: impl FnMut(&Choice<'_>, TokenStream) -> TokenStream) -> TokenStream {
    let arms = choices.iter().map(|choice| {
        let Choice { ident, ty } = choice;
        let code = code(choice, quote_spanned!(at(*ty)=> <#ty as __sepia::Item>));
        quote!(Self::#ident(__object) => #code,)
    });
    quote!(match __item { #(#arms)* })
}

/// The last variant needs no question: `class` returns one of those that it was given.
fn decode(choices: &[Choice<'_>]) -> TokenStream {
    let mut branches = choices.iter().rev().map(|choice| {
        let Choice { ident, ty } = choice;
        let decode = quote_spanned!(at(*ty)=> <#ty as __sepia::Item>::__decode(__found, __decoder));
        (class(choice), quote!(::core::result::Result::Ok(Self::#ident(#decode?))))
    });
    let last = branches.next().map(|(_, make)| make).unwrap_or_default();
    branches.fold(last, |otherwise, (class, make)| quote!(if __class == #class { #make } else { #otherwise }))
}
