//! Looking at everything in the root.

use rustix::io::Errno;

use super::super::commit::Unfinished;
use super::super::journal::Observed;
use super::super::layout::{CONFLICTS, MAX_DIRECTORIES, TMP};
use super::super::stuck::Stuck;
use super::super::sys::{self, Directory, Kind};
use super::super::{Filesystem, recover};
use super::walk::{self, FOREIGN, Walked, is_hidden};
use crate::backend::Examined;
use crate::record::Key;
use crate::record::class::Class;
use crate::record::error::{Error, Result};
use crate::record::name::{self, MAX_NAME};
use crate::record::problem::{Problem, ProblemKind};

/// Takes whatever stands under the name of a record, and where to tell of problems.
type EachRecord<'f> = dyn FnMut(&Directory, Key, Kind, &mut dyn FnMut(Problem)) + 'f;

/// How many records are looked at again while writers are kept off.
const CHUNK: usize = 64;

impl Filesystem {
    /// Finds what is wrong. First without the lock; what may be the work of a writer is looked at again under it.
    pub(super) fn examine_all(&self, each: &mut dyn FnMut(Problem)) -> Result<Examined> {
        let mut examined = Examined::default();
        let mut suspects = Vec::new();
        let classes = self.declared()?;
        self.examine_root(&classes, each)?;
        for class in classes.iter() {
            self.each_in_class(class, each, &mut |directory, key, kind, each| {
                let walked = walk::record(&self.root, class, directory, &key, kind);
                if walked.is_suspicious() { suspects.push(key) } else { report(walked, &mut examined, each) }
            })?;
        }
        for chunk in suspects.chunks(CHUNK) {
            let _held = self.hold_to_look()?;
            let pending = self.pending()?;
            for key in chunk {
                // Nobody may carry that out here, so what stands there is not to be judged.
                let is_pending = pending.as_ref().is_some_and(|overlay| overlay.touches(&key.path()));
                if let Some(walked) = self.walk(key)?.filter(|_| !is_pending) {
                    report(walked, &mut examined, each);
                }
            }
        }
        self.examine_pending(each)?;
        for class in classes.iter().filter(|class| class.keeps_generations()) {
            self.examine_hints(class, each)?;
        }
        self.examine_private(each)?;
        Ok(examined)
    }

    /// Finds what has taken effect and cannot be carried out.
    fn examine_pending(&self, each: &mut dyn FnMut(Problem)) -> Result<()> {
        if self.pending()?.is_none() {
            return Ok(());
        }
        // A writer may be at it.
        let _held = self.hold_to_look()?;
        let Some(overlay) = self.pending()? else { return Ok(()) };
        // Who may write nothing here cannot tell what others may.
        if sys::rights(&self.root).is_err() {
            return Ok(());
        }
        if let Some(stuck) = recover::foresee(&self.root, &overlay).or_else(|| self.try_to_finish()) {
            each(stuck.into_problem());
        }
        Ok(())
    }

    /// Tries to carry out what has taken effect, if this handle may, and returns what is in the way.
    fn try_to_finish(&self) -> Option<Stuck> {
        match self.journal.observe(&self.root) {
            Ok(Observed::Trusted(state)) if self.writable => match self.finish(&state) {
                Err(Unfinished::Stuck(stuck)) => Some(stuck),
                // Whoever reads the records tells of a journal that cannot be read.
                Ok(()) | Err(Unfinished::Unread(_)) => None,
            },
            _ => None,
        }
    }

    /// Walks over whatever stands under a key; `None` if nothing does.
    pub(super) fn walk(&self, key: &Key) -> Result<Option<Walked>> {
        let fail = |errno| Error::io("look at", &self.root.place(key.path()), errno).object(key.class(), key.id());
        let class = match sys::open_directory_below(&self.root, &key.class_name()) {
            Ok(class) => class,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(errno) => return Err(fail(errno)),
        };
        let declared = self.declared()?;
        let Some(declared) = declared.iter().find(|known| known.name() == key.class()) else { return Ok(None) };
        match sys::kind(&class, &key.name()) {
            Ok(kind) => Ok(Some(walk::record(&self.root, declared, &class, key, kind))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(fail(errno)),
        }
    }

    /// Everything beside the classes is foreign.
    fn examine_root(&self, classes: &[Class], each: &mut dyn FnMut(Problem)) -> Result<()> {
        let is_class = |classes: &[Class], name: &str| classes.iter().any(|class| name::encode(class.name()) == name);
        let mut found = Vec::new();
        let listed = sys::list_all(&self.root, &mut |name, kind| {
            let name = String::from_utf8_lossy(name).into_owned();
            if !is_hidden(&name) && !is_class(classes, &name) {
                found.push((name, kind));
            }
        });
        listed.map_err(|errno| Error::io("list the store", self.root.path(), errno))?;
        if found.is_empty() {
            return Ok(());
        }
        // A class is declared before its directory is made.
        let classes = self.declared()?;
        for (name, kind) in found.into_iter().filter(|(name, _)| !is_class(&classes, name)) {
            let message = match kind {
                Kind::Directory => "this directory is no declared class, and left alone",
                Kind::File | Kind::Link | Kind::Other => FOREIGN,
            };
            each(Problem::new(ProblemKind::Foreign, name, message));
        }
        Ok(())
    }

    /// Calls `each_record` with whatever stands in the directory of a class under the name of a record.
    pub(super) fn each_in_class(
        &self,
        class: &Class,
        each: &mut dyn FnMut(Problem),
        each_record: &mut EachRecord<'_>,
    ) -> Result<()> {
        let class_name = name::encode(class.name());
        let place = self.root.place(&*class_name);
        let directory = match sys::open_directory_below(&self.root, &class_name) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => {
                let message = format!("the objects of the class cannot be found: {}", unplaced(errno));
                each(Problem::new(ProblemKind::Unreadable, class_name, message));
                return Ok(());
            }
        };
        let mut foreign = Vec::new();
        let listed = sys::list_all(&directory, &mut |bytes, kind| {
            let id = std::str::from_utf8(bytes).ok().and_then(name::decode);
            // A name too long for an id is as foreign as one that is not canonical.
            match id.and_then(|id| Key::new(class.name(), &*id).ok()) {
                Some(key) => each_record(&directory, key, kind, each),
                None => foreign.push(String::from_utf8_lossy(bytes).into_owned()),
            }
        });
        for name in foreign.iter().filter(|name| !is_hidden(name)) {
            let message = if name.len() > MAX_NAME { "the name is too long for an id" } else { FOREIGN };
            each(Problem::new(ProblemKind::Foreign, format!("{class_name}/{name}"), message));
        }
        sys::unless_gone(listed).map_err(|errno| Error::io("list the class", &place, errno).class(class.name()))
    }

    fn examine_private(&self, each: &mut dyn FnMut(Problem)) -> Result<()> {
        if !self.names_in(TMP)?.is_empty() {
            let _held = self.hold_to_look()?;
            for (name, _) in self.names_in(TMP)? {
                let message = "a writer that died has left this file, which was never part of the store";
                each(Problem::new(ProblemKind::Leftover, format!("{TMP}/{name}"), message));
            }
        }
        let mut below = vec![(CONFLICTS.to_owned(), 0)];
        while let Some((path, depth)) = below.pop() {
            for (name, kind) in self.names_in(&path)? {
                let inner = format!("{path}/{name}");
                if kind == Kind::Directory && depth <= MAX_DIRECTORIES + 2 {
                    below.push((inner, depth + 1));
                } else {
                    let message = "a commit would have written this over an edit";
                    each(Problem::new(ProblemKind::KeptConflict, inner, message));
                }
            }
        }
        Ok(())
    }

    /// Lists a private directory, in order; one that is not there is empty.
    fn names_in(&self, path: &str) -> Result<Vec<(String, Kind)>> {
        let mut names = Vec::new();
        let listed = match sys::open_directory_below(&self.root, path) {
            Ok(directory) => {
                sys::unless_gone(sys::list(&directory, &mut |name, kind| names.push((name.to_owned(), kind))))
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(errno) => Err(errno),
        };
        listed.map_err(|errno| Error::io("list the directory", &self.root.place(path), errno))?;
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(names)
    }
}

fn report(walked: Walked, examined: &mut Examined, each: &mut dyn FnMut(Problem)) {
    examined.checked += walked.checked;
    examined.unchecked += walked.unchecked.len() as u64;
    walked.findings.into_iter().for_each(|finding| each(finding.problem));
}

/// Why a directory cannot be opened, without its place, which the problem has.
fn unplaced(errno: Errno) -> String {
    match errno {
        Errno::LOOP | Errno::MLINK => "a symlink stands where their directory should be".to_owned(),
        Errno::NOTDIR => "something else stands where their directory should be".to_owned(),
        errno => std::io::Error::from(errno).to_string(),
    }
}
