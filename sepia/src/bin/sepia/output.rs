//! What is printed: text for people, or one JSON value a line for programs.

use std::fmt;
use std::io::{self, BufWriter, StdoutLock, Write};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Result;
use crate::render::json;

/// Names of objects.
pub(crate) const NAME: Style = AnsiColor::Blue.on_default().bold();
/// Names of fields.
pub(crate) const FIELD: Style = AnsiColor::Cyan.on_default();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What is wrong.
pub(crate) const WRONG: Style = AnsiColor::Red.on_default().bold();
/// What is gone.
pub(crate) const MINUS: Style = AnsiColor::Red.on_default();
/// What is new.
pub(crate) const PLUS: Style = AnsiColor::Green.on_default();

/// Whom a command prints for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Person,
    Program,
}

/// When text has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Standard output.
#[derive(Debug)]
pub(crate) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    reader: Reader,
    coloured: bool,
}

impl Output {
    pub(crate) fn new(reader: Reader, colour: Colour) -> Self {
        let stdout = io::stdout();
        let coloured = match colour {
            Colour::Auto => anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
            Colour::Always => true,
            Colour::Never => false,
        };
        Self { out: BufWriter::new(stdout.lock()), reader, coloured }
    }

    pub(crate) fn is_for_programs(&self) -> bool {
        self.reader == Reader::Program
    }

    /// Prints a value as one line of JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = json::line(value).map_err(io::Error::from)?;
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    /// Returns something that is printed in a style, where there are colours.
    pub(crate) fn paint<D: fmt::Display>(&self, style: Style, what: D) -> Painted<D> {
        Painted { style: if self.coloured { style } else { Style::new() }, what }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Something in a style.
#[derive(Debug)]
pub(crate) struct Painted<D> {
    style: Style,
    what: D,
}

impl<D: fmt::Display> fmt::Display for Painted<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.style)?;
        self.what.fmt(f)?;
        write!(f, "{:#}", self.style)
    }
}
