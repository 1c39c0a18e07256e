//! For the tests of programs that store objects.

use std::error::Error as _;
use std::sync::Arc;

use crate::backend::Memory;
use crate::object::Object;
use crate::object::encode::{Encoder, Intent};
use crate::object::id::Eyes;
use crate::object::source::Committed;
use crate::record::Key;
use crate::record::error::{Error, Result};
use crate::store::Store;

/// Panics if an object, with everything that it owns, does not come back as it was saved: saves it into a store in
/// memory, loads it, and compares what both are encoded to. The message names the field, what was saved in it and what
/// came back.
///
/// What the compiler cannot see is whether serde reads every value that it writes: `flatten` with integers of 128 bits,
/// `skip_serializing_if` without `default`, variants of an untagged enum that look alike. Call this in a test, with
/// objects that use what your types can hold; [`StoreBuilder::check_saves`](crate::StoreBuilder::check_saves) does the
/// same at each save. What is compared is bytes: two values that are written alike are taken for one. The object is not
/// changed, and does not remember that it was saved.
///
/// ```
/// # use sepia_core as sepia;
/// # use sepia::{Content, Error, ErrorKind, Id, Object, Result};
/// # fn test<Colour: Object>(colour: Colour) {
/// sepia::testing::assert_round_trip(&colour);
/// # }
/// ```
///
/// # Panics
/// If the object cannot be saved, cannot be loaded again, or would then be saved otherwise.
#[track_caller]
#[allow(clippy::panic, reason = "assertions do")]
pub fn assert_round_trip<T: Object>(object: &T) {
    if let Err(error) = round_trip(object) {
        let mut message = format!("the object does not come back as it was saved: {error}");
        let mut cause = error.source();
        while let Some(below) = cause {
            message += &format!(": {below}");
            cause = below.source();
        }
        panic!("{message}");
    }
}

fn round_trip<T: Object>(object: &T) -> Result<()> {
    let backend = Memory::new();
    let eyes = Eyes::store(crate::backend::Backend::identity(&backend));
    let mut encoder = Encoder::new(Arc::default(), eyes, Intent::Overwrite).with_checks();
    let key: Key = encoder.add(object)?;
    encoder.check(&Committed(&backend))?;
    let store = Store::with_backend(backend);
    let (batch, _) = encoder.finish();
    store.backend().commit(batch)?;
    match store.find::<T>(key.id())? {
        Some(_) => Ok(()),
        None => Err(Error::invalid_value("it is not found under its id").object(T::__CLASS, key.id())),
    }
}
