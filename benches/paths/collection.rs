//! Garbage collection beside its floor: listing, reading and hashing every link, and unlinking what goes.

use std::collections::HashSet;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sepia::batch::{Batch, Durability};
use sepia::class::{Class, Format};
use sepia::{Root, Store};

use crate::Result;
use crate::floor::Directory;
use crate::ground::Ground;
use crate::table::thousands;

/// How many links a container has.
const LINKS: usize = 1000;

/// Prints what it takes to mark and to sweep so many objects.
pub(crate) fn print(ground: &Ground) -> Result {
    let count = ground.objects();
    let path = ground.fresh();
    let store = fill(&path, count)?;
    println!();
    let collect = || store.gc([Root::class("Folder")]).grace(Duration::ZERO);

    let ((report, marking), bytes) = measured(count, || timed(|| Ok(collect().dry_run().run()?)))?;
    assert_eq!((report.live(), report.swept()), ((count + count / LINKS) as u64, 0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let ((), floor) = timed(|| mark(&path, count, threads))?;
    println!(
        "collection, {} links, nothing to sweep:  {:.2} s, floor {:.2} s ({threads} threads), ratio {:.2}; {bytes}",
        thousands(count),
        marking.as_secs_f64(),
        floor.as_secs_f64(),
        marking.as_secs_f64() / floor.as_secs_f64(),
    );

    // Half of the folders go, and with them half of the notes.
    let folders = path.join("Folder");
    for number in 0..count / LINKS / 2 {
        fs::remove_dir_all(folders.join(format!("{number}")))?;
    }
    let raw = ground.class("Raw")?;
    for number in 0..count / 2 {
        raw.make_bare(&name(number), b"")?;
    }
    let ((report, sweeping), bytes) = measured(count, || timed(|| Ok(collect().run()?)))?;
    assert_eq!(report.swept(), (count / LINKS / 2 * LINKS) as u64);
    let ((), floor) = timed(|| {
        mark(&path, count, threads)?;
        (0..count / 2).try_for_each(|number| Ok(raw.remove(&name(number))?))
    })?;
    println!(
        "collection, {} of them swept:  {:.2} s, floor {:.2} s, ratio {:.2}; {bytes}",
        thousands(count / 2),
        sweeping.as_secs_f64(),
        floor.as_secs_f64(),
        sweeping.as_secs_f64() / floor.as_secs_f64(),
    );
    Ok(())
}

/// Of the length that ids have by default.
fn name(number: usize) -> String {
    format!("note-0192f0c1-7a51-7cc3-9d3e-{number:012}")
}

/// Makes a store by hand: so many notes, and folders that link to all of them.
fn fill(path: &Path, count: usize) -> Result<Store> {
    let store = Store::open(path)?.with_durability(Durability::Buffered);
    let mut batch = Batch::new();
    batch.declare(&Class::serializable("Note", Format::Text))?;
    batch.declare(&Class::container("Folder"))?;
    store.backend().commit(batch)?;
    for class in ["Note", "Folder"] {
        fs::create_dir_all(path.join(class))?;
    }
    let notes = Directory::open(&path.join("Note"))?;
    let folders = Directory::open(&path.join("Folder"))?;
    for folder in 0..count / LINKS {
        let directory = folders.make_directory(&format!("{folder}"))?;
        let links = directory.make_directory("notes")?;
        for at in 0..LINKS {
            let name = name(folder * LINKS + at);
            notes.make_bare(&name, b"")?;
            links.link(&format!("{at:04}_{name}"), &format!("../../../Note/{name}"))?;
        }
        directory.make_bare("data.json", b"{}\n")?;
    }
    Ok(store)
}

/// Lists everything, reads every link, and looks it up.
fn mark(path: &Path, count: usize, threads: usize) -> Result {
    let notes = Directory::open(&path.join("Note"))?;
    let mut known = HashSet::with_capacity(count);
    notes.list(|name| {
        known.insert(name.to_owned());
        Ok(())
    })?;
    let folders = Directory::open(&path.join("Folder"))?;
    let mut names = Vec::new();
    folders.list(|name| {
        names.push(name.to_owned());
        Ok(())
    })?;
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), String> {
        let mut target = Vec::new();
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut read = || -> Result {
                let directory = folders.directory(name)?;
                let links = directory.directory("notes")?;
                links.list(|name| {
                    target = links.read_link(name, std::mem::take(&mut target))?;
                    let target = std::str::from_utf8(&target)?;
                    assert!(black_box(known.contains(&target["../../../Note/".len()..])));
                    Ok(())
                })
            };
            read().map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })?;
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let start = Instant::now();
    let done = work()?;
    Ok((done, start.elapsed()))
}

/// Says what memory this takes at most, beyond what was taken before.
fn measured<T>(count: usize, work: impl FnOnce() -> Result<T>) -> Result<(T, String)> {
    let before = memory("VmRSS:");
    fs::write("/proc/self/clear_refs", "5").ok();
    let done = work()?;
    let taken = memory("VmHWM:").zip(before).map(|(most, before)| most.saturating_sub(before) * 1024 / count as u64);
    Ok((done, taken.map_or("memory not known".to_owned(), |bytes| format!("{bytes} bytes of memory per object"))))
}

/// Kilobytes, of this process.
fn memory(what: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(what))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
