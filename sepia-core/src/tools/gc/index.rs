//! Every object of a store, by number, in few bytes each.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use twox_hash::XxHash3_64;

use crate::backend::Backend;
use crate::backend::to_the_end;
use crate::record::Key;
use crate::record::class::{Class, Kind};
use crate::record::error::Result;
use crate::record::name::split_generation;

/// Something leads there.
pub(super) const REACHED: u8 = 1;
/// Something leads to exactly this generation.
pub(super) const EXACT: u8 = 2;
/// Of the first generation of a base: something leads to the base.
const BASE: u8 = 4;
/// Nothing leads there, and it is too young to be swept.
pub(super) const SPARED: u8 = 8;
/// It has been swept.
pub(super) const SWEPT: u8 = 16;
/// Somebody else has deleted it.
pub(super) const GONE: u8 = 32;

/// Where an object stands in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct At {
    pub(super) class: u32,
    pub(super) object: u32,
}

/// The objects that a store had when it was listed.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) classes: Vec<Members>,
}

/// The objects of a class: their ids one after another in one text, found by a table of hashes.
///
/// Where ids may end in generations, those of one base follow each other, oldest first, and the table leads
/// to the first.
#[derive(Debug)]
pub(super) struct Members {
    name: Arc<str>,
    kind: Kind,
    generations: Option<bool>,
    text: String,
    /// Where each id ends in the text.
    ends: Vec<u64>,
    table: HashTable<u32>,
    marks: Vec<AtomicU8>,
}

impl Index {
    /// Lists every class.
    pub(super) fn list(backend: &dyn Backend) -> Result<Self> {
        let classes = backend.classes()?;
        let classes: Result<Vec<_>> = classes.iter().map(|class| Members::list(backend, class)).collect();
        Ok(Self { classes: classes? })
    }

    pub(super) fn class(&self, name: &str) -> Option<u32> {
        // They are sorted, and few enough for their numbers.
        self.classes.binary_search_by(|class| (*class.name).cmp(name)).ok().map(|at| at as u32)
    }

    pub(super) fn members(&self, at: At) -> &Members {
        &self.classes[at.class as usize]
    }

    pub(super) fn key(&self, at: At) -> Result<Key> {
        let members = self.members(at);
        Key::new(Arc::clone(&members.name), members.id(at.object))
    }

    pub(super) fn find(&self, key: &Key) -> Option<At> {
        let class = self.class(key.class())?;
        let object = self.classes[class as usize].find(key.id())?;
        Some(At { class, object })
    }

    /// Every object, class by class.
    pub(super) fn all(&self) -> impl Iterator<Item = At> {
        self.classes
            .iter()
            .zip(0..)
            .flat_map(|(members, class)| (0..members.len()).map(move |object| At { class, object }))
    }

    pub(super) fn has(&self, at: At, mark: u8) -> bool {
        self.members(at).marks[at.object as usize].load(Ordering::Relaxed) & mark != 0
    }

    /// Marks an object, and returns whether it was not before.
    pub(super) fn mark(&self, at: At, mark: u8) -> bool {
        let marks = &self.members(at).marks[at.object as usize];
        // Most are met more than once, and reading is cheaper.
        marks.load(Ordering::Relaxed) & mark != mark && marks.fetch_or(mark, Ordering::Relaxed) & mark != mark
    }

    pub(super) fn set_gone(&self, at: At, is_gone: bool) {
        let marks = &self.members(at).marks[at.object as usize];
        match is_gone {
            true => marks.fetch_or(GONE, Ordering::Relaxed),
            false => marks.fetch_and(!GONE, Ordering::Relaxed),
        };
    }

    /// Marks a base, by its first generation, and returns whether it was not before.
    pub(super) fn mark_base(&self, first: At) -> bool {
        self.mark(first, BASE)
    }

    pub(super) fn is_base_marked(&self, first: At) -> bool {
        self.has(first, BASE)
    }
}

impl Members {
    fn list(backend: &dyn Backend, class: &Class) -> Result<Self> {
        let (mut text, mut ends) = (String::new(), Vec::new());
        backend.ids(
            class.name(),
            &mut to_the_end(|id| {
                text.push_str(id);
                ends.push(text.len() as u64);
            }),
        )?;
        let mut members = Self {
            name: class.name().into(),
            kind: class.kind(),
            generations: class.generations(),
            text,
            ends,
            table: HashTable::new(),
            marks: Vec::new(),
        };
        if members.may_keep_generations() {
            members.sort();
        }
        members.marks.resize_with(members.ends.len(), AtomicU8::default);
        members.build_table();
        Ok(members)
    }

    /// Brings the generations of each base together, oldest first, each once.
    fn sort(&mut self) {
        let mut order: Vec<u32> = (0..self.len()).collect();
        order.sort_unstable_by(|a, b| parts(self.id(*a)).cmp(&parts(self.id(*b))));
        order.dedup_by(|a, b| self.id(*a) == self.id(*b));
        let (mut text, mut ends) = (String::with_capacity(self.text.len()), Vec::with_capacity(self.ends.len()));
        for object in order {
            text.push_str(self.id(object));
            ends.push(text.len() as u64);
        }
        (self.text, self.ends) = (text, ends);
    }

    fn build_table(&mut self) {
        let mut table = HashTable::with_capacity(self.ends.len());
        let mut previous = None;
        for object in 0..self.len() {
            let stem = self.stem(self.id(object));
            if previous.replace(stem) == Some(stem) && self.may_keep_generations() {
                continue;
            }
            let is_same = |known: &u32| self.stem(self.id(*known)) == stem;
            match table.entry(hash(stem), is_same, |object| hash(self.stem(self.id(*object)))) {
                Entry::Vacant(place) => drop(place.insert(object)),
                // What is replaced while it is listed may be listed twice. The second does not count.
                Entry::Occupied(_) => self.marks[object as usize].store(REACHED | SWEPT, Ordering::Relaxed),
            }
        }
        self.table = table;
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_container(&self) -> bool {
        matches!(self.kind, Kind::Container)
    }

    /// Whether its ids end in generations, for sure.
    pub(super) fn keeps_generations(&self) -> bool {
        self.generations == Some(true)
    }

    /// Whether its ids end in generations, or nobody has said that they do not.
    pub(super) fn may_keep_generations(&self) -> bool {
        self.generations != Some(false)
    }

    /// Invariant of an index: no class has more objects than 32 bits count. Of more, the last are not looked at,
    /// and so neither marked nor swept.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn id(&self, object: u32) -> &str {
        let object = object as usize;
        let start = if object == 0 { 0 } else { self.ends[object - 1] };
        &self.text[start as usize..self.ends[object] as usize]
    }

    /// What the table knows an id by.
    fn stem<'i>(&self, id: &'i str) -> &'i str {
        if self.may_keep_generations() { parts(id).0 } else { id }
    }

    pub(super) fn find(&self, id: &str) -> Option<u32> {
        if !self.may_keep_generations() {
            return self.table.find(hash(id), |object| self.id(*object) == id).copied();
        }
        self.base(parts(id).0).find(|object| self.id(*object) == id)
    }

    /// The generations of a base, oldest first. Also the one record of an id that is opaque.
    pub(super) fn base(&self, base: &str) -> Range<u32> {
        let first = self.table.find(hash(base), |object| self.stem(self.id(*object)) == base).copied();
        let Some(first) = first else { return 0..0 };
        if !self.may_keep_generations() {
            return first..first + 1;
        }
        let mut end = first + 1;
        while end < self.len() && parts(self.id(end)).0 == base {
            end += 1;
        }
        first..end
    }
}

/// The base and the generation; a bare base is the oldest.
pub(super) fn parts(id: &str) -> (&str, Option<u64>) {
    split_generation(id).map_or((id, None), |(base, generation)| (base, Some(generation)))
}

fn hash(text: &str) -> u64 {
    XxHash3_64::oneshot(text.as_bytes())
}
