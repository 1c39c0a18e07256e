//! `sepia copy`: from store to store.

use clap::{Args, ValueHint};

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::Result;
use crate::intake::{self, Rule};
use crate::locate::resolve::Records;
use crate::locate::{self, Access, object};
use crate::progress::Bar;

/// Copy objects from one store to another
///
/// Whatever the stores are: directories of files, or databases (sqlite:data.db). Others can use both meanwhile; what is
/// copied is one moment of the first. What is there already is not written again, so a copy that was interrupted goes on
/// where it was.
///
/// With --json, one object: {added, replaced, equal, kept, bytes, strays}.
#[derive(Args, Debug)]
pub(crate) struct Copy {
    /// The store to read, as a path or URL
    #[arg(value_hint = ValueHint::AnyPath)]
    from: String,
    /// The store to write; it is made if it is not there
    #[arg(value_hint = ValueHint::AnyPath)]
    to: String,
    /// Copy only this object or class, with all that it leads to; may be repeated
    #[arg(long = "root", value_name = "ROOT", value_hint = ValueHint::AnyPath)]
    roots: Vec<String>,
    /// What becomes of objects that are there with another content
    #[arg(long, value_name = "RULE", value_enum, default_value_t)]
    on_conflict: Rule,
}

impl Copy {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        let from = locate::open(&self.from, Access::Read)?;
        let records = Records::of(from.backend())?;
        let roots: Vec<_> = self.roots.iter().map(|root| object::root(&records, root)).collect::<Result<_>>()?;
        let to = locate::open(&self.to, Access::Create)?;
        let bar = Bar::new();
        let mut copy =
            from.copy_to(&to).on_conflict(self.on_conflict.into()).on_progress(|progress| bar.show(progress));
        if !roots.is_empty() {
            copy = copy.roots(roots);
        }
        let report = copy.run()?;
        drop(bar);
        to.close()?;
        intake::print(&mut session.out, &report)?;
        Ok(Answer::Yes)
    }
}
