//! Archives, plain and compressed.

use std::fs;
use std::path::PathBuf;

use sepia::Store;
use sepia::backup::Archive;

use crate::corpus;
use crate::machine::{self, Round, Target};
use crate::mutate;

struct Archives(&'static str);

fn place(round: &Round) -> PathBuf {
    round.place().with_extension("tar")
}

impl Target for Archives {
    fn prepare(&self, round: &mut Round) {
        let all = corpus::all(self.0);
        let mut bytes = round.random.pick(&all).clone();
        mutate::bytes(&mut round.random, &mut bytes, &all);
        if self.0 == "archive" && round.random.once_in(2) {
            seal_headers(&mut bytes);
        }
        fs::write(place(round), &bytes).unwrap();
        round.input = 4 * bytes.len() as u64;
        round.tell(format!("{} bytes of an archive", bytes.len()));
    }

    fn try_everything(&self, round: &mut Round) {
        let (file, path) = (place(round), round.place());
        let Ok(archive) = round.run("open", || Archive::open(&file)) else { return };
        let _ = round.run("manifest", || archive.manifest().map(drop));
        let _ = round.run("verify", || archive.verify().map(drop));
        let restored = round.run("restore", || {
            let store = Store::open(&path)?;
            store.restore(&archive).run().map(drop)
        });
        if restored.is_ok() {
            crate::files::use_store(round);
        }
    }
}

/// Makes the sums of the headers of a tar archive right, as far as they stand where they should.
fn seal_headers(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        }
    }
}

#[test]
fn plain() {
    machine::quick("archive", &Archives("archive"), 600);
}

#[test]
fn compressed() {
    machine::quick("compressed archive", &Archives("compressed"), 600);
}

#[test]
#[ignore = "as long as SEPIA_FUZZ_SECONDS says, for each of two"]
fn archives_for_long() {
    machine::long("archive", &Archives("archive"));
    machine::long("compressed archive", &Archives("compressed"));
}
