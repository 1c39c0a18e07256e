//! What happens between the commits of a sweep.

use std::collections::BTreeSet;
use std::time::Duration;

use sepia::batch::{Batch, Durability, Expect};
use sepia::record::Key;

use super::{Graph, fill, key, record, stored};
use crate::support::{Medium, in_two_views, on_every_backend, on_every_medium};

/// The sweep does one chunk after another: whoever links to something in between keeps it.
#[test]
fn what_is_linked_during_a_sweep_stays() {
    in_two_views(|store, other| {
        let other = other.backend();
        let mut graph = Graph::from([(key("Node", "root"), vec![])]);
        for number in 0..4000 {
            graph.insert(key("Leaf", &format!("{number:04}")), vec![]);
        }
        fill(store, &graph);
        let mut linked = BTreeSet::new();
        let report = store
            .with_durability(Durability::Buffered)
            .gc([key("Node", "root")])
            .grace(Duration::ZERO)
            .on_progress(|progress| {
                // Called between the commits, of which each takes a thousand.
                if progress.phase == "sweep" && progress.done > 0 && progress.total != Some(progress.done) {
                    let left: Vec<Key> = graph
                        .keys()
                        .filter(|key| key.class() == "Leaf" && other.contains(key).unwrap())
                        .cloned()
                        .collect();
                    linked.extend(left.into_iter().step_by(100));
                    let mut batch = Batch::new();
                    batch.set_durability(Durability::Buffered);
                    let id = key("Node", "root");
                    let links: Vec<Key> = linked.iter().cloned().collect();
                    batch.put(id.clone(), record(&id, &links), Expect::Present);
                    let tried = std::thread::scope(|scope| scope.spawn(|| other.commit(batch)).join().unwrap());
                    if tried.is_err() {
                        panic!("{tried:?}");
                    }
                }
            })
            .run();
        let report = report.unwrap();
        assert!(linked.len() >= 30, "{}", linked.len());
        assert_eq!(report.live() as usize, 1 + linked.len());
        assert!(linked.iter().all(|key| other.contains(key).unwrap()));
        assert_eq!(report.dangling, []);
    });
}

#[test]
fn what_others_delete_and_make_meanwhile_is_counted_right() {
    on_every_backend(|store| {
        let mut graph = Graph::from([(key("Node", "root"), vec![key("Leaf", "0"), key("Leaf", "1")])]);
        (0..3000).for_each(|number| drop(graph.insert(key("Leaf", &format!("{number}")), vec![])));
        fill(store, &graph);
        let mut others = Some(());
        let report = store
            .gc([key("Node", "root")])
            .grace(Duration::ZERO)
            .on_progress(|progress| {
                if progress.phase == "sweep" && others.take().is_some() {
                    fill(store, &Graph::from([(key("Leaf", "new"), vec![])]));
                    let mut batch = Batch::new();
                    batch.delete(key("Leaf", "1"), Expect::Present);
                    store.backend().commit(batch).unwrap();
                }
            })
            .run()
            .unwrap();
        assert_eq!((report.live(), report.swept()), (3, 2998));
        assert_eq!(stored(store).len(), 3);
    });
}

#[test]
fn long_chains_and_many_objects_are_followed_to_their_ends() {
    follow_to_the_ends(8);
}

#[test]
#[ignore = "long"]
fn long_chains_and_many_objects_are_followed_to_their_ends_for_long() {
    follow_to_the_ends(1);
}

/// Looks at all that is left after one of so many commits of a large sweep.
fn follow_to_the_ends(one_of: usize) {
    on_every_medium(|medium| {
        // What waits for files waits longer.
        let (chain, cycle) = if medium == Medium::Memory { (5000, 30_000) } else { (2400, 2000) };
        let store = &medium.make();
        let mut graph = Graph::new();
        for number in 0..chain {
            graph.insert(key("Node", &format!("{number}")), vec![key("Node", &format!("{}", number + 1))]);
            graph.insert(key("Leaf", &format!("{number}")), vec![]);
        }
        let half = key("Node", &format!("{}", chain / 2));
        graph.insert(key("Node", &format!("{chain}")), vec![half, key("Leaf", "7")]);
        // Those of a cycle go together.
        for number in 0..cycle {
            graph.insert(key("Node", &format!("c{number}")), vec![key("Node", &format!("c{}", (number + 1) % cycle))]);
        }
        fill(store, &graph);
        let mut phases = Vec::new();
        let report = store
            .gc([key("Node", &format!("{}", chain * 4 / 5))])
            .grace(Duration::ZERO)
            .on_progress(|progress| {
                phases.push((progress.phase, progress.done, progress.total));
                if medium == Medium::Memory && !phases.len().is_multiple_of(one_of) {
                    return;
                }
                // At no time is there a part of something that could still be linked as a whole.
                let left = stored(store);
                for key in left.iter().filter(|_| progress.phase == "sweep") {
                    assert!(graph[key].iter().all(|link| left.contains(link)), "{key} dangles after {}", progress.done);
                }
            })
            .run()
            .unwrap();
        // The second half of the chain, and one leaf; the rest in more than one commit.
        let live = chain / 2 + 2;
        let swept = 2 * chain + 1 + cycle - live;
        assert_eq!((report.live(), report.swept()), (live, swept));
        assert!(phases.contains(&("sweep", swept, Some(swept))), "{phases:?}");
        assert!(phases.iter().filter(|(phase, ..)| *phase == "sweep").count() > 5, "{phases:?}");
        assert!(phases.iter().any(|(phase, done, _)| *phase == "mark" && *done > 1000), "{phases:?}");
    });
}
