//! `derive(Container)`.

use quote::{quote, quote_spanned};

use super::{Bodies, fields};
use crate::check::{Checked, Content};
use crate::model::{Kind, Object};

/// Custom fields are written and read by the type's own `Fields`:
///
/// ```text
/// fn __write(..) { __writer.__fields::<Self>(__object) }
/// fn __read(..)  { (&&Ask::<Self>::NEW).__read_fields(__reader, __id) }
/// ```
pub(super) fn bodies(object: &Object<'_>, checked: &Checked<'_>) -> Bodies {
    let (class, _) = object.class();
    let class = quote!(__sepia::Class::container(#class));
    if let Content::Fields(stored) = &checked.content {
        return fields::bodies(Kind::Container, object, checked, stored, class);
    }
    let fields = quote_spanned!(object.ident.span()=> __fields::<Self>);
    Bodies {
        class,
        items: quote!(),
        write: quote!(__writer.#fields(__object)),
        read: quote! {
            use __sepia::{FillFields as _, FillNone as _};
            (&&__sepia::Ask::<Self>::NEW).__read_fields(__reader, __id)
        },
    }
}
