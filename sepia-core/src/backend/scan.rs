//! Answers of backends that know no better than to look at every record.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::Backend;
use crate::record::Key;
use crate::record::class::Kind;
use crate::record::error::{ErrorKind, Result};

/// Has a listing go on to its end.
pub(crate) fn to_the_end(mut each: impl FnMut(&str)) -> impl FnMut(&str) -> ControlFlow<()> {
    move |id| {
        each(id);
        ControlFlow::Continue(())
    }
}

/// Tells who links to one of these. What cannot be read is told, as nothing but reading it would tell.
pub(super) fn backlinks<B: Backend + ?Sized>(
    backend: &B,
    targets: &[Key],
    each: &mut dyn FnMut(&Key) -> ControlFlow<()>,
) -> Result<()> {
    let targets: HashSet<&Key> = targets.iter().collect();
    let has_links = |kind| matches!(kind, Kind::Container);
    for class in backend.classes()?.iter().filter(|class| has_links(class.kind())) {
        // One that is replaced meanwhile may be listed twice.
        let mut told: HashSet<Key> = HashSet::new();
        let mut outcome = Ok(ControlFlow::Continue(()));
        backend.ids(class.name(), &mut |id| {
            outcome = (|| {
                let key = Key::new(class.name(), id)?;
                let may_link = match backend.links(&key) {
                    Ok(links) => links.into_iter().flatten().any(|link| targets.contains(&link)),
                    Err(error) if error.kind() == ErrorKind::Corrupt => true,
                    Err(error) => return Err(error),
                };
                if may_link && told.insert(key.clone()) { Ok(each(&key)) } else { Ok(ControlFlow::Continue(())) }
            })();
            match outcome {
                Ok(flow) => flow,
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        if outcome?.is_break() {
            break;
        }
    }
    Ok(())
}
