//! Taking turns, and medians.

use std::time::Instant;

use crate::Result;

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
pub(crate) type Variant<'a> = &'a mut dyn FnMut(usize) -> Result;

/// Runs every variant in every round, each time in another order, so that whatever disturbs the
/// machine disturbs all alike. Returns the median of each one's rounds, in µs per operation.
pub(crate) fn interleave<const N: usize>(rounds: Rounds, variants: [Variant<'_>; N]) -> Result<[f64; N]> {
    let mut sides = variants.map(|variant| (variant, Vec::new()));
    for round in 0..rounds.count {
        let operations = round * rounds.size..(round + 1) * rounds.size;
        for turn in 0..N {
            let (variant, times) = &mut sides[(round + turn) % N];
            let start = Instant::now();
            operations.clone().try_for_each(variant)?;
            let time = start.elapsed();
            if round > 0 {
                times.push(time.as_secs_f64() * 1e6 / rounds.size as f64);
            }
        }
    }
    Ok(sides.map(|(_, times)| median(times)))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let (low, high) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    f64::midpoint(low, high)
}
