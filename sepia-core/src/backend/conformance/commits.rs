//! Commits: what they expect, refuse and change, one after another.

use super::records::shapes;
use super::*;
use crate::backend::to_the_end;

pub(super) fn expectations(backend: &dyn Backend) -> Result<()> {
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
    equal(backend.read(&gone)?, None)?;
    only_expectations(backend, &here, &gone)
}

/// A batch that changes nothing is checked all the same, whatever the record is, and under a lock.
fn only_expectations(backend: &dyn Backend, here: &Key, gone: &Key) -> Result<()> {
    let tree = Key::new("Node", "here")?;
    put(backend, &tree, Record::Container(node("{}", vec![])?))?;
    let nowhere = Key::new("Undeclared", "x")?;
    for (keys, missing) in [
        (vec![here], vec![]),
        (vec![&tree], vec![]),
        (vec![here, &tree], vec![]),
        (vec![gone], vec![gone]),
        (vec![here, gone, &tree, &nowhere], vec![gone, &nowhere]),
    ] {
        for is_locked in [false, true] {
            let mut batch = Batch::new();
            keys.iter().for_each(|key| batch.expect((*key).clone(), Expect::Present));
            let committed = if is_locked { backend.lock()?.commit(batch) } else { backend.commit(batch) };
            let found = committed.err().map(|error| (error.kind(), error.conflicts().to_vec()));
            let expected: Vec<Key> = missing.iter().map(|key| (*key).clone()).collect();
            equal(found, (!expected.is_empty()).then_some((ErrorKind::Conflict, expected)))?;
        }
    }
    equal(backend.read(here)?, Some(leaf("1")))?;
    equal(backend.read(gone)?, None)
}

pub(super) fn classes(backend: &dyn Backend) -> Result<()> {
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
    vague.declare(&Class::declared("Vague".to_owned(), crate::record::class::Kind::Serializable(None), None)?)?;
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

/// Nothing of a batch with such a record is stored, whether its class is declared before, in the batch, or vaguely.
pub(super) fn kinds(backend: &dyn Backend) -> Result<()> {
    let container = Record::Container(node("{}", vec![])?);
    let (own, beside) = (Key::new("Leaf", "own")?, Key::new("Leaf", "beside")?);
    let vague = Class::declared("Vague".to_owned(), crate::record::class::Kind::Serializable(None), None)?;
    for round in 0..2 {
        for (class, id, record) in [
            ("Node", "own", leaf("{}")),
            ("Leaf", "own", container.clone()),
            ("Kept", "own.1", container.clone()),
            ("Vague", "own", container.clone()),
        ] {
            for is_alone in [true, false] {
                let mut batch = batch()?;
                batch.declare(&vague)?;
                if !is_alone {
                    batch.put(beside.clone(), leaf("x"), Expect::Any);
                }
                batch.put(Key::new(class, id)?, record.clone(), Expect::Any);
                refused(backend.commit(batch), ErrorKind::ClassClash)?;
                equal(backend.contains(&beside)?, false)?;
                equal(backend.read(&Key::new(class, id)?)?, (class == "Leaf" && round == 1).then(|| leaf("1")))?;
            }
        }
        put(backend, &own, leaf("1"))?;
    }
    Ok(())
}

pub(super) fn deletes(backend: &dyn Backend) -> Result<()> {
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
    backend.ids("Node", &mut to_the_end(|id| left.push(id.to_owned())))?;
    equal(left, vec!["n0".to_owned()])?;
    equal(backend.read(&Key::new("Node", "n1")?)?, None)
}

pub(super) fn race(backend: &dyn Backend) -> Result<()> {
    backend.commit(batch()?)?;
    for round in 0..50 {
        // All of those who do not care get through, and one of those who expect absence.
        for (expect, winners) in [(Expect::Any, 4), (Expect::Absent, 1)] {
            let key = Key::new("Leaf", format!("{round} {winners}"))?;
            let put = &|thread| {
                let mut batch = Batch::new();
                batch.put(key.clone(), leaf([thread]), expect.clone());
                backend.commit(batch)
            };
            let won = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || put(thread))).collect();
                threads.into_iter().filter_map(|thread| thread.join().ok()).filter(Result::is_ok).count()
            });
            equal(won, winners)?;
        }
    }
    Ok(())
}

pub(super) fn threads(backend: &dyn Backend) -> Result<()> {
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

pub(super) fn unchanged(backend: &dyn Backend) -> Result<()> {
    let (a, b, c) = (Key::new("Leaf", "a")?, Key::new("Node", "b")?, Key::new("Leaf", "c")?);
    let first = [leaf("1"), Record::Container(shapes()?.remove(0))];
    let second = [leaf("2"), Record::Container(shapes()?.remove(1))];
    for (key, record) in [&a, &b].into_iter().zip(&first) {
        put(backend, key, record.clone())?;
    }
    let change = |expected: &[Record; 2], records: &[Record; 2], extra: &Record| -> Result<()> {
        let mut batch = batch()?;
        batch.put(c.clone(), extra.clone(), Expect::Any);
        for ((key, expected), record) in [&a, &b].into_iter().zip(expected).zip(records) {
            batch.put(key.clone(), record.clone(), Expect::Unchanged(expected.fingerprint()));
        }
        backend.commit(batch)
    };
    change(&first, &second, &leaf("x"))?;
    for (key, record) in [&a, &b].into_iter().zip(&second) {
        let read = backend.read(key)?;
        equal(read.as_ref(), Some(record))?;
        equal(read.map(|record| record.fingerprint()), Some(record.fingerprint()))?;
    }
    let error = change(&first, &first, &leaf("y")).err();
    equal(error.as_ref().map(Error::kind), Some(ErrorKind::Conflict))?;
    equal(error.map(|error| error.conflicts().to_vec()), Some(vec![a.clone(), b.clone()]))?;
    equal(backend.read(&c)?, Some(leaf("x")))?;
    // What is absent is not unchanged.
    let mut delete = batch()?;
    delete.delete(a.clone(), Expect::Unchanged(second[0].fingerprint()));
    backend.commit(delete)?;
    let error = change(&second, &first, &leaf("y")).err();
    equal(error.map(|error| error.conflicts().to_vec()), Some(vec![a.clone()]))?;
    // What stays is checked too.
    let mut keep = batch()?;
    keep.put(a.clone(), leaf("3"), Expect::Absent);
    keep.expect(b.clone(), Expect::Unchanged(first[1].fingerprint()));
    refused(backend.commit(keep), ErrorKind::Conflict)?;
    equal(backend.read(&a)?, None)
}

pub(super) fn refusals(backend: &dyn Backend) -> Result<()> {
    let (new, old) = (Key::new("Leaf", "new")?, Key::new("Leaf", "old")?);
    put(backend, &old, leaf("1"))?;
    let stray = Node { entries: node("", vec![("x", Entry::Stray)])?.entries, ..Node::default() };
    for kind in [ErrorKind::Conflict, ErrorKind::ClassClash, ErrorKind::InvalidValue] {
        let mut batch = Batch::new();
        batch.declare(&LEAVES)?;
        batch.set_durability(crate::record::batch::Durability::Buffered);
        batch.put(new.clone(), leaf("2"), Expect::Any);
        batch.put(old.clone(), leaf("2"), Expect::Any);
        match kind {
            ErrorKind::Conflict => batch.expect(Key::new("Leaf", "none")?, Expect::Present),
            ErrorKind::ClassClash => batch.put(Key::new("Nobody", "x")?, leaf(""), Expect::Any),
            _ => {
                batch.declare(&NODES)?;
                batch.put(Key::new("Node", "x")?, Record::Container(stray.clone()), Expect::Any);
            }
        }
        refused(backend.commit(batch), kind)?;
        equal(backend.read(&new)?, None)?;
        equal(backend.read(&old)?, Some(leaf("1")))?;
    }
    Ok(())
}
