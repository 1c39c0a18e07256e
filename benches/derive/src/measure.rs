//! Compiling programs, and what that took.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::Result;
use crate::generate::Program;

/// What it takes to compile a program whose dependencies are compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Seconds of `cargo check`.
    pub(crate) check: f64,
    /// Seconds of `cargo build --release`.
    pub(crate) build: f64,
    /// Bytes of the program.
    pub(crate) code: f64,
}

/// A package with the programs.
#[derive(Debug)]
pub(crate) struct Workplace {
    directory: PathBuf,
}

impl Workplace {
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory.join("src/bin"))?;
        let directory = directory.canonicalize()?;
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize()?;
        let manifest = format!(
            "[package]\nname = \"programs\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nsepia = {{ path = {:?} }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n\
             serde_json = {{ version = \"1\", features = [\"float_roundtrip\"] }}\n\n\
             [profile.release]\nstrip = true\n\n[workspace]\n",
            root.join("sepia")
        );
        fs::write(directory.join("Cargo.toml"), manifest)?;
        // The versions that the workspace has.
        fs::copy(root.join("Cargo.lock"), directory.join("Cargo.lock"))?;
        Ok(Self { directory })
    }

    /// Compiles each program in every round. The first round compiles their dependencies, and does not count.
    pub(crate) fn costs(&self, programs: &[Program], rounds: usize) -> Result<Vec<Cost>> {
        let mut measured = vec![Vec::new(); programs.len()];
        for round in 0..=rounds {
            for (program, costs) in programs.iter().zip(&mut measured) {
                let cost = self.cost(program, round)?;
                costs.extend((round > 0).then_some(cost));
            }
        }
        let median = |costs: &[Cost], of: fn(&Cost) -> f64| {
            let mut costs: Vec<f64> = costs.iter().map(of).collect();
            costs.sort_by(f64::total_cmp);
            f64::midpoint(costs[(costs.len() - 1) / 2], costs[costs.len() / 2])
        };
        let medians = measured.iter().map(|costs| Cost {
            check: median(costs, |cost| cost.check),
            build: median(costs, |cost| cost.build),
            code: median(costs, |cost| cost.code),
        });
        Ok(medians.collect())
    }

    fn cost(&self, program: &Program, round: usize) -> Result<Cost> {
        let name = program.name();
        // Another text in every round, so that it is compiled again.
        let source = format!("{}\n// Round {round}.\n", program.source());
        fs::write(self.directory.join("src/bin").join(&name).with_extension("rs"), source)?;
        let check = self.cargo(&["check"], &name)?;
        let build = self.cargo(&["build", "--release"], &name)?;
        let code = fs::metadata(self.directory.join("target/release").join(&name))?.len() as f64;
        Ok(Cost { check, build, code })
    }

    /// Returns how many seconds it took.
    fn cargo(&self, arguments: &[&str], program: &str) -> Result<f64> {
        let mut cargo = Command::new("cargo");
        cargo.args(arguments).args(["--quiet", "--bin", program]).current_dir(&self.directory);
        // All of it each time, whatever was compiled before.
        cargo.env("CARGO_INCREMENTAL", "0").env("CARGO_TARGET_DIR", self.directory.join("target"));
        let start = Instant::now();
        let status = cargo.status()?;
        let time = start.elapsed().as_secs_f64();
        if status.success() { Ok(time) } else { Err(format!("{program} could not be compiled").into()) }
    }
}
