//! The file in which a text is edited, and the program that edits it.

use std::env;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};

/// What opens files where neither `VISUAL` nor `EDITOR` says so.
const EDITOR: &str = "vi";

/// A text that is being edited. It is gone with this, unless it is kept.
#[derive(Debug)]
pub(super) struct Draft {
    file: NamedTempFile,
}

impl Draft {
    pub(super) fn of(text: &[u8], suffix: &str) -> Result<Self> {
        let directory = env::temp_dir();
        let make = || -> std::io::Result<NamedTempFile> {
            let mut file = tempfile::Builder::new().prefix("sepia-").suffix(suffix).tempfile_in(&directory)?;
            file.write_all(text)?;
            file.flush()?;
            Ok(file)
        };
        make().map(|file| Self { file }).map_err(Failure::system("make a file to edit in", &directory))
    }

    /// Lets the person edit it, and returns what came out.
    pub(super) fn edit(&self) -> Result<Vec<u8>> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| EDITOR.into());
        // Like git: the variable is a command with arguments of its own, and the shell takes it apart.
        let mut command = editor.clone();
        command.push(" \"$@\"");
        let editor = PathBuf::from(editor);
        let status = Command::new("sh").arg("-c").arg(command).arg(&editor).arg(self.file.path()).status();
        let status = status.map_err(Failure::system("start the editor", &editor))?;
        if !status.success() {
            return Err(Failure::said(format!("the editor {} failed ({status})", editor.display())));
        }
        // By its path: editors replace files.
        fs::read(self.file.path()).map_err(Failure::system("read", self.file.path()))
    }

    /// Keeps what was edited, if anything was, and says where.
    pub(super) fn keep(self, before: &[u8], failure: &Failure) -> Failure {
        let path = self.file.path().to_owned();
        match fs::read(&path) {
            Ok(after) if after != before => {}
            _ => return Failure::said(format!("{}: nothing was saved", failure.sentence())),
        }
        match self.file.keep() {
            Ok(_) => {
                Failure::said(format!("{}: nothing was saved, the text is in {}", failure.sentence(), path.display()))
            }
            Err(error) => {
                Failure::said(format!("{}: nothing was saved, and the text is lost: {error}", failure.sentence()))
            }
        }
    }
}
