//! How far long work has come.

use std::fmt;

/// How far long work has come, as told to `on_progress`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done, as a word: `"mark"`.
    pub phase: &'static str,
    /// How many objects of this phase are done.
    pub done: u64,
    /// How many there are in all, where that is known.
    pub total: Option<u64>,
}

/// How many objects there are between two reports.
const STEP: u64 = 256;

/// Tells a caller that wants to know.
#[derive(Default)]
pub(crate) struct Reporter<'a> {
    tell: Option<Box<dyn FnMut(Progress) + 'a>>,
    phase: &'static str,
    done: u64,
    total: Option<u64>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(tell: impl FnMut(Progress) + 'a) -> Self {
        Self { tell: Some(Box::new(tell)), ..Self::default() }
    }

    /// Begins a phase.
    pub(crate) fn begin(&mut self, phase: &'static str, total: Option<u64>) {
        (self.phase, self.done, self.total) = (phase, 0, total);
        self.tell();
    }

    /// So many more are done.
    pub(crate) fn advance(&mut self, by: u64) {
        let before = self.done;
        self.done += by;
        if before / STEP != self.done / STEP {
            self.tell();
        }
    }

    /// The phase is over.
    pub(crate) fn end(&mut self) {
        self.total = Some(self.done);
        self.tell();
    }

    fn tell(&mut self) {
        let progress = Progress { phase: self.phase, done: self.done, total: self.total };
        if let Some(tell) = &mut self.tell {
            tell(progress);
        }
    }
}

impl fmt::Debug for Reporter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("phase", &self.phase).field("done", &self.done).finish_non_exhaustive()
    }
}
