//! What tells, cheaper than reading it, whether a record is still what was read.

use std::fmt;

/// What [`Backend::read_sealed`](super::Backend::read_sealed) gives beside a record (or its absence), for
/// [`Backend::is_intact`](super::Backend::is_intact) to look at. Only the backend that made it can make anything of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Seal {
    numbers: Option<[u64; 2]>,
    parts: Option<Box<str>>,
}

impl Seal {
    /// That of a record which is never known to be intact.
    pub const fn none() -> Self {
        Self { numbers: None, parts: None }
    }

    /// Makes one of numbers that are others once the record is another.
    pub const fn new(numbers: [u64; 2]) -> Self {
        Self::none().with_numbers(numbers)
    }

    /// The same, with these numbers.
    #[must_use]
    pub const fn with_numbers(mut self, numbers: [u64; 2]) -> Self {
        self.numbers = Some(numbers);
        self
    }

    /// The same, with the names of what has to be looked at, one a line.
    #[must_use]
    pub fn with_parts(mut self, parts: impl Into<Box<str>>) -> Self {
        self.parts = Some(parts.into());
        self
    }

    /// Returns the numbers; `None` if there is no telling.
    pub const fn numbers(&self) -> Option<[u64; 2]> {
        self.numbers
    }

    /// Returns the names of what has to be looked at.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|parts| parts.lines())
    }

    /// Returns how many bytes it takes beside its own.
    #[cfg(feature = "cache")]
    pub(crate) fn bytes(&self) -> usize {
        self.parts.as_ref().map_or(0, |parts| parts.len())
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.numbers {
            Some([a, b]) => write!(f, "Seal({a:x}-{b:x}, {} parts)", self.parts().count()),
            None => f.write_str("Seal(none)"),
        }
    }
}
