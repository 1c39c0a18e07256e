//! Operations on containers: of links alone, and of leaves that they own. The leaves are there already and do not change.

use std::hint::black_box;

use sepia::Store;

use super::leaves::{both_with, databases_with, each};
use crate::bench::floor::Folders;
use crate::bench::ground::Fresh;
use crate::bench::measure::Race;
use crate::bench::objects::{Album, Cover, Folder, Index, IsFolder, Note, Notes};
use crate::bench::peer::{Database, Named};
use crate::bench::results::Row;
use crate::bench::{Bench, Result};

pub(super) fn run(bench: &Bench<'_>) -> Result {
    run_of::<Index>(bench, 10, "10_links")?;
    run_of::<Album>(bench, 10, "10_owned")?;
    run_of::<Index>(bench, 10_000, "10000_links")?;
    run_of::<Album>(bench, 10_000, "10000_owned")
}

fn run_of<T: IsFolder>(bench: &Bench<'_>, links: usize, what: &str) -> Result {
    bench.case(&format!("new_{what}"), |bench| new::<T>(bench, links))?;
    let (load, unchanged) = (format!("load_{what}"), format!("unchanged_{what}"));
    if bench.selects_any(&[&load, &unchanged]) {
        let sides = Sides::<T>::saved(bench, links)?;
        bench.case(&load, |_| sides.load())?;
        bench.case(&unchanged, |_| sides.unchanged())?;
    }
    Ok(())
}

pub(super) fn run_changing(bench: &Bench<'_>) -> Result {
    bench.case("change_10_links", |bench| change::<Index>(bench, 10))?;
    bench.case("change_10_owned", |bench| change::<Album>(bench, 10))?;
    bench.case("change_10000_links", |bench| change::<Index>(bench, 10_000))?;
    bench.case("change_10000_owned", |bench| change::<Album>(bench, 10_000))
}

/// All sides with the notes, and the folders in memory.
struct Sides<'b, T> {
    bench: &'b Bench<'b>,
    links: usize,
    store: Fresh<Store>,
    floor: Folders,
    peers: Vec<Named>,
    objects: Vec<T>,
    folders: Vec<Folder>,
}

impl<'b, T: IsFolder> Sides<'b, T> {
    /// With so many folders for each operation.
    fn new(bench: &'b Bench<'b>, links: usize, copies: usize) -> Result<Self> {
        // One more than the folders have.
        let mut notes: Vec<_> = (0..=links).map(Note::numbered).collect();
        let (store, class) = both_with(bench, &notes)?;
        let peers = databases_with(bench, &notes)?;
        notes.pop();
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
        let count = bench.container_rounds(links).operations() * copies;
        let objects = (0..count).map(|number| folder(number).into()).collect();
        Ok(Self { bench, links, store, floor, peers, objects, folders: (0..count).map(folder).collect() })
    }

    /// With the folders saved.
    fn saved(bench: &'b Bench<'b>, links: usize) -> Result<Self> {
        let sides = Self::new(bench, links, 1)?;
        sides.save()?;
        Ok(sides)
    }

    fn save(&self) -> Result {
        for (object, folder) in self.objects.iter().zip(&self.folders) {
            self.store.save(object)?;
            self.floor.make(folder)?;
            each(&self.peers).try_for_each(|(_, peer)| peer.save_folder(folder, &mut Vec::new()))?;
        }
        Ok(())
    }

    fn run(&self, race: Race<'_>) -> Result<Row> {
        race.run(self.bench.container_rounds(self.links))
    }

    fn check(&self) -> Result {
        for (object, folder) in self.objects.iter().zip(&self.folders) {
            for (name, peer) in each(&self.peers) {
                assert!(T::from(peer.load_folder(&folder.id, T::OWNS)?) == *object, "{name}");
            }
        }
        self.store.check_same(&self.floor.notes)
    }

    /// Saves the folders on the sides of the peers.
    fn saving<'p>(&'p self, peer: &'p dyn Database) -> impl FnMut(usize) -> Result + use<'p, T> {
        let mut content = Vec::new();
        let folders = &self.folders;
        move |at| peer.save_folder(&folders[at], &mut content)
    }

    fn load(&self) -> Result<Row> {
        let row = self.run(
            Race::default()
                .side("sepia", |at| {
                    black_box(self.store.load::<T>(self.objects[at].id())?);
                    Ok(())
                })
                .side("floor", |at| {
                    black_box(T::from(self.floor.load(self.objects[at].id())?));
                    Ok(())
                })
                .sides(each(&self.peers), |peer| {
                    move |at: usize| {
                        black_box(T::from(peer.load_folder(&self.folders[at].id, T::OWNS)?));
                        Ok(())
                    }
                }),
        )?;
        for object in &self.objects {
            assert!(self.store.load::<T>(object.id())? == *object);
            assert!(T::from(self.floor.load(object.id())?) == *object);
        }
        self.check()?;
        Ok(row)
    }

    /// Beside what a load of the same takes.
    fn unchanged(&self) -> Result<Row> {
        let mut equal = 0;
        let row = self.run(
            Race::default()
                .side("sepia", |at| Ok(self.store.save(&self.objects[at])?))
                .side("floor", |at| {
                    equal += usize::from(self.floor.is_stored(&self.folders[at])?);
                    Ok(())
                })
                .side("sepia's load", |at| {
                    black_box(self.store.load::<T>(self.objects[at].id())?);
                    Ok(())
                })
                .sides(each(&self.peers), |peer| {
                    let mut content = Vec::new();
                    let differs = "it differs";
                    move |at: usize| {
                        let equal = peer.is_folder_stored(&self.folders[at], &mut content)?;
                        if equal { Ok(()) } else { Err(differs.into()) }
                    }
                }),
        )?;
        assert_eq!(equal, self.folders.len());
        self.check()?;
        Ok(row)
    }
}

fn new<T: IsFolder>(bench: &Bench<'_>, links: usize) -> Result<Row> {
    let sides = Sides::<T>::new(bench, links, 1)?;
    let row = sides.run(
        Race::default()
            .side("sepia", |at| Ok(sides.store.save(&sides.objects[at])?))
            .side("floor", |at| sides.floor.make(&sides.folders[at]))
            .sides(each(&sides.peers), |peer| sides.saving(peer)),
    )?;
    sides.check()?;
    Ok(row)
}

/// Half of the folders change in one place each; the others are saved unchanged, to compare.
fn change<T: IsFolder>(bench: &Bench<'_>, links: usize) -> Result<Row> {
    let mut sides = Sides::<T>::new(bench, links, 2)?;
    sides.save()?;
    let half = sides.objects.len() / 2;
    let other = Note::numbered(links);
    for at in 0..half {
        sides.objects[at].replace(links / 2, &other);
        sides.folders[at].notes.replace(links / 2, &other);
    }
    let row = sides.run(
        Race::default()
            .side("sepia", |at| Ok(sides.store.save(&sides.objects[at])?))
            .side("floor", |at| sides.floor.change(&sides.folders[at]))
            .side("sepia, unchanged", |at| Ok(sides.store.save(&sides.objects[half + at])?))
            .sides(each(&sides.peers), |peer| sides.saving(peer)),
    )?;
    sides.check()?;
    Ok(row)
}
