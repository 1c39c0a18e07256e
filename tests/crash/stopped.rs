//! Readers beside a writer that was stopped anywhere, and holds the lock: none of them waits, and none sees half of
//! anything.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use sepia::backend::fault::{self, Fault};
use sepia::backend::{Backend, Filesystem, OpenOptions};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::Record;
use sepia::{Container, ErrorKind, Id, Serializable, Store};

use crate::support::{child, directory, key, leaf, open, place, spawn};

#[derive(Serializable, Debug, PartialEq, Eq)]
pub struct Count {
    pub id: Id<Count>,
    pub number: u64,
}

#[derive(Container, Debug, PartialEq)]
pub struct Shelf {
    pub id: Id<Shelf>,
    pub counts: Vec<Count>,
}

/// What the writer does that is stopped.
const ACTS: [&str; 6] = ["new leaf", "changed leaf", "removed leaf", "leaf after a frame", "container", "two leaves"];

pub fn count(id: &str, number: u64) -> Count {
    Count { id: id.into(), number }
}

fn shelf(number: u64) -> Shelf {
    Shelf { id: "shelf".into(), counts: vec![count("a", number), count("b", number)] }
}

fn buffered(path: &Path) -> Store {
    Store::builder().durability(Durability::Buffered).lock_timeout(Duration::from_millis(50)).open(path).unwrap()
}

/// Acts, and stops itself at a step.
#[test]
fn acts() {
    let Some(words) = child() else { return };
    let (store, act, step) = (buffered(Path::new(&words[0])), &*words[1], words[2].parse().unwrap());
    if act == "leaf after a frame" {
        store.transaction(|tx| tx.save(&count("x", 0)).and_then(|()| tx.save(&count("y", 0)))).unwrap();
    } else if act != "container" {
        // No frame is left.
        store.overwrite(&count("x", 5)).unwrap();
    }
    fault::arm(step, Fault::Stop);
    match act {
        "new leaf" => store.save(&count("new", 1)).unwrap(),
        "changed leaf" | "leaf after a frame" => store.overwrite(&count("a", 1)).unwrap(),
        "removed leaf" => assert!(store.delete::<Count>("c").unwrap()),
        "container" => store.overwrite(&shelf(1)).unwrap(),
        _ => store.transaction(|tx| tx.overwrite(&count("a", 1)).and_then(|()| tx.overwrite(&count("b", 1)))).unwrap(),
    }
    println!("\nsteps {}", fault::disarm());
}

/// Waits until a process stops itself, or ends; returns whether it has stopped.
pub(super) fn stops(child: &mut Child) -> bool {
    let start = Instant::now();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let status = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        if status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')) {
            return true;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "the process neither stops nor ends");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Snapshots took the lock to learn whether a single operation was under way, and were `Locked` beside a writer that was
/// stopped within one.
#[test]
#[cfg(target_os = "linux")]
fn snapshots_beside_a_writer_that_was_stopped_anywhere() {
    for act in ACTS {
        let (mut step, mut held) = (0, 0);
        loop {
            let scratch = directory();
            let path = place(&scratch);
            let store = buffered(&path);
            store.save(&shelf(0)).unwrap();
            store.save(&count("c", 0)).unwrap();
            let words = [path.to_str().unwrap(), act, &step.to_string()];
            let mut writer = spawn("stopped::acts", &words);
            if !stops(&mut writer) {
                let output = writer.wait_with_output().unwrap();
                assert!(output.status.success(), "{act}: {}", String::from_utf8_lossy(&output.stderr));
                break;
            }
            let what = format!("{act}, step {step}");
            // It stops in the middle of a commit: whoever would write waits.
            held += usize::from(matches!(store.overwrite(&count("z", 9)), Err(e) if e.kind() == ErrorKind::Locked));
            for reader in [store, Store::builder().read_only().lock_timeout(Duration::ZERO).open(&path).unwrap()] {
                let seen = reader.snapshot(|snapshot| {
                    let numbers: Vec<u64> =
                        snapshot.load::<Shelf>("shelf")?.counts.iter().map(|count| count.number).collect();
                    let ids = snapshot.count::<Count>()?;
                    Ok((numbers, snapshot.find::<Count>("c")?.is_some(), ids, snapshot.exists::<Count>("new")?))
                });
                let (numbers, has_c, ids, has_new) = seen.unwrap_or_else(|error| panic!("{what}: {error}"));
                let leaf_alone = matches!(act, "changed leaf" | "leaf after a frame");
                assert!(
                    numbers == [0, 0] || numbers == [1, 1] || leaf_alone && numbers == [1, 0],
                    "{what}: {numbers:?}"
                );
                let (frame, own) = (act == "leaf after a frame", reader.exists::<Count>("z").unwrap());
                let x = u64::from(reader.exists::<Count>("x").unwrap());
                assert_eq!(
                    ids,
                    2 + x + u64::from(frame) + [has_c, has_new, own].map(u64::from).iter().sum::<u64>(),
                    "{what}"
                );
            }
            writer.kill().unwrap();
            writer.wait().unwrap();
            // Whoever comes next is held up by nothing.
            let next = buffered(&path);
            next.overwrite(&count("last", 1)).unwrap();
            next.snapshot(|snapshot| snapshot.load::<Count>("last")).unwrap();
            step += 1;
        }
        assert!(step > 2 && held > 2, "{act}: {held} of {step} steps");
    }
}

fn batch(records: &[(&str, &str)]) -> Batch {
    let mut batch = Batch::new();
    batch.set_durability(Durability::Buffered);
    batch.declare(&Class::serializable("Leaf", Format::Text)).unwrap();
    records.iter().for_each(|(id, text)| batch.put(key("Leaf", id), leaf(text), Expect::Any));
    batch
}

/// Saves one leaf, and goes on when it is told to.
#[test]
fn saves_one() {
    let Some(words) = child() else { return };
    let backend = open(Path::new(&words[0])).unwrap();
    backend.commit(batch(&[("other", "2")])).unwrap();
    // The state is the first that is written.
    fault::arm(1, Fault::Stop);
    backend.commit(batch(&[("one", words[1].as_str())])).unwrap();
    fault::disarm();
}

/// The moment changes when what was counted comes to be seen, and only then.
#[test]
#[cfg(target_os = "linux")]
fn a_moment_ends_when_a_writer_goes_on_that_was_stopped() {
    // Of another length, and of the same.
    for text in ["longer", "2"] {
        let scratch = directory();
        let path = place(&scratch);
        let mut options = OpenOptions::default();
        options.lock_timeout = Duration::from_millis(50);
        let backend = Filesystem::open(&path, &options).unwrap();
        backend.commit(batch(&[("one", "1"), ("other", "1")])).unwrap();
        let mut writer = spawn("stopped::saves_one", &[path.to_str().unwrap(), text]);
        assert!(stops(&mut writer));
        let read = || backend.read(&key("Leaf", "one")).unwrap();
        let (before, first) = (backend.moment().unwrap(), read());
        assert_eq!((backend.moment().unwrap(), read()), (before, Some(leaf("1"))));
        assert_eq!(first, Some(leaf("1")));
        let process = rustix::process::Pid::from_child(&writer);
        rustix::process::kill_process(process, rustix::process::Signal::CONT).unwrap();
        assert!(writer.wait().unwrap().success());
        let after = backend.moment().unwrap();
        assert_ne!(after, before);
        assert_eq!((read(), backend.moment().unwrap()), (Some(Record::Leaf(text.into())), after));
        // One that died there has done nothing, and disturbs nobody.
        let mut writer = spawn("stopped::saves_one", &[path.to_str().unwrap(), "never"]);
        assert!(stops(&mut writer));
        let before = backend.moment().unwrap();
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert_eq!((backend.moment().unwrap(), read()), (before, Some(Record::Leaf(text.into()))));
        backend.commit(batch(&[("one", "last")])).unwrap();
        assert_ne!(backend.moment().unwrap(), before);
    }
}
