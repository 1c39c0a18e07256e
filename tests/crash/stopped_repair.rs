//! Readers beside a repair that was stopped anywhere, and holds the lock: none of them waits for it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use sepia::{Durability, ErrorKind, Store};

use crate::stopped::{Count, Shelf, count, stops};
use crate::support::{child, directory, place, spawn};
use sepia::backend::fault::{self, Fault};

fn open(path: &Path) -> Store {
    Store::builder().durability(Durability::Buffered).lock_timeout(Duration::from_millis(50)).open(path).unwrap()
}

/// What a repair moves away: all of it as files and links are moved, some with a foreign file that stays.
fn spoil(path: &Path) {
    fs::write(path.join("Shelf/file"), "of the other kind").unwrap();
    fs::create_dir(path.join("Count/tree")).unwrap();
    fs::write(path.join("Count/tree/data.json"), "{}").unwrap();
    fs::create_dir(path.join("Count/theirs")).unwrap();
    fs::write(path.join("Count/theirs/data.json"), "{}").unwrap();
    fs::write(path.join("Count/theirs/Thumbs.db"), "theirs").unwrap();
    symlink("/nowhere", path.join("Count/link")).unwrap();
    symlink("/nowhere", path.join("Shelf/odd/outside")).unwrap();
    fs::write(path.join("Shelf/odd/stray"), "mine").unwrap();
    fs::write(path.join("Count/broken"), "{").unwrap();
}

/// Repairs, and stops itself at a step.
#[test]
fn repairs() {
    let Some(words) = child() else { return };
    let store = open(Path::new(&words[0]));
    fault::arm(words[1].parse::<u64>().unwrap(), Fault::Stop);
    let report = store.verify().repair().run().unwrap();
    println!("\nsteps {}", fault::disarm());
    assert!(report.is_clean(), "{report:#?}");
}

/// A repair takes some hundred steps: not each of them is tried, but some within each move, and before and after it.
const STRIDE: u64 = 5;

/// A move into quarantine told nobody what goes, so that snapshots took the lock to learn whether it had gone, and were
/// `Locked` beside a repair that was stopped.
#[test]
#[cfg(target_os = "linux")]
fn snapshots_beside_a_repair_that_was_stopped_anywhere() {
    let (mut step, mut held, mut tried) = (0, 0, 0);
    loop {
        let scratch = directory();
        let path = place(&scratch);
        let store = open(&path);
        store.save(&Shelf { id: "shelf".into(), counts: vec![count("a", 1), count("b", 1)] }).unwrap();
        store.save(&Shelf { id: "odd".into(), counts: vec![] }).unwrap();
        spoil(&path);
        let mut repair = spawn("stopped_repair::repairs", &[path.to_str().unwrap(), &step.to_string()]);
        if !stops(&mut repair) {
            let output = repair.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let said = String::from_utf8_lossy(&output.stdout);
            let steps = said.lines().find_map(|line| line.strip_prefix("steps ")).unwrap().parse().unwrap();
            if step < steps {
                // The call of this step failed by itself, and has no point after it.
                step += 1;
                continue;
            }
            break;
        }
        held += usize::from(matches!(store.overwrite(&count("z", 9)), Err(e) if e.kind() == ErrorKind::Locked));
        for reader in [store, Store::builder().read_only().lock_timeout(Duration::ZERO).open(&path).unwrap()] {
            let seen = reader.snapshot(|snapshot| {
                let shelf = snapshot.load::<Shelf>("shelf")?;
                Ok((shelf.counts.len(), snapshot.ids::<Shelf>()?.len(), snapshot.exists::<Count>("a")?))
            });
            assert_eq!(seen.unwrap_or_else(|error| panic!("step {step}: {error}")), (2, 2, true), "step {step}");
        }
        repair.kill().unwrap();
        repair.wait().unwrap();
        // Another repair ends what this one has begun.
        let next = open(&path);
        assert!(next.verify().repair().run().unwrap().is_clean(), "step {step}");
        assert_eq!(fs::read_to_string(path.join("Count/theirs/Thumbs.db")).unwrap(), "theirs");
        (step, tried) = (step + STRIDE, tried + 1);
    }
    assert!(tried > 10 && held > 10, "{held} of {tried} steps");
}
