//! What a store declares, as text: `format.json`, the format number, the classes, whether there are checksums, and with
//! whom the store is shared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::record::class::{Class, Format, Kind, More, Requires};
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

/// The option that says what a program must understand.
const REQUIRES: &str = "requires";

/// The word for the only kind there is.
const ALGORITHM: &str = "xxh3-64";

/// What the file says of the store as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) checksums: Checksums,
    pub(crate) shared: Option<Shared>,
    pub(crate) more: More,
}

impl Settings {
    /// Those of a store without checksums that is shared with nobody.
    pub(crate) const fn plain() -> Self {
        let more = More { requires: Requires::none(), unknown: BTreeMap::new() };
        Self { checksums: Checksums::Off, shared: None, more }
    }
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) classes: Vec<Class>,
    pub(crate) settings: Settings,
}

/// What is declared under one name: JSON, which is kept as it was found.
type Options = BTreeMap<String, Box<RawValue>>;

/// Returns the content of the file. What only later versions know is in it as it was found.
pub(crate) fn print(classes: &[Class], settings: &Settings) -> Result<Vec<u8>> {
    let mut described = BTreeMap::new();
    for class in classes {
        described.insert(class.name(), describe(class)?);
    }
    let mut object = json::Object::new();
    let mut print = || {
        object.field("format", &FORMAT)?;
        if settings.checksums == Checksums::On {
            object.field("checksums", ALGORITHM)?;
        }
        if let Some(shared) = settings.shared {
            object.field("shared", shared.as_str())?;
        }
        for (name, value) in more_options(&settings.more)? {
            object.field(&name, &value)?;
        }
        object.field("classes", &described)
    };
    print().map_err(json::JsonError::invalid)?;
    Ok(object.finish())
}

fn describe(class: &Class) -> Result<Options> {
    let mut options =
        class.more().map_or_else(|| Ok(Options::new()), more_options).map_err(json::JsonError::invalid)?;
    let mut option = |name: &str, value: &Value| {
        options.insert(name.to_owned(), raw(value.to_string())?);
        Ok(())
    };
    let mut describe = || {
        match class.kind() {
            Kind::Container => option("kind", &"container".into())?,
            Kind::Serializable(format) => {
                option("kind", &"serializable".into())?;
                format.map_or(Ok(()), |format| option("content", &format.as_str().into()))?;
            }
        }
        // Most classes keep none, so only the other cases are said.
        match class.generations() {
            Some(false) => Ok(()),
            Some(true) => option("generations", &true.into()),
            None => option("generations", &Value::Null),
        }
    };
    describe().map_err(json::JsonError::invalid)?;
    Ok(options)
}

fn raw(json: String) -> Result<Box<RawValue>, json::JsonError> {
    RawValue::from_string(json).map_err(|error| json::JsonError::new(error.to_string()))
}

/// Returns what is declared beyond what has a place of its own.
fn more_options(more: &More) -> Result<Options, json::JsonError> {
    let mut options = Options::new();
    for (name, value) in &more.unknown {
        options.insert(name.clone(), raw(value.to_string())?);
    }
    if more.requires != Requires::none() {
        options.insert(REQUIRES.to_owned(), raw(print_requires(&more.requires))?);
    }
    Ok(options)
}

/// Returns what a program must understand as JSON.
pub(crate) fn print_requires(requires: &Requires) -> String {
    let lists = [("read", &requires.read), ("write", &requires.write)];
    let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
    let lists: serde_json::Map<String, Value> =
        lists.map(|(name, names)| (name.to_owned(), names.iter().map(String::as_str).collect())).collect();
    Value::Object(lists).to_string()
}

/// Reads what `print_requires` has written. The error says what is wrong.
pub(crate) fn parse_requires(text: &str) -> Result<Requires, String> {
    let mut lists: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_str(text).map_err(|error| format!("what it requires is no lists: {error}"))?;
    let mut take = |name| lists.remove(name).unwrap_or_default();
    let requires = Requires { read: take("read"), write: take("write") };
    match lists.keys().next() {
        Some(unknown) => Err(format!("it requires something of who {unknown:?}, which is neither read nor write")),
        None => Ok(requires),
    }
}

/// Returns what is declared beyond what has a place of its own as one JSON object, for engines that keep that beside it;
/// `None` if it is nothing.
#[cfg(feature = "sqlite")]
pub(crate) fn print_more(more: &More) -> Result<Option<String>> {
    if more.is_empty() {
        return Ok(None);
    }
    let options = more_options(more).map_err(json::JsonError::invalid)?;
    serde_json::to_string(&options).map(Some).map_err(|error| Error::invalid_value(error.to_string()))
}

/// Reads what `print_more` has written. The error says what is wrong.
#[cfg(feature = "sqlite")]
pub(crate) fn parse_more(text: &str) -> Result<More, String> {
    serde_json::from_str::<Unique>(text).map_err(|error| error.to_string())?;
    take_more(serde_json::from_str(text).map_err(|error| error.to_string())?)
}

/// Takes apart what has no place of its own.
fn take_more(mut options: Options) -> Result<More, String> {
    let requires = match options.remove(REQUIRES) {
        None => Requires::none(),
        Some(lists) => parse_requires(lists.get())?,
    };
    let unknown = options.into_iter().map(|(name, value)| (name, value.get().into())).collect();
    Ok(More { requires, unknown })
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
    if !value.get("classes").is_some_and(Value::is_object) {
        return Err(wrong("it has no classes"));
    }
    let mut options: Options = serde_json::from_slice(content).map_err(|error| wrong(&error.to_string()))?;
    let classes = options.remove("classes");
    let classes: BTreeMap<String, Options> = classes
        .map_or(Ok(BTreeMap::new()), |classes| serde_json::from_str(classes.get()))
        .map_err(|error| wrong(&error.to_string()))?;
    for known in ["format", "checksums", "shared"] {
        options.remove(known);
    }
    let more = take_more(options).map_err(|what| wrong(&what))?;
    let mut parsed = Vec::with_capacity(classes.len());
    for (name, options) in classes {
        parsed.push(parse_class(name, options).map_err(|error| match error {
            Unparsed::Wrong(what) => wrong(&what),
            Unparsed::NoName(error) => {
                Error::caused(ErrorKind::Corrupt, "the list of classes has one that cannot be", error)
            }
        })?);
    }
    parsed.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(Declared { classes: parsed, settings: Settings { checksums, shared, more } })
}

enum Unparsed {
    Wrong(String),
    NoName(Error),
}

fn parse_class(name: String, mut options: Options) -> Result<Class, Unparsed> {
    let mut take = |option: &str| options.remove(option).map(|value| serde_json::from_str::<Value>(value.get()));
    let mut option = |option: &str| take(option).transpose().map_err(|error| Unparsed::Wrong(error.to_string()));
    let (kind, content, generations) = (option("kind")?, option("content")?, option("generations")?);
    let word = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    let kind = match (word(&kind).as_deref(), word(&content).as_deref()) {
        (Some("container"), None) => Kind::Container,
        (Some("serializable"), None) => Kind::Serializable(None),
        (Some("serializable"), Some(content)) => {
            let format =
                Format::parse(content).ok_or_else(|| Unparsed::Wrong(format!("there is no content {content:?}")))?;
            Kind::Serializable(Some(format))
        }
        _ => return Err(Unparsed::Wrong(format!("class {name:?} is of no known kind"))),
    };
    let generations = match generations {
        None => Some(false),
        Some(Value::Bool(generations)) => Some(generations),
        Some(Value::Null) => None,
        Some(_) => return Err(Unparsed::Wrong(format!("the generations of class {name:?} are not yes or no"))),
    };
    let more = take_more(options).map_err(|what| Unparsed::Wrong(format!("of class {name:?}, {what}")))?;
    Ok(Class::declared(name, kind, generations).map_err(Unparsed::NoName)?.with_more(more))
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
                let settings = Settings { checksums, shared, ..Settings::plain() };
                let printed = print(&classes, &settings).unwrap_or_default();
                assert_eq!(parse(&printed).ok(), Some(Declared { classes: classes.clone(), settings }));
            }
        }
    }

    #[test]
    fn what_only_later_versions_know_is_printed_as_it_was_parsed() {
        let text = r#"{
  "format": 1,
  "later": [12345678901234567890123, {"b": 1, "a": "\u0041"}],
  "requires": {"read":["layer"],"write":["a","b"]},
  "classes": {
    "Board": {
      "indexes": {"b": 1.50, "a": []},
      "kind": "container",
      "requires": {"write":["index"]}
    }
  }
}
"#;
        let declared = parse(text.as_bytes()).ok();
        let printed = declared.map(|declared| print(&declared.classes, &declared.settings).unwrap_or_default());
        assert_eq!(printed.map(|printed| String::from_utf8_lossy(&printed).into_owned()).as_deref(), Some(text));
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
            r#"{"format": 1, "classes": {}, "requires": ["x"]}"#,
            r#"{"format": 1, "classes": {}, "requires": {"read": "x"}}"#,
            r#"{"format": 1, "classes": {}, "requires": {"delete": ["x"]}}"#,
            r#"{"format": 1, "classes": {"A": {"kind": "container", "requires": {"read": [1]}}}}"#,
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
