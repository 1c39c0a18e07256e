//! Objects that are kept in memory are shared, and never stale but where that is chosen.

mod limits;
mod model;
mod others;
mod own;
mod reading;
mod seals;
mod shared;
mod weight;

use std::sync::Arc;
use std::time::Duration;

use sepia::{CacheOptions, CacheStats, Container, Id, Serializable, Store};

use crate::support::{on_every_backend, on_every_medium};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Board {
    id: Id<Board>,
    title: String,
    notes: Vec<Note>,
    pinned: Option<Arc<Note>>,
    boards: Vec<Board>,
    speech: Option<Speech>,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(generations)]
struct Speech {
    id: Id<Speech>,
    words: u64,
}

fn note(id: &str, text: &str) -> Note {
    Note { id: id.into(), text: text.to_owned() }
}

fn board(id: &str, notes: &[Note]) -> Board {
    let (pinned, boards, speech) = (None, Vec::new(), None);
    Board { id: id.into(), title: "1".to_owned(), notes: notes.to_vec(), pinned, boards, speech }
}

/// A board with two notes, and another in it with one.
fn tree() -> Board {
    let inner = board("inner", &[note("c", "1")]);
    Board { boards: vec![inner], ..board("work", &[note("a", "1"), note("b", "1")]) }
}

const BUDGET: u64 = 16 << 20;

fn trusting() -> CacheOptions {
    CacheOptions::new(BUDGET).trust(Duration::MAX)
}

/// Runs a test on every kind of store, with a cache that looks and one that trusts.
fn with_every_cache(test: impl Fn(&Store)) {
    for options in [CacheOptions::new(BUDGET), trusting()] {
        on_every_backend(|store| test(&store.with_cache(options.clone())));
    }
}

/// Runs a test on every kind of store with a cache that looks, and another handle to the same records.
fn with_another(test: impl Fn(&Store, &Store)) {
    on_every_medium(|medium| {
        for reopens in [false, true] {
            let other = medium.make();
            let store = if reopens { other.reopen() } else { other.clone() };
            test(&store.with_cache(CacheOptions::new(BUDGET)), &other);
        }
    });
}

#[track_caller]
fn text(store: &Store, id: &str) -> String {
    store.get::<Note>(id).unwrap().text.clone()
}

/// Makes a speech longer, as another generation.
fn speak(store: &Store, words: u64) {
    let speech = store.update::<Speech>("s", |speech| {
        speech.words = words;
        Ok(())
    });
    speech.unwrap();
}

/// What has happened, as hits and misses.
fn counted(stats: &CacheStats) -> (u64, u64) {
    (stats.hits, stats.misses)
}
