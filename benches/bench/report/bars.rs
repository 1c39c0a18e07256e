//! The chart of every path beside its floor.

use super::drawing::{Anchor, Drawing};
use super::tables::compared;
use super::targets::{Base, TARGETS, Target};
use super::{MEDIA, Saved};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 330.0;
const RIGHT: f64 = 60.0;
const TOP: f64 = 84.0;
/// The height of a path, and of one of its bars.
const ROW: f64 = 30.0;
const BAR: f64 = 10.0;
/// Bars end here, however long they are.
const LONGEST: f64 = 4.0;

pub(super) fn chart(saved: &Saved) -> String {
    let ratios =
        |target: &Target| -> [Option<f64>; 2] { [0, 1].map(|at| Some(compared(saved.usual[at].as_ref()?, target)?.2)) };
    let rows: Vec<_> = TARGETS
        .iter()
        .filter(|target| matches!(target.base, Base::Floor))
        .map(|target| (target, ratios(target)))
        .filter(|(_, ratios)| ratios.iter().any(Option::is_some))
        .collect();
    let most = rows.iter().flat_map(|(_, ratios)| ratios).flatten().copied().fold(1.5, f64::max).min(LONGEST);
    let end = (most * 2.0).ceil() / 2.0;
    let x = |ratio: f64| LEFT + ratio.min(end) / end * (WIDTH - LEFT - RIGHT);
    let bottom = TOP + ROW * rows.len() as f64;

    let title = "What Sepia takes, in multiples of the bare system calls";
    let mut drawing = Drawing::new(WIDTH);
    drawing.text([20.0, 28.0], Anchor::Start, "title", title);
    let mut at = 20.0;
    for (medium, class) in [(saved.medium(0), "c5"), (saved.medium(1), "c2")] {
        drawing.rectangle([at, 43.0], [12.0, 12.0], class);
        drawing.text([at + 18.0, 53.0], Anchor::Start, "", &medium);
        at += 90.0;
    }
    drawing.line([at + 4.0, 42.0], [at + 4.0, 56.0], "goal");
    drawing.text([at + 14.0, 53.0], Anchor::Start, "", "at most, as a target");
    for step in 0..=(end * 2.0) as usize {
        let ratio = step as f64 / 2.0;
        let class = if step == 2 { "rule" } else { "grid" };
        drawing.line([x(ratio), TOP - 6.0], [x(ratio), bottom], class);
        drawing.text([x(ratio), TOP - 10.0], Anchor::Middle, "faint", &format!("{ratio:.1} ×"));
    }
    let mut container = "";
    for (row, (target, ratios)) in rows.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        // What belongs to the path above is named with it.
        let name = match target.path.strip_prefix("… ") {
            Some(rest) => format!("{container}, {rest}"),
            None => {
                container = target.path.trim_end_matches(", new");
                target.path.to_owned()
            }
        };
        drawing.text([LEFT - 10.0, y + 18.0], Anchor::End, "", &name);
        for (medium, class) in (0..MEDIA.len()).zip(["c5", "c2"]) {
            let Some(ratio) = ratios[medium] else { continue };
            let top = y + 4.0 + BAR * medium as f64 + medium as f64;
            drawing.rectangle([LEFT, top], [x(ratio) - LEFT, BAR], class);
            let goal = target.most[medium].map_or(LEFT, x);
            drawing.text([x(ratio).max(goal) + 5.0, top + 9.0], Anchor::Start, "faint", &format!("{ratio:.2}"));
            drawing.line([goal, top - 0.5], [goal, top + BAR + 0.5], "goal");
        }
    }
    drawing.finish(bottom + 20.0, title)
}
