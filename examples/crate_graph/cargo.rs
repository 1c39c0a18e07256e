//! What `cargo metadata` tells, as far as it is of interest here.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::Result;

#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    /// Who depends on whom; `None` after `cargo metadata --no-deps`.
    pub(crate) resolve: Option<Resolve>,
    pub(crate) workspace_members: Vec<String>,
    pub(crate) workspace_root: String,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    /// Unique, and told by nothing else.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) source: Option<String>,
    #[serde(default = "first_edition")]
    pub(crate) edition: String,
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) authors: Vec<String>,
    pub(crate) license: Option<String>,
    pub(crate) license_file: Option<String>,
    pub(crate) readme: Option<String>,
    pub(crate) manifest_path: String,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    pub(crate) crate_types: Vec<String>,
    #[serde(default = "first_edition")]
    pub(crate) edition: String,
    pub(crate) src_path: String,
    #[serde(default, rename = "required-features")]
    pub(crate) required_features: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Deserialize)]
pub(crate) struct Node {
    /// The id of a package.
    pub(crate) id: String,
    pub(crate) deps: Vec<Dependency>,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    /// The id of a package.
    pub(crate) pkg: String,
    pub(crate) dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
pub(crate) struct DependencyKind {
    /// `None` for a normal dependency.
    pub(crate) kind: Option<Kind>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Build,
    Dev,
}

fn first_edition() -> String {
    "2015".to_owned()
}

/// Reads a file of saved metadata, or asks cargo about a workspace: this one, if no path is given.
pub(crate) fn metadata(input: Option<&Path>) -> Result<Metadata> {
    let input = input.unwrap_or(Path::new(env!("CARGO_MANIFEST_DIR")));
    let (origin, json) = if input.is_dir() {
        ("the answer of cargo".to_owned(), ask(&input.join("Cargo.toml"))?)
    } else if input.extension().is_some_and(|extension| extension == "toml") {
        ("the answer of cargo".to_owned(), ask(input)?)
    } else {
        let json = fs::read(input).map_err(|error| format!("cannot read {}: {error}", input.display()))?;
        (input.display().to_string(), json)
    };
    let metadata = serde_json::from_slice(&json);
    metadata
        .map_err(|error| format!("{origin} is not the output of `cargo metadata --format-version 1`: {error}").into())
}

fn ask(manifest: &Path) -> Result<Vec<u8>> {
    let mut arguments = ["metadata", "--format-version", "1", "--manifest-path"].map(OsString::from).to_vec();
    arguments.push(manifest.into());
    // For every platform, this would take packages that no build here has downloaded.
    let version = cargo(&["-vV".into()])?;
    if let Some(platform) = String::from_utf8_lossy(&version).lines().find_map(|line| line.strip_prefix("host: ")) {
        arguments.extend(["--filter-platform".into(), platform.into()]);
    }
    cargo(&arguments)
}

/// Runs cargo, whose complaints go to the terminal.
fn cargo(arguments: &[OsString]) -> Result<Vec<u8>> {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&program).args(arguments).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("{} failed ({})", program.display(), output.status).into());
    }
    Ok(output.stdout)
}
