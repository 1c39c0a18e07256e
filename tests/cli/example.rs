//! The store that the example `crate_graph` makes: this workspace and all that it depends on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Sandbox;

/// The example, which `cargo test` builds beside the command; with `--test cli` it does not.
fn example() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_sepia")).with_file_name("examples").join("crate_graph");
    if !beside.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "sepia", "--example", "crate_graph"]);
        let target = beside.ancestors().nth(3).unwrap();
        assert!(cargo.env("CARGO_TARGET_DIR", target).status().unwrap().success());
    }
    beside
}

impl Sandbox {
    /// Makes the store `data` of the packages of this workspace.
    fn of_packages() -> Self {
        let sandbox = Self::empty();
        let made = Command::new(example()).current_dir(sandbox.path("")).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let stores = std::fs::read_dir(sandbox.path("target/crate_graph")).unwrap();
        let stores: Vec<_> = stores.map(|store| store.unwrap().path()).collect();
        let [store] = &stores[..] else { panic!("{stores:?}") };
        std::fs::rename(store, sandbox.path("data")).unwrap();
        sandbox
    }

    fn lines(&self, arguments: &str) -> BTreeSet<String> {
        self.sepia(arguments).stdout().lines().map(str::to_owned).collect()
    }
}

#[test]
fn who_depends_on_serde() {
    let sandbox = Sandbox::of_packages();
    let packages = sandbox.lines("ls Package");
    let serde = packages.iter().find(|package| package.starts_with("Package/serde-1.")).unwrap();

    let said = sandbox.sepia(&format!("backlinks {serde} --json")).json();
    let said: BTreeSet<_> = said.iter().map(|line| line["object"].as_str().unwrap().to_owned()).collect();
    let link = format!("-> {serde}");
    let links_there = |package: &&String| sandbox.sepia(&format!("links {package}")).stdout().contains(&link);
    let expected: BTreeSet<_> = packages.iter().filter(links_there).cloned().collect();
    assert!(!expected.is_empty());
    assert_eq!(said, expected);

    // Whoever depends on it over others, too, and nobody else.
    let graph = &sandbox.sepia(&format!("graph --reverse {serde} --json")).json()[0];
    let nodes: BTreeSet<_> =
        graph["nodes"].as_array().unwrap().iter().map(|node| node["object"].as_str().unwrap()).collect();
    assert!(nodes.contains("Workspace/workspace") && expected.iter().all(|package| nodes.contains(package.as_str())));
    for edge in graph["edges"].as_array().unwrap() {
        assert!(nodes.contains(edge["from"].as_str().unwrap()) && nodes.contains(edge["to"].as_str().unwrap()));
    }
    for node in &nodes {
        let below = &sandbox.sepia(&format!("graph {node} --json")).json()[0];
        assert!(below["nodes"].as_array().unwrap().iter().any(|below| below["object"] == **serde), "{node}");
    }

    let tree = sandbox.sepia("tree Workspace/workspace").stdout();
    for package in &packages {
        assert!(tree.contains(&format!("-> {package}\n")), "{package}");
    }
    assert_eq!(sandbox.sepia("stats --json").json()[0]["classes"][1]["objects"], packages.len());
}

/// What a person does who has never seen the code.
#[test]
fn what_was_broken_is_mended_and_what_was_lost_is_restored() {
    let sandbox = Sandbox::of_packages();
    let packages = sandbox.lines("ls Package");
    let serde = packages.iter().find(|package| package.starts_with("Package/serde-1.")).unwrap();
    assert_eq!(sandbox.sepia("verify").code(), 0);

    sandbox.write(&format!("data/{serde}/data.json"), "{\"name\": \"ser");
    let found = sandbox.sepia("verify");
    assert_eq!(found.code(), 1);
    assert!(found.stdout().contains(&format!("undecodable  {serde}/data.json")), "{found}");

    let mended = sandbox.sepia("verify --repair");
    assert_eq!(mended.code(), 0, "{mended}");
    assert_eq!(sandbox.sepia("verify").code(), 0);
    // Who depended on it does so no more, and nothing else is gone.
    let left = sandbox.lines("ls Package");
    assert_eq!(packages.difference(&left).collect::<Vec<_>>(), [serde]);
    assert_eq!(sandbox.sepia(&format!("backlinks {serde}")).code(), 2);

    let exported = sandbox.lines("export");
    assert_eq!(sandbox.sepia("backup all.tar").code(), 0);
    std::fs::remove_dir_all(sandbox.path("data")).unwrap();
    assert_eq!(sandbox.sepia("ls").code(), 2);
    let restored = sandbox.sepia("restore all.tar");
    assert_eq!(restored.code(), 0, "{restored}");
    assert_eq!(sandbox.lines("export"), exported);
    assert_eq!(sandbox.sepia("verify").code(), 0);
}

#[test]
fn the_answers_are_the_same_wherever_the_store_is() {
    let sandbox = Sandbox::empty();
    let answer = |store: &str| {
        // Twice: the second run finds everything there already, where anything stays.
        let [first, second] = [(), ()].map(|()| {
            let mut example = Command::new(example());
            example.args(["--store", store, "--why", "serde"]).current_dir(sandbox.path(""));
            let ran = sandbox.ran(example.output().unwrap());
            assert_eq!(ran.code(), 0, "{store}: {ran}");
            let said = ran.stdout();
            let (_, answer) = said.split_once("\n\n").unwrap();
            answer.split("\n\nlook at").next().unwrap().trim_end().to_owned()
        });
        assert_eq!(first, second, "{store}");
        first
    };
    let files = answer("file:elsewhere");
    assert!(files.contains("who depends on serde-1") && files.contains(" \u{2192} "), "{files}");
    for store in ["memory:", "sqlite:elsewhere.db"] {
        assert_eq!(answer(store), files, "{store}");
    }
    // And the stores hold the same.
    let exported = |store: &str| {
        let mut lines: Vec<String> =
            sandbox.sepia(&format!("-s {store} export")).stdout().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(exported("sqlite:elsewhere.db"), exported("elsewhere"));
}
