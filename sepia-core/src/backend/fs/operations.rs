//! What a batch does, in order.

use super::operation::{Action, Before, Operation};
use crate::record::link::Target;
use crate::record::{Entries, Entry, MAX_ENTRY_NAME};

/// The operations of a batch, in their order. New links, of which a container may have many, are spelled out only
/// when they are asked for, and take no memory of their own.
#[derive(Debug, Default)]
pub(super) struct Operations<'a>(Vec<Part<'a>>);

#[derive(Debug)]
pub(super) enum Part<'a> {
    One(Operation<'a>),
    Links(NewLinks<'a>),
}

/// New links that follow each other among the entries of a directory.
#[derive(Debug)]
pub(super) struct NewLinks<'a> {
    pub(super) directory: String,
    /// How many levels below the root the directory is.
    depth: usize,
    entries: &'a Entries,
    first: usize,
    pub(super) count: usize,
}

impl<'a> Operations<'a> {
    pub(super) fn push(&mut self, operation: Operation<'a>) {
        self.0.push(Part::One(operation));
    }

    /// Adds the link that is entry number `at` of a directory that shall have these entries, and has nothing there.
    pub(super) fn push_link(&mut self, directory: &str, depth: usize, entries: &'a Entries, at: usize) {
        if let Some(Part::Links(last)) = self.0.last_mut()
            && last.first + last.count == at
            && std::ptr::eq(last.entries, entries)
        {
            last.count += 1;
            return;
        }
        self.0.push(Part::Links(NewLinks { directory: directory.to_owned(), depth, entries, first: at, count: 1 }));
    }

    pub(super) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Adds an operation that comes before all others.
    pub(super) fn push_first(&mut self, operation: Operation<'a>) {
        self.0.insert(0, Part::One(operation));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the operation, if it is the only one, and is no link.
    pub(super) fn single(&self) -> Option<&Operation<'a>> {
        match &*self.0 {
            [Part::One(operation)] => Some(operation),
            _ => None,
        }
    }

    pub(super) fn parts(&self) -> &[Part<'a>] {
        &self.0
    }

    /// Calls `each` with every operation, until it fails.
    pub(super) fn try_each<E>(&self, each: &mut dyn FnMut(&Operation<'_>) -> Result<(), E>) -> Result<(), E> {
        self.0.iter().try_for_each(|part| match part {
            Part::One(operation) => each(operation),
            Part::Links(links) => links.try_each_operation(each),
        })
    }
}

impl<'a> Part<'a> {
    /// Returns the path of the directory in which this happens.
    pub(super) fn directory(&self) -> &str {
        match self {
            Self::One(operation) => operation.path.rsplit_once('/').map_or("", |(directory, _)| directory),
            Self::Links(links) => &links.directory,
        }
    }

    /// Returns the first operation.
    pub(super) fn first(&self) -> Operation<'a> {
        match self {
            Self::One(operation) => operation.clone(),
            Self::Links(links) => {
                let name = links.entries.from(links.first).first().map_or("", |(name, _)| name.as_str());
                let path = format!("{}/{name}", links.directory);
                Operation::new(path, Action::Link("".into()), Before::Nothing)
            }
        }
    }
}

impl NewLinks<'_> {
    /// Calls `each` with the name and the target of every link, until it fails.
    pub(super) fn try_each<E>(&self, each: &mut dyn FnMut(&str, &str) -> Result<(), E>) -> Result<(), E> {
        let mut target = Target::from(self.depth);
        self.entries.from(self.first).iter().take(self.count).try_for_each(|(name, entry)| match entry {
            Entry::Link(key) => each(name.as_str(), target.to(key)),
            // Invariant: only links are added.
            Entry::Container(_) | Entry::Collection(_) | Entry::Stray => Ok(()),
        })
    }

    fn try_each_operation<E>(&self, each: &mut dyn FnMut(&Operation<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut path = String::with_capacity(self.directory.len() + 1 + MAX_ENTRY_NAME);
        path.push_str(&self.directory);
        path.push('/');
        let stem = path.len();
        self.try_each(&mut |name, target| {
            path.truncate(stem);
            path.push_str(name);
            each(&Operation::new(&*path, Action::Link(target.into()), Before::Nothing))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Key, Name};

    #[test]
    fn links_come_in_their_place_one_by_one() {
        let link = |class, id| Entry::Link(Key::new(class, id).unwrap());
        let entries = |entries: Vec<(&str, Entry)>| {
            Entries::new(entries.into_iter().map(|(name, entry)| (Name::of(name).unwrap(), entry)).collect()).unwrap()
        };
        let some = entries(vec![
            ("a", link("C", "1")),
            ("b", link("D", "%")),
            ("c", Entry::Collection(Entries::default())),
            ("d", link("D", "2")),
        ]);
        let others = entries(vec![("a", link("D", "2"))]);
        let made = |path| Operation::new(path, Action::MakeDirectory, Before::Nothing);
        let mut operations = Operations::default();
        operations.push_link("X/x", 2, &some, 0);
        operations.push_link("X/x", 2, &some, 1);
        operations.push(made("X/x/c"));
        operations.push_link("X/x", 2, &some, 3);
        operations.push_link("X/y", 3, &others, 0);
        // Those between stand there already.
        operations.push_link("X/z", 2, &some, 0);
        operations.push_link("X/z", 2, &some, 3);
        operations.push_first(made("X/x"));
        let mut seen = Vec::new();
        operations
            .try_each(&mut |operation| {
                seen.push((operation.path.to_string(), operation.action.borrow().into_owned()));
                Ok::<_, ()>(())
            })
            .unwrap();
        let linked = |path: &str, target: &str| (path.to_owned(), Action::Link(target.to_owned().into()));
        let expected = [
            ("X/x".to_owned(), Action::MakeDirectory),
            linked("X/x/a", "../../C/1"),
            linked("X/x/b", "../../D/%25"),
            ("X/x/c".to_owned(), Action::MakeDirectory),
            linked("X/x/d", "../../D/2"),
            linked("X/y/a", "../../../D/2"),
            linked("X/z/a", "../../C/1"),
            linked("X/z/d", "../../D/2"),
        ];
        assert_eq!(seen, expected);
        assert_eq!(operations.parts().len(), 7);
    }
}
