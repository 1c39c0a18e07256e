//! What a command has found, for its exit code.

/// The answer to the question that a command asks: is there any, are they equal, is all well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    /// Not all could be looked at, which has been said.
    Incomplete,
}

impl Answer {
    /// Yes if it is so.
    pub(crate) fn is(so: bool) -> Self {
        if so { Self::Yes } else { Self::No }
    }
}
