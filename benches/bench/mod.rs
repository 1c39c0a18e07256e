//! What an operation costs, beside its floor: the bare system calls for the same files; and beside what else one could
//! use.
//!
//! ```text
//! cargo bench                             every operation, in a directory below target/
//! cargo bench -- --dir /dev/shm           there (or in $SEPIA_BENCH_DIR)
//! cargo bench -- new_leaf load            operations whose names contain one of these
//! cargo bench -- --quick                  fewer objects and rounds
//! cargo bench -- --objects 1000000 growth collection   so many in the large class, and in a collection
//! cargo bench -- --save FILE              writes the figures there, over older ones of the same names
//! cargo bench -- --keep                   what was saved stays there, to be looked at
//! cargo bench -- calls --save FILE        which system calls each path makes; needs strace
//! cargo bench -- compare FILE FILE        how the ratios of two runs differ
//! cargo bench -- report                   writes tables and charts from saved figures into the documentation
//! cargo bench -- report --check           fails if they are not what the saved figures give
//! ```
//!
//! `benches/peers` is the same program with peers: all of the above, and `--peers redb,LMDB` for some of them.
//!
//! - `workloads/`: the operations
//! - `floor/`: the bare system calls for them
//! - `peer`: what a peer must do
//! - `objects`: what is saved, and how the floor and the peers encode it
//! - `ground`: fresh directories, how often and how many, and the check that both sides left the same files
//! - `measure`: taking turns, and medians
//! - `calls`: which system calls a path makes
//! - `memory`, `machine`: what this process takes, and where it runs
//! - `results`, `table`: what was measured: kept, and printed
//! - `report/`: what the documentation says of it

mod calls;
mod floor;
pub(crate) mod ground;
mod machine;
pub(crate) mod measure;
mod memory;
pub(crate) mod objects;
mod options;
pub(crate) mod peer;
mod report;
pub(crate) mod results;
pub(crate) mod table;
mod workloads;

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sepia::Durability;

use ground::Ground;
use options::{Options, Order};
use peer::{Named, Peer};
use results::{Results, Row};
use table::Pair;

pub(crate) type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// Some operations that belong together.
pub(crate) type Workload = fn(&Bench<'_>) -> Result;

pub(crate) use workloads::WORKLOADS;

/// The two sides that are compared where nothing else is said.
const SEPIA_AND_FLOOR: Pair = ("sepia", "floor");

/// Does what the command line asks for, in the repository at `root`.
pub(crate) fn main(root: &str, peers: &[&dyn Peer], workloads: &[Workload]) -> ExitCode {
    let run = || match Options::parse()? {
        Order::Measure(options) => measure(&options, peers, workloads),
        Order::Help => {
            println!("{}", options::USAGE);
            Ok(())
        }
        Order::Compare(one, other) => {
            report::compare(&Results::read(&one)?, &Results::read(&other)?);
            Ok(())
        }
        Order::Calls(options) => trace(&options),
        Order::Report(mode) => report::run(Path::new(root), mode),
        Order::Alone(subject, directory) => workloads::alone(&subject, &directory),
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options, peers: &[&dyn Peer], workloads: &[Workload]) -> Result {
    let bench = Bench::new(options, peers)?;
    println!("{}", bench.ground);
    workloads.iter().try_for_each(|workload| workload(&bench))
}

fn trace(options: &Options) -> Result {
    let ground = Ground::new(options)?;
    let text = calls::text(&calls::trace(&ground.fresh())?);
    match &options.save {
        Some(path) => std::fs::write(path, text)?,
        None => print!("{text}"),
    }
    Ok(())
}

/// What workloads measure with.
pub(crate) struct Bench<'b> {
    ground: Ground,
    peers: Vec<&'b dyn Peer>,
    names: &'b [String],
    save: Option<PathBuf>,
    results: RefCell<Results>,
    head: Cell<Option<Pair>>,
}

impl Deref for Bench<'_> {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.ground
    }
}

impl<'b> Bench<'b> {
    fn new(options: &'b Options, peers: &[&'b dyn Peer]) -> Result<Self> {
        let ground = Ground::new(options)?;
        let facts = machine::facts(ground.root(), ground.scale());
        Ok(Self {
            peers: options.choose(peers)?,
            names: &options.names,
            save: options.save.clone(),
            results: RefCell::new(Results::new(facts)),
            head: Cell::new(None),
            ground,
        })
    }

    /// Whether an operation is asked for.
    pub(crate) fn selects(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|part| name.contains(part.as_str()))
    }

    /// Whether one of some operations is asked for, which need the same preparations.
    pub(crate) fn selects_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.selects(name))
    }

    /// Measures an operation, if it is asked for.
    pub(crate) fn case(&self, name: &str, measure: impl FnOnce(&Self) -> Result<Row>) -> Result {
        self.case_of(SEPIA_AND_FLOOR, name, measure)
    }

    /// The same, where two other sides are compared.
    pub(crate) fn case_of(&self, pair: Pair, name: &str, measure: impl FnOnce(&Self) -> Result<Row>) -> Result {
        if !self.selects(name) {
            return Ok(());
        }
        let row = measure(self).map_err(|error| format!("{name}: {error}"))?;
        self.report(pair, name, row)
    }

    /// Prints a row, and saves it.
    fn report(&self, pair: Pair, name: &str, row: Row) -> Result {
        if self.head.replace(Some(pair)) != Some(pair) {
            table::print_head(pair);
        }
        table::print(name, &row, pair);
        let mut results = self.results.borrow_mut();
        results.put(name, row);
        self.save.as_ref().map_or(Ok(()), |path| results.save(path))
    }

    /// A store of each peer, in a directory of its own. Peers that have no such promise to make are left out.
    fn databases(&self, durability: Durability) -> Result<Vec<Named>> {
        self.open(self.peers.iter().copied(), durability)
    }

    fn open<'p>(&self, peers: impl Iterator<Item = &'p dyn Peer>, durability: Durability) -> Result<Vec<Named>> {
        let mut databases = Vec::new();
        for peer in peers {
            let directory = self.fresh();
            std::fs::create_dir_all(&directory)?;
            let opened = peer.open(&directory, durability).map_err(|error| format!("{}: {error}", peer.name()))?;
            databases.extend(opened.map(|database| (peer.name(), database)));
        }
        Ok(databases)
    }
}
