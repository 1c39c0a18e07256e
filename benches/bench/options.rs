//! The command line.

use std::env;
use std::path::PathBuf;

use super::Result;
use super::peer::Peer;
use super::report::Mode;

pub(crate) const USAGE: &str = "\
usage: cargo bench -- [--dir DIRECTORY] [--quick] [--keep] [--objects COUNT] [--peers NAME,..] [--save FILE] [NAME]..
       cargo bench -- calls [--dir DIRECTORY] [--save FILE]
       cargo bench -- compare FILE FILE
       cargo bench -- report [--check]";

/// What is asked for.
pub(crate) enum Order {
    Measure(Options),
    /// Looks at the system calls.
    Calls(Options),
    Report(Mode),
    /// Two files of saved figures, side by side.
    Compare(PathBuf, PathBuf),
    Help,
    /// One subject, in this process alone; for the bench itself.
    Alone(String, PathBuf),
}

/// How to measure.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) quick: bool,
    pub(crate) keep: bool,
    pub(crate) objects: Option<usize>,
    pub(crate) save: Option<PathBuf>,
    pub(crate) names: Vec<String>,
    peers: Option<Vec<String>>,
}

/// The option by which the bench starts itself.
pub(crate) const ALONE: &str = "--alone";

impl Options {
    pub(crate) fn parse() -> Result<Order> {
        let directory = env::var_os("SEPIA_BENCH_DIR").map(PathBuf::from);
        let mut options = Self { directory, ..Self::default() };
        // `cargo bench` says so; any other run is a test that everything still runs.
        let mut is_bench = cfg!(not(debug_assertions)) && option_env!("CARGO_BIN_NAME").is_some();
        let (mut mode, mut calls) = (None, false);
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().filter(|value| !value.starts_with('-')).ok_or(USAGE);
            match argument.as_str() {
                "--help" => return Ok(Order::Help),
                "--bench" => is_bench = true,
                "compare" => return Ok(Order::Compare(value()?.into(), value()?.into())),
                "calls" => calls = true,
                "report" => mode = Some(Mode::Write),
                "--check" if mode.is_some() => mode = Some(Mode::Check),
                "--quick" => options.quick = true,
                "--keep" => options.keep = true,
                "--objects" => options.objects = Some(objects(&value()?)?),
                "--dir" => options.directory = Some(value()?.into()),
                "--save" => options.save = Some(value()?.into()),
                "--peers" => options.peers = Some(value()?.split(',').map(str::to_owned).collect()),
                ALONE => return Ok(Order::Alone(value()?, value()?.into())),
                option if option.starts_with('-') => return Err(format!("there is no option {option}\n{USAGE}").into()),
                _ => options.names.push(argument),
            }
        }
        options.quick |= !is_bench;
        Ok(match mode {
            Some(mode) => Order::Report(mode),
            None if calls => Order::Calls(options),
            None => Order::Measure(options),
        })
    }

    /// The peers that are asked for: all, where nothing is said.
    pub(crate) fn choose<'p>(&self, peers: &[&'p dyn Peer]) -> Result<Vec<&'p dyn Peer>> {
        let Some(names) = &self.peers else { return Ok(peers.to_vec()) };
        let known = |name: &&String| peers.iter().any(|peer| peer.name() == name.as_str()) || name.as_str() == "none";
        match names.iter().find(|name| !known(name)) {
            Some(name) => {
                let known: Vec<_> = peers.iter().map(|peer| peer.name()).collect();
                Err(format!("there is no peer {name}; there are {}, and `none`", known.join(", ")).into())
            }
            None => Ok(peers.iter().copied().filter(|peer| names.iter().any(|name| name == peer.name())).collect()),
        }
    }
}

/// How many objects a large class and a collection have: folders have a thousand each, and a small class ten thousand.
fn objects(text: &str) -> Result<usize> {
    match text.parse::<usize>()? {
        count if count > 10_000 && count.is_multiple_of(1000) => Ok(count),
        _ => Err(format!("--objects {text}: it takes thousands, and more than 10000").into()),
    }
}
