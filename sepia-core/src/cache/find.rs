//! Finding an object, if it is as stored.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Entry, Kept};
use super::keep::Place;
use super::{Began, Cache, nanoseconds};
use crate::backend::Backend;
use crate::name::split_generation;
use crate::object::Object;
use crate::record::Key;

impl Cache {
    /// Returns the object that an id means, if it is kept and trusted to be what is stored: at the cost of a look into a
    /// table.
    pub(crate) fn find_trusted<T: Object + Send + Sync>(&self, id: &str) -> Option<Arc<T>> {
        self.options.trust?;
        let began = self.begin();
        let found = if !T::__CLASS_DEF.keeps_generations() {
            self.trusted::<T>(id, T::__CLASS, began)
        } else if split_generation(id).is_some()
            && let Some(found) = self.trusted::<T>(id, T::__CLASS, began)
        {
            Some(found)
        } else {
            let meant = self.trusted::<Key>(id, T::__CLASS, began)?;
            self.trusted::<T>(meant.id(), T::__CLASS, began)
        };
        self.counters.hits.add(found.is_some().into());
        found
    }

    fn trusted<T: Any + Send + Sync>(&self, id: &str, class: &str, began: Began) -> Option<Arc<T>> {
        let Kept { object, entry } = self.strong.get(&Place { class, id })?;
        let object = object.downcast::<T>().ok()?;
        if self.is_too_old(&entry, began.time) || !self.is_trusted(&entry, began) {
            return None;
        }
        entry.set_used(began.time);
        Some(object)
    }

    /// Returns the object that is in memory under this key, if it is what is stored. Whatever is wrong with what is
    /// stored is said by the load.
    pub(crate) fn find<T: Any + Send + Sync>(&self, key: &Key, backend: &dyn Backend, began: Began) -> Option<Arc<T>> {
        let kept = match self.strong.get(key) {
            Some(kept) if self.is_too_old(&kept.entry, began.time) => {
                drop(kept);
                self.expire(key, began.time);
                None
            }
            kept => kept,
        };
        let is_kept = kept.is_some();
        let Kept { object, entry } = kept.or_else(|| self.alive.get(key))?;
        // A class that was retired may have been claimed by another type.
        let object = object.downcast::<T>().ok()?;
        if self.is_trusted(&entry, began) || self.is_intact(&entry, backend, began) {
            if is_kept {
                entry.set_used(began.time);
            } else {
                self.keep_again(key, Kept { object: Arc::<T>::clone(&object), entry }, began);
            }
            return Some(object);
        }
        if let Ok(Some(again)) = entry.reread(backend, began) {
            if !is_kept {
                again.set_kept(began.time);
            }
            return Some(self.put(key, object, again));
        }
        self.drop_old(key, &entry);
        None
    }

    fn is_intact(&self, entry: &Entry, backend: &dyn Backend, began: Began) -> bool {
        self.counters.validations.add(1);
        let is_intact = matches!(entry.is_intact(backend), Ok(true));
        if is_intact {
            entry.set_validated(began);
        }
        is_intact
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
