//! Carrying out the operations of a batch, many leaves by two threads.
//!
//! Each leaf is one operation on one path, and readers lay the whole frame over whatever they find: so the order
//! among them is nobody's business, and whoever completes the batch looks at each path by itself. Everything else is
//! carried out in its order, before and after them.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::io::Result;

use super::super::layout::{PRIVATE, is_within};
use super::super::operation::Action;
use super::super::operations::{Operations, Part};
use super::super::publish::Publisher;
use super::super::root::Root;
use super::write::is_whole_record;

/// So many leaves are worth another thread.
const MANY: usize = 512;
/// How many a thread takes at a time.
const TAKEN: usize = 64;

/// Carries out operations. If this fails, any of them may have been.
pub(super) fn carry_out(root: &Root, publisher: &mut Publisher<'_>, operations: &Operations<'_>) -> Result<()> {
    for run in operations.parts().chunk_by(|one, next| is_leaf(one) == is_leaf(next)) {
        // Where one spelling is taken for another, a leaf may have to go before another comes.
        if run.len() >= MANY && is_leaf(&run[0]) && !root.folds() {
            by_two(root, publisher, run)?;
        } else {
            run.iter().try_for_each(|part| publisher.carry_out(part))?;
        }
    }
    Ok(())
}

/// The list of classes is none: it comes before the first object of a class.
fn is_leaf(part: &Part<'_>) -> bool {
    let Part::One(operation) = part else { return false };
    let is_file = matches!(operation.action, Action::File(_)) && is_whole_record(operation);
    is_file && !is_within(&operation.path, PRIVATE)
}

fn by_two(root: &Root, publisher: &mut Publisher<'_>, leaves: &[Part<'_>]) -> Result<()> {
    let next = AtomicUsize::new(0);
    let work = |publisher: &mut Publisher<'_>| {
        let take = || leaves.chunks(TAKEN).nth(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(take).flatten().try_for_each(|leaf| publisher.carry_out(leaf))
    };
    thread::scope(|scope| {
        let is_alone = thread::available_parallelism().is_ok_and(|processors| processors == NonZero::<usize>::MIN);
        let is_hidden = publisher.is_hidden();
        let second = move || {
            let mut second = Publisher::second(root);
            second.set_hidden(is_hidden);
            work(&mut second)
        };
        // Where there is no other thread to be had, this one does it all.
        let second = if is_alone { None } else { thread::Builder::new().spawn_scoped(scope, second).ok() };
        let first = work(publisher);
        let second = second.map_or(Ok(Ok(())), thread::ScopedJoinHandle::join);
        first.and(second.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::layout::FORMAT_FILE;
    use super::super::super::operation::{Before, Operation};
    use super::*;

    #[test]
    fn the_list_of_classes_is_no_leaf() {
        let file = |path| Part::One(Operation::new(path, Action::File(b"".into()), Before::Nothing));
        assert!(is_leaf(&file("Note/n")));
        assert!(!is_leaf(&file(FORMAT_FILE)));
        assert!(!is_leaf(&file("Board/b/data.json")));
        assert!(!is_leaf(&Part::One(Operation::new("Note/n", Action::Remove, Before::Unknown))));
    }
}
