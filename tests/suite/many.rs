//! Many objects at once: loaded in order, streamed, saved as one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use sepia::backend::{Backend, Lock, Memory, Moment, Recovered, Stat, Track, Upkeep};
use sepia::batch::Batch;
use sepia::class::Class;
use sepia::record::{Key, Record};
use sepia::{Container, Content, Durability, Error, ErrorKind, Id, Object, Ref, Result, Serializable, Store};

use crate::support::{in_two_views, on_every_backend, on_every_medium, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Speech {
    id: Id<Speech>,
    text: String,
}

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Desk {
    id: Id<Desk>,
    notes: Vec<Note>,
}

/// One that some content cannot be made of, and other content panics at.
#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "custom")]
struct Moody {
    id: Id<Moody>,
    content: Vec<u8>,
}

impl Content for Moody {
    fn to_sepia(&self) -> Result<Vec<u8>> {
        Ok(self.content.clone())
    }

    fn from_sepia(id: Id<Self>, content: &[u8]) -> Result<Self> {
        match content {
            b"refuse" => Err(Error::new(ErrorKind::Corrupt, "in no mood")),
            b"panic" => std::panic::resume_unwind(Box::new("in a bad mood")),
            _ => Ok(Self { id, content: content.to_vec() }),
        }
    }
}

/// More than are loaded by one thread, however it is done.
const MANY: usize = 1000;

fn note(number: usize, text: &str) -> Note {
    Note { id: format!("{number:05}").into(), text: text.to_owned() }
}

fn notes(count: usize) -> Vec<Note> {
    (0..count).map(|number| note(number, &number.to_string())).collect()
}

fn moody(number: usize, content: &str) -> Moody {
    Moody { id: format!("{number:05}").into(), content: content.into() }
}

/// A store of the many, of which some are as they are said to be.
fn moods(store: &Store, odd: &[(usize, &str)]) {
    let odd: BTreeMap<_, _> = odd.iter().copied().collect();
    let content = |number: usize| odd.get(&number).map_or("fine", |content| *content);
    store.save_all((0..MANY).map(|number| moody(number, content(number)))).unwrap();
}

fn panics(run: impl FnOnce()) {
    let panicked = catch_unwind(AssertUnwindSafe(run));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"in a bad mood"));
}

#[test]
fn they_are_loaded_in_the_order_of_their_ids() {
    on_every_backend(|store| {
        assert_eq!(store.load_many::<Note>([""; 0]).unwrap(), []);
        let all = notes(MANY);
        store.save_all(&all).unwrap();
        for (count, step) in [(1, 1), (5, 3), (MANY, 7), (3 * MANY, 11)] {
            // Some of them several times.
            let numbers: Vec<usize> = (0..count).map(|number| number * step % MANY).collect();
            let ids = numbers.iter().map(|number| &all[*number].id);
            let loaded = store.load_many::<Note>(ids.clone()).unwrap();
            assert!(loaded.iter().eq(numbers.iter().map(|number| &all[*number])));
            assert!(store.snapshot(|snapshot| snapshot.load_many::<Note>(ids.clone())).unwrap() == loaded);
            assert!(store.transaction(|tx| tx.load_many::<Note>(ids.clone())).unwrap() == loaded);
        }
        // They remember as what they were loaded.
        let mut loaded = store.load_many(store.ids::<Note>().unwrap()).unwrap();
        store.overwrite(&note(MANY - 1, "theirs")).unwrap();
        loaded.iter_mut().for_each(|note| note.text = "mine".to_owned());
        store.save_all(&loaded[..MANY - 1]).unwrap();
        refused(store.save(&loaded[MANY - 1]), ErrorKind::Conflict, &["Note", "00999"]);
        // As everywhere, a base means the newest.
        let mut speech = Speech { id: "s.0".into(), text: "0".to_owned() };
        store.save(&speech).unwrap();
        speech.text = "1".to_owned();
        store.save_next(&mut speech).unwrap();
        let texts = store.load_many::<Speech>(["s", "s.0", "s.1"]).unwrap().into_iter().map(|speech| speech.text);
        assert_eq!(texts.collect::<Vec<_>>(), ["1", "0", "1"]);
    });
}

#[test]
fn the_first_that_cannot_be_loaded_is_told() {
    on_every_backend(|store| {
        let odd = [(3, "refuse"), (40, "refuse"), (MANY - 2, "refuse")];
        moods(store, &odd);
        let ids = store.ids::<Moody>().unwrap();
        for from in [0, 4, 41] {
            let bad = odd.iter().find(|(number, _)| *number >= from).unwrap().0;
            let names = ["Moody", ids[bad].as_str()];
            refused(store.load_many(&ids[from..]), ErrorKind::Corrupt, &names);
            // What comes later in the order is not told, however soon it fails.
            let then_none = ids[from..].iter().cloned().chain(["none".into()]);
            refused(store.load_many(then_none), ErrorKind::Corrupt, &names);
        }
        let none_then = std::iter::once("none".into()).chain(ids.iter().cloned());
        refused(store.load_many::<Moody>(none_then), ErrorKind::NotFound, &["Moody", "none"]);
        refused(store.load_many::<Moody>([""]), ErrorKind::InvalidName, &[]);
    });
}

#[test]
fn a_panic_in_one_goes_on_in_the_caller() {
    on_every_backend(|store| {
        for at in [0, MANY / 2, MANY - 1] {
            store.clear().unwrap();
            moods(store, &[(at, "panic")]);
            let ids = store.ids::<Moody>().unwrap();
            panics(|| drop(store.load_many(&ids)));
            panics(|| drop(store.snapshot(|snapshot| snapshot.load_many(&ids))));
            panics(|| drop(store.transaction(|tx| tx.load_many(&ids))));
            let mut iter = store.iter::<Moody>().unwrap();
            panics(|| iter.by_ref().for_each(|object| drop(object.unwrap())));
            assert!(iter.next().is_none());
        }
        moods(store, &[]);
        assert_eq!(store.iter::<Moody>().unwrap().count(), MANY);
    });
}

#[test]
fn a_transaction_loads_and_saves_what_is_not_committed_yet() {
    in_two_views(|store, other| {
        store.save_all(notes(MANY)).unwrap();
        let done = store.transaction(|tx| {
            let mut all = tx.load_many(tx.ids::<Note>()?)?;
            all.iter_mut().for_each(|note| note.text = "new".to_owned());
            tx.save_all(&all)?;
            tx.delete::<Note>("00000")?;
            refused(
                tx.load_many(tx.ids::<Note>()?.into_iter().chain(["00000".into()])),
                ErrorKind::NotFound,
                &["00000"],
            );
            assert!(tx.load_many(tx.ids::<Note>()?)?.iter().all(|note| note.text == "new"));
            assert_eq!(other.load_many::<Note>(["00000", "00001"])?, notes(2));
            // One that is stale keeps all of them out, and the rest goes on.
            let stale = Note { text: "stale".to_owned(), ..other.load("00002")? };
            refused(tx.save_all([&note(MANY, "more"), &stale]), ErrorKind::Conflict, &["Note", "00002"]);
            assert!(!tx.exists::<Note>("01000")?);
            tx.save_all([note(MANY + 1, "more")])
        });
        done.unwrap();
        let ids = other.ids::<Note>().unwrap();
        assert_eq!((ids.len(), ids[0].as_str(), ids[MANY - 1].as_str()), (MANY, "00001", "01001"));
    });
}

#[test]
fn they_are_saved_whoever_holds_them() {
    on_every_backend(|store| {
        let all = notes(9);
        store.save_all(&all[..1]).unwrap();
        let second = all[1..2].to_vec();
        store.save_all(&second).unwrap();
        store.save_all(all[2..3].to_vec()).unwrap();
        store.save_all(vec![&all[3]]).unwrap();
        store.save_all(all[4..5].iter().cloned()).unwrap();
        store.save_all(BTreeMap::from([(1, all[5].clone())]).values()).unwrap();
        store.save_all([Arc::new(all[6].clone())]).unwrap();
        store.save_all([Box::new(all[7].clone())]).unwrap();
        store.save_all(all.clone()[8..].iter_mut()).unwrap();
        assert_eq!(store.load_many(store.ids::<Note>().unwrap()).unwrap(), all);
        // Containers come with what they own, and objects of a generic type like others.
        fn save<T: Object>(store: &Store, objects: &[T]) {
            store.save_all(objects).unwrap();
        }
        let desks: Vec<_> = ["a", "b"].map(|id| Desk { id: id.into(), notes: vec![note(10, "shared")] }).into();
        save(store, &desks);
        assert_eq!(store.load_many::<Desk>(["a", "b"]).unwrap(), desks);
        assert_eq!(Ref::<Note>::new("00010").load(store).unwrap().text, "shared");
    });
}

#[test]
fn all_of_them_are_saved_or_none() {
    in_two_views(|store, other| {
        // Nothing is saved whoever holds the store.
        store.transaction(|_| store.save_all([] as [Note; 0])).unwrap();
        let mut all = notes(MANY);
        store.save_all(&all[..2]).unwrap();
        // Of those that are there, one was changed elsewhere.
        all.iter_mut().for_each(|note| note.text = "mine".to_owned());
        let mut theirs: Note = other.load("00001").unwrap();
        theirs.text = "theirs".to_owned();
        other.save(&theirs).unwrap();
        let error = refused(store.save_all(&all), ErrorKind::Conflict, &["Note", "00001"]);
        assert_eq!(error.conflicts(), [Key::of(&theirs).unwrap()]);
        assert_eq!((store.count::<Note>().unwrap(), store.load::<Note>("00000").unwrap()), (2, note(0, "0")));
        // And they remember what they did.
        all[1] = theirs;
        store.save_all(&all).unwrap();
        assert_eq!(other.count::<Note>().unwrap(), MANY as u64);
        // One id, two contents.
        refused(store.save_all([note(7, "a"), note(7, "b")]), ErrorKind::InvalidValue, &["Note", "00007", "twice"]);
        let long = Note { id: "x".repeat(300).into(), text: String::new() };
        refused(store.save_all([&note(7, "a"), &long]), ErrorKind::InvalidName, &[]);
        assert_eq!(other.load::<Note>("00007").unwrap(), all[7]);
    });
}

#[test]
fn nobody_sees_some_of_them() {
    in_two_views(|store, other| {
        let store = store.with_durability(Durability::Buffered);
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut looks = 0;
                while !ended.load(Ordering::Relaxed) || looks == 0 {
                    let seen = other.snapshot(|snapshot| snapshot.load_many(snapshot.ids::<Note>()?)).unwrap();
                    assert!(seen.iter().all(|note| note.text == seen[0].text) && [0, 100].contains(&seen.len()));
                    looks += 1;
                }
            });
            for round in 0..20 {
                store.save_all((0..100).map(|number| note(number, &round.to_string()))).unwrap();
            }
            ended.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
    });
}

#[test]
fn every_object_of_a_class_comes_once() {
    on_every_backend(|store| {
        store.save(&moody(0, "of another class")).unwrap();
        let mut saved = 0;
        for count in [0, 1, 15, 16, 17, 64, 65, MANY] {
            store.save_all((saved..count).map(|number| note(number, &number.to_string()))).unwrap();
            saved = count;
            let mut iter = store.iter::<Note>().unwrap();
            let mut found: Vec<Note> = iter.by_ref().map(Result::unwrap).collect();
            found.sort_by(|a, b| a.id.cmp(&b.id));
            assert!(found == notes(count), "{count}");
            assert!(iter.next().is_none());
        }
    });
}

/// The bare spelling of a generation 0 is also the base, which means the newest.
#[test]
fn every_generation_comes_as_itself() {
    on_every_backend(|store| {
        let mut expected = BTreeSet::new();
        for number in 0..20 {
            for id in [format!("bare{number}"), format!("full{number}.0")] {
                let mut speech = Speech { id: id.into(), text: "0".to_owned() };
                store.save(&speech).unwrap();
                expected.insert((speech.id.clone(), speech.text.clone()));
                speech.text = "1".to_owned();
                store.save_next(&mut speech).unwrap();
                expected.insert((speech.id, speech.text));
            }
            if ![7, 19].contains(&number) {
                continue;
            }
            let found = store.iter::<Speech>().unwrap().map(|speech| speech.map(|speech| (speech.id, speech.text)));
            assert_eq!(found.collect::<Result<BTreeSet<_>>>().unwrap(), expected);
        }
    });
}

#[test]
fn what_cannot_be_loaded_is_an_error_between_the_others() {
    on_every_backend(|store| {
        moods(store, &[(1, "refuse"), (500, "refuse")]);
        let (found, errors): (Vec<_>, Vec<_>) = store.iter::<Moody>().unwrap().partition(Result::is_ok);
        assert_eq!((found.len(), errors.len()), (MANY - 2, 2));
        for error in &errors {
            let error = error.as_ref().unwrap_err().to_string();
            assert!(error.contains("Moody") && (error.contains("00001") || error.contains("00500")), "{error}");
        }
        // What links lead to is another object, and the one that is loaded is named.
        for number in 0..40 {
            let desk = Desk { id: format!("{number}").into(), notes: vec![note(number, "x")] };
            store.save(&desk).unwrap();
            if ![9, 39].contains(&number) {
                continue;
            }
            store.delete::<Note>(&note(number, "").id).unwrap();
            let errors: Vec<_> = store.iter::<Desk>().unwrap().filter_map(Result::err).collect();
            let error = errors.iter().map(ToString::to_string).find(|error| error.contains(&format!("{number:05}")));
            assert!(error.is_some_and(|error| error.contains("Desk")), "{errors:?}");
        }
        #[derive(Container, Debug)]
        #[sepia(class = "Note")]
        struct Other {
            id: Id<Other>,
        }
        refused(store.iter::<Other>().map(drop), ErrorKind::ClassClash, &["Note", "Other"]);
    });
}

#[test]
fn what_others_change_meanwhile_comes_once_or_not_at_all() {
    in_two_views(|store, other| {
        store.save_all(notes(MANY)).unwrap();
        let mut seen: BTreeMap<Id<Note>, Vec<String>> = BTreeMap::new();
        for (at, note) in store.iter::<Note>().unwrap().enumerate() {
            let note = note.unwrap();
            seen.entry(note.id).or_default().push(note.text);
            if at == 0 {
                // The odd ones go, others come; what stays is not touched.
                let done = other.transaction(|tx| {
                    for number in (1..MANY).step_by(2) {
                        tx.delete::<Note>(format!("{number:05}"))?;
                    }
                    tx.save_all((MANY..2 * MANY).map(|number| self::note(number, "fresh")))
                });
                done.unwrap();
            }
        }
        for number in (0..MANY).step_by(2) {
            assert_eq!(seen.remove(&note(number, "").id), Some(vec![number.to_string()]));
        }
        assert!(seen.values().all(|texts| texts.len() == 1));
        // A loop may write what it iterates over.
        for note in store.iter::<Note>().unwrap() {
            let note = note.unwrap();
            store.overwrite(&Note { text: "seen".to_owned(), ..note }).unwrap();
        }
        assert!(other.iter::<Note>().unwrap().all(|note| note.unwrap().text == "seen"));
    });
}

/// A store in memory whose listing can fail, and that counts what it has named. It tells when its last handle is gone.
#[derive(Debug)]
struct Listed {
    inner: Memory,
    fails_after: usize,
    named: Arc<AtomicUsize>,
}

impl Backend for Listed {
    fn ids(&self, class: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        let mut named = 0;
        self.inner.ids(class, &mut |id| {
            if named == self.fails_after {
                return ControlFlow::Break(());
            }
            named += 1;
            self.named.fetch_add(1, Ordering::Relaxed);
            each(id)
        })?;
        if named < self.fails_after { Ok(()) } else { Err(Error::new(ErrorKind::Io, "the listing broke off")) }
    }

    fn read(&self, key: &Key) -> Result<Option<Record>> {
        self.inner.read(key)
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        self.inner.contains(key)
    }

    fn links(&self, key: &Key) -> Result<Option<Vec<Key>>> {
        self.inner.links(key)
    }

    fn stat(&self, key: &Key) -> Result<Option<Stat>> {
        self.inner.stat(key)
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        self.inner.commit(batch)
    }

    fn lock(&self) -> Result<Box<dyn Lock + '_>> {
        self.inner.lock()
    }

    fn moment(&self) -> Result<Moment> {
        self.inner.moment()
    }

    fn track(&self) -> Result<Box<dyn Track + '_>> {
        self.inner.track()
    }

    fn classes(&self) -> Result<Vec<Class>> {
        self.inner.classes()
    }

    fn generations(&self, base: &Key) -> Result<Vec<Key>> {
        self.inner.generations(base)
    }

    fn newest(&self, base: &Key) -> Result<Option<Key>> {
        self.inner.newest(base)
    }

    fn identity(&self) -> u64 {
        self.inner.identity()
    }

    fn checkpoint(&self) -> Result<()> {
        self.inner.checkpoint()
    }

    fn recovered(&self) -> Option<Recovered> {
        self.inner.recovered()
    }

    fn upkeep(&self) -> &dyn Upkeep {
        self.inner.upkeep()
    }

    fn root(&self) -> Option<&Path> {
        self.inner.root()
    }
}

fn listed(fails_after: usize) -> (Store, Arc<AtomicUsize>) {
    let named = Arc::new(AtomicUsize::new(0));
    let store = Store::with_backend(Listed { inner: Memory::new(), fails_after, named: Arc::clone(&named) });
    (store, named)
}

#[test]
fn a_listing_that_fails_is_the_last_item() {
    let (store, _) = listed(MANY / 2);
    store.save_all(notes(MANY)).unwrap();
    let mut iter = store.iter::<Note>().unwrap();
    let items: Vec<_> = iter.by_ref().collect();
    assert_eq!(items.len(), MANY / 2 + 1);
    let (last, objects) = items.split_last().unwrap();
    assert!(objects.iter().all(Result::is_ok));
    assert_eq!(last.as_ref().unwrap_err().kind(), ErrorKind::Io);
    assert!(iter.next().is_none());
    // One that fails at once is no stream at all.
    refused(listed(0).0.iter::<Note>().map(drop), ErrorKind::Io, &["broke off"]);
}

#[test]
fn whoever_stops_early_ends_the_threads_and_the_listing() {
    const CLASS: usize = 50_000;
    for taken in [0, 1, 100] {
        let (store, named) = listed(usize::MAX);
        store.save_all((0..CLASS).map(|number| note(number, "x"))).unwrap();
        let mut iter = store.iter::<Note>().unwrap();
        assert_eq!(iter.by_ref().take(taken).count(), taken);
        drop((iter, store));
        // The threads have had handles to the store, which have let go of it: nobody else has the counter any more.
        let named = Arc::try_unwrap(named).map_err(|_| "a thread is left").unwrap().into_inner();
        assert!(named < CLASS / 2, "{named} were named, and {taken} taken");
    }
}

/// How much more memory this process has taken at most than when it was last asked, in kilobytes.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    most.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// Streams the class in the store of the environment: a process of its own, which the next starts.
#[test]
#[cfg(target_os = "linux")]
#[ignore = "started by the next"]
fn stream_a_large_class() {
    let Ok(url) = std::env::var("SEPIA_LARGE_CLASS") else { return };
    let store = Store::builder().read_only().open_url(&url).unwrap();
    store.iter::<Note>().unwrap().take(2000).for_each(drop);
    let before = peak();
    let mut bytes = 0;
    for (at, note) in store.iter::<Note>().unwrap().enumerate() {
        bytes += note.unwrap().text.len();
        if at == 0 {
            // Time to load all of them ahead.
            thread::sleep(Duration::from_millis(300));
        }
    }
    assert_eq!(bytes, LARGE * TEXT);
    let grown = peak() - before;
    assert!(grown << 10 < (LARGE * TEXT / 10) as u64, "{grown} kB");
}

/// How many objects the large class has, and how large each is.
#[cfg(target_os = "linux")]
const LARGE: usize = 20_000;
#[cfg(target_os = "linux")]
const TEXT: usize = 3000;

#[test]
#[cfg(target_os = "linux")]
fn a_large_class_is_streamed_in_little_memory() {
    on_every_medium(|medium| {
        let store = medium.make();
        if !store.lasts() {
            return;
        }
        let buffered = store.with_durability(Durability::Buffered);
        let text = "x".repeat(TEXT);
        for from in (0..LARGE).step_by(1000) {
            buffered.save_all((from..from + 1000).map(|number| note(number, &text))).unwrap();
        }
        let mut reader = Command::new(std::env::current_exe().unwrap());
        reader.args(["--exact", "many::stream_a_large_class", "--ignored"]);
        let done = reader.env("SEPIA_LARGE_CLASS", store.url()).output().unwrap();
        assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("1 passed"), "{done:?}");
    });
}
