//! What an object is encoded to right after it was decoded, so that it is known later whether it was changed.
//!
//! It is encoded once more, and mostly that gives what was read. Values and contents are compared as bytes. References
//! are not encoded if it is sure that they come out as they were read, which is watched while they are read: every name
//! is the one that would be written, every link leads to the object that was loaded, nothing was left out or filled in.
//! Where that is not sure, or does not hold, the record is encoded as a whole. In doubt, anything may call
//! [`set_vague`](Decoder::set_vague): that costs time and nothing else.

use std::cell::Cell;
use std::sync::Arc;

use super::Decoder;
use crate::object::Object;
use crate::object::encode::{Encoder, Writer, Written};
use crate::record::Fingerprint;
use crate::record::class::Kind;

/// The largest buffer that is kept.
const LARGEST: usize = 64 << 10;

thread_local! {
    /// Where objects are encoded only to be compared.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Decoder<'_> {
    /// Returns what an object is encoded to that was just made of a record of this fingerprint, with these bytes: of its
    /// file, or of its `data.json`.
    pub(super) fn encoding<T: Object>(&self, object: &T, bytes: &[u8], stored: Fingerprint) -> Fingerprint {
        let is_container = matches!(T::__CLASS_DEF.kind(), Kind::Container);
        if !(is_container && self.is_vague.get()) {
            let place = (T::__CLASS, T::__id(object).as_str());
            let mut writer = Writer::without_references(place, is_container, BUFFER.take());
            if T::__write(object, &mut writer).is_err() {
                return Fingerprint::NOTHING;
            }
            match writer.finish_values() {
                Written::Bytes(same) if same == bytes => {
                    if same.capacity() <= LARGEST {
                        BUFFER.set(same);
                    }
                    return stored;
                }
                Written::Bytes(other) if !is_container => return Fingerprint::of_leaf(&other),
                Written::Fingerprint(content) => return content,
                Written::Bytes(_) | Written::Unknown => {}
            }
        }
        // What cannot be written is equal to nothing that is.
        Encoder::record_of(Arc::clone(self.claims), self.eyes.clone(), object)
            .map_or(Fingerprint::NOTHING, |record| record.fingerprint())
    }
}
