//! Anything that is done, by anyone, and what is got then: against a model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use sepia::{CacheOptions, Durability, Error, ErrorKind, Store};

use super::{Board, Note, board, note};
use crate::support::OnDisk;

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// The store whose cache it is.
    Own,
    /// A handle that knows nothing of it.
    Other,
    /// Someone with an editor, or another handle where there are no files.
    Hand,
}

#[derive(Clone, Debug)]
enum Step {
    Write(Who, &'static str, &'static str),
    Delete(Who, &'static str),
    Title(Who, &'static str, &'static str),
    WriteBoard(Who, &'static str, Vec<&'static str>),
    DeleteBoard(Who, &'static str),
    /// Two notes at once, if it is not called off.
    Transaction(&'static str, &'static str, bool),
    Get(&'static str),
    GetBoard(&'static str),
    LetGo,
    Shrink(u64),
    /// Until files can be told by their times.
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || select(vec![Who::Own, Who::Own, Who::Other, Who::Hand]);
    let id = || select(vec!["a", "b", "c"]);
    let text = || select(vec!["1", "2"]);
    let board = || select(vec!["x", "y"]);
    let step = prop_oneof![
        4 => (who(), id(), text()).prop_map(|(who, id, text)| Step::Write(who, id, text)),
        1 => (who(), id()).prop_map(|(who, id)| Step::Delete(who, id)),
        1 => (who(), board(), text()).prop_map(|(who, id, text)| Step::Title(who, id, text)),
        3 => (who(), board(), prop::collection::vec(id(), 0..4)).prop_map(|(who, id, of)| Step::WriteBoard(who, id, of)),
        1 => (who(), board()).prop_map(|(who, id)| Step::DeleteBoard(who, id)),
        1 => (id(), text(), any::<bool>()).prop_map(|(id, text, commits)| Step::Transaction(id, text, commits)),
        4 => id().prop_map(Step::Get),
        8 => board().prop_map(Step::GetBoard),
        1 => Just(Step::LetGo),
        1 => select(vec![0, 1000, 4000]).prop_map(Step::Shrink),
        1 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 1..40)
}

struct World {
    disk: Option<OnDisk>,
    store: Store,
    other: Store,
    notes: BTreeMap<&'static str, &'static str>,
    /// The title, and what is on it.
    boards: BTreeMap<&'static str, (&'static str, Vec<&'static str>)>,
    /// What was got and is held, unless something has been written since.
    held: BTreeMap<&'static str, Arc<Note>>,
    held_boards: BTreeMap<&'static str, Arc<Board>>,
    /// Also what is old.
    hoard: Vec<Arc<Board>>,
}

impl World {
    fn new(disk: Option<OnDisk>, options: CacheOptions) -> Self {
        let plain = disk.as_ref().map_or_else(Store::in_memory, |disk| disk.store.clone());
        let other = disk.as_ref().map_or_else(|| plain.clone(), OnDisk::reopen);
        let [store, other] =
            [plain.with_cache(options), other].map(|store| store.with_durability(Durability::Buffered));
        let (notes, boards, held, held_boards, hoard) = Default::default();
        Self { disk, store, other, notes, boards, held, held_boards, hoard }
    }

    fn by(&self, who: Who) -> &Store {
        if who == Who::Own { &self.store } else { &self.other }
    }

    fn edit(&self, who: Who, below: &str, content: &str) -> bool {
        let Some(disk) = self.disk.as_ref().filter(|_| who == Who::Hand) else { return false };
        disk.write(below, content);
        true
    }

    /// What a board should be, or which note it misses.
    fn expected(&self, id: &'static str) -> Option<Result<Board, &'static str>> {
        let (title, of) = self.boards.get(id)?;
        let notes: Result<Vec<_>, _> =
            of.iter().map(|id| self.notes.get(id).map(|text| note(id, text)).ok_or(*id)).collect();
        Some(notes.map(|notes| Board { title: (*title).to_owned(), ..board(id, &notes) }))
    }

    fn step(&mut self, step: Step) {
        if !matches!(
            step,
            Step::Get(_) | Step::GetBoard(_) | Step::Transaction(_, _, false) | Step::Shrink(_) | Step::Wait
        ) {
            self.held.clear();
            self.held_boards.clear();
        }
        match step {
            Step::Write(who, id, text) => {
                if !self.notes.contains_key(id) || !self.edit(who, &format!("Note/{id}"), text) {
                    self.by(who).overwrite(&note(id, text)).unwrap();
                }
                self.notes.insert(id, text);
            }
            Step::Delete(who, id) => {
                let was_there = match self.disk.as_ref().filter(|_| who == Who::Hand) {
                    Some(disk) => std::fs::remove_file(disk.path(&format!("Note/{id}"))).is_ok(),
                    None => self.by(who).delete::<Note>(id).unwrap(),
                };
                assert_eq!(was_there, self.notes.remove(id).is_some());
            }
            Step::Title(who, id, title) => {
                let Some(Ok(board)) = self.expected(id) else { return };
                let below = format!("Board/{id}/data.json");
                let content = self.disk.as_ref().map(|disk| disk.text(&below));
                let content = content.map(|text| text.replace(&format!("{:?}", board.title), &format!("{title:?}")));
                if !content.is_some_and(|content| self.edit(who, &below, &content)) {
                    self.by(who).overwrite(&Board { title: title.to_owned(), ..board }).unwrap();
                }
                self.boards.get_mut(id).unwrap().0 = title;
            }
            Step::WriteBoard(who, id, of) => {
                let notes: Vec<_> = of.iter().map(|id| note(id, self.notes.get(id).unwrap_or(&"1"))).collect();
                self.by(who).overwrite(&board(id, &notes)).unwrap();
                for id in &of {
                    self.notes.entry(id).or_insert("1");
                }
                self.boards.insert(id, ("1", of));
            }
            Step::DeleteBoard(who, id) => {
                let was_there = self.by(who).delete::<Board>(id).unwrap();
                assert_eq!(was_there, self.boards.remove(id).is_some());
            }
            Step::Transaction(id, text, commits) => {
                let done = self.store.transaction(|transaction| {
                    for id in [id, "b"] {
                        transaction.overwrite(&note(id, text))?;
                    }
                    if commits { Ok(()) } else { Err(Error::new(ErrorKind::Other, "called off")) }
                });
                assert_eq!(done.is_ok(), commits);
                if commits {
                    self.notes.extend([(id, text), ("b", text)]);
                }
            }
            Step::Get(id) => match (self.store.get::<Note>(id), self.notes.get(id)) {
                (Err(error), None) => assert_eq!(error.kind(), ErrorKind::NotFound),
                (Ok(got), Some(text)) => {
                    assert_eq!(*got, note(id, text));
                    if let Some(held) = self.held.insert(id, Arc::clone(&got)) {
                        assert!(Arc::ptr_eq(&held, &got));
                    }
                }
                (got, expected) => panic!("got {got:?}, and {expected:?} is stored"),
            },
            Step::GetBoard(id) => match (self.store.get::<Board>(id), self.expected(id)) {
                (Err(error), None) => assert_eq!(error.kind(), ErrorKind::NotFound),
                (Err(error), Some(Err(missing))) => {
                    assert_eq!(error.kind(), ErrorKind::Dangling);
                    assert!(error.to_string().contains(missing), "{error}");
                }
                (Ok(got), Some(Ok(board))) => {
                    assert_eq!(*got, board);
                    if let Some(held) = self.held_boards.insert(id, Arc::clone(&got)) {
                        assert!(Arc::ptr_eq(&held, &got));
                    }
                    self.hoard.push(got);
                }
                (got, expected) => panic!("got {got:?}, and {expected:?} is stored"),
            },
            Step::LetGo => self.hoard.clear(),
            Step::Shrink(bytes) => {
                self.store.shrink_to(bytes);
                assert!(self.store.cache_stats().bytes <= bytes);
            }
            Step::Wait if self.disk.is_some() => std::thread::sleep(Duration::from_millis(60)),
            Step::Wait => {}
        }
    }

    fn run(mut self, steps: Vec<Step>) {
        for step in steps {
            self.step(step);
        }
    }
}

/// The same steps, all done by the store itself.
fn own(step: Step) -> Step {
    match step {
        Step::Write(_, id, text) => Step::Write(Who::Own, id, text),
        Step::Delete(_, id) => Step::Delete(Who::Own, id),
        Step::Title(_, id, title) => Step::Title(Who::Own, id, title),
        Step::WriteBoard(_, id, of) => Step::WriteBoard(Who::Own, id, of),
        Step::DeleteBoard(_, id) => Step::DeleteBoard(Who::Own, id),
        step => step,
    }
}

fn trusting(steps: Vec<Step>, budget: u64) {
    let steps: Vec<_> = steps.into_iter().map(own).collect();
    let options = CacheOptions::new(budget).trust(Duration::MAX);
    World::new(None, options.clone()).run(steps.clone());
    World::new(Some(OnDisk::new()), options).run(steps);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_got_is_what_is_stored_in_memory(steps in steps(), budget in select(vec![0, 6000, 1 << 20])) {
        World::new(None, CacheOptions::new(budget)).run(steps);
    }

    #[test]
    fn what_is_got_is_what_is_stored_on_disk(steps in steps(), budget in select(vec![6000, 1 << 20])) {
        World::new(Some(OnDisk::new()), CacheOptions::new(budget)).run(steps);
    }

    #[test]
    fn what_is_got_with_trust_is_what_the_store_has_written(steps in steps(), budget in select(vec![6000, 1 << 20])) {
        trusting(steps, budget);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "long"]
    fn what_is_got_is_what_is_stored_for_long(steps in steps(), budget in select(vec![0, 6000, 1 << 20])) {
        World::new(None, CacheOptions::new(budget)).run(steps.clone());
        World::new(Some(OnDisk::new()), CacheOptions::new(budget)).run(steps.clone());
        trusting(steps, budget.max(6000));
    }
}
