//! Generates code from what [`crate::check`] let through.
//!
//! Everything stands in one `const _`, which keeps names out of the user's module:
//!
//! ```text
//! const _: () = {
//!     use ::sepia::__private as __sepia;
//!     impl __sepia::HoldsObjects for Board {}
//!     ..
//! };
//! ```
//!
//! All paths are absolute or start at `__sepia`, and all names that the code introduces start with two underscores, so
//! nothing that the user has in scope changes what it means. Code about a field carries the span of the field's type:
//! that is where the compiler shows a type that does not fit.

mod container;
mod field;
mod fields;
mod reference;
mod serializable;
#[cfg(test)]
mod tests;
mod with;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{DeriveInput, Generics, Ident, Path};

use crate::check::{self, Checked};
use crate::errors::Errors;
use crate::model::{Kind, Object, Reference};

/// Expands `derive(Serializable)` and `derive(Container)`.
pub(crate) fn object(kind: Kind, input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let object = Object::read(kind, input, &mut errors);
    let checked = check::object(&object, &mut errors);
    let code = match checked {
        Some(checked) if errors.is_empty() => object_code(&object, &checked),
        _ => object_stub(&object),
    };
    finish(object.keys.krate.as_ref().map(|krate| &krate.value), &code, errors)
}

/// Expands `derive(Reference)`.
pub(crate) fn reference(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let reference = Reference::read(input, &mut errors);
    let checked = check::reference(&reference, &mut errors);
    let code = match checked {
        Some(choices) if errors.is_empty() => reference::code(&reference, &choices),
        _ => reference::stub(&reference),
    };
    finish(reference.keys.krate.as_ref().map(|krate| &krate.value), &code, errors)
}

fn finish(krate: Option<&Path>, code: &TokenStream, errors: Errors) -> TokenStream {
    let sepia = krate.map_or_else(|| quote!(::sepia), ToTokens::to_token_stream);
    let errors = errors.into_tokens();
    quote! {
        #errors
        #[doc(hidden)]
        #[allow(deprecated, unused_imports, clippy::type_complexity, clippy::use_self)]
        const _: () = {
            use #sepia::__private as __sepia;
            #code
        };
    }
}

/// Returns the span of code that the compiler is to show at `tokens`. The place alone is taken from there. Names still
/// mean what they mean in the rest of the generated code, also where the tokens come out of a macro of the user.
fn at(tokens: &impl Spanned) -> Span {
    Span::call_site().located_at(tokens.span())
}

/// The implementations that the two kinds of object share:
///
/// ```text
/// impl HoldsObjects for Board {}
/// impl Item for Board { .. }
/// impl OfClass for Board { const __CLASS: &'static str = "Board"; }
/// impl AsObject for Board { .. }
/// impl Object for Board {
///     const __CLASS_DEF: Class = Class::container("Board").with_generations();
///     fn __id(__object: &Self) -> &Id<Self> { <Id<Board> as IdOf<Self>>::__id(&__object.id) }
///     fn __id_mut(__object: &mut Self) -> &mut Id<Self> { .. }
///     fn __write(__object: &Self, __writer: &mut Writer<'_>) -> Result<()> { .. }
///     fn __read(__id: Id<Self>, __reader: &mut Reader<'_>) -> Result<Self> { .. }
/// }
/// impl Generations for Board {}
/// ```
fn object_code(object: &Object<'_>, checked: &Checked<'_>) -> TokenStream {
    let Bodies { class, items, write, read } = match object.kind {
        Kind::Serializable => serializable::bodies(object, checked),
        Kind::Container => container::bodies(object, checked),
    };
    let generations = object.keys.generations.as_ref().map(|_| quote!(.with_generations()));
    let ignore_unknown = object.keys.ignore_unknown.as_ref().map(|_| {
        quote!(
            const __IGNORE_UNKNOWN: ::core::primitive::bool = true;
        )
    });
    let id = field::id(checked.id);
    let id_mut = field::id_mut(checked.id);
    let body = quote! {
        const __CLASS_DEF: __sepia::Class = #class #generations;
        #ignore_unknown
        fn __id(__object: &Self) -> &__sepia::Id<Self> {
            #id
        }
        fn __id_mut(__object: &mut Self) -> &mut __sepia::Id<Self> {
            #id_mut
        }
        fn __write(__object: &Self, __writer: &mut __sepia::Writer<'_>) -> __sepia::Result<()> {
            #write
        }
        fn __read(
            __id: __sepia::Id<Self>,
            __reader: &mut __sepia::Reader<'_>,
        ) -> __sepia::Result<Self> {
            #read
        }
    };
    let item = quote! {
        fn __shown(__item: &Self) -> ::core::option::Option<&::core::primitive::str> {
            __sepia::shown(__item)
        }
        fn __encode(
            __item: &Self,
            __encoder: &mut __sepia::Encoder,
            __hidden: __sepia::Hidden,
        ) -> __sepia::Result<__sepia::Entry> {
            __sepia::encode_object(__item, __encoder, __hidden)
        }
        fn __decode(
            __found: __sepia::Found<'_>,
            __decoder: &__sepia::Decoder<'_>,
        ) -> __sepia::Result<Self> {
            __sepia::decode_object(__found, __decoder)
        }
    };
    let impls = object_impls(object, &item, &body);
    quote!(#items #impls)
}

/// What differs between the kinds of object.
struct Bodies {
    /// The class, without its options.
    class: TokenStream,
    /// Types that the two functions use.
    items: TokenStream,
    write: TokenStream,
    read: TokenStream,
}

/// Implementations that do nothing, for a type with mistakes: the user sees the mistakes, and not what follows from
/// them wherever the type is used.
fn object_stub(object: &Object<'_>) -> TokenStream {
    let body = quote! {
        const __CLASS_DEF: __sepia::Class = __sepia::Class::container("");
        fn __id(_: &Self) -> &__sepia::Id<Self> {
            loop {}
        }
        fn __id_mut(_: &mut Self) -> &mut __sepia::Id<Self> {
            loop {}
        }
        fn __write(_: &Self, _: &mut __sepia::Writer<'_>) -> __sepia::Result<()> {
            loop {}
        }
        fn __read(_: __sepia::Id<Self>, _: &mut __sepia::Reader<'_>) -> __sepia::Result<Self> {
            loop {}
        }
    };
    object_impls(object, &item_stub(), &body)
}

fn item_stub() -> TokenStream {
    quote! {
        fn __shown(_: &Self) -> ::core::option::Option<&::core::primitive::str> {
            loop {}
        }
        fn __encode(
            _: &Self,
            _: &mut __sepia::Encoder,
            _: __sepia::Hidden,
        ) -> __sepia::Result<__sepia::Entry> {
            loop {}
        }
        fn __decode(
            _: __sepia::Found<'_>,
            _: &__sepia::Decoder<'_>,
        ) -> __sepia::Result<Self> {
            loop {}
        }
    }
}

fn object_impls(object: &Object<'_>, item: &TokenStream, body: &TokenStream) -> TokenStream {
    let Object { ident, generics, .. } = object;
    let (class, _) = object.class();
    let of_class = quote!(const __CLASS: &'static ::core::primitive::str = #class;);
    let as_object = quote! {
        type __Object = Self;
        fn __object(__item: &Self) -> &Self {
            __item
        }
    };
    let mut code = TokenStream::new();
    code.extend(implement("HoldsObjects", ident, generics, &TokenStream::new()));
    code.extend(implement("Item", ident, generics, item));
    code.extend(implement("OfClass", ident, generics, &of_class));
    code.extend(implement("AsObject", ident, generics, &as_object));
    code.extend(implement("Object", ident, generics, body));
    if object.keys.generations.is_some() {
        code.extend(implement("Generations", ident, generics, &TokenStream::new()));
    }
    code
}

/// Emits `impl<T: Bound> Trait for Type<T> where .., T: 'static { .. }`.
fn implement(name: &str, ident: &Ident, generics: &Generics, body: &TokenStream) -> TokenStream {
    let name = quote::format_ident!("{name}");
    let (impl_generics, ty_generics, _) = generics.split_for_impl();
    let bounds = bounds(ident, generics);
    quote! {
        #[automatically_derived]
        impl #impl_generics __sepia::#name for #ident #ty_generics #bounds {
            #body
        }
    }
}

/// Emits the type's own `where` clause, and that nothing in it is borrowed.
fn bounds(ident: &Ident, generics: &Generics) -> TokenStream {
    let own = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let params = generics.type_params().map(|param| &param.ident);
    // A lifetime is a mistake, reported as such: the bound keeps the implementations for it well-formed.
    let (_, ty_generics, _) = generics.split_for_impl();
    let borrowed = generics.lifetimes().take(1).map(|_| quote!(#ident #ty_generics: 'static,));
    quote!(where #(#own,)* #(#params: 'static,)* #(#borrowed)*)
}
