//! Tables in Markdown.

use super::targets::{Base, COMPARED, GROWING, GROWTH, PEERS, TARGETS, Target};
use super::{MEDIA, Saved, backends};
use crate::bench::results::{Results, Row, thousands};
use crate::bench::table::show;

/// Every generated part, by the name of its markers.
pub(super) fn parts(saved: &Saved) -> Vec<(&'static str, String)> {
    let mut parts = vec![
        ("machine", machine(saved)),
        ("targets", targets(saved)),
        ("missed", missed(saved)),
        ("exchange", exchange(saved)),
        ("peers on tmpfs", peers(saved, 0)),
        ("peers on a disk", peers(saved, 1)),
        ("growth", growth(saved)),
        ("histories", histories(saved)),
        ("room", room(saved)),
        ("calls", calls(saved)),
        ("derive", saved.derive.clone().unwrap_or_else(|| NOT_MEASURED.to_owned())),
    ];
    parts.extend(backends::parts(saved));
    parts
}

pub(super) const NOT_MEASURED: &str = "Not measured yet.\n";

fn machine(saved: &Saved) -> String {
    let Some(first) = saved.all().next() else { return NOT_MEASURED.to_owned() };
    let fact = |name| first.fact(name).unwrap_or("unknown");
    let media: Vec<_> = (0..MEDIA.len()).map(|at| saved.medium(at)).collect();
    let (processor, cores, kernel, media) = (fact("processor"), fact("cores"), fact("kernel"), media.join(" and "));
    let few = if fact("scale") == "full" { "" } else { " Few rounds of few objects: a rough look." };
    let cores_of = if fact("machine") == "virtual" { " of a virtual machine" } else { "" };
    format!("{processor}, {cores} cores{cores_of}; {kernel}; {media}.{few}\n")
}

pub(super) fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// A head of a table: words to the left, figures to the right.
pub(super) fn head(cells: &[String]) -> String {
    let rule: Vec<_> =
        cells.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" }.to_owned()).collect();
    line(cells) + &line(&rule)
}

pub(super) fn cell(figure: Option<String>) -> String {
    figure.unwrap_or_else(|| "–".to_owned())
}

/// Sepia's figure, what it is compared with, and their ratio.
pub(super) fn compared(results: &Results, target: &Target) -> Option<(f64, f64, f64)> {
    let row = results.row(target.row)?;
    let sepia = row.of("sepia")?;
    let base = match target.base {
        Base::Floor => row.of("floor")?,
        Base::Side(side) => row.of(side)?,
        Base::Micros(micros) => micros,
    };
    Some((sepia, base, sepia / base))
}

/// Every path beside what it is compared with, and its target.
fn targets(saved: &Saved) -> String {
    let mut cells = vec!["path".to_owned()];
    for at in 0..MEDIA.len() {
        let medium = saved.medium(at);
        cells.extend([format!("{medium}: Sepia"), "base".to_owned(), "ratio".to_owned()]);
    }
    cells.extend(["at most".to_owned(), "met".to_owned()]);
    let mut text = head(&cells);
    let whys = whys(saved);
    for target in TARGETS {
        let mut cells = vec![target.path.to_owned()];
        for (at, results) in saved.usual.iter().enumerate() {
            let results = results.as_ref().filter(|_| target.most[at].is_some());
            let figures = results.and_then(|results| Some((results.row(target.row)?, compared(results, target)?)));
            let show = |pick: fn((f64, f64, f64)) -> f64| cell(figures.map(|(row, all)| show(pick(all), row.unit())));
            cells.extend([show(|all| all.0), show(|all| all.1)]);
            let ratio = figures.map(|(_, (_, _, ratio))| ratio);
            cells.push(cell(ratio.map(|ratio| format!("**{ratio:.2}**"))));
        }
        let mut most: Vec<_> = target.most.into_iter().flatten().map(|most| most.to_string()).collect();
        most.dedup();
        cells.push(most.join(", "));
        cells.push(verdict(saved, target, &whys));
        text += &line(&cells);
    }
    text
}

/// By how much a target is missed on a medium, if it has one there and was measured.
fn over(saved: &Saved, target: &Target, at: usize) -> Option<f64> {
    let (_, _, ratio) = compared(saved.usual[at].as_ref()?, target)?;
    Some(ratio - target.most[at]?)
}

/// To the digits that are shown.
fn is_missed(over: f64) -> bool {
    over >= 0.005
}

/// The reasons of the targets that are missed, in the order in which they come.
fn whys(saved: &Saved) -> Vec<&'static str> {
    let mut whys = Vec::new();
    for target in TARGETS {
        let missed = (0..MEDIA.len()).any(|at| over(saved, target, at).is_some_and(is_missed));
        if missed && !whys.contains(&target.why) {
            whys.push(target.why);
        }
    }
    whys
}

/// Why targets are missed: what their numbers in the table stand for.
fn missed(saved: &Saved) -> String {
    let mut text = String::new();
    for (at, why) in whys(saved).iter().enumerate() {
        text += &format!("{}. {why}\n", at + 1);
    }
    if text.is_empty() { "None is.\n".to_owned() } else { text }
}

/// What overwriting takes by an exchange, which is no floor.
fn exchange(saved: &Saved) -> String {
    let figure = |(at, results): (usize, &Option<Results>)| {
        let row = results.as_ref()?.row("overwrite_leaf")?;
        let (exchanged, ratio) = (row.of("by exchange")?, row.ratio("sepia", "by exchange")?);
        Some(format!("{} on {} (Sepia takes {ratio:.2} times that)", show(exchanged, row.unit()), saved.medium(at)))
    };
    let figures: Vec<_> = saved.usual.iter().enumerate().filter_map(figure).collect();
    if figures.is_empty() { NOT_MEASURED.to_owned() } else { format!("{}.\n", figures.join(", ")) }
}

/// Whether a target is met, else by how much it is missed and where, and by which of the reasons. Says where it was not
/// measured.
fn verdict(saved: &Saved, target: &Target, whys: &[&str]) -> String {
    let (mut missed, mut unknown, mut met) = (Vec::new(), Vec::new(), false);
    for at in (0..MEDIA.len()).filter(|&at| target.most[at].is_some()) {
        match over(saved, target, at) {
            Some(over) if is_missed(over) => missed.push(format!("{} over by {over:.2}", saved.medium(at))),
            Some(_) => met = true,
            None => unknown.push(format!("{} not measured", saved.medium(at))),
        }
    }
    if let Some(at) = whys.iter().position(|why| *why == target.why && !missed.is_empty()) {
        missed.push(format!("[why: {}](#why-some-are-missed)", at + 1));
    } else if met {
        missed.push("yes".to_owned());
    }
    missed.extend(unknown);
    missed.join(", ")
}

/// What every path costs with every peer.
fn peers(saved: &Saved, medium: usize) -> String {
    let Some(results) = &saved.usual[medium] else { return NOT_MEASURED.to_owned() };
    let cells = ["µs", "Sepia", "floor"].iter().chain(PEERS).map(|&name| name.to_owned());
    let mut text = head(&cells.collect::<Vec<_>>());
    for (name, path) in COMPARED {
        let Some(row) = results.row(name) else { continue };
        let figure = |side: &str| cell(row.of(side).map(|figure| show(figure, row.unit())));
        let mut cells = vec![(*path).to_owned(), format!("**{}**", figure("sepia")), figure("floor")];
        cells.extend(PEERS.iter().map(|peer| match row.ratio("sepia", peer) {
            Some(ratio) => format!("{} ({})", figure(peer), short(ratio)),
            None => "–".to_owned(),
        }));
        text += &line(&cells);
    }
    text
}

/// A ratio that may be small or large.
fn short(ratio: f64) -> String {
    match ratio {
        ..0.095 => format!("{ratio:.2}"),
        ..9.95 => format!("{ratio:.1}"),
        _ => format!("{ratio:.0}"),
    }
}

/// The two rows of an operation: in a small class and in a large one, with how many objects that has.
pub(super) fn grown<'r>(results: &'r Results, operation: &str) -> Option<[(usize, &'r Row); 2]> {
    let mut rows: Vec<_> = results
        .rows()
        .filter_map(|(name, row)| {
            let count = name.strip_prefix(operation)?.strip_prefix(" at ")?.replace(',', "");
            Some((count.parse().ok()?, row))
        })
        .collect();
    rows.sort_by_key(|(count, _)| *count);
    rows.try_into().ok()
}

/// How the figure of one side grows.
pub(super) fn growth_of(rows: [(usize, &Row); 2], side: &str) -> Option<f64> {
    let [(_, small), (_, large)] = rows;
    Some(large.of(side)? / small.of(side)?)
}

/// What a large class costs more than a small one, with Sepia, its floor, and peers.
fn growth(saved: &Saved) -> String {
    let mut text = String::new();
    for (at, results) in saved.million.iter().enumerate() {
        let sizes = |results| GROWING.iter().find_map(|(name, _)| grown(results, name));
        let Some((results, [(small, _), (large, _)])) = results.as_ref().and_then(|it| Some((it, sizes(it)?))) else {
            text += &format!("{}: not measured.\n\n", saved.medium(at));
            continue;
        };
        let (medium, small, large) = (saved.medium(at), thousands(small), thousands(large));
        let engines: Vec<_> = PEERS
            .iter()
            .filter(|peer| {
                GROWING.iter().any(|(name, _)| grown(results, name).is_some_and(|rows| growth_of(rows, peer).is_some()))
            })
            .collect();
        let mut cells: Vec<_> = [
            format!("{medium}, µs"),
            format!("Sepia at {small}"),
            format!("at {large}"),
            "ratio".to_owned(),
            "floor's ratio".to_owned(),
            "Sepia's to the floor's".to_owned(),
            format!("at most {GROWTH}"),
        ]
        .into();
        cells.extend(engines.iter().map(|peer| format!("{peer}'s")));
        text += &head(&cells);
        for (name, path) in GROWING {
            let Some(rows) = grown(results, name) else { continue };
            let figure = |(_, row): (usize, &Row)| cell(row.of("sepia").map(|figure| show(figure, row.unit())));
            let (sepia, floor) = (growth_of(rows, "sepia"), growth_of(rows, "floor"));
            let both = sepia.zip(floor).map(|(sepia, floor)| sepia / floor);
            let two = |ratio: Option<f64>| cell(ratio.map(|ratio| format!("{ratio:.2}")));
            let met = both.map(|both| match both - GROWTH {
                ..0.005 => "yes".to_owned(),
                over => format!("over by {over:.2}"),
            });
            let mut cells = vec![
                (*path).to_owned(),
                figure(rows[0]),
                figure(rows[1]),
                two(sepia),
                two(floor),
                format!("**{}**", two(both)),
                cell(met),
            ];
            cells.extend(engines.iter().map(|peer| two(growth_of(rows, peer))));
            text += &line(&cells);
        }
        text.push('\n');
    }
    format!("{}\n", text.trim_end())
}

/// The newest generation of a short history and of a long one.
fn histories(saved: &Saved) -> String {
    let mut text = head(&["µs", "file system", "short", "long", "ratio", "floor, long"].map(str::to_owned));
    for (name, what) in [("history_load", "load the newest"), ("history_update", "save the next")] {
        for (at, results) in saved.usual.iter().enumerate() {
            let Some(rows) = results.as_ref().and_then(|results| grown(results, name)) else {
                let none = [what.to_owned(), saved.medium(at), "not measured".to_owned()];
                text += &line(&[none.as_slice(), [const { String::new() }; 3].as_slice()].concat());
                continue;
            };
            let [(few, short), (many, long)] = rows;
            let figure = |row: &Row, side| row.of(side).map(|figure| show(figure, row.unit()));
            let of =
                |figure: Option<String>, count| cell(figure.map(|figure| format!("{figure} of {}", thousands(count))));
            text += &line(&[
                what.to_owned(),
                saved.medium(at),
                of(figure(short, "sepia"), few),
                of(figure(long, "sepia"), many),
                cell(growth_of(rows, "sepia").map(|ratio| format!("{ratio:.2}"))),
                cell(figure(long, "floor")),
            ]);
        }
    }
    text
}

/// What a leaf takes on the disk.
fn room(saved: &Saved) -> String {
    let sides: Vec<_> = ["sepia", "floor"].iter().chain(PEERS).collect();
    let mut text = head(
        &[vec!["bytes for each leaf".to_owned()], sides.iter().map(|side| side.replace("sepia", "Sepia")).collect()]
            .concat(),
    );
    for (at, results) in saved.usual.iter().enumerate() {
        let Some(row) = results.as_ref().and_then(|results| results.row("room, per leaf")) else {
            let none = [saved.medium(at), "not measured".to_owned()];
            text += &line(&[none.as_slice(), vec![String::new(); sides.len() - 1].as_slice()].concat());
            continue;
        };
        let mut cells = vec![saved.medium(at)];
        cells.extend(sides.iter().map(|side| cell(row.of(side).map(|figure| show(figure, row.unit())))));
        text += &line(&cells);
    }
    text
}

/// The system calls of each path, Sepia's and those of its floor.
fn calls(saved: &Saved) -> String {
    let Some(lines) = &saved.calls else { return NOT_MEASURED.to_owned() };
    let mut text = String::new();
    for [path, _, calls] in lines.iter().filter(|[_, side, _]| side == "sepia") {
        text += &format!("- **{path}**: {calls}");
        if let Some([_, _, calls]) = lines.iter().find(|[of, side, _]| of == path && side == "floor") {
            text += &format!("; *floor:* {calls}");
        }
        text.push('\n');
    }
    text
}
