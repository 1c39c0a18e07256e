//! The hints of newest generations, against the generations that are there.

use std::collections::HashMap;

use rustix::io::Errno;

use super::super::Filesystem;
use super::super::journal::Observed;
use super::super::latest;
use super::super::layout::LATEST;
use super::super::sys;
use crate::backend::to_the_end;
use crate::record::Key;
use crate::record::class::Class;
use crate::record::error::{Error, Result};
use crate::record::name;
use crate::record::problem::{Problem, ProblemKind};

/// The generations of one base.
#[derive(Clone, Copy, Default)]
struct Generations {
    newest: u64,
    /// Generation 0 is there, which is always looked for.
    has_first: bool,
}

impl Filesystem {
    /// Finds hints that are wrong: first without the lock, and if there are any, once more under it.
    pub(super) fn examine_hints(&self, class: &Class, each: &mut dyn FnMut(Problem)) -> Result<()> {
        // Nobody believes them then.
        if matches!(self.journal.observe(&self.root)?, Observed::Untrusted(_)) {
            return Ok(());
        }
        if self.wrong_hints(class)?.is_empty() {
            return Ok(());
        }
        let _held = self.hold_to_look()?;
        self.wrong_hints(class)?.into_iter().for_each(each);
        Ok(())
    }

    fn wrong_hints(&self, class: &Class) -> Result<Vec<Problem>> {
        let class_name = name::encode(class.name());
        let path = format!("{LATEST}/{class_name}");
        let mut hinted = Vec::new();
        let listed = match sys::open_directory_below(&self.root, &path) {
            Ok(directory) => sys::unless_gone(sys::list(&directory, &mut |name, _| hinted.push(name.to_owned()))),
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => return Ok(Vec::new()),
            Err(errno) => Err(errno),
        };
        listed.map_err(|errno| Error::io("list the hints", &self.root.place(&path), errno))?;
        let mut bases: HashMap<Box<str>, Generations> = HashMap::new();
        // What a dead writer has committed counts, also where nobody may carry it out.
        let listed = self.list(
            class.name(),
            &|_| true,
            &mut to_the_end(|id| {
                let (base, generation) = name::split_generation(id).unwrap_or((id, 0));
                let known = bases.entry(base.into()).or_default();
                known.newest = known.newest.max(generation);
                known.has_first |= generation == 0;
            }),
        );
        if listed.is_err() {
            // The class is a problem itself.
            return Ok(Vec::new());
        }
        let mut wrong = Vec::new();
        for base in hinted.iter().filter_map(|name| Key::new(class.name(), &*name::decode(name)?).ok()) {
            let newest = bases.remove(base.id()).map(|known| known.newest);
            let hint = latest::read_hint(&self.root, &base);
            // Writers set it before they make a newer generation, and may die in between: nobody believes it then.
            let is_ahead = matches!((hint, newest), (Some(Some(hint)), Some(newest)) if hint > newest);
            if hint != Some(newest) && !is_ahead && !(hint == Some(None) && latest::is_torn(&self.root, &base)) {
                let says = hint.flatten().map_or("nothing that can be understood".to_owned(), |hint| hint.to_string());
                let is = newest.map_or("there is none".to_owned(), |newest| format!("it is {newest}"));
                let message = format!("the hint of the newest generation says {says}, and {is}");
                wrong.push(Problem::new(ProblemKind::StaleHint, latest::path(&base), message));
            }
        }
        // Invariant: whatever is stored makes a key.
        let missed = bases.iter().find(|(_, known)| !known.has_first).and_then(|(base, _)| {
            let base = Key::new(class.name(), &**base).ok()?;
            self.has_all_hints(&base).ok()?.then_some(base)
        });
        if let Some(base) = missed {
            let message = format!("all bases are said to have their hints, and {:?} has none", base.id());
            wrong.push(Problem::new(ProblemKind::StaleHint, latest::marker(&base), message));
        }
        Ok(wrong)
    }

    /// Sets a hint right, or takes it out of use. Under the writer lock.
    pub(super) fn mend_hint(&self, path: &str) -> Result<Option<String>> {
        let Some(below) = path.strip_prefix(LATEST).and_then(|below| below.strip_prefix('/')) else {
            return Ok(None);
        };
        let Some((class, base)) = below.split_once('/') else {
            self.forget_hint(path)?;
            return Ok(Some("taken out of use".to_owned()));
        };
        let key = name::decode(class).zip(name::decode(base)).map(|(class, base)| Key::new(class, base));
        let Some(Ok(base)) = key else { return Ok(None) };
        let newest = self.by_list(&base)?.map(|newest| newest.generation().1);
        self.set_hint(&base, newest)?;
        Ok(Some("set right".to_owned()))
    }
}
