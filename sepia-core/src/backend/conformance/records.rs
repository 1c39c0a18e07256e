//! Records: byte for byte, in every shape.

use super::*;

/// Shapes of one container, each of which can follow any other.
pub(super) fn shapes() -> Result<Vec<Node>> {
    let link = |id: &str| Ok::<_, Error>(Entry::Link(Key::new("Leaf", id)?));
    let inner =
        |data: &str| Ok::<_, Error>(Entry::Container(node(data, vec![("l", Entry::Link(Key::new("Leaf", "deep")?))])?));
    let mut deep = node("{\"level\": 0}", vec![])?;
    for level in 1..128 {
        deep = node(&format!("{{\"level\": {level}}}"), vec![("a", Entry::Container(deep))])?;
    }
    Ok(vec![
        node("{}", vec![])?,
        node("{\"changed\": 1}", vec![])?,
        node("{}", vec![("a", link("one")?), ("b", link("two")?)])?,
        node("{}", vec![("a", link("two")?), ("c", link("one")?)])?,
        node("{}", vec![("a", inner("{}")?), ("b", collection(vec![("0000_one", link("one")?)])?)])?,
        node(
            "{}",
            vec![("a", inner("{ }")?), ("b", collection(vec![("0000_two", link("two")?), ("0001", inner("1")?)])?)],
        )?,
        node("{}", vec![("b", inner("{}")?), ("a", collection(vec![("k", collection(vec![("k", link("one")?)])?)])?)])?,
        deep,
    ])
}

pub(super) fn leaves(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Leaf", "x")?;
    let every_byte: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    for content in [&b""[..], b"text\n", &every_byte, &every_byte.repeat(16), &large, b"short again", b""] {
        put(backend, &key, leaf(content))?;
        ensure(backend.read(&key)? == Some(leaf(content)), || format!("{} bytes came back otherwise", content.len()))?;
        equal(backend.contains(&key)?, true)?;
    }
    Ok(())
}

pub(super) fn containers(backend: &dyn Backend) -> Result<()> {
    for (number, shape) in shapes()?.into_iter().enumerate() {
        let key = Key::new("Node", format!("n{number}"))?;
        put(backend, &key, Record::Container(shape.clone()))?;
        equal(backend.read(&key)?, Some(Record::Container(shape)))?;
        equal(backend.contains(&key)?, true)?;
    }
    Ok(())
}

pub(super) fn reshaping(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Node", "n")?;
    let shapes = shapes()?;
    for from in &shapes {
        for to in &shapes {
            for shape in [from, to, to] {
                put(backend, &key, Record::Container(shape.clone()))?;
                equal(backend.read(&key)?, Some(Record::Container(shape.clone())))?;
            }
        }
    }
    Ok(())
}

pub(super) fn unfit(backend: &dyn Backend) -> Result<()> {
    let key = Key::new("Node", "n")?;
    let stray = Record::Container(node("{}", vec![("a", collection(vec![("b", Entry::Stray)])?)])?);
    refused(put(backend, &key, stray), ErrorKind::InvalidValue)?;
    let deep = |levels: usize| {
        let mut entry = Entry::Link(Key::new("Leaf", "x")?);
        for _ in 0..levels {
            entry = collection(vec![("a", entry)])?;
        }
        Ok::<_, Error>(Record::Container(node("{}", vec![("a", entry)])?))
    };
    refused(put(backend, &key, deep(401)?), ErrorKind::InvalidValue)?;
    equal(backend.contains(&key)?, false)?;
    put(backend, &key, deep(400)?)?;
    equal(backend.read(&key)?, Some(deep(400)?))
}
