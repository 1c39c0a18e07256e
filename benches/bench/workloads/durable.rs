//! What waits for the disk: one save, many in one transaction, many threads at once, and a recovery.

use std::fs;
use std::time::Instant;

use sepia::{Durability, Store};

use super::leaves::{each, saving};
use crate::bench::floor::{Directory, Log, SharedLog};
use crate::bench::measure::{Race, Rounds};
use crate::bench::objects::Note;
use crate::bench::results::{Row, Unit};
use crate::bench::{Bench, Result};

pub(super) fn run(bench: &Bench<'_>) -> Result {
    bench.case("durable_leaf", leaf)?;
    bench.case("durable_together, each", together)?;
    for threads in [1, 4, 16] {
        bench.case(&format!("durable_threads {threads}"), |bench| at_once(bench, threads))?;
    }
    bench.case("recovery, each", recovery)
}

/// About what a frame has besides the content.
const FRAME: [u8; 128] = [0; 128];

/// A note and its frame in a log.
const LOGGED: usize = 512;

fn leaf(bench: &Bench<'_>) -> Result<Row> {
    let rounds = bench.durable_rounds();
    let notes: Vec<_> = (0..=rounds.operations()).map(Note::numbered).collect();
    let (store, class) = (bench.store_with(Durability::Sync)?, bench.class(Note::CLASS)?);
    let log = Log::new(class.path(), rounds.operations() * LOGGED)?;
    let peers = bench.databases(Durability::Sync)?;
    let mut content = Vec::new();
    // The first of all begins the journal.
    let last = notes.len() - 1;
    store.save(&notes[last])?;
    class.make_bare(notes[last].id.as_str(), notes[last].encode(&mut content)?)?;
    each(&peers).try_for_each(|(_, peer)| peer.save(&notes[last], &mut content))?;
    let row = Race::default()
        .side("sepia", |at| Ok(store.save(&notes[at])?))
        .side("floor", |at| append_and_make(&class, &notes[at], &mut content, |entry| log.append(entry)))
        .sides(each(&peers), |peer| saving(peer, &notes))
        .run(rounds)?;
    store.check_same(&class)?;
    Ok(row)
}

fn together(bench: &Bench<'_>) -> Result<Row> {
    let count = bench.together();
    let rounds = Rounds { count: 5, size: 1 };
    let notes: Vec<_> = (0..rounds.operations() * count).map(Note::numbered).collect();
    let of = |round: usize| &notes[round * count..(round + 1) * count];
    let (store, class) = (bench.store_with(Durability::Sync)?, bench.class(Note::CLASS)?);
    let all = bench.store_with(Durability::Sync)?;
    let log = Log::new(class.path(), notes.len() * LOGGED)?;
    let peers = bench.databases(Durability::Sync)?;
    let mut content = Vec::new();
    let row = Race::default()
        .side("sepia", |round| {
            Ok(store.transaction(|transaction| of(round).iter().try_for_each(|note| transaction.save(note)))?)
        })
        .side("floor", |round| {
            let (mut frame, mut ends) = (Vec::new(), Vec::new());
            for note in of(round) {
                let content = note.encode(&mut content)?;
                frame.extend_from_slice(&FRAME[..64]);
                frame.extend_from_slice(content);
                ends.push((frame.len() - content.len(), frame.len()));
            }
            log.append(&frame)?;
            for (note, (start, end)) in of(round).iter().zip(ends) {
                class.make_bare(note.id.as_str(), &frame[start..end])?;
            }
            Ok(())
        })
        .side("save_all", |round| Ok(all.save_all(of(round))?))
        .sides(each(&peers), |peer| {
            let of = &of;
            move |round| peer.save_all(of(round), Vec::new())
        })
        .run(rounds)?;
    store.check_same(&class)?;
    all.check_same(&class)?;
    Ok(row.per(count))
}

/// Several threads save different notes at once.
fn at_once(bench: &Bench<'_>, threads: usize) -> Result<Row> {
    let (rounds, each_saves) = (bench.thread_rounds(), bench.saves_of_a_thread());
    let notes: Vec<_> = (0..=rounds.operations() * threads * each_saves).map(Note::numbered).collect();
    let (store, class) = (bench.store_with(Durability::Sync)?, bench.class(Note::CLASS)?);
    let log = SharedLog::new(class.path(), notes.len() * LOGGED)?;
    let peers = bench.databases(Durability::Sync)?;
    let last = notes.len() - 1;
    store.save(&notes[last])?;
    class.make_bare(notes[last].id.as_str(), notes[last].encode(&mut Vec::new())?)?;
    let of = |round: usize| &notes[round * threads * each_saves..(round + 1) * threads * each_saves];
    let row = Race::default()
        .side("sepia", |round| by_threads(of(round), each_saves, &|note, _| Ok(store.save(note)?)))
        .side("floor", |round| {
            let append = |entry: &[u8]| log.append(entry);
            by_threads(of(round), each_saves, &|note, content| append_and_make(&class, note, content, append))
        })
        .sides(each(&peers), |peer| {
            let of = &of;
            move |round| by_threads(of(round), each_saves, &|note, content| peer.save(note, content))
        })
        .run(rounds)?;
    store.check_same(&class)?;
    Ok(row.per(threads * each_saves))
}

/// Has a thread save so many of the notes, another the next, and so on.
fn by_threads(notes: &[Note], each: usize, save: &(dyn Fn(&Note, &mut Vec<u8>) -> Result + Sync)) -> Result {
    std::thread::scope(|scope| {
        let work = |notes: &[Note]| {
            let mut content = Vec::new();
            notes.iter().try_for_each(|note| save(note, &mut content)).map_err(|error| error.to_string())
        };
        let threads: Vec<_> = notes.chunks(each).map(|notes| scope.spawn(move || work(notes))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })?;
    Ok(())
}

/// Appends a note to a log, waits for the disk, and makes the file of the note.
pub(super) fn append_and_make(
    class: &Directory,
    note: &Note,
    content: &mut Vec<u8>,
    append: impl Fn(&[u8]) -> rustix::io::Result<()>,
) -> Result {
    let content = note.encode(content)?;
    append(&[content, &FRAME].concat())?;
    Ok(class.make_bare(note.id.as_str(), content)?)
}

/// Opens a store whose journal is full and whose files are all gone.
fn recovery(bench: &Bench<'_>) -> Result<Row> {
    let store = bench.store_with(Durability::Sync)?;
    let wanted = if bench.together() < 10_000 { 2 << 20 } else { 31 << 20 };
    let (mut number, mut written) = (0, 0);
    while written < wanted {
        let notes: Vec<_> = (number..number + 1000).map(Note::numbered).collect();
        store.transaction(|transaction| notes.iter().try_for_each(|note| transaction.save(note)))?;
        number += notes.len();
        // A path, a header and the content.
        written += notes.len() * 260;
    }
    // As after the loss of power: neither the files have reached the disk nor the state. Nothing is deleted for that:
    // on many disks a file is slower to make where another has just gone.
    let lost = bench.fresh();
    fs::create_dir_all(lost.join(".sepia"))?;
    for file in [".sepia/format.json", ".sepia/journal"] {
        fs::copy(store.path().join(file), lost.join(file))?;
    }
    let start = Instant::now();
    let recovered = Store::open(&lost)?;
    let time = start.elapsed();
    assert_eq!(recovered.count::<Note>()?, number as u64);
    Ok(Row::new(Unit::Micros).with("sepia", time.as_secs_f64() * 1e6).per(number))
}
