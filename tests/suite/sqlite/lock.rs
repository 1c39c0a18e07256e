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
