//! How names, sizes, times, values and contents are written.

pub(crate) mod content;
pub(crate) mod json;
pub(crate) mod object;
pub(crate) mod text;
