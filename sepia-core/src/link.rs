//! What links look like: relative, and only to objects of the link's own store.

use crate::error::Quoted;
use crate::name;
use crate::record::Key;

/// Returns the target of a link to `key` in a directory `depth` levels below the root.
pub(crate) fn link_target(depth: usize, key: &Key) -> String {
    let (class, name) = (key.class_name(), key.name());
    let mut target = String::with_capacity(3 * depth + class.len() + 1 + name.len());
    for _ in 0..depth {
        target.push_str("../");
    }
    target.push_str(&class);
    target.push('/');
    target.push_str(&name);
    target
}

/// Returns the key that a link in a directory `depth` levels below the root leads to. It mostly has
/// the class of the link before it, `previous`, and shares its name then.
///
/// # Errors
/// Why it is no link to an object of this store.
pub(crate) fn parse_link(depth: usize, target: &[u8], previous: Option<&Key>) -> Result<Key, String> {
    let refused =
        || format!("the link leads to {}, which is no object of this store", Quoted(&String::from_utf8_lossy(target)));
    let mut path = std::str::from_utf8(target).map_err(|_| refused())?;
    for _ in 0..depth {
        path = path.strip_prefix("../").ok_or_else(refused)?;
    }
    let (class, id) = path.split_once('/').ok_or_else(refused)?;
    let id = name::decode(id).ok_or_else(refused)?;
    let key = match previous {
        Some(previous) if previous.class_name() == class => previous.sibling(&id),
        _ => Key::new(name::decode(class).ok_or_else(refused)?, id),
    };
    key.map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_objects_of_the_store_and_nowhere_else() {
        for (class, id) in [("Postit", "report"), ("a b", "../../etc/passwd"), (".sepia", "state"), ("C", "x.0")] {
            let key = Key::new(class, id).unwrap_or_else(|e| unreachable!("{e}"));
            for depth in [0, 1, 3, 200] {
                assert_eq!(parse_link(depth, link_target(depth, &key).as_bytes(), None).as_ref(), Ok(&key));
            }
        }
        for target in [
            "",
            "/etc/passwd",
            "../../../etc/passwd/x",
            "Postit/x",
            "../Postit/x",
            "../../../Postit/x",
            "../.././Postit/x",
            "../../Postit",
            "../../Postit/",
            "../../Postit/x/data.json",
            "../../.sepia/state",
            "../../Postit/..",
            "../../../store/Postit/x",
            "../../Postit//x",
            "../../%/x",
            "../../Postit/%",
        ] {
            assert!(parse_link(2, target.as_bytes(), None).is_err(), "{target}");
        }
        assert!(parse_link(1, b"../C/\xff", None).is_err());
    }
}
