//! What the derive macros refuse, and how: one mistake per file, in folders named after what it is about. And what they
//! accept in spite of unusual surroundings.

#![allow(clippy::unwrap_used)]

#[allow(
    missing_debug_implementations,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "the cases are as users write them"
)]
pub mod pass;

/// All mistakes are compiled by one call of cargo. That takes `TestCases` without a case that is to pass: with one, each
/// is compiled by a call of its own, and all dependencies once more.
#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    for family in ["attribute", "shape", "id", "field", "reference", "enum", "content", "serde"] {
        cases.compile_fail(format!("../tests/ui/{family}/*.rs"));
    }
}
