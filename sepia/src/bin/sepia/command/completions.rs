//! `sepia completions`: what a shell needs to complete the arguments.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::answer::Answer;
use crate::arguments::{Arguments, Session};
use crate::failure::Result;

/// Print what a shell needs to complete the arguments
///
/// For example, `sepia completions bash > ~/.local/share/bash-completion/completions/sepia`. Objects complete as paths:
/// sepia show ./data/Bo<TAB>.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "sepia", &mut script);
        std::io::Write::write_all(&mut session.out, &script)?;
        Ok(Answer::Yes)
    }
}
