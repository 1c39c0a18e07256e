//! Finding an object, if it is as stored.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Entry, Kept};
use super::keep::{Place, Sought, What};
use super::{Began, Cache, nanoseconds};
use crate::backend::Backend;
use crate::object::Object;
use crate::record::Key;
use crate::record::name::split_generation;

impl Cache {
    /// Returns the object that an id means, if it is kept and trusted to be what is stored: at the cost of a look into a
    /// table.
    pub(crate) fn find_trusted<T: Object + Send + Sync>(&self, id: &str) -> Option<Arc<T>> {
        self.options.trust?;
        let began = self.begin();
        let class = T::__CLASS;
        let object = |id: &str| self.trusted::<T>(&Sought { what: What::Object, class, id }, began);
        let newest = || object(self.trusted::<Key>(&Sought { what: What::Meant, class, id }, began)?.id());
        let found = match split_generation(id) {
            _ if !T::__CLASS_DEF.keeps_generations() => object(id),
            Some(_) => object(id).or_else(newest),
            None => newest(),
        };
        self.counters.hits.add(found.is_some().into());
        found
    }

    fn trusted<T: Any + Send + Sync>(&self, sought: &Sought<'_>, began: Began) -> Option<Arc<T>> {
        let Kept { object, entry } = self.strong.get(sought)?;
        let object = object.downcast::<T>().ok()?;
        if self.is_too_old(&entry, began.time) || !self.is_trusted(&entry, began) {
            return None;
        }
        entry.set_used(began.time);
        Some(object)
    }

    /// Returns the object that is in memory under this key, if it is what is stored. Whatever is wrong with what is
    /// stored is said by the load.
    pub(crate) fn find<T: Object + Send + Sync>(
        &self,
        key: &Key,
        backend: &dyn Backend,
        began: Began,
    ) -> Option<Arc<T>> {
        self.find_at(&Place::of(What::Object, key), backend, began)
    }

    /// Returns the key of the generation that a key means, if that is in memory and as it is stored.
    pub(crate) fn find_meant(&self, key: &Key, backend: &dyn Backend, began: Began) -> Option<Arc<Key>> {
        self.find_at(&Place::of(What::Meant, key), backend, began)
    }

    fn find_at<T: Any + Send + Sync>(&self, place: &Place, backend: &dyn Backend, began: Began) -> Option<Arc<T>> {
        let kept = match self.strong.get(place) {
            Some(kept) if self.is_too_old(&kept.entry, began.time) => {
                drop(kept);
                self.expire(place, began.time);
                None
            }
            kept => kept,
        };
        let is_kept = kept.is_some();
        let Kept { object, entry } = kept.or_else(|| self.alive.get(place))?;
        // A class that was retired may have been claimed by another type.
        let object = object.downcast::<T>().ok()?;
        if self.is_trusted(&entry, began) || self.is_intact(&entry, backend, began) {
            if is_kept {
                entry.set_used(began.time);
                return Some(object);
            }
            entry.set_kept(began.time);
            return Some(self.put(place, object, entry));
        }
        if let Ok(Some(again)) = entry.reread(backend, began) {
            if !is_kept {
                again.set_kept(began.time);
            }
            return Some(self.put(place, object, Arc::new(again)));
        }
        self.drop_old(place, &entry);
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
