//! Going through what stands in a record, and through what stands in a store.

use std::ops::ControlFlow;
use std::sync::Arc;

use sepia::backend::Backend;
use sepia::class::{Class, Kind};
use sepia::record::{Entries, Entry, Key, Node, Record};

use crate::failure::Result;

/// Calls `each` with every entry and its path, what encloses before what is within.
pub(crate) fn each_entry<'r>(within: &'r Entries, each: &mut dyn FnMut(&str, &'r Entry)) {
    entries(within, "", each);
}

// Backends hold no record that nests deeper than 400 directories.
fn entries<'r>(within: &'r Entries, path: &str, each: &mut dyn FnMut(&str, &'r Entry)) {
    for (name, entry) in within.iter() {
        let path = join(path, name.as_str());
        each(&path, entry);
        match entry {
            Entry::Container(node) => entries(&node.entries, &path, each),
            Entry::Collection(inner) => entries(inner, &path, each),
            Entry::Link(_) | Entry::Stray => {}
        }
    }
}

/// A path and a name below it.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

/// Every container in a record with its path, the outermost first.
pub(crate) fn nodes(record: &Record) -> Vec<(String, &Node)> {
    let Record::Container(top) = record else { return Vec::new() };
    let mut nodes = vec![(String::new(), top)];
    each_entry(&top.entries, &mut |path, entry| {
        if let Entry::Container(node) = entry {
            nodes.push((path.to_owned(), node));
        }
    });
    nodes
}

/// Every link with its path.
pub(crate) fn links(entries: &Entries) -> Vec<(String, &Key)> {
    let mut links = Vec::new();
    each_entry(entries, &mut |path, entry| {
        if let Entry::Link(key) = entry {
            links.push((path.to_owned(), key));
        }
    });
    links
}

/// Returns whether objects of a class can have links.
pub(crate) fn has_links(class: &Class) -> bool {
    class.kind() == Kind::Container
}

/// Returns the keys of a class, in the order of their ids, generations by their number.
pub(crate) fn keys(backend: &dyn Backend, class: &str) -> Result<Vec<Key>> {
    let mut ids: Vec<Arc<str>> = Vec::new();
    backend.ids(class, &mut |id| {
        ids.push(id.into());
        ControlFlow::Continue(())
    })?;
    let class: Arc<str> = class.into();
    let keys: Result<Vec<Key>, sepia::Error> = ids.into_iter().map(|id| Key::new(Arc::clone(&class), id)).collect();
    let mut keys = keys?;
    keys.sort_by_cached_key(Key::generation);
    Ok(keys)
}

/// Looks at several records as of one moment, if others do not change the store all the time.
pub(crate) fn steadily<R>(backend: &dyn Backend, mut look: impl FnMut() -> Result<R>) -> Result<R> {
    /// How often it is done again while others come in between.
    const ROUNDS: usize = 4;
    let mut before = backend.moment()?;
    for _ in 1..ROUNDS {
        let seen = look();
        let after = backend.moment()?;
        if before == after {
            return seen;
        }
        before = after;
    }
    look()
}
