//! The hints of the newest generations around a commit. A writer may die before the batch takes effect or after, and
//! leaves no hint that is believed and wrong, nor one of a base that has no generations:
//!
//! - A newer generation: its hint is set before. That generation is not there yet, so nobody believes it.
//! - The first generation: its hint is set afterwards. Until then generation 0 is looked for anyway; before any other,
//!   the note that all bases have their hints is taken away.
//! - The newest goes: its hint, which is bad now, is lowered afterwards. If none stays, as far as that is known, it is
//!   taken away before, and with it the note is no longer true.
//!
//! A note that was true before is written again afterwards.

use std::collections::BTreeMap;

use super::super::{Filesystem, latest};
use super::check::{Base, Planned};
use crate::record::Key;
use crate::record::batch::{Batch, Change};
use crate::record::error::Result;

/// The classes of which the note that all bases have their hints was taken away, each with one of its bases.
pub(super) type Unnoted<'p> = BTreeMap<&'p str, &'p Key>;

impl Filesystem {
    /// Sets hints before batches take effect. If this fails, those that are set do no harm.
    pub(super) fn hint_before<'p>(&self, group: &'p [Planned<'_>]) -> Result<Unnoted<'p>> {
        let mut unnoted = Unnoted::new();
        let mut take_note = |key: &'p Key| -> Result<()> {
            if !unnoted.contains_key(key.class()) && self.has_all_hints(key)? {
                unnoted.insert(key.class(), key);
            }
            // Also where it could not be read, and may be true.
            self.forget_hint(&latest::marker(key))
        };
        for (key, base) in bases(group) {
            match (base.before, base.after) {
                (None, None | Some(0)) => {}
                (None, Some(_)) => take_note(key)?,
                (Some(before), Some(after)) if after > before => self.set_hint(key, base.after)?,
                (Some(_), _) if base.is_lowered() && base.left.is_none() => {
                    take_note(key)?;
                    self.forget_hint(&latest::path(key))?;
                }
                (Some(_), _) => {}
            }
        }
        Ok(unnoted)
    }

    /// Sets the other hints once batches have taken effect. What cannot be set right is not believed.
    pub(super) fn hint_after(&self, group: &[Planned<'_>], unnoted: &Unnoted<'_>) {
        let first = bases(group).filter(|(_, base)| base.before.is_none());
        let set = first.map(|(key, base)| self.set_hint(key, base.after)).fold(Ok(()), Result::and);
        let lowered: Vec<_> =
            bases(group).filter(|(_, base)| base.is_lowered()).map(|(key, base)| (key, base.left)).collect();
        if set.and(self.lower_hints(&lowered)).is_ok() {
            for key in unnoted.values() {
                // Without the note, the class is listed.
                let _ = self.note_all_hints(key);
            }
        }
    }

    /// Returns the newest generation of a base that stays when the batch has deleted the newest of all, if it is near.
    pub(super) fn newest_left(&self, batch: &Batch, base: &Key, gone: u64) -> Result<Option<u64>> {
        // Most histories have few gaps.
        for generation in (0..gone).rev().take(latest::NEAR) {
            let key = base.sibling(&format!("{}.{generation}", base.id()))?;
            let stays = match batch.get(&key).map(|step| &step.change) {
                Some(Change::Put(_)) => true,
                Some(Change::Delete) => false,
                Some(Change::Keep) | None => self.is_stored(&key)?,
            };
            if stays {
                return Ok(Some(generation));
            }
        }
        Ok(None)
    }
}

fn bases<'p>(group: &'p [Planned<'_>]) -> impl Iterator<Item = (&'p Key, &'p Base)> {
    group.iter().flat_map(|planned| &planned.bases)
}
