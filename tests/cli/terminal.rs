//! What is different where a person sits at a terminal. `script` makes one; without it, these are skipped.

use std::io::Write;
use std::process::Stdio;

use crate::support::{Ran, Sandbox};

impl Sandbox {
    /// Runs the command at a terminal, at which somebody types; `None` where there is none to be had.
    fn at_a_terminal(&self, arguments: &str, typed: &str) -> Option<Ran> {
        let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_sepia"));
        let mut command = self.shell("exec script --quiet --return --command \"$LINE\" /dev/null");
        command.env("LINE", line).env("SEPIA_STORE", "data").env("SHELL", "/bin/sh");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Whoever does not ask does not read.
        let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
        let ran = self.ran(child.wait_with_output().unwrap());
        if ran.code() == 127 {
            eprintln!("skipped: there is no `script`");
            return None;
        }
        Some(ran)
    }
}

#[test]
fn there_are_colours_on_a_terminal() {
    let sandbox = Sandbox::new();
    let Some(ran) = sandbox.at_a_terminal("ls", "") else { return };
    assert_eq!(ran.code(), 0, "{ran}");
    assert!(ran.stdout().contains("\u{1b}["), "{ran}");
    let Some(ran) = sandbox.at_a_terminal("ls --color never", "") else { return };
    assert!(!ran.stdout().contains('\u{1b}'), "{ran}");
}

#[test]
fn whoever_deletes_is_asked() {
    let sandbox = Sandbox::new();
    let Some(ran) = sandbox.at_a_terminal("rm Photo/wall", "n\n") else { return };
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(ran.stdout().contains("delete 1 record? [y/N]"), "{ran}");
    assert!(sandbox.path("data/Photo/wall").exists());
    let Some(ran) = sandbox.at_a_terminal("rm Photo/wall", "\n") else { return };
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(sandbox.path("data/Photo/wall").exists());
    let Some(ran) = sandbox.at_a_terminal("rm Photo/wall", "y\n") else { return };
    assert_eq!(ran.code(), 0, "{ran}");
    assert!(!sandbox.path("data/Photo/wall").exists());
}

#[test]
fn what_a_progress_bar_drew_is_gone() {
    let sandbox = Sandbox::new();
    let Some(ran) = sandbox.at_a_terminal("gc Board --dry-run --color never", "") else { return };
    assert_eq!(ran.code(), 0, "{ran}");
    // The line is cleared before the report.
    let text = ran.stdout();
    let after = text.rsplit("\u{1b}[2K").next().unwrap();
    assert!(after.contains("would sweep") && !after.contains("mark"), "{text:?}");
}

#[test]
fn a_copy_into_a_database_shows_how_far_it_is() {
    let sandbox = Sandbox::new();
    let Some(ran) = sandbox.at_a_terminal("copy data sqlite:data.db --color never", "") else { return };
    assert_eq!(ran.code(), 0, "{ran}");
    let text = ran.stdout();
    let (drawn, after) = text.rsplit_once("\u{1b}[2K").unwrap();
    assert!(drawn.contains("[") && drawn.contains(" of 8"), "{text:?}");
    assert!(after.contains("8 added"), "{text:?}");
}
