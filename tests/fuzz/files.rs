//! Stores of files: the journal, the state, hints, what is handed on to followers, the list of classes, and what else may
//! stand in their places.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use sepia::backend::{Backend, Filesystem, OpenOptions};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Key, Record};
use sepia::{Result, Store};

use crate::corpus;
use crate::craft;
use crate::machine::{self, Random, Round, Target};
use crate::mutate;

struct Private(&'static str);
struct Places;

/// Opens a store as most do, without waiting for long.
fn open(path: &Path, read_only: bool) -> Result<Filesystem> {
    let mut options = OpenOptions::default();
    options.read_only = read_only;
    options.lock_timeout = Duration::from_millis(300);
    Filesystem::open(path, &options)
}

/// Does whatever can be done with a store.
pub fn use_store(round: &mut Round) {
    let path = round.place();
    for read_only in [true, false] {
        let opened = round.run("open", || open(&path, read_only));
        let Ok(backend) = opened else { continue };
        read_everything(round, &backend);
        let _ = round.run("track", || backend.track().and_then(|mut track| track.changed()));
        if read_only {
            continue;
        }
        for durability in [Durability::Buffered, Durability::Sync] {
            let _ = round.run("commit", || commit(&backend, durability));
        }
        let _ = round.run("checkpoint", || backend.checkpoint());
    }
    let builder = Store::builder().lock_timeout(Duration::from_millis(300));
    let verify = |store: Result<Store>| store.and_then(|store| store.verify().run().map(drop));
    let _ = round.run("verify", || verify(builder.clone().read_only().open(&path)));
    let _ = round.run("repair", || builder.open(&path).and_then(|store| store.verify().repair().run().map(drop)));
    let _ = round.run("verify", || verify(builder.open(&path)));
    let _ = round.run("adopt", || builder.clone().adopt_existing().open(&path).map(drop));
    if let Ok(backend) = round.run("open", || open(&path, false)) {
        read_everything(round, &backend);
    }
}

fn read_everything(round: &mut Round, backend: &dyn Backend) {
    let Ok(classes) = round.run("classes", || backend.classes()) else { return };
    for class in classes.iter().take(20) {
        let mut keys = Vec::new();
        let _ = round.run("list", || {
            backend.ids(class.name(), &mut |id| {
                keys.extend(Key::new(class.name(), id));
                if keys.len() < 100 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        });
        for key in &keys {
            let _ = round.run("read", || backend.read(key));
            let _ = round.run("contains", || backend.contains(key));
            let _ = round.run("links", || backend.links(key));
            let _ = round.run("stat", || backend.stat(key));
            let base = key.generation().0;
            let _ = round.run("newest", || backend.newest(&base));
            let _ = round.run("generations", || backend.generations(&base));
        }
    }
    let _ = round.run("moment", || backend.moment());
}

fn commit(backend: &dyn Backend, durability: Durability) -> Result<()> {
    let put = |batch: &mut Batch, class: &str, id: &str| {
        Key::new(class, id).map(|key| batch.put(key, Record::Leaf(b"saved".to_vec()), Expect::Any))
    };
    let mut batch = Batch::new();
    batch.set_durability(durability);
    batch.declare(&Class::serializable("Note", Format::Text))?;
    put(&mut batch, "Note", "saved")?;
    backend.commit(batch.clone())?;
    batch.declare(&Class::serializable("Draft", Format::Text).with_generations())?;
    put(&mut batch, "Note", "a")?;
    put(&mut batch, "Draft", "d.7")?;
    batch.delete(Key::new("Note", "b")?, Expect::Any);
    backend.commit(batch)
}

impl Target for Private {
    fn prepare(&self, round: &mut Round) {
        let path = round.place();
        machine::copy(corpus::template(round.random.below(corpus::TEMPLATES)), &path);
        // A state that was made here is believed.
        let is_believed = round.random.once_in(2);
        if is_believed {
            drop(open(&path, false).unwrap());
        }
        let file = path.join(".sepia").join(self.0);
        let all = corpus::all(self.0);
        let kept = fs::read(&file).ok().filter(|kept| !kept.is_empty() && round.random.once_in(2));
        let mut bytes = kept.unwrap_or_else(|| round.random.pick(&all).clone());
        change(self.0, &mut round.random, &mut bytes, &all);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        craft::write_in_place(&file, &bytes);
        if self.0 == "journal" || self.0 == "state" {
            // The other one, too, and as if it went with it.
            let journal = fs::read(path.join(".sepia/journal")).unwrap_or_default();
            let state = path.join(".sepia/state");
            match round.random.below(3) {
                0 => drop(fs::remove_file(&state)),
                1 => {}
                _ => {
                    if let Ok(mut bytes) = fs::read(&state) {
                        let end = mutate::end_of_frames(&journal, &mut round.random);
                        mutate::state(&mut round.random, &mut bytes, end);
                        craft::seal_state(&mut bytes);
                        craft::write_in_place(&state, &bytes);
                    }
                }
            }
        }
        round.input = 4 * bytes.len() as u64;
        round.tell(format!("{} bytes of {}, believed: {is_believed}", bytes.len(), self.0));
    }

    fn try_everything(&self, round: &mut Round) {
        use_store(round);
    }
}

fn change(name: &str, random: &mut Random, bytes: &mut Vec<u8>, all: &[Vec<u8>]) {
    match name {
        "journal" if random.once_in(2) => {
            *bytes = craft::journal(&mutate::frames(random));
            if random.once_in(4) {
                mutate::bytes(random, bytes, all);
                mutate::seal_frames(bytes);
            }
        }
        "journal" => {
            mutate::bytes(random, bytes, all);
            if random.once_in(2) {
                mutate::seal_frames(bytes);
            }
        }
        "state" => {
            if random.once_in(2) {
                mutate::state(random, bytes, 64);
            } else {
                mutate::bytes(random, bytes, all);
            }
            if !random.once_in(4) {
                craft::seal_state(bytes);
                mutate::seal_buckets(bytes);
            }
        }
        _ => mutate::bytes(random, bytes, all),
    }
}

impl Target for Places {
    /// Puts links, pipes, directories and endless files where others belong.
    fn prepare(&self, round: &mut Round) {
        let path = round.place();
        machine::copy(corpus::template(round.random.below(corpus::TEMPLATES)), &path);
        const PLACES: [&str; 16] = [
            ".sepia/journal",
            ".sepia/state",
            ".sepia/format.json",
            ".sepia/followed",
            ".sepia/tmp",
            ".sepia/tmp/1",
            ".sepia/latest",
            ".sepia/latest/Draft",
            ".sepia/latest/Draft/d",
            ".sepia/latest/.Draft",
            ".sepia/conflicts",
            ".sepia/quarantine",
            "Note",
            "Note/a",
            "Board/work",
            "Board/work/data.json",
        ];
        for _ in 0..1 + round.random.below(3) {
            let place = *round.random.pick(&PLACES);
            let file = path.join(place);
            // Nothing is put through a link that stands on the way: that would be outside the store.
            let parent = file.parent().unwrap();
            let is_within = || parent.canonicalize().unwrap().starts_with(path.canonicalize().unwrap());
            if fs::create_dir_all(parent).is_err() || !is_within() {
                continue;
            }
            let _ =
                if file.is_dir() && !file.is_symlink() { fs::remove_dir_all(&file) } else { fs::remove_file(&file) };
            let canary = round.canary();
            let kind = round.random.below(8);
            let done = match kind {
                0 => std::os::unix::fs::symlink(canary.join("secret"), &file),
                1 => std::os::unix::fs::symlink(&canary, &file),
                2 => std::os::unix::fs::symlink(canary.join("new"), &file),
                3 | 4 => fs::hard_link(canary.join("secret"), &file),
                5 => fs::create_dir(&file),
                6 => std::os::unix::net::UnixListener::bind(&file).map(drop),
                _ => fs::File::create(&file).and_then(|file| file.set_len(1 << 40)),
            };
            round.tell(format!("{kind} as {place}: {done:?}"));
        }
    }

    fn try_everything(&self, round: &mut Round) {
        use_store(round);
    }
}

#[test]
fn journals() {
    machine::quick("journal", &Private("journal"), 100);
}

#[test]
fn states() {
    machine::quick("state", &Private("state"), 100);
}

#[test]
fn hints() {
    machine::quick("hint", &Private("latest/Draft/d"), 60);
    machine::quick("marker", &Private("latest/.Draft"), 60);
}

#[test]
fn followed() {
    machine::quick("followed", &Private("followed"), 80);
}

#[test]
fn lists_of_classes() {
    machine::quick("format.json", &Private("format.json"), 300);
}

#[test]
fn places() {
    machine::quick("places", &Places, 80);
}

#[test]
#[ignore = "as long as SEPIA_FUZZ_SECONDS says, for each of seven"]
fn files_for_long() {
    for name in ["journal", "state", "latest/Draft/d", "latest/.Draft", "followed", "format.json"] {
        machine::long(name, &Private(name));
    }
    machine::long("places", &Places);
}
