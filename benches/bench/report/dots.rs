//! The chart of Sepia among its peers.

use super::Saved;
use super::drawing::{Anchor, Drawing, Mark};
use super::targets::{COMPARED, PEERS};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 330.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 100.0;
const ROW: f64 = 30.0;

const MARKS: [Mark; 9] = [
    Mark::Diamond,
    Mark::Bar,
    Mark::Circle,
    Mark::Square,
    Mark::Triangle,
    Mark::Circle,
    Mark::Square,
    Mark::Triangle,
    Mark::Circle,
];

/// On a disk, if there are figures of one.
pub(super) fn chart(saved: &Saved) -> String {
    let mut drawing = Drawing::new(WIDTH);
    let medium = if saved.usual[1].is_some() { 1 } else { 0 };
    let sides: Vec<_> = ["sepia", "floor"].into_iter().chain(PEERS.iter().copied()).collect();
    let rows: Vec<_> =
        COMPARED.iter().filter_map(|(name, path)| Some((path, saved.usual[medium].as_ref()?.row(name)?))).collect();
    let figures = || rows.iter().flat_map(|(_, row)| sides.iter().filter_map(|side| row.of(side)));
    let low = figures().fold(1.0, f64::min).log10().floor();
    let high = figures().fold(10.0, f64::max).log10().ceil();
    let x = |figure: f64| LEFT + (figure.log10() - low) / (high - low) * (WIDTH - LEFT - RIGHT);
    let bottom = TOP + ROW * rows.len() as f64;

    let title = format!("Sepia among its peers on {}: µs per operation", saved.medium(medium));
    drawing.text([20.0, 28.0], Anchor::Start, "title", &title);
    drawing.text([20.0, 46.0], Anchor::Start, "faint", "Less is better. Each step to the right is ten times as much.");
    let mut at = 26.0;
    for (side, name) in sides.iter().enumerate() {
        drawing.mark(MARKS[side], [at, 64.0], size(side), &format!("c{side}"));
        let name = if side == 0 { "Sepia" } else { name };
        drawing.text([at + 10.0, 68.0], Anchor::Start, "", name);
        at += 34.0 + 7.5 * name.len() as f64;
    }
    for power in low as i32..=high as i32 {
        let figure = 10f64.powi(power);
        drawing.line([x(figure), TOP - 6.0], [x(figure), bottom], "grid");
        drawing.text([x(figure), TOP - 10.0], Anchor::Middle, "faint", &micros(figure));
    }
    let mut container = "";
    for (at, (path, row)) in rows.iter().enumerate() {
        let y = TOP + ROW * at as f64 + ROW / 2.0;
        let name = match path.strip_prefix("… ") {
            Some(rest) => format!("{container}, {rest}"),
            None => {
                container = path.trim_end_matches(", new");
                (*path).to_string()
            }
        };
        drawing.text([LEFT - 12.0, y + 4.0], Anchor::End, "", &name);
        drawing.line([LEFT, y], [WIDTH - RIGHT, y], "grid");
        // Sepia last, so that nothing hides it.
        for (side, name) in sides.iter().enumerate().rev() {
            if let Some(figure) = row.of(name) {
                drawing.mark(MARKS[side], [x(figure), y], size(side), &format!("c{side}"));
            }
        }
    }
    drawing.finish(bottom + 20.0, &title)
}

fn size(side: usize) -> f64 {
    if side == 0 { 6.0 } else { 4.0 }
}

fn micros(figure: f64) -> String {
    match figure {
        1e6.. => format!("{} s", figure / 1e6),
        1e3.. => format!("{} ms", figure / 1e3),
        _ => format!("{figure} µs"),
    }
}
