//! The power goes: what a disk may have kept of the calls that were made.
//!
//! The disk is a model: what a sync covers is there; of the rest, each sector of a file and each entry of a
//! directory has independently reached the disk or not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sepia::backend::fault::{self, Event};
use sepia::backend::{Backend, Filesystem};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entry, Key, Record};

use crate::scenario::{Act, board, commit, draft, note};
use crate::support::{
    Contents, Random, child, command, container, contents, difference, directory, entries, in_parallel, key, leaf,
    link, open, open_to_read, place,
};

const SECTOR: usize = 512;

/// A file: what is on the disk, and what was done since.
#[derive(Clone, Debug, Default)]
struct File {
    kept: Vec<u8>,
    since: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                content.resize(content.len().max(at + bytes.len()), 0);
                content[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Length(length) => content.resize(*length, 0),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Thing {
    File(usize),
    Link(String),
    Directory(usize),
}

/// What has stood under a name since the directory was last synced; first what is on the disk.
type Names = BTreeMap<String, Vec<Option<Thing>>>;

#[derive(Clone, Debug)]
struct Disk {
    root: String,
    files: Vec<File>,
    inodes: BTreeMap<[u64; 2], usize>,
    directories: Vec<Names>,
}

impl Disk {
    fn new(root: &Path) -> Self {
        let root = root.to_str().unwrap().to_owned();
        Self { root, files: Vec::new(), inodes: BTreeMap::new(), directories: vec![Names::new()] }
    }

    fn split<'a>(&self, path: &'a str) -> (usize, &'a str) {
        let below = path.strip_prefix(&self.root).unwrap().trim_start_matches('/');
        let (way, name) = below.rsplit_once('/').unwrap_or(("", below));
        (self.directory(way), name)
    }

    fn directory(&self, way: &str) -> usize {
        way.split('/').filter(|name| !name.is_empty()).fold(0, |at, name| match self.look(at, name) {
            Some(Thing::Directory(inner)) => *inner,
            other => panic!("{way}: {other:?}"),
        })
    }

    fn look(&self, directory: usize, name: &str) -> Option<&Thing> {
        self.directories[directory].get(name)?.last()?.as_ref()
    }

    fn set(&mut self, path: &str, thing: Option<Thing>) {
        let (directory, name) = self.split(path);
        self.directories[directory].entry(name.to_owned()).or_insert_with(|| vec![None]).push(thing);
    }

    fn make(&mut self, inode: [u64; 2]) -> usize {
        self.files.push(File::default());
        self.inodes.insert(inode, self.files.len() - 1);
        self.files.len() - 1
    }

    fn file(&self, inode: [u64; 2]) -> usize {
        self.inodes[&inode]
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::MakeDirectory(path) => {
                self.directories.push(Names::new());
                self.set(path, Some(Thing::Directory(self.directories.len() - 1)));
            }
            Event::MakeLink(path, target) => self.set(path, Some(Thing::Link(target.clone()))),
            Event::MakeUnnamed(inode) => {
                self.make(*inode);
            }
            Event::MakeFile(path, inode) => {
                let file = self.make(*inode);
                self.set(path, Some(Thing::File(file)));
            }
            Event::Name(inode, path) => {
                let file = self.file(*inode);
                self.set(path, Some(Thing::File(file)));
            }
            Event::Write(inode, at, bytes) => {
                let file = self.file(*inode);
                self.files[file].since.push(Change::Write(*at as usize, bytes.clone()));
            }
            Event::SetLength(inode, length) => {
                let file = self.file(*inode);
                self.files[file].since.push(Change::Length(*length as usize));
            }
            Event::Rename(from, to) => {
                let (directory, name) = self.split(from);
                let moved = self.look(directory, name).cloned();
                self.set(to, moved);
                self.set(from, None);
            }
            Event::Remove(path) => self.set(path, None),
            Event::SyncFile(inode) => {
                let file = self.file(*inode);
                self.files[file].sync();
            }
            Event::SyncDirectory(path) => {
                let below = path.strip_prefix(&self.root).unwrap();
                let directory = self.directory(below);
                sync(&mut self.directories[directory]);
            }
            Event::SyncAll => {
                self.files.iter_mut().for_each(File::sync);
                self.directories.iter_mut().for_each(sync);
            }
        }
    }

    /// Makes a tree of what the disk may have kept.
    fn write(&self, to: &Path, random: &mut Random) {
        let mut made = BTreeMap::new();
        self.write_directory(0, to, random, &mut made);
    }

    fn write_directory(&self, directory: usize, to: &Path, random: &mut Random, made: &mut BTreeMap<usize, Vec<u8>>) {
        fs::create_dir(to).unwrap();
        for (name, stood) in &self.directories[directory] {
            let place = to.join(name);
            match &stood[random.skewed(stood.len())] {
                None => {}
                Some(Thing::Link(target)) => std::os::unix::fs::symlink(target, place).unwrap(),
                Some(Thing::Directory(inner)) => self.write_directory(*inner, &place, random, made),
                Some(Thing::File(file)) => {
                    let content = made.entry(*file).or_insert_with(|| self.files[*file].content(random));
                    fs::write(place, content).unwrap();
                }
            }
        }
    }
}

fn sync(names: &mut Names) {
    for stood in names.values_mut() {
        *stood = stood.split_off(stood.len() - 1);
    }
}

impl File {
    fn sync(&mut self) {
        for change in self.since.drain(..) {
            change.apply(&mut self.kept);
        }
    }

    /// Of each sector, some version since the last sync. A file that has grown has any length up to its
    /// own that ends a sector, and zeros where nothing was written.
    fn content(&self, random: &mut Random) -> Vec<u8> {
        let mut versions = vec![self.kept.clone()];
        // Old versions of a sector differ little from each other: a few stand for all.
        let picked = random.skewed(self.since.len() + 1);
        for at in BTreeSet::from([picked, self.since.len()]) {
            let mut version = self.kept.clone();
            self.since[..at].iter().for_each(|change| change.apply(&mut version));
            versions.push(version);
        }
        let (newest, oldest) = (&versions[versions.len() - 1], &self.kept);
        let length = match random.below(4) {
            0 => oldest.len(),
            1 if newest.len() > oldest.len() => {
                let cut = oldest.len() + random.below(newest.len() - oldest.len());
                (cut / SECTOR * SECTOR).max(oldest.len())
            }
            _ => newest.len(),
        };
        let torn = random.below(3) > 0;
        let whole = random.below(versions.len());
        let mut content = vec![0; length];
        for (number, sector) in content.chunks_mut(SECTOR).enumerate() {
            let mut version = &versions[if torn { random.below(versions.len()) } else { whole }];
            let at = number * SECTOR;
            if newest.len() < oldest.len() {
                // A file that has been cut off has its old length and all of its content, or the new one.
                version = oldest;
            }
            if at < version.len() {
                let end = version.len().min(at + sector.len());
                sector[..end - at].copy_from_slice(&version[at..end]);
            }
        }
        content
    }
}

/// What was done, and where in the record it was confirmed.
struct Done {
    act: Act,
    confirmed: usize,
}

fn act(random: &mut Random, durability: Durability, known: &Contents) -> Act {
    // Until something has been committed, there is nothing to lose.
    if !known.is_empty() && random.below(10) == 0 {
        return Act::Checkpoint;
    }
    commit(durability, |batch| {
        [note(), board(), draft()].iter().for_each(|class| batch.declare(class).unwrap());
        for _ in 0..=random.below(4) {
            step(batch, random, known);
        }
    })
}

fn step(batch: &mut Batch, random: &mut Random, known: &Contents) {
    let id = format!("{}", random.below(6));
    let class = ["Note", "Note", "Board", "Draft"][random.below(4)];
    let stored = key(class, &if class == "Draft" { format!("d.{id}") } else { id.clone() });
    if random.below(4) == 0 && (known.contains_key(&stored) || random.below(4) == 0) {
        return batch.delete(stored, Expect::Any);
    }
    let text = format!("{}", random.below(1000));
    let record = match class {
        "Board" => {
            let links: Vec<_> = (0..=random.below(3)).map(|at| format!("{at:04}_n")).collect();
            let list = links.iter().map(|name| (&**name, link("Note", &text))).collect();
            let nested = crate::support::node(&text, vec![("inner", link("Note", "0"))]);
            let turn = if random.below(2) == 0 { link("Note", &id) } else { Entry::Container(nested) };
            container(&text, vec![("list", Entry::Collection(entries(list))), ("turn", turn)])
        }
        _ => leaf(&text.repeat([0, 1, 1, 700, 3000][random.below(5)])),
    };
    batch.put(stored, record, Expect::Any);
}

/// One history, and some states that it may leave on the disk.
#[test]
fn loses_power() {
    let Some(words) = child() else { return };
    let (seed, states): (u64, usize) = (words[0].parse().unwrap(), words[1].parse().unwrap());
    let (mixed, many) = (words[2] != "durable", words[2] == "many");
    let mut random = Random::new(seed);
    let scratch = directory();
    let path = place(&scratch);
    fs::create_dir(&path).unwrap();
    fault::record();
    let mut backend = open(&path).unwrap();
    let (mut history, mut known): (Vec<Done>, Contents) = (Vec::new(), Contents::new());
    for number in 0..14 {
        let durability =
            if mixed && number > 0 && random.below(2) == 0 { Durability::Buffered } else { Durability::Sync };
        let act =
            if many && number % 4 == 1 { leaves(number, durability) } else { act(&mut random, durability, &known) };
        act.run(&backend).unwrap();
        act.apply(&mut known);
        history.push(Done { act, confirmed: fault::position() });
        if random.below(8) == 0 {
            drop(backend);
            backend = open(&path).unwrap();
        }
    }
    drop(backend);
    let events = fault::recorded();
    // What is being made has nothing to lose until its first commit.
    let first = history[0].confirmed;
    for state in 0..states {
        let at = first + random.below(events.len() + 1 - first);
        let mut disk = Disk::new(&path);
        events[..at].iter().for_each(|event| disk.apply(event));
        let what = format!("seed {seed}, mixed {mixed}, state {state}, after {at} of {} calls", events.len());
        let lost = scratch.path().join("lost");
        disk.write(&lost, &mut random);
        let copied = scratch.path().join("copied");
        crate::support::copy(&lost, &copied);
        let kept = Kept::new(&history, at);
        kept.check(&format!("{what}, read"), open_to_read(&lost));
        let found = kept.check(&what, open(&lost));
        if let Some(found) = found {
            // And after another loss, of nothing but what a recovery does.
            lose_again(&what, &copied, &kept, &found, &mut random);
        }
        fs::remove_dir_all(lost).unwrap();
        fs::remove_dir_all(copied).unwrap();
    }
    println!("\nheld");
}

/// The power goes again while what it left is recovered, and after a commit that follows.
fn lose_again(what: &str, path: &Path, kept: &Kept, found: &Contents, random: &mut Random) {
    let scratch = directory();
    fault::record();
    let mut disk = Disk::new(path);
    disk.load(path, 0);
    let backend = open(path).unwrap();
    let recovered = fault::position();
    let act = commit(Durability::Sync, |batch| {
        [note(), board()].iter().for_each(|class| batch.declare(class).unwrap());
        batch.put(key("Note", "0"), leaf("later"), Expect::Any);
        batch.put(key("Board", "later"), container("{}\n", vec![]), Expect::Any);
    });
    act.run(&backend).unwrap();
    drop(backend);
    let events = fault::recorded();
    for round in 0..3 {
        let at = if round == 0 { events.len() } else { random.below(events.len() + 1) };
        let mut disk = disk.clone();
        events[..at].iter().for_each(|event| disk.apply(event));
        let lost = scratch.path().join("lost");
        disk.write(&lost, random);
        let what =
            format!("{what}, and again after {at} of {} calls, {recovered} of them the recovery's", events.len());
        let mut wanted = found.clone();
        if at == events.len() {
            act.apply(&mut wanted);
            let found = contents(&open(&lost).unwrap_or_else(|error| panic!("{what}: {error}"))).unwrap();
            assert!(found == wanted || kept.is_loose, "{what}: {}", difference(&wanted, &found));
        } else if at <= recovered {
            kept.check(&what, open(&lost));
        }
        fs::remove_dir_all(lost).unwrap();
    }
}

impl Disk {
    /// Takes what stands in a directory for kept.
    fn load(&mut self, from: &Path, directory: usize) {
        use std::os::unix::fs::MetadataExt;
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let (place, meta) = (entry.path(), fs::symlink_metadata(entry.path()).unwrap());
            let thing = if meta.is_symlink() {
                Thing::Link(fs::read_link(&place).unwrap().to_str().unwrap().to_owned())
            } else if meta.is_dir() {
                self.directories.push(Names::new());
                let inner = self.directories.len() - 1;
                self.load(&place, inner);
                Thing::Directory(inner)
            } else {
                let file = self.make([meta.dev(), meta.ino()]);
                self.files[file].kept = fs::read(&place).unwrap();
                Thing::File(file)
            };
            self.directories[directory].insert(entry.file_name().into_string().unwrap(), vec![Some(thing)]);
        }
    }
}

/// What must have been kept.
struct Kept {
    /// One of these.
    states: Vec<Contents>,
    /// But for these keys: the disk need not have them yet.
    loose: BTreeSet<Key>,
    is_loose: bool,
}

impl Kept {
    fn new(history: &[Done], at: usize) -> Self {
        let confirmed = history.iter().filter(|done| done.confirmed <= at).count();
        let is_durable = |act: &Act| match act {
            Act::Commit(batch) => batch.durability() == Durability::Sync,
            Act::Checkpoint => true,
        };
        let synced = history[..confirmed].iter().rposition(|done| is_durable(&done.act)).map_or(0, |at| at + 1);
        let mut states = vec![Contents::new()];
        history[..synced].iter().for_each(|done| done.act.apply(&mut states[0]));
        let mut loose = BTreeSet::new();
        let flying = &history[synced..history.len().min(confirmed + 1)];
        if let [only] = flying
            && is_durable(&only.act)
        {
            states.push(states[0].clone());
            only.act.apply(&mut states[1]);
        } else {
            for done in flying {
                let Act::Commit(batch) = &done.act else { continue };
                loose.extend(batch.steps().iter().map(|step| step.key.clone()));
            }
        }
        let is_loose = !loose.is_empty();
        Self { states, loose, is_loose }
    }

    /// Returns what is stored, if all of it can be foretold.
    fn check(&self, what: &str, backend: sepia::Result<Filesystem>) -> Option<Contents> {
        let backend = backend.unwrap_or_else(|error| panic!("{what}: {error}"));
        if self.is_loose {
            for (key, record) in self.states[0].iter().filter(|(key, _)| !self.loose.contains(key)) {
                let found: Option<Record> = backend.read(key).unwrap_or_else(|error| panic!("{what}: {key}: {error}"));
                assert!(found.as_ref() == Some(record), "{what}: {key} is lost: {found:?} instead of {record:?}");
            }
            return None;
        }
        let found = contents(&backend).unwrap_or_else(|error| {
            panic!("{what}: {error} {:?}", std::error::Error::source(&error).map(ToString::to_string))
        });
        let edited = backend.recovered().map(|recovered| recovered.edited).unwrap_or_default();
        assert!(edited.is_empty(), "{what}: nobody has edited {edited:?}");
        assert!(
            self.states.contains(&found),
            "{what}: neither of {} states: {}",
            self.states.len(),
            self.states.iter().map(|state| difference(state, &found)).collect::<Vec<_>>().join(" and ")
        );
        Some(found)
    }
}

/// So many new leaves that two threads carry them out, of a class that is declared with the first of them.
fn leaves(number: usize, durability: Durability) -> Act {
    commit(durability, |batch| {
        let class = Class::serializable("Many", Format::Text);
        batch.declare(&class).unwrap();
        (0..600).for_each(|id| batch.put(key("Many", &format!("{number}-{id}")), leaf("one of many"), Expect::Any));
    })
}

/// A commit that nobody waits for, of some notes.
fn notes(notes: &[(&str, &str)]) -> Act {
    commit(Durability::Buffered, |batch| {
        batch.declare(&note()).unwrap();
        notes.iter().for_each(|(id, text)| batch.put(key("Note", id), leaf(text), Expect::Any));
    })
}

/// A frame that is made void by a commit without one need not be void on the disk. If something is moved away
/// afterwards, that frame would put its first version back.
#[test]
fn moves_away() {
    let Some(words) = child() else { return };
    let mut random = Random::new(words[0].parse().unwrap());
    let scratch = directory();
    let path = place(&scratch);
    fs::create_dir(&path).unwrap();
    fault::record();
    let backend = open(&path).unwrap();
    notes(&[("a", "first"), ("b", "first")]).run(&backend).unwrap();
    let framed = fault::position();
    notes(&[("b", "second")]).run(&backend).unwrap();
    fs::remove_file(path.join("Note/b")).unwrap();
    std::os::unix::fs::symlink("a", path.join("Note/b")).unwrap();
    let mut problems = Vec::new();
    backend.upkeep().examine(&mut |problem| problems.push(problem)).unwrap();
    assert!(backend.upkeep().mend(&problems[0]).unwrap().is_some(), "{problems:?}");
    drop(backend);
    let (mut disk, events) = (Disk::new(&path), fault::recorded());
    let (before, since) = events.split_at(framed);
    // The system has written all that there was, as it does after a while.
    before.iter().chain([&Event::SyncAll]).chain(since).for_each(|event| disk.apply(event));
    for state in 0..32 {
        let lost = scratch.path().join("lost");
        disk.write(&lost, &mut random);
        let backend = open(&lost).unwrap();
        assert_eq!(backend.read(&key("Note", "b")).unwrap(), None, "it came back in state {state}");
        fs::remove_dir_all(lost).unwrap();
    }
    println!("\nheld");
}

#[test]
fn what_was_moved_away_does_not_come_back() {
    let output = command("power::moves_away", &["1"]).output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("\nheld\n"), "{text}");
}

fn lose(histories: usize, first: u64, states: usize, kinds: [&str; 2]) {
    in_parallel(histories, |number| {
        let seed = first + number as u64;
        let kind = kinds[number % 2];
        let output = command("power::loses_power", &[&seed.to_string(), &states.to_string(), kind]).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success() && text.contains("\nheld\n"), "seed {seed}, {kind}\n{text}");
    });
}

#[test]
fn the_power_goes() {
    lose(8, 0, 10, ["durable", "mixed"]);
}

#[test]
fn the_power_goes_while_two_threads_make_leaves() {
    lose(2, 24, 4, ["many", "many"]);
}

#[test]
#[ignore = "long"]
fn the_power_goes_while_two_threads_make_leaves_for_long() {
    lose(8, 24, 12, ["many", "many"]);
}

#[test]
#[ignore = "two minutes"]
fn the_power_goes_again_and_again() {
    let first = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    lose(400, first * 1000, 40, ["durable", "mixed"]);
}
