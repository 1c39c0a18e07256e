//! Streaming the objects of a class: one thread lists them, several load them, and one takes them.

use std::any::Any;
use std::fmt;
use std::iter::FusedIterator;
use std::mem;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::vec;

use super::{Store, many};
use crate::object::Object;
use crate::record::Key;
use crate::record::error::{Error, ErrorKind, Result};

/// A class of up to so many objects is loaded by whoever takes them: threads would cost more than they bring.
const FEW: usize = 16;

/// The most ids or objects that one thread hands another at once.
const PIECE: usize = 64;

/// For how long loaded objects wait for others to be handed over with them. Large ones are handed over one by one.
const WAIT: Duration = Duration::from_micros(100);

/// The objects of a class. Made by [`Store::iter`].
pub struct Iter<T> {
    store: Store,
    /// The ids of a class with few objects.
    ids: vec::IntoIter<Box<str>>,
    /// What has been taken from the threads.
    loaded: vec::IntoIter<Result<T>>,
    threads: Option<Threads<T>>,
}

/// Those who list and load a class with many objects.
struct Threads<T> {
    loaded: Receiver<Loaded<T>>,
    loaders: Vec<JoinHandle<()>>,
    lister: JoinHandle<Result<()>>,
}

/// Some objects, or what a type's own code has panicked with.
type Loaded<T> = Result<Vec<Result<T>>, Box<dyn Any + Send>>;

/// The end that the loaders share.
type Ids = Mutex<Receiver<Vec<Box<str>>>>;

impl Store {
    /// Streams the objects of a class, in no particular order; every generation by itself.
    ///
    /// They are loaded ahead, by several threads, but only so many that the memory for them stays the same
    /// however large the class is: at most a few hundred small ones, a few large ones. The threads end with the
    /// iterator, be it at its end or dropped before.
    ///
    /// Every object that is there all the while comes exactly once, and as one of [`load`](Store::load). What is saved
    /// or deleted meanwhile comes or does not; what is replaced meanwhile comes once or twice, so that a loop that
    /// changes the objects may meet those it has changed.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::{Object, Result, Store};
    /// # fn each<Note: Object + Send + std::fmt::Debug>(store: &Store) -> Result<()> {
    /// for note in store.iter::<Note>()? {
    ///     println!("{:?}", note?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Items
    /// An object that cannot be loaded is an error with its class and id, of the kinds of [`find`](Store::find), and the
    /// others follow. If the listing of the class fails, that is the last item. A panic of a type's own code ends
    /// the stream, and goes on in `next`.
    ///
    /// # Errors
    /// `ClassClash`, `Corrupt` if what stands where the class belongs is no directory of its own, `Io`.
    pub fn iter<T: Object + Send>(&self) -> Result<Iter<T>> {
        self.look(|look| look.claim::<T>())?;
        let mut ids = Vec::new();
        self.backend.ids(T::__CLASS, &mut |id| {
            ids.push(id.into());
            if ids.len() > FEW { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let threads = if ids.len() > FEW {
            ids.clear();
            Some(Threads::start(self)?)
        } else {
            None
        };
        Ok(Iter { store: self.clone(), ids: ids.into_iter(), loaded: Vec::new().into_iter(), threads })
    }

    /// Loads exactly what a listing has named; nothing if it is gone.
    fn listed<T: Object>(&self, id: &str) -> Option<Result<T>> {
        let found = Key::new(T::__CLASS, id).and_then(|key| self.follow(|look| look.exactly(&key)));
        found.map_err(|error| error.object(T::__CLASS, id)).transpose()
    }
}

impl<T: Object + Send> Threads<T> {
    fn start(store: &Store) -> Result<Self> {
        let workers = many::workers();
        let (send_ids, ids) = sync_channel(workers);
        let (send_loaded, loaded) = sync_channel(workers);
        let ids = Arc::new(Mutex::new(ids));
        let mut loaders = Vec::with_capacity(workers);
        for _ in 0..workers {
            let (store, ids, loaded) = (store.clone(), Arc::clone(&ids), send_loaded.clone());
            let loader = thread::Builder::new().name("sepia-load".to_owned()).spawn(move || {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| load(&store, &ids, &loaded))) {
                    // Whoever is gone does not want to know.
                    let _ = loaded.send(Err(panic));
                }
            });
            match loader {
                Ok(loader) => loaders.push(loader),
                Err(error) if loaders.is_empty() => return Err(no_thread(error)),
                Err(_) => break,
            }
        }
        let store = store.clone();
        let lister = thread::Builder::new().name("sepia-list".to_owned());
        let lister = lister.spawn(move || list(&store, T::__CLASS, &send_ids)).map_err(no_thread)?;
        Ok(Self { loaded, loaders, lister })
    }
}

impl<T> Threads<T> {
    /// Has all of them end, and returns how the listing did.
    fn stop(self) -> thread::Result<Result<()>> {
        // Those who load fail to hand over from now on, and then those who list.
        drop(self.loaded);
        for loader in self.loaders {
            // A panic in it has been handed over.
            let _ = loader.join();
        }
        self.lister.join()
    }
}

fn no_thread(error: std::io::Error) -> Error {
    Error::caused(ErrorKind::Io, "cannot start a thread to load objects", error)
}

fn list(store: &Store, class: &str, ids: &SyncSender<Vec<Box<str>>>) -> Result<()> {
    let mut some = Vec::with_capacity(PIECE);
    let listed = store.backend().ids(class, &mut |id| {
        some.push(id.into());
        if some.len() == PIECE && ids.send(mem::replace(&mut some, Vec::with_capacity(PIECE))).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    // If nobody takes them, nobody wants them.
    let _ = ids.send(some);
    listed
}

fn load<T: Object>(store: &Store, ids: &Ids, loaded: &SyncSender<Loaded<T>>) {
    loop {
        // Nothing panics under this lock.
        let Ok(some) = ids.lock().unwrap_or_else(PoisonError::into_inner).recv() else { return };
        let mut piece = Vec::new();
        let mut since = Instant::now();
        for id in some {
            piece.extend(store.listed(&id));
            if since.elapsed() >= WAIT {
                if loaded.send(Ok(mem::take(&mut piece))).is_err() {
                    return;
                }
                since = Instant::now();
            }
        }
        if loaded.send(Ok(piece)).is_err() {
            return;
        }
    }
}

impl<T: Object> Iterator for Iter<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(object) = self.loaded.next() {
                return Some(object);
            }
            let Some(threads) = &self.threads else {
                return self.ids.find_map(|id| self.store.listed(&id));
            };
            match threads.loaded.recv() {
                Ok(Ok(loaded)) => self.loaded = loaded.into_iter(),
                Ok(Err(panic)) => {
                    self.threads.take().map(Threads::stop);
                    resume_unwind(panic);
                }
                Err(_) => {
                    return match self.threads.take().map(Threads::stop)? {
                        Ok(listed) => listed.err().map(Err),
                        Err(panic) => resume_unwind(panic),
                    };
                }
            }
        }
    }
}

impl<T: Object> FusedIterator for Iter<T> {}

impl<T> Drop for Iter<T> {
    fn drop(&mut self) {
        self.threads.take().map(Threads::stop);
    }
}

impl<T> fmt::Debug for Iter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("store", &self.store).finish_non_exhaustive()
    }
}
