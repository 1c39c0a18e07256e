//! Files that are one field as it stands.

use crate::object::decode::Reader;
use crate::object::encode::Writer;
use crate::record::error::{Error, Result};

/// What the one field of a text file can be.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text",
    label = "cannot be the content",
    note = "with `#[sepia(content = \"text\")]` the file is the text itself: the field is a `String`, a `Box<str>`, \
            an `Arc<str>` or whatever is `AsRef<str> + From<String>`"
)]
pub trait Text: Sized {
    #[doc(hidden)]
    fn __write(field: &Self, writer: &mut Writer<'_>);
    #[doc(hidden)]
    fn __read(reader: &mut Reader<'_>) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: AsRef<str> + From<String>> Text for T {
    fn __write(field: &Self, writer: &mut Writer<'_>) {
        writer.__borrowed_content(field.as_ref().as_bytes());
    }

    fn __read(reader: &mut Reader<'_>) -> Result<Self> {
        text(reader.__take_content()).map(T::from)
    }
}

fn text(content: Vec<u8>) -> Result<String> {
    let text = String::from_utf8(content);
    text.map_err(|error| Error::corrupt(format!("the text is not UTF-8: {}", error.utf8_error())))
}

/// What the one field of a file of bytes can be.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not bytes",
    label = "cannot be the content",
    note = "with `#[sepia(content = \"bytes\")]` the file is the bytes themselves: the field is a `Vec<u8>`, a \
            `Box<[u8]>`, an `Arc<[u8]>` or whatever is `AsRef<[u8]> + From<Vec<u8>>`"
)]
pub trait Bytes: Sized {
    #[doc(hidden)]
    fn __write(field: &Self, writer: &mut Writer<'_>);
    #[doc(hidden)]
    fn __read(reader: &mut Reader<'_>) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: AsRef<[u8]> + From<Vec<u8>>> Bytes for T {
    fn __write(field: &Self, writer: &mut Writer<'_>) {
        writer.__borrowed_content(field.as_ref());
    }

    fn __read(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(reader.__take_content().into())
    }
}
