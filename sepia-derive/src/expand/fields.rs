//! Objects that are stored field by field: containers, and serializables in JSON.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{Bodies, field, with};
use crate::check::Checked;
use crate::model::{Field, Object};

/// Emits a statement per field for writing, and for reading
///
/// ```text
/// let __field0: String = ..;
/// let __field1: Vec<Note> = ..;
/// Ok(Self { id: .., name: __field0, notes: __field1 })
/// ```
pub(super) fn bodies(object: &Object<'_>, checked: &Checked<'_>, stored: &[&Field<'_>], class: TokenStream) -> Bodies {
    let mut items = quote! {
        use __sepia::{AskNoReference as _, AskNoValue as _, AskReference as _, AskSet as _, AskValue as _};
    };
    let mut write = TokenStream::new();
    let mut read = Vec::new();
    for (index, field) in stored.iter().enumerate() {
        match &field.keys.with {
            Some(module) => {
                let with = with::code(object, field, &module.value, index);
                items.extend(with.items);
                write.extend(with.write);
                read.push((*field, with.read));
            }
            None => {
                write.extend(field::write(object, field));
                read.push((*field, field::read(object, field)));
            }
        }
    }
    write.extend(quote!(::core::result::Result::Ok(())));
    Bodies { class, items, write, read: make(object, checked, read) }
}

/// Emits `Ok(Self { .. })`, where each stored field comes from its own expression and the others are skipped.
pub(super) fn make(object: &Object<'_>, checked: &Checked<'_>, stored: Vec<(&Field<'_>, TokenStream)>) -> TokenStream {
    let skipped = object.fields.iter().flatten().filter(|field| field.keys.skip.is_some());
    let skipped = skipped.filter(|field| !std::ptr::eq(*field, checked.id));
    let fields = stored.into_iter().chain(skipped.map(|field| (field, field::missing(object, field))));
    let (mut lets, mut inits) = (TokenStream::new(), TokenStream::new());
    for (index, (Field { ident, ty, .. }, expression)) in fields.enumerate() {
        let local = format_ident!("__field{index}");
        lets.extend(quote!(let #local: #ty = #expression;));
        inits.extend(quote!(#ident: #local,));
    }
    let (ident, id) = (checked.id.ident, field::give_id(checked.id));
    let default = field::whole_default(object);
    quote! {
        #default
        #lets
        ::core::result::Result::Ok(Self { #ident: #id, #inits })
    }
}
