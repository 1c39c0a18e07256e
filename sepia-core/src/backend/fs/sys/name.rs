//! What may be given to the system as a name, whoever gives it: the last line of defence. Whoever reads a name from the
//! disk has made sure before that it is one of the format; here, nothing leads out of the directory that it is looked
//! up in.

use rustix::io::{Errno, Result};

/// What is said of a name that leads elsewhere.
pub(in super::super) const ASTRAY: Errno = Errno::XDEV;

/// Refuses what is not the name of one thing in a directory.
pub(super) fn check_name(name: &str) -> Result<()> {
    if is_name(name.as_bytes()) && !name.as_bytes().contains(&b'/') { Ok(()) } else { Err(ASTRAY) }
}

/// Refuses a path of several names that leads back, or begins anew.
pub(super) fn check_path(path: &str) -> Result<()> {
    if path.as_bytes().split(|byte| *byte == b'/').all(is_name) { Ok(()) } else { Err(ASTRAY) }
}

fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..")
}

#[cfg(test)]
mod tests {
    use super::super::super::modes::Making;
    use super::super::{self as sys};
    use super::*;
    use crate::backend::fs::checksum::Checksums;
    use std::os::fd::AsFd;

    #[test]
    fn names_lead_nowhere_else() {
        for name in ["a", ".sepia", "...", "..a", "a..", "%2E", " "] {
            assert_eq!((check_name(name), check_path(name)), (Ok(()), Ok(())), "{name}");
        }
        assert_eq!(check_path(".sepia/latest/A/b"), Ok(()));
        for name in ["", ".", "..", "/", "/a", "a/", "../a", "a/..", "a/../b", "a//b", "./a", "a/."] {
            assert_eq!((check_name(name), check_path(name)), (Err(ASTRAY), Err(ASTRAY)), "{name}");
        }
        assert_eq!(check_name("a/b"), Err(ASTRAY));
    }

    #[test]
    fn no_call_takes_a_name_that_leads_elsewhere() {
        let outer = tempfile::tempdir().unwrap();
        let inside = outer.path().join("inside");
        std::fs::create_dir_all(inside.join("d/d")).unwrap();
        std::fs::create_dir(outer.path().join("empty")).unwrap();
        std::fs::write(outer.path().join("canary"), "untouched").unwrap();
        let root = sys::open_root(&inside).unwrap();
        let at = root.as_fd();
        let absolute = outer.path().join("canary").to_str().unwrap().to_owned();
        for name in ["../canary", "d/../../canary", "../empty", "../new", "..", ".", "", "/", &absolute] {
            let single = |name: &str| {
                let file = sys::make_file(at, "made", b"x", Making::Usual).unwrap();
                drop(file);
                [
                    sys::make_directory(at, name, Making::Usual).err(),
                    sys::make_link(at, name, "t").err(),
                    sys::make_file(at, name, b"x", Making::Usual).err(),
                    sys::make_file_unnamed(at, name, b"x", Checksums::Off, Making::Usual).err(),
                    sys::open_or_make(at, name, Making::Usual).err(),
                    sys::replace((at, "made"), (at, name)).err(),
                    sys::replace((at, name), (at, "made")).err(),
                    sys::place((at, "made"), (at, name)).err(),
                    sys::place((at, name), (at, "other")).err(),
                    sys::remove(at, name).err(),
                    sys::remove_directory(at, name).err(),
                    sys::open(at, name).err(),
                    sys::open_directory(at, name).err(),
                    sys::read_link(at, name, &mut [std::mem::MaybeUninit::uninit(); _]).map(<[u8]>::len).err(),
                    sys::permissions_at((at, name)).err(),
                    sys::identity_at(at, name).err(),
                ]
            };
            let several = [
                sys::open_below(at, name).err(),
                sys::open_directory_below(at, name).err(),
                sys::open_to_write(at, name).err(),
                sys::kind(at, name).err(),
                sys::kind_below(at, name).err(),
                sys::mark_at(at, name).err(),
                sys::measure_at(at, name).err(),
            ];
            let refused = single(name).into_iter().chain(several);
            for (number, refused) in refused.enumerate() {
                assert_eq!(refused, Some(ASTRAY), "call {number} of {name:?}");
            }
            sys::remove(at, "made").unwrap();
        }
        assert_eq!(std::fs::read_to_string(outer.path().join("canary")).unwrap(), "untouched");
        assert!(outer.path().join("empty").is_dir() && !outer.path().join("new").exists());
        assert_eq!(sys::kind(at, "d/d"), Ok(sys::Kind::Directory));
    }
}
