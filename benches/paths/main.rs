//! What an operation costs, beside its floor: the bare system calls for the same files.
//!
//! ```text
//! cargo bench                             every operation, in a directory below target/
//! cargo bench -- --dir /dev/shm           there (or in $SEPIA_BENCH_DIR)
//! cargo bench -- new_leaf load            operations whose names contain one of these
//! cargo bench -- --quick                  fewer objects and rounds
//! cargo bench -- --objects 1000000 collection   so many in a collection
//! cargo bench -- --keep                   what was saved stays there, to be looked at
//! ```
//!
//! - `measure`: taking turns, and medians
//! - `floor`: the system calls
//! - `folders`: the same for containers
//! - `objects`: what is saved, and how the floor encodes it
//! - `ground`: fresh directories, and the check that both sides left the same files
//! - `leaves`, `containers`, `memory`, `growth`, `history`: the operations, waiting for no disk
//! - `durable`: those that wait for it
//! - `collection`: garbage collection
//! - `backends`: one workload on files, in memory and in SQLite, and beside SQLite by itself
//! - `table`: what is printed

mod backends;
mod collection;
mod containers;
mod durable;
mod floor;
mod folders;
mod ground;
mod growth;
mod history;
mod leaves;
mod measure;
mod memory;
mod objects;
mod table;

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use ground::Ground;
use table::{Row, Table};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// One operation: what it is called, and how it is measured.
type Case = (&'static str, fn(&Ground) -> Result<Row>);

const USAGE: &str = "usage: cargo bench -- [--dir DIRECTORY] [--quick] [--keep] [--objects COUNT] [NAME]..";

struct Options {
    directory: Option<PathBuf>,
    quick: bool,
    keep: bool,
    objects: Option<usize>,
    names: Vec<String>,
}

impl Options {
    fn parse() -> Result<Self> {
        let directory = env::var_os("SEPIA_BENCH_DIR").map(PathBuf::from);
        let mut options = Self { directory, quick: false, keep: false, objects: None, names: Vec::new() };
        // `cargo bench` says so; any other run is a test that everything still runs.
        let mut is_bench = false;
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => is_bench = true,
                "--quick" => options.quick = true,
                "--keep" => options.keep = true,
                "--objects" => {
                    let count = arguments.next().and_then(|count| count.parse().ok());
                    options.objects = Some(count.ok_or(USAGE)?);
                }
                "--dir" => {
                    let directory = arguments.next().filter(|directory| !directory.starts_with('-'));
                    options.directory = Some(directory.ok_or(USAGE)?.into());
                }
                option if option.starts_with('-') => return Err(format!("there is no option {option}\n{USAGE}").into()),
                _ => options.names.push(argument),
            }
        }
        options.quick |= !is_bench;
        Ok(options)
    }

    fn selects(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|part| name.contains(part.as_str()))
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
    let ground = Ground::new(options.directory.as_deref(), options.quick, options.keep, options.objects)?;
    println!("{ground}");

    print(&ground, &options, &[leaves::CASES, containers::CASES, memory::CASES].concat())?;
    growth::print(&ground, |name| options.selects(name))?;
    history::print(&ground, |name| options.selects(name))?;
    // Overwriting frees blocks, and what is made soon afterwards is slower.
    print(&ground, &options, leaves::OVERWRITING)?;
    print(&ground, &options, durable::CASES)?;
    if options.selects("durable_threads") {
        durable::print_threads(&ground)?;
    }
    if options.selects("collection") {
        collection::print(&ground)?;
    }
    backends::print(&ground, |name| options.selects(name))?;
    if options.selects("recovery") {
        durable::print_recovery(&ground)?;
    }
    Ok(())
}

fn print(ground: &Ground, options: &Options, cases: &[Case]) -> Result {
    let mut table = Table::new(&["sepia µs", "floor µs", "ratio", "not atomic µs"]);
    for (name, measure) in cases.iter().filter(|(name, _)| options.selects(name)) {
        table.print(name, &measure(ground)?);
    }
    Ok(())
}
