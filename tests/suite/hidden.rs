//! What is hidden from other users stays hidden where it is copied to, or restored.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sepia::backup::Archive;
use sepia::{Durability, Shared, Store};

use crate::boards::{Board, postit, work_board};
use crate::support::{content, directory};

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The modes of all files and directories of a store below the root, but for links.
fn modes(root: &Path) -> Vec<(String, u32)> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if entry.file_name() == ".sepia" || kind.is_symlink() {
                continue;
            }
            let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.push((path, mode(entry.path())));
            open.extend(kind.is_dir().then(|| entry.path()));
        }
    }
    found.sort();
    found
}

/// A store in which a postit, and a container by its `data.json`, are hidden.
fn hiding(path: &Path) -> Store {
    let store = Store::builder().durability(Durability::Buffered).open(path).unwrap();
    store.save(&work_board()).unwrap();
    store.save_all((0..20).map(|number| postit(&format!("open {number}"), "text"))).unwrap();
    store.save(&postit("secret", "hidden")).unwrap();
    set(path.join("Postit/secret"), 0o600);
    let board = fs::read_dir(path.join("Board")).unwrap().next().unwrap().unwrap().path();
    set(board.join("data.json"), 0o600);
    // Of some users at least.
    set(path.join("Postit/open 7"), 0o640);
    store
}

/// They had the mode of any new file, by the umask.
#[test]
fn what_is_restored_or_copied_is_never_open_to_more_users_than_it_was() {
    let scratch = directory();
    let from = scratch.path().join("from");
    let store = hiding(&from);
    let (before, known) = (content(&store), modes(&from));
    if known.iter().all(|(_, mode)| mode & 0o044 == 0) {
        println!("skipped: the umask hides all of it");
        return;
    }
    let archive = scratch.path().join("a.tar");
    assert_eq!(store.backup().to_file(&archive).unwrap().hidden, 3);
    let archive = Archive::open(&archive).unwrap();
    let restored = scratch.path().join("restored");
    let copied = scratch.path().join("copied");
    for checksums in [false, true] {
        let builder = || if checksums { Store::builder().checksums() } else { Store::builder() };
        let to = builder().open(&restored).unwrap();
        to.restore(&archive).run().unwrap();
        assert_eq!(content(&to), before);
        let other = builder().open(&copied).unwrap();
        store.copy_to(&other).run().unwrap();
        assert_eq!(content(&other), before);
        for root in [&restored, &copied] {
            let found = modes(root);
            assert_eq!(found.len(), known.len());
            for ((path, was), (same, is)) in known.iter().zip(&found) {
                assert_eq!(path, same);
                assert_eq!(is & !was, 0, "{path} was {was:o}, and is {is:o}");
            }
            // The rest is as open as it was.
            assert_eq!(mode(root.join("Postit/open 1")), mode(from.join("Postit/open 1")));
            assert_eq!(mode(root.join("Postit")), mode(from.join("Postit")));
            fs::remove_dir_all(root).unwrap();
        }
    }
    // In a store that is shared, all is for those with whom it is.
    let shared = Store::builder().shared(Shared::All).open(&restored).unwrap();
    shared.restore(&archive).run().unwrap();
    assert_eq!(mode(restored.join("Postit/secret")), 0o664);
    assert_eq!(shared.load::<Board>("work_board").is_ok(), store.load::<Board>("work_board").is_ok());
}

/// By any tar, too; and an object that is hidden hides nothing else.
#[test]
fn an_archive_says_of_each_object_whether_it_is_hidden() {
    let scratch = directory();
    let store = hiding(&scratch.path().join("from"));
    let path = scratch.path().join("a.tar");
    store.backup().to_file(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let mode = |name: &str| {
        let named = |block: &&[u8]| block.starts_with(name.as_bytes()) && block[name.len()] == 0;
        let header = bytes.chunks(512).find(named).unwrap_or_else(|| panic!("{name} is not there"));
        u32::from_str_radix(std::str::from_utf8(&header[100..107]).unwrap(), 8).unwrap()
    };
    assert_eq!(mode("objects/Postit/secret"), 0o600);
    assert_eq!(mode("objects/Postit/open 7"), 0o600);
    assert_eq!(mode("objects/Postit/open 8"), 0o644);
    assert_eq!(mode("manifest.jsonl"), 0o644);
}
