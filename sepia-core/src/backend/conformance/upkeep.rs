//! What tools ask for: links, sizes and ages, which records change, and copies out of the way.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, SystemTime};

use super::{Backend, batch, collection, ensure, equal, leaf, node, put};
use crate::record::batch::{Durability, Expect};
use crate::record::error::{Error, ErrorKind, Result};
use crate::record::{Entry, Key, Record};

/// The links of a record are those that it holds, at any depth.
pub(super) fn links(backend: &dyn Backend) -> Result<()> {
    let (parent, child, target) = (Key::new("Node", "parent")?, Key::new("Node", "child")?, Key::new("Leaf", "a/b")?);
    let link = |key: &Key| Entry::Link(key.clone());
    let inner = node("{}", vec![("again", link(&target)), ("self", link(&parent))])?;
    let list = collection(vec![("0000_child", link(&child)), ("0001_x", Entry::Container(inner))])?;
    let record = Record::Container(node("{}", vec![("list", list), ("one", link(&target))])?);
    let sorted = |key: &Key| {
        let mut links = backend.links(key)?;
        links.iter_mut().for_each(|links| links.sort_unstable());
        Ok::<_, Error>(links)
    };
    equal(sorted(&parent)?, None)?;
    put(backend, &parent, record)?;
    put(backend, &target, leaf("no links"))?;
    equal(sorted(&parent)?, Some(vec![target.clone(), target.clone(), child.clone(), parent.clone()]))?;
    equal(sorted(&target)?, Some(vec![]))?;
    equal(sorted(&child)?, None)?;
    put(backend, &parent, Record::Container(node("{}", vec![("one", link(&child))])?))?;
    equal(sorted(&parent)?, Some(vec![child]))
}

/// Who links to a key is found at any depth, once each, also if nothing is there; until that is enough.
pub(super) fn backlinks(backend: &dyn Backend) -> Result<()> {
    let leaf_key = |id: &str| Key::new("Leaf", id);
    let link = |id: &str| Ok::<_, Error>(Entry::Link(leaf_key(id)?));
    let inner = node("{}", vec![("l", link("a/b")?)])?;
    let nodes = [
        ("direct", node("{}", vec![("x", link("a/b")?), ("y", link("a/b")?)])?),
        ("nested", node("{}", vec![("in", Entry::Container(inner))])?),
        ("listed", node("{}", vec![("l", collection(vec![("0000_a", link("c")?), ("0001_b", link("a/b")?)])?)])?),
        ("other", node("{}", vec![("x", link("a")?), ("z", Entry::Link(Key::new("Node", "a/b")?))])?),
        ("none", node("{}", vec![])?),
    ];
    for (id, node) in nodes {
        put(backend, &Key::new("Node", id)?, Record::Container(node))?;
    }
    let found = |targets: &[Key]| {
        let mut found = Vec::new();
        backend.backlinks(targets, &mut |key| {
            found.push(key.clone());
            ControlFlow::Continue(())
        })?;
        found.sort_unstable();
        Ok::<_, Error>(found)
    };
    let of = |ids: &[&str]| ids.iter().map(|id| Key::new("Node", *id)).collect::<Result<Vec<_>>>();
    equal(found(&[leaf_key("a/b")?])?, of(&["direct", "listed", "nested"])?)?;
    equal(found(&[leaf_key("c")?, leaf_key("a/b")?, leaf_key("a")?])?, of(&["direct", "listed", "nested", "other"])?)?;
    equal(found(&[leaf_key("nobody")?])?, vec![])?;
    equal(found(&[])?, vec![])?;
    let mut told = 0;
    backend.backlinks(&[leaf_key("a/b")?], &mut |_| {
        told += 1;
        ControlFlow::Break(())
    })?;
    equal(told, 1)?;
    put(backend, &Key::new("Node", "direct")?, Record::Container(node("{}", vec![("x", link("c")?)])?))?;
    let mut gone = batch()?;
    gone.delete(Key::new("Node", "nested")?, Expect::Any);
    backend.commit(gone)?;
    equal(found(&[leaf_key("a/b")?])?, of(&["listed"])?)
}

/// Sizes are those of the content, and ages go on from the last change, which an equal put is not.
pub(super) fn sizes(backend: &dyn Backend) -> Result<()> {
    let (small, tree) = (Key::new("Leaf", "small")?, Key::new("Node", "tree")?);
    equal(backend.stat(&small)?, None)?;
    // The times of files are as exact as the system's clock ticks.
    let tick = Duration::from_millis(20);
    let before = SystemTime::now() - tick;
    put(backend, &small, leaf("12345"))?;
    let inner = Entry::Container(node("{\"a\": 1}", vec![])?);
    let list = |name| {
        Ok::<_, Error>(Record::Container(node(
            "{}",
            vec![("in", inner.clone()), ("l", collection(vec![(name, Entry::Link(small.clone()))])?)],
        )?))
    };
    put(backend, &tree, list("0000_small")?)?;
    let stat = |key: &Key| backend.stat(key)?.ok_or_else(|| Error::new(ErrorKind::Other, "there is no stat"));
    equal(stat(&small)?.bytes, 5)?;
    equal(stat(&tree)?.bytes, 10)?;
    for key in [&small, &tree] {
        let modified = stat(key)?.modified;
        ensure(modified >= before && modified <= SystemTime::now() + tick, || format!("{key} is of {modified:?}"))?;
    }
    let (first, nested) = (stat(&small)?, stat(&tree)?);
    thread::sleep(2 * tick);
    put(backend, &small, leaf("12345"))?;
    equal(stat(&small)?, first)?;
    put(backend, &small, leaf("123456"))?;
    put(backend, &tree, list("0000_other")?)?;
    for (key, earlier) in [(&small, first), (&tree, nested)] {
        ensure(stat(key)?.modified > earlier.modified, || format!("{key} has grown no younger"))?;
    }
    Ok(())
}

/// Under the lock, whoever follows commits knows every key that was changed; of what it is not told, nothing was.
pub(super) fn tracking(backend: &dyn Backend) -> Result<()> {
    let key = |number: usize| Key::new(if number.is_multiple_of(2) { "Leaf" } else { "Kept" }, format!("k{number}"));
    let mut before = batch()?;
    before.set_durability(Durability::Buffered);
    before.put(key(0)?, leaf("before"), Expect::Any);
    backend.commit(before)?;
    let mut track = backend.track()?;
    let told = |track: &mut dyn super::super::Track| {
        let _lock = backend.lock()?;
        Ok::<_, Error>(track.changed()?.map(|keys| keys.into_iter().collect::<BTreeSet<_>>()))
    };
    equal(told(&mut *track)?, Some(BTreeSet::new()))?;
    let mut known = 0;
    for round in 0..12 {
        let mut expected = BTreeSet::new();
        // Someone else who follows for a while must not be missed.
        let other = if round < 4 || round % 4 == 1 { Some(backend.track()?) } else { None };
        drop(other);
        for number in 0..round {
            let mut batch = batch()?;
            let durability = if round > 8 { Durability::Sync } else { Durability::Buffered };
            batch.set_durability(durability);
            match (number + round) % 4 {
                0 => batch.delete(key(number)?, Expect::Any),
                2 if round > 3 => {
                    batch.put(key(number)?, leaf(format!("{round}")), Expect::Any);
                    batch.put(key(number + 1)?, leaf(format!("{round} too")), Expect::Any);
                    expected.insert(key(number + 1)?);
                }
                _ => batch.put(key(number)?, leaf(format!("{round}")), Expect::Any),
            }
            let existed = backend.contains(&key(number)?)?;
            if (number + round) % 4 != 0 || existed {
                expected.insert(key(number)?);
            }
            backend.commit(batch)?;
        }
        if let Some(told) = told(&mut *track)? {
            known += 1;
            ensure(told.is_superset(&expected), || format!("told {told:?}, expected {expected:?}"))?;
        }
    }
    ensure(known > 5, || format!("only {known} of 12 times it was known what had changed"))
}

/// What is set aside is somewhere, and changes no record.
pub(super) fn setting_aside(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Leaf", "a/../b")?;
    put(backend, &key, leaf("stays"))?;
    let places = [backend.upkeep().set_aside(&key, &leaf("copy"))?, backend.upkeep().set_aside(&key, &leaf("copy"))?];
    ensure(places[0] != places[1], || format!("two copies at {:?}", places[0]))?;
    equal(backend.read(&key)?, Some(leaf("stays")))
}
