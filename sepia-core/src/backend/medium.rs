//! Whether the file system under a store is shared with other computers, whose programs its locks do not keep off.
//!
//! The lock of a store of files is a `flock` on a directory, and SQLite's write-ahead log needs memory that all its
//! users share. Both are a matter of one kernel: on NFS, say, each computer grants the same lock by itself, without an
//! error, and two of them write at once. So nobody writes there who has not said that no other computer does.

use std::path::Path;

use rustix::fs::StatFs;
use rustix::io::Result as IoResult;

use crate::record::error::{Error, ErrorKind, Result};

/// What file systems are called whose content other computers may change at the same time, by the number that Linux has
/// for each.
///
/// - *Of a network:* NFS, SMB, AFS, Coda, Ceph and NCP lock within one kernel, or in ways that differ by version and
///   mount option, and nothing tells which.
/// - *Of a host or a cluster:* 9P, VirtualBox's and VMware's folders show a directory of the host to its guests, and GFS2,
///   OCFS2, Lustre, GPFS, BeeGFS, PanFS and OrangeFS one to all computers of a cluster. Where those lock for all of them,
///   the state of the journal is still believed on the computer alone that wrote it.
/// - *FUSE* may be anything, a network file system (sshfs, rclone, s3fs) or a folder of the host (virtiofs) among it.
///
/// All others are of one kernel: disks, memory, and what is stacked on them (overlayfs, eCryptfs), of which each says
/// itself what it is.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SHARED: [(u32, &str); 20] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0xff53_4d42, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00c3_6400, "Ceph"),
    (0x0000_564c, "NCP"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0xaad7_aaea, "PanFS"),
    (0x2003_0528, "OrangeFS"),
    (0x786f_4256, "a VirtualBox folder"),
    (0xbacb_acbc, "a VMware folder"),
];

/// Refuses to write a store in an open directory that other computers may write, too.
pub(super) fn check_directory(directory: impl std::os::fd::AsFd, path: &Path) -> Result<()> {
    check(rustix::fs::fstatfs(directory), path)
}

/// Refuses to write a store at a path, or where that is about to be made, if other computers may write there, too.
pub(super) fn check_path(path: &Path) -> Result<()> {
    // What is not there yet will be where the last directory on the way is that is there.
    for way in path.ancestors() {
        let way = if way.as_os_str().is_empty() { Path::new(".") } else { way };
        match rustix::fs::statfs(way) {
            Err(rustix::io::Errno::NOENT) => {}
            found => return check(found, path),
        }
    }
    Ok(())
}

fn check(found: IoResult<StatFs>, path: &Path) -> Result<()> {
    // Where this is not told, it is found out by opening the store whether anything else works.
    let Some(name) = found.ok().and_then(|found| shared(&found)) else { return Ok(()) };
    let message = format!(
        "the store is on {name}, where locks do not keep programs on other computers off, and two that write at once \
         would damage it: open it for reading with read_only(), or, if no other computer writes here while it is open, \
         with assume_exclusive() (`--assume-exclusive` on the command line)"
    );
    Err(Error::message(ErrorKind::ReadOnly, message).at(path.to_string_lossy()))
}

/// What a file system is called that is shared with other computers.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn shared(found: &StatFs) -> Option<&'static str> {
    // The kernel has numbers of 32 bits, which some systems give with a sign.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bits are what counts")]
    let number = found.f_type as u32;
    #[cfg(feature = "fault-injection")]
    let number = super::fs::fault::file_system().unwrap_or(number);
    name_of(number)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn name_of(number: u32) -> Option<&'static str> {
    SHARED.iter().find(|(shared, _)| *shared == number).map(|(_, name)| *name)
}

/// What a file system is called that is shared with other computers.
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
#[allow(clippy::useless_conversion, reason = "the types differ among systems")]
fn shared(found: &StatFs) -> Option<&'static str> {
    /// `MNT_LOCAL`: the file system is kept on this computer.
    const LOCAL: u64 = 0x1000;
    (u64::from(found.f_flags) & LOCAL == 0).then_some("a file system of the network")
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple", target_os = "freebsd")))]
fn shared(_: &StatFs) -> Option<&'static str> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn file_systems_of_one_kernel_are_told_from_those_that_computers_share() {
        let shared = [
            (0x6969, "NFS"),
            (0x517b, "SMB"),
            (0xfe53_4d42, "SMB"),
            (0xff53_4d42, "SMB"),
            (0x6573_5546, "FUSE"),
            (0x0102_1997, "9P"),
            (0x00c3_6400, "Ceph"),
        ];
        for (number, name) in shared {
            assert_eq!(name_of(number), Some(name), "{number:#x}");
        }
        let local = [
            ("ext4", 0xef53),
            ("tmpfs", 0x0102_1994),
            ("overlayfs", 0x794c_7630),
            ("btrfs", 0x9123_683e),
            ("xfs", 0x5846_5342),
            ("zfs", 0x2fc1_2fc1),
            ("f2fs", 0xf2f5_2010),
            ("bcachefs", 0xca45_1a4e),
            ("vfat", 0x4d44),
            ("exfat", 0x2011_bab0),
            ("ntfs3", 0x7366_746e),
            ("ramfs", 0x8584_58f6),
            ("squashfs", 0x7371_7368),
            ("ecryptfs", 0xf15f),
        ];
        for (name, number) in local {
            assert_eq!(name_of(number), None, "{name}");
        }
        let mut numbers: Vec<u32> = SHARED.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), SHARED.len());
    }
}
