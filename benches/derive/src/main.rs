//! What deriving costs when a program is compiled, beside serde's derive: time to check, time to build, and code.
//!
//! ```text
//! cargo run --release --manifest-path benches/derive/Cargo.toml
//!     [-- --fields COUNT]   fields of each type, 50 if not said otherwise
//!     [-- --rounds COUNT]   rounds of which the median counts, 5 if not said otherwise
//!     [-- --dir DIRECTORY]  where the programs are written and built, target/derive if not said otherwise
//! ```
//!
//! It writes programs (`generate`) with none, one and several types, and compiles each in turns (`measure`), its
//! dependencies apart. The first type of a program brings what all types share; so it is told apart from the others.

mod generate;
mod measure;

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use generate::{Form, Program};
use measure::{Cost, Workplace};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

const USAGE: &str = "usage: cargo run --release --manifest-path benches/derive/Cargo.toml -- [--fields COUNT] [--rounds COUNT] [--dir DIRECTORY]";

/// How many types the larger programs have beyond the first.
const MORE: usize = 10;

struct Options {
    fields: usize,
    rounds: usize,
    directory: PathBuf,
}

impl Options {
    fn parse() -> Result<Self> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/derive").into();
        let mut options = Self { fields: 50, rounds: 5, directory };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or(USAGE)?;
            match argument.as_str() {
                "--fields" => options.fields = value.parse().map_err(|_| USAGE)?,
                "--rounds" => options.rounds = value.parse::<usize>().map_err(|_| USAGE)?.max(1),
                "--dir" => options.directory = value.into(),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result {
    let options = Options::parse()?;
    let programs: Vec<Program> = Form::ALL
        .into_iter()
        .flat_map(|form| [0, 1, 1 + MORE].map(|types| Program { form, types, fields: options.fields }))
        .collect();
    let costs = Workplace::new(&options.directory)?.costs(&programs, options.rounds)?;

    println!(
        "{} fields each; medians of {} rounds that take turns; code: bytes of the stripped program",
        options.fields, options.rounds
    );
    println!();
    println!(
        "| derive | check, first type | each further | release build, first type | each further | code, first type | each further |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (form, costs) in Form::ALL.iter().zip(costs.chunks_exact(3)) {
        let first = |cost: fn(&Cost) -> f64| cost(&costs[1]) - cost(&costs[0]);
        let further = |cost: fn(&Cost) -> f64| (cost(&costs[2]) - cost(&costs[1])) / MORE as f64;
        let (check, build, code): (fn(&Cost) -> f64, fn(&Cost) -> f64, fn(&Cost) -> f64) =
            (|cost| cost.check * 1e3, |cost| cost.build * 1e3, |cost| cost.code / 1024.0);
        println!(
            "| {} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} KiB | {:.1} KiB |",
            form.title(),
            first(check),
            further(check),
            first(build),
            further(build),
            first(code),
            further(code),
        );
    }
    Ok(())
}
