//! What is spared because it is young.

use std::time::Duration;

use sepia::gc::GRACE;

use super::{Graph, fill, key};
use crate::support::{OnDisk, on_every_backend};

#[test]
fn what_is_young_is_spared_with_all_that_it_leads_to() {
    on_every_backend(|store| {
        let graph = Graph::from([
            (key("Leaf", "old"), vec![]),
            (key("Leaf", "linked by young"), vec![]),
            (key("Node", "root"), vec![]),
            (key("Text", "t.0"), vec![]),
            (key("Text", "t.1"), vec![]),
        ]);
        fill(store, &graph);
        std::thread::sleep(Duration::from_millis(400));
        let young = Graph::from([
            (key("Node", "young"), vec![key("Leaf", "linked by young")]),
            (key("Leaf", "young"), vec![]),
            (key("Text", "t.2"), vec![]),
            (key("Node", "root"), vec![key("Text", "t")]),
        ]);
        fill(store, &young);
        let collect = || store.gc([key("Node", "root")]).list();
        // An hour, unless somebody says otherwise.
        assert_eq!(GRACE, Duration::from_secs(3600));
        let report = collect().run().unwrap();
        assert_eq!((report.swept(), report.live()), (0, 8));
        assert_eq!(report.classes.iter().map(|class| class.spared).sum::<u64>(), 3, "{report:#?}");
        let report = collect().grace(Duration::from_millis(300)).run().unwrap();
        assert_eq!(report.swept, [key("Leaf", "old")]);
        // Old generations of what is live are not spared by that, unless they are young as well.
        let report = collect().keep_generations(1).older_than(Duration::from_secs(60)).run().unwrap();
        assert_eq!(report.swept, []);
        let report = collect().keep_generations(1).run().unwrap();
        assert_eq!(report.swept, [key("Text", "t.0"), key("Text", "t.1")]);
        assert_eq!(report.classes.iter().map(|class| class.pruned).sum::<u64>(), 2);
        let report = collect().older_than(Duration::from_secs(60)).grace(Duration::ZERO).run().unwrap();
        assert_eq!(report.swept, []);
        let report = collect().grace(Duration::ZERO).run().unwrap();
        assert_eq!(report.swept, [key("Leaf", "linked by young"), key("Leaf", "young"), key("Node", "young")]);
    });
}

/// A generation that is young was spared, and the rest of its history swept: whoever linked to it then had lost that.
#[test]
fn a_young_generation_spares_its_history() {
    on_every_backend(|store| {
        fill(
            store,
            &Graph::from([(key("Text", "t.0"), vec![]), (key("Text", "t.1"), vec![]), (key("Node", "r"), vec![])]),
        );
        std::thread::sleep(Duration::from_millis(400));
        fill(store, &Graph::from([(key("Text", "t.2"), vec![])]));
        let collect = || store.gc([key("Node", "r")]).grace(Duration::from_millis(300));
        let report = collect().run().unwrap();
        assert_eq!((report.swept(), report.live()), (0, 4));
        std::thread::sleep(Duration::from_millis(400));
        assert_eq!(collect().run().unwrap().swept(), 3);
    });
}

/// It stopped the collection, though nothing live was damaged.
#[test]
fn young_garbage_that_cannot_be_read_stays_and_stops_nothing() {
    let disk = OnDisk::new();
    fill(&disk.store, &Graph::from([(key("Leaf", "old"), vec![]), (key("Node", "root"), vec![])]));
    std::thread::sleep(Duration::from_millis(400));
    let young = Graph::from([(key("Node", "young"), vec![key("Node", "damaged")]), (key("Node", "damaged"), vec![])]);
    fill(&disk.store, &young);
    std::os::unix::fs::symlink("/nowhere/at/all", disk.path("Node/damaged/broken")).unwrap();
    let report = disk.store.gc([key("Node", "root")]).grace(Duration::from_millis(300)).list().run().unwrap();
    assert_eq!(report.swept, [key("Leaf", "old")]);
    assert_eq!(report.refused, [key("Node", "damaged")]);
}

/// What has just been moved here, with the time of its last change, was swept at once.
#[test]
fn what_has_come_just_now_is_young_however_old_its_content() {
    let disk = OnDisk::new();
    fill(&disk.store, &Graph::from([(key("Leaf", "moved"), vec![]), (key("Node", "root"), vec![])]));
    let file = std::fs::File::options().write(true).open(disk.path("Leaf/moved")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let stat = disk.store.backend().stat(&key("Leaf", "moved")).unwrap().unwrap();
    assert_eq!(stat.modified, std::time::SystemTime::UNIX_EPOCH);
    assert_eq!(disk.store.gc([key("Node", "root")]).run().unwrap().swept(), 0);
}
