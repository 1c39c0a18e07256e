//! `sepia man`: the manual pages.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory, ValueHint};
use clap_mangen::Man as Page;

use crate::answer::Answer;
use crate::arguments::{Arguments, Session};
use crate::failure::{Failure, Result};

/// Print the manual page, or write one for each command into a directory
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The directory; it is made if it is not there
    #[arg(value_hint = ValueHint::DirPath)]
    directory: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        match self.directory {
            None => Page::new(Arguments::command()).render(&mut session.out)?,
            Some(directory) => {
                fs::create_dir_all(&directory).map_err(Failure::system("make", &directory))?;
                clap_mangen::generate_to(Arguments::command(), &directory)
                    .map_err(Failure::system("write manual pages into", &directory))?;
                writeln!(session.out, "see {}", directory.join("sepia.1").display())?;
            }
        }
        Ok(Answer::Yes)
    }
}
