//! What the macros accept in spite of unusual surroundings: one of them per file, in a module of its own.

macro_rules! cases {
    ($($case:ident)*) => {
        $(pub mod $case;

        #[test]
        fn $case() {
            $case::main();
        })*

        const CASES: &[&str] = &[$(stringify!($case)),*];
    };
}

cases! {
    colliding_names
    defaults
    generics
    ignore_unknown_in_custom_fields
    macros
    no_implicit_prelude
    other_modules
    raw_identifiers
    renamed_crate
    serde_attributes
    strict_lints
}

#[test]
fn every_case_is_compiled() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/ui/pass");
    let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let names = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name != "mod").collect();
    names.sort();
    assert_eq!(names, CASES);
}
