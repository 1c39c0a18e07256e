//! Sepia keeps typed Rust objects as plain files and folders that people can read, grep, diff and edit.
//!
//! ```
//! use sepia::{Container, Id, Serializable, Store};
//!
//! #[derive(Serializable, Debug, PartialEq)]
//! #[sepia(content = "text")]             // the file is the text itself
//! struct Postit {
//!     id: Id<Postit>,
//!     text: String,
//! }
//!
//! #[derive(Container, Debug, PartialEq)]
//! struct Board {
//!     id: Id<Board>,
//!     name: String,                      // values  -> data.json
//!     boards: Vec<Board>,                // containers -> subdirectories
//!     postits: Vec<Postit>,              // serializables -> symlinks
//! }
//!
//! # fn main() -> sepia::Result<()> {
//! # let directory = tempfile::tempdir().expect("a temporary directory");
//! # let path = directory.path();
//! let store = Store::open(path)?;        // e.g. "./_data"
//! let board = Board {
//!     id: "work".into(),
//!     name: "Work".to_owned(),
//!     boards: vec![],
//!     postits: vec![Postit { id: Id::new(), text: "Write the report".to_owned() }],
//! };
//! store.save(&board)?;
//! assert_eq!(store.load::<Board>("work")?, board);
//! # Ok(())
//! # }
//! ```
//!
//! # The nouns
//!
//! | | |
//! |---|---|
//! | **object** | a value with a class and an id: *serializable* (one file) or a *container* (one directory) |
//! | **class** | the type's name on disk, the directory `Board/` |
//! | **id** | names an object within its class: [`Id`] |
//! | **generation** | the version number at the end of an id, in classes that opt in |
//! | **value** | a field that serde can write: it goes into `data.json` |
//! | **reference** | a field that holds objects: it becomes symlinks and subdirectories |
//! | **record** | what a backend stores for one object, in plain data |
//! | **document** | an object without its type, by its fields: [`document::Document`] |
//! | **batch** | changes to records that commit together |
//! | **backend** | where records live: the filesystem, SQLite, memory, or one of your own |
//! | **store** | the typed front: [`Store`], cheap to clone, shared by threads |
//!
//! # Values and references
//!
//! The compiler sorts the fields of a [`Container`](derive@Container). One whose type holds objects is a
//! reference; one that serde can write is a value; one that is neither does not compile, and the error says
//! what to do. Nothing is guessed from the names of types, so aliases and generics work.
//! (Of a tuple behind an alias, only the first element is looked at.)
//!
//! References are
//! - objects: a serializable one is a symlink to its own file, a container is nested as a subdirectory;
//! - [`Ref<T>`](Ref), the link alone, loaded when you ask: for graphs, cycles and big sets;
//! - `Vec`, `VecDeque`, `Box`, `Arc`, `HashMap`, `BTreeMap`, `HashSet`, `BTreeSet` of references, within each
//!   other, and an `Option` around the whole. What an `Arc` links to twice is one allocation after a load;
//! - enums with [`#[derive(Reference)]`](derive@Reference), whose variants hold objects of different classes.
//!
//! The keys of a map may be of any type that serde writes as text, a number, a char or a bool, or as the name of a unit
//! variant. The compiler cannot know how a key is written, so this is checked at each save: any other key is
//! [`InvalidValue`](ErrorKind::InvalidValue), and nothing is written.
//!
//! A shape that could not come back exactly, such as `Vec<Option<Note>>`, `Rc<Note>` or a tuple of objects, is
//! refused at compile time, also when the object implements serde as well.
//!
//! A field that is a `HashSet` of values is written in sorted order; deeper inside a value, take a `BTreeSet`, or equal
//! objects may have different bytes.
//!
//! A nested container is part of its parent: it is saved and loaded with it, and its id means something only
//! there. A serializable object has a life of its own: saving the parent saves it too, and it stays until
//! it is [deleted](Store::delete).
//!
//! # Finding, listing, deleting
//!
//! ```
//! use sepia::{ErrorKind, Id, Serializable, Store};
//!
//! #[derive(Serializable, Debug, PartialEq)]
//! struct Person { id: Id<Person>, name: String }
//!
//! # fn main() -> sepia::Result<()> {
//! # let directory = tempfile::tempdir().expect("a temporary directory");
//! # let path = directory.path();
//! let store = Store::open(path)?;
//! for (id, name) in [("ann", "Ann"), ("bob", "Bob")] {
//!     store.save(&Person { id: id.into(), name: name.to_owned() })?;
//! }
//! assert_eq!(store.ids::<Person>()?, [Id::from("ann"), Id::from("bob")]);
//!
//! assert!(store.delete::<Person>("ann")?);
//! assert!(!store.delete::<Person>("ann")?); // it was not there any more
//! assert_eq!(store.find::<Person>("ann")?, None);
//! assert_eq!(store.load::<Person>("ann").map_err(|error| error.kind()), Err(ErrorKind::NotFound));
//!
//! let reader = Store::builder().read_only().open(path)?;
//! assert_eq!(reader.count::<Person>()?, 1);
//! # Ok(())
//! # }
//! ```
//!
//! Many objects at once: [`Store::load_many`] loads them in the order of their ids, [`Store::iter`] streams a class of
//! any size, and [`Store::save_all`] saves all of them or none.
//!
//! # Files, one file, or memory
//!
//! Only the line that opens a store says where it is: [`Store::open`] keeps it in a directory, `Store::sqlite` (feature
//! `sqlite`) in one file, a database that can be asked in SQL, [`Store::in_memory`] nowhere; and
//! [`StoreBuilder::open_url`] takes what your users say, `file:data`, `sqlite:data.db` or `memory:`. All that is said here
//! holds for each, but for durability in memory; what is said of files and directories is rows and columns in a
//! database. [`Store::copy_to`] takes a store from one to another and back, exactly. `docs/backends.md` in the repository
//! compares them, with figures.
//!
//! # Attributes
//!
//! On the type:
//!
//! | `#[sepia(..)]` | |
//! |---|---|
//! | `class = "Name"` | the class, if not the type's name; generic types need it |
//! | `content = "json"` | a serializable object's file holds its fields as JSON (the default) |
//! | `content = "text"`, `"bytes"` | … its one field, as it is |
//! | `content = "custom"` | … what [`Content`] makes of it; on a container, [`Fields`] writes and reads the fields |
//! | `generations` | ids end in a generation |
//! | `ignore_unknown` | what belongs to no field is no error; it vanishes at the next save |
//! | `serde = "ignore"` | serde's attributes on the type and its fields are for another format |
//! | `crate = "path"` | where `sepia` is, if renamed or re-exported |
//!
//! On a field:
//!
//! | `#[sepia(..)]` | |
//! |---|---|
//! | `id` | this is the id field, though it is not called `id` or `sepia_id` |
//! | `rename = "name"` | its name on disk |
//! | `skip` | not stored: `Default::default()` after a load, or the `default` given |
//! | `default`, `default = path` | what it is where the record does not have it |
//! | `value`, `reference` | forces a side |
//! | `with = module` | `module::serialize` and `module::deserialize` write and read it, as in serde |
//!
//! Where a record lacks a field, an `Option` is `None`, a collection empty, and anything else an error.
//!
//! serde's attributes on the same fields hold where they mean the same: `skip`, `rename`, `default` and `with`, on the
//! type `rename_all` and `default`. All others are refused at compile time, with what to write instead, and so are two
//! fields of one name. (What serde's attributes say *within* a value is between serde and the value; `docs/values.md` in
//! the repository lists what does not come back, and [`StoreBuilder::check_saves`] and [`testing::assert_round_trip`]
//! find it.)
//!
//! A field that changes sides (`tags: Vec<String>` becomes `Vec<Tag>`) needs another name on disk: a value under the name
//! of a reference is an error at every load, `ignore_unknown` or not, and so are objects under the name of a value. Keep a
//! field of the old name and type beside the new one until everything is converted.
//!
//! # Fields by hand
//!
//! A container with `#[sepia(content = "custom")]` says itself what it stores; [`Content`] is the same for the file of
//! a serializable object.
//!
//! ```
//! use sepia::{Container, Fields, Id, Reader, Ref, Result, Store, Writer};
//!
//! #[derive(Container, Debug, PartialEq)]
//! #[sepia(content = "custom")]
//! struct Shelf { id: Id<Shelf>, width_mm: u32, next: Vec<Ref<Shelf>> }
//!
//! impl Fields for Shelf {
//!     fn write_fields(&self, writer: &mut Writer<'_>) -> Result<()> {
//!         writer.value("width_m", &(f64::from(self.width_mm) / 1000.0))?;
//!         writer.reference("next", &self.next)
//!     }
//!
//!     fn read_fields(id: Id<Self>, reader: &mut Reader<'_>) -> Result<Self> {
//!         let width_m: f64 = reader.value("width_m")?;
//!         Ok(Self { id, width_mm: (width_m * 1000.0).round() as u32, next: reader.reference("next")? })
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let store = Store::in_memory();
//! let shelf = Shelf { id: "low".into(), width_mm: 1205, next: vec![Ref::new("high")] };
//! store.save(&shelf)?;
//! assert_eq!(store.load::<Shelf>("low")?, shelf);
//! # Ok(())
//! # }
//! ```
//!
//! # Ids
//!
//! [`Id::new`] makes `board-{uuid v7}`; any other text is as good, `"10.0.0.1"`, `"a/b"` and `"../.."`
//! included, up to 200 bytes encoded.
//!
//! # Objects remember what they are
//!
//! The id of an object carries, unseen, which record the object was loaded from or last saved as, and how the program
//! would have written it at that time. So a save tells what was changed here, and what elsewhere: by another thread or
//! process, or by someone with an editor. It asks that of the object, and of each serializable object that it holds;
//! nested containers are part of what they stand in.
//!
//! | | not changed elsewhere | changed elsewhere | deleted elsewhere |
//! |---|---|---|---|
//! | **not changed here** | not written | not written: what is stored stays | `Conflict`, as a link to it would dangle |
//! | **changed here** | written | `Conflict` | `Conflict` |
//!
//! If one of them is [`Conflict`](ErrorKind::Conflict), nothing is written at all; [`Error::conflicts`] names the objects,
//! and loading them gives the other side. So renaming a board does not fail because someone has edited a note on it, and
//! does not undo that either; the note in hand stays as it was loaded until it is loaded again.
//! - *Not changed here* means: not by this program. A file that was formatted by hand, or written by a program whose type
//!   has more fields or fewer, stays as it is until its object is changed.
//! - Saving an object twice is fine: it remembers what it was saved as.
//! - A new object, never loaded nor saved, simply saves. [`Store::overwrite`] saves whatever is there.
//! - A clone remembers what the original did when it was cloned, and from then on by itself.
//! - Each store is remembered by itself; in a second store, a loaded object is a new one.
//! - Memory is no part of the id: it is not compared, hashed, printed or serialized.
//!
//! ```
//! use sepia::{ErrorKind, Id, Serializable, Store};
//!
//! #[derive(Serializable, Clone, Debug, PartialEq)]
//! struct List { id: Id<List>, things: Vec<String> }
//!
//! # fn main() -> sepia::Result<()> {
//! let store = Store::in_memory();
//! store.save(&List { id: "shopping".into(), things: vec![] })?;
//! let mut mine: List = store.load("shopping")?;
//! let mut theirs: List = store.load("shopping")?;
//!
//! theirs.things.push("milk".to_owned());
//! store.save(&theirs)?;
//! mine.things.push("bread".to_owned());
//! let conflict = store.save(&mine).unwrap_err();
//! assert_eq!(conflict.kind(), ErrorKind::Conflict);
//!
//! let mut merged: List = store.load("shopping")?;
//! merged.things.extend(mine.things);
//! store.save(&merged)?;
//! assert_eq!(store.load::<List>("shopping")?.things, ["milk", "bread"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Transactions and snapshots
//!
//! [`Store::transaction`] makes several changes as one, and [`Store::snapshot`] reads several objects as of one
//! moment.
//!
//! ```
//! use sepia::{Error, ErrorKind, Id, Serializable, Store};
//!
//! #[derive(Serializable)]
//! struct Account { id: Id<Account>, euros: i64 }
//!
//! # fn main() -> sepia::Result<()> {
//! let store = Store::in_memory();
//! for id in ["ann", "bob"] {
//!     store.save(&Account { id: id.into(), euros: 10 })?;
//! }
//! let pay = |amount| {
//!     store.transaction(|transaction| {
//!         let (mut ann, mut bob): (Account, Account) = (transaction.load("ann")?, transaction.load("bob")?);
//!         ann.euros -= amount;
//!         bob.euros += amount;
//!         transaction.save(&bob)?;
//!         if ann.euros < 0 {
//!             return Err(Error::new(ErrorKind::Other, "not enough")); // and nothing has happened
//!         }
//!         transaction.save(&ann)
//!     })
//! };
//! pay(7)?;
//! assert!(pay(7).is_err());
//!
//! let both = store.snapshot(|snapshot| {
//!     Ok((snapshot.load::<Account>("ann")?.euros, snapshot.load::<Account>("bob")?.euros))
//! })?;
//! assert_eq!(both, (3, 17));
//! # Ok(())
//! # }
//! ```
//!
//! # Generations
//!
//! In a class with `#[sepia(generations)]`, ids end in a version number: `speech.3` is generation 3 of the base
//! `speech`. Loading `speech.3` gives exactly that, and loading `speech` the newest, however long the history.
//! Old generations can be deleted, and do not come back.
//!
//! ```
//! use sepia::{ErrorKind, Id, Serializable, Store};
//!
//! #[derive(Serializable, Debug)]
//! #[sepia(content = "text", generations)]
//! struct Speech { id: Id<Speech>, text: String }
//!
//! # fn main() -> sepia::Result<()> {
//! let store = Store::in_memory();
//! let mut draft = Speech { id: Id::first("speech"), text: "Friends,".to_owned() };
//! store.save(&draft)?;
//! draft.text += " Romans,";
//! store.save_next(&mut draft)?; // is speech.1 now
//!
//! // Loads the newest, changes it and saves the next, with nothing in between:
//! store.update::<Speech>("speech", |speech| {
//!     speech.text += " countrymen,";
//!     Ok(())
//! })?;
//! assert_eq!(store.load::<Speech>("speech")?.text, "Friends, Romans, countrymen,");
//! assert_eq!(store.load::<Speech>("speech.0")?.text, "Friends,");
//! assert_eq!(store.versions::<Speech>("speech")?.len(), 3);
//!
//! assert!(store.is_stale(&draft)?);
//! assert_eq!(store.save_next(&mut draft).map_err(|error| error.kind()), Err(ErrorKind::Conflict));
//! # Ok(())
//! # }
//! ```
//!
//! [`Store::update_with_merge`] brings two edits of one generation together.
//!
//! # Links
//!
//! ```
//! use sepia::{Container, Id, Ref, Store};
//!
//! #[derive(Container)]
//! struct Person { id: Id<Person>, name: String, friends: Vec<Ref<Person>> }
//!
//! # fn main() -> sepia::Result<()> {
//! let store = Store::in_memory();
//! let ann = Person { id: "ann".into(), name: "Ann".to_owned(), friends: vec![Ref::new("bob")] };
//! store.save(&ann)?; // a target may be saved later
//! store.save(&Person { id: "bob".into(), name: "Bob".to_owned(), friends: vec![Ref::to(&ann)] })?;
//! assert_eq!(ann.friends[0].load(&store)?.name, "Bob");
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Every call returns one [`Error`], one word wide, with a [`kind`](Error::kind) to branch on. Its message names
//! class, id, field and path; causes are in [`source`](std::error::Error::source).
//! [`find`](Store::find) returns `None` for what is absent and an error for everything else.
//!
//! # What is guaranteed
//!
//! - **Exact.** What is loaded equals what was saved.
//! - **Atomic.** A save with all that it changes, a delete, a transaction: each takes effect entirely or not at all, for
//!   every thread and process that reads through Sepia, also if its process is killed in the middle, before anybody has
//!   repaired anything, and on a medium that can only be read by then. An error means that nothing has changed,
//!   unless it is [`Poisoned`](ErrorKind::Poisoned): then that is known when the store has been opened again.
//! - **Durable** when the call returns, as far as the store's [`Durability`] says.
//! - **Isolated.** A load sees an object with all containers nested in it as it was before or after any commit, and no
//!   older than when the load began. The serializable objects that it links to are whole, too, and may be newer.
//!   Several objects as of one moment take a [snapshot](Store::snapshot) or a [transaction](Store::transaction), and
//!   transactions take effect one after another, in all processes. So do listings ([`ids`](Store::ids),
//!   [`count`](Store::count), [`versions`](Store::versions)): by themselves, they have what is there all the while,
//!   and of what comes or goes meanwhile some. Readers take no lock: they hold no writer up, and no
//!   writer holds them up.
//! - **No update is lost**, between threads, processes, and people with editors, as described above.
//! - **What was only read is not checked.** A save compares what it writes with what is stored, and nothing else. Two
//!   programs that each change what the other has only looked at both succeed (*write skew*: of two doctors on call, each
//!   goes home because the other stays). What is loaded within a [transaction](Store::transaction) does not change before
//!   that has committed; of what was loaded before, [`Transaction::require`] makes sure that it is still so.
//! - **Contained.** Nothing is read or written outside the store's directory, and files that Sepia did not make are not
//!   touched.
//! - **Loud.** Nothing is skipped, defaulted or repaired silently. What was left by a writer that died is completed when
//!   the store is opened, and [`Store::recovered`] says so; what someone has edited since stays as edited.
//!
//! | | [`Durability::Sync`] (default) | [`Durability::Buffered`] |
//! |---|---|---|
//! | the process is killed | everything confirmed is there; what was under way is there entirely or not at all | the same |
//! | the power is lost | the same | what the system had written by itself; what was saved last may be missing, older or, of one batch, there in part |
//! | the disk is full | the call fails, and nothing has changed | the same |
//! | the disk fails to confirm a write | the call fails; the store is [`Poisoned`](ErrorKind::Poisoned) until it is opened again | the system does not tell |
//! | two writers | one after the other, or `Conflict`, or `Locked` after the [timeout](StoreBuilder::lock_timeout) | the same |
//!
//! A commit under `Sync` makes all that came before it as durable as itself, and so does [`Store::close`]. Threads that
//! save at once share one wait for the disk. What cannot be carried out on the files right after it has taken effect (a
//! disk that fills up at that moment) is carried out by a later commit or open; until then readers see it all the
//! same, and `ls` does not.
//!
//! **People with editors** and git: what they change while a program has the store open is seen by the next load. After a
//! program has saved under `Sync` and ended without [`close`](Store::close), the loss of power cannot be told from an
//! orderly restart, and a file that is missing or as it was before cannot be told from one that the disk has lost: the
//! next open makes it as it was saved. So close a store before you delete or check out older versions of its files by
//! hand; other edits stay, and are reported, in any case.
//!
//! Other programs see complete files at any time. They may see some files of a batch and not yet others.
//!
//! All of this needs a file system whose locks (`flock`) work between all programs that use the store. On those that are
//! shared with other computers (NFS, SMB, FUSE and the like), each computer may have locks of its own, so a store or
//! database there is refused for writing (`ReadOnly`), unless you know that no other computer writes to it, and say so
//! with [`assume_exclusive`](StoreBuilder::assume_exclusive). Reading takes no lock. Processes that reach a store through different mounts
//! (in containers, say) work together, but check each other's work each time they take turns. Do not delete
//! `.sepia/journal` and `.sepia/state` while a program has the store open. A process that forks opens its stores anew in
//! the child; those of the parent are `Locked` there.
//!
//! [`StoreBuilder::adopt_existing`] opens Crystal Sepia's stores too.
//!
//! # Sharing objects
//!
//! [`Store::get`] gives an object as an [`Arc`](std::sync::Arc). A store with a cache (feature `cache`, off by default)
//! keeps these in memory, as many as fit into a budget, and returns the same one to everybody as long as it is what
//! is stored: what was committed before by anyone, or edited by hand, is seen, unless others are trusted for a while
//! by choice. `Store::cache_stats` tells how it does.
//!
//! ```
//! use std::sync::Arc;
//!
//! # use sepia::{Id, Serializable, Store};
//! # #[derive(Serializable, Clone)]
//! # struct Note { id: Id<Note>, text: String }
//! # fn main() -> sepia::Result<()> {
//! # let store = Store::in_memory();
//! # store.save(&Note { id: "n".into(), text: "Milk".into() })?;
//! let shared: Arc<Note> = store.get("n")?;
//! let mut mine = Note::clone(&shared);
//! mine.text.push_str(", bread");
//! store.save(&mine)?;
//! assert_eq!(shared.text, "Milk");
//! assert_eq!(store.get::<Note>("n")?.text, "Milk, bread");
//! # Ok(())
//! # }
//! ```
//!
//! # Looking after a store
//!
//! What follows works on records, whatever their types, on every backend, and beside writers in other processes:
//!
//! | | |
//! |---|---|
//! | [`Store::gc`] | deletes what no link leads to, from objects and classes that are named as roots |
//! | [`Store::verify`] | reads everything and reports what is wrong; [`repair`](verify::Verify::repair) mends it without losing anything |
//! | [`StoreBuilder::checksums`] | lets `verify` tell what the medium has changed from what was edited |
//! | [`Store::copy_to`] | copies into another store, on whatever backend |
//! | `Store::backup`, `Store::restore` | a tar archive of the store at one moment, or of what roots lead to, and back (feature `backup`) |
//! | `Store::export`, `Store::import` | JSON Lines for other programs (feature `export`) |
//!
//! ```
//! use std::time::Duration;
//!
//! use sepia::class::Class;
//! use sepia::{Container, Id, Serializable, Store};
//!
//! #[derive(Serializable)]
//! struct Note { id: Id<Note>, text: String }
//!
//! #[derive(Container)]
//! struct Board { id: Id<Board>, notes: Vec<Note> }
//!
//! # fn main() -> sepia::Result<()> {
//! let store = Store::in_memory();
//! let note = |id: &str| Note { id: id.into(), text: String::new() };
//! store.save(&Board { id: "work".into(), notes: vec![note("pinned")] })?;
//! store.save(&note("lost"))?;
//!
//! // What was saved within the last hour may be about to be linked, unless one says otherwise.
//! let report = store.gc([Class::of::<Board>()]).grace(Duration::ZERO).run()?;
//! assert_eq!((report.live(), report.swept()), (2, 1));
//!
//! assert!(store.verify().run()?.is_clean());
//!
//! let other = Store::in_memory();
//! assert_eq!(store.copy_to(&other).run()?.added, 2);
//! assert_eq!(other.load::<Board>("work")?.notes.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! The command `sepia` does all of this from a shell, and shows what is in a store:
//! `cargo install --path sepia --features cli` in a checkout of the repository.
//!
//! # What it is not
//!
//! No database (there are no queries and no indexes), no wire format, and no serializer: values are serde's.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `backup` | `backup`: the whole store, or part of it, in a tar archive, and back |
//! | `zstd` | compressed backups |
//! | `sqlite` | `Store::sqlite`, `backend::Sqlite`: the whole store in one file, a database that can be asked in SQL |
//! | `export` | `Store::export` and `Store::import`: JSON Lines |
//! | `cache` | `StoreBuilder::cache`: objects for [`Store::get`], kept in memory within a budget |
//! | `tracing` | an event when the work of a writer that died was completed |
//! | `cli` | the command `sepia`: `cargo install --path sepia --features cli` in a checkout of the repository |
//! | `conformance` | `backend::conformance`, the suite that every [`Backend`](backend::Backend) passes, for backends of your own |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "backup")]
#[cfg_attr(docsrs, doc(cfg(feature = "backup")))]
pub use sepia_core::backup;
pub use sepia_core::{
    AsObject, Content, Durability, Error, ErrorKind, Field, Fields, Generations, Id, Iter, Load, Object, Problem,
    ProblemKind, Progress, Reader, Ref, Reference, Result, Root, Severity, Shared, Snapshot, Store, StoreBuilder,
    Transaction, Writer, backend, batch, class, document, gc, record, testing, transfer, verify,
};
#[cfg(feature = "cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
pub use sepia_core::{CacheOptions, CacheStats, Pressure};
pub use sepia_derive::{Container, Reference, Serializable};

#[doc(hidden)]
pub use sepia_core::derive as __private;
