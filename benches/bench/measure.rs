//! Taking turns, and medians.

use std::time::Instant;

use super::Result;
use super::results::{Row, Unit};

/// How often, and how many operations at a time.
#[derive(Clone, Copy)]
pub(crate) struct Rounds {
    /// The first of them warms up, and does not count.
    pub(crate) count: usize,
    /// Operations in a round.
    pub(crate) size: usize,
}

impl Rounds {
    /// The operations of all rounds.
    pub(crate) fn operations(self) -> usize {
        self.count * self.size
    }
}

/// One way to do an operation, each time with another number.
pub(crate) type Variant<'a> = Box<dyn FnMut(usize) -> Result + 'a>;

/// The sides that do the same operation in turns.
#[derive(Default)]
pub(crate) struct Race<'a>(Vec<(String, Variant<'a>)>);

impl<'a> Race<'a> {
    pub(crate) fn side(mut self, name: impl Into<String>, variant: impl FnMut(usize) -> Result + 'a) -> Self {
        self.0.push((name.into(), Box::new(variant)));
        self
    }

    /// Adds one more side for each of these.
    pub(crate) fn sides<T: 'a, V>(
        self,
        of: impl IntoIterator<Item = (&'static str, T)>,
        variant: impl Fn(T) -> V,
    ) -> Self
    where
        V: FnMut(usize) -> Result + 'a,
    {
        of.into_iter().fold(self, |race, (name, it)| race.side(name, variant(it)))
    }

    /// Runs every side in every round, each time in another order, so that whatever disturbs the machine disturbs all
    /// alike. Another side begins each round, and odd rounds go backwards: what a side leaves to be done is not always
    /// done in the time of the same other one. Returns the median of each one's rounds, in µs per operation.
    pub(crate) fn run(self, rounds: Rounds) -> Result<Row> {
        let mut sides: Vec<_> = self.0.into_iter().map(|(name, variant)| (name, variant, Vec::new())).collect();
        let count = sides.len();
        for round in 0..rounds.count {
            let operations = round * rounds.size..(round + 1) * rounds.size;
            for turn in 0..count {
                let next = if round % 2 == 0 { turn } else { count - turn };
                let (name, variant, times) = &mut sides[(round + next) % count];
                let start = Instant::now();
                operations.clone().try_for_each(variant).map_err(|error| format!("{name}: {error}"))?;
                let time = start.elapsed();
                if round > 0 {
                    times.push(time.as_secs_f64() * 1e6 / rounds.size as f64);
                }
            }
        }
        Ok(sides.into_iter().fold(Row::new(Unit::Micros), |row, (name, _, times)| row.with(&name, median(times))))
    }
}

/// Returns the figure in the middle, or between the two there.
pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let (low, high) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    f64::midpoint(low, high)
}
