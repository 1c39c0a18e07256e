//! How large something is, and since when it is so.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Result;

use super::Kind;
use super::name::check_path;

/// What stands somewhere, how large it is, and when it was last changed.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Measure {
    pub(in super::super) kind: Kind,
    pub(in super::super) bytes: u64,
    pub(in super::super) modified: SystemTime,
    /// When it was last changed, renamed or moved here: a time that nobody sets, unlike `modified`.
    pub(in super::super) since: SystemTime,
    /// Who may do what with it.
    pub(in super::super) mode: Mode,
}

impl From<rustix::fs::Stat> for Measure {
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "not the same everywhere")]
    fn from(stat: rustix::fs::Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode).into(),
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified: time(stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            since: time(stat.st_ctime as i64, stat.st_ctime_nsec as u32),
            mode: Mode::from_raw_mode(stat.st_mode),
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
    check_path(name)?;
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map(Measure::from)
}

/// What is open, or stands under a name: whether it is a file, whose, and how long.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Inode {
    pub(in super::super) kind: Kind,
    /// Device and inode.
    pub(in super::super) identity: (u64, u64),
    /// How many names it has.
    pub(in super::super) names: u64,
    pub(in super::super) length: u64,
}

impl Inode {
    /// Whether this is a file that has no other name, so that nobody else sees what is written into it.
    pub(in super::super) fn is_unshared(&self) -> bool {
        self.kind == Kind::File && self.names <= 1
    }
}

impl From<rustix::fs::Stat> for Inode {
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "not the same everywhere")]
    fn from(stat: rustix::fs::Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode).into(),
            identity: (stat.st_dev as u64, stat.st_ino as u64),
            names: stat.st_nlink as u64,
            length: u64::try_from(stat.st_size).unwrap_or(0),
        }
    }
}

/// Looks at what is open.
pub(in super::super) fn inode(file: impl AsFd) -> Result<Inode> {
    rustix::fs::fstat(file).map(Inode::from)
}

/// Looks at what stands under a path. Symlinks are followed on the way, and not at its end: it is for comparing with what
/// is open.
pub(in super::super) fn inode_at(parent: impl AsFd, path: &str) -> Result<Inode> {
    check_path(path)?;
    rustix::fs::statat(parent, path, AtFlags::SYMLINK_NOFOLLOW).map(Inode::from)
}

/// What tells whether what stands somewhere is still the same, and as it was.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Mark {
    /// Device, inode, size, and when content and file were last changed.
    pub(in super::super) numbers: [u64; 7],
    /// When it was last changed, in nanoseconds since 1970: a time that nobody sets.
    pub(in super::super) changed: i128,
}

/// Marks what stands under a path. Symlinks are followed on the way, and not at its end.
#[allow(clippy::unnecessary_cast, reason = "the types differ among systems")]
pub(in super::super) fn mark_at(parent: impl AsFd, path: &str) -> Result<Mark> {
    check_path(path)?;
    let stat = rustix::fs::statat(parent, path, AtFlags::SYMLINK_NOFOLLOW)?;
    let (seconds, nanoseconds) = (stat.st_ctime as i64, stat.st_ctime_nsec as i64);
    let numbers = [
        stat.st_dev as u64,
        stat.st_ino as u64,
        stat.st_size as u64,
        stat.st_mtime as u64,
        stat.st_mtime_nsec as u64,
        seconds as u64,
        nanoseconds as u64,
    ];
    Ok(Mark { numbers, changed: nanoseconds_of(seconds, nanoseconds) })
}

/// Returns when something that is open was last changed, in nanoseconds since 1970: a time that nobody sets.
#[allow(clippy::unnecessary_cast, reason = "the types differ among systems")]
pub(in super::super) fn changed(file: impl AsFd) -> Result<i128> {
    let stat = rustix::fs::fstat(file)?;
    Ok(nanoseconds_of(stat.st_ctime as i64, stat.st_ctime_nsec as i64))
}

/// Returns the time, in nanoseconds since 1970, by the clock that files are marked with.
pub(in super::super) fn now() -> i128 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    nanoseconds_of(now.tv_sec, now.tv_nsec)
}

#[allow(clippy::useless_conversion, reason = "the types differ among systems")]
fn nanoseconds_of(seconds: impl Into<i64>, nanoseconds: impl Into<i64>) -> i128 {
    i128::from(seconds.into()) * 1_000_000_000 + i128::from(nanoseconds.into())
}
