//! How large something is, and since when it is so.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, FileType};
use rustix::io::Result;

use super::Kind;

/// What stands somewhere, how large it is, and when it was last changed.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Measure {
    pub(in super::super) kind: Kind,
    pub(in super::super) bytes: u64,
    pub(in super::super) modified: SystemTime,
    /// When it was last changed, renamed or moved here: a time that nobody sets.
    pub(in super::super) since: SystemTime,
}

impl From<rustix::fs::Stat> for Measure {
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "not the same everywhere")]
    fn from(stat: rustix::fs::Stat) -> Self {
        let modified = time(stat.st_mtime as i64, stat.st_mtime_nsec as u32);
        Self {
            kind: FileType::from_raw_mode(stat.st_mode).into(),
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified,
            since: modified.max(time(stat.st_ctime as i64, stat.st_ctime_nsec as u32)),
        }
    }
}

/// A time that no clock can show says as much as none.
fn time(seconds: i64, nanoseconds: u32) -> SystemTime {
    let since = Duration::from_secs(seconds.unsigned_abs());
    let time = match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(since + Duration::from_nanos(nanoseconds.into())),
        _ => SystemTime::UNIX_EPOCH.checked_sub(since),
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Measures what is open.
pub(in super::super) fn measure(file: impl AsFd) -> Result<Measure> {
    rustix::fs::fstat(file).map(Measure::from)
}

/// Measures what stands under a name.
pub(in super::super) fn measure_at(parent: impl AsFd, name: &str) -> Result<Measure> {
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map(Measure::from)
}
