//! The last entry of an archive: what there should be, record by record.

use std::collections::HashMap;
use std::io::{BufRead, ErrorKind, Read};

use serde_json::Value;
use twox_hash::xxhash3_128::Hasher;

use super::read::failed;
use crate::record::class::Kind;
use crate::record::error::{Error, Result};
use crate::record::{Fingerprint, Key, Record};

/// Tells hashes of manifests from those of records.
const SEED: u64 = 2;

/// More bytes than a line has: it names an object, of which class and id have some hundred bytes, also if every one is
/// escaped.
const MAX_LINE: u64 = 4096;

/// What is listed of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Which object.
    pub key: Key,
    /// What is stored for it.
    pub kind: RecordKind,
    /// The bytes of its content: of a leaf, or of every `data.json` of a container.
    pub bytes: u64,
    /// What tells its record from others.
    pub hash: Fingerprint,
    /// Whether it is in this archive, or only in an earlier one.
    pub here: bool,
}

/// What is stored for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// One file.
    Leaf,
    /// A directory.
    Container,
}

impl RecordKind {
    /// Returns the word for it in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Container => "container",
        }
    }

    /// Returns the kind of class that has such objects.
    pub(super) fn of_class(self) -> Kind {
        match self {
            Self::Leaf => Kind::Serializable(None),
            Self::Container => Kind::Container,
        }
    }
}

/// What an archive lists: every object of the store at its moment, be it in this archive or in an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    records: Vec<Listed>,
    hash: Fingerprint,
}

impl Manifest {
    /// Returns what is listed, in the order of the archive.
    pub fn records(&self) -> &[Listed] {
        &self.records
    }

    /// Returns the hash of the manifest, and of all that stands before the objects.
    pub fn hash(&self) -> Fingerprint {
        self.hash
    }

    /// Returns what tells the records from others, by key.
    pub(super) fn hashes(&self) -> HashMap<&Key, Fingerprint> {
        self.records.iter().map(|listed| (&listed.key, listed.hash)).collect()
    }
}

impl Listed {
    pub(super) fn of(key: &Key, record: &Record, here: bool) -> Self {
        let kind = match record {
            Record::Leaf(_) => RecordKind::Leaf,
            Record::Container(_) => RecordKind::Container,
        };
        Self { key: key.clone(), kind, bytes: record.bytes(), hash: record.fingerprint(), here }
    }

    /// Returns its line, with the line feed.
    pub(super) fn print(&self) -> String {
        let Self { key, kind, bytes, hash, here } = self;
        let (class, id, kind) = (Value::from(key.class()), Value::from(key.id()), kind.as_str());
        format!(
            "{{\"class\":{class},\"id\":{id},\"kind\":\"{kind}\",\"bytes\":{bytes},\
             \"hash\":\"{hash:?}\",\"here\":{here}}}\n"
        )
    }

    /// Reads a line that it has [printed](Self::print); `None` if it has not.
    pub(super) fn parse_line(line: &str) -> Option<Self> {
        Self::parse(&serde_json::from_str(line).ok()?, line)
    }

    /// The same, of a line and its value.
    fn parse(value: &Value, line: &str) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let kind =
            [RecordKind::Leaf, RecordKind::Container].into_iter().find(|kind| text("kind") == Some(kind.as_str()));
        let listed = Self {
            key: Key::new(text("class")?, text("id")?).ok()?,
            kind: kind?,
            bytes: value.get("bytes")?.as_u64()?,
            hash: Fingerprint::parse(text("hash")?)?,
            here: value.get("here")?.as_bool()?,
        };
        // One that is written otherwise is damaged.
        (listed.print() == line).then_some(listed)
    }
}

/// Counts and hashes what a manifest says, and ends it.
pub(super) struct Closing {
    hasher: Hasher,
    records: u64,
    here: u64,
}

impl Closing {
    /// Begins with what stands before the objects: the header, and the list of classes.
    pub(super) fn new(header: &[u8], classes: &[u8]) -> Self {
        let mut hasher = Hasher::with_seed(SEED);
        for part in [header, classes] {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        Self { hasher, records: 0, here: 0 }
    }

    pub(super) fn line(&mut self, line: &str, here: bool) {
        self.hasher.write(line.as_bytes());
        self.records += 1;
        self.here += u64::from(here);
    }

    pub(super) fn hash(&self) -> Fingerprint {
        Fingerprint::of_bits(self.hasher.finish_128())
    }

    /// Returns the last line.
    pub(super) fn print(&self) -> String {
        let Self { records, here, .. } = self;
        format!("{{\"records\":{records},\"here\":{here},\"hash\":\"{:?}\"}}\n", self.hash())
    }
}

/// Reads a manifest up to its end; `closing` has what stands before the objects.
pub(super) fn read(from: &mut dyn BufRead, mut closing: Closing) -> Result<Manifest> {
    let mut records = Vec::new();
    let mut line = String::new();
    for number in 1_u64.. {
        let wrong = |what: &str| Error::corrupt(format!("line {number} of the manifest {what}"));
        line.clear();
        let length = (&mut *from).take(MAX_LINE).read_line(&mut line).map_err(|error| match error.kind() {
            ErrorKind::InvalidData => wrong("is not UTF-8"),
            _ => failed(error),
        })?;
        if length == 0 {
            return Err(wrong("is missing, which would have been the last"));
        }
        if length as u64 == MAX_LINE {
            return Err(wrong("is longer than any can be"));
        }
        if line == closing.print() {
            if !from.fill_buf().map_err(failed)?.is_empty() {
                return Err(wrong("should have been the last"));
            }
            break;
        }
        let value: Value = serde_json::from_str(&line).map_err(|_| wrong("is no JSON"))?;
        if value.get("records").is_some() {
            return Err(wrong("has another hash or count than what stands before it"));
        }
        let listed = Listed::parse(&value, &line).ok_or_else(|| wrong("lists no object"))?;
        closing.line(&line, listed.here);
        records.push(listed);
    }
    let mut keys: Vec<&Key> = records.iter().map(|listed| &listed.key).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => {
            Err(Error::corrupt("the manifest lists the object twice").object(twice[0].class(), twice[0].id()))
        }
        None => Ok(Manifest { hash: closing.hash(), records }),
    }
}
