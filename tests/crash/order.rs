//! The order in which a batch is carried out, where it matters.

use sepia::backend::Backend;
use sepia::backend::fault::{self, Event};
use sepia::batch::{Batch, Durability, Expect};
use sepia::class::{Class, Format};

use crate::support::{child, command, key, leaf, open};

/// A process of its own, as everything that it does is recorded.
#[test]
fn declares() {
    let Some(_) = child() else { return };
    for _ in 0..10 {
        let scratch = tempfile::tempdir().unwrap();
        let store = open(scratch.path()).unwrap();
        let mut batch = Batch::new();
        batch.declare(&Class::serializable("Note", Format::Text)).unwrap();
        (0..600).for_each(|n| batch.put(key("Note", &format!("{n}")), leaf("x"), Expect::Any));
        batch.set_durability(Durability::Buffered);
        fault::record();
        store.commit(batch).unwrap();
        let events = fault::recorded();
        let declared = events.iter().position(|e| matches!(e, Event::Rename(_, to) if to.ends_with("format.json")));
        let first = events.iter().position(|e| matches!(e, Event::Name(_, to) if to.contains("/Note/")));
        assert!(declared.is_some() && declared < first, "declared as event {declared:?}, first leaf as {first:?}");
    }
    println!("\nheld");
}

/// What stands below a class that is not declared is foreign, and keeps the class from being declared. A loss of power
/// may leave it.
#[test]
fn a_class_is_declared_before_its_first_leaf_is_there() {
    let output = command("order::declares", &["1"]).output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("\nheld\n"), "{text}");
}
