//! Finding an object, if it is as stored.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Entry, Kept};
use super::{Began, Cache, nanoseconds};
use crate::backend::Backend;
use crate::error::Result;
use crate::record::Key;

impl Cache {
    /// Returns the object that is in memory under this key, if it is what is stored.
    pub(crate) fn find<T: Any + Send + Sync>(
        &self,
        key: &Key,
        backend: &dyn Backend,
        began: Began,
    ) -> Result<Option<Arc<T>>> {
        self.purge(began);
        let kept = match self.strong.get(key) {
            Some(kept) if self.is_too_old(&kept.entry, began.time) => {
                drop(kept);
                self.expire(key, began.time);
                None
            }
            kept => kept,
        };
        let is_kept = kept.is_some();
        let Some(Kept { object, entry }) = kept.or_else(|| self.alive.get(key)) else { return Ok(None) };
        // A class that was retired may have been claimed by another type.
        let Ok(object) = object.downcast::<T>() else { return Ok(None) };
        let is_stored = self.is_trusted(&entry, began) || {
            self.counters.validations.add(1);
            let is_intact = entry.is_intact(backend)?;
            if is_intact {
                entry.set_validated(began);
            }
            is_intact
        };
        if is_stored {
            if !is_kept {
                self.keep_again(key, Kept { object: Arc::<T>::clone(&object), entry }, began);
            } else if self.options.time_to_idle.is_some() {
                entry.set_used(began.time);
            }
            return Ok(Some(object));
        }
        // Whatever is wrong with what is stored is said by the load.
        if let Ok(Some(again)) = entry.reread(backend, began) {
            return Ok(Some(self.put(key, object, again)));
        }
        self.drop_old(key, &entry);
        Ok(None)
    }

    fn is_trusted(&self, entry: &Entry, began: Began) -> bool {
        let Some(trust) = self.options.trust else { return false };
        began.time.saturating_sub(entry.validated()) < nanoseconds(trust)
            && self.notes.is_untouched(entry, began.commits)
    }

    pub(super) fn is_too_old(&self, entry: &Entry, time: u64) -> bool {
        let is_over = |limit: Option<Duration>, since: u64| {
            limit.is_some_and(|limit| time.saturating_sub(since) > nanoseconds(limit))
        };
        is_over(self.options.time_to_live, entry.kept()) || is_over(self.options.time_to_idle, entry.used())
    }
}
