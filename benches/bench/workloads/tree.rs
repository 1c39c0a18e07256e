//! A container of containers, four levels deep, with the leaves that they own.

use std::hint::black_box;

use sepia::{Durability, Id};
use serde::{Deserialize, Serialize};

use super::leaves::each;
use crate::bench::floor::Trees;
use crate::bench::measure::Race;
use crate::bench::objects::{Branch, Note};
use crate::bench::peer::Database;
use crate::bench::results::Row;
use crate::bench::{Bench, Result};

pub(super) fn run(bench: &Bench<'_>) -> Result {
    bench.case("new_tree", new)?;
    bench.case("load_tree", load)
}

fn new(bench: &Bench<'_>) -> Result<Row> {
    let (store, floor) = (bench.store()?, floor(bench)?);
    let peers = bench.databases(Durability::Buffered)?;
    let trees = trees(bench);
    let row = Race::default()
        .side("sepia", |at| Ok(store.save(&trees[at])?))
        .side("floor", |at| floor.make(&trees[at]))
        .sides(each(&peers), |peer| {
            let trees = &trees;
            move |at: usize| save(peer, &trees[at])
        })
        .run(bench.tree_rounds())?;
    store.check_same(&floor.notes)?;
    Ok(row)
}

fn load(bench: &Bench<'_>) -> Result<Row> {
    let (store, floor) = (bench.store()?, floor(bench)?);
    let peers = bench.databases(Durability::Buffered)?;
    let trees = trees(bench);
    for tree in &trees {
        store.save(tree)?;
        floor.make(tree)?;
        each(&peers).try_for_each(|(_, peer)| save(peer, tree))?;
    }
    let row = Race::default()
        .side("sepia", |at| {
            black_box(store.load::<Branch>(&trees[at].id)?);
            Ok(())
        })
        .side("floor", |at| {
            black_box(floor.load(&trees[at].id)?);
            Ok(())
        })
        .sides(each(&peers), |peer| {
            let trees = &trees;
            move |at: usize| {
                black_box(load_from(peer, &trees[at].id)?);
                Ok(())
            }
        })
        .run(bench.tree_rounds())?;
    for tree in &trees {
        assert!(store.load::<Branch>(&tree.id)? == *tree);
        assert!(floor.load(&tree.id)? == *tree);
        for (name, peer) in each(&peers) {
            assert!(load_from(peer, &tree.id)? == *tree, "{name}");
        }
    }
    Ok(row)
}

fn trees(bench: &Bench<'_>) -> Vec<Branch> {
    (0..bench.tree_rounds().operations()).map(Branch::tree).collect()
}

fn floor(bench: &Bench<'_>) -> Result<Trees> {
    let notes = bench.class(Note::CLASS)?;
    Ok(Trees { trees: notes.another_class(Branch::CLASS)?, notes })
}

/// A branch as a value.
#[derive(Deserialize, Serialize)]
struct Entry {
    name: String,
    branches: Vec<String>,
    notes: Vec<String>,
}

fn key(id: &Id<Branch>) -> String {
    format!("{}/{id}", Branch::CLASS)
}

/// Saves all in one commit: each branch under a key of its own, and each note.
fn save(peer: &dyn Database, tree: &Branch) -> Result {
    fn gather<'t>(branch: &'t Branch, branches: &mut Vec<&'t Branch>, notes: &mut Vec<&'t Note>) {
        branches.push(branch);
        notes.extend(&branch.notes);
        branch.branches.iter().for_each(|branch| gather(branch, branches, notes));
    }
    let (mut branches, mut notes) = (Vec::new(), Vec::new());
    gather(tree, &mut branches, &mut notes);
    let entry = |branch: &&Branch| {
        let entry = Entry {
            name: branch.name.clone(),
            branches: branch.branches.iter().map(|branch| branch.id.to_string()).collect(),
            notes: branch.notes.iter().map(|note| note.id.to_string()).collect(),
        };
        Ok((key(&branch.id), serde_json::to_vec(&entry)?))
    };
    let entries = branches.iter().map(entry).collect::<Result<Vec<_>>>()?;
    peer.save_all(notes, entries)
}

fn load_from(peer: &dyn Database, id: &Id<Branch>) -> Result<Branch> {
    let entry: Entry = peer.read(&key(id), |content| Ok(serde_json::from_slice(content)?))?;
    let branch = |id: String| load_from(peer, &Id::from(id));
    let note = |id: String| peer.load(&Id::from(id));
    Ok(Branch {
        id: id.clone(),
        name: entry.name,
        branches: entry.branches.into_iter().map(branch).collect::<Result<_>>()?,
        notes: entry.notes.into_iter().map(note).collect::<Result<_>>()?,
    })
}
