//! Operations on one leaf.

use std::borrow::Borrow;
use std::hint::black_box;

use sepia::{Durability, Id, Store};

use crate::bench::floor::{self, Directory};
use crate::bench::ground::{Fresh, Ground};
use crate::bench::measure::Race;
use crate::bench::objects::Note;
use crate::bench::peer::{Database, Named};
use crate::bench::results::Row;
use crate::bench::{Bench, Result};

pub(super) fn run(bench: &Bench<'_>) -> Result {
    bench.case("new_leaf", |bench| new(bench, &bench.store()?))?;
    bench.case("new_leaf, checksums", |bench| new(bench, &bench.store_with_checksums()?))?;
    bench.case("unchanged_leaf", unchanged)?;
    bench.case("load_leaf", load)?;
    bench.case("exists_leaf", |bench| presence(bench, 0))?;
    bench.case("missing_leaf", |bench| presence(bench, bench.leaf_rounds().operations()))?;
    bench.case("list_ids, per id", list)
}

pub(super) fn run_overwriting(bench: &Bench<'_>) -> Result {
    bench.case("overwrite_leaf", |bench| overwrite(bench, &bench.store()?))?;
    bench.case("overwrite_leaf, checksums", |bench| overwrite(bench, &bench.store_with_checksums()?))
}

fn new(bench: &Bench<'_>, store: &Fresh<Store>) -> Result<Row> {
    let notes = bench.notes();
    let (class, bare) = (bench.class(Note::CLASS)?, bench.class(Note::CLASS)?);
    let peers = bench.databases(Durability::Buffered)?;
    let (mut content, mut bare_content) = (Vec::new(), Vec::new());
    let row = Race::default()
        .side("sepia", |at| Ok(store.save(&notes[at])?))
        .side("floor", |at| floor::make(&class, &notes[at], &mut content))
        .side("not atomic", |at| {
            let note = &notes[at];
            Ok(bare.make_bare(note.id.as_str(), note.encode(&mut bare_content)?)?)
        })
        .sides(each(&peers), |peer| saving(peer, &notes))
        .run(bench.leaf_rounds())?;
    store.check_same(&class)?;
    store.check_same(&bare)?;
    check(&peers, &notes)?;
    Ok(row)
}

fn unchanged(bench: &Bench<'_>) -> Result<Row> {
    let notes = bench.notes();
    let (store, class) = both_with(bench, &notes)?;
    let peers = databases_with(bench, &notes)?;
    let (mut content, mut equal) = (Vec::new(), 0);
    let row = Race::default()
        .side("sepia", |at| Ok(store.save(&notes[at])?))
        .side("floor", |at| {
            equal += usize::from(floor::is_stored(&class, &notes[at], &mut content)?);
            Ok(())
        })
        .sides(each(&peers), |peer| {
            let mut content = Vec::new();
            let notes = &notes;
            move |at: usize| if peer.is_stored(&notes[at], &mut content)? { Ok(()) } else { Err("it differs".into()) }
        })
        .run(bench.leaf_rounds())?;
    assert_eq!(equal, notes.len());
    store.check_same(&class)?;
    Ok(row)
}

/// An exchange takes less on some file systems, and is shown. It is no floor: see there.
fn overwrite(bench: &Bench<'_>, store: &Fresh<Store>) -> Result<Row> {
    let notes = bench.notes();
    let renamed = fill(bench, store, &notes)?;
    let others = [bench.class(Note::CLASS)?, bench.class(Note::CLASS)?];
    for class in &others {
        notes.iter().try_for_each(|note| floor::make(class, note, &mut Vec::new()))?;
    }
    let [exchanged, bare] = &others;
    let peers = databases_with(bench, &notes)?;
    let notes: Vec<_> = notes.iter().map(Note::revised).collect();
    let [mut content, mut other_content, mut bare_content] = [const { Vec::new() }; 3];
    let row = Race::default()
        .side("sepia", |at| Ok(store.save(&notes[at])?))
        .side("floor", |at| floor::replace(&renamed, &notes[at], &mut content))
        .side("by exchange", |at| floor::exchange(exchanged, &notes[at], &mut other_content))
        .side("not atomic", |at| {
            let note = &notes[at];
            Ok(bare.rewrite_bare(note.id.as_str(), note.encode(&mut bare_content)?)?)
        })
        .sides(each(&peers), |peer| saving(peer, &notes))
        .run(bench.leaf_rounds())?;
    for class in [&renamed, exchanged, bare] {
        store.check_same(class)?;
    }
    check(&peers, &notes)?;
    Ok(row)
}

fn load(bench: &Bench<'_>) -> Result<Row> {
    let notes = bench.notes();
    let (store, class) = both_with(bench, &notes)?;
    let peers = databases_with(bench, &notes)?;
    let row = Race::default()
        .side("sepia", |at| {
            black_box(store.load::<Note>(&notes[at].id)?);
            Ok(())
        })
        .side("floor", |at| {
            black_box(floor::read(&class, &notes[at].id)?);
            Ok(())
        })
        .sides(each(&peers), |peer| loading(peer, &notes))
        .run(bench.leaf_rounds())?;
    for note in &notes {
        assert_eq!((&store.load::<Note>(&note.id)?, &floor::read(&class, &note.id)?), (note, note));
    }
    check(&peers, &notes)?;
    Ok(row)
}

/// Asks for notes whose numbers begin with `first`: all are there, or none.
fn presence(bench: &Bench<'_>, first: usize) -> Result<Row> {
    let notes = bench.notes();
    let asked: Vec<_> = (0..notes.len()).map(|number| Note::numbered(first + number)).collect();
    let (store, class) = both_with(bench, &notes)?;
    let (mut found, mut found_by_floor) = (0, 0);
    let row = Race::default()
        .side("sepia", |at| {
            found += usize::from(store.exists(&asked[at].id)?);
            Ok(())
        })
        .side("floor", |at| {
            found_by_floor += usize::from(class.exists(asked[at].id.as_str())?);
            Ok(())
        })
        .run(bench.leaf_rounds())?;
    let there = if first == 0 { notes.len() } else { 0 };
    assert_eq!((found, found_by_floor), (there, there));
    Ok(row)
}

fn list(bench: &Bench<'_>) -> Result<Row> {
    let notes = bench.notes();
    let (store, class) = both_with(bench, &notes)?;
    let peers = databases_with(bench, &notes)?;
    let (mut ids, mut names) = (Vec::new(), Vec::new());
    let count = notes.len();
    let row = Race::default()
        .side("sepia", |_| {
            ids = store.ids::<Note>()?;
            Ok(())
        })
        .side("floor", |_| {
            names = class.names()?;
            Ok(())
        })
        .sides(each(&peers), |peer| {
            move |_| if peer.ids()?.len() == count { Ok(()) } else { Err("some are missing".into()) }
        })
        .run(bench.list_rounds())?;
    names.sort();
    assert!(ids.len() == count && ids.iter().map(Id::as_str).eq(&names));
    Ok(row.per(count))
}

/// The databases behind their owners.
pub(super) fn each(peers: &[Named]) -> impl Iterator<Item = (&'static str, &dyn Database)> {
    peers.iter().map(|(name, peer)| (*name, &**peer))
}

/// Saves notes one by one.
pub(super) fn saving<'n>(peer: &'n dyn Database, notes: &'n [Note]) -> impl FnMut(usize) -> Result + use<'n> {
    let mut content = Vec::new();
    move |at| peer.save(&notes[at], &mut content)
}

/// Loads notes one by one.
pub(super) fn loading<'n>(peer: &'n dyn Database, notes: &'n [Note]) -> impl FnMut(usize) -> Result + use<'n> {
    move |at| {
        black_box(peer.load(&notes[at].id)?);
        Ok(())
    }
}

/// Makes sure that all databases have these notes.
pub(super) fn check(peers: &[Named], notes: &[Note]) -> Result {
    for (name, peer) in peers {
        for note in notes {
            assert_eq!(&peer.load(&note.id)?, note, "{name}");
        }
    }
    Ok(())
}

/// A database of each peer, with these notes.
pub(super) fn databases_with(bench: &Bench<'_>, notes: &[Note]) -> Result<Vec<Named>> {
    let peers = bench.databases(Durability::Buffered)?;
    each(&peers).try_for_each(|(_, peer)| peer.save_all(notes, Vec::new()))?;
    Ok(peers)
}

/// Both sides with the same notes.
pub(crate) fn both_with<N: Borrow<Note>>(
    ground: &Ground,
    notes: impl IntoIterator<Item = N>,
) -> Result<(Fresh<Store>, Fresh<Directory>)> {
    let store = ground.store()?;
    let class = fill(ground, &store, notes)?;
    Ok((store, class))
}

fn fill<N: Borrow<Note>>(
    ground: &Ground,
    store: &Store,
    notes: impl IntoIterator<Item = N>,
) -> Result<Fresh<Directory>> {
    let class = ground.class(Note::CLASS)?;
    let mut content = Vec::new();
    for note in notes {
        let note = note.borrow();
        store.save(note)?;
        class.make_bare(note.id.as_str(), note.encode(&mut content)?)?;
    }
    Ok(class)
}
