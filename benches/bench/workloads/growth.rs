//! The same operations in a small class and in a large one: nothing may cost more as its class grows, beyond what the
//! file system itself takes more.

use std::hint::black_box;

use sepia::{Durability, Store};

use super::leaves::each;
use crate::bench::floor::{self, Directory, Folders, Log};
use crate::bench::ground::Fresh;
use crate::bench::measure::{Race, Rounds};
use crate::bench::objects::{Album, Cover, Folder, IsFolder, Note, Notes};
use crate::bench::peer::{Database, Named};
use crate::bench::results::{Row, thousands};
use crate::bench::{Bench, Result, SEPIA_AND_FLOOR};

type Operation = (&'static str, fn(&Classes<'_>) -> Result<Row>);

/// Overwriting comes last: it frees blocks, and what is made soon afterwards is slower.
const OPERATIONS: &[Operation] = &[
    ("growth_load", load),
    ("growth_unchanged", unchanged),
    ("growth_exists", exists),
    ("growth_list, per id", list),
    ("growth_load_10_owned", load_folder),
    ("growth_new", new),
    ("growth_new_10_owned", new_folder),
    ("growth_durable", durable),
    ("growth_overwrite", overwrite),
];

pub(super) fn run(bench: &Bench<'_>) -> Result {
    let selected: Vec<_> = OPERATIONS.iter().filter(|(name, _)| bench.selects(name)).collect();
    if selected.is_empty() {
        return Ok(());
    }
    let classes = Classes::new(bench)?;
    for (name, measure) in selected {
        let row = measure(&classes).map_err(|error| format!("{name}: {error}"))?;
        for (prefix, class) in [(SMALL, &classes.small), (LARGE, &classes.large)] {
            let name = format!("{name} at {}", thousands(class.count));
            bench.report(SEPIA_AND_FLOOR, &name, row.split(|side| side.strip_prefix(prefix)))?;
        }
    }
    Ok(())
}

/// How the sides of a race are told apart.
const SMALL: &str = "small ";
const LARGE: &str = "large ";

struct Classes<'b> {
    small: Class,
    large: Class,
    rounds: Rounds,
    bench: &'b Bench<'b>,
}

/// A class on all sides. The floor and Sepia have files of notes that are measured, and empty files beside them, which
/// nothing reads: a disk of a few gigabytes has room for two millions. Peers have as many notes.
struct Class {
    count: usize,
    store: Fresh<Store>,
    /// The same, which waits for the disk.
    durable: Store,
    floor: Folders,
    log: Log,
    peers: Vec<Named>,
    /// Those that are there, from everywhere in the class.
    notes: Vec<Note>,
    albums: Vec<Folder>,
}

/// Numbers of notes that are measured, as far apart as can be.
fn numbers(count: usize, of: usize) -> impl Iterator<Item = usize> {
    (0..of).map(move |at| at * (count / of))
}

impl Class {
    fn new(bench: &Bench<'_>, count: usize) -> Result<Self> {
        let measured = bench.growth_rounds().operations();
        let step = count / measured;
        let notes: Vec<_> = numbers(count, measured).map(Note::numbered).collect();
        let (store, class) = super::both_with(bench, &notes)?;
        let stored = Directory::open(&store.path().join(Note::CLASS))?;
        for number in (0..count).filter(|number| number % step > 0 || number / step >= measured) {
            let id = Note::id_of(number);
            stored.make_bare(id.as_str(), b"")?;
            class.make_bare(id.as_str(), b"")?;
        }
        let peers = bench.peers.iter().copied().filter(|peer| peer.holds_millions());
        let peers = bench.open(peers, Durability::Buffered)?;
        for (_, peer) in each(&peers) {
            for first in (0..count).step_by(AT_ONCE) {
                let notes: Vec<_> = (first..count.min(first + AT_ONCE)).map(Note::numbered).collect();
                peer.save_all(&notes, Vec::new())?;
            }
        }
        let log = Log::new(class.path(), 1 << 20)?;
        let floor = Folders { folders: class.another_class(Album::CLASS)?, notes: class };
        let album = |number: usize| Folder {
            id: format!("folder-{number:06}"),
            cover: Cover::numbered(number),
            notes: Notes::Owned((0..LINKS).map(|at| notes[(number * LINKS + at) % measured].clone()).collect()),
        };
        let albums: Vec<_> = (0..measured).map(album).collect();
        let durable = store.with_durability(Durability::Sync);
        Ok(Self { count, store, durable, floor, log, peers, notes, albums })
    }
}

/// How a peer does an operation, if it is one that peers do.
type ByPeer<'a> = &'a dyn Fn(&dyn Database, &Class, usize) -> Result;

/// How many notes an album has.
const LINKS: usize = 10;

/// How many notes are made at once on the side of a peer.
const AT_ONCE: usize = 10_000;

impl<'b> Classes<'b> {
    fn new(bench: &'b Bench<'b>) -> Result<Self> {
        let [small, large] = bench.growth();
        let (small, large) = (Class::new(bench, small)?, Class::new(bench, large)?);
        Ok(Self { small, large, rounds: bench.growth_rounds(), bench })
    }

    /// Measures an operation that all sides do in both classes.
    fn measure(
        &self,
        sepia: impl Fn(&Class, usize) -> Result,
        floor: impl Fn(&Class, usize) -> Result,
        peer: Option<ByPeer<'_>>,
    ) -> Result<Row> {
        let race = self.large.join(Race::default(), LARGE, &sepia, &floor, peer);
        self.small.join(race, SMALL, &sepia, &floor, peer).run(self.rounds)
    }
}

impl Class {
    /// Has all sides of this class do an operation in a race.
    fn join<'r>(
        &'r self,
        mut race: Race<'r>,
        prefix: &str,
        sepia: &'r impl Fn(&Class, usize) -> Result,
        floor: &'r impl Fn(&Class, usize) -> Result,
        peer: Option<ByPeer<'r>>,
    ) -> Race<'r> {
        race = race.side(format!("{prefix}sepia"), move |at| sepia(self, at));
        race = race.side(format!("{prefix}floor"), move |at| floor(self, at));
        if let Some(peer) = peer {
            for (name, database) in each(&self.peers) {
                race = race.side(format!("{prefix}{name}"), move |at| peer(database, self, at));
            }
        }
        race
    }
}

fn load(classes: &Classes<'_>) -> Result<Row> {
    classes.measure(
        |class, at| {
            black_box(class.store.load::<Note>(&class.notes[at].id)?);
            Ok(())
        },
        |class, at| {
            black_box(floor::read(&class.floor.notes, &class.notes[at].id)?);
            Ok(())
        },
        Some(&|peer, class, at| {
            black_box(peer.load(&class.notes[at].id)?);
            Ok(())
        }),
    )
}

fn unchanged(classes: &Classes<'_>) -> Result<Row> {
    classes.measure(
        |class, at| Ok(class.store.save(&class.notes[at])?),
        |class, at| {
            assert!(floor::is_stored(&class.floor.notes, &class.notes[at], &mut Vec::new())?);
            Ok(())
        },
        Some(&|peer, class, at| {
            assert!(peer.is_stored(&class.notes[at], &mut Vec::new())?);
            Ok(())
        }),
    )
}

fn exists(classes: &Classes<'_>) -> Result<Row> {
    classes.measure(
        |class, at| {
            assert!(class.store.exists(&class.notes[at].id)?);
            Ok(())
        },
        |class, at| {
            assert!(class.floor.notes.exists(class.notes[at].id.as_str())?);
            Ok(())
        },
        None,
    )
}

/// One class after the other: a million ids that are freed leave work for whoever allocates next. The small class is
/// listed many times in a round, so that both are measured, and warmed up, for a comparable time.
fn list(classes: &Classes<'_>) -> Result<Row> {
    let check = |class: &Class, count: usize| {
        assert_eq!(count, class.count);
        Ok(())
    };
    let sepia = |class: &Class, _: usize| check(class, class.store.ids::<Note>()?.len());
    let floor = |class: &Class, _: usize| check(class, class.floor.notes.names()?.len());
    let peer = |peer: &dyn Database, class: &Class, _: usize| check(class, peer.ids()?.len());
    let row = |prefix: &str, class: &Class| -> Result<Row> {
        let race = class.join(Race::default(), prefix, &sepia, &floor, Some(&peer));
        let size = (classes.large.count / class.count).min(20);
        Ok(race.run(Rounds { count: 6, size })?.per(class.count))
    };
    Ok(row(SMALL, &classes.small)?.and(row(LARGE, &classes.large)?))
}

fn new(classes: &Classes<'_>) -> Result<Row> {
    let note = |class: &Class, at| Note::numbered(class.count + at);
    classes.measure(
        |class, at| Ok(class.store.save(&note(class, at))?),
        |class, at| floor::make(&class.floor.notes, &note(class, at), &mut Vec::new()),
        Some(&|peer, class, at| peer.save(&note(class, at), &mut Vec::new())),
    )
}

fn durable(classes: &Classes<'_>) -> Result<Row> {
    let first = classes.bench.growth_rounds().operations();
    let note = |class: &Class, at| Note::numbered(class.count + first + at);
    classes.measure(
        |class, at| Ok(class.durable.save(&note(class, at))?),
        |class, at| {
            super::durable::append_and_make(&class.floor.notes, &note(class, at), &mut Vec::new(), |entry| {
                class.log.append(entry)
            })
        },
        None,
    )
}

fn new_folder(classes: &Classes<'_>) -> Result<Row> {
    classes.measure(
        |class, at| Ok(class.store.save(&album(class, at))?),
        |class, at| class.floor.make(&class.albums[at]),
        None,
    )
}

/// Those that were not saved before are.
fn load_folder(classes: &Classes<'_>) -> Result<Row> {
    let loaded = |number: usize| format!("loaded-{number:06}");
    let count = 200.min(classes.rounds.operations());
    for class in [&classes.small, &classes.large] {
        for at in 0..count {
            let folder = Folder { id: loaded(at), ..class.albums[at].clone() };
            class.floor.make(&folder)?;
            class.store.save(&Album::from(folder))?;
        }
    }
    classes.measure(
        |class, at| {
            black_box(class.store.load::<Album>(loaded(at % count))?);
            Ok(())
        },
        |class, at| {
            black_box(Album::from(class.floor.load::<Album>(&loaded(at % count).into())?));
            Ok(())
        },
        None,
    )
}

fn album(class: &Class, at: usize) -> Album {
    class.albums[at].clone().into()
}

fn overwrite(classes: &Classes<'_>) -> Result<Row> {
    classes.measure(
        |class, at| Ok(class.store.save(&class.notes[at].revised())?),
        |class, at| floor::replace(&class.floor.notes, &class.notes[at].revised(), &mut Vec::new()),
        Some(&|peer, class, at| peer.save(&class.notes[at].revised(), &mut Vec::new())),
    )
}
