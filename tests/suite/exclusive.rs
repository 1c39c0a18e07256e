//! File systems that other computers may write to: nobody writes there who has not said that none does.

use std::path::Path;
use std::process::Command;

use sepia::backend::fault;
use sepia::{ErrorKind, Store};

use crate::boards::{Board, Postit, postit, work_board};
use crate::support::refused;

/// As Linux calls it.
const NFS: u32 = 0x6969;

/// Has a file system of this kind be everywhere, for this thread.
struct Everywhere;

impl Everywhere {
    fn is(number: u32) -> Self {
        fault::pretend_file_system(Some(number));
        Self
    }
}

impl Drop for Everywhere {
    fn drop(&mut self) {
        fault::pretend_file_system(None);
    }
}

/// Each computer granted the lock by itself, and two of them wrote at once.
#[test]
#[cfg(target_os = "linux")]
fn where_other_computers_may_write_only_readers_open_a_store_unasked() {
    let directory = tempfile::tempdir().unwrap();
    for scheme in ["file", "sqlite"] {
        let url = |name: &str| format!("{scheme}:{}", directory.path().join(scheme.to_owned() + name).display());
        let store = Store::builder().open_url(&url("old")).unwrap();
        store.save(&work_board()).unwrap();
        store.close().unwrap();
        for (number, name) in [(NFS, "NFS"), (0xfe53_4d42, "SMB"), (0x6573_5546, "FUSE")] {
            let _everywhere = Everywhere::is(number);
            let advice = [name, "other computers", "read_only()", "assume_exclusive()", "--assume-exclusive", scheme];
            for place in ["old", "new", "/new/deep/below"] {
                refused(Store::builder().open_url(&url(place)), ErrorKind::ReadOnly, &advice);
            }
            // Nothing was made.
            let place = |name: &str| directory.path().join(scheme.to_owned() + name);
            assert!(!place("new").exists() && !place("").exists());
            let reader = Store::builder().read_only().open_url(&url("old")).unwrap();
            assert_eq!(reader.load::<Board>("work_board").unwrap(), work_board());
            refused(reader.save(&postit("a", "")), ErrorKind::ReadOnly, &[]);
            let store = Store::builder().assume_exclusive().open_url(&url("old")).unwrap();
            store.overwrite(&postit(name, "text")).unwrap();
            assert_eq!(reader.load::<Postit>(name).unwrap().text, "text");
        }
        let _everywhere = Everywhere::is(NFS);
        let store = Store::builder().assume_exclusive().open_url(&url("new")).unwrap();
        store.save(&postit("a", "")).unwrap();
        // What is stacked on a disk is of this computer.
        let _everywhere = Everywhere::is(0x794c_7630);
        Store::builder().open_url(&url("old")).unwrap();
    }
}

/// The same on a real one, where the system has a file system in user space and may mount it.
#[test]
#[cfg(target_os = "linux")]
fn a_file_system_in_user_space_is_refused_until_it_is_said_to_be_exclusive() {
    let directory = tempfile::tempdir().unwrap();
    let (below, root) = (directory.path().join("below"), directory.path().join("mounted"));
    std::fs::create_dir(&below).unwrap();
    std::fs::create_dir(&root).unwrap();
    let is_mounted = || std::fs::read_to_string("/proc/self/mounts").unwrap().contains(root.to_str().unwrap());
    let run = |program: &str, arguments: &[&Path]| {
        let _ = Command::new(program).args(arguments).output();
    };
    for program in ["bindfs", "fuse-overlayfs"] {
        run(program, &[&below, &root]);
        if is_mounted() {
            break;
        }
    }
    if !is_mounted() {
        eprintln!("skipped: no file system in user space");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        refused(Store::open(root.join("store")), ErrorKind::ReadOnly, &["FUSE", "assume_exclusive()"]);
        refused(Store::sqlite(root.join("data.db")), ErrorKind::ReadOnly, &["FUSE", "assume_exclusive()"]);
        let store = Store::builder().assume_exclusive().open(root.join("store")).unwrap();
        store.save(&postit("a", "1")).unwrap();
        let reader = Store::builder().read_only().open(root.join("store")).unwrap();
        assert_eq!(reader.load::<Postit>("a").unwrap().text, "1");
    });
    run("umount", &[&root]);
    outcome.unwrap();
}
