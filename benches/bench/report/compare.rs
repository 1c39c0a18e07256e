//! How far the ratios of two runs are apart.

use super::tables::compared;
use super::targets::{Base, TARGETS};
use crate::bench::results::Results;

const NAME_WIDTH: usize = 56;

/// Prints how Sepia compares with its floor in two runs, and with whatever else a target names.
pub(crate) fn compare(one: &Results, other: &Results) {
    println!("{:NAME_WIDTH$}  {:>10}  {:>10}  {:>6}", "sepia : base", "one run", "the other", "apart");
    for (name, row) in one.rows() {
        let other = other.row(name).and_then(|other| other.ratio("sepia", "floor"));
        print(&format!("{name} : floor"), row.ratio("sepia", "floor"), other);
    }
    for target in TARGETS {
        let Base::Side(side) = target.base else { continue };
        let ratio = |results| compared(results, target).map(|(_, _, ratio)| ratio);
        print(&format!("{} : {side}", target.row), ratio(one), ratio(other));
    }
}

fn print(name: &str, one: Option<f64>, other: Option<f64>) {
    if let Some((one, other)) = one.zip(other) {
        println!("{name:NAME_WIDTH$}  {one:>10.2}  {other:>10.2}  {:>5.0}%", 100.0 * (other / one - 1.0));
    }
}
