//! What is printed.

use std::fmt::Display;

/// The figures of one operation, as they stand in its line.
pub(crate) struct Row(Vec<String>);

impl Row {
    /// Sepia, the floor, and their ratio.
    pub(crate) fn new([sepia, floor]: [f64; 2]) -> Self {
        Self(vec![micros(sepia), micros(floor), ratio(sepia, floor)])
    }

    /// The same, and a floor that is not atomic.
    pub(crate) fn with_bare([sepia, floor, bare]: [f64; 3]) -> Self {
        let Self(mut figures) = Self::new([sepia, floor]);
        figures.push(micros(bare));
        Self(figures)
    }

    /// Files, memory, SQLite, SQLite by itself, and how the last two compare.
    pub(crate) fn of_backends([files, memory, sqlite, bare]: [f64; 4]) -> Self {
        Self(vec![micros(files), micros(memory), micros(sqlite), micros(bare), ratio(sqlite, bare)])
    }

    /// Sepia in a small class and in a large one, their ratio, and the same of the floor.
    pub(crate) fn of_growth([small, large, floor_small, floor_large]: [f64; 4]) -> Self {
        Self(vec![
            micros(small),
            micros(large),
            ratio(large, small),
            micros(floor_small),
            micros(floor_large),
            ratio(floor_large, floor_small),
        ])
    }
}

/// Times of files, of memory and of SQLite.
pub(crate) fn side_by_side(times: [f64; 3]) -> Row {
    Row(times.map(micros).to_vec())
}

/// Times, and how the second compares with the first.
pub(crate) fn times([first, second]: [f64; 2]) -> Row {
    Row(vec![micros(first), micros(second), ratio(second, first)])
}

/// Prints lines as they come, in aligned columns.
pub(crate) struct Table {
    columns: Vec<String>,
    begun: bool,
}

const NAME_WIDTH: usize = 32;

impl Table {
    pub(crate) fn new(columns: &[impl AsRef<str>]) -> Self {
        Self { columns: columns.iter().map(|column| column.as_ref().to_owned()).collect(), begun: false }
    }

    pub(crate) fn print(&mut self, name: &str, row: &Row) {
        if !self.begun {
            println!();
            self.line("operation", &self.columns);
            self.begun = true;
        }
        self.line(name, &row.0);
    }

    fn line(&self, name: &str, cells: &[impl Display]) {
        let mut line = format!("{name:NAME_WIDTH$}");
        for (cell, column) in cells.iter().zip(&self.columns) {
            line += &format!("  {cell:>width$}", width = column.chars().count().max(8));
        }
        println!("{line}");
    }
}

/// Prints a count with its thousands apart.
pub(crate) fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn micros(time: f64) -> String {
    match time {
        ..10.0 => format!("{time:.2}"),
        ..1000.0 => format!("{time:.1}"),
        _ => format!("{time:.0}"),
    }
}

fn ratio(time: f64, floor: f64) -> String {
    format!("{:.2}", time / floor)
}
