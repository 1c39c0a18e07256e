//! Objects as they are named: `Class/id`, encoded like their paths.

use sepia::record::Key;
use serde::Serialize;

/// An object in what programs read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Named {
    /// As commands take it.
    object: String,
    class: String,
    id: String,
}

impl From<&Key> for Named {
    fn from(key: &Key) -> Self {
        Self { object: key.path(), class: key.class().to_owned(), id: key.id().to_owned() }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.object)
    }
}
