//! The first entry of an archive: what it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::record::error::{Error, ErrorKind, Result};
use crate::record::json;
use crate::record::{Fingerprint, Key};
use crate::tools::roots::Root;

/// The format of archives that this version writes, and the newest that it reads.
const FORMAT: u64 = 1;

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// When the backup was begun, in whole seconds.
    pub made: SystemTime,
    /// What the objects in it are reached from; `None` if they are all that there were.
    pub roots: Option<Vec<Root>>,
    /// The [hash](super::Manifest::hash) of the manifest relative to which it was made: what has not changed since is
    /// listed, and not in it.
    pub since: Option<Fingerprint>,
}

impl Header {
    pub(super) fn print(&self) -> Result<Vec<u8>> {
        let made = self.made.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let roots: Option<Vec<Value>> = self.roots.as_ref().map(|roots| roots.iter().map(print_root).collect());
        let mut object = json::Object::new();
        object
            .field("format", &FORMAT)
            .and_then(|()| object.field("made", &made))
            .and_then(|()| object.field("roots", &roots))
            .and_then(|()| object.field("since", &self.since.map(|hash| format!("{hash:?}"))))
            .map_err(json::JsonError::invalid)?;
        Ok(object.finish())
    }

    pub(super) fn parse(content: &[u8]) -> Result<Self> {
        let wrong = |what: &str| Error::corrupt(format!("the archive's header cannot be understood: {what}"));
        let value: Value = serde_json::from_slice(content).map_err(|error| wrong(&error.to_string()))?;
        match value.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => {}
            Some(newer) if newer > FORMAT => {
                let message = format!("the archive has format {newer}, and this version of sepia reads up to {FORMAT}");
                return Err(Error::message(ErrorKind::UnsupportedFormat, message));
            }
            _ => return Err(wrong("it has no format number")),
        }
        let made = value.get("made").and_then(Value::as_u64).ok_or_else(|| wrong("it has no time"))?;
        let made =
            UNIX_EPOCH.checked_add(Duration::from_secs(made)).ok_or_else(|| wrong("its time is out of range"))?;
        let roots = match value.get("roots") {
            Some(Value::Null) => None,
            Some(Value::Array(roots)) => {
                let roots: Option<Vec<Root>> = roots.iter().map(parse_root).collect();
                Some(roots.ok_or_else(|| wrong("its roots are no objects and classes"))?)
            }
            _ => return Err(wrong("it has no roots")),
        };
        let since = match value.get("since") {
            Some(Value::Null) => None,
            Some(Value::String(hash)) => {
                Some(Fingerprint::parse(hash).ok_or_else(|| wrong("what it is relative to is no hash"))?)
            }
            _ => return Err(wrong("it does not say what it is relative to")),
        };
        Ok(Self { made, roots, since })
    }
}

fn print_root(root: &Root) -> Value {
    let (class, id) = match root {
        Root::Object(key) => (key.class(), Some(key.id())),
        Root::Class(name) | Root::ClassIfAny(name) => (name.as_str(), None),
    };
    let class = ("class".to_owned(), Value::from(class));
    [class].into_iter().chain(id.map(|id| ("id".to_owned(), Value::from(id)))).collect()
}

fn parse_root(root: &Value) -> Option<Root> {
    let class = root.get("class")?.as_str()?;
    match root.get("id") {
        None => Some(Root::class(class)),
        Some(id) => Key::new(class, id.as_str()?).ok().map(Root::Object),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_parsed() -> Result<()> {
        let made = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let root = Root::Object(Key::new("a/b", "\u{1}\"")?);
        for roots in [None, Some(vec![]), Some(vec![root, Root::class("Note")])] {
            for since in [None, Fingerprint::parse("0123456789abcdef0123456789abcdef")] {
                let header = Header { made, roots: roots.clone(), since };
                assert_eq!(Header::parse(&header.print()?)?, header);
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_not_understood_is_refused_by_its_kind() {
        let kind = |text: &str| Header::parse(text.as_bytes()).err().map(|error| error.kind());
        assert_eq!(kind(r#"{"format": 2}"#), Some(ErrorKind::UnsupportedFormat));
        for text in [
            "",
            "{}",
            r#"{"format": 0}"#,
            r#"{"format": 1, "roots": null, "since": null}"#,
            r#"{"format": 1, "made": 18446744073709551615, "roots": null, "since": null}"#,
            r#"{"format": 1, "made": 1, "roots": [{"class": "", "id": "x"}], "since": null}"#,
            r#"{"format": 1, "made": 1, "roots": null, "since": "+1"}"#,
        ] {
            assert_eq!(kind(text), Some(ErrorKind::Corrupt), "{text}");
        }
    }
}
