//! The command `sepia`: looks into stores and looks after them. It works on records and knows no types.

mod age;
mod answer;
mod arguments;
mod command;
mod failure;
mod intake;
mod locate;
mod output;
mod progress;
mod render;
mod save;
mod size;
mod walk;

use std::process::ExitCode;

use clap::Parser;

use crate::answer::Answer;
use crate::arguments::Arguments;

/// The command could not do what it was asked for.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    match Arguments::parse().run() {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::FAILURE,
        Ok(Answer::Incomplete) => ExitCode::from(FAILED),
        // Whoever reads has read enough: `sepia ls | head`.
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            failure::say(&failure.sentence());
            ExitCode::from(FAILED)
        }
    }
}
