//! Tables and charts of the documentation, from saved figures.
//!
//! `docs/performance/` holds the figures: `tmpfs.tsv` and `disk.tsv`, and of classes of a million objects
//! `tmpfs-million.tsv` and `disk-million.tsv`; `backends-tmpfs.tsv` and `backends-disk.tsv` compare backends,
//! `calls.tsv` has the system calls, and `derive.md` what compiling takes. What stands between two markers in
//! [`PAGES`] is made from them, as are the charts beside them.

mod backends;
mod bars;
mod compare;
mod dots;
mod drawing;
mod tables;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::Result;
use crate::bench::results::Results;

pub(crate) use compare::compare;

/// The files that have generated parts.
const PAGES: [&str; 3] = ["docs/performance.md", "docs/backends.md", "README.md"];

/// What must be the same in all files of figures: the page names one machine for all.
const SAME: [&str; 4] = ["processor", "cores", "machine", "kernel"];

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
    backends: [Option<Results>; 2],
    /// The system calls of each path.
    calls: Option<Vec<Calls>>,
    /// What `benches/derive` has printed.
    derive: Option<String>,
}

/// A path, a side, and its calls.
type Calls = [String; 3];

/// What the two media are called in a head of a table.
const MEDIA: [&str; 2] = ["tmpfs", "disk"];

impl Saved {
    fn read(directory: &Path) -> Result<Self> {
        let read = |name: &str| -> Result<Option<Results>> {
            let path = directory.join(name);
            path.exists().then(|| Results::read(&path)).transpose()
        };
        let [memory, disk] = MEDIA;
        let saved = Self {
            usual: [read(&format!("{memory}.tsv"))?, read(&format!("{disk}.tsv"))?],
            million: [read(&format!("{memory}-million.tsv"))?, read(&format!("{disk}-million.tsv"))?],
            backends: [read(&format!("backends-{memory}.tsv"))?, read(&format!("backends-{disk}.tsv"))?],
            calls: text(&directory.join("calls.tsv"))?.as_deref().map(calls).transpose()?,
            derive: text(&directory.join("derive.md"))?,
        };
        saved.check_same()?;
        Ok(saved)
    }

    fn all(&self) -> impl Iterator<Item = &Results> {
        self.usual.iter().chain(&self.million).chain(&self.backends).flatten()
    }

    /// Refuses figures of several machines.
    fn check_same(&self) -> Result {
        for name in SAME {
            let mut facts = self.all().filter_map(|results| results.fact(name));
            let Some(first) = facts.next() else { continue };
            if let Some(other) = facts.find(|fact| *fact != first) {
                return Err(
                    format!("the saved figures are of several machines: {name} {first:?}, and {other:?}").into()
                );
            }
        }
        Ok(())
    }

    /// A medium by the name of its file system.
    fn medium(&self, at: usize) -> String {
        let known = self.usual[at].as_ref().or(self.million[at].as_ref()).or(self.backends[at].as_ref());
        known.and_then(|results| results.fact("file system")).unwrap_or(MEDIA[at]).to_owned()
    }
}

/// Reads a file that may be missing, and nothing else.
fn text(path: &Path) -> Result<Option<String>> {
    let read = || fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    Ok(path.exists().then(read).transpose()?)
}

fn calls(text: &str) -> Result<Vec<Calls>> {
    let of = |line: &str| -> Result<Calls> {
        match line.split('\t').collect::<Vec<_>>()[..] {
            [path, side, calls] => Ok([path, side, calls].map(str::to_owned)),
            _ => Err(format!("calls.tsv: this is not a path, a side and its calls: {line:?}").into()),
        }
    };
    text.lines().map(of).collect()
}

pub(crate) fn run(root: &Path, mode: Mode) -> Result {
    let directory = root.join("docs/performance");
    let saved = Saved::read(&directory)?;
    let parts = tables::parts(&saved);
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let mut found = Vec::new();
    for name in PAGES {
        let path = root.join(name);
        let text = fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
        files.push((path, spliced(&text, &parts, &mut found).map_err(|error| format!("{name}: {error}"))?));
    }
    if let Some((name, _)) = parts.iter().find(|(name, _)| !found.contains(name)) {
        return Err(format!("no page has a place for {name:?}: <!-- {name}{BEGIN}").into());
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

/// What follows the name of a part where it begins, and what ends it.
const BEGIN: &str = ": generated -->\n";
const END: &str = "<!-- end -->";

/// Puts each part between its markers, wherever they stand, and says which were there.
fn spliced<'p>(text: &str, parts: &'p [(&str, String)], found: &mut Vec<&'p str>) -> Result<String> {
    let (mut made, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(BEGIN) {
        let (before, after) = rest.split_at(at + BEGIN.len());
        let name = before[..at].rsplit_once("<!-- ").map_or("", |(_, name)| name);
        let known = parts.iter().find(|(known, _)| *known == name);
        let (name, part) = known.ok_or_else(|| format!("there is no part {name:?}"))?;
        let end = after.find(END).filter(|end| !after[..*end].contains(BEGIN));
        rest = &after[end.ok_or_else(|| format!("{name:?} has no end"))?..];
        made += &format!("{before}\n{part}\n");
        found.push(name);
    }
    Ok(made + rest)
}
