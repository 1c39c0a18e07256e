//! Which operations a frame may hold. The journal of a store that comes from a stranger is a stranger's: its checksums
//! show that it is whole, and not who wrote it. So no operation is carried out, or laid over anything, before every one
//! of all frames has been found to be one that this format has: on a name of a class, a record, or an entry in a
//! container, or on the list of classes, with what can stand there.

use super::super::layout::{self, FORMAT_FILE, MAX_CATALOG, parse_link};
use super::super::operation::{Action, Operation};
use crate::record::class;
use crate::record::name::{self, DATA, MAX_NAME};
use crate::record::{Key, MAX_DIRECTORIES, MAX_ENTRY_NAME};

/// The most bytes of a path: the names of a class, a record, and as many in it as directories can be within each other,
/// and one more.
pub(super) const MAX_PATH: usize = (MAX_DIRECTORIES + 3) * (MAX_ENTRY_NAME + 1);

/// Why an operation is none of this format.
pub(super) type Improper = &'static str;

/// What can stand under a path, by its names alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The list of classes.
    Catalog,
    Class,
    Record,
    /// A file `data.json`, so many levels below the root.
    Data(usize),
    /// An entry of a container, so many levels below the root.
    Entry(usize),
}

/// Checks an operation.
pub(super) fn check(operation: &Operation<'_>) -> Result<(), Improper> {
    let place = place(&operation.path)?;
    // What is removed may be deeper than what is put: it is what stands there.
    let is_deep = |names: usize| names > MAX_DIRECTORIES + 2;
    match (&operation.action, place) {
        (Action::File(content), Place::Catalog) if content.len() as u64 > MAX_CATALOG => Err("the file is too long"),
        (Action::File(_), Place::Catalog | Place::Record) => Ok(()),
        (Action::File(_), Place::Data(names)) if !is_deep(names - 1) => Ok(()),
        (Action::MakeDirectory, Place::Record) => Ok(()),
        (Action::MakeDirectory, Place::Entry(names)) if !is_deep(names) => Ok(()),
        (Action::Link(target), Place::Entry(names)) if !is_deep(names - 1) => {
            parse_link(names - 1, target.as_bytes()).map_err(|_| "the link leads to no object of this store").map(drop)
        }
        (Action::Remove, Place::Record | Place::Data(_) | Place::Entry(_)) => Ok(()),
        (Action::RemoveDirectory, Place::Class | Place::Record | Place::Entry(_)) => Ok(()),
        (Action::File(_) | Action::Link(_) | Action::MakeDirectory, Place::Data(_) | Place::Entry(_)) => {
            Err("that does not belong there, or is too deep")
        }
        _ => Err("that does not belong there"),
    }
}

/// Checks the path of a directory in which links are made.
pub(super) fn check_directory(path: &str) -> Result<(), Improper> {
    match place(path)? {
        Place::Record => Ok(()),
        Place::Entry(names) if names <= MAX_DIRECTORIES + 2 => Ok(()),
        _ => Err("links do not belong there"),
    }
}

fn place(path: &str) -> Result<Place, Improper> {
    if path == FORMAT_FILE {
        return Ok(Place::Catalog);
    }
    if path.len() > MAX_PATH {
        return Err("the path is too long");
    }
    let mut names = layout::names(path);
    // Invariant: what is split has a first part.
    let class = names.next().unwrap_or_default();
    if name::decode(class).is_none_or(|class| class::check_name(&class).is_err()) {
        return Err("the path begins with no class");
    }
    let Some(record) = names.next() else { return Ok(Place::Class) };
    if !is_record(record) {
        return Err("the path leads to no object");
    }
    let mut place = Place::Record;
    for (depth, name) in (3..).zip(names) {
        place = match place {
            Place::Data(_) => return Err("the path leads through a file"),
            _ if name == DATA => Place::Data(depth),
            _ if name.len() <= MAX_ENTRY_NAME && name::decode(name).is_some() => Place::Entry(depth),
            _ => return Err("nothing in a container has such a name"),
        };
    }
    Ok(place)
}

fn is_record(name: &str) -> bool {
    // Only ids that end in a generation are longer than other names.
    name::decode(name).is_some_and(|id| !id.is_empty() && (name.len() <= MAX_NAME || Key::new("C", &*id).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::super::super::operation::Before;
    use super::*;

    fn is_proper(path: &str, action: Action<'_>) -> bool {
        check(&Operation::new(path, action, Before::Unknown)).is_ok()
    }

    fn file() -> Action<'static> {
        Action::File(b"x"[..].into())
    }

    fn link(target: &str) -> Action<'_> {
        Action::Link(target.into())
    }

    #[test]
    fn what_writers_do_is_proper() {
        assert!(is_proper(FORMAT_FILE, file()));
        let generation = format!("C/{}.18446744073709551615", "x".repeat(MAX_NAME));
        for path in ["C/x", "C/%2E.", "a b/x.0", "%2Esepia/state", &generation] {
            for action in [file(), Action::MakeDirectory, Action::Remove, Action::RemoveDirectory] {
                assert!(is_proper(path, action.clone()), "{action:?} {path}");
            }
        }
        for (path, target) in
            [("C/x/f", "../../D/y"), ("C/x/f/0000_y", "../../../D/y"), ("C/x/%", "../../C/%25"), ("C/x/f", "../../C/x")]
        {
            for action in [link(target), Action::MakeDirectory, Action::Remove, Action::RemoveDirectory] {
                assert!(is_proper(path, action.clone()), "{action:?} {path}");
            }
        }
        for path in ["C/x/data.json", "C/x/f/data.json", "C/x/f/0000_y/data.json"] {
            assert!(is_proper(path, file()) && is_proper(path, Action::Remove), "{path}");
        }
        assert!(is_proper("C", Action::RemoveDirectory));
        let deepest = format!("C/x{}", "/e".repeat(MAX_DIRECTORIES));
        assert!(is_proper(&deepest, Action::MakeDirectory) && check_directory(&deepest).is_ok());
        assert!(is_proper(&format!("{deepest}/data.json"), file()));
        assert!(is_proper(&format!("{deepest}/l"), link(&format!("{}D/y", "../".repeat(MAX_DIRECTORIES + 2)))));
        let longest = format!("{}/l", format!("/{}", "n".repeat(MAX_ENTRY_NAME)).repeat(MAX_DIRECTORIES));
        assert!(is_proper(&format!("{}/{}{longest}", "c".repeat(MAX_NAME), "i".repeat(MAX_NAME)), Action::Remove));
    }

    #[test]
    fn nothing_else_is() {
        let long_class = format!("{}/x", "c".repeat(MAX_NAME + 1));
        let long_id = format!("C/{}", "x".repeat(MAX_NAME + 1));
        let long_entry = format!("C/x/{}", "x".repeat(MAX_ENTRY_NAME + 1));
        let endless = format!("C/x{}", "/e".repeat(MAX_PATH));
        let paths = [
            "",
            "/",
            "/C/x",
            ".",
            "..",
            "../x",
            "../canary/secret",
            "/etc/x",
            "C/",
            "C//x",
            "C/.",
            "C/..",
            "C/../x",
            "C/../../canary/secret",
            "C/x/",
            "C/x/..",
            "C/x/../../../canary",
            "C/x/./f",
            "./C/x",
            ".git/hooks/x",
            ".sepia",
            ".sepia/x",
            ".sepia/journal",
            ".sepia/state",
            ".sepia/../x",
            ".sepia/format.json/x",
            ".sepia/latest/C/x",
            ".sepia/tmp/1",
            "%2e/x",
            "C/%41",
            "C/a\\b",
            "C/%",
            "%/x",
            "C/x~",
            "C/.x",
            "C/x/.x",
            "C/x\0",
            "C/data.json",
            "data.json/x",
            "C/x/data.json/y",
            "C/x/data.json/data.json",
            "C/x/DATA.json",
            &long_class,
            &long_id,
            &long_entry,
            &endless,
        ];
        for path in paths {
            for action in [file(), link("../../D/y"), Action::MakeDirectory, Action::Remove, Action::RemoveDirectory] {
                assert!(!is_proper(path, action.clone()), "{action:?} {path}");
            }
            assert!(check_directory(path).is_err(), "{path}");
        }
        for (path, action) in [
            (FORMAT_FILE, Action::Remove),
            (FORMAT_FILE, Action::MakeDirectory),
            (FORMAT_FILE, link("../C/x")),
            ("C", file()),
            ("C", link("../D/y")),
            ("C", Action::MakeDirectory),
            ("C", Action::Remove),
            ("C/x", link("../D/y")),
            ("C/x/f", file()),
            ("C/x/data.json", Action::MakeDirectory),
            ("C/x/data.json", Action::RemoveDirectory),
            ("C/x/data.json", link("../../D/y")),
        ] {
            assert!(!is_proper(path, action.clone()), "{action:?} {path}");
        }
        for target in ["", "/etc/passwd", "../../../D/y", "../D/y", "../../D", "../../.sepia/state", "../../D/../y"] {
            assert!(!is_proper("C/x/f", link(target)), "{target}");
        }
        let deepest = format!("C/x{}", "/e".repeat(MAX_DIRECTORIES + 1));
        assert!(!is_proper(&deepest, Action::MakeDirectory) && check_directory(&deepest).is_err());
        assert!(!is_proper(&format!("{deepest}/data.json"), file()) && is_proper(&deepest, Action::RemoveDirectory));
        assert!(!is_proper(&format!("{deepest}/l"), link(&format!("{}D/y", "../".repeat(MAX_DIRECTORIES + 3)))));
        let content = vec![0; usize::try_from(MAX_CATALOG).unwrap() + 1];
        assert!(!is_proper(FORMAT_FILE, Action::File(content.into())));
    }
}
