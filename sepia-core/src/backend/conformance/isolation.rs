//! What reads see beside commits, and the lock that keeps commits off.

use std::thread;
use std::time::Duration;

use std::sync::atomic::{AtomicBool, Ordering};

use super::records::shapes;
use super::*;
use crate::backend::Moment;
use crate::record::batch::Durability;

const ROUNDS: usize = 200;

/// Runs a writer, and readers for as long as it is at work, and returns the first error of any.
fn beside(write: &(dyn Fn(usize) -> Result<()> + Sync), read: &(dyn Fn() -> Result<()> + Sync)) -> Result<()> {
    let done = &AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let written = (1..=ROUNDS).try_for_each(write);
            done.store(true, Ordering::Relaxed);
            written
        });
        let readers = [(); 2].map(|()| {
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    read()?;
                }
                read()
            })
        });
        [writer].into_iter().chain(readers).try_for_each(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => ensure(false, || "a thread panicked".to_owned()),
        })
    })
}

fn put_fast(backend: &dyn Backend, key: &Key, record: Record) -> Result<()> {
    let mut batch = batch()?;
    batch.set_durability(Durability::Buffered);
    batch.put(key.clone(), record, Expect::Any);
    backend.commit(batch)
}

pub(super) fn containers(backend: &dyn Backend) -> Result<()> {
    let shapes: Vec<Record> = shapes()?.into_iter().map(Record::Container).collect();
    let key = Key::new("Node", "changing")?;
    put(backend, &key, shapes[0].clone())?;
    let write = |round: usize| put_fast(backend, &key, shapes[round % shapes.len()].clone());
    let read = || match backend.read(&key)? {
        Some(record) => ensure(shapes.contains(&record), || format!("a mixture: {record:?}")),
        None => ensure(false, || "the container was absent while it was rewritten".to_owned()),
    };
    beside(&write, &read)
}

/// A number goes from one leaf to the next, and on to a container.
pub(super) fn moments(backend: &dyn Backend) -> Result<()> {
    let keys = [Key::new("Node", "c")?, Key::new("Leaf", "b")?, Key::new("Leaf", "a")?];
    let write = |round: usize| {
        let text = round.to_string();
        put_fast(backend, &keys[2], leaf(&text))?;
        put_fast(backend, &keys[1], leaf(&text))?;
        put_fast(backend, &keys[0], Record::Container(node(&text, vec![])?))
    };
    write(0)?;
    let number = |key: &Key| -> Result<usize> {
        let text = match backend.read(key)? {
            Some(Record::Leaf(content)) => content,
            Some(Record::Container(node)) => node.data,
            None => return Err(Error::new(ErrorKind::Other, format!("{key} is absent"))),
        };
        String::from_utf8_lossy(&text).parse().map_err(|error| Error::new(ErrorKind::Other, error))
    };
    let read = || {
        let before = backend.moment()?;
        // The last to change is read first, so that every change in between shows.
        let seen = keys.iter().map(number).collect::<Result<Vec<_>>>()?;
        if backend.moment()? != before {
            return Ok(());
        }
        ensure(seen.is_sorted() && seen[2] - seen[0] <= 1, || format!("two states at one moment: {seen:?}"))
    };
    beside(&write, &read)?;
    let quiet = backend.moment()?;
    read()?;
    equal(backend.moment()?, quiet)?;
    let mut seen: Vec<Moment> = vec![quiet];
    for durability in [Durability::Buffered, Durability::Sync, Durability::Buffered] {
        for change in 0..3 {
            let mut batch = batch()?;
            batch.set_durability(durability);
            match change {
                0 => batch.put(Key::new("Leaf", "new")?, leaf("1"), Expect::Any),
                1 => batch.put(Key::new("Leaf", "new")?, leaf("2"), Expect::Present),
                _ => batch.delete(Key::new("Leaf", "new")?, Expect::Any),
            }
            backend.commit(batch)?;
            let moment = backend.moment()?;
            ensure(!seen.contains(&moment), || format!("{moment:?} came twice"))?;
            seen.push(moment);
        }
    }
    Ok(())
}

pub(super) fn lock(backend: &dyn Backend) -> Result<()> {
    let (inside, outside) = (Key::new("Leaf", "inside")?, Key::new("Leaf", "outside")?);
    put(backend, &inside, leaf("0"))?;
    thread::scope(|scope| {
        let lock = backend.lock()?;
        // This thread would wait for itself.
        refused(put(backend, &outside, leaf("")), ErrorKind::Locked)?;
        refused(backend.lock().map(|_| ()), ErrorKind::Locked)?;
        let waits = scope.spawn(|| put(backend, &outside, leaf("1")));
        thread::sleep(Duration::from_millis(20));
        let moment = backend.moment()?;
        equal(backend.read(&outside)?, None)?;
        equal(backend.read(&inside)?, Some(leaf("0")))?;
        equal(backend.moment()?, moment)?;
        let mut batch = batch()?;
        batch.put(inside.clone(), leaf("1"), Expect::Present);
        lock.commit(batch)?;
        equal(backend.read(&inside)?, Some(leaf("1")))?;
        match waits.join() {
            Ok(put) => put,
            Err(_) => ensure(false, || "a thread panicked".to_owned()),
        }
    })?;
    equal(backend.read(&outside)?, Some(leaf("1")))?;
    // Whether its commit succeeds or not, or there is none, the lock ends.
    let mut refused_batch = batch()?;
    refused_batch.put(inside.clone(), leaf("2"), Expect::Absent);
    refused(backend.lock()?.commit(refused_batch), ErrorKind::Conflict)?;
    drop(backend.lock()?);
    put(backend, &inside, leaf("3"))?;
    equal(backend.read(&inside)?, Some(leaf("3")))
}

/// The lock lets one read and write what another has written, whoever they are.
pub(super) fn counting(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Leaf", "count")?;
    put(backend, &key, leaf("0"))?;
    let count = || -> Result<()> {
        let lock = backend.lock()?;
        let Some(Record::Leaf(content)) = backend.read(&key)? else {
            return ensure(false, || "the count is absent".to_owned());
        };
        let number: usize = String::from_utf8_lossy(&content).parse().unwrap_or(0);
        let mut batch = batch()?;
        batch.put(key.clone(), leaf((number + 1).to_string()), Expect::Any);
        lock.commit(batch)
    };
    thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(|| (0..ROUNDS).try_for_each(|_| count())));
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => ensure(false, || "a thread panicked".to_owned()),
        })
    })?;
    equal(backend.read(&key)?, Some(leaf((4 * ROUNDS).to_string())))
}
