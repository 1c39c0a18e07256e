//! Operations on containers: of links alone, and of leaves that they own. The leaves are there
//! already and do not change.

use std::hint::black_box;

use sepia::Store;

use crate::folders::Folders;
use crate::ground::{Fresh, Ground};
use crate::leaves::both_with;
use crate::measure::interleave;
use crate::objects::{Album, Cover, Folder, Index, IsFolder, Note, Notes};
use crate::table::Row;
use crate::{Case, Result};

pub(crate) const CASES: &[Case] = &[
    ("new_10_links", new::<Index, 10>),
    ("new_10_owned", new::<Album, 10>),
    ("new_10000_links", new::<Index, 10_000>),
    ("new_10000_owned", new::<Album, 10_000>),
    ("unchanged_10_links", unchanged::<Index, 10>),
    ("unchanged_10_owned", unchanged::<Album, 10>),
    ("unchanged_10000_links", unchanged::<Index, 10_000>),
    ("unchanged_10000_owned", unchanged::<Album, 10_000>),
    ("load_10_links", load::<Index, 10>),
    ("load_10_owned", load::<Album, 10>),
    ("load_10000_links", load::<Index, 10_000>),
    ("load_10000_owned", load::<Album, 10_000>),
];

/// Both sides with the notes, and the folders in memory.
struct Sides<T> {
    store: Fresh<Store>,
    floor: Folders,
    objects: Vec<T>,
    folders: Vec<Folder>,
}

impl<T: IsFolder> Sides<T> {
    fn new(ground: &Ground, links: usize) -> Result<Self> {
        let notes: Vec<_> = (0..links).map(Note::numbered).collect();
        let (store, class) = both_with(ground, &notes)?;
        let floor = Folders { folders: class.another_class(T::CLASS)?, notes: class };
        let folder = |number| Folder {
            id: format!("folder-{number:06}"),
            cover: Cover::numbered(number),
            notes: if T::OWNS {
                Notes::Owned(notes.clone())
            } else {
                Notes::Linked(notes.iter().map(|note| note.id.clone()).collect())
            },
        };
        let count = ground.container_rounds(links).operations();
        let objects = (0..count).map(|number| folder(number).into()).collect();
        Ok(Self { store, floor, objects, folders: (0..count).map(folder).collect() })
    }

    /// Both sides with the folders saved.
    fn saved(ground: &Ground, links: usize) -> Result<Self> {
        let sides = Self::new(ground, links)?;
        for (object, folder) in sides.objects.iter().zip(&sides.folders) {
            sides.store.save(object)?;
            sides.floor.make(folder)?;
        }
        Ok(sides)
    }

    fn check_same(&self) -> Result {
        self.store.check_same(&self.floor.notes)
    }
}

fn new<T: IsFolder, const LINKS: usize>(ground: &Ground) -> Result<Row> {
    let sides = Sides::<T>::new(ground, LINKS)?;
    let mut sepia = |at: usize| -> Result { Ok(sides.store.save(&sides.objects[at])?) };
    let mut floor = |at: usize| sides.floor.make(&sides.folders[at]);
    let times = interleave(ground.container_rounds(LINKS), [&mut sepia, &mut floor])?;
    sides.check_same()?;
    Ok(Row::new(times))
}

fn unchanged<T: IsFolder, const LINKS: usize>(ground: &Ground) -> Result<Row> {
    let sides = Sides::<T>::saved(ground, LINKS)?;
    let mut equal = 0;
    let mut sepia = |at: usize| -> Result { Ok(sides.store.save(&sides.objects[at])?) };
    let mut floor = |at: usize| -> Result {
        equal += usize::from(sides.floor.is_stored(&sides.folders[at])?);
        Ok(())
    };
    let times = interleave(ground.container_rounds(LINKS), [&mut sepia, &mut floor])?;
    assert_eq!(equal, sides.folders.len());
    sides.check_same()?;
    Ok(Row::new(times))
}

fn load<T: IsFolder, const LINKS: usize>(ground: &Ground) -> Result<Row> {
    let sides = Sides::<T>::saved(ground, LINKS)?;
    let mut sepia = |at: usize| -> Result {
        black_box(sides.store.load::<T>(sides.objects[at].id())?);
        Ok(())
    };
    let mut floor = |at: usize| -> Result {
        black_box(sides.floor.load(sides.objects[at].id())?);
        Ok(())
    };
    let times = interleave(ground.container_rounds(LINKS), [&mut sepia, &mut floor])?;
    for object in &sides.objects {
        assert!(sides.store.load::<T>(object.id())? == *object);
        assert!(T::from(sides.floor.load(object.id())?) == *object);
    }
    Ok(Row::new(times))
}
