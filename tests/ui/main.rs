//! What the derive macros refuse, and how: one mistake per file, in folders named after what it is about. And what they
//! accept in spite of unusual surroundings.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    for family in ["attribute", "shape", "id", "field", "reference", "enum", "content"] {
        cases.compile_fail(format!("../tests/ui/{family}/*.rs"));
    }
    cases.pass("../tests/ui/pass/*.rs");
}
