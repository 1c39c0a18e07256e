//! Events for `tracing`, with the feature of that name.

use std::path::Path;

use crate::record::error::Error;

/// What was set aside or mended under a lock could not be committed when that was given back.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody listens"))]
pub(super) fn lost(store: &Path, error: &Error) {
    #[cfg(feature = "tracing")]
    tracing::error!(
        store = %store.display(),
        error = error as &dyn std::error::Error,
        "what was set aside or mended under the lock could not be committed"
    );
}
