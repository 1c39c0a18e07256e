//! With whom a store is shared.

/// Who but its owner may use a store; for [`StoreBuilder::shared`](crate::StoreBuilder::shared). A store that is
/// shared with nobody is for its owner alone.
///
/// It is the `core.sharedRepository` of git, with the same two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shared {
    /// The members of the group that its directory (or database) belongs to read and write it.
    Group,
    /// The members of that group read and write it, and everybody reads it.
    All,
}

impl Shared {
    /// The word for it, in the store.
    #[cfg(any(unix, feature = "backup", feature = "export", feature = "sqlite"))]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::All => "all",
        }
    }

    #[cfg(any(unix, feature = "backup", feature = "export", feature = "sqlite"))]
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Group, Self::All].into_iter().find(|shared| shared.as_str() == word)
    }
}
