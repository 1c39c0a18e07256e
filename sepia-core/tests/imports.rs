//! Modules import from the floors below them, and from none above.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The top-level modules, from the ground up.
const FLOORS: [&str; 6] = ["record", "backend", "document", "object", "store", "tools"];

/// The source of one file, with the module that it is.
struct Source {
    path: PathBuf,
    /// `["record", "key"]` of `record/key.rs`.
    module: Vec<String>,
    text: String,
}

/// All files of the crate but its root.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut left) = (Vec::new(), vec![root.clone()]);
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            let inner = path.strip_prefix(&root).unwrap().with_extension("");
            let mut module: Vec<String> =
                inner.iter().map(|part| part.to_str().unwrap().to_owned()).filter(|part| part != "mod").collect();
            if module == ["lib"] {
                module.clear();
            }
            found.push(Source { text: code(&fs::read_to_string(&path).unwrap()), module, path });
        }
    }
    assert!(found.len() > 100, "the sources were not found");
    found
}

/// A source without its comments, and without the tests at its end, which may use what stands on top of it.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The names that begin paths after `prefix`: one, or several in braces.
fn names_after<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(prefix).filter(move |(at, _)| !text[..*at].ends_with(is_name)).flat_map(move |(at, _)| {
        let line = text[..at].matches('\n').count() + 1;
        let rest = &text[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            return vec![(line, rest.split(|letter| !is_name(letter)).next().unwrap_or_default())];
        };
        let (mut depth, mut names, mut begin) = (0, Vec::new(), Some(0));
        for (index, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begin = Some(index + 1),
                _ if depth == 0 && begin.is_some() && is_name(letter) => {
                    let name = &group[index..];
                    names.push((line, name.split(|letter| !is_name(letter)).next().unwrap_or_default()));
                    begin = None;
                }
                _ => {}
            }
        }
        names
    })
}

/// The module that each name comes from that the root of the crate re-exports.
fn re_exports(root: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for module in FLOORS {
        for line in root.split(';').filter(|line| line.contains(&format!("pub use {module}::"))) {
            let after = &line[line.find("pub use ").unwrap_or_default()..];
            for name in after.split(|letter: char| !letter.is_alphanumeric() && letter != '_') {
                found.insert(name.to_owned(), module.to_owned());
            }
        }
    }
    found.retain(|name, module| name != module);
    found
}

#[test]
fn imports_point_down() {
    let sources = sources();
    let root = sources.iter().find(|source| source.module.is_empty()).expect("the crate has a root");
    let re_exports = re_exports(&root.text);
    let floor = |name: &str| FLOORS.iter().position(|floor| *floor == name);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for source in sources.iter().filter(|source| !source.module.is_empty()) {
        let own = floor(&source.module[0]);
        let own = own.unwrap_or_else(|| panic!("{} stands on no floor: add it to FLOORS", source.module[0]));
        let outwards = "super::".repeat(source.module.len());
        for (line, name) in names_after(&source.text, "crate::").chain(names_after(&source.text, &outwards)) {
            let target = re_exports.get(name).map_or(name, String::as_str);
            match floor(target) {
                Some(floor) if floor <= own => seen += 1,
                _ => wrong.push(format!("{}:{line}: {name}", source.path.display())),
            }
        }
    }
    assert!(seen > 500, "only {seen} imports were found");
    assert!(wrong.is_empty(), "these imports point up, or to no module:\n{}", wrong.join("\n"));
}

#[test]
fn paths_are_found_wherever_they_begin() {
    let text =
        code("use crate::{store::{A, B}, record};\n// crate::comment\nfn f(a: crate::tools::X) { xcrate::not }\n");
    let found: Vec<_> = names_after(&text, "crate::").collect();
    assert_eq!(found, [(1, "store"), (1, "record"), (3, "tools")]);
    let re_exports = re_exports("pub use store::{Store,\n Iter}; pub use tools::verify;");
    assert_eq!(re_exports.get("Iter").map(String::as_str), Some("store"));
    assert_eq!(re_exports.get("verify").map(String::as_str), Some("tools"));
}
