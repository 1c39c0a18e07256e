//! Draws a directory as `tree` does, without what is private to the store.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// Draws the tree below `root`.
pub(crate) fn draw(root: &Path) -> io::Result<String> {
    let mut drawing = format!("{}\n", root.display());
    branches(root, "", &mut drawing)?;
    Ok(drawing)
}

fn branches(directory: &Path, indent: &str, drawing: &mut String) -> io::Result<()> {
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
        // Writing to a string does not fail.
        let _ = write!(drawing, "{indent}{branch}{}", name.display());
        if kind.is_symlink() {
            let _ = write!(drawing, " -> {}", fs::read_link(&path)?.display());
        }
        drawing.push('\n');
        if kind.is_dir() {
            branches(&path, &format!("{indent}{below}"), drawing)?;
        }
    }
    Ok(())
}
