//! What waits for the disk: one save, many in one transaction, many threads at once, and a recovery.

use std::fs;
use std::time::Instant;

use sepia::{Durability, Store};

use crate::floor::Log;
use crate::ground::Ground;
use crate::measure::{Rounds, interleave};
use crate::objects::Note;
use crate::table::Row;
use crate::{Case, Result};

pub(crate) const CASES: &[Case] = &[("durable_leaf", leaf), ("durable_together, each", together)];

/// About what a frame has besides the content.
const FRAME: usize = 128;

fn leaf(ground: &Ground) -> Result<Row> {
    let rounds = ground.durable_rounds();
    let notes: Vec<_> = (0..=rounds.operations()).map(Note::numbered).collect();
    let (store, class) = (ground.store_with(Durability::Sync)?, ground.class(Note::CLASS)?);
    let log = Log::new(class.path(), rounds.operations() * 1024)?;
    let mut content = Vec::new();
    // The first of all begins the journal.
    let last = notes.len() - 1;
    store.save(&notes[last])?;
    class.make_bare(notes[last].id.as_str(), notes[last].encode(&mut content)?)?;
    let mut sepia = |at: usize| -> Result { Ok(store.save(&notes[at])?) };
    let mut floor = |at: usize| -> Result {
        let bytes = notes[at].encode(&mut content)?;
        log.append(&[bytes, &[0; FRAME]].concat())?;
        Ok(class.make_bare(notes[at].id.as_str(), bytes)?)
    };
    let times = interleave(rounds, [&mut sepia, &mut floor])?;
    store.check_same(&class)?;
    Ok(Row::new(times))
}

fn together(ground: &Ground) -> Result<Row> {
    let count = ground.together();
    let rounds = Rounds { count: 4, size: 1 };
    let notes: Vec<_> = (0..rounds.operations() * count).map(Note::numbered).collect();
    let (store, class) = (ground.store_with(Durability::Sync)?, ground.class(Note::CLASS)?);
    let log = Log::new(class.path(), notes.len() * 512)?;
    let mut content = Vec::new();
    let mut sepia = |round: usize| -> Result {
        let notes = &notes[round * count..(round + 1) * count];
        Ok(store.transaction(|transaction| notes.iter().try_for_each(|note| transaction.save(note)))?)
    };
    let mut floor = |round: usize| -> Result {
        let notes = &notes[round * count..(round + 1) * count];
        let mut frame = Vec::new();
        for note in notes {
            frame.extend_from_slice(note.encode(&mut content)?);
            frame.extend_from_slice(&[0; 64]);
        }
        log.append(&frame)?;
        for note in notes {
            class.make_bare(note.id.as_str(), note.encode(&mut content)?)?;
        }
        Ok(())
    };
    let times = interleave(rounds, [&mut sepia, &mut floor])?;
    store.check_same(&class)?;
    Ok(Row::new(times.map(|time| time / count as f64)))
}

/// Prints what a durable save takes when several threads save at once.
pub(crate) fn print_threads(ground: &Ground) -> Result {
    let store = ground.store_with(Durability::Sync)?;
    let saves = ground.durable_rounds().operations().max(160);
    store.save(&Note::numbered(999_999))?;
    let mut number = 0;
    let mut alone = 0.0;
    println!();
    for threads in [1, 4, 16] {
        let each = saves / threads;
        let notes: Vec<Vec<Note>> = (0..threads)
            .map(|thread| (0..each).map(|at| Note::numbered(number + thread * each + at)).collect())
            .collect();
        number += saves;
        let start = Instant::now();
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                notes.iter().map(|notes| scope.spawn(|| notes.iter().try_for_each(|note| store.save(note)))).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
        })?;
        let time = start.elapsed().as_secs_f64() * 1e6 / (each * threads) as f64;
        if threads == 1 {
            alone = time;
        }
        println!("durable_threads {threads:>2}:  {time:.1} µs each, {:.2} times one thread", alone / time);
    }
    Ok(())
}

/// Prints how long it takes to open a store whose journal is full and whose files are all gone.
pub(crate) fn print_recovery(ground: &Ground) -> Result {
    let store = ground.store_with(Durability::Sync)?;
    let journal = store.path().join(".sepia/journal");
    let wanted = if ground.together() < 10_000 { 2 << 20 } else { 31 << 20 };
    let (mut number, mut written) = (0, 0);
    while written < wanted {
        let notes: Vec<_> = (number..number + 1000).map(Note::numbered).collect();
        store.transaction(|transaction| notes.iter().try_for_each(|note| transaction.save(note)))?;
        number += notes.len();
        // A path, a header and the content.
        written += notes.len() * 260;
    }
    let length = fs::metadata(&journal)?.len();
    // As after the loss of power: neither the files have reached the disk nor the state. Nothing is deleted for that:
    // on many disks a file is slower to make where another has just gone.
    let lost = ground.fresh();
    fs::create_dir_all(lost.join(".sepia"))?;
    for file in [".sepia/format.json", ".sepia/journal"] {
        fs::copy(store.path().join(file), lost.join(file))?;
    }
    let start = Instant::now();
    let recovered = Store::open(&lost)?;
    let time = start.elapsed();
    assert_eq!(recovered.count::<Note>()?, number as u64);
    println!(
        "recovery of {number} leaves from a journal of {:.1} MiB:  {:.2} s",
        length as f64 / f64::from(1 << 20),
        time.as_secs_f64()
    );
    Ok(())
}
