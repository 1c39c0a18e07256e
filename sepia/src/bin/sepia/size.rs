//! Numbers of bytes as people write them: `64MiB`, `1 GiB`, `4096`.

/// What units are called, each 1024 times the one before.
const UNITS: [&[&str]; 5] = [&["", "b"], &["k", "kib"], &["m", "mib"], &["g", "gib"], &["t", "tib"]];

/// Reads a number of bytes.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || "write it like 64MiB, 1GiB or 4096".to_owned();
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let power = UNITS.iter().position(|names| names.contains(&&*unit)).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    UNITS[..power]
        .iter()
        .try_fold(number, |bytes, _| bytes.checked_mul(1024))
        .ok_or_else(|| "it is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_numbers_of_bytes() {
        for (text, bytes) in
            [("0", 0), ("4096", 4096), ("7B", 7), ("64MiB", 64 << 20), ("1 GiB", 1 << 30), ("2k", 2048)]
        {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "-1", "x", "1.5G", "MiB", "1 MB", "1GiBs", "99999999999999999999", "16777216TiB"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
