//! The size and age of a record, and whether it is hidden from others.

use std::time::SystemTime;

use rustix::fs::Mode;
use rustix::io::Errno;

use super::Filesystem;
use super::descent::{self, Descent, Next};
use super::layout::MAX_DIRECTORIES;
use super::modes;
use super::read;
use super::sys::{self, Directory, Kind, Measure};
use crate::backend::Stat;
use crate::record::Key;
use crate::record::error::Result;
use crate::record::name::{self, DATA};

impl Filesystem {
    pub(super) fn stat_of(&self, key: &Key) -> Result<Option<Stat>> {
        if let Some(overlay) = self.pending()?
            && overlay.touches(&key.path())
        {
            // It is being written.
            let record = self.stored(key)?.into_record();
            return Ok(record.map(|record| Stat::new(record.bytes(), SystemTime::now())));
        }
        let fail = |errno| read::refused(errno, &self.root.place(key.path())).object(key.class(), key.id());
        if !self.root.folds()
            && let Ok(class) = self.root.directory(&key.class_name())
            && let Ok(measure @ Measure { kind: Kind::File, .. }) = sys::measure_at(&*class, &key.name())
        {
            let of_class = sys::permissions(&*class).map_err(fail)?.mode();
            return Ok(Some(stat(measure, of_class)));
        }
        let file = match sys::open_below(&self.root, &key.path()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(fail(errno)),
        };
        if !self.root.is_spelled(&file, key)? {
            return Ok(None);
        }
        let measure = sys::measure(&file).map_err(fail)?;
        let of_class = self.root.directory(&key.class_name()).and_then(sys::permissions);
        let of_class = of_class.map_or(Mode::empty(), |class| class.mode());
        match measure.kind {
            Kind::File => Ok(Some(stat(measure, of_class))),
            Kind::Directory => {
                let mut sum = stat(Measure { bytes: 0, ..measure }, of_class);
                match walk(&file, &mut sum, of_class) {
                    Ok(true) => Ok(Some(sum)),
                    Ok(false) => Ok(None),
                    // Somebody is changing it: what there is of it is new.
                    Err(Errno::NOENT | Errno::NOTDIR) => {
                        let record = self.stored(key)?.into_record();
                        Ok(record.map(|record| Stat::new(record.bytes(), SystemTime::now())))
                    }
                    Err(errno) => Err(fail(errno)),
                }
            }
            Kind::Link | Kind::Other => Err(fail(Errno::NXIO)),
        }
    }
}

/// Adds up a directory and those in it, and returns whether it has a `data.json`.
fn walk(directory: &Directory, sum: &mut Stat, of_class: Mode) -> rustix::io::Result<bool> {
    let mut is_container = None;
    let visit = &mut |descent: &mut Descent<'_>| {
        let (here, depth) = (descent.here()?, descent.depth());
        let (mut has_data, mut inner) = (false, Vec::new());
        sys::list(&here, &mut |name, kind| match kind {
            Kind::File => has_data |= name == DATA,
            Kind::Directory if name::decode(name).is_some() => inner.push(name.to_owned()),
            _ => {}
        })?;
        if depth > 0 {
            add(sum, stat(Measure { bytes: 0, ..sys::measure(&here)? }, of_class));
        }
        if has_data {
            add(sum, stat(sys::measure_at(&here, DATA)?, of_class));
        }
        is_container.get_or_insert(has_data);
        Ok(Next::Into(if depth < MAX_DIRECTORIES { inner } else { Vec::new() }))
    };
    descent::walk::<Errno>(&mut Descent::from(directory), visit, &mut |_, _| Ok(()))?;
    Ok(is_container.unwrap_or(false))
}

fn stat(measure: Measure, of_class: Mode) -> Stat {
    let mut stat = Stat::new(measure.bytes, measure.modified).since(measure.since);
    stat.hidden = modes::is_hidden(measure.mode, of_class);
    stat
}

fn add(sum: &mut Stat, part: Stat) {
    sum.bytes += part.bytes;
    sum.modified = sum.modified.max(part.modified);
    sum.since = sum.since.max(part.since);
    sum.hidden |= part.hidden;
}
