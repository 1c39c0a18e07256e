//! What a store declares, as text: `format.json`, the format number, the classes, whether there are checksums, and with
//! whom the store is shared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::record::class::{Class, Format, Kind};
use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::record::json;
use crate::record::shared::Shared;

/// Where it stands, below the root.
#[cfg(any(unix, feature = "backup"))]
pub(crate) const FORMAT_FILE: &str = ".sepia/format.json";

/// The format that this version writes, and the newest that it reads.
pub(crate) const FORMAT: u64 = 1;

/// Whether a store keeps checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checksums {
    Off,
    On,
}

/// The word for the only kind there is.
const ALGORITHM: &str = "xxh3-64";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) classes: Vec<Class>,
    pub(crate) checksums: Checksums,
    pub(crate) shared: Option<Shared>,
}

/// Returns the content of the file of a store that is shared with nobody.
#[cfg(any(feature = "backup", feature = "export"))]
pub(crate) fn print(classes: &[Class], checksums: Checksums) -> Result<Vec<u8>> {
    print_shared(classes, checksums, None)
}

/// Returns the content of the file.
pub(crate) fn print_shared(classes: &[Class], checksums: Checksums, shared: Option<Shared>) -> Result<Vec<u8>> {
    let mut described = BTreeMap::new();
    for class in classes {
        let mut options = BTreeMap::new();
        match class.kind() {
            Kind::Container => {
                options.insert("kind", Value::from("container"));
            }
            Kind::Serializable(format) => {
                options.insert("kind", Value::from("serializable"));
                options.extend(format.map(|format| ("content", Value::from(format.as_str()))));
            }
        }
        // Most classes keep none, so only the other cases are said.
        match class.generations() {
            Some(false) => {}
            Some(true) => {
                options.insert("generations", Value::from(true));
            }
            None => {
                options.insert("generations", Value::Null);
            }
        }
        described.insert(class.name(), options);
    }
    let mut object = json::Object::new();
    let mut print = || {
        object.field("format", &FORMAT)?;
        if checksums == Checksums::On {
            object.field("checksums", ALGORITHM)?;
        }
        if let Some(shared) = shared {
            object.field("shared", shared.as_str())?;
        }
        object.field("classes", &described)
    };
    print().map_err(json::JsonError::invalid)?;
    Ok(object.finish())
}

/// Reads the content of the file.
pub(crate) fn parse(content: &[u8]) -> Result<Declared> {
    let wrong = |what: &str| Error::corrupt(format!("the list of classes cannot be understood: {what}"));
    let content = json::without_mark(content);
    let value: Value = serde_json::from_slice(content).map_err(|error| wrong(&error.to_string()))?;
    let format = value.get("format").and_then(Value::as_u64).ok_or_else(|| wrong("it has no format number"))?;
    if format > FORMAT {
        let message = format!("the store has format {format}, and this version of sepia reads up to {FORMAT}");
        return Err(Error::message(ErrorKind::UnsupportedFormat, message));
    }
    if format == 0 {
        return Err(wrong("there is no format 0"));
    }
    serde_json::from_slice::<Unique>(content).map_err(|error| wrong(&error.to_string()))?;
    let checksums = match value.get("checksums") {
        None => Checksums::Off,
        Some(Value::String(algorithm)) if algorithm == ALGORITHM => Checksums::On,
        Some(_) => return Err(wrong("its checksums are of no known kind")),
    };
    let shared = match value.get("shared") {
        None => None,
        Some(shared) => {
            let shared = shared.as_str().and_then(Shared::parse);
            Some(shared.ok_or_else(|| wrong("it is shared neither with the group nor with all"))?)
        }
    };
    let classes = value.get("classes").and_then(Value::as_object).ok_or_else(|| wrong("it has no classes"))?;
    let mut parsed = Vec::with_capacity(classes.len());
    for (name, options) in classes {
        let word = |option: &str| options.get(option).and_then(Value::as_str);
        let kind = match (word("kind"), word("content")) {
            (Some("container"), None) => Kind::Container,
            (Some("serializable"), None) => Kind::Serializable(None),
            (Some("serializable"), Some(content)) => {
                let format =
                    Format::parse(content).ok_or_else(|| wrong(&format!("there is no content {content:?}")))?;
                Kind::Serializable(Some(format))
            }
            _ => return Err(wrong(&format!("class {name:?} is of no known kind"))),
        };
        let generations = match options.get("generations") {
            None => Some(false),
            Some(Value::Bool(generations)) => Some(*generations),
            Some(Value::Null) => None,
            Some(_) => return Err(wrong(&format!("the generations of class {name:?} are not yes or no"))),
        };
        let class = Class::declared(name.clone(), kind, generations);
        let no_name = |error| Error::caused(ErrorKind::Corrupt, "the list of classes has one that cannot be", error);
        parsed.push(class.map_err(no_name)?);
    }
    parsed.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(Declared { classes: parsed, checksums, shared })
}

/// JSON in which no object has two fields of one name, of which readers would see one or the other.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, Self)) = fields.next_entry::<String, Self>()? {
            if let Some(twice) = names.replace(name) {
                return Err(de::Error::custom(format_args!("{} is there twice", Quoted(&twice))));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_parsed() {
        let mut classes = vec![
            Class::container("Board"),
            Class::serializable("Note", Format::Text).with_generations(),
            Class::serializable("a/b \u{1}", Format::Custom),
        ];
        classes.extend(Class::declared("z".to_owned(), Kind::Serializable(None), None));
        for checksums in [Checksums::Off, Checksums::On] {
            for shared in [None, Some(Shared::Group), Some(Shared::All)] {
                let printed = print_shared(&classes, checksums, shared).unwrap_or_default();
                assert_eq!(parse(&printed).ok(), Some(Declared { classes: classes.clone(), checksums, shared }));
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_its_kind() {
        let kind = |text: &str| parse(text.as_bytes()).err().map(|error| error.kind());
        assert_eq!(kind(r#"{"format": 2, "whatever": 1}"#), Some(ErrorKind::UnsupportedFormat));
        for text in [
            "",
            "[]",
            "{}",
            r#"{"format": 1}"#,
            r#"{"format": 0, "classes": {}}"#,
            r#"{"format": "1", "classes": {}}"#,
            r#"{"format": 1, "classes": {"A": {"kind": "folder"}}}"#,
            r#"{"format": 1, "classes": {}, "checksums": true}"#,
            r#"{"format": 1, "classes": {}, "checksums": "md5"}"#,
            r#"{"format": 1, "classes": {}, "shared": true}"#,
            r#"{"format": 1, "classes": {}, "shared": "everybody"}"#,
            r#"{"format": 1, "classes": {"A": {"kind": "serializable", "content": "xml"}}}"#,
            r#"{"format": 1, "classes": {"A": {"kind": "container", "generations": 3}}}"#,
            r#"{"format": 1, "classes": {"": {"kind": "container"}}}"#,
            r#"{"format": 1, "classes": {}, "classes": {}}"#,
            r#"{"format": 1, "classes": {"A": {"kind": "container"}, "\u0041": {"kind": "serializable"}}}"#,
            r#"{"format": 1, "classes": {"A": {"kind": "container", "kind": "serializable"}}}"#,
        ] {
            assert_eq!(kind(text), Some(ErrorKind::Corrupt), "{text}");
        }
        // Fields that only a later version knows may hold anything.
        let later = r#"{"format": 1, "classes": {}, "later": [null, true, -1, 1.5, 1, "x", {"x": {"x": []}}]}"#;
        assert_eq!(kind(later), None);
    }
}
