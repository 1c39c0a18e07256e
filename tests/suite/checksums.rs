//! What the medium has changed is told from what was edited by hand.
