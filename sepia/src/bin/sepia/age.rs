//! Lengths of time as people write them: `2d`, `1h 30m`, `3 weeks`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads a length of time; a day has 24 hours.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|_| "write it like 2d, 1h or 30m".to_owned())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let duration = duration.map_err(|_| "months and years differ in length: write weeks or days".to_owned())?;
    Duration::try_from(duration).map_err(|_| "it has to be positive".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_lengths_of_time() {
        for (text, hours) in [("2d", 48), ("1h", 1), ("1 week", 168), ("0s", 0), ("1d 2h", 26)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(hours * 3600)), "{text}");
        }
        for text in ["", "2", "soon", "-1h", "1 month"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
