//! The order within a transaction, or a batch, in which generations come does not count.

use sepia::batch::{Batch, Expect};
use sepia::class::{Class, Format};
use sepia::record::{Key, Record};
use sepia::{ErrorKind, Id, Serializable};

use crate::support::{on_every_backend, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Draft {
    id: Id<Draft>,
    text: String,
}

fn draft(id: &str) -> Draft {
    Draft { id: id.into(), text: id.to_owned() }
}

/// The second was refused as gone; `save_all` took both.
#[test]
fn an_older_generation_may_come_after_a_newer_one_in_a_transaction() {
    for ids in [["d.1", "d.0", "d.7", "d.3"], ["d.7", "d.3", "d.1", "d.0"], ["d.0", "d.1", "d.3", "d.7"]] {
        on_every_backend(|store| {
            store
                .transaction(|transaction| {
                    for id in ids {
                        transaction.save(&draft(id))?;
                    }
                    assert_eq!(transaction.load::<Draft>("d")?, draft("d.7"));
                    Ok(())
                })
                .unwrap();
            assert_eq!(store.versions::<Draft>("d").unwrap(), ["d.0", "d.1", "d.3", "d.7"].map(Id::from));
            assert_eq!(store.load::<Draft>("d").unwrap(), draft("d.7"));
        });
        on_every_backend(|store| {
            store.save_all(ids.map(draft)).unwrap();
            assert_eq!(store.versions::<Draft>("d").unwrap().len(), 4);
        });
        on_every_backend(|store| {
            let mut batch = Batch::new();
            batch.declare(&Class::serializable("Draft", Format::Text).with_generations()).unwrap();
            for id in ids {
                let record = Record::Leaf(id.as_bytes().to_vec());
                batch.put(Key::new("Draft", id).unwrap(), record, Expect::PresentOrNewest);
            }
            store.backend().commit(batch).unwrap();
            assert_eq!(store.load::<Draft>("d").unwrap(), draft("d.7"));
        });
    }
}

#[test]
fn what_was_pruned_before_or_within_a_transaction_is_not_made_again() {
    on_every_backend(|store| {
        store.save_all(["d.0", "d.1", "d.2"].map(draft)).unwrap();
        store.delete::<Draft>("d.0").unwrap();
        store
            .transaction(|transaction| {
                refused(transaction.save(&draft("d.0")), ErrorKind::Conflict, &["d.0", "gone"]);
                transaction.save(&draft("d.5"))?;
                refused(transaction.save(&draft("d.0")), ErrorKind::Conflict, &["d.0", "gone"]);
                // Newer than what is stored.
                transaction.save(&draft("d.4"))?;
                transaction.delete::<Draft>("d.2")?;
                refused(transaction.save(&draft("d.2")), ErrorKind::Conflict, &["d.2", "gone"]);
                refused(transaction.save(&draft("d.0")), ErrorKind::Conflict, &["d.0", "gone"]);
                Ok(())
            })
            .unwrap();
        assert_eq!(store.versions::<Draft>("d").unwrap(), ["d.1", "d.4", "d.5"].map(Id::from));
    });
}
