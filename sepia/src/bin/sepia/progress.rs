//! How far long work has come, shown to whoever sits at the terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sepia::Progress;

/// A bar on standard error while it is a terminal; gone with this.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(crate) fn new() -> Self {
        // Hides itself where nobody looks.
        Self { bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()) }
    }

    /// Shows what the library says.
    pub(crate) fn show(&self, progress: Progress) {
        self.begin(progress.phase, progress.total);
        self.bar.set_position(progress.done);
    }

    /// Shows one more.
    pub(crate) fn advance(&self) {
        self.bar.inc(1);
    }

    /// Shows what is being done, as a word, and how often it has to be done where that is known.
    pub(crate) fn begin(&self, phase: &'static str, total: Option<u64>) {
        let template = match total {
            Some(_) => "{msg:>10} [{bar:32}] {human_pos} of {human_len}, {eta} left",
            None => "{msg:>10} {spinner} {human_pos}",
        };
        // Invariant: the templates above can be read; another would only look plainer.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bar.set_style(style.progress_chars("=> "));
        self.bar.set_message(phase);
        match total {
            Some(total) => self.bar.set_length(total),
            None => self.bar.unset_length(),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
