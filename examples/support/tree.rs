//! Draws a directory as `tree` does, without what is private to the store.

use std::fs;
use std::io;
use std::path::Path;

/// Prints the tree below `root`.
pub(crate) fn print(root: &Path) -> io::Result<()> {
    println!("{}", root.display());
    branches(root, "")
}

fn branches(directory: &Path, indent: &str) -> io::Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name() != ".sepia" {
            entries.push(entry);
        }
    }
    entries.sort_by_key(|entry| (entry.file_name() != "data.json", entry.file_name()));
    for (index, entry) in entries.iter().enumerate() {
        let is_last = index + 1 == entries.len();
        let (branch, below) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let (name, path, kind) = (entry.file_name(), entry.path(), entry.file_type()?);
        print!("{indent}{branch}{}", name.display());
        if kind.is_symlink() {
            print!(" -> {}", fs::read_link(&path)?.display());
        }
        println!();
        if kind.is_dir() {
            branches(&path, &format!("{indent}{below}"))?;
        }
    }
    Ok(())
}
