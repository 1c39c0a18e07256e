//! `#[sepia(with = module)]`.

use proc_macro2::{Group, Spacing, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned as _;

use super::{bounds, field};
use crate::model::{Field, Object};

/// The code for a field that a module writes and reads.
pub(super) struct With {
    pub(super) items: TokenStream,
    pub(super) write: TokenStream,
    pub(super) read: TokenStream,
}

/// Emits two types through which serde reaches the module's functions, generic like the object since the field's type
/// may use its parameters:
///
/// ```text
/// struct __Lent0<'__lent, T: Bound>(&'__lent F, PhantomData<fn() -> Board<T>>);
/// impl<'__lent, T: Bound> Serialize for __Lent0<'__lent, T> { .. module::serialize(self.0, ..) }
///
/// struct __Read0<T: Bound>(F, PhantomData<fn() -> Board<T>>);
/// impl<'__de, T: Bound> Deserialize<'__de> for __Read0<T> { .. module::deserialize(..) }
/// ```
pub(super) fn code(object: &Object<'_>, field: &Field<'_>, module: &Path, index: usize) -> With {
    let Object { ident: object_ident, generics, .. } = object;
    let Field { ident, ty, .. } = field;
    let (name, _) = field.name();
    let lent = format_ident!("__Lent{index}");
    let read = format_ident!("__Read{index}");

    // Within these types, `Self` is something else than where the user wrote it.
    let (_, ty_generics, _) = generics.split_for_impl();
    let object_ty = quote!(#object_ident #ty_generics);
    let ty = instead_of_self(ty.to_token_stream(), &object_ty);
    let bounds = instead_of_self(bounds(object_ident, generics), &object_ty);
    let marker = quote!(::core::marker::PhantomData<fn() -> #object_ty>);

    let types = generics.type_params().map(|syn::TypeParam { ident, bounds, .. }| (ident, quote!(#ident: #bounds)));
    let consts = generics.const_params().map(|syn::ConstParam { ident, ty, .. }| (ident, quote!(const #ident: #ty)));
    let (args, params): (Vec<_>, Vec<_>) =
        types.chain(consts).map(|(ident, param)| (ident, instead_of_self(param, &object_ty))).unzip();

    let serialize = quote_spanned!(module.span()=> #module::serialize);
    let deserialize = quote_spanned!(module.span()=> #module::deserialize);
    let items = quote! {
        struct #lent<'__lent, #(#params),*>(&'__lent #ty, #marker) #bounds;
        #[automatically_derived]
        impl<'__lent, #(#params),*> __sepia::serde::Serialize for #lent<'__lent, #(#args),*> #bounds {
            fn serialize<__S: __sepia::serde::Serializer>(
                &self,
                __serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                #serialize(self.0, __serializer)
            }
        }
        struct #read<#(#params),*>(#ty, #marker) #bounds;
        #[automatically_derived]
        impl<'__de, #(#params),*> __sepia::serde::Deserialize<'__de> for #read<#(#args),*> #bounds {
            fn deserialize<__D: __sepia::serde::Deserializer<'__de>>(
                __deserializer: __D,
            ) -> ::core::result::Result<Self, __D::Error> {
                ::core::result::Result::map(#deserialize(__deserializer), |__field| Self(__field, ::core::marker::PhantomData))
            }
        }
    };

    let read = quote!(#read<#(#args),*>);
    let read = match field.keys.default.is_some() || object.keys.default.is_some() {
        false => quote!(__reader.__value::<#read>(#name)?.0),
        true => {
            let default = field::missing(object, field);
            quote! {
                match __reader.__value_if_any::<#read>(#name)? {
                    ::core::option::Option::Some(__read) => __read.0,
                    ::core::option::Option::None => #default,
                }
            }
        }
    };
    let lent = quote!(#lent::<#(#args),*>(&__object.#ident, ::core::marker::PhantomData));
    With { items, write: quote!(__writer.__value(#name, &#lent)?;), read }
}

/// Returns the tokens with `Self` replaced by the type that it stood for.
fn instead_of_self(tokens: TokenStream, ty: &TokenStream) -> TokenStream {
    let mut replaced = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                // The first colon of `::`, which is joined to the second.
                let is_path = matches!(tokens.peek(), Some(TokenTree::Punct(punct))
                    if punct.as_char() == ':' && punct.spacing() == Spacing::Joint);
                replaced.extend(if is_path { quote!(<#ty>) } else { ty.clone() });
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), instead_of_self(group.stream(), ty));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}
