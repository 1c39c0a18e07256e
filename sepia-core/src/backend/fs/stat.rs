//! The size and age of a record.

use std::time::SystemTime;

use rustix::io::Errno;

use super::Filesystem;
use super::descent::{self, Descent, Next};
use super::layout::MAX_DIRECTORIES;
use super::read;
use super::sys::{self, Directory, Kind, Measure};
use crate::backend::Stat;
use crate::error::Result;
use crate::name::{self, DATA};
use crate::record::Key;

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
            return Ok(Some(stat(measure)));
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
        match measure.kind {
            Kind::File => Ok(Some(stat(measure))),
            Kind::Directory => {
                let mut sum = stat(Measure { bytes: 0, ..measure });
                match walk(&file, &mut sum) {
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
fn walk(directory: &Directory, sum: &mut Stat) -> rustix::io::Result<bool> {
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
            add(sum, Measure { bytes: 0, ..sys::measure(&here)? });
        }
        if has_data {
            add(sum, sys::measure_at(&here, DATA)?);
        }
        is_container.get_or_insert(has_data);
        Ok(Next::Into(if depth < MAX_DIRECTORIES { inner } else { Vec::new() }))
    };
    descent::walk::<Errno>(&mut Descent::from(directory), visit, &mut |_, _| Ok(()))?;
    Ok(is_container.unwrap_or(false))
}

fn stat(measure: Measure) -> Stat {
    Stat::new(measure.bytes, measure.modified).since(measure.since)
}

fn add(sum: &mut Stat, measure: Measure) {
    *sum = Stat::new(sum.bytes + measure.bytes, sum.modified.max(measure.modified)).since(sum.since.max(measure.since));
}
