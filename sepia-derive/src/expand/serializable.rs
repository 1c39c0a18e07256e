//! `derive(Serializable)`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;

use super::{Bodies, at, fields};
use crate::check::{Checked, Content};
use crate::model::{Field, Object};

/// A custom file is written and read by the type's own `Content`:
///
/// ```text
/// fn __write(..) { __writer.__content(<Self as Content>::to_sepia(__object)?); Ok(()) }
/// fn __read(..)  { <Self as Content>::from_sepia(__id, __reader.__content()) }
/// ```
pub(super) fn bodies(object: &Object<'_>, checked: &Checked<'_>) -> Bodies {
    let (class, _) = object.class();
    let format = format_ident!(
        "{}",
        match checked.content {
            Content::Fields(_) => "Json",
            Content::Text(_) => "Text",
            Content::Bytes(_) => "Bytes",
            Content::Custom => "Custom",
        }
    );
    let class = quote!(__sepia::Class::serializable(#class, __sepia::Format::#format));
    match &checked.content {
        Content::Fields(stored) => fields::bodies(object, checked, stored, class),
        Content::Text(field) => whole(object, checked, field, class, &quote!(Text)),
        Content::Bytes(field) => whole(object, checked, field, class, &quote!(Bytes)),
        Content::Custom => {
            let this = Ident::new("Self", object.ident.span());
            Bodies {
                class,
                items: quote!(),
                write: quote! {
                    __writer.__content(<#this as __sepia::Content>::to_sepia(__object)?);
                    ::core::result::Result::Ok(())
                },
                read: quote!(<#this as __sepia::Content>::from_sepia(__id, __reader.__content())),
            }
        }
    }
}

/// The file is one field:
///
/// ```text
/// fn __write(..) { <String as Text>::__write(&__object.text, __writer); Ok(()) }
/// fn __read(..) {
///     let __field0: String = <String as Text>::__read(__reader)?;
///     Ok(Self { id: .., text: __field0 })
/// }
/// ```
fn whole(
    object: &Object<'_>,
    checked: &Checked<'_>,
    field: &Field<'_>,
    class: TokenStream,
    form: &TokenStream,
) -> Bodies {
    let Field { ident, ty, .. } = field;
    let form = quote_spanned!(at(field.ty)=> <#ty as __sepia::#form>);
    Bodies {
        class,
        items: quote!(),
        write: quote! {
            #form::__write(&__object.#ident, __writer);
            ::core::result::Result::Ok(())
        },
        read: fields::make(object, checked, vec![(field, quote!(#form::__read(__reader)?))]),
    }
}
