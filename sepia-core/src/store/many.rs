//! Many objects at once: loaded by several threads, saved as one.

use std::mem;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Snapshot, Store, Transaction};
use crate::object::encode::{Encoder, Intent};
use crate::object::id::Id;
use crate::object::{AsObject, Object};
use crate::record::error::Result;

/// How long one thread loads alone before others help it: a few times what it takes to start them.
const ALONE: Duration = Duration::from_micros(200);

/// The most objects that a thread takes at a time.
const PIECE: usize = 64;

/// How many threads work where there is much to do.
pub(crate) fn workers() -> usize {
    static WORKERS: OnceLock<usize> = OnceLock::new();
    *WORKERS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from).min(8))
}

impl Store {
    /// Loads several objects, in the order of their ids: each as [`load`](Store::load) does, and by several threads
    /// if there is more to do than one does at once. An id that is given twice is loaded twice.
    ///
    /// They may be of different moments, as those of several loads; a [snapshot](Store::snapshot) loads them
    /// as of one.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Object, Result, Store};
    /// # fn load<Note: Object + Send>(store: &Store) -> Result<()> {
    /// let notes = store.load_many::<Note>(["milk", "bread"])?;
    /// let all = store.load_many(store.ids::<Note>()?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`load`](Store::load): of several that cannot be loaded, the error of the one that was named first.
    pub fn load_many<T: Object + Send>(&self, ids: impl IntoIterator<Item = impl Into<Id<T>>>) -> Result<Vec<T>> {
        load_many(ids, |id| self.follow(|look| look.load(id)))
    }

    /// Saves several objects as one: all of them, each with everything that it owns, or none. Each is saved as by
    /// [`save`](Store::save). Takes the objects themselves or references to them; until they are committed, all
    /// their records are in memory.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Object, Result, Store};
    /// # fn save<Note: Object>(store: &Store, notes: Vec<Note>, fresh: impl Fn(u32) -> Note) -> Result<()> {
    /// store.save_all(&notes)?;
    /// store.save_all(notes.iter().rev())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`save`](Store::save), `InvalidValue` also if one object is there twice with different content. Nothing was
    /// written.
    pub fn save_all(&self, objects: impl IntoIterator<Item: AsObject>) -> Result<()> {
        self.commit_encoded(Intent::Save, |encoder| add_all(encoder, objects))
    }
}

impl Snapshot<'_> {
    /// Loads several objects, as [`Store::load_many`], but in this thread alone.
    ///
    /// # Errors
    /// As [`Store::load_many`].
    pub fn load_many<T: Object>(&self, ids: impl IntoIterator<Item = impl Into<Id<T>>>) -> Result<Vec<T>> {
        ids.into_iter().map(|id| self.load(id)).collect()
    }
}

impl Transaction<'_> {
    /// Loads several objects, as [`Store::load_many`], but in this thread alone.
    ///
    /// # Errors
    /// As [`Store::load_many`].
    pub fn load_many<T: Object>(&self, ids: impl IntoIterator<Item = impl Into<Id<T>>>) -> Result<Vec<T>> {
        ids.into_iter().map(|id| self.load(id)).collect()
    }

    /// Saves several objects, as [`Store::save_all`].
    ///
    /// # Errors
    /// As [`Store::save_all`]: none of the objects is part of the transaction then.
    pub fn save_all(&mut self, objects: impl IntoIterator<Item: AsObject>) -> Result<()> {
        self.encode(Intent::Save, |encoder| add_all(encoder, objects))
    }
}

fn add_all<I: AsObject>(encoder: &mut Encoder, objects: impl IntoIterator<Item = I>) -> Result<()> {
    objects.into_iter().try_for_each(|object| encoder.add(I::__object(&object)).map(|_| ()))
}

fn load_many<T: Object + Send>(
    ids: impl IntoIterator<Item = impl Into<Id<T>>>,
    load: impl Fn(&Id<T>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let ids: Vec<Id<T>> = ids.into_iter().map(Into::into).collect();
    let mut loaded = Vec::with_capacity(ids.len());
    let start = Instant::now();
    while loaded.len() < ids.len() && start.elapsed() < ALONE {
        loaded.push(load(&ids[loaded.len()])?);
    }
    let rest = &ids[loaded.len()..];
    let threads = if rest.len() > 1 { workers().min(rest.len()) } else { 1 };
    let piece = (rest.len() / (4 * threads)).clamp(1, PIECE);
    let work = Work { ids: rest, load, piece, next: AtomicUsize::new(0), stop: AtomicBool::new(false) };
    let mut pieces = thread::scope(|scope| {
        // One that cannot be started is not needed.
        let others: Vec<_> =
            (1..threads).map_while(|_| thread::Builder::new().spawn_scoped(scope, || work.load()).ok()).collect();
        let mut pieces = work.load();
        for other in others {
            pieces.append(&mut other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        pieces
    });
    pieces.sort_unstable_by_key(|(at, _)| *at);
    for (_, piece) in pieces {
        loaded.append(&mut piece?);
    }
    Ok(loaded)
}

/// What several threads load together.
struct Work<'a, T, F> {
    ids: &'a [Id<T>],
    load: F,
    piece: usize,
    next: AtomicUsize,
    /// Whether the pieces that nobody has taken are of no use any more. They are taken in order, so those before the
    /// one that failed are under way.
    stop: AtomicBool,
}

/// Where a piece begins, and what was loaded of it: up to the first that could not be.
type Piece<T> = (usize, Result<Vec<T>>);

impl<T: Object, F: Fn(&Id<T>) -> Result<T>> Work<'_, T, F> {
    fn load(&self) -> Vec<Piece<T>> {
        /// Keeps the other threads from working for one that panics.
        struct Abandon<'a>(&'a AtomicBool);
        impl Drop for Abandon<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let abandon = Abandon(&self.stop);
        let mut pieces = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let at = self.next.fetch_add(self.piece, Ordering::Relaxed);
            let Some(ids) = self.ids.get(at..).filter(|ids| !ids.is_empty()) else { break };
            let piece: Result<Vec<T>> = ids.iter().take(self.piece).map(&self.load).collect();
            if piece.is_err() {
                self.stop.store(true, Ordering::Relaxed);
            }
            pieces.push((at, piece));
        }
        mem::forget(abandon);
        pieces
    }
}
