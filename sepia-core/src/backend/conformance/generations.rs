//! Generations: which there are, which is the newest, and what may follow it.

use super::*;

fn kept(id: &str) -> Result<Key> {
    Key::new("Kept", id)
}

fn newest(backend: &dyn Backend, base: &str) -> Result<Option<String>> {
    Ok(backend.newest(&kept(base)?)?.map(|key| key.id().to_owned()))
}

pub(super) fn listing(backend: &dyn Backend) -> Result<()> {
    let stored =
        ["n", "n.1", "n.2", "n.10", "n.18446744073709551615", "n.01", "n.x", "n.1.5", "n1", "m.3", "n~.4", "na.7"];
    let mut all = batch()?;
    for id in stored {
        all.put(kept(id)?, leaf(id), Expect::Any);
    }
    backend.commit(all)?;
    for (base, expected) in [
        ("n", &["n", "n.1", "n.2", "n.10", "n.18446744073709551615"][..]),
        ("n.1", &["n.1", "n.1.5"]),
        ("m", &["m.3"]),
        ("n~", &["n~.4"]),
        ("o", &[]),
    ] {
        let found = backend.generations(&kept(base)?)?;
        let found: Vec<_> = found.iter().map(Key::id).collect();
        equal(found, expected.to_vec())?;
        equal(newest(backend, base)?.as_deref(), expected.last().copied())?;
    }
    Ok(())
}

/// After every change, the newest is the last of those that are listed.
pub(super) fn latest(backend: &dyn Backend) -> Result<()> {
    let change = |puts: &[u64], deletes: &[u64]| -> Result<()> {
        let mut batch = batch()?;
        for generation in puts {
            batch.put(kept(&format!("a.b.{generation}"))?, leaf("x"), Expect::Any);
        }
        for generation in deletes {
            batch.delete(kept(&format!("a.b.{generation}"))?, Expect::Present);
        }
        backend.commit(batch)?;
        let listed = backend.generations(&kept("a.b")?)?.pop();
        equal(backend.newest(&kept("a.b")?)?, listed)
    };
    equal(newest(backend, "a.b")?, None)?;
    change(&[0], &[])?;
    change(&[1], &[])?;
    change(&[2, 3], &[])?;
    change(&[], &[0, 1])?;
    change(&[], &[3])?;
    change(&[7], &[2])?;
    change(&[8, 12], &[7])?;
    change(&[], &[12])?;
    change(&[], &[8])?;
    equal(newest(backend, "a.b")?, None)?;
    change(&[5], &[])?;
    equal(newest(backend, "a")?, None)
}

/// Of a class that was declared without anybody knowing whether it keeps generations, and of which that is said later.
pub(super) fn late(backend: &dyn Backend) -> Result<()> {
    let declare = |class: Class, puts: &[&str], expect: Expect| -> Result<()> {
        let mut batch = Batch::new();
        batch.declare(&class)?;
        for id in puts {
            batch.put(Key::new(class.name(), *id)?, leaf(id), expect.clone());
        }
        backend.commit(batch)
    };
    let unknown = |name: &str| Class::declared(name.to_owned(), Kind::Serializable(Some(Format::Bytes)), None);
    let newest = |class: &str, base: &str| backend.newest(&Key::new(class, base)?);
    declare(unknown("Late")?, &["n.0", "n.1", "m.3"], Expect::Any)?;
    equal(newest("Late", "n")?, Some(Key::new("Late", "n.1")?))?;
    let late = || Class::serializable("Late", Format::Bytes).with_generations();
    declare(late(), &[], Expect::Any)?;
    equal(newest("Late", "n")?, Some(Key::new("Late", "n.1")?))?;
    equal(newest("Late", "m")?, Some(Key::new("Late", "m.3")?))?;
    refused(declare(late(), &["n.1"], Expect::LatestIs(0)), ErrorKind::Conflict)?;
    declare(late(), &["n.2"], Expect::LatestIs(1))?;
    equal(newest("Late", "n")?, Some(Key::new("Late", "n.2")?))
}

pub(super) fn expectations(backend: &dyn Backend) -> Result<()> {
    let put = |id: &str, expect: Expect| -> Result<()> {
        let mut batch = batch()?;
        batch.put(kept(id)?, leaf("x"), expect);
        backend.commit(batch)
    };
    refused(put("n.1", Expect::LatestIs(0)), ErrorKind::Conflict)?;
    put("n.0", Expect::PresentOrNewest)?;
    put("n.0", Expect::PresentOrNewest)?;
    put("n.1", Expect::LatestIs(0))?;
    refused(put("n.1", Expect::LatestIs(0)), ErrorKind::Conflict)?;
    put("n.4", Expect::PresentOrNewest)?;
    refused(put("n.2", Expect::PresentOrNewest), ErrorKind::Conflict)?;
    put("n.1", Expect::PresentOrNewest)?;
    refused(put("n.2", Expect::LatestIs(1)), ErrorKind::Conflict)?;
    put("n.5", Expect::LatestIs(4))?;
    // Generations that are gone leave gaps.
    let mut prune = batch()?;
    for id in ["n.0", "n.1", "n.4"] {
        prune.delete(kept(id)?, Expect::Present);
    }
    backend.commit(prune)?;
    for id in ["n.0", "n.1", "n.4"] {
        refused(put(id, Expect::PresentOrNewest), ErrorKind::Conflict)?;
    }
    equal(newest(backend, "n")?, Some("n.5".to_owned()))?;
    // A record without a suffix is generation 0.
    put("m", Expect::PresentOrNewest)?;
    put("m.1", Expect::LatestIs(0))?;
    equal(newest(backend, "m")?, Some("m.1".to_owned()))
}
