//! `derive(Container)`.

use quote::quote;
use syn::Ident;

use super::{Bodies, fields};
use crate::check::{Checked, Content};
use crate::model::Object;

/// Custom fields are written and read by the type's own `Fields`:
///
/// ```text
/// fn __write(..) { <Self as Fields>::write_fields(__object, __writer) }
/// fn __read(..)  { <Self as Fields>::read_fields(__id, __reader) }
/// ```
pub(super) fn bodies(object: &Object<'_>, checked: &Checked<'_>) -> Bodies {
    let (class, _) = object.class();
    let class = quote!(__sepia::Class::container(#class));
    if let Content::Fields(stored) = &checked.content {
        return fields::bodies(object, checked, stored, class);
    }
    let this = Ident::new("Self", object.ident.span());
    Bodies {
        class,
        items: quote!(),
        write: quote!(<#this as __sepia::Fields>::write_fields(__object, __writer)),
        read: quote!(<#this as __sepia::Fields>::read_fields(__id, __reader)),
    }
}
