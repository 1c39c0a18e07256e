//! `derive(Serializable)`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

use super::{Bodies, at, fields};
use crate::check::{Checked, Content};
use crate::model::{Field, Kind, Object};

/// A custom file is written and read by the type's own `Content`:
///
/// ```text
/// fn __write(..) { __writer.__custom::<Self>(__object) }
/// fn __read(..)  { (&&Ask::<Self>::NEW).__read_custom(__reader, __id) }
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
        Content::Fields(stored) => fields::bodies(Kind::Serializable, object, checked, stored, class),
        Content::Text(field) => whole(object, checked, field, class, "text"),
        Content::Bytes(field) => whole(object, checked, field, class, "bytes"),
        Content::Custom => {
            let custom = quote_spanned!(object.ident.span()=> __custom::<Self>);
            Bodies {
                class,
                items: quote!(),
                write: quote!(__writer.#custom(__object)),
                read: quote! {
                    use __sepia::{FillCustom as _, FillNone as _};
                    (&&__sepia::Ask::<Self>::NEW).__read_custom(__reader, __id)
                },
            }
        }
    }
}

/// The file is one field:
///
/// ```text
/// fn __write(..) { __writer.__text::<String>(&__object.text) }
/// fn __read(..) {
///     let __field0: String = (&&Ask::<String>::NEW).__read_text(__reader)?;
///     Ok(Self { id: .., text: __field0 })
/// }
/// ```
fn whole(object: &Object<'_>, checked: &Checked<'_>, field: &Field<'_>, class: TokenStream, form: &str) -> Bodies {
    let Field { ident, ty, .. } = field;
    let span = at(field.ty);
    let write = format_ident!("__{form}", span = span);
    let read = format_ident!("__read_{form}", span = span);
    let fill = if form == "text" { quote!(FillText) } else { quote!(FillBytes) };
    let content = quote_spanned! {span=>
        {
            use __sepia::{#fill as _, FillNone as _};
            (&&__sepia::Ask::<#ty>::NEW).#read(__reader)?
        }
    };
    Bodies {
        class,
        items: quote!(),
        write: quote_spanned!(span=> __writer.#write::<#ty>(&__object.#ident)),
        read: fields::make(object, checked, vec![(field, content)]),
    }
}
