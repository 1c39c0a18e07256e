//! The floor of garbage collection.

use std::collections::HashSet;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Directory;
use crate::bench::Result;

/// Lists everything, reads every link of every folder in a store, and looks it up.
pub(crate) fn mark(store: &Path, count: usize, threads: usize) -> Result {
    let notes = Directory::open(&store.join("Note"))?;
    let mut known = HashSet::with_capacity(count);
    notes.list(|name| {
        known.insert(name.to_owned());
        Ok(())
    })?;
    let folders = Directory::open(&store.join("Folder"))?;
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
