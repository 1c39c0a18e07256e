//! The journal is as long as what is in it needs, and keeps nothing that nobody needs any more.

use std::fs;
use std::path::Path;
use std::process::Command;

use sepia::{Durability, Store};

use crate::boards::{Board, Postit, postit, work_board};
use crate::support::OnDisk;

/// What stays: a reserve of zeros.
const RESERVE: u64 = 256 << 10;
const LARGE: usize = 12 << 20;

fn length(root: &Path) -> u64 {
    fs::metadata(root.join(".sepia/journal")).unwrap().len()
}

fn holds(root: &Path, text: &str) -> bool {
    let journal = fs::read(root.join(".sepia/journal")).unwrap();
    journal.windows(text.len()).any(|window| window == text.as_bytes())
}

/// 32 MiB stayed after one large save, also after the store was closed.
#[test]
fn a_closed_store_has_a_small_journal_with_nothing_in_it() {
    for durability in [Durability::Sync, Durability::Buffered] {
        let disk = OnDisk::new();
        let root = disk.directory.path();
        let store = disk.reopen().with_durability(durability);
        let large = postit("large", &"a secret ".repeat(LARGE / 9));
        store.save_all([&large, &postit("small", "another secret")]).unwrap();
        store.save(&postit("single", "a secret of its own")).unwrap();
        store.close().unwrap();
        assert!(length(root) <= RESERVE, "{durability:?}: {}", length(root));
        assert!(!holds(root, "secret"), "{durability:?}");
        // Also if nothing but short batches came.
        let store = disk.reopen().with_durability(durability);
        store.save(&work_board()).unwrap();
        store.save_all([&postit("x", "a secret"), &postit("y", "a secret")]).unwrap();
        assert!(holds(root, "secret"), "{durability:?}: the test looks in the wrong place");
        store.delete::<Postit>("x").unwrap();
        store.save(&postit("z", "single")).unwrap();
        store.close().unwrap();
        assert!(length(root) <= RESERVE && !holds(root, "secret"), "{durability:?}");
        let store = disk.reopen();
        assert_eq!(store.load::<Postit>("large").unwrap(), large);
        assert_eq!(store.load::<Board>("work_board").unwrap(), work_board());
    }
}

#[test]
fn a_store_that_stays_open_gives_back_what_one_large_save_took() {
    for durability in [Durability::Sync, Durability::Buffered] {
        let disk = OnDisk::new();
        let store = disk.reopen().with_durability(durability);
        let large = |number: usize| postit("large", &format!("{number}").repeat(40 << 20));
        for number in 0..2 {
            store.save_all([&large(number), &postit("small", "")]).unwrap();
            for round in 0..2 {
                store.save_all([&postit("a", &format!("{round}")), &postit("b", &format!("{round}"))]).unwrap();
            }
            let length = length(disk.directory.path());
            assert!(length <= 4 << 20, "{durability:?}: {length}");
        }
    }
}

/// Many short batches need no more than an epoch is long.
#[test]
fn a_journal_is_no_longer_than_what_it_is_used_for() {
    let disk = OnDisk::new();
    let mut longest = 0;
    for round in 0..300 {
        let text = format!("{round}").repeat(1000);
        disk.store.save_all([&postit("a", &text), &postit("b", &text)]).unwrap();
        let (length, used) = (length(disk.directory.path()), longest + 2 * text.len() as u64 + 1000);
        assert!(length <= used * 5 / 4 + 3 * RESERVE, "{round}: {length}");
        longest = used;
    }
}

/// On a full disk, what the journal holds for nobody is room. Mounts need rights that a test may not have.
#[test]
fn on_a_small_disk_the_journal_gives_its_room_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mount = ["-t", "tmpfs", "-o", "size=64m", "tmpfs", path.to_str().unwrap()];
    if !Command::new("mount").args(mount).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this process may not mount");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        let root = path.join("store");
        let store = Store::builder().durability(Durability::Sync).open(&root).unwrap();
        let large = |id: &str| postit(id, &"x".repeat(24 << 20));
        store.save(&large("first")).unwrap();
        // 16 MiB are free, and 24 more if the journal gives them back.
        let second = postit("second", &"y".repeat(18 << 20));
        store.save(&second).unwrap();
        assert_eq!(store.load::<Postit>("second").unwrap(), second);
        // Somebody else takes what is left.
        store.clone().close().unwrap();
        let filler = fs::write(path.join("filler"), vec![1; 64 << 20]);
        assert!(filler.is_err());
        let store = Store::builder().durability(Durability::Sync).open(&root).unwrap();
        assert!(store.save(&large("third")).is_err());
        assert!(store.delete::<Postit>("first").unwrap());
        store.save(&work_board()).unwrap();
        assert!(store.delete::<Board>("work_board").unwrap());
        assert!(store.verify().run().unwrap().is_clean());
    });
    assert!(Command::new("umount").arg("-l").arg(path).status().unwrap().success());
    outcome.unwrap();
}
