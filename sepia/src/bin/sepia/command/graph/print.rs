//! A drawing in Graphviz's language, and for programs.

use std::io::Write;

use sepia::record::Key;
use serde::Serialize;

use super::{Drawing, Drawn};
use crate::failure::Result;
use crate::locate::resolve::Records;
use crate::output::Output;
use crate::render::object::Named;
use crate::render::text::printable;
use crate::walk;

/// Prints a drawing, for Graphviz or for programs.
pub(super) fn print(drawing: &Drawing, records: &Records<'_>, out: &mut Output) -> Result<()> {
    #[derive(Serialize)]
    struct Whole {
        nodes: Vec<NodeLine>,
        edges: Vec<Edge>,
        complete: bool,
    }
    #[derive(Serialize)]
    struct NodeLine {
        #[serde(flatten)]
        name: Named,
        dangling: bool,
    }
    #[derive(Serialize)]
    struct Edge {
        from: String,
        to: String,
    }
    if out.is_for_programs() {
        let node = |(key, drawn): (&Key, &Drawn)| NodeLine { name: key.into(), dangling: drawn.is_dangling };
        return out.json(&Whole {
            nodes: drawing.nodes.iter().map(node).collect(),
            edges: drawing.edges.iter().map(|(a, b)| Edge { from: a.path(), to: b.path() }).collect(),
            complete: !drawing.is_cut,
        });
    }
    writeln!(out, "digraph sepia {{")?;
    writeln!(out, "  rankdir=LR")?;
    writeln!(out, "  node [shape=box, style=rounded]")?;
    for (key, drawn) in &drawing.nodes {
        let mut attributes = format!("label=\"{}\\n{}\"", label(key.id()), label(key.class()));
        if drawn.is_dangling {
            attributes.push_str(", style=dashed, color=red");
        } else if records.class(key.class()).is_some_and(|class| !walk::has_links(class)) {
            attributes.push_str(", shape=note, style=solid");
        }
        if drawn.is_root {
            attributes.push_str(", penwidth=3");
        }
        writeln!(out, "  {} [{attributes}]", quoted(&key.path()))?;
    }
    for (from, to) in &drawing.edges {
        writeln!(out, "  {} -> {}", quoted(&from.path()), quoted(&to.path()))?;
    }
    writeln!(out, "}}")?;
    Ok(())
}

/// A name in Graphviz's language. Encoded names have no backslash and no control character.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\\\""))
}

/// A text within a label, where backslashes and entities have a meaning.
fn label(text: &str) -> String {
    let mut label = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '\\' | '"' => label.extend(['\\', character]),
            '&' => label.push_str("&amp;"),
            _ => label.push(character),
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_show_the_text_that_they_are_of() {
        assert_eq!(label("a\"b\\c&lt;\n"), "a\\\"b\\\\c&amp;lt;\\\\n");
        assert_eq!(quoted("A/a\"b"), "\"A/a\\\"b\"");
    }
}
