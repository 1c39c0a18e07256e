//! How long the journal is.
//!
//! The file grows by what is written, and ahead of it by a quarter of that, in zeros. Once nothing in it is needed, it
//! is cut back to [`RESERVE`]: by a checkpoint, after a batch that is much longer than an epoch, and when the disk is
//! full. In this order: the state goes on to another epoch; the first header becomes zeros, and where frames are durable
//! the disk confirms it; the file is cut off. *Killed or power lost in between: no header, or a journal that is longer
//! than it need be.* If it were cut off before, a first frame without its end would be taken for damage. The reserve
//! stays, as zeros, so that something can be deleted where there is no more room.

use super::super::layout::JOURNAL;
use super::super::root::Root;
use super::super::sys;
use super::{Journal, LIMIT, START};
use crate::record::error::{Error, Result};

/// The journal grows by this much at least: to wait for the disk is cheaper in a file that has its
/// length already.
const GROWTH: u64 = 256 << 10;
/// And by this much at most beyond what is written.
const MAX_GROWTH: u64 = 4 << 20;
/// What stays of the journal when nothing in it is needed.
pub(in super::super) const RESERVE: u64 = GROWTH;
/// How often the last epoch, or the reserve, must fit into the journal before the next one cuts it back.
const SLACK: u64 = 4;

impl Journal {
    /// Cuts the journal back after an epoch of this length, if that is worth it: an epoch soon needs what the last one
    /// did. Its first header is void. Under the writer lock.
    pub(in super::super) fn trim(&self, root: &Root, used: u64) -> Result<()> {
        self.cut_back(root, SLACK * used.max(RESERVE))
    }

    /// Cuts the journal back to its reserve. Its first header is void. Under the writer lock.
    pub(in super::super) fn shrink(&self, root: &Root) -> Result<()> {
        self.cut_back(root, RESERVE)
    }

    fn cut_back(&self, root: &Root, longest: u64) -> Result<()> {
        let journal = &self.written(root)?.journal;
        let fail = |errno| Error::io("cut the journal back", &root.place(JOURNAL), errno);
        match sys::length(journal).map_err(fail)? {
            length if length > longest => sys::set_length(journal, RESERVE).map_err(fail),
            _ => Ok(()),
        }
    }

    /// Returns how long the journal is. Under the writer lock.
    pub(in super::super) fn length(&self, root: &Root) -> Result<u64> {
        let journal = &self.written(root)?.journal;
        sys::length(journal).map_err(|errno| Error::io("look at the journal", &root.place(JOURNAL), errno))
    }

    /// Cuts the journal off behind what has taken effect, and returns whether that gave room back. Under the writer
    /// lock.
    pub(in super::super) fn cut_behind(&self, root: &Root, committed: u64) -> bool {
        // If it cannot be cut off, there is no more room than before.
        self.written(root).is_ok_and(|files| {
            let journal = &files.journal;
            sys::length(journal).is_ok_and(|length| length > committed) && sys::set_length(journal, committed).is_ok()
        })
    }

    /// Leaves nothing to read of what the journal held, and its reserve. Its first header is void. Under the writer lock.
    pub(in super::super) fn clear(&self, root: &Root) -> Result<()> {
        self.shrink(root)?;
        let journal = &self.written(root)?.journal;
        let fail = |errno| Error::io("clear the journal", &root.place(JOURNAL), errno);
        // Most of it is zeros, and to write them again would have the disk write them again.
        let mut held = vec![0; (RESERVE - START) as usize];
        let read = sys::read_at(journal, &mut held, START).map_err(fail)?;
        match held[..read].iter().rposition(|byte| *byte != 0) {
            None => Ok(()),
            Some(last) => {
                held[..=last].fill(0);
                sys::write(journal, &held[..=last], START).map_err(fail)
            }
        }
    }

    /// Fills the journal up with zeros ahead of what will be written, unless room is scarce: then the files need it.
    pub(super) fn grow(&self, root: &Root, end: u64) {
        let Ok(files) = self.written(root) else { return };
        let journal = &files.journal;
        let growth = (end / 4).clamp(GROWTH, MAX_GROWTH);
        let wanted = (end + growth).next_multiple_of(GROWTH).min(LIMIT.max(end));
        let has_room = sys::free(journal).is_ok_and(|free| free.bytes.is_none_or(|free| free / 4 > wanted - end));
        if has_room {
            // Invariant: less than twice the greatest growth. If it fails, the next frames extend the file themselves.
            let _ = sys::write(journal, &vec![0; (wanted - end) as usize], end);
        }
    }
}
