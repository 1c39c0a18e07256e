//! The commands: each file has what one takes, and what it does.

pub(crate) mod adopt;
pub(crate) mod backlinks;
pub(crate) mod backup;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod export;
pub(crate) mod find;
pub(crate) mod gc;
pub(crate) mod graph;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod links;
pub(crate) mod ls;
pub(crate) mod man;
pub(crate) mod put;
pub(crate) mod restore;
pub(crate) mod rm;
pub(crate) mod set;
pub(crate) mod show;
pub(crate) mod stats;
pub(crate) mod tree;
pub(crate) mod verify;
pub(crate) mod versions;
