//! Events for `tracing`, with the feature of that name.

use std::path::Path;

use crate::backend::Recovered;

/// Work of writers that died was completed.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody listens"))]
pub(super) fn recovered(root: &Path, report: &Recovered) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        store = %root.display(),
        commits = report.commits,
        completed = report.completed.len(),
        edited = ?report.edited,
        "completed the commits of a writer that died"
    );
}

/// What has been committed cannot be carried out on the files.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody listens"))]
pub(super) fn pending(root: &Path) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        store = %root.display(),
        "a commit is in the journal, and its files cannot be written at the moment"
    );
}
