//! Collections beside processes that save, link, unlink and delete: nothing that is linked is ever swept.

use std::path::Path;
use std::time::Duration;

use sepia::backend::{Backend, Filesystem, OpenOptions};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};
use sepia::{ErrorKind, Root, Store};

use crate::support::{Random, child, directory, key, leaf, open, place, spawn};

const ROUNDS: u64 = 400;
const WRITERS: u64 = 3;

fn board(links: &[Key]) -> Record {
    let entries = links.iter().map(|link| (Name::of(link.id()).unwrap(), Entry::Link(link.clone()))).collect();
    Record::Container(Node { data: b"{}\n".to_vec(), entries: Entries::new(entries).unwrap() })
}

fn batch(durability: Durability) -> Batch {
    let mut batch = Batch::new();
    batch.set_durability(durability);
    let leaves = Class::serializable("Leaf", Format::Text).with_generations();
    for class in
        [Class::container("Board"), Class::container("Part"), leaves, Class::serializable("Alone", Format::Text)]
    {
        batch.declare(&class).unwrap();
    }
    batch
}

/// Each has a board of parts, which link to leaves. It makes new ones, drops some from its board, and takes up again
/// what it has dropped long ago, if that is still there.
#[test]
fn writes() {
    let Some(words) = child() else { return };
    let (backend, writer): (_, u64) = (open(Path::new(&words[0])).unwrap(), words[1].parse().unwrap());
    let mut random = Random::new(writer);
    let own = key("Board", &format!("board {writer}"));
    let (mut linked, mut dropped): (Vec<Key>, Vec<Key>) = Default::default();
    for round in 0..ROUNDS {
        // Only where nobody waits for the disk are there commits without frames.
        let durability = if random.below(8) == 0 { Durability::Sync } else { Durability::Buffered };
        let mut batch = batch(durability);
        if random.below(3) > 0 || dropped.is_empty() {
            let (part, note) = (key("Part", &format!("p{writer} {round}")), format!("l{writer} {round}"));
            let leaves: Vec<Key> = (0..=random.below(2)).map(|n| key("Leaf", &format!("{note}.{n}"))).collect();
            // By its base or exactly: the first of two is old then.
            let link = if random.below(2) == 0 { key("Leaf", &note) } else { leaves[0].clone() };
            leaves.iter().for_each(|key| batch.put(key.clone(), leaf("text"), Expect::Any));
            batch.put(part.clone(), board(&[link]), Expect::Any);
            linked.push(part);
        } else {
            let part = dropped.swap_remove(random.below(dropped.len()));
            batch.expect(part.clone(), Expect::Present);
            linked.push(part);
        }
        let mut left = Vec::new();
        while linked.len() > 5 {
            left.push(linked.swap_remove(random.below(linked.len())));
        }
        batch.put(own.clone(), board(&linked), Expect::Any);
        match backend.commit(batch) {
            Ok(()) => dropped.extend(left),
            // It was swept before it could be taken up.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
                let gone = error.conflicts()[0].clone();
                linked.extend(left);
                linked.retain(|part| *part != gone);
            }
        }
        check(&backend, &own);
        // A leaf of nobody, which may be committed without a frame.
        let mut alone = self::batch(Durability::Buffered);
        alone.put(key("Alone", &format!("{writer} {round}")), leaf(""), Expect::Any);
        backend.commit(alone).unwrap();
        if random.below(40) == 0 {
            backend.checkpoint().unwrap();
        }
    }
}

/// Everything that the board links to is there, and everything that that links to.
fn check(backend: &dyn Backend, board: &Key) {
    for part in &backend.links(board).unwrap().unwrap() {
        let leaves =
            backend.links(part).unwrap().unwrap_or_else(|| panic!("{part} was swept, and {board} links to it"));
        for leaf in leaves {
            let is_there = backend.contains(&leaf).unwrap() || backend.newest(&leaf).unwrap().is_some();
            assert!(is_there, "{leaf} was swept, and {part} links to it");
        }
    }
}

#[test]
fn what_processes_link_to_is_never_swept() {
    let directory = directory();
    let path = place(&directory);
    let backend = open(&path).unwrap();
    let boards: Vec<Key> = (0..WRITERS).map(|writer| key("Board", &format!("board {writer}"))).collect();
    let mut empty = batch(Durability::Buffered);
    boards.iter().for_each(|key| empty.put(key.clone(), board(&[]), Expect::Any));
    backend.commit(empty).unwrap();
    let store = Store::with_backend(open(&path).unwrap()).with_durability(Durability::Buffered);
    let mut writers: Vec<_> =
        (0..WRITERS).map(|writer| spawn("races::writes", &[path.to_str().unwrap(), &writer.to_string()])).collect();
    let (mut swept, mut rounds) = (0, 0);
    loop {
        // Everything is linked by the very commit that makes it.
        let gc = store.gc([Root::class("Board")]).grace(Duration::ZERO);
        match gc.keep_generations(1).run() {
            Ok(report) => {
                assert_eq!(report.dangling, [], "round {rounds}");
                assert_eq!(report.refused, []);
                swept += report.swept();
                rounds += 1;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Locked, "{error:?}"),
        }
        if writers.iter_mut().all(|writer| writer.try_wait().unwrap().is_some()) {
            break;
        }
    }
    for writer in writers {
        let output = writer.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let report = store.gc([Root::class("Board")]).grace(Duration::ZERO).run().unwrap();
    swept += report.swept();
    assert_eq!(report.dangling, []);
    for key in &boards {
        check(&backend, key);
    }
    assert!(rounds > 3 && swept > WRITERS * ROUNDS, "{swept} swept in {rounds} rounds");
    // Each writer keeps the last of its parts, with a leaf each, or two.
    assert!(report.live() <= WRITERS * (1 + 5 + 10), "{report:?}");
}

/// Every close began an epoch, and the collection lost track of what was committed: after a few times, it kept everybody
/// off until it was through.
#[test]
fn programs_that_open_save_and_close_are_not_kept_off() {
    let directory = directory();
    let path = place(&directory);
    let mut options = OpenOptions::default();
    options.lock_timeout = Duration::from_millis(300);
    let store = Store::with_backend(open(&path).unwrap()).with_durability(Durability::Buffered);
    let mut many = batch(Durability::Buffered);
    (0..9000).for_each(|number| many.put(key("Alone", &format!("{number}")), leaf(""), Expect::Any));
    store.backend().commit(many).unwrap();
    let (mut marks, mut saves) = (0, 0);
    let report = store
        .gc([key("Alone", "0")])
        .grace(Duration::ZERO)
        .on_progress(|progress| {
            marks += u64::from(progress.phase == "mark" && progress.done == 0 && progress.total.is_none());
            if progress.phase == "sweep" && progress.done > 0 {
                let other = Filesystem::open(&path, &options).unwrap();
                let mut batch = batch(Durability::Sync);
                batch.put(key("Alone", "0"), leaf(&format!("{saves}")), Expect::Present);
                other.commit(batch).unwrap();
                other.checkpoint().unwrap();
                saves += 1;
            }
        })
        .run()
        .unwrap();
    assert_eq!((report.live(), report.swept(), marks), (1, 8999, 1));
    assert!(saves >= 9, "{saves}");
}
