//! Looking again before something is judged that an editor may be at work on.
//!
//! Editors and `sed -i` know no lock. For a moment, a `data.json` is missing, or cut off, or has a file beside it
//! that will take its place. So what looks so is read again after a pause, as long as it was changed a moment ago: a few
//! times, for as long as such a moment at most. What has been so for longer is judged at once.

use std::time::Duration;

use rustix::io::Errno;

use super::sys::{self, Directory, Kind};
use crate::record::name::{self, DATA};

/// How long ago a change must be, in nanoseconds, for an editor to be done with it.
const MOMENT: i128 = 100_000_000;

/// The first pause. Each is twice the one before, up to the longest.
const PAUSE: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_micros(1600);

/// How many pauses there are at most: a tenth of a second together, whatever goes on.
const PAUSES: u32 = 64;

/// How often something has been looked at again.
#[derive(Debug, Default)]
pub(super) struct Again {
    pauses: u32,
}

impl Again {
    /// Waits a little, and returns whether to look again at what seems half done and was changed at this time, in
    /// nanoseconds since 1970. `None` seems as it should be.
    pub(super) fn is_worth(&mut self, changed: Option<i128>) -> bool {
        let is_young = changed.is_some_and(|changed| (sys::now() - changed).abs() < MOMENT);
        if !is_young || self.pauses == PAUSES {
            return false;
        }
        std::thread::sleep((PAUSE * 2_u32.pow(self.pauses.min(8))).min(LONGEST));
        self.pauses += 1;
        true
    }
}

/// Whether a JSON object is not at its end, so that somebody may be writing it.
pub(super) fn is_cut_off(json: &[u8]) -> bool {
    json.trim_ascii_end().last() != Some(&b'}')
}

/// Whether a name that no text has shows that an editor is, or was, at the `data.json` beside it: `data.json~`,
/// `.data.json.swp`.
pub(super) fn is_of_editor(name: &str) -> bool {
    name.contains(DATA)
}

/// Returns whether a directory in that of a class has what marks a container; if it has been without for a moment,
/// and with something else in it, after another look.
pub(super) fn is_marked(class: &Directory, name: &str) -> Result<bool, Errno> {
    let mut again = Again::default();
    loop {
        match sys::kind(class, &format!("{name}/{DATA}")) {
            Ok(_) => return Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(errno) => return Err(errno),
        }
        if !again.is_worth(changed_if_half_done(class, name)) {
            return Ok(false);
        }
    }
}

fn changed_if_half_done(class: &Directory, name: &str) -> Option<i128> {
    let directory = sys::open_directory(class, name).ok()?;
    let mut holds = false;
    let listed = sys::list(&directory, &mut |name, kind| {
        holds |= is_of_editor(name) || kind != Kind::File && name::decode(name).is_some();
    });
    listed.ok().filter(|()| holds)?;
    sys::changed(&directory).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_is_whole_or_old_is_not_waited_for() {
        let start = Instant::now();
        assert!(!Again::default().is_worth(None));
        assert!(!Again::default().is_worth(Some(0)));
        assert!(!Again::default().is_worth(Some(sys::now() + 1_000_000_000)));
        assert!(start.elapsed() < Duration::from_millis(50));
    }

    #[test]
    fn what_changes_all_the_time_is_waited_for_a_few_times() {
        let mut again = Again::default();
        let mut pauses = 0;
        while again.is_worth(Some(sys::now())) {
            pauses += 1;
        }
        assert_eq!(pauses, PAUSES);
    }

    #[test]
    fn an_object_ends_with_a_brace() {
        assert!(!is_cut_off(b"{}") && !is_cut_off(b"{\"a\": {}}\r\n \n"));
        assert!(is_cut_off(b"") && is_cut_off(b"\n") && is_cut_off(b"{\"a\": 1"));
    }
}
