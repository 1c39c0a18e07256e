//! What is printed.

use super::results::{Row, Unit};

const NAME_WIDTH: usize = 34;

/// The two sides of a row that are compared.
pub(crate) type Pair = (&'static str, &'static str);

/// Prints the head of lines whose rows compare two sides.
pub(crate) fn print_head((side, base): Pair) {
    println!("\n{:NAME_WIDTH$}  {side:>10}  {base:>10}  {:>6}   others", "operation", "ratio");
}

/// Prints a row as it comes.
pub(crate) fn print(name: &str, row: &Row, (side, base): Pair) {
    let cell = |figure: Option<f64>| figure.map_or("–".to_owned(), |figure| show(figure, row.unit()));
    let ratio = row.ratio(side, base).map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
    let others: Vec<_> = row
        .sides()
        .filter(|(name, _)| ![side, base].contains(name))
        .map(|(name, figure)| format!("{name} {}", show(figure, row.unit())))
        .collect();
    println!(
        "{name:NAME_WIDTH$}  {:>10}  {:>10}  {ratio:>6}   {}",
        cell(row.of(side)),
        cell(row.of(base)),
        others.join(", ")
    );
}

/// Writes a time in µs with three digits that count; bytes as they are, or as millions.
pub(crate) fn show(figure: f64, unit: Unit) -> String {
    match (unit, figure) {
        (Unit::Bytes, 1e6..) => format!("{:.2} MB", figure / 1e6),
        (Unit::Bytes, _) | (Unit::Micros, 1000.0..) => format!("{figure:.0}"),
        (Unit::Micros, ..10.0) => format!("{figure:.2}"),
        (Unit::Micros, _) => format!("{figure:.1}"),
    }
}
