//! What the command says of itself.

use std::fs;
use std::process::Command;

use snapbox::str;

use crate::support::{Sandbox, shows};

#[test]
fn the_command_explains_itself() {
    let sandbox = Sandbox::empty();
    shows(sandbox.sepia("--help"), str![]);
    shows(sandbox.sepia("-h"), str![]);
    let version = sandbox.sepia("--version").stdout();
    assert_eq!(version, format!("sepia {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn each_command_explains_itself() {
    let sandbox = Sandbox::empty();
    for (command, pinned) in [
        ("ls", str![]),
        ("tree", str![]),
        ("show", str![]),
        ("versions", str![]),
        ("diff", str![]),
        ("links", str![]),
        ("backlinks", str![]),
        ("find", str![]),
        ("graph", str![]),
        ("stats", str![]),
        ("edit", str![]),
        ("rm", str![]),
        ("gc", str![]),
        ("init", str![]),
        ("adopt", str![]),
        ("completions", str![]),
        ("man", str![]),
    ] {
        // What every command takes is pinned above.
        let help = sandbox.sepia(&format!("{command} --help")).stdout();
        shows(help, pinned);
    }
}

#[test]
fn wrong_arguments_are_explained() {
    let sandbox = Sandbox::empty();
    shows(sandbox.sepia("sohw a"), str![]);
    shows(sandbox.sepia("show"), str![]);
    shows(sandbox.sepia("tree a --depth 100000"), str![]);
    assert_eq!(sandbox.sepia("").code(), 2);
}

#[test]
fn shells_complete() {
    let sandbox = Sandbox::empty();
    for (shell, check) in [
        ("bash", &["bash", "-n"][..]),
        ("zsh", &["zsh", "-n"]),
        ("fish", &["fish", "-n"]),
        ("elvish", &[]),
        ("powershell", &[]),
    ] {
        let script = sandbox.sepia(&format!("completions {shell}"));
        assert_eq!((script.code(), script.stderr().as_str()), (0, ""), "{shell}");
        assert!(script.stdout().contains("backlinks"), "{shell}");
        sandbox.write("script", script.stdout());
        // Where the shell is there, it says whether it can read this.
        let [program, arguments @ ..] = check else { continue };
        if let Ok(status) = Command::new(program).args(arguments).arg(sandbox.path("script")).status() {
            assert!(status.success(), "{shell}");
        }
    }
}

#[test]
fn there_are_manual_pages() {
    let sandbox = Sandbox::empty();
    assert!(sandbox.sepia("man").stdout().contains(".TH sepia 1"));
    shows(sandbox.sepia("man pages/man1"), str![]);
    let mut pages: Vec<_> =
        fs::read_dir(sandbox.path("pages/man1")).unwrap().map(|page| page.unwrap().file_name()).collect();
    pages.sort();
    assert!(pages.len() > 15 && pages.iter().any(|page| page == "sepia-backlinks.1"), "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(sandbox.path("pages/man1").join(page)).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"));
    }
}
