//! `crate` says where sepia is, as a path or in a string.
#![allow(dead_code)]

mod inner {
    pub extern crate sepia as library;
}

use inner::library::{Container, Id, Reference, Serializable};

#[derive(Serializable)]
#[sepia(crate = inner::library)]
struct Note {
    id: Id<Note>,
    size: u8,
}

#[derive(Container)]
#[sepia(crate = "crate::pass::renamed_crate::inner::library")]
struct Board {
    id: Id<Board>,
    notes: Vec<Note>,
}

#[derive(Reference)]
#[sepia(crate = "inner::library")]
enum Either {
    Note(Note),
    Board(Board),
}

pub(super) fn main() {}
