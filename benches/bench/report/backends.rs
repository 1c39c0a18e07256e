//! Tables of what the backends cost, beside each other.

use super::Saved;
use super::tables::{NOT_MEASURED, cell, grown, growth_of, head, line};
use crate::bench::results::{Results, Row, thousands};
use crate::bench::table::show;

/// Every operation: its row, and what a reader calls it.
const OPERATIONS: &[(&str, &str)] = &[
    ("backends_new_leaf", "save a new leaf"),
    ("backends_unchanged_leaf", "save it unchanged"),
    ("backends_overwrite_leaf", "save it changed"),
    ("backends_load_leaf", "load it"),
    ("backends_exists_leaf", "is it there?"),
    ("backends_durable_leaf", "save a new leaf, `Sync`"),
    ("backends_durable_together, each", "save 10,000 in one `Sync` transaction, each"),
    ("backends_durable_all, each", "the same by `save_all`, each"),
    ("backends_new_10_links", "save a new container of 10 links"),
    ("backends_load_10_links", "load it"),
    ("backends_new_10000_links", "save a new container of 10,000 links"),
    ("backends_load_10000_links", "load it"),
    ("backends_list, per id", "list 100,000 ids, each"),
    ("backends_room, per leaf", "bytes on the disk for each leaf"),
];

const GROWING: &[(&str, &str)] = &[
    ("backends_growth_open", "open"),
    ("backends_growth_load", "load a leaf"),
    ("backends_growth_save", "save a leaf"),
];

const CACHED: &[(&str, &str)] = &[
    ("backends_cached, load leaf", "a leaf: load"),
    ("backends_cached, get leaf", "get, looked at"),
    ("backends_cached, get leaf, trusted", "get, trusted"),
    ("backends_cached, load 10 owned", "a container with 10 leaves: load"),
    ("backends_cached, get 10 owned", "get, looked at"),
    ("backends_cached, get 10 owned, trusted", "get, trusted"),
];

pub(super) fn parts(saved: &Saved) -> [(&'static str, String); 3] {
    let [memory, disk] = &saved.backends;
    let of_disk = |table: fn(&Results) -> String| disk.as_ref().map_or_else(|| NOT_MEASURED.to_owned(), table);
    let both = disk.as_ref().map(|disk| operations(disk, memory.as_ref()));
    [
        ("backends", both.unwrap_or_else(|| NOT_MEASURED.to_owned())),
        ("backends, growth", of_disk(growth)),
        ("backends, cached", of_disk(cached)),
    ]
}

fn figure(row: &Row, side: &str) -> Option<String> {
    row.of(side).map(|figure| show(figure, row.unit()))
}

/// Each operation on a disk, and on tmpfs in brackets.
fn operations(disk: &Results, memory: Option<&Results>) -> String {
    let mut text =
        head(&["µs", "files", "memory", "SQLite", "SQLite by itself", "SQLite : by itself"].map(str::to_owned));
    for (name, operation) in OPERATIONS {
        let Some(row) = disk.row(name) else { continue };
        let other = memory.and_then(|memory| memory.row(name));
        let with = |figure: Option<String>, other: Option<String>| match (figure, other) {
            (Some(figure), Some(other)) => Some(format!("{figure} ({other})")),
            (figure, _) => figure,
        };
        let both = |side| cell(with(figure(row, side), other.and_then(|other| figure(other, side))));
        let ratio = |row: &Row| row.ratio("sqlite", "bare sqlite").map(|ratio| format!("{ratio:.2}"));
        text += &line(&[
            (*operation).to_owned(),
            both("files"),
            cell(figure(row, "memory")),
            both("sqlite"),
            both("bare sqlite"),
            cell(with(ratio(row), other.and_then(ratio))),
        ]);
    }
    text
}

/// A small database, and a large one.
fn growth(results: &Results) -> String {
    let sizes = GROWING.iter().find_map(|(name, _)| grown(results, name));
    let Some([(small, _), (large, _)]) = sizes else { return NOT_MEASURED.to_owned() };
    let (at_small, at_large) = (format!("at {}", thousands(small)), format!("at {}", thousands(large)));
    let mut text = head(&[
        "µs".to_owned(),
        format!("SQLite {at_small}"),
        at_large.clone(),
        "ratio".to_owned(),
        format!("by itself {at_small}"),
        at_large,
        "ratio".to_owned(),
    ]);
    for (name, operation) in GROWING {
        let Some(rows) = grown(results, name) else { continue };
        let mut cells = vec![(*operation).to_owned()];
        for side in ["sqlite", "bare sqlite"] {
            cells.extend(rows.map(|(_, row)| cell(figure(row, side))));
            cells.push(cell(growth_of(rows, side).map(|ratio| format!("{ratio:.2}"))));
        }
        text += &line(&cells);
    }
    text
}

/// What is loaded, and what is got from a cache.
fn cached(results: &Results) -> String {
    let mut text = head(&["µs", "files", "memory", "SQLite"].map(str::to_owned));
    for (name, operation) in CACHED {
        let Some(row) = results.row(name) else { continue };
        let mut cells = vec![(*operation).to_owned()];
        cells.extend(["files", "memory", "sqlite"].map(|side| cell(figure(row, side))));
        text += &line(&cells);
    }
    text
}
