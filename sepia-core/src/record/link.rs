//! What links look like: relative, and only to objects of the link's own store.

use crate::record::Key;
use crate::record::error::Quoted;
use crate::record::name;

/// Returns the target of a link to `key` in a directory `depth` levels below the root.
pub(crate) fn link_target(depth: usize, key: &Key) -> String {
    let mut target = Target::from(depth);
    target.to(key);
    target.text
}

/// The targets of links in one directory, one after another.
pub(crate) struct Target<'k> {
    text: String,
    /// How much of the text leads to the root.
    up: usize,
    /// Where the last link leads, and how much of the text leads to its class.
    last: Option<(&'k Key, usize)>,
}

impl<'k> Target<'k> {
    /// From a directory `depth` levels below the root.
    pub(crate) fn from(depth: usize) -> Self {
        let mut text = String::with_capacity(3 * depth + 64);
        (0..depth).for_each(|_| text.push_str("../"));
        Self { up: text.len(), text, last: None }
    }

    /// Returns the target of a link to this key.
    pub(crate) fn to(&mut self, key: &'k Key) -> &str {
        let class = match self.last {
            Some((last, class)) if last.class() == key.class() => class,
            _ => {
                self.text.truncate(self.up);
                self.text.push_str(&key.class_name());
                self.text.push('/');
                self.text.len()
            }
        };
        self.last = Some((key, class));
        self.text.truncate(class);
        self.text.push_str(&key.name());
        &self.text
    }
}

/// Returns the key that a link in a directory `depth` levels below the root leads to.
///
/// # Errors
/// Why it is no link to an object of this store.
pub(crate) fn parse_link(depth: usize, target: &[u8]) -> Result<Key, String> {
    Links::within(depth).parse(target)
}

/// The links in one directory, one after another. Most lead to the class of the one before, and share its name.
pub(crate) struct Links {
    depth: usize,
    /// How the target of a link begins that leads to the class of this key.
    known: Option<(Vec<u8>, Key)>,
}

impl Links {
    /// In a directory `depth` levels below the root.
    pub(crate) fn within(depth: usize) -> Self {
        Self { depth, known: None }
    }

    /// Returns the key that a link leads to.
    ///
    /// # Errors
    /// Why it is no link to an object of this store.
    pub(crate) fn parse(&mut self, target: &[u8]) -> Result<Key, String> {
        if let Some((prefix, known)) = &self.known
            && let Some(id) = target.strip_prefix(&**prefix)
        {
            let id = std::str::from_utf8(id).ok().and_then(name::decode);
            return id.and_then(|id| known.sibling(&id).ok()).ok_or_else(|| refused(target));
        }
        let (class, id) = self.split(target).ok_or_else(|| refused(target))?;
        let key = name::decode(class).zip(name::decode(id)).and_then(|(class, id)| Key::new(class, id).ok());
        let key = key.ok_or_else(|| refused(target))?;
        self.known = Some((target[..target.len() - id.len()].to_vec(), key.clone()));
        Ok(key)
    }

    fn split<'t>(&self, target: &'t [u8]) -> Option<(&'t str, &'t str)> {
        let mut path = std::str::from_utf8(target).ok()?;
        for _ in 0..self.depth {
            path = path.strip_prefix("../")?;
        }
        path.split_once('/')
    }
}

fn refused(target: &[u8]) -> String {
    format!("the link leads to {}, which is no object of this store", Quoted(&String::from_utf8_lossy(target)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_objects_of_the_store_and_nowhere_else() {
        for (class, id) in [("Postit", "report"), ("a b", "../../etc/passwd"), (".sepia", "state"), ("C", "x.0")] {
            let key = Key::new(class, id).unwrap_or_else(|e| unreachable!("{e}"));
            for depth in [0, 1, 3, 200] {
                assert_eq!(parse_link(depth, link_target(depth, &key).as_bytes()).as_ref(), Ok(&key));
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
            assert!(parse_link(2, target.as_bytes()).is_err(), "{target}");
        }
        assert!(parse_link(1, b"../C/\xff").is_err());
    }

    #[test]
    fn what_a_link_says_does_not_depend_on_those_before() {
        let targets =
            ["../C/1", "../C/2", "../D/1", "../C/%25", "../C/a/b", "../C/", "../C/\u{7f}", "../D/2", "../../D/2"];
        let mut links = Links::within(1);
        for before in targets {
            for target in targets {
                let _ = links.parse(before.as_bytes());
                assert_eq!(links.parse(target.as_bytes()), parse_link(1, target.as_bytes()), "{before}, {target}");
            }
        }
        assert!(links.parse(b"../C/\xff").is_err());
    }
}
