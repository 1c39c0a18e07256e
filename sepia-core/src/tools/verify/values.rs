//! What can be said of JSON values without knowing their types.

use crate::record::Node;
use crate::record::json::{self, Fields};
use crate::record::name;
use crate::record::shape::{Presence, RESERVED, SEPIA_CLASS, SEPIA_ID, SEPIA_SHAPE, graft};

/// Where a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is an object of its own.
    Top,
    /// Its name is that of a field.
    Field,
    /// Its name may tell its id.
    Element,
}

/// What is wrong with values.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// No type can load this.
    Always(String),
    /// A type that ignores what it does not know may load this.
    Mostly(String),
}

/// Checks that this is one JSON object that can be read.
pub(super) fn check(content: &[u8]) -> Result<Fields<'_>, Wrong> {
    let fields = json::parse_fields(content).map_err(|error| Wrong::Always(error.to_string()))?;
    let depth = depth(content);
    if depth > json::MAX_DEPTH {
        return mostly(format!("brackets nest {depth} deep, and may at most {}", json::MAX_DEPTH));
    }
    Ok(fields)
}

fn mostly<T>(message: String) -> Result<T, Wrong> {
    Err(Wrong::Mostly(message))
}

/// How deep brackets nest in what is known to be JSON.
fn depth(content: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in content {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Checks the `data.json` of a container, and that what it tells of the tree can be.
pub(super) fn check_container(node: &Node, place: Place) -> Result<(), Wrong> {
    let mut fields = check(&node.data)?;
    for key in [SEPIA_CLASS, SEPIA_ID] {
        let Some(told) = fields.take(key) else { continue };
        if place == Place::Top {
            return mostly(format!("{key} stands in a container that is not nested"));
        }
        let told: String = fields.read(told).or_else(|error| mostly(format!("{key}: {error}")))?;
        if told.is_empty() {
            return mostly(format!("{key} is empty"));
        }
        if key == SEPIA_CLASS {
            crate::record::class::check_name(&told).or_else(|error| mostly(format!("{key}: {error}")))?;
        }
    }
    if place == Place::Field && told(&node.data, SEPIA_ID).is_none() {
        return mostly(format!("neither {SEPIA_ID} nor the name of the directory tells the id"));
    }
    if let Some(shape) = fields.take(SEPIA_SHAPE) {
        let shape: Presence = fields.read(shape).map_err(|error| Wrong::Always(format!("{SEPIA_SHAPE}: {error}")))?;
        let mut entries = node.entries.clone();
        for (path, present) in shape.0 {
            if present {
                graft(&mut entries, &path).map_err(|error| Wrong::Always(error.to_string()))?;
            } else if name::decode(&path).is_none() {
                return mostly(format!("{SEPIA_SHAPE} names {path:?}, where no field can be"));
            } else if node.entries.get(&path).is_some() {
                return mostly(format!("{SEPIA_SHAPE} says that {path:?} is not there, and it is"));
            }
        }
    }
    match fields.rest().find(|name| name.starts_with(RESERVED)) {
        Some(name) => mostly(format!("{name:?} is none of the keys that begin with {RESERVED}")),
        None => Ok(()),
    }
}

/// Returns what a container tells of itself under a reserved key.
pub(super) fn told(data: &[u8], key: &str) -> Option<String> {
    // Most tell nothing, and need not be parsed for that.
    if !data.windows(key.len()).any(|part| part == key.as_bytes()) {
        return None;
    }
    let mut fields = json::parse_fields(data).ok()?;
    let told = fields.take(key)?;
    fields.read(told).ok()
}

/// The names and values of a container, without what it tells of itself.
fn own(data: &[u8]) -> Option<Vec<(String, String)>> {
    let mut fields = json::parse_fields(data).ok()?;
    for key in [SEPIA_CLASS, SEPIA_ID] {
        fields.take(key);
    }
    let names: Vec<String> = fields.rest().map(str::to_owned).collect();
    let mut own: Vec<_> = names
        .into_iter()
        .map(|name| {
            let json = fields.take(&name).unwrap_or_default().to_owned();
            (name, json)
        })
        .collect();
    own.sort();
    Some(own)
}

/// Returns whether two containers have the same fields, as those of one class mostly do.
pub(super) fn have_same_fields(a: &[u8], b: &[u8]) -> bool {
    match (own(a), own(b)) {
        (Some(a), Some(b)) => a.iter().map(|(name, _)| name).eq(b.iter().map(|(name, _)| name)),
        _ => false,
    }
}

/// Returns whether two containers have the same values.
pub(super) fn are_equal(a: &[u8], b: &[u8]) -> bool {
    a == b || own(a) == own(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Entries, Entry, Key, Name};

    fn node(data: &str) -> Node {
        let link = Key::new("Note", "a").map(Entry::Link).unwrap_or(Entry::Stray);
        let entries = Name::of("note").map(|name| vec![(name, link)]).unwrap_or_default();
        Node { data: data.as_bytes().to_vec(), entries: Entries::new(entries).unwrap_or_default() }
    }

    #[test]
    fn brackets_in_texts_do_not_nest() {
        assert_eq!(depth(br#"{"a": "[[[\"[[", "b\\": [{}, []]}"#), 3);
        let deep = |levels: usize| format!("{{\"a\": {}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(check(deep(126).as_bytes()).is_ok());
        assert!(check(deep(127).as_bytes()).is_err());
        assert!(check(deep(100_000).as_bytes()).is_err());
    }

    #[test]
    fn reserved_keys_say_what_they_can_say_and_where() {
        for (data, place) in [
            (r#"{}"#, Place::Top),
            (r#"{}"#, Place::Element),
            (r#"{"sepia_class": "C", "sepia_id": "x"}"#, Place::Field),
            (r#"{"sepia_shape": {"notes": [], "a/b": [], "other": null}}"#, Place::Top),
        ] {
            assert_eq!(check_container(&node(data), place), Ok(()), "{data}");
        }
        for (data, place) in [
            (r#"{"#, Place::Top),
            (r#"[]"#, Place::Top),
            (r#"{"sepia_id": "x"}"#, Place::Top),
            (r#"{}"#, Place::Field),
            (r#"{"sepia_id": 7}"#, Place::Element),
            (r#"{"sepia_id": ""}"#, Place::Element),
            (r#"{"sepia_class": null}"#, Place::Element),
            (r#"{"sepia_shape": []}"#, Place::Top),
            (r#"{"sepia_shape": {"notes": [1]}}"#, Place::Top),
            (r#"{"sepia_shape": {"note": []}}"#, Place::Top),
            (r#"{"sepia_shape": {"note": null}}"#, Place::Top),
            (r#"{"sepia_shape": {"a//b": []}}"#, Place::Top),
            (r#"{"sepia_shape": {".git": null}}"#, Place::Top),
            (r#"{"sepia_other": 1}"#, Place::Top),
        ] {
            assert!(check_container(&node(data), place).is_err(), "{data}");
        }
    }
}
