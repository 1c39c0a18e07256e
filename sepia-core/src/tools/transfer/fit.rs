//! Whether records fit the classes of a store, and each other.

use std::collections::{HashMap, HashSet};

use twox_hash::XxHash3_128;

use crate::record::class::{Class, Kind};
use crate::record::error::{Error, ErrorKind};
use crate::record::{Key, Record};

/// Why no store may hold a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Its class is not declared.
    Undeclared,
    /// Its class is declared to have objects of the other kind.
    Kind,
    /// It is the other spelling of a generation 0 that is there, too.
    Twin,
}

impl Misfit {
    fn message(self) -> &'static str {
        match self {
            Self::Undeclared => "the class of the object is not declared",
            Self::Kind => "the object is a file and its class one of containers, or the other way round",
            Self::Twin => "the object is there under both spellings of its generation 0",
        }
    }

    /// The error of a record that is not taken in.
    pub(crate) fn refused(self, key: &Key) -> Error {
        let error = match self {
            Self::Undeclared | Self::Kind => Error::message(ErrorKind::ClassClash, self.message()),
            Self::Twin => Error::conflict(self.message(), vec![key.clone()]),
        };
        error.object(key.class(), key.id())
    }

    /// The error of a record that cannot stand where it does.
    #[cfg(feature = "backup")]
    pub(crate) fn corrupt(self, key: &Key) -> Error {
        Error::corrupt(self.message()).object(key.class(), key.id())
    }
}

/// The classes, and what has been seen of what is in them.
pub(crate) struct Fit<'c> {
    classes: HashMap<&'c str, &'c Class>,
    /// Hashes of the bases whose generation 0 has come.
    begun: HashSet<u128>,
}

impl<'c> Fit<'c> {
    pub(crate) fn new(classes: &'c [Class]) -> Self {
        Self { classes: classes.iter().map(|class| (class.name(), class)).collect(), begun: HashSet::new() }
    }

    /// Checks a record of this kind of class. No key comes twice.
    pub(crate) fn check(&mut self, key: &Key, kind: Kind) -> Result<(), Misfit> {
        let class = self.classes.get(key.class()).ok_or(Misfit::Undeclared)?;
        if (class.kind() == Kind::Container) != (kind == Kind::Container) {
            return Err(Misfit::Kind);
        }
        if class.keeps_generations()
            && let (base, 0) = key.generation()
            && !self.begun.insert(XxHash3_128::oneshot(base.path().as_bytes()))
        {
            return Err(Misfit::Twin);
        }
        Ok(())
    }
}

/// The kind of class that a record is for, as far as the record tells.
pub(crate) fn kind_of(record: &Record) -> Kind {
    match record {
        Record::Leaf(_) => Kind::Serializable(None),
        Record::Container(_) => Kind::Container,
    }
}
