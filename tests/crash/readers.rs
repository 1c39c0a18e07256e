//! Readers of a container to which nothing happens, beside a process that writes all the time.

use std::path::Path;
use std::time::Instant;

use sepia::backend::{Backend, fault};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entries, Entry, Key, Name, Node, Record};

use crate::support::{child, command, directory, key, leaf, open, open_to_read, place, spawn};

const LINKS: usize = 5000;

fn batch() -> Batch {
    let mut batch = Batch::new();
    batch.set_durability(Durability::Buffered);
    batch.declare(&Class::serializable("Leaf", Format::Text)).unwrap();
    batch.declare(&Class::container("Shelf")).unwrap();
    batch
}

fn shelf(links: usize) -> Record {
    let link = |number: usize| (Name::of(&format!("{number:05}")).unwrap(), Entry::Link(key("Leaf", "a")));
    Record::Container(Node { data: b"{}\n".to_vec(), entries: Entries::new((0..links).map(link).collect()).unwrap() })
}

/// Saves a leaf by itself, then some together, and so on: each ends an epoch.
#[test]
fn writes_all_the_time() {
    let Some(words) = child() else { return };
    let (backend, how) = (open(Path::new(&words[0])).unwrap(), &*words[1]);
    let (many, text) = if how == "many" { (200, "x".repeat(4000)) } else { (2, "x".repeat(100)) };
    for round in 0u64.. {
        let name = |number: usize| match how {
            "new" => format!("{round} {number}"),
            _ => format!("{number}"),
        };
        let mut one = batch();
        one.put(key("Leaf", &name(0)), leaf(&format!("{round}")), Expect::Any);
        backend.commit(one).unwrap();
        let mut more = batch();
        (1..=many)
            .for_each(|number| more.put(key("Leaf", &name(number)), leaf(&format!("{round}{text}")), Expect::Any));
        backend.commit(more).unwrap();
        if how == "closing" {
            backend.checkpoint().unwrap();
        }
        if how == "new" {
            let mut gone = batch();
            (0..=many).for_each(|number| gone.delete(key("Leaf", &name(number)), Expect::Any));
            backend.commit(gone).unwrap();
        }
    }
}

/// Reads, and says how often it had to begin anew, and to keep writers off.
#[test]
fn reads_a_shelf() {
    let Some(words) = child() else { return };
    let backend = open_to_read(Path::new(&words[0])).unwrap();
    let (shelf, small) = (key("Shelf", "large"), key("Shelf", "small"));
    let mut slowest = 0;
    let locked = fault::times_locked();
    for _ in 0..60 {
        let start = Instant::now();
        let Some(Record::Container(node)) = backend.read(&shelf).unwrap() else { panic!("no shelf") };
        assert_eq!(node.entries.iter().count(), LINKS);
        slowest = slowest.max(start.elapsed().as_micros());
        assert!(backend.contains(&small).unwrap());
        assert_eq!(backend.links(&small).unwrap().map(|links: Vec<Key>| links.len()), Some(3));
        assert_eq!(backend.classes().unwrap().len(), 2);
        backend.stat(&shelf).unwrap().unwrap();
        // One that is damaged is so, without anybody being kept off.
        let damaged = backend.read(&key("Shelf", "damaged")).unwrap_err();
        assert_eq!(damaged.kind(), sepia::ErrorKind::Corrupt);
    }
    println!("\nlocked {}, repeated {}, slowest {slowest} us", fault::times_locked() - locked, fault::times_repeated());
}

/// Each commit without a frame after one with a frame ends an epoch: readers began anew until they gave up, and kept
/// writers off.
#[test]
fn a_reader_begins_anew_only_if_its_own_record_was_changed() {
    for how in ["same", "new", "many", "closing"] {
        let scratch = directory();
        let path = place(&scratch);
        let backend = open(&path).unwrap();
        let mut first = batch();
        first.put(key("Leaf", "a"), leaf(""), Expect::Any);
        first.put(key("Shelf", "large"), shelf(LINKS), Expect::Any);
        first.put(key("Shelf", "small"), shelf(3), Expect::Any);
        first.put(key("Shelf", "damaged"), shelf(3), Expect::Any);
        backend.commit(first).unwrap();
        let link = path.join("Shelf/damaged/00001");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("/elsewhere", link).unwrap();
        let mut writer = spawn("readers::writes_all_the_time", &[path.to_str().unwrap(), how]);
        let begun = || backend.read(&key("Leaf", "0")).unwrap().is_some() || how == "new";
        while !begun() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let output = command("readers::reads_a_shelf", &[path.to_str().unwrap()]).output().unwrap();
        assert!(writer.try_wait().unwrap().is_none(), "{how}: the writer has ended");
        writer.kill().unwrap();
        let ended = writer.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{how}: {said} {}", String::from_utf8_lossy(&ended.stderr));
        let report = said.lines().find_map(|line| line.strip_prefix("locked ")).unwrap();
        println!("{how}: locked {report}");
        let numbers: Vec<u64> =
            report.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
        assert_eq!(numbers[0], 0, "{how}: {report}");
        // Another record may share its slot.
        assert!(how != "same" || numbers[1] < 60, "{how}: {report}");
    }
}
