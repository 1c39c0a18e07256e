//! What reads see beside commits, and the lock that keeps commits off.

use super::records::shapes;
use super::*;
use crate::backend::Moment;

const ROUNDS: usize = 100;

/// Runs a writer beside readers, and returns the first error of any.
fn beside(write: &(dyn Fn(usize) -> Result<()> + Sync), read: &(dyn Fn() -> Result<()> + Sync)) -> Result<()> {
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || (0..ROUNDS).try_for_each(write));
        let readers = [(); 2].map(|()| scope.spawn(move || (0..ROUNDS).try_for_each(|_| read())));
        [writer].into_iter().chain(readers).try_for_each(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => ensure(false, || "a thread panicked".to_owned()),
        })
    })
}

pub(super) fn containers(backend: &dyn Backend) -> Result<()> {
    let shapes: Vec<Record> = shapes()?.into_iter().map(Record::Container).collect();
    let key = Key::new("Node", "changing")?;
    put(backend, &key, shapes[0].clone())?;
    let write = |round: usize| put(backend, &key, shapes[round % shapes.len()].clone());
    let read = || match backend.read(&key)? {
        Some(record) => ensure(shapes.contains(&record), || format!("a mixture: {record:?}")),
        None => ensure(false, || "the container was absent while it was rewritten".to_owned()),
    };
    beside(&write, &read)
}

/// Two leaves and a container always say the same number.
pub(super) fn moments(backend: &dyn Backend) -> Result<()> {
    let keys = [Key::new("Leaf", "a")?, Key::new("Leaf", "b")?, Key::new("Node", "c")?];
    let write = |round: usize| {
        let mut batch = batch()?;
        // Every other commit is of one leaf that nobody looks at.
        if round % 2 == 1 {
            batch.put(Key::new("Leaf", "other")?, leaf(round.to_string()), Expect::Any);
            return backend.commit(batch);
        }
        let text = round.to_string();
        batch.put(keys[0].clone(), leaf(&text), Expect::Any);
        batch.put(keys[1].clone(), leaf(&text), Expect::Any);
        batch.put(keys[2].clone(), Record::Container(node(&text, vec![])?), Expect::Any);
        backend.commit(batch)
    };
    write(0)?;
    let text = |key: &Key| -> Result<Vec<u8>> {
        match backend.read(key)? {
            Some(Record::Leaf(content)) => Ok(content),
            Some(Record::Container(node)) => Ok(node.data),
            None => Err(Error::new(ErrorKind::Other, format!("{key} is absent"))),
        }
    };
    let read = || {
        let before = backend.moment()?;
        let seen = keys.iter().map(text).collect::<Result<Vec<_>>>()?;
        if backend.moment()? != before {
            return Ok(());
        }
        ensure(seen.iter().all(|text| *text == seen[0]), || format!("two states at one moment: {seen:?}"))
    };
    beside(&write, &read)?;
    let quiet = backend.moment()?;
    read()?;
    equal(backend.moment()?, quiet)?;
    let mut seen: Vec<Moment> = vec![quiet];
    for (number, expect) in [Expect::Any, Expect::Present, Expect::Any].into_iter().enumerate() {
        let mut batch = batch()?;
        match number {
            2 => batch.delete(keys[0].clone(), expect),
            _ => batch.put(keys[0].clone(), leaf(format!("new {number}")), expect),
        }
        backend.commit(batch)?;
        let moment = backend.moment()?;
        ensure(!seen.contains(&moment), || format!("{moment:?} came twice"))?;
        seen.push(moment);
    }
    Ok(())
}

pub(super) fn lock(backend: &dyn Backend) -> Result<()> {
    let (inside, outside) = (Key::new("Leaf", "inside")?, Key::new("Leaf", "outside")?);
    put(backend, &inside, leaf("0"))?;
    std::thread::scope(|scope| {
        let mut lock = backend.lock()?;
        // This thread would wait for itself.
        refused(put(backend, &outside, leaf("")), ErrorKind::Locked)?;
        refused(backend.lock().map(|_| ()), ErrorKind::Locked)?;
        let waits = scope.spawn(|| put(backend, &outside, leaf("1")));
        for text in ["1", "2"] {
            let moment = backend.moment()?;
            equal(backend.read(&outside)?, None)?;
            equal(backend.moment()?, moment)?;
            let mut batch = batch()?;
            batch.put(inside.clone(), leaf(text), Expect::Present);
            lock.commit(batch)?;
            equal(backend.read(&inside)?, Some(leaf(text)))?;
        }
        let mut batch = batch()?;
        batch.put(inside.clone(), leaf("3"), Expect::Absent);
        refused(lock.commit(batch), ErrorKind::Conflict)?;
        equal(backend.read(&outside)?, None)?;
        drop(lock);
        match waits.join() {
            Ok(put) => put,
            Err(_) => ensure(false, || "a thread panicked".to_owned()),
        }
    })?;
    equal(backend.read(&outside)?, Some(leaf("1")))?;
    equal(backend.read(&inside)?, Some(leaf("2")))
}

/// The lock lets one read and write what another has written, whoever they are.
pub(super) fn counting(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Leaf", "count")?;
    put(backend, &key, leaf("0"))?;
    let count = || -> Result<()> {
        let mut lock = backend.lock()?;
        let Some(Record::Leaf(content)) = backend.read(&key)? else {
            return ensure(false, || "the count is absent".to_owned());
        };
        let number: usize = String::from_utf8_lossy(&content).parse().unwrap_or(0);
        let mut batch = batch()?;
        batch.put(key.clone(), leaf((number + 1).to_string()), Expect::Any);
        lock.commit(batch)
    };
    beside(&|_| count(), &count)?;
    equal(backend.read(&key)?, Some(leaf((3 * ROUNDS).to_string())))
}
