//! Tables and charts of the documentation, from saved figures.
//!
//! `docs/performance/` holds the figures: `tmpfs.tsv` and `disk.tsv`, and of classes of a million objects
//! `tmpfs-million.tsv` and `disk-million.tsv`; `calls.tsv` has the system calls, and `derive.md` what compiling takes.
//! What stands between two markers in `docs/performance.md` and `README.md` is made from them, as are the charts beside
//! them.

mod bars;
mod dots;
mod drawing;
mod tables;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::Result;
use crate::bench::results::Results;

/// Whether to write the documentation, or to say whether it is as it would be written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// The figures on tmpfs and on a disk, as far as they were measured.
struct Saved {
    usual: [Option<Results>; 2],
    million: [Option<Results>; 2],
    /// The system calls of each path.
    calls: Option<String>,
    /// What `benches/derive` has printed.
    derive: Option<String>,
}

/// What the two media are called in a head of a table.
const MEDIA: [&str; 2] = ["tmpfs", "disk"];

impl Saved {
    fn read(directory: &Path) -> Result<Self> {
        let read = |name: &str| -> Result<Option<Results>> {
            let path = directory.join(name);
            path.exists().then(|| Results::read(&path)).transpose()
        };
        let [memory, disk] = MEDIA;
        Ok(Self {
            usual: [read(&format!("{memory}.tsv"))?, read(&format!("{disk}.tsv"))?],
            calls: fs::read_to_string(directory.join("calls.tsv")).ok(),
            derive: fs::read_to_string(directory.join("derive.md")).ok(),
            million: [read(&format!("{memory}-million.tsv"))?, read(&format!("{disk}-million.tsv"))?],
        })
    }

    /// A medium by the name of its file system.
    fn medium(&self, at: usize) -> String {
        let known = self.usual[at].as_ref().or(self.million[at].as_ref());
        known.and_then(|results| results.fact("file system")).unwrap_or(MEDIA[at]).to_owned()
    }
}

pub(crate) fn run(root: &Path, mode: Mode) -> Result {
    let directory = root.join("docs/performance");
    let saved = Saved::read(&directory)?;
    let parts = tables::parts(&saved);
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for name in ["docs/performance.md", "README.md"] {
        let path = root.join(name);
        let text = fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
        files.push((path, spliced(text, &parts).map_err(|error| format!("{name}: {error}"))?));
    }
    files.push((directory.join("floor.svg"), bars::chart(&saved)));
    files.push((directory.join("peers.svg"), dots::chart(&saved)));
    for (path, text) in files {
        let is_same = fs::read_to_string(&path).is_ok_and(|before| before == text);
        match mode {
            _ if is_same => {}
            Mode::Write => fs::write(&path, text)?,
            Mode::Check => {
                let name = path.strip_prefix(root).unwrap_or(&path).display();
                return Err(format!("{name} is not what the saved figures give: cargo bench -- report").into());
            }
        }
    }
    Ok(())
}

/// Puts each part between its markers, wherever they stand.
fn spliced(mut text: String, parts: &[(&str, String)]) -> Result<String> {
    for (name, part) in parts {
        let (begin, end) = (format!("<!-- {name}: generated -->\n"), "<!-- end -->");
        let Some(at) = text.find(&begin) else { continue };
        let start = at + begin.len();
        let length = text[start..].find(end).ok_or_else(|| format!("{name:?} has no end"))?;
        text.replace_range(start..start + length, &format!("\n{part}\n"));
    }
    Ok(text)
}
