//! What frames make of each path in the end, and laying that over what was read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::journal::Frames;
use super::layout::{FORMAT_FILE, link_target};
use super::operation::{Action, Before, Image};
use super::read::{Found, Stored};
use crate::record::name::DATA;
use crate::record::{Entries, Entry, Key, Name, Node};

/// What several frames, one after another, make of each path.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    finals: BTreeMap<String, Final>,
    /// The files may have lost what was written since the last sync.
    power_lost: bool,
    pub(super) commits: u64,
    pub(super) sequence: u64,
}

/// What becomes of one path, and what has stood there on the way.
#[derive(Debug)]
pub(super) struct Final {
    pub(super) action: Action<'static>,
    /// Whether what is made there is for the owner alone.
    pub(super) is_hidden: bool,
    image: Option<Image>,
    /// The images of what the frames found there, and of what they put there.
    ours: Vec<Image>,
    /// Something stood there at which nobody looked.
    unknown: bool,
    /// The contents that frames put there before the last, where the disk may have kept parts of one.
    earlier: Vec<Vec<u8>>,
}

/// What stands under a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Current<'a> {
    Nothing,
    File(&'a [u8]),
    Link(&'a str),
    Directory,
    /// A pipe, a link that cannot be one of ours, and the like.
    Other,
}

/// What is to be done about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as it shall be.
    Done,
    /// The action has not been carried out.
    Due,
    /// Someone has changed it since, and that stays.
    Edited,
}

impl Overlay {
    /// `power_lost`: the files may have lost what was not synced.
    pub(super) fn of(frames: &Frames, power_lost: bool) -> Self {
        let mut overlay = Self { power_lost, ..Self::default() };
        for frame in frames.iter() {
            overlay.commits += 1;
            overlay.sequence = frame.header.sequence;
            for operation in frame.operations {
                let image = operation.action.image();
                let entry = overlay.finals.entry(operation.path.into_owned());
                let known = entry.or_insert_with(|| Final {
                    action: Action::RemoveDirectory,
                    is_hidden: false,
                    image: None,
                    ours: Vec::new(),
                    unknown: false,
                    earlier: Vec::new(),
                });
                let before = std::mem::replace(&mut known.action, operation.action.into_owned());
                if power_lost && let Action::File(content) = before {
                    known.earlier.push(content.into_owned());
                }
                known.is_hidden = frame.header.is_hidden;
                known.image = image;
                known.ours.extend(image);
                match operation.before {
                    Before::Nothing => {}
                    Before::Image(image) => known.ours.push(image),
                    Before::Unknown => known.unknown = true,
                }
            }
        }
        overlay
    }

    /// Returns the content that the list of classes gets.
    pub(super) fn catalog(&self) -> Option<&[u8]> {
        match &self.finals.get(FORMAT_FILE)?.action {
            Action::File(content) => Some(content),
            _ => None,
        }
    }

    /// Returns every path and what becomes of it: first what goes, from the inside out, then what comes,
    /// from the outside in, and the files that mark containers last.
    pub(super) fn ordered(&self) -> impl Iterator<Item = (&str, &Final)> {
        ordered(self.finals.iter())
    }

    /// Returns the paths of files and links that are put.
    pub(super) fn paths(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.finals.keys().map(Cow::from)
    }

    /// Whether anything happens to the record of a key.
    pub(super) fn touches(&self, path: &str) -> bool {
        self.within(path).next().is_some()
    }

    fn within<'a>(&'a self, path: &'a str) -> impl DoubleEndedIterator<Item = (&'a String, &'a Final)> {
        let own = self.finals.get_key_value(path).into_iter();
        // `0` comes right after `/`.
        own.chain(self.finals.range(format!("{path}/")..format!("{path}0")))
    }

    /// Returns the names in a class's directory to which anything happens.
    pub(super) fn names_in<'a>(&'a self, class_name: &'a str) -> impl Iterator<Item = &'a str> {
        let mut previous = "";
        self.within(class_name).filter_map(move |(path, _)| {
            let below = path.get(class_name.len() + 1..)?;
            let name = below.split_once('/').map_or(below, |(name, _)| name);
            (name != std::mem::replace(&mut previous, name)).then_some(name)
        })
    }

    /// Returns what is to be done about a path at which this stands.
    pub(super) fn verdict(&self, known: &Final, current: Current<'_>) -> Verdict {
        let image = match current {
            Current::File(content) => Some(Image::of_file(content)),
            Current::Link(target) => Some(Image::of_link(target)),
            Current::Nothing | Current::Directory | Current::Other => None,
        };
        let is_ours =
            |image| known.unknown || known.ours.contains(&image) || (self.power_lost && known.is_torn(current));
        match (&known.action, current, image) {
            (_, Current::Other, _) => Verdict::Edited,
            (Action::File(_) | Action::Link(_), _, Some(image)) if known.image == Some(image) => Verdict::Done,
            (Action::File(_) | Action::Link(_), Current::Nothing, _) => Verdict::Due,
            // Whether it is empty is seen when the action is carried out.
            (Action::File(_) | Action::Link(_), Current::Directory, _) => Verdict::Due,
            (Action::MakeDirectory, Current::Directory, _) => Verdict::Done,
            (Action::MakeDirectory, Current::Nothing, _) => Verdict::Due,
            (Action::RemoveDirectory, Current::Directory, _) => Verdict::Due,
            // What stood there before the directory came that went again.
            (Action::RemoveDirectory, _, Some(image)) if known.ours.contains(&image) => Verdict::Due,
            (Action::RemoveDirectory, _, _) | (Action::Remove, Current::Nothing | Current::Directory, _) => {
                Verdict::Done
            }
            (_, _, Some(image)) if is_ours(image) => Verdict::Due,
            _ => Verdict::Edited,
        }
    }

    /// Lays what becomes of a record over what was read of it.
    pub(super) fn lay(&self, key: &Key, stored: Stored) -> Stored {
        let path = key.path();
        if !self.touches(&path) {
            return stored;
        }
        let mut place = match stored {
            Stored::Absent | Stored::Misspelled => Place::Nothing,
            Stored::Leaf(content) => Place::Leaf(content),
            Stored::Directory(found) => Place::Directory(found),
        };
        for (inner, known) in ordered(self.within(&path)) {
            match inner.get(path.len() + 1..) {
                None => self.lay_on_top(known, &mut place),
                Some(below) => {
                    if let Place::Directory(found) = &mut place {
                        self.lay_within(below, known, found);
                    }
                }
            }
        }
        match place {
            Place::Nothing => Stored::Absent,
            Place::Leaf(content) => Stored::Leaf(content),
            // An editor that is at work on what has a commit to come is not waited for.
            Place::Directory(found) => Stored::Directory(Found { half_done: None, ..found }),
        }
    }

    fn lay_on_top(&self, known: &Final, place: &mut Place) {
        let current = match place {
            Place::Nothing => Current::Nothing,
            Place::Leaf(content) => Current::File(content),
            Place::Directory(_) => Current::Directory,
        };
        if self.verdict(known, current) != Verdict::Due {
            return;
        }
        let is_empty = match place {
            Place::Directory(found) => found.data.is_none() && found.entries.is_empty(),
            Place::Nothing | Place::Leaf(_) => true,
        };
        match &known.action {
            Action::File(content) if is_empty => *place = Place::Leaf(content.to_vec()),
            Action::MakeDirectory => *place = Place::Directory(Found::default()),
            Action::Remove => *place = Place::Nothing,
            Action::RemoveDirectory if is_empty => *place = Place::Nothing,
            Action::File(_) | Action::Link(_) | Action::RemoveDirectory => {}
        }
    }

    fn lay_within(&self, below: &str, known: &Final, found: &mut Found) {
        let (way, name) = below.rsplit_once('/').map_or((None, below), |(way, name)| (Some(way), name));
        let depth = 2 + way.map_or(0, |way| way.split('/').count());
        let mut data = Data::Own(&mut found.data);
        let mut entries = &mut found.entries;
        for step in way.into_iter().flat_map(|way| way.split('/')) {
            match entries.get_mut(step) {
                Some(Entry::Container(node)) => {
                    data = Data::Nested;
                    entries = &mut node.entries;
                }
                Some(Entry::Collection(inner)) => {
                    data = Data::Nested;
                    entries = inner;
                }
                // Someone has removed the directory: what happens in it happens nowhere.
                _ => return,
            }
        }
        if name != DATA {
            return self.lay_entry(name, depth, known, entries);
        }
        match data {
            Data::Own(data) => self.lay_data(known, data),
            Data::Nested => {
                // Invariant: the walk above came through it.
                let Some(way) = way else { return };
                if let Some(entry) = entry_mut(&mut found.entries, way) {
                    let (mut data, inner) = match std::mem::replace(entry, Entry::Stray) {
                        Entry::Container(Node { data, entries }) => (Some(data), entries),
                        Entry::Collection(entries) => (None, entries),
                        Entry::Link(_) | Entry::Stray => return,
                    };
                    self.lay_data(known, &mut data);
                    *entry = match data {
                        Some(data) => Entry::Container(Node { data, entries: inner }),
                        None => Entry::Collection(inner),
                    };
                }
            }
        }
    }

    fn lay_data(&self, known: &Final, data: &mut Option<Vec<u8>>) {
        let current = data.as_deref().map_or(Current::Nothing, Current::File);
        if self.verdict(known, current) != Verdict::Due {
            return;
        }
        match &known.action {
            Action::File(content) => *data = Some(content.to_vec()),
            Action::Remove => *data = None,
            Action::MakeDirectory | Action::Link(_) | Action::RemoveDirectory => {}
        }
    }

    fn lay_entry(&self, name: &str, depth: usize, known: &Final, entries: &mut Entries) {
        let target;
        let (current, is_empty) = match entries.get(name) {
            None => (Current::Nothing, true),
            Some(Entry::Link(key)) => {
                target = link_target(depth, key);
                (Current::Link(&target), true)
            }
            Some(Entry::Container(_)) => (Current::Directory, false),
            Some(Entry::Collection(inner)) => (Current::Directory, inner.is_empty()),
            Some(Entry::Stray) => (Current::Other, false),
        };
        if self.verdict(known, current) != Verdict::Due {
            return;
        }
        let Some(name) = Name::from_encoded(name) else { return };
        match &known.action {
            Action::MakeDirectory => entries.set(name, Entry::Collection(Entries::default())),
            Action::Link(target) if is_empty => {
                // Invariant: whoever wrote the frame made the target of a key.
                if let Ok(key) = super::layout::parse_link(depth, target.as_bytes()) {
                    entries.set(name, Entry::Link(key));
                }
            }
            Action::Remove => entries.retain(|other, _| *other != name),
            Action::RemoveDirectory if is_empty => entries.retain(|other, _| *other != name),
            Action::File(_) | Action::Link(_) | Action::RemoveDirectory => {}
        }
    }
}

enum Place {
    Nothing,
    Leaf(Vec<u8>),
    Directory(Found),
}

enum Data<'a> {
    Own(&'a mut Option<Vec<u8>>),
    Nested,
}

fn entry_mut<'a>(entries: &'a mut Entries, way: &str) -> Option<&'a mut Entry> {
    match way.split_once('/') {
        None => entries.get_mut(way),
        Some((first, rest)) => match entries.get_mut(first)? {
            Entry::Container(node) => entry_mut(&mut node.entries, rest),
            Entry::Collection(inner) => entry_mut(inner, rest),
            Entry::Link(_) | Entry::Stray => None,
        },
    }
}

fn ordered<'a>(
    finals: impl DoubleEndedIterator<Item = (&'a String, &'a Final)>,
) -> impl Iterator<Item = (&'a str, &'a Final)> {
    let (mut gone, mut come, mut markers) = (Vec::new(), Vec::new(), Vec::new());
    for (path, known) in finals {
        match known.action {
            Action::Remove | Action::RemoveDirectory => gone.push((path.as_str(), known)),
            Action::File(_) if path.ends_with("/data.json") => markers.push((path.as_str(), known)),
            Action::File(_) | Action::Link(_) | Action::MakeDirectory => come.push((path.as_str(), known)),
        }
    }
    gone.into_iter().rev().chain(come).chain(markers)
}

/// What a disk writes at once.
const SECTOR: usize = 512;

impl Final {
    /// Whether a file is what is left of one that was being written when the power was lost: nothing,
    /// zeros, or some sectors of a content that the frames put there.
    fn is_torn(&self, current: Current<'_>) -> bool {
        let Current::File(found) = current else {
            return false;
        };
        let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        let is_part_of = |content: &[u8]| {
            let is_cut = found.len() == content.len() || found.len() % SECTOR == 0;
            let mut sectors = found.chunks(SECTOR).zip(content.chunks(SECTOR));
            is_cut && found.len() <= content.len() && sectors.all(|(found, content)| found == content || is_zero(found))
        };
        let last = match &self.action {
            Action::File(content) => Some(&**content),
            _ => None,
        };
        is_zero(found) || self.earlier.iter().map(Vec::as_slice).chain(last).any(is_part_of)
    }
}
