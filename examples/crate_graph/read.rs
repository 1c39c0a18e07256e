//! From cargo's metadata to objects.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;

use sepia::{Id, Ref};

use crate::{Document, Graph, Package, Result, Target, WORKSPACE, Workspace, cargo};

/// Makes the objects of a workspace, with the readmes and licences that are there.
pub(crate) fn graph(metadata: cargo::Metadata) -> Result<Graph> {
    let resolve = metadata.resolve.ok_or("the metadata tells of no dependencies: leave `--no-deps` out")?;
    let mut nodes: HashMap<String, cargo::Node> =
        resolve.nodes.into_iter().map(|node| (node.id.clone(), node)).collect();
    let members: HashSet<&str> = metadata.workspace_members.iter().map(String::as_str).collect();
    let names = names(&metadata.packages, &members)?;
    let undescribed = |id: &str| format!("the metadata names the package {id}, and does not describe it");
    let link = |id: &str| names.get(id).map(Ref::new).ok_or_else(|| undescribed(id));

    let mut packages = BTreeMap::new();
    let members = metadata.workspace_members.iter().map(|id| link(id)).collect::<Result<_, _>>()?;
    for described in metadata.packages {
        let id = names[&described.id].clone();
        let node = nodes.remove(&described.id);
        let mut package = package(id.clone(), described)?;
        // A package without a node is no part of the build, so nothing is known of its dependencies.
        for dependency in node.into_iter().flat_map(|node| node.deps) {
            let target = link(&dependency.pkg)?;
            for cargo::DependencyKind { kind } in dependency.dep_kinds {
                let links = match kind {
                    None => &mut package.dependencies,
                    Some(cargo::Kind::Build) => &mut package.build_dependencies,
                    Some(cargo::Kind::Dev) => &mut package.dev_dependencies,
                };
                links.insert(target.clone());
            }
        }
        packages.insert(id, package);
    }
    if let Some(id) = nodes.keys().next() {
        return Err(undescribed(id).into());
    }
    Ok(Graph { workspace: Workspace { id: WORKSPACE.into(), root: metadata.workspace_root, members }, packages })
}

/// Gives every package an id that people can read, by cargo's id.
fn names(packages: &[cargo::Package], members: &HashSet<&str>) -> Result<HashMap<String, Id<Package>>> {
    let mut names = HashMap::new();
    let mut taken = HashMap::new();
    for package in packages {
        let name = name(package, members.contains(package.id.as_str()));
        if let Some(other) = taken.insert(name.clone(), &package.id) {
            return Err(format!("{other} and {} would both be called {name}", package.id).into());
        }
        names.insert(package.id.clone(), name);
    }
    Ok(names)
}

/// Tells name and version; and, since only cargo's own registry has one package at most of each, any other origin.
fn name(package: &cargo::Package, is_member: bool) -> Id<Package> {
    let cargo::Package { id, name, version, source, .. } = package;
    let origin = match source.as_deref() {
        // However it is reached, cargo names its own registry by the index in which it keeps it.
        Some(source) if source.starts_with("registry+") && source.ends_with("/crates.io-index") => {
            return format!("{name}-{version}").into();
        }
        Some(source) => source.split('+').next().unwrap_or_default(),
        None if is_member => return format!("{name}-{version}@workspace").into(),
        None => "path",
    };
    format!("{name}-{version}@{origin}-{:08x}", fnv1a(id)).into()
}

/// A hash that is the same everywhere and always, as ids have to be.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn package(id: Id<Package>, described: cargo::Package) -> Result<Package> {
    let directory = Path::new(&described.manifest_path).parent().unwrap_or(Path::new(""));
    let readme = match &described.readme {
        Some(path) => document(&id, directory, path)?,
        None => None,
    };
    let mut license_files = BTreeMap::new();
    for path in license_paths(directory)?.into_iter().chain(described.license_file) {
        if let Some(document) = document(&id, directory, &path)? {
            license_files.insert(path, document);
        }
    }
    Ok(Package {
        targets: described.targets.into_iter().map(|described| target(directory, described)).collect(),
        id,
        name: described.name,
        version: described.version,
        source: described.source,
        edition: described.edition,
        description: described.description,
        authors: described.authors,
        license: described.license,
        features: described.features,
        readme,
        license_files,
        dependencies: BTreeSet::new(),
        build_dependencies: BTreeSet::new(),
        dev_dependencies: BTreeSet::new(),
    })
}

fn target(directory: &Path, described: cargo::Target) -> Target {
    let path = Path::new(&described.src_path);
    let path = path.strip_prefix(directory).unwrap_or(path);
    Target {
        // A library and a program can have one name.
        id: format!("{}-{}", described.kind.join("+"), described.name).into(),
        src_path: path.display().to_string(),
        name: described.name,
        kind: described.kind,
        crate_types: described.crate_types,
        edition: described.edition,
        required_features: described.required_features,
    }
}

/// Reads a file of a package, if it is there: packages need not bring the files that they name.
fn document(package: &Id<Package>, directory: &Path, path: &str) -> Result<Option<Document>> {
    let file = directory.join(path);
    if !file.is_file() {
        return Ok(None);
    }
    let bytes = fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(Some(Document { id: format!("{package}-{path}").into(), bytes }))
}

/// Finds the files that are licences by their names. The metadata names one at most.
fn license_paths(directory: &Path) -> Result<Vec<String>> {
    let failed = |error: io::Error| format!("cannot list {}: {error}", directory.display());
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        // Saved metadata may come from another machine.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error).into()),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str() else { continue };
        let upper = name.to_ascii_uppercase();
        if ["LICENSE", "LICENCE", "UNLICENSE", "COPYING"].iter().any(|start| upper.starts_with(start)) {
            paths.push(name.to_owned());
        }
    }
    Ok(paths)
}
