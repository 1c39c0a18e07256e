//! Databases of SQLite, with bytes, pages, trees, schemas, rows and logs changed at random.
//!
//! A failure names its seed: `SEPIA_FUZZ_SEED=7 cargo test -p sepia --test fuzz -- databases` tries that one alone.
//! `SEPIA_FUZZ_SECONDS=600 cargo test -p sepia --test fuzz -- --ignored databases` goes on for so long.

mod calls;
mod mutate;
mod watch;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells a child from which seed on it shall try how many.
const CHILD: &str = "SEPIA_FUZZ_DATABASES";

/// How many rounds one process makes, so that what it has kept in mind does not matter.
const ROUNDS: u64 = 40;

#[test]
fn a_few_databases() {
    match std::env::var("SEPIA_FUZZ_SEED") {
        Ok(seed) => run(seed.parse().unwrap(), 1),
        Err(_) => run(1, ROUNDS),
    }
}

#[test]
#[ignore = "as long as it shall"]
fn many_databases() {
    let seconds = std::env::var("SEPIA_FUZZ_SECONDS").map_or(600, |seconds| seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let first = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() << 20;
    let mut seed = first;
    while Instant::now() < end {
        run(seed, ROUNDS);
        seed += ROUNDS;
    }
    println!("{} databases from seed {first} on", seed - first);
}

/// Has a process of its own try some seeds.
#[track_caller]
fn run(seed: u64, rounds: u64) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["databases::tries", "--exact", "--ignored", "--nocapture"]);
    child.env(CHILD, format!("{seed} {rounds}")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = child.output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(output.status.success(), "{}\n{said}", output.status);
}

#[test]
#[ignore = "what other tests run as a process of its own"]
fn tries() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (seed, rounds) = told.split_once(' ').unwrap();
    let (seed, rounds): (u64, u64) = (seed.parse().unwrap(), rounds.parse().unwrap());
    let corpus = mutate::Corpus::read(&corpus());
    for seed in seed..seed + rounds {
        println!("seed {seed}");
        calls::try_one(&corpus, seed);
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus")
}

/// Makes what everything begins with: as small as it can be, with something of everything in it.
#[test]
#[ignore = "writes the corpus anew"]
fn makes_the_corpus() {
    calls::make_corpus(&corpus());
}
