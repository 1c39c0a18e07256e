#[test]
fn runs() {
    assert!(std::process::Command::new(env!("CARGO_BIN_EXE_sepia")).status().unwrap().success());
}
