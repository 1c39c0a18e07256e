//! Operations on one leaf.

use std::borrow::Borrow;
use std::hint::black_box;

use sepia::{Id, Store};

use crate::floor::{Directory, buffer};
use crate::ground::{Fresh, Ground};
use crate::measure::interleave;
use crate::objects::Note;
use crate::table::Row;
use crate::{Case, Result};

pub(crate) const CASES: &[Case] = &[
    ("new_leaf", new),
    ("new_leaf, checksums", new_summed),
    ("unchanged_leaf", unchanged),
    ("load_leaf", load),
    ("exists_leaf", exists),
    ("missing_leaf", missing),
    ("list_ids, per id", list),
];

pub(crate) const OVERWRITING: &[Case] =
    &[("overwrite_leaf", overwrite), ("overwrite_leaf, checksums", overwrite_summed)];

fn new(ground: &Ground) -> Result<Row> {
    new_in(ground, &ground.store()?)
}

fn new_summed(ground: &Ground) -> Result<Row> {
    new_in(ground, &ground.store_with_checksums()?)
}

fn new_in(ground: &Ground, store: &Fresh<Store>) -> Result<Row> {
    let notes = ground.notes();
    let (class, bare) = (ground.class(Note::CLASS)?, ground.class(Note::CLASS)?);
    let (mut content, mut bare_content) = (Vec::new(), Vec::new());
    let mut sepia = |at: usize| -> Result { Ok(store.save(&notes[at])?) };
    let mut floor = |at: usize| make(&class, &notes[at], &mut content);
    let mut not_atomic = |at: usize| -> Result {
        let note = &notes[at];
        Ok(bare.make_bare(note.id.as_str(), note.encode(&mut bare_content)?)?)
    };
    let times = interleave(ground.leaf_rounds(), [&mut sepia, &mut floor, &mut not_atomic])?;
    store.check_same(&class)?;
    store.check_same(&bare)?;
    Ok(Row::with_bare(times))
}

fn unchanged(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let (store, class) = both_with(ground, &notes)?;
    let (mut content, mut equal) = (Vec::new(), 0);
    let mut sepia = |at: usize| -> Result { Ok(store.save(&notes[at])?) };
    let mut floor = |at: usize| -> Result {
        equal += usize::from(is_stored(&class, &notes[at], &mut content)?);
        Ok(())
    };
    let times = interleave(ground.leaf_rounds(), [&mut sepia, &mut floor])?;
    assert_eq!(equal, notes.len());
    store.check_same(&class)?;
    Ok(Row::new(times))
}

fn overwrite(ground: &Ground) -> Result<Row> {
    overwrite_in(ground, &ground.store()?)
}

fn overwrite_summed(ground: &Ground) -> Result<Row> {
    overwrite_in(ground, &ground.store_with_checksums()?)
}

fn overwrite_in(ground: &Ground, store: &Fresh<Store>) -> Result<Row> {
    let notes = ground.notes();
    let class = fill(ground, store, &notes)?;
    let bare = ground.class(Note::CLASS)?;
    notes.iter().try_for_each(|note| make(&bare, note, &mut Vec::new()))?;
    let notes: Vec<_> = notes.iter().map(Note::revised).collect();
    let (mut content, mut bare_content) = (Vec::new(), Vec::new());
    let mut sepia = |at: usize| -> Result { Ok(store.save(&notes[at])?) };
    let mut floor = |at: usize| replace(&class, &notes[at], &mut content);
    let mut not_atomic = |at: usize| -> Result {
        let note = &notes[at];
        Ok(bare.rewrite_bare(note.id.as_str(), note.encode(&mut bare_content)?)?)
    };
    let times = interleave(ground.leaf_rounds(), [&mut sepia, &mut floor, &mut not_atomic])?;
    store.check_same(&class)?;
    store.check_same(&bare)?;
    Ok(Row::with_bare(times))
}

fn load(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let (store, class) = both_with(ground, &notes)?;
    let mut sepia = |at: usize| -> Result {
        black_box(store.load::<Note>(&notes[at].id)?);
        Ok(())
    };
    let mut floor = |at: usize| -> Result {
        black_box(read(&class, &notes[at].id)?);
        Ok(())
    };
    let times = interleave(ground.leaf_rounds(), [&mut sepia, &mut floor])?;
    for note in &notes {
        assert_eq!((&store.load::<Note>(&note.id)?, &read(&class, &note.id)?), (note, note));
    }
    Ok(Row::new(times))
}

fn exists(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    presence(ground, &notes, &notes, notes.len())
}

fn missing(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let absent: Vec<_> = (0..notes.len()).map(|number| Note::numbered(notes.len() + number)).collect();
    presence(ground, &notes, &absent, 0)
}

fn presence(ground: &Ground, stored: &[Note], asked: &[Note], there: usize) -> Result<Row> {
    let (store, class) = both_with(ground, stored)?;
    let (mut found, mut found_by_floor) = (0, 0);
    let mut sepia = |at: usize| -> Result {
        found += usize::from(store.exists(&asked[at].id)?);
        Ok(())
    };
    let mut floor = |at: usize| -> Result {
        found_by_floor += usize::from(class.exists(asked[at].id.as_str())?);
        Ok(())
    };
    let times = interleave(ground.leaf_rounds(), [&mut sepia, &mut floor])?;
    assert_eq!((found, found_by_floor), (there, there));
    Ok(Row::new(times))
}

fn list(ground: &Ground) -> Result<Row> {
    let notes = ground.notes();
    let (store, class) = both_with(ground, &notes)?;
    let (mut ids, mut names) = (Vec::new(), Vec::new());
    let mut sepia = |_| -> Result {
        ids = store.ids::<Note>()?;
        Ok(())
    };
    let mut floor = |_| -> Result {
        names = Vec::new();
        class.list(|name| {
            names.push(name.to_owned());
            Ok(())
        })
    };
    let times = interleave(ground.list_rounds(), [&mut sepia, &mut floor])?;
    names.sort();
    assert!(ids.len() == notes.len() && ids.iter().map(Id::as_str).eq(&names));
    Ok(Row::new(times.map(|time| time / notes.len() as f64)))
}

/// Both sides with the same notes.
pub(crate) fn both_with<N: Borrow<Note>>(
    ground: &Ground,
    notes: impl IntoIterator<Item = N>,
) -> Result<(Fresh<Store>, Fresh<Directory>)> {
    let store = ground.store()?;
    let class = fill(ground, &store, notes)?;
    Ok((store, class))
}

fn fill<N: Borrow<Note>>(
    ground: &Ground,
    store: &Store,
    notes: impl IntoIterator<Item = N>,
) -> Result<Fresh<Directory>> {
    let class = ground.class(Note::CLASS)?;
    let mut content = Vec::new();
    for note in notes {
        let note = note.borrow();
        store.save(note)?;
        class.make_bare(note.id.as_str(), note.encode(&mut content)?)?;
    }
    Ok(class)
}

/// Saves a new note.
pub(crate) fn make(class: &Directory, note: &Note, content: &mut Vec<u8>) -> Result {
    Ok(class.make(note.id.as_str(), note.encode(content)?)?)
}

/// Saves a note whose file is there with another content.
pub(crate) fn replace(class: &Directory, note: &Note, content: &mut Vec<u8>) -> Result {
    Ok(class.replace(note.id.as_str(), note.encode(content)?)?)
}

/// Saves a note that has not changed: finds that nothing is to be done.
pub(crate) fn is_stored(class: &Directory, note: &Note, content: &mut Vec<u8>) -> Result<bool> {
    Ok(class.read(note.id.as_str(), &mut buffer())? == note.encode(content)?)
}

/// Loads a note.
pub(crate) fn read(class: &Directory, id: &Id<Note>) -> Result<Note> {
    Note::decode(id, class.read(id.as_str(), &mut buffer())?)
}
