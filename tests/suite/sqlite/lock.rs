//! What holds while others are in the way, and when something fails under the lock.

use super::*;

#[test]
fn the_log_of_a_great_commit_does_not_stay() {
    const MIB: usize = 1 << 20;
    let directory = crate::support::directory();
    let path = directory.path().join("data.db");
    let backend = Sqlite::open(&path, &OpenOptions::default()).unwrap();
    put(&backend, &key("Leaf", "great"), leaf(vec![b'x'; 65 * MIB])).unwrap();
    let log = || fs::metadata(directory.path().join("data.db-wal")).unwrap().len();
    assert!(log() > 65 * MIB as u64);
    put(&backend, &key("Leaf", "small"), leaf("x")).unwrap();
    assert!(log() <= 64 * MIB as u64, "{}", log());
}

/// The reader went on looking at the state in which that had failed.
#[test]
fn a_lock_that_cannot_be_had_leaves_nothing_behind() {
    let file = InFile::new();
    put(&file.backend(), &key("Leaf", "a"), leaf("1")).unwrap();
    let mut options = OpenOptions::default();
    options.read_only = true;
    let reader = Sqlite::open(&file.path, &options).unwrap();
    file.sql().execute_batch("ALTER TABLE class RENAME TO elsewhere").unwrap();
    refused(reader.lock(), ErrorKind::Corrupt, &["data.db", "begin to read"]);
    file.sql().execute_batch("ALTER TABLE elsewhere RENAME TO class").unwrap();
    drop(reader.lock().unwrap());
    let moment = reader.moment().unwrap();
    put(&file.backend(), &key("Leaf", "a"), leaf("2")).unwrap();
    assert_ne!(reader.moment().unwrap(), moment);
}
