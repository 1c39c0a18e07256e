//! Garbage collection: what nothing leads to goes.
//!
//! Links are followed from *roots*, from record to record and without any types; what they do not reach
//! is swept. See [`Store::gc`].

mod index;
pub(crate) mod mark;
mod order;
mod report;
mod sweep;

use std::time::Duration;

use crate::record::batch::Durability;
use crate::record::error::{Error, Result};
use crate::store::Store;
use crate::tools::progress::{Progress, Reporter};
use crate::tools::roots::Root;

pub use mark::Dangling;
pub use report::{ClassReport, GcReport};

/// How long what nothing leads to is spared, if nobody says otherwise: an object may be saved some time before the
/// link to it.
pub const GRACE: Duration = Duration::from_secs(60 * 60);

/// A collection that is about to [run](Gc::run). Made by [`Store::gc`].
#[derive(Debug)]
#[must_use = "nothing happens before `run`"]
pub struct Gc<'a> {
    store: &'a Store,
    roots: Vec<Root>,
    options: Options,
    reporter: Reporter<'a>,
}

#[derive(Clone, Debug)]
struct Options {
    dry_run: bool,
    list: bool,
    needs_roots: bool,
    keep: Option<u64>,
    older_than: Duration,
    grace: Duration,
    durability: Durability,
}

impl Store {
    /// Begins a collection: deletes every object that no link leads to from one of these roots. Roots are
    /// objects, and whole classes.
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// # use sepia::backend::Backend;
    /// # use sepia::batch::{Batch, Expect};
    /// # use sepia::class::Format;
    /// # use sepia::record::{Entries, Entry, Name, Node, Record};
    /// use std::time::Duration;
    ///
    /// use sepia::class::Class;
    /// use sepia::record::Key;
    /// use sepia::{Root, Store};
    ///
    /// # fn main() -> sepia::Result<()> {
    /// let store = Store::in_memory();
    /// # let note = |id| Key::new("Note", id);
    /// # let mut batch = Batch::new();
    /// # batch.declare(&Class::container("Board"))?;
    /// # batch.declare(&Class::serializable("Note", Format::Text))?;
    /// # let link = (Name::of("pinned")?, Entry::Link(note("pinned")?));
    /// # let node = Node { data: b"{}\n".to_vec(), entries: Entries::new(vec![link]).unwrap() };
    /// # batch.put(Key::new("Board", "work")?, Record::Container(node), Expect::Any);
    /// # batch.put(note("pinned")?, Record::Leaf(vec![]), Expect::Any);
    /// # batch.put(note("lost")?, Record::Leaf(vec![]), Expect::Any);
    /// # store.backend().commit(batch)?;
    /// // The board "work" links to one of two notes.
    /// let report = store.gc([Key::new("Board", "work")?]).run()?;
    /// assert_eq!(report.swept(), 0); // the other has been saved just now, maybe to be linked
    ///
    /// let report = store.gc([Root::class("Board")]).grace(Duration::ZERO).list().run()?;
    /// assert_eq!(report.swept, [Key::new("Note", "lost")?]);
    /// assert_eq!(report.live(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Only links lead anywhere: references of containers, objects and [`Ref`](crate::Ref)s. An [`Id`](crate::Id) that
    /// stands in a value, or in a serializable object, is text to a collection, which deletes what only such an id names.
    /// Name those objects or their class as roots, or hold a `Ref` to them in a container.
    ///
    /// In a class with generations, whoever leads to one keeps all of them, unless
    /// [`keep_generations`](Gc::keep_generations) says otherwise.
    ///
    /// Others can read and write meanwhile, in any thread and process: nothing is swept that a commit changes, or
    /// links to, before its turn comes. Saving an object again as it is stored is no change: whoever saves what nothing
    /// leads to and means to link it does both in one transaction.
    pub fn gc(&self, roots: impl IntoIterator<Item: Into<Root>>) -> Gc<'_> {
        let options = Options {
            dry_run: false,
            list: false,
            needs_roots: true,
            keep: None,
            older_than: Duration::ZERO,
            grace: GRACE,
            durability: self.durability(),
        };
        let roots = roots.into_iter().map(Into::into).collect();
        Gc { store: self, roots, options, reporter: Reporter::default() }
    }
}

impl<'a> Gc<'a> {
    /// Deletes nothing, and reports what would be deleted.
    pub fn dry_run(mut self) -> Self {
        self.options.dry_run = true;
        self
    }

    /// Lists in the report what is swept, in [`swept`](GcReport::swept).
    pub fn list(mut self) -> Self {
        self.options.list = true;
        self
    }

    /// Of each live object in classes with generations, keeps the newest `count` generations, those that something
    /// leads to exactly, and roots; the others go, with what only they lead to. By default, all are
    /// kept. A whole class as a root keeps every object of it, not every generation.
    pub fn keep_generations(mut self, count: u64) -> Self {
        self.options.keep = Some(count);
        self
    }

    /// Spares what was changed within this time before now, old generations of live objects too. None by default.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.options.older_than = age;
        self
    }

    /// Spares what nothing leads to, but was saved within this time before now; by default, [`GRACE`]. Programs save
    /// objects first and link to them afterwards: what is to be linked must be so within this time. A generation is
    /// spared with a newer one of its object. Saving an object again as it is stored does not make it younger.
    ///
    /// In files, what counts is the time of the last change of the file itself, which no program sets. What is dated
    /// ahead all the same, as a clock was set back, is spared, and its age counts from the first collection that meets
    /// it: see [`ahead`](GcReport::ahead).
    pub fn grace(mut self, age: Duration) -> Self {
        self.options.grace = age;
        self
    }

    /// Goes ahead although there are no roots, or they are classes without objects, so that nothing is live:
    /// **everything** that is old enough goes. Otherwise that is an error.
    pub fn even_without_roots(mut self) -> Self {
        self.options.needs_roots = false;
        self
    }

    /// Tells how far it has come: how many containers are marked (`"mark"`), how many objects are swept of how many
    /// (`"sweep"`).
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + 'a) -> Self {
        self.reporter = Reporter::new(tell);
        self
    }

    /// Marks, and sweeps. What is swept goes in many commits, each of them with the store's
    /// [durability](Store::with_durability): after an error, some of them have been made, and the next collection
    /// goes on.
    ///
    /// Marking reads the links of every live container; it takes about 100 bytes of memory for each object. Writers wait
    /// for one commit of the collection at a time. Only if so much is written meanwhile that it is not known what, three
    /// times, they are kept off until all is done.
    ///
    /// # Errors
    /// `NotFound` if an object among the roots is absent, or the store has no class of that name; `InvalidValue` if nothing would be live, without
    /// [`even_without_roots`](Self::even_without_roots), and for keeping no generations; `Corrupt` if the links of a live object
    /// cannot be read: nothing has been swept then, unless it was made or damaged meanwhile, and [`Store::verify`]
    /// tells more; and as for
    /// [`delete`](Store::delete).
    pub fn run(mut self) -> Result<GcReport> {
        if self.options.keep == Some(0) {
            return Err(Error::invalid_value("a collection cannot keep no generations of live objects"));
        }
        sweep::collect(self.store.backend(), &self.roots, &self.options, &mut self.reporter)
    }
}
