//! What holds while others are in the way, and when something fails under the lock.

use std::sync::atomic::{AtomicBool, Ordering};

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

/// A commit that had happened was told to have failed, as others were in the way when it was made durable, so whoever
/// repeated it did it twice.
#[test]
fn a_commit_under_the_lock_that_happened_is_never_told_to_have_been_refused() {
    let directory = crate::support::directory();
    let path = directory.path().join("data.db");
    let mut options = OpenOptions::default();
    options.lock_timeout = Duration::ZERO;
    let backend = Sqlite::open(&path, &options).unwrap();
    put(&backend, &key("Leaf", "a"), leaf("0")).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Takes the lock whenever it is free.
        scope.spawn(|| {
            let rival = sql(&path);
            rival.busy_timeout(Duration::ZERO).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                if rival.execute_batch("BEGIN IMMEDIATE").is_ok() {
                    rival.execute_batch("ROLLBACK").unwrap();
                }
            }
        });
        let _end = End(&is_over);
        for number in 0..200 {
            let commit = |backend: &Sqlite, id: &str, durability| loop {
                // It is the commit that matters here.
                let Ok(lock) = backend.lock() else { continue };
                let mut batch = Batch::new();
                batch.set_durability(durability);
                batch.put(key("Leaf", id), leaf(format!("{number}")), Expect::Any);
                return lock.commit(batch);
            };
            // The next lock is likely to have to survive no more than this.
            commit(&backend, "b", Durability::Buffered).unwrap();
            commit(&backend, "a", Durability::Sync).unwrap();
            assert_eq!(backend.read(&key("Leaf", "a")).unwrap(), Some(leaf(format!("{number}"))));
        }
    });
}

/// Has another thread end when this one does, also in a panic.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
