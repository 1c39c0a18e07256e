//! What the processes do that die or fail, and what must be stored then.

use sepia::Result;
use sepia::backend::Backend;
use sepia::batch::{Batch, Change, Durability, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Entry, Record};

use crate::support::{Contents, container, entries, key, leaf, link, node};

/// Something that a process does to a store.
#[derive(Clone)]
pub enum Act {
    Commit(Batch),
    Checkpoint,
}

impl Act {
    pub fn run(&self, backend: &dyn Backend) -> Result<()> {
        match self {
            Self::Commit(batch) => backend.commit(batch.clone()),
            Self::Checkpoint => backend.checkpoint(),
        }
    }

    pub fn apply(&self, contents: &mut Contents) {
        let Self::Commit(batch) = self else { return };
        for step in batch.steps() {
            match &step.change {
                Change::Keep => {}
                Change::Put(record) => drop(contents.insert(step.key.clone(), record.clone())),
                Change::Delete => drop(contents.remove(&step.key)),
            }
        }
    }
}

/// A few acts on a store that others have prepared.
pub struct Scenario {
    pub setup: Vec<Act>,
    pub acts: Vec<Act>,
}

impl Scenario {
    /// What is stored after so many acts.
    pub fn after(&self, acts: usize) -> Contents {
        let mut contents = Contents::new();
        self.setup.iter().chain(&self.acts[..acts]).for_each(|act| act.apply(&mut contents));
        contents
    }
}

pub fn note() -> Class {
    Class::serializable("Note", Format::Text)
}

pub fn board() -> Class {
    Class::container("Board")
}

pub fn draft() -> Class {
    Class::serializable("Draft", Format::Text).with_generations()
}

fn plan() -> Class {
    Class::container("Plan").with_generations()
}

pub fn commit(durability: Durability, fill: impl FnOnce(&mut Batch)) -> Act {
    let mut batch = Batch::new();
    batch.set_durability(durability);
    fill(&mut batch);
    Act::Commit(batch)
}

fn declare(batch: &mut Batch) {
    for class in [note(), board(), draft(), plan()] {
        batch.declare(&class).unwrap();
    }
}

fn put(batch: &mut Batch, class: &str, id: &str, record: Record) {
    batch.put(key(class, id), record, Expect::Any);
}

/// A board of everything that can be in one.
pub fn rich() -> Record {
    let inner = node("{\"inner\": 1}\n", vec![("0000_a", link("Note", "a")), ("0001_b", link("Note", "b"))]);
    let deep = node("{}\n", vec![("nested", Entry::Container(node("{\"deep\": true}\n", vec![])))]);
    container(
        "{\"name\": \"rich\"}\n",
        vec![
            ("pinned", link("Note", "a")),
            ("swap", link("Note", "b")),
            ("turn", Entry::Container(node("{\"turn\": 1}\n", vec![("x", link("Note", "a"))]))),
            (
                "boards",
                Entry::Collection(entries(vec![
                    ("0000_inner", Entry::Container(inner)),
                    ("0001_deep", Entry::Container(deep)),
                ])),
            ),
            (
                "notes",
                Entry::Collection(entries(vec![
                    ("0000_a", link("Note", "a")),
                    ("0001_b", link("Note", "b")),
                    ("0002_c", link("Note", "c")),
                ])),
            ),
        ],
    )
}

/// The same board after a change of everything: a list has become shorter, a link a directory, a directory
/// a link, and what was nested has moved.
pub fn changed() -> Record {
    let inner = node("{\"inner\": 2}\n", vec![("0000_b", link("Note", "b"))]);
    container(
        "{\"name\": \"changed\"}\n",
        vec![
            ("pinned", link("Note", "b")),
            ("swap", Entry::Container(node("{\"swap\": 1}\n", vec![("y", link("Note", "c"))]))),
            ("turn", link("Note", "c")),
            ("boards", Entry::Collection(entries(vec![("0000_deep", Entry::Container(inner))]))),
            ("notes", Entry::Collection(entries(vec![("0000_b", link("Note", "b"))]))),
        ],
    )
}

fn setup(durability: Durability) -> Act {
    commit(durability, |batch| {
        declare(batch);
        put(batch, "Note", "a", leaf("a1"));
        put(batch, "Note", "b", leaf("b1"));
        put(batch, "Board", "rich", rich());
        put(batch, "Board", "small", container("{}\n", vec![("a", link("Note", "a"))]));
        put(batch, "Draft", "d.0", leaf("d0"));
        put(batch, "Draft", "d.1", leaf("d1"));
    })
}

/// The names of all scenarios, without their durability.
pub const NAMES: [&str; 14] = [
    "leaf new",
    "leaf replaced",
    "leaf deleted",
    "container new",
    "container changed",
    "container deleted",
    "mixed",
    "generations",
    "retired",
    "first",
    "toggled",
    "light to durable",
    "checkpoint",
    "light wrap",
];

/// The name of one more, of so many steps that only some are tried.
pub const MANY_LEAVES: &str = "many leaves";

/// Returns a scenario.
pub fn scenario(name: &str, durability: Durability) -> Scenario {
    let single = |fill: fn(&mut Batch)| vec![commit(durability, fill)];
    let acts = match name {
        "leaf new" => single(|batch| batch.put(key("Note", "new"), leaf("new"), Expect::Absent)),
        "leaf replaced" => single(|batch| put(batch, "Note", "a", leaf("a2, longer than before"))),
        "leaf deleted" => single(|batch| batch.delete(key("Note", "a"), Expect::Present)),
        "container new" => single(|batch| put(batch, "Board", "new", rich())),
        "container changed" => single(|batch| put(batch, "Board", "rich", changed())),
        "container deleted" => single(|batch| batch.delete(key("Board", "rich"), Expect::Present)),
        "mixed" => single(|batch| {
            put(batch, "Note", "a", leaf("a2"));
            batch.delete(key("Note", "b"), Expect::Present);
            put(batch, "Note", "c", leaf("c1"));
            put(batch, "Note", "d", leaf(""));
            put(batch, "Board", "rich", changed());
            batch.delete(key("Board", "small"), Expect::Present);
            put(batch, "Board", "new", rich());
            batch.put(key("Draft", "d.2"), leaf("d2"), Expect::LatestIs(1));
            batch.put(key("Draft", "e.0"), leaf("e0"), Expect::Absent);
            batch.delete(key("Draft", "d.0"), Expect::Present);
        }),
        "generations" => vec![
            commit(durability, |batch| batch.put(key("Draft", "d.2"), leaf("d2"), Expect::LatestIs(1))),
            commit(durability, |batch| batch.put(key("Draft", "d.7"), leaf("d7"), Expect::LatestIs(2))),
            commit(durability, |batch| batch.put(key("Draft", "e.0"), leaf("e0"), Expect::Absent)),
            commit(durability, |batch| batch.put(key("Draft", "e.1"), leaf("e1"), Expect::LatestIs(0))),
            commit(durability, |batch| batch.put(key("Plan", "p.0"), container("{}\n", vec![]), Expect::Absent)),
            commit(durability, |batch| {
                batch.put(key("Plan", "p.3"), container("{\"p\": 3}\n", vec![]), Expect::LatestIs(0));
                batch.delete(key("Draft", "d.7"), Expect::Present);
            }),
            commit(durability, |batch| batch.put(key("Draft", "d.3"), leaf("d3"), Expect::LatestIs(2))),
        ],
        "retired" => vec![
            commit(durability, |batch| {
                batch.delete(key("Draft", "d.0"), Expect::Any);
                batch.delete(key("Draft", "d.1"), Expect::Any);
                batch.retire("Draft");
            }),
            commit(durability, |batch| {
                batch.delete(key("Board", "rich"), Expect::Any);
                batch.delete(key("Board", "small"), Expect::Any);
                batch.retire("Board");
                batch.retire("Plan");
                put(batch, "Note", "a", leaf("a2"));
            }),
            commit(durability, |batch| {
                batch.declare(&Class::serializable("Board", Format::Text)).unwrap();
                put(batch, "Board", "rich", leaf("another kind"));
            }),
        ],
        "first" => {
            let acts = vec![setup(durability), commit(durability, |batch| put(batch, "Note", "a", leaf("a2")))];
            return Scenario { setup: Vec::new(), acts };
        }
        // What was undone must not come back, whatever is carried out again.
        "toggled" => vec![
            commit(durability, |batch| {
                put(batch, "Note", "a", leaf("a2"));
                put(batch, "Note", "t", leaf("t1"));
                put(batch, "Board", "rich", changed());
            }),
            commit(durability, |batch| put(batch, "Note", "a", leaf("a1"))),
            commit(durability, |batch| batch.delete(key("Note", "t"), Expect::Present)),
            commit(durability, |batch| put(batch, "Board", "rich", rich())),
            commit(durability, |batch| put(batch, "Note", "t", leaf("t1"))),
        ],
        "light to durable" => vec![
            commit(Durability::Buffered, |batch| put(batch, "Note", "b", leaf("b2"))),
            commit(Durability::Buffered, |batch| {
                put(batch, "Note", "a", leaf("a2"));
                put(batch, "Board", "rich", changed());
            }),
            commit(Durability::Sync, |batch| {
                put(batch, "Note", "a", leaf("a1"));
                put(batch, "Board", "small", changed());
            }),
            commit(Durability::Buffered, |batch| put(batch, "Note", "b", leaf("b1"))),
            commit(durability, |batch| put(batch, "Board", "rich", rich())),
        ],
        // Before, between and after what two threads carry out is something that has its order.
        MANY_LEAVES => {
            let leaves = |batch: &mut Batch, from: usize, text: &str| {
                (from..from + 600).for_each(|number| put(batch, "Note", &format!("many {number}"), leaf(text)));
            };
            vec![
                commit(durability, |batch| {
                    put(batch, "Board", "rich", changed());
                    leaves(batch, 0, "first");
                    batch.delete(key("Note", "b"), Expect::Present);
                    leaves(batch, 600, "first");
                    put(batch, "Board", "new", rich());
                }),
                commit(durability, |batch| leaves(batch, 300, "second, and longer")),
            ]
        }
        "checkpoint" => vec![
            commit(durability, |batch| put(batch, "Board", "rich", changed())),
            commit(durability, |batch| batch.delete(key("Note", "b"), Expect::Present)),
            Act::Checkpoint,
            commit(durability, |batch| put(batch, "Board", "rich", rich())),
            Act::Checkpoint,
        ],
        "light wrap" => {
            let large = |text: &str| leaf(&text.repeat(90 << 10));
            let fill = |text: &'static str| {
                commit(Durability::Buffered, move |batch| {
                    put(batch, "Note", "large", large(text));
                    put(batch, "Note", "a", leaf(text));
                    put(batch, "Board", "small", container(text, vec![]));
                })
            };
            let acts = vec![
                fill("abcd"),
                fill("efgh"),
                fill("ijkl"),
                commit(durability, |batch| put(batch, "Note", "a", leaf("a2"))),
            ];
            return Scenario { setup: vec![setup(Durability::Buffered), fill("mnop")], acts };
        }
        _ => panic!("there is no scenario {name}"),
    };
    Scenario { setup: vec![setup(durability)], acts }
}
