//! The suite that every [`Backend`] passes: what the contract promises, one check for each sentence.
//!
//! ```
//! use sepia_core::backend::{Memory, conformance};
//! conformance::check(Memory::new).unwrap();
//! ```

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::Backend;
use crate::batch::{Batch, Expect};
use crate::class::{Class, Format};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Entries, Entry, Key, Name, Node, Record};

/// Runs every check, each on an empty backend of its own.
///
/// # Errors
/// `Other`, naming the check and what it saw, for the first one that fails; a backend's own error
/// where it should have had none.
pub fn check<B: Backend>(mut open: impl FnMut() -> B) -> Result<()> {
    type Check = fn(&dyn Backend) -> Result<()>;
    let checks: [(&str, Check); 14] = [
        ("absent is None, not an error", absent),
        ("a leaf comes back byte for byte", leaves),
        ("a container comes back with everything nested in it", containers),
        ("a container takes every shape after any other", reshaping),
        ("hostile names come back and stay apart", names),
        ("what is deleted is absent", deletes),
        ("expectations hold for the whole batch or nothing changes", expectations),
        ("classes are declared before they are put into", classes),
        ("ids are listed once each, without those of other classes", ids),
        ("generations are found oldest first, and no others", generations),
        ("records that cannot be stored are refused", unfit),
        ("names that differ in case or normalization stay apart, or the second is refused", spellings),
        ("of threads that each expect absence, one wins", race),
        ("threads see each other's commits, and no mixture in a leaf", threads),
    ];
    for (name, check) in checks {
        check(&open()).map_err(|error| Error::new(ErrorKind::Other, format!("{name}: {}", chain(&error))))?;
    }
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

fn ensure(holds: bool, saw: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::new(ErrorKind::Other, saw())) }
}

#[allow(clippy::needless_pass_by_value, reason = "the checks read better")]
fn equal<T: PartialEq + Debug>(saw: T, expected: T) -> Result<()> {
    ensure(saw == expected, || format!("saw {saw:?}, expected {expected:?}"))
}

fn refused<T: Debug>(result: Result<T>, kind: ErrorKind) -> Result<()> {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        other => ensure(false, || format!("saw {other:?}, expected {kind:?}")),
    }
}

const LEAVES: Class = Class::serializable("Leaf", Format::Bytes);
const NODES: Class = Class::container("Node");
const KEPT: Class = Class::serializable("Kept", Format::Bytes).with_generations();

fn batch() -> Result<Batch> {
    let mut batch = Batch::new();
    for class in [&LEAVES, &NODES, &KEPT] {
        batch.declare(class)?;
    }
    Ok(batch)
}

fn leaf(content: impl AsRef<[u8]>) -> Record {
    Record::Leaf(content.as_ref().to_vec())
}

fn put(backend: &dyn Backend, key: &Key, record: Record) -> Result<()> {
    let mut batch = batch()?;
    batch.put(key.clone(), record, Expect::Any);
    backend.commit(batch)
}

fn node(data: &str, entries: Vec<(&str, Entry)>) -> Result<Node> {
    let entries = entries.into_iter().map(|(name, entry)| Ok((Name::of(name)?, entry))).collect::<Result<_>>()?;
    let entries = Entries::new(entries).map_err(|name| Error::invalid_value(format!("{name:?} twice")))?;
    Ok(Node { data: data.as_bytes().to_vec(), entries })
}

fn collection(entries: Vec<(&str, Entry)>) -> Result<Entry> {
    Ok(Entry::Collection(node("", entries)?.entries))
}

fn absent(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Leaf", "nothing")?;
    for _ in 0..2 {
        equal(backend.read(&key)?, None)?;
        equal(backend.contains(&key)?, false)?;
        equal(backend.generations(&key)?, vec![])?;
        backend.ids("Leaf", &mut |_| ())?;
        put(backend, &Key::new("Leaf", "something")?, leaf(""))?;
    }
    Ok(())
}

fn leaves(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Leaf", "x")?;
    let every_byte: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    for content in [&b""[..], b"text\n", &every_byte, &every_byte.repeat(16), &large, b"short again", b""] {
        put(backend, &key, leaf(content))?;
        ensure(backend.read(&key)? == Some(leaf(content)), || format!("{} bytes came back otherwise", content.len()))?;
        equal(backend.contains(&key)?, true)?;
    }
    Ok(())
}

/// Shapes of one container, each of which can follow any other.
fn shapes() -> Result<Vec<Node>> {
    let link = |id: &str| Ok::<_, Error>(Entry::Link(Key::new("Leaf", id)?));
    let inner =
        |data: &str| Ok::<_, Error>(Entry::Container(node(data, vec![("l", Entry::Link(Key::new("Leaf", "deep")?))])?));
    let mut deep = node("{\"level\": 0}", vec![])?;
    for level in 1..128 {
        deep = node(&format!("{{\"level\": {level}}}"), vec![("a", Entry::Container(deep))])?;
    }
    Ok(vec![
        node("{}", vec![])?,
        node("{\"changed\": 1}", vec![])?,
        node("{}", vec![("a", link("one")?), ("b", link("two")?)])?,
        node("{}", vec![("a", link("two")?), ("c", link("one")?)])?,
        node("{}", vec![("a", inner("{}")?), ("b", collection(vec![("0000_one", link("one")?)])?)])?,
        node(
            "{}",
            vec![("a", inner("{ }")?), ("b", collection(vec![("0000_two", link("two")?), ("0001", inner("1")?)])?)],
        )?,
        node("{}", vec![("b", inner("{}")?), ("a", collection(vec![("k", collection(vec![("k", link("one")?)])?)])?)])?,
        deep,
    ])
}

fn containers(backend: &dyn Backend) -> Result<()> {
    for (number, shape) in shapes()?.into_iter().enumerate() {
        let key = Key::new("Node", format!("n{number}"))?;
        put(backend, &key, Record::Container(shape.clone()))?;
        equal(backend.read(&key)?, Some(Record::Container(shape)))?;
        equal(backend.contains(&key)?, true)?;
    }
    Ok(())
}

fn reshaping(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Node", "n")?;
    let shapes = shapes()?;
    for from in &shapes {
        for to in &shapes {
            for shape in [from, to, to] {
                put(backend, &key, Record::Container(shape.clone()))?;
                equal(backend.read(&key)?, Some(Record::Container(shape.clone())))?;
            }
        }
    }
    Ok(())
}

/// Names that a careless backend mixes up, loses, or lets out of its place.
pub const HOSTILE: &[&str] = &[
    ".",
    "..",
    "a/b",
    "a_b",
    "a%2Fb",
    "../../etc/passwd",
    "/etc/passwd",
    "x.tmp",
    ".hidden",
    "10.0.0.1",
    "%2F",
    "%",
    "con",
    "NUL",
    "aux.txt",
    "😀",
    "שלום",
    "مرحبا",
    "\0",
    "a\nb",
    " ",
    "a ",
    " a",
    "a.",
    "~",
    "a~",
    "data.json",
    "DATA.JSON",
    ".sepia",
    "a\\b",
    "-rf",
    "*",
    "\u{202e}gnp.exe",
];

fn names(backend: &dyn Backend) -> Result<()> {
    let mut names: BTreeSet<String> = HOSTILE.iter().map(ToString::to_string).collect();
    names.extend(["é".repeat(100), "\u{1}".repeat(66), "x".repeat(200), "e\u{301}".to_owned(), "\u{e9}".to_owned()]);
    for name in &names {
        put(backend, &Key::new("Leaf", name.as_str())?, leaf(name))?;
    }
    for name in &names {
        equal(backend.read(&Key::new("Leaf", name.as_str())?)?, Some(leaf(name)))?;
    }
    let mut listed = BTreeSet::new();
    backend.ids("Leaf", &mut |id| {
        listed.insert(id.to_owned());
    })?;
    equal(&listed, &names)?;
    // As names within a container, and as names of classes.
    let entries = names.iter().map(|name| Ok((name.as_str(), Entry::Link(Key::new("Leaf", name.as_str())?))));
    let record = Record::Container(node("{}", entries.collect::<Result<_>>()?)?);
    put(backend, &Key::new("Node", "..")?, record.clone())?;
    equal(backend.read(&Key::new("Node", "..")?)?, Some(record))?;
    for name in &names {
        let mut batch = Batch::new();
        batch.declare(&Class::declared(name.clone(), LEAVES.kind(), Some(false))?)?;
        batch.put(Key::new(name.as_str(), name.as_str())?, leaf(name), Expect::Absent);
        backend.commit(batch)?;
    }
    for name in &names {
        equal(backend.read(&Key::new(name.as_str(), name.as_str())?)?, Some(leaf(name)))?;
    }
    for too_long in ["x".repeat(201), "é".repeat(101), "/".repeat(67), String::new()] {
        refused(Key::new("Leaf", too_long), ErrorKind::InvalidName)?;
    }
    Ok(())
}

fn deletes(backend: &dyn Backend) -> Result<()> {
    for (number, shape) in shapes()?.into_iter().enumerate() {
        let key = Key::new("Node", format!("n{number}"))?;
        put(backend, &key, Record::Container(shape))?;
    }
    put(backend, &Key::new("Leaf", "x")?, leaf("x"))?;
    let mut batch = Batch::new();
    for number in 1..shapes()?.len() {
        batch.delete(Key::new("Node", format!("n{number}"))?, Expect::Present);
    }
    batch.delete(Key::new("Leaf", "x")?, Expect::Any);
    batch.delete(Key::new("Leaf", "never there")?, Expect::Any);
    batch.delete(Key::new("Undeclared", "x")?, Expect::Any);
    backend.commit(batch)?;
    equal(backend.contains(&Key::new("Leaf", "x")?)?, false)?;
    let mut left = Vec::new();
    backend.ids("Node", &mut |id| left.push(id.to_owned()))?;
    equal(left, vec!["n0".to_owned()])?;
    equal(backend.read(&Key::new("Node", "n1")?)?, None)
}

fn expectations(backend: &dyn Backend) -> Result<()> {
    let [here, gone, other] = ["here", "gone", "other"].map(|id| Key::new("Leaf", id));
    let (here, gone, other) = (here?, gone?, other?);
    put(backend, &here, leaf("1"))?;
    for (key, expect) in [(&here, Expect::Absent), (&gone, Expect::Present)] {
        // The failing expectation comes last, so that a backend that checks as it goes has written.
        for kind in 0..3 {
            let mut batch = batch()?;
            batch.put(other.clone(), leaf("2"), Expect::Any);
            match kind {
                0 => batch.expect(key.clone(), expect.clone()),
                1 => batch.put(key.clone(), leaf("2"), expect.clone()),
                _ => batch.delete(key.clone(), expect.clone()),
            }
            refused(backend.commit(batch), ErrorKind::Conflict)?;
            equal(backend.read(&other)?, None)?;
            equal(backend.read(&here)?, Some(leaf("1")))?;
            equal(backend.read(&gone)?, None)?;
        }
    }
    let mut batch = batch()?;
    batch.put(other.clone(), leaf("3"), Expect::Absent);
    batch.expect(here.clone(), Expect::Present);
    batch.put(gone.clone(), leaf("3"), Expect::Any);
    batch.delete(gone.clone(), Expect::Absent);
    backend.commit(batch)?;
    equal(backend.read(&other)?, Some(leaf("3")))?;
    equal(backend.read(&gone)?, None)
}

fn classes(backend: &dyn Backend) -> Result<()> {
    equal(backend.classes()?, vec![])?;
    let key = Key::new("Leaf", "x")?;
    let mut undeclared = Batch::new();
    undeclared.put(key.clone(), leaf(""), Expect::Any);
    refused(backend.commit(undeclared), ErrorKind::ClassClash)?;
    equal(backend.contains(&key)?, false)?;
    backend.commit(batch()?)?;
    equal(backend.classes()?, vec![KEPT, LEAVES, NODES])?;
    for clash in [
        Class::container("Leaf"),
        Class::serializable("Leaf", Format::Text),
        Class::serializable("Leaf", Format::Bytes).with_generations(),
    ] {
        let mut batch = Batch::new();
        batch.declare(&clash)?;
        batch.put(key.clone(), leaf(""), Expect::Any);
        refused(backend.commit(batch), ErrorKind::ClassClash)?;
        equal(backend.contains(&key)?, false)?;
    }
    // What one declaration does not know, a later one fills in.
    let mut vague = Batch::new();
    vague.declare(&Class::declared("Vague".to_owned(), crate::class::Kind::Serializable(None), None)?)?;
    backend.commit(vague)?;
    let mut precise = Batch::new();
    precise.declare(&Class::serializable("Vague", Format::Json))?;
    backend.commit(precise)?;
    let vague = backend.classes()?.into_iter().find(|class| class.name() == "Vague");
    equal(vague, Some(Class::serializable("Vague", Format::Json)))?;
    let mut both = Batch::new();
    both.declare(&LEAVES)?;
    both.put(key.clone(), leaf("x"), Expect::Any);
    backend.commit(both)?;
    for deletes in [false, true] {
        let mut retire = Batch::new();
        retire.retire("Leaf");
        if deletes {
            retire.delete(key.clone(), Expect::Any);
            backend.commit(retire)?;
            equal(backend.classes()?.iter().any(|class| class.name() == "Leaf"), false)?;
        } else {
            refused(backend.commit(retire), ErrorKind::Conflict)?;
            equal(backend.read(&key)?, Some(leaf("x")))?;
        }
    }
    let mut retire = Batch::new();
    for class in ["Vague", "Leaf", "Node", "Kept"] {
        retire.retire(class);
    }
    backend.commit(retire)?;
    equal(backend.classes()?, vec![])
}

fn ids(backend: &dyn Backend) -> Result<()> {
    let expected: BTreeSet<String> = (0..1000).map(|number| format!("id {number}")).collect();
    let mut many = batch()?;
    for id in &expected {
        many.put(Key::new("Leaf", id.as_str())?, leaf(id), Expect::Any);
    }
    many.put(Key::new("Node", "other")?, Record::Container(node("{}", vec![])?), Expect::Any);
    backend.commit(many)?;
    let mut listed = Vec::new();
    backend.ids("Leaf", &mut |id| listed.push(id.to_owned()))?;
    equal(listed.len(), expected.len())?;
    equal(listed.into_iter().collect(), expected)?;
    let mut undeclared = 0;
    backend.ids("Undeclared", &mut |_| undeclared += 1)?;
    equal(undeclared, 0)
}

fn generations(backend: &dyn Backend) -> Result<()> {
    let stored =
        ["n", "n.1", "n.2", "n.10", "n.18446744073709551615", "n.01", "n.x", "n.1.5", "n1", "m.3", "n~.4", "na.7"];
    let mut all = batch()?;
    for id in stored {
        all.put(Key::new("Kept", id)?, leaf(id), Expect::Any);
    }
    backend.commit(all)?;
    for (base, expected) in [
        ("n", &["n", "n.1", "n.2", "n.10", "n.18446744073709551615"][..]),
        ("n.1", &["n.1", "n.1.5"]),
        ("m", &["m.3"]),
        ("n~", &["n~.4"]),
        ("o", &[]),
    ] {
        let found = backend.generations(&Key::new("Kept", base)?)?;
        let found: Vec<_> = found.iter().map(Key::id).collect();
        equal(found, expected.to_vec())?;
    }
    Ok(())
}

fn unfit(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Node", "n")?;
    let stray = Record::Container(node("{}", vec![("a", collection(vec![("b", Entry::Stray)])?)])?);
    refused(put(backend, &key, stray), ErrorKind::InvalidValue)?;
    let deep = |levels: usize| {
        let mut entry = Entry::Link(Key::new("Leaf", "x")?);
        for _ in 0..levels {
            entry = collection(vec![("a", entry)])?;
        }
        Ok::<_, Error>(Record::Container(node("{}", vec![("a", entry)])?))
    };
    refused(put(backend, &key, deep(401)?), ErrorKind::InvalidValue)?;
    equal(backend.contains(&key)?, false)?;
    put(backend, &key, deep(400)?)?;
    equal(backend.read(&key)?, Some(deep(400)?))
}

fn spellings(backend: &dyn Backend) -> Result<()> {
    for (one, other) in [("note", "Note"), ("stra\u{df}e", "STRASSE"), ("e\u{301}", "\u{e9}")] {
        let (one, other) = (Key::new("Leaf", one)?, Key::new("Leaf", other)?);
        put(backend, &one, leaf("one"))?;
        equal(backend.read(&other)?, None)?;
        match put(backend, &other, leaf("other")) {
            Err(error) if error.kind() == ErrorKind::InvalidName => {}
            put => {
                put?;
                equal(backend.read(&other)?, Some(leaf("other")))?;
            }
        }
        equal(backend.read(&one)?, Some(leaf("one")))?;
    }
    Ok(())
}

fn race(backend: &dyn Backend) -> Result<()> {
    backend.commit(batch()?)?;
    for round in 0..50 {
        let key = Key::new("Leaf", format!("{round}"))?;
        let won = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let key = key.clone();
                    scope.spawn(move || {
                        let mut batch = Batch::new();
                        batch.put(key, leaf([thread]), Expect::Absent);
                        backend.commit(batch)
                    })
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(Result::is_ok).count()
        });
        equal(won, 1)?;
    }
    Ok(())
}

fn threads(backend: &dyn Backend) -> Result<()> {
    const ROUNDS: usize = 100;
    let key = Key::new("Leaf", "shared")?;
    put(backend, &key, leaf(vec![0; 5000]))?;
    std::thread::scope(|scope| {
        let write = |byte: u8| {
            let key = key.clone();
            move || -> Result<()> {
                for _ in 0..ROUNDS {
                    put(backend, &key, leaf(vec![byte; 5000]))?;
                }
                Ok(())
            }
        };
        let read = || -> Result<()> {
            for _ in 0..ROUNDS {
                let Some(Record::Leaf(content)) = backend.read(&key)? else {
                    return ensure(false, || "the leaf was absent while it was rewritten".to_owned());
                };
                let whole = content.len() == 5000 && content.iter().all(|byte| *byte == content[0]);
                ensure(whole, || "a mixture of two contents was read".to_owned())?;
            }
            Ok(())
        };
        let threads = [scope.spawn(write(1)), scope.spawn(write(2)), scope.spawn(read), scope.spawn(read)];
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => ensure(false, || "a thread panicked".to_owned()),
        })
    })
}
