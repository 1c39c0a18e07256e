//! Random sequences of typed operations, beside a plain model that says what each must do: what is stored,
//! what every object in hand remembers, and which save is a conflict over which objects.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support::{AnyStore, MEDIA, Medium};
use proptest::prelude::*;
use sepia::batch::{Batch, Expect};
use sepia::record::{Key, Node, Record};
use sepia::{
    Container, Durability, Error, ErrorKind, Generations, Id, Object, Result, Serializable, Store, StoreBuilder,
    Transaction,
};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text")]
struct Note {
    id: Id<Note>,
    text: String,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Desk {
    id: Id<Desk>,
    value: u8,
    notes: Vec<Note>,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Speech {
    id: Id<Speech>,
    text: String,
}

/// How many ids of a kind there are, and how many objects of it are in hand.
const IDS: usize = 3;

/// What happens. Numbers say which slot, which id, and what to make of it.
#[derive(Clone, Debug)]
enum Op {
    FreshNote(usize, usize, u8),
    FreshDesk(usize, usize, u8),
    FreshSpeech(usize, u64, u8),
    Clone(usize, usize, usize),
    Change(usize, usize, u8),
    /// Puts a clone of a note in hand on a desk, in place of one with the same id.
    AddNote(usize, usize),
    RemoveNote(usize),
    /// Changes a note that lies on a desk.
    ChangeNote(usize, u8),
    Load(usize, usize, usize),
    LoadNewest(usize),
    Save(usize, usize),
    Overwrite(usize, usize),
    SaveNext(usize),
    Update(u8),
    Delete(usize, usize),
    DeleteAll,
}

#[derive(Clone, Debug)]
enum Step {
    /// One operation, through one of two handles.
    Do(bool, Op),
    /// Several in one transaction, which commits or not.
    Transaction(bool, Vec<Op>, bool),
    /// Somebody edits or removes a file.
    Edit(usize, usize, Option<u8>),
    Reopen(bool),
}

fn op() -> impl Strategy<Value = Op> {
    let (slot, id) = (0..IDS, 0..IDS);
    prop_oneof![
        1 => (slot.clone(), id.clone(), 0..3_u8).prop_map(|(slot, id, value)| Op::FreshNote(slot, id, value)),
        1 => (slot.clone(), id.clone(), 0..3_u8).prop_map(|(slot, id, value)| Op::FreshDesk(slot, id, value)),
        1 => (slot.clone(), 0..4_u64, 0..3_u8).prop_map(|(slot, n, value)| Op::FreshSpeech(slot, n, value)),
        2 => (0..3_usize, slot.clone(), slot.clone()).prop_map(|(kind, from, to)| Op::Clone(kind, from, to)),
        3 => (0..3_usize, slot.clone(), 0..3_u8).prop_map(|(kind, slot, value)| Op::Change(kind, slot, value)),
        2 => (slot.clone(), slot.clone()).prop_map(|(note, desk)| Op::AddNote(note, desk)),
        1 => slot.clone().prop_map(Op::RemoveNote),
        1 => (slot.clone(), 0..3_u8).prop_map(|(desk, value)| Op::ChangeNote(desk, value)),
        4 => (0..3_usize, slot.clone(), id.clone()).prop_map(|(kind, slot, id)| Op::Load(kind, slot, id)),
        2 => slot.clone().prop_map(Op::LoadNewest),
        10 => (0..3_usize, slot.clone()).prop_map(|(kind, slot)| Op::Save(kind, slot)),
        2 => (0..3_usize, slot.clone()).prop_map(|(kind, slot)| Op::Overwrite(kind, slot)),
        4 => slot.prop_map(Op::SaveNext),
        2 => (0..3_u8).prop_map(Op::Update),
        2 => (0..3_usize, id).prop_map(|(kind, id)| Op::Delete(kind, id)),
        1 => Just(Op::DeleteAll),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (any::<bool>(), op()).prop_map(|(handle, op)| Step::Do(handle, op)),
        3 => (any::<bool>(), prop::collection::vec(op(), 0..8), prop::bool::weighted(0.6))
            .prop_map(|(handle, ops, commits)| Step::Transaction(handle, ops, commits)),
        1 => (0..3_usize, 0..IDS, prop::option::weighted(0.7, 0..3_u8)).prop_map(|(kind, id, to)| Step::Edit(kind, id, to)),
        1 => any::<bool>().prop_map(Step::Reopen),
    ];
    prop::collection::vec(step, 1..50)
}

/// What a record holds, as far as one can differ from another.
#[derive(Clone, Debug, PartialEq)]
enum Content {
    Text(String),
    Desk(u8, Vec<String>, Style),
    /// Like no record: what a generation is that was rolled back.
    Nothing,
}

/// How the values are spelled in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    /// As Sepia does.
    Own,
    /// As somebody has.
    Compact,
}

impl Content {
    /// What an object is encoded to that was loaded from this.
    fn encoded(&self) -> Self {
        match self {
            Self::Desk(value, ids, _) => Self::Desk(*value, ids.clone(), Style::Own),
            other => other.clone(),
        }
    }
}

/// What an object remembers.
#[derive(Clone, Debug, Default)]
struct Memory {
    kept: Option<Content>,
    /// In the transaction that is under way.
    pending: Option<Content>,
}

impl Memory {
    fn of(content: Content) -> Self {
        Self { kept: Some(content), pending: None }
    }

    fn recall(&self) -> Option<&Content> {
        self.pending.as_ref().or(self.kept.as_ref())
    }

    fn remember(&mut self, content: Content, in_transaction: bool) {
        if in_transaction {
            self.pending = Some(content);
        } else {
            self.kept = Some(content);
        }
    }

    /// Whether an object is what it was when it was loaded or saved.
    fn is_unchanged(&self, content: &Content) -> bool {
        self.recall().is_some_and(|known| known.encoded() == *content)
    }

    fn settle(&mut self, commits: bool) {
        if let Some(pending) = self.pending.take()
            && commits
        {
            self.kept = Some(pending);
        }
    }
}

/// An object in hand, and what it and the notes on it remember.
#[derive(Clone, Debug)]
struct Held<T> {
    object: T,
    memory: Memory,
    notes: Vec<Memory>,
}

impl<T> Held<T> {
    fn fresh(object: T) -> Self {
        Self { object, memory: Memory::default(), notes: Vec::new() }
    }
}

type Stored = BTreeMap<Key, Content>;

#[derive(Clone, Debug, Default)]
struct Model {
    stored: Stored,
    /// What the transaction that is under way has put.
    put: BTreeSet<Key>,
    /// What it has deleted.
    deleted: BTreeSet<Key>,
    /// What is stored without it.
    committed: Option<Stored>,
    notes: [Option<Held<Note>>; IDS],
    desks: [Option<Held<Desk>>; IDS],
    speeches: [Option<Held<Speech>>; IDS],
}

fn key(class: &str, id: &str) -> Key {
    Key::new(class, id).unwrap()
}

fn speech_key(generation: u64) -> Key {
    key("Speech", &format!("s.{generation}"))
}

fn note_content(note: &Note) -> Content {
    Content::Text(note.text.clone())
}

fn desk_content(desk: &Desk) -> Content {
    Content::Desk(desk.value, desk.notes.iter().map(|note| note.id.to_string()).collect(), Style::Own)
}

fn newest(stored: &Stored) -> Option<u64> {
    let speeches = stored.keys().filter(|key| key.class() == "Speech");
    speeches.map(|key| Id::<Speech>::from(key.id()).generation()).max()
}

/// Where an operation is carried out: at the store, or in a transaction.
enum At<'a, 'b> {
    Store(&'a Store),
    Transaction(&'a mut Transaction<'b>),
}

impl At<'_, '_> {
    fn is_transaction(&self) -> bool {
        matches!(self, Self::Transaction(_))
    }

    fn save<T: Object>(&mut self, object: &T, overwrite: bool) -> Result<()> {
        match (self, overwrite) {
            (Self::Store(store), false) => store.save(object),
            (Self::Store(store), true) => store.overwrite(object),
            (Self::Transaction(tx), false) => tx.save(object),
            (Self::Transaction(tx), true) => tx.overwrite(object),
        }
    }

    fn save_next<T: Generations>(&mut self, object: &mut T) -> Result<()> {
        match self {
            Self::Store(store) => store.save_next(object),
            Self::Transaction(tx) => tx.save_next(object),
        }
    }

    fn update<T: Generations>(&mut self, id: &str, change: impl Fn(&mut T)) -> Result<T> {
        let change = |object: &mut T| {
            change(object);
            Ok(())
        };
        match self {
            Self::Store(store) => store.update(id, change),
            Self::Transaction(tx) => tx.update(id, change),
        }
    }

    fn load<T: Object>(&self, id: &str) -> Result<T> {
        match self {
            Self::Store(store) => store.load(id),
            Self::Transaction(tx) => tx.load(id),
        }
    }

    fn delete<T: Object>(&mut self, id: &str) -> Result<bool> {
        match self {
            Self::Store(store) => store.delete::<T>(id),
            Self::Transaction(tx) => tx.delete::<T>(id),
        }
    }

    fn ids<T: Object>(&self) -> Result<Vec<Id<T>>> {
        match self {
            Self::Store(store) => store.ids(),
            Self::Transaction(tx) => tx.ids(),
        }
    }
}

/// Checks that a result is a conflict over exactly these objects, or none.
fn check(result: Result<()>, mut conflicts: Vec<Key>) -> bool {
    conflicts.sort();
    match result {
        Ok(()) => assert_eq!(conflicts, [], "it was saved"),
        Err(error) => {
            let mut found = error.conflicts().to_vec();
            found.sort();
            assert_eq!((error.kind(), found), (ErrorKind::Conflict, conflicts.clone()), "{error}");
        }
    }
    conflicts.is_empty()
}

impl Model {
    fn memories(&mut self) -> impl Iterator<Item = &mut Memory> {
        let notes = self.notes.iter_mut().flatten().map(|held| &mut held.memory);
        let desks = self.desks.iter_mut().flatten();
        let desks = desks.flat_map(|held| std::iter::once(&mut held.memory).chain(&mut held.notes));
        let speeches = self.speeches.iter_mut().flatten().map(|held| &mut held.memory);
        notes.chain(desks).chain(speeches)
    }

    fn is_as_known(&self, key: &Key, memory: &Memory) -> bool {
        memory.recall().is_none_or(|known| self.stored.get(key) == Some(known))
    }

    /// What an object remembers that is loaded from what is stored under a key: if that is what a transaction has made,
    /// it never was if that is rolled back.
    fn loaded(&self, key: &Key) -> Memory {
        let stored = self.stored[key].clone();
        match self.put.contains(key) {
            true => Memory { kept: Some(Content::Nothing), pending: Some(stored) },
            false => Memory::of(stored),
        }
    }

    /// Whether a generation that is not stored was superseded. In a transaction, the order in which generations are made
    /// does not count, and what was deleted there is gone.
    fn is_superseded(&self, generation: u64) -> bool {
        let newest = match &self.committed {
            Some(committed) if !self.deleted.contains(&speech_key(generation)) => {
                let left = committed.iter().filter(|(key, _)| !self.deleted.contains(key));
                newest(&left.map(|(key, content)| (key.clone(), content.clone())).collect())
            }
            _ => newest(&self.stored),
        };
        newest.is_some_and(|newest| newest > generation)
    }

    /// Saves an object that is not in the way of what is stored.
    fn put(&mut self, key: Key, content: Content, memory: &mut Memory, (inside, overwrite): (bool, bool)) {
        if !overwrite && memory.is_unchanged(&content) {
            return;
        }
        if inside && (overwrite || memory.recall() != Some(&content)) {
            self.put.insert(key.clone());
        }
        self.deleted.remove(&key);
        self.stored.insert(key, content.clone());
        memory.remember(content, inside);
    }

    /// Whether an object can be saved as far as it is known: what was not changed here only has to be there.
    fn is_free(&self, key: &Key, content: &Content, memory: &Memory) -> bool {
        match memory.is_unchanged(content) {
            true => self.stored.contains_key(key),
            false => self.is_as_known(key, memory),
        }
    }

    /// The desk of an id, as it must be loaded; `None` if a note on it is gone.
    fn desk(&self, id: &str) -> Option<Result<Held<Desk>, ()>> {
        let Content::Desk(value, ids, _) = self.stored.get(&key("Desk", id))? else { return None };
        let mut held = Held::fresh(Desk { id: id.into(), value: *value, notes: Vec::new() });
        for id in ids {
            let Some(Content::Text(text)) = self.stored.get(&key("Note", id)) else { return Some(Err(())) };
            held.object.notes.push(Note { id: id.as_str().into(), text: text.clone() });
            held.notes.push(self.loaded(&key("Note", held.object.notes[held.notes.len()].id.as_str())));
        }
        held.memory = self.loaded(&key("Desk", id));
        Some(Ok(held))
    }

    /// Checks that all that is stored is there, and nothing else.
    fn compare(&self, at: &At<'_, '_>) {
        let mut stored = Stored::new();
        for id in at.ids::<Note>().unwrap() {
            stored.insert(key("Note", id.as_str()), note_content(&at.load(id.as_str()).unwrap()));
        }
        for id in at.ids::<Speech>().unwrap() {
            stored.insert(key("Speech", id.as_str()), Content::Text(at.load::<Speech>(id.as_str()).unwrap().text));
        }
        for id in at.ids::<Desk>().unwrap() {
            let found = match at.load::<Desk>(id.as_str()) {
                Ok(desk) => {
                    let expected = self.desk(id.as_str()).unwrap().unwrap();
                    assert_eq!(desk, expected.object);
                    // How it is spelled does not show in what is loaded.
                    self.stored[&key("Desk", id.as_str())].clone()
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Dangling, "{error}");
                    assert!(matches!(self.desk(id.as_str()), Some(Err(()))));
                    self.stored[&key("Desk", id.as_str())].clone()
                }
            };
            stored.insert(key("Desk", id.as_str()), found);
        }
        assert_eq!(stored, self.stored);
        let newest = newest(&self.stored).map(|generation| format!("s.{generation}"));
        assert_eq!(at.load::<Speech>("s").ok().map(|speech| speech.id.to_string()), newest);
    }

    fn carry_out(&mut self, at: &mut At<'_, '_>, op: &Op) {
        let inside = at.is_transaction();
        match *op {
            Op::FreshNote(slot, id, value) => {
                let note = Note { id: format!("n{id}").into(), text: value.to_string() };
                self.notes[slot] = Some(Held::fresh(note));
            }
            Op::FreshDesk(slot, id, value) => {
                let desk = Desk { id: format!("d{id}").into(), value, notes: Vec::new() };
                self.desks[slot] = Some(Held::fresh(desk));
            }
            Op::FreshSpeech(slot, generation, value) => {
                let speech = Speech { id: format!("s.{generation}").into(), text: value.to_string() };
                self.speeches[slot] = Some(Held::fresh(speech));
            }
            Op::Clone(0, from, to) => self.notes[to] = self.notes[from].clone(),
            Op::Clone(1, from, to) => self.desks[to] = self.desks[from].clone(),
            Op::Clone(_, from, to) => self.speeches[to] = self.speeches[from].clone(),
            Op::Change(kind, slot, value) => match kind {
                0 => self.notes[slot].iter_mut().for_each(|held| held.object.text = value.to_string()),
                1 => self.desks[slot].iter_mut().for_each(|held| held.object.value = value),
                _ => self.speeches[slot].iter_mut().for_each(|held| held.object.text = value.to_string()),
            },
            Op::AddNote(note, desk) => {
                let (Some(note), Some(desk)) = (self.notes[note].clone(), &mut self.desks[desk]) else { return };
                match desk.object.notes.iter().position(|known| known.id == note.object.id) {
                    Some(place) => (desk.object.notes[place], desk.notes[place]) = (note.object, note.memory),
                    None => {
                        desk.object.notes.push(note.object);
                        desk.notes.push(note.memory);
                    }
                }
            }
            Op::RemoveNote(desk) => self.desks[desk].iter_mut().for_each(|desk| {
                desk.object.notes.pop();
                desk.notes.pop();
            }),
            Op::ChangeNote(desk, value) => {
                let notes = self.desks[desk].iter_mut().filter_map(|desk| desk.object.notes.last_mut());
                notes.for_each(|note| note.text = value.to_string());
            }
            Op::Load(kind, slot, id) => self.load(at, kind, slot, id),
            Op::LoadNewest(slot) => {
                let Some(newest) = newest(&self.stored) else {
                    assert_eq!(at.load::<Speech>("s").unwrap_err().kind(), ErrorKind::NotFound);
                    return;
                };
                let speech: Speech = at.load("s").unwrap();
                assert_eq!(speech.id.generation(), newest);
                let memory = self.loaded(&speech_key(newest));
                self.speeches[slot] = Some(Held { object: speech, memory, notes: Vec::new() });
            }
            Op::Save(kind, slot) => self.save(at, kind, slot, false),
            Op::Overwrite(kind, slot) => self.save(at, kind, slot, true),
            Op::SaveNext(slot) => {
                let Some(mut held) = self.speeches[slot].take() else { return };
                let generation = held.object.id.generation();
                let mut conflicts = Vec::new();
                if newest(&self.stored) != Some(generation) {
                    conflicts.push(speech_key(generation + 1));
                }
                if !self.is_as_known(&speech_key(generation), &held.memory) {
                    conflicts.push(speech_key(generation));
                }
                if check(at.save_next(&mut held.object), conflicts) {
                    assert_eq!(held.object.id.as_str(), format!("s.{}", generation + 1));
                    let content = Content::Text(held.object.text.clone());
                    self.put.extend(inside.then(|| speech_key(generation + 1)));
                    self.deleted.remove(&speech_key(generation + 1));
                    self.stored.insert(speech_key(generation + 1), content.clone());
                    held.memory = Memory { kept: inside.then_some(Content::Nothing), pending: None };
                    held.memory.remember(content, inside);
                } else {
                    assert_eq!(held.object.id.as_str(), format!("s.{generation}"));
                }
                self.speeches[slot] = Some(held);
            }
            Op::Update(value) => {
                let updated = at.update("s.0", |speech: &mut Speech| speech.text = value.to_string());
                match newest(&self.stored) {
                    None => assert_eq!(updated.unwrap_err().kind(), ErrorKind::NotFound),
                    Some(newest) => {
                        assert_eq!(updated.unwrap().id.generation(), newest + 1);
                        self.put.extend(inside.then(|| speech_key(newest + 1)));
                        self.deleted.remove(&speech_key(newest + 1));
                        self.stored.insert(speech_key(newest + 1), Content::Text(value.to_string()));
                    }
                }
            }
            Op::Delete(kind, id) => {
                let (gone, key) = match kind {
                    0 => (at.delete::<Note>(&format!("n{id}")), key("Note", &format!("n{id}"))),
                    1 => (at.delete::<Desk>(&format!("d{id}")), key("Desk", &format!("d{id}"))),
                    _ => (at.delete::<Speech>(&format!("s.{id}")), speech_key(id as u64)),
                };
                let was_there = self.stored.remove(&key).is_some();
                assert_eq!(gone.unwrap(), was_there);
                self.deleted.extend(was_there.then_some(key).filter(|_| inside));
            }
            Op::DeleteAll => {
                let was_there = newest(&self.stored).is_some();
                assert_eq!(at.delete::<Speech>("s").unwrap(), was_there);
                let speeches = self.stored.keys().filter(|key| key.class() == "Speech").cloned();
                self.deleted.extend(speeches.filter(|_| inside));
                self.stored.retain(|key, _| key.class() != "Speech");
            }
        }
    }

    fn load(&mut self, at: &At<'_, '_>, kind: usize, slot: usize, id: usize) {
        let absent = |error: Error| assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let (note_id, desk_id, speech_id) = (format!("n{id}"), format!("d{id}"), format!("s.{id}"));
        match kind {
            0 => match (at.load::<Note>(&note_id), self.stored.get(&key("Note", &note_id))) {
                (Ok(note), Some(content)) => {
                    assert_eq!(&note_content(&note), content);
                    let memory = self.loaded(&key("Note", &note_id));
                    self.notes[slot] = Some(Held { memory, ..Held::fresh(note) });
                }
                (loaded, None) => absent(loaded.unwrap_err()),
                (Err(error), Some(_)) => unreachable!("{error}"),
            },
            1 => match (at.load::<Desk>(&desk_id), self.desk(&desk_id)) {
                (Ok(desk), Some(Ok(held))) => {
                    assert_eq!(desk, held.object);
                    self.desks[slot] = Some(Held { object: desk, ..held });
                }
                (Err(error), Some(Err(()))) => assert_eq!(error.kind(), ErrorKind::Dangling, "{error}"),
                (loaded, None) => absent(loaded.unwrap_err()),
                (loaded, Some(held)) => unreachable!("{loaded:?}, {held:?}"),
            },
            _ => match (at.load::<Speech>(&speech_id), self.stored.get(&key("Speech", &speech_id))) {
                (Ok(speech), Some(content)) => {
                    assert_eq!(&Content::Text(speech.text.clone()), content);
                    let memory = self.loaded(&key("Speech", &speech_id));
                    self.speeches[slot] = Some(Held { memory, ..Held::fresh(speech) });
                }
                (loaded, None) => absent(loaded.unwrap_err()),
                (Err(error), Some(_)) => unreachable!("{error}"),
            },
        }
    }

    fn save(&mut self, at: &mut At<'_, '_>, kind: usize, slot: usize, overwrite: bool) {
        let how = (at.is_transaction(), overwrite);
        match kind {
            0 => {
                let Some(mut held) = self.notes[slot].take() else { return };
                let (key, content) = (Key::of(&held.object).unwrap(), note_content(&held.object));
                let good = overwrite || self.is_free(&key, &content, &held.memory);
                if check(at.save(&held.object, overwrite), if good { vec![] } else { vec![key.clone()] }) {
                    self.put(key, content, &mut held.memory, how);
                }
                self.notes[slot] = Some(held);
            }
            1 => {
                let Some(mut held) = self.desks[slot].take() else { return };
                let keys = held.object.notes.iter().map(|note| (Key::of(note).unwrap(), note_content(note)));
                let keys = keys.chain([(Key::of(&held.object).unwrap(), desk_content(&held.object))]);
                let memories = held.notes.iter_mut().chain([&mut held.memory]);
                let parts: Vec<_> = keys.zip(memories).collect();
                let free =
                    |key: &Key, content: &Content, memory: &Memory| overwrite || self.is_free(key, content, memory);
                let stale = parts.iter().filter(|((key, content), memory)| !free(key, content, memory));
                let stale = stale.map(|((key, _), _)| key.clone()).collect();
                if check(at.save(&held.object, overwrite), stale) {
                    for ((key, content), memory) in parts {
                        self.put(key, content, memory, how);
                    }
                }
                self.desks[slot] = Some(held);
            }
            _ => {
                let Some(mut held) = self.speeches[slot].take() else { return };
                let (key, content) = (Key::of(&held.object).unwrap(), Content::Text(held.object.text.clone()));
                let good = match held.memory.recall() {
                    Some(_) if !overwrite => self.is_free(&key, &content, &held.memory),
                    _ => self.stored.contains_key(&key) || !self.is_superseded(held.object.id.generation()),
                };
                if check(at.save(&held.object, overwrite), if good { vec![] } else { vec![key.clone()] }) {
                    self.put(key, content, &mut held.memory, how);
                }
                self.speeches[slot] = Some(held);
            }
        }
    }

    /// Changes what is stored behind the stores' backs; where there are no files, as somebody else.
    fn edit(&mut self, world: &World, kind: usize, id: usize, to: Option<u8>) {
        let (key, content) = match (kind, to.unwrap_or_default()) {
            (0, value) => (key("Note", &format!("n{id}")), Content::Text(value.to_string())),
            (1, value) => {
                let key = key("Desk", &format!("d{id}"));
                let Some(Content::Desk(_, ids, _)) = self.stored.get(&key).cloned() else { return };
                let style = if value == 2 { Style::Compact } else { Style::Own };
                (key, Content::Desk(value, ids, style))
            }
            (_, value) => (speech_key(id as u64), Content::Text(value.to_string())),
        };
        if !self.stored.contains_key(&key) {
            return;
        }
        match (world.made.backend().root(), to) {
            (Some(directory), to) => {
                let path = directory.join(key.path());
                match (&content, to) {
                    (Content::Text(text), Some(_)) => fs::write(path, text).unwrap(),
                    (Content::Desk(value, _, style), Some(_)) => {
                        fs::write(path.join("data.json"), desk_json(*value, *style)).unwrap();
                    }
                    (Content::Desk(..), None) => fs::remove_dir_all(path).unwrap(),
                    (Content::Text(_) | Content::Nothing, _) => fs::remove_file(path).unwrap(),
                }
            }
            (None, to) => {
                let backend = world.stores[0].backend();
                let record = match (&content, backend.read(&key).unwrap()) {
                    (Content::Desk(value, _, style), Some(Record::Container(node))) => {
                        Record::Container(Node { data: desk_json(*value, *style).into_bytes(), ..node })
                    }
                    (Content::Text(text), Some(Record::Leaf(_))) => Record::Leaf(text.clone().into_bytes()),
                    other => unreachable!("{other:?}"),
                };
                let mut batch = Batch::new();
                match to {
                    Some(_) => batch.put(key.clone(), record, Expect::Present),
                    None => batch.delete(key.clone(), Expect::Present),
                }
                backend.commit(batch).unwrap();
            }
        }
        match to {
            Some(_) => self.stored.insert(key, content),
            None => self.stored.remove(&key),
        };
    }
}

fn desk_json(value: u8, style: Style) -> String {
    match style {
        Style::Own => format!("{{\n  \"value\": {value}\n}}\n"),
        Style::Compact => format!("{{\"value\":{value}}}"),
    }
}

/// Two handles to one set of records, and where they are.
struct World {
    stores: [Store; 2],
    made: AnyStore,
    options: StoreBuilder,
}

impl World {
    fn new(medium: Medium, durability: Durability) -> Self {
        let (made, options) = (medium.make(), Store::builder().durability(durability));
        Self { stores: [made.reopen_with(&options), made.reopen_with(&options)], made, options }
    }

    fn reopen(&mut self, handle: bool) {
        let opened = self.made.reopen_with(&self.options);
        assert_eq!(opened.recovered(), None);
        self.stores[usize::from(handle)] = opened;
    }

    fn run(mut self, steps: &[Step]) {
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Do(handle, op) => model.carry_out(&mut At::Store(&self.stores[usize::from(*handle)]), op),
                Step::Transaction(handle, ops, commits) => {
                    let before = model.stored.clone();
                    model.committed = Some(before.clone());
                    let done = self.stores[usize::from(*handle)].transaction(|tx| {
                        for op in ops {
                            model.carry_out(&mut At::Transaction(tx), op);
                            model.compare(&At::Transaction(tx));
                        }
                        let outside = Model { stored: before.clone(), ..Model::default() };
                        self.stores.iter().for_each(|store| outside.compare(&At::Store(store)));
                        if *commits { Ok(()) } else { Err(Error::new(ErrorKind::Other, "enough")) }
                    });
                    assert_eq!(
                        done.map_err(|error| error.kind()),
                        if *commits { Ok(()) } else { Err(ErrorKind::Other) }
                    );
                    model.memories().for_each(|memory| memory.settle(*commits));
                    model.put.clear();
                    model.deleted.clear();
                    model.committed = None;
                    if !commits {
                        model.stored = before;
                    }
                }
                Step::Edit(kind, id, to) => model.edit(&self, *kind, *id, *to),
                Step::Reopen(handle) => self.reopen(*handle),
            }
            self.stores.iter().for_each(|store| model.compare(&At::Store(store)));
        }
    }
}

fn in_every_medium(durability: Durability, steps: &[Step]) {
    MEDIA.iter().for_each(|medium| World::new(*medium, durability).run(steps));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_model_says(steps in steps()) {
        in_every_medium(Durability::Sync, &steps);
    }

    #[test]
    fn the_store_does_what_the_model_says_without_waiting_for_the_disk(steps in steps()) {
        in_every_medium(Durability::Buffered, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "long"]
    fn the_store_does_what_the_model_says_for_long(steps in steps()) {
        in_every_medium(Durability::Sync, &steps);
        in_every_medium(Durability::Buffered, &steps);
    }
}
