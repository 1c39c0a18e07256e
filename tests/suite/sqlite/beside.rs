//! What stands beside a database, and what other names it has: nothing else is waited for, or written through.

use std::os::unix::fs::MetadataExt;

use super::hostile::{closed, in_time};
use super::*;

/// A journal can name a file that SQLite deletes once it has rolled back: any file.
#[test]
fn a_journal_deletes_no_other_file() {
    let file = InFile::new();
    file.store.save(&work_board()).unwrap();
    let (path, directory) = closed(file);
    column(&sql(&path), "PRAGMA journal_mode = DELETE");
    // As a writer leaves it that is killed.
    let other = sql(&path);
    other
        .execute_batch(
            "PRAGMA cache_spill = 1; PRAGMA cache_size = 1; BEGIN; UPDATE object SET content = hex(zeroblob(9000))",
        )
        .unwrap();
    let journal = directory.path().join("data.db-journal");
    let (half, mut left) = (fs::read(&path).unwrap(), fs::read(&journal).unwrap());
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    let canary = directory.path().join("canary-mj012345678");
    fs::write(&canary, "theirs").unwrap();
    let name = canary.to_str().unwrap().as_bytes();
    left.extend((262_145_u32).to_be_bytes());
    left.extend(name);
    left.extend((name.len() as u32).to_be_bytes());
    left.extend(name.iter().map(|byte| u32::from(*byte)).sum::<u32>().to_be_bytes());
    left.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    for builder in [Store::builder(), Store::builder().read_only()] {
        fs::write(&path, &half).unwrap();
        fs::write(&journal, &left).unwrap();
        refused(builder.sqlite(&path), ErrorKind::Corrupt, &["data.db-journal", "another file"]);
        assert_eq!(fs::read_to_string(&canary).unwrap(), "theirs");
    }
    // One that names none is rolled back, as ever.
    fs::write(&journal, &left[..left.len() - 20 - name.len()]).unwrap();
    assert_eq!(Store::sqlite(&path).unwrap().load::<Board>("work_board").unwrap(), work_board());
}

#[test]
fn nothing_beside_a_database_is_waited_for_or_written_through() {
    for side in ["data.db-wal", "data.db-shm", "data.db-journal"] {
        for builder in [Store::builder(), Store::builder().read_only()] {
            let file = InFile::new();
            file.store.save(&postit("a", "x")).unwrap();
            let (path, directory) = closed(file);
            let beside = directory.path().join(side);
            let _ = fs::remove_file(&beside);
            rustix::fs::mknodat(rustix::fs::CWD, &beside, rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
            let (opens, at) = (builder.clone(), path.clone());
            refused(in_time(move || opens.sqlite(at)), ErrorKind::Corrupt, &[side, "no file"]);
            fs::remove_file(&beside).unwrap();
            fs::create_dir(&beside).unwrap();
            refused(builder.sqlite(&path), ErrorKind::Corrupt, &[side, "no file"]);
            fs::remove_dir(&beside).unwrap();
            // Neither through a symlink, nor through a hard link.
            let canary = directory.path().join("canary");
            for link in [std::os::unix::fs::symlink::<&Path, &Path>, fs::hard_link::<&Path, &Path>] {
                fs::write(&canary, "theirs").unwrap();
                link(&canary, &beside).unwrap();
                let opened = builder.sqlite(&path);
                if beside.is_symlink() && side != "data.db-shm" {
                    refused(opened, ErrorKind::Corrupt, &[side, "no file"]);
                } else if let Ok(store) = opened {
                    let _ = store.load::<Postit>("a").unwrap();
                    let _ = store.save(&postit("a", "y"));
                    let _ = store.close();
                }
                assert_eq!(fs::read_to_string(&canary).unwrap(), "theirs", "{side}");
                let _ = fs::remove_file(&beside);
            }
        }
    }
}

#[test]
fn a_symlink_that_leads_nowhere_makes_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("data.db");
    std::os::unix::fs::symlink("elsewhere", &link).unwrap();
    for builder in [Store::builder(), Store::builder().read_only()] {
        refused(builder.sqlite(&link), ErrorKind::NotAStore, &["data.db", "symlink"]);
    }
    assert!(!directory.path().join("elsewhere").exists());
    // One that leads somewhere is followed.
    Store::sqlite(directory.path().join("elsewhere")).unwrap().save(&postit("a", "x")).unwrap();
    assert_eq!(Store::sqlite(&link).unwrap().load::<Postit>("a").unwrap().text, "x");
}

/// Under each name, SQLite keeps a log of its own: what was committed by one name was written over by the other.
#[test]
fn a_copy_by_hard_links_stays_as_it_is() {
    let file = InFile::new();
    file.store.save(&postit("a", "old")).unwrap();
    fs::set_permissions(&file.path, fs::Permissions::from_mode(0o640)).unwrap();
    // As `cp -al` makes one of a database that nobody has closed.
    let killed = tempfile::tempdir().unwrap();
    for name in ["data.db", "data.db-wal", "data.db-shm"] {
        fs::copy(file.directory.path().join(name), killed.path().join(name)).unwrap();
    }
    let copy = tempfile::tempdir_in(killed.path()).unwrap();
    for name in ["data.db", "data.db-wal", "data.db-shm"] {
        fs::hard_link(killed.path().join(name), copy.path().join(name)).unwrap();
    }
    let before = |directory: &Path| ["data.db", "data.db-wal"].map(|name| fs::read(directory.join(name)).unwrap());
    let kept = before(copy.path());
    let path = killed.path().join("data.db");
    // Who only reads sees what is there.
    let reader = Store::builder().read_only().sqlite(&path).unwrap();
    assert_eq!(reader.load::<Postit>("a").unwrap().text, "old");
    drop(reader);
    assert_eq!(before(copy.path()), kept);
    let store = Store::sqlite(&path).unwrap();
    store.save(&postit("a", "new")).unwrap();
    store.close().unwrap();
    assert_eq!(before(copy.path()), kept);
    assert_eq!(fs::metadata(&path).unwrap().nlink(), 1);
    // Nobody but its owner may read it, whatever the umask says.
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let names: BTreeSet<_> = fs::read_dir(killed.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("copy")), "{names:?}");
    assert_eq!(Store::sqlite(&path).unwrap().load::<Postit>("a").unwrap().text, "new");
    assert_eq!(Store::sqlite(copy.path().join("data.db")).unwrap().load::<Postit>("a").unwrap().text, "old");
}

#[test]
fn a_database_is_not_open_by_two_names_at_once() {
    let file = InFile::new();
    file.store.save(&postit("a", "x")).unwrap();
    let other = file.directory.path().join("other.db");
    fs::hard_link(&file.path, &other).unwrap();
    let hurried = Store::builder().lock_timeout(Duration::from_millis(20));
    refused(hurried.sqlite(&other), ErrorKind::Locked, &["other.db", "other names"]);
    // By its own name it is open to more.
    let second = hurried.sqlite(&file.path).unwrap();
    second.save(&postit("b", "y")).unwrap();
    file.store.save(&postit("c", "z")).unwrap();
    assert!(second.exists::<Postit>("c").unwrap());
    drop(second);
    let (path, _directory) = closed(file);
    let apart = hurried.sqlite(&other).unwrap();
    apart.save(&postit("a", "apart")).unwrap();
    assert_eq!(Store::sqlite(&path).unwrap().load::<Postit>("a").unwrap().text, "x");
    assert_eq!(apart.load::<Postit>("a").unwrap().text, "apart");
    // What is no store is not copied.
    let foreign = path.with_file_name("foreign.db");
    sql(&foreign).execute_batch("CREATE TABLE mine (x)").unwrap();
    fs::hard_link(&foreign, path.with_file_name("link.db")).unwrap();
    refused(Store::sqlite(&foreign), ErrorKind::NotAStore, &["foreign.db"]);
    assert_eq!(fs::metadata(&foreign).unwrap().nlink(), 2);
}

/// Readers were told to see to `-shm`, which was not what was in the way.
#[test]
fn who_only_reads_is_told_of_a_journal_that_has_to_be_rolled_back() {
    let file = InFile::new();
    file.store.save(&postit("a", "x")).unwrap();
    let (path, directory) = closed(file);
    let journal = directory.path().join("data.db-journal");
    fs::write(&journal, [&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7][..], &[0; 504]].concat()).unwrap();
    let told = ["data.db", "-journal", "open the store for writing"];
    let error = refused(Store::builder().read_only().sqlite(&path), ErrorKind::ReadOnly, &told);
    assert!(!error.to_string().contains("-shm"), "{error}");
    Store::sqlite(&path).unwrap().close().unwrap();
    assert_eq!(Store::builder().read_only().sqlite(&path).unwrap().load::<Postit>("a").unwrap().text, "x");
}
