//! What can go from a container without making it another one for its type, and why the rest cannot.

use super::judge::{Sight, join};
use super::list;
use crate::record::error::Result;
use crate::record::problem::ProblemKind;
use crate::record::shape;
use crate::record::{Entries, Entry, Node};

/// Which links that lead nowhere a repair removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dangling {
    /// Those in collections, which can do without.
    Elements,
    /// Those that are a field by themselves, too.
    All,
}

/// What becomes of one problem of a container.
pub(super) struct Verdict {
    pub(super) kind: ProblemKind,
    /// Where it is, below the record.
    pub(super) below: String,
    /// What is done, or why nothing is.
    pub(super) outcome: std::result::Result<&'static str, &'static str>,
}

/// Returns a container that is mended as far as can be, and what becomes of each of its problems.
pub(super) fn container(sight: &Sight<'_>, node: &Node, dangling: Dangling) -> Result<(Node, Vec<Verdict>)> {
    let mut mended = node.clone();
    let mut mender = Mender { sight, dangling, verdicts: Vec::new() };
    mender.node(&mut mended, "")?;
    Ok((mended, mender.verdicts))
}

struct Mender<'a> {
    sight: &'a Sight<'a>,
    dangling: Dangling,
    verdicts: Vec<Verdict>,
}

/// Where entries stand: what is said of them in the `data.json` of their container is by the path from there.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// Below the record.
    below: &'a str,
    /// Where in that the path from the container begins.
    from: usize,
    are_fields: bool,
}

impl Mender<'_> {
    fn node(&mut self, node: &mut Node, below: &str) -> Result<()> {
        let from = if below.is_empty() { 0 } else { below.len() + 1 };
        let mut emptied = Vec::new();
        self.entries(&mut node.entries, Place { below, from, are_fields: true }, &mut emptied)?;
        if !emptied.is_empty() {
            node.data = shape::add_empty(&node.data, emptied)?;
        }
        Ok(())
    }

    fn entries(&mut self, entries: &mut Entries, place: Place<'_>, emptied: &mut Vec<String>) -> Result<()> {
        let renumber = !place.are_fields && self.list(entries, place.below);
        let mut failed = Ok(());
        entries.retain(|name, entry| {
            let below = join(place.below, name.as_str());
            let kept = if failed.is_ok() { self.entry(entry, &below, place, emptied) } else { Ok(true) };
            kept.unwrap_or_else(|error| {
                failed = Err(error);
                true
            })
        });
        failed?;
        if renumber {
            list::renumber(entries);
        }
        Ok(())
    }

    /// Returns whether the entry stays.
    fn entry(&mut self, entry: &mut Entry, below: &str, place: Place<'_>, emptied: &mut Vec<String>) -> Result<bool> {
        match entry {
            Entry::Link(link) => {
                if self.sight.leads(link)? {
                    return Ok(true);
                }
                let outcome = if place.are_fields && self.dangling == Dangling::Elements {
                    Err("only the program knows whether this field may be missing")
                } else {
                    Ok("the link was removed")
                };
                self.verdicts.push(Verdict { kind: ProblemKind::Dangling, below: below.to_owned(), outcome });
                Ok(outcome.is_err())
            }
            Entry::Collection(entries) if !entries.is_empty() => {
                let before = emptied.len();
                self.entries(entries, Place { below, are_fields: false, ..place }, emptied)?;
                // What is said of a collection says that those around it are there.
                if entries.is_empty() && emptied.len() == before {
                    emptied.push(below[place.from..].to_owned());
                }
                Ok(!entries.is_empty())
            }
            Entry::Container(node) => self.node(node, below).map(|()| true),
            Entry::Collection(_) | Entry::Stray => Ok(true),
        }
    }

    /// Judges the indices of a list. Returns whether it is to be numbered anew.
    fn list(&mut self, entries: &Entries, below: &str) -> bool {
        let Some(elements) = list::elements(entries) else { return false };
        let outcome = if list::is_whole(&elements) {
            Ok("the list was numbered anew")
        } else {
            Err("some indices are missing, or names say other ids, so they may be keys: only the program knows")
        };
        let mut is_wrong = false;
        for twice in list::duplicates(&elements) {
            is_wrong = true;
            let below = join(below, twice.name.as_str());
            self.verdicts.push(Verdict { kind: ProblemKind::DuplicateIndex, below, outcome });
        }
        is_wrong && outcome.is_ok()
    }
}
