//! Objects that are shared, and kept if the store has a cache.

use std::sync::Arc;

use super::Store;
use crate::object::Object;
use crate::object::id::Id;
use crate::record::error::Result;

impl Store {
    /// Returns an object, to share. In a class that keeps generations, a base id means the newest.
    ///
    /// A store with a cache (feature `cache`, `StoreBuilder::cache`) returns the one that it has in memory, if that is
    /// what is stored: at least as new as when this was called, unless it is told to trust others for a while. As long
    /// as anyone holds it, everybody gets the same, until something else is stored; whoever holds it keeps what he
    /// has. A store without a cache loads the object each time.
    ///
    /// An object that is to be changed is [loaded](Store::load), or cloned from the shared one.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Object, Result, Store};
    /// # use std::sync::Arc;
    /// # fn get<T: Object + Send + Sync>(store: &Store) -> Result<()> {
    /// let board: Arc<T> = store.get("work_board")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`load`](Store::load).
    pub fn get<T: Object + Send + Sync>(&self, id: impl Into<Id<T>> + AsRef<str>) -> Result<Arc<T>> {
        #[cfg(feature = "cache")]
        if let Some(cache) = &self.cache {
            // To make an id takes longer than to find what is trusted.
            return match cache.find_trusted::<T>(id.as_ref()) {
                Some(found) => Ok(found),
                None => self.get_cached(cache, &id.into()),
            };
        }
        let id = id.into();
        self.follow(|look| look.load(&id)).map(Arc::new)
    }
}

#[cfg(feature = "cache")]
mod cached {
    use std::sync::Arc;

    use crate::object::Object;
    use crate::object::id::Id;
    use crate::object::source::{Committed, find};
    use crate::record::Key;
    use crate::record::error::Result;
    use crate::record::name::split_generation;
    use crate::store::cache::{Cache, CacheOptions, CacheStats, Gathering, Witness};
    use crate::store::look::{Look, absent};
    use crate::store::{ROUNDS, Store};

    /// An object, and where it was found.
    enum Got<T> {
        InMemory(Arc<T>),
        Loaded(Arc<T>),
    }

    /// Of stores that keep objects in memory (feature `cache`).
    #[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
    impl Store {
        /// Returns the same store, which keeps objects in memory for [`get`](Store::get); its clones share what is kept.
        /// What is committed through other handles, this one among them, counts as others' changes.
        ///
        /// ```
        /// # use sepia_core as sepia;
        /// use sepia::{CacheOptions, Store};
        ///
        /// let store = Store::in_memory().with_cache(CacheOptions::new(64 << 20));
        /// ```
        #[must_use]
        pub fn with_cache(&self, options: CacheOptions) -> Self {
            let cache = Arc::new(Cache::new(options));
            let backend = Arc::new(Witness::new(Arc::clone(&self.backend), Arc::clone(&cache)));
            Self { backend, cache: Some(cache), ..self.clone() }
        }

        /// Returns what the cache has done, and what it keeps. All is zero for a store without one.
        pub fn cache_stats(&self) -> CacheStats {
            self.cache.as_ref().map(|cache| cache.stats()).unwrap_or_default()
        }

        /// Lets go of objects until those that are kept take no more than this, by estimate: those first that were
        /// used longest ago. What the program itself holds stays, and is still shared. The budget stays what it is.
        pub fn shrink_to(&self, bytes: u64) {
            if let Some(cache) = &self.cache {
                cache.shrink_to(bytes);
            }
        }

        pub(super) fn get_cached<T: Object + Send + Sync>(&self, cache: &Cache, id: &Id<T>) -> Result<Arc<T>> {
            let got = Key::of_id(id).and_then(|key| match T::__CLASS_DEF.keeps_generations() {
                true => self.get_generation(cache, &key, id),
                false => self.get_exactly(cache, &key),
            });
            match &got {
                Ok(Some(Got::InMemory(_))) => cache.count_hit(),
                _ => cache.count_miss(),
            }
            match got? {
                Some(Got::InMemory(object) | Got::Loaded(object)) => Ok(object),
                None => Err(absent(id)),
            }
        }

        /// Returns the object under exactly this key.
        fn get_exactly<T: Object + Send + Sync>(&self, cache: &Cache, key: &Key) -> Result<Option<Got<T>>> {
            let began = cache.begin();
            // Whoever has put it there has claimed the class for this type.
            if let Some(found) = cache.find(key, &*self.backend, began) {
                return Ok(Some(Got::InMemory(found)));
            }
            self.look(|look| look.claim::<T>())?;
            let loaded = self.follow(|look| {
                let gathering = Gathering::new(&*self.backend);
                let object = Look { source: &gathering, ..look }.exactly::<T>(key)?;
                Ok(object.map(|object| (object, gathering.end())))
            })?;
            Ok(loaded.map(|(object, gathered)| Got::Loaded(cache.add(key, object, gathered, began))))
        }

        /// Returns the generation that an id means.
        fn get_generation<T: Object + Send + Sync>(
            &self,
            cache: &Cache,
            key: &Key,
            id: &Id<T>,
        ) -> Result<Option<Got<T>>> {
            if split_generation(key.id()).is_some()
                && let Some(found) = cache.find(key, &*self.backend, cache.begin())
            {
                return Ok(Some(Got::InMemory(found)));
            }
            self.look(|look| look.claim::<T>())?;
            for round in 0..ROUNDS {
                // What was trusted once and is gone is not trusted again.
                let meant = if round == 0 { self.meant(cache, key)? } else { find(&Committed(&*self.backend), key)? };
                let Some(meant) = meant else { return Ok(None) };
                if let Some(object) = self.get_exactly(cache, &meant)? {
                    return Ok(Some(object));
                }
            }
            Ok(self.follow(|look| look.find(id))?.map(|object| Got::Loaded(Arc::new(object))))
        }

        /// Returns the key of the generation that a key means.
        fn meant(&self, cache: &Cache, key: &Key) -> Result<Option<Key>> {
            let source = Committed(&*self.backend);
            if !cache.trusts() {
                return find(&source, key);
            }
            let began = cache.begin();
            if let Some(meant) = cache.find_meant(key, &*self.backend, began) {
                return Ok(Some((*meant).clone()));
            }
            let gathering = Gathering::new(&*self.backend);
            let meant = find(&gathering, key)?;
            // An exact id means itself, for as long as that is kept.
            if let Some(meant) = meant.as_ref().filter(|meant| *meant != key || split_generation(key.id()).is_none()) {
                cache.add_meant(key, meant.clone(), gathering.end(), began);
            }
            Ok(meant)
        }
    }
}
