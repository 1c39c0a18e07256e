//! `docs/cli.md`, whose examples are run.

use std::env;
use std::fmt::Write;
use std::path::Path;

use crate::support::Sandbox;

/// The page, relative to this file.
const PAGE: &str = include_str!("../../docs/cli.md");

/// `SNAPSHOTS=overwrite` writes what the commands print into the page: read it before you commit it.
#[test]
fn the_examples_print_what_the_page_says() {
    let sandbox = Sandbox::new();
    let programs = Path::new(env!("CARGO_BIN_EXE_sepia")).parent().unwrap();
    let path =
        env::join_paths([programs.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())));
    let path = path.unwrap();

    let mut page = String::new();
    // What is set with `export` stays set.
    let mut set = String::new();
    let mut is_example = false;
    for line in PAGE.lines() {
        match line {
            "```console" => is_example = true,
            "```" => is_example = false,
            _ if !is_example => {}
            _ => match line.strip_prefix("$ ") {
                // What was printed before.
                None => continue,
                Some(command) => {
                    let script = format!("{set}{command}\n");
                    let ran = sandbox.run(sandbox.shell(&script).env("PATH", &path));
                    if command.starts_with("export ") {
                        set.push_str(command);
                        set.push('\n');
                    }
                    // Nobody sees how long ago the page was written.
                    sandbox.set_times();
                    write!(page, "{line}\n{}{}", ran.stdout(), ran.stderr()).unwrap();
                    continue;
                }
            },
        }
        writeln!(page, "{line}").unwrap();
    }
    snapbox::assert_data_eq!(page, snapbox::file!["../../docs/cli.md"].raw());
}
