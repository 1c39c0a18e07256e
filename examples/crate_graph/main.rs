//! The packages that a workspace is built from, as objects: a real graph, with diamonds and cycles.
//!
//! Reads what `cargo metadata` tells, for the platform that this runs on; saves every package as a
//! container; opens the store again and proves that each package equals what was read; and answers,
//! from the store alone, who depends on a package and by which path. A second run writes only what
//! has changed. Where the store keeps all that is for its URL to say: files, unless another is given.
//!
//! ```text
//! cargo run --release --example crate_graph                        # this workspace
//! cargo run --release --example crate_graph -- ../other            # another one, or its Cargo.toml
//! cargo run --release --example crate_graph -- saved.json          # the saved output of `cargo metadata`
//! cargo run --release --example crate_graph -- --why serde_core    # a name, or an id like syn-2.0.1
//! cargo run --release --example crate_graph -- --store sqlite:     # a database; or file:PATH, sqlite:PATH, memory:
//! ```

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use sepia::{Container, Id, Object, Ref, Serializable, Store};

mod cargo;
mod read;
mod why;

/// What a store of this example is about.
#[derive(Container, Debug, PartialEq)]
struct Workspace {
    id: Id<Workspace>,
    root: String,
    members: BTreeSet<Ref<Package>>,
}

/// One directory, e.g. `Package/serde-1.0.229`.
#[derive(Container, Debug, PartialEq)]
struct Package {
    id: Id<Package>,
    name: String,
    version: String,
    source: Option<String>, // none if it lies on this machine
    edition: String,
    description: Option<String>,
    authors: Vec<String>,
    license: Option<String>,
    features: BTreeMap<String, Vec<String>>,
    targets: Vec<Target>,
    readme: Option<Document>,
    license_files: BTreeMap<String, Document>,
    // Links alone: what they lead to is saved and loaded by itself, and may lead back.
    dependencies: BTreeSet<Ref<Package>>,
    build_dependencies: BTreeSet<Ref<Package>>,
    dev_dependencies: BTreeSet<Ref<Package>>,
}

/// A directory inside its package's: a library, a program, a test.
#[derive(Container, Debug, PartialEq)]
struct Target {
    id: Id<Target>,
    name: String,
    kind: Vec<String>,
    crate_types: Vec<String>,
    edition: String,
    src_path: String,
    required_features: Vec<String>,
}

/// One file: a readme or a licence. Bytes, since nobody promises that they are UTF-8.
#[derive(Serializable, Debug, PartialEq)]
#[sepia(content = "bytes")]
struct Document {
    id: Id<Document>,
    bytes: Vec<u8>,
}

/// How the URLs of stores begin, or, in memory, all of it.
const FILE: &str = "file:";
const SQLITE: &str = "sqlite:";
const MEMORY: &str = "memory:";

/// The one `Workspace` of a store.
const WORKSPACE: &str = "workspace";

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let Arguments { input, why, store } = Arguments::parse(env::args_os().skip(1))?;

    let clock = Instant::now();
    let metadata = cargo::metadata(input.as_deref())?;
    let url = url(store.as_deref(), &metadata);
    let read = read::graph(metadata)?;
    report("read", &read.contents(), clock);

    let clock = Instant::now();
    let store = Store::builder().open_url(&url)?;
    let deleted = read.save(&store)?;
    let deleted = if deleted > 0 { format!(", and {deleted} deleted that are gone") } else { String::new() };
    report("saved", &format!("into {url}{deleted}"), clock);

    let clock = Instant::now();
    // What is in memory ends with its store; elsewhere, only what is opened anew proves anything.
    let store = if url == MEMORY { store } else { Store::builder().open_url(&url)? };
    let loaded = Graph::load(&store)?;
    loaded.prove_equal(&read)?;
    report("loaded", "everything again, equal to what was read", clock);

    if let Some(seen) = why::explain(&loaded, why.as_deref())? {
        if let Some(directory) = url.strip_prefix(FILE) {
            println!("\nlook at\n  {}", Path::new(directory).join("Package").join(seen.as_str()).display());
        } else if url != MEMORY {
            println!("\nlook at it with\n  sepia --store {url} show Package/{seen}");
        }
    }
    Ok(())
}

/// A workspace with all its packages.
#[derive(PartialEq)]
struct Graph {
    workspace: Workspace,
    packages: BTreeMap<Id<Package>, Package>,
}

impl Graph {
    /// Makes the store hold this and nothing else. Returns how many objects had to go.
    fn save(&self, store: &Store) -> Result<usize> {
        store.save_all(self.packages.values())?;
        store.save(&self.workspace)?;
        let documents = self.packages.values().flat_map(Package::documents).map(|document| &document.id);
        Ok(delete_others(store, self.packages.keys())? + delete_others(store, documents)?)
    }

    fn load(store: &Store) -> Result<Self> {
        let packages = store.iter::<Package>()?.map(|package| package.map(|package| (package.id.clone(), package)));
        Ok(Self { packages: packages.collect::<Result<_, _>>()?, workspace: store.load(WORKSPACE)? })
    }

    fn prove_equal(&self, read: &Self) -> Result<()> {
        let mut ids = self.packages.keys().chain(read.packages.keys());
        if let Some(id) = ids.find(|id| self.packages.get(*id) != read.packages.get(*id)) {
            return Err(format!("the package {id} was loaded other than it was read").into());
        }
        if self.workspace != read.workspace {
            return Err("the workspace was loaded other than it was read".into());
        }
        Ok(())
    }

    fn contents(&self) -> String {
        let sum = |count: fn(&Package) -> usize| self.packages.values().map(count).sum::<usize>();
        let build = sum(|package| package.build_dependencies.len());
        let dev = sum(|package| package.dev_dependencies.len());
        format!(
            "{} packages, {} targets, {} documents, {} dependencies ({build} build, {dev} dev)",
            self.packages.len(),
            sum(|package| package.targets.len()),
            sum(|package| package.documents().count()),
            sum(|package| package.dependencies.len()) + build + dev,
        )
    }
}

impl Package {
    fn documents(&self) -> impl Iterator<Item = &Document> {
        self.license_files.values().chain(&self.readme)
    }
}

fn delete_others<'a, T: Object>(store: &Store, kept: impl Iterator<Item = &'a Id<T>>) -> Result<usize> {
    let kept: HashSet<_> = kept.collect();
    let mut deleted = 0;
    for id in store.ids::<T>()?.iter().filter(|id| !kept.contains(id)) {
        deleted += usize::from(store.delete(id)?);
    }
    Ok(deleted)
}

/// What was asked for; a kind of store without a path is in the target directory, where each workspace has its own.
/// Those of one name differ in the hash.
fn url(asked: Option<&str>, metadata: &cargo::Metadata) -> String {
    let root = &metadata.workspace_root;
    let name = Path::new(root).file_name().unwrap_or("workspace".as_ref());
    let place = format!("target/crate_graph/{}-{:08x}", name.display(), hash(root));
    match asked {
        None | Some(FILE) => format!("{FILE}{place}"),
        Some(SQLITE) => format!("{SQLITE}{place}.db"),
        Some(url) => url.to_owned(),
    }
}

/// FNV-1a: unlike the hashes of `std`, the same with every version of Rust.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn report(done: &str, what: &str, since: Instant) {
    println!("{done:<8}{what:<88}{:>6.2} s", since.elapsed().as_secs_f64());
}

struct Arguments {
    input: Option<PathBuf>,
    why: Option<String>,
    store: Option<String>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Self> {
        const USAGE: &str = "usage: crate_graph [<workspace> | <Cargo.toml> | <saved metadata>] [--why <package>] \
                             [--store file:[<path>] | sqlite:[<path>] | memory:]";
        let (mut input, mut why, mut store) = (None, None, None);
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some(flag @ ("--why" | "--store")) => {
                    let asked = if flag == "--why" { &mut why } else { &mut store };
                    let value = arguments.next().and_then(|value| value.into_string().ok());
                    if asked.replace(value.ok_or(USAGE)?).is_some() {
                        return Err(USAGE.into());
                    }
                }
                Some(flag) if flag.starts_with('-') => return Err(USAGE.into()),
                _ if input.is_none() => input = Some(argument.into()),
                _ => return Err(USAGE.into()),
            }
        }
        let has_scheme = |url: &String| [FILE, SQLITE, MEMORY].iter().any(|scheme| url.starts_with(scheme));
        if store.as_ref().is_some_and(|url| !has_scheme(url)) {
            return Err(USAGE.into());
        }
        Ok(Self { input, why, store })
    }
}
