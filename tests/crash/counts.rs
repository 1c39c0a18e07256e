//! Nothing that several processes do at once is lost.

use std::path::Path;

use sepia::{Container, ErrorKind, Id, Serializable, Store};

use crate::support::{child, command, directory, place, spawn};

#[derive(Container, Debug, PartialEq)]
struct Shelf {
    id: Id<Shelf>,
    total: u64,
    books: Vec<Book>,
    boxes: Vec<Carton>,
}

#[derive(Serializable, Debug, PartialEq)]
struct Book {
    id: Id<Book>,
    title: String,
}

#[derive(Container, Debug, PartialEq)]
struct Carton {
    id: Id<Carton>,
    label: String,
}

#[derive(Serializable, Debug, PartialEq)]
#[sepia(generations)]
struct Count {
    id: Id<Count>,
    number: u64,
    by: Vec<String>,
}

fn add(shelf: &mut Shelf, name: &str) {
    shelf.total += 1;
    shelf.books.push(Book { id: name.into(), title: name.to_owned() });
    shelf.boxes.push(Carton { id: name.into(), label: name.to_owned() });
}

/// Adds, in the way that it is told.
#[test]
fn adds() {
    let Some(words) = child() else { return };
    // Who waits is not served in turn, and on a busy machine another process may come first many times.
    let store = Store::builder().durability(sepia::batch::Durability::Buffered);
    let store = store.lock_timeout(std::time::Duration::from_secs(600)).open(&words[0]).unwrap();
    let (who, how, count) = (&words[1], &*words[2], words[3].parse::<u64>().unwrap());
    for number in 0..count {
        let name = format!("{who}{number}");
        match how {
            "transactions" => store
                .transaction(|tx| {
                    let mut shelf: Shelf = tx.load("shelf")?;
                    add(&mut shelf, &name);
                    tx.save(&shelf)
                })
                .unwrap(),
            "saves" => loop {
                let mut shelf: Shelf = store.load("shelf").unwrap();
                add(&mut shelf, &name);
                match store.save(&shelf) {
                    Ok(()) => break,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                }
            },
            _ => {
                let change = |count: &mut Count| {
                    count.number += 1;
                    count.by = vec![name.clone()];
                    Ok(())
                };
                store.update("count", change).unwrap();
            }
        }
    }
}

fn both(path: &Path, how: &str, count: u64) {
    let children = ["a", "b"].map(|who| spawn("counts::adds", &[path.to_str().unwrap(), who, how, &count.to_string()]));
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn two_processes_add_to_one_container() {
    add_together(70, 20);
}

#[test]
#[ignore = "long"]
fn two_processes_add_to_one_container_for_long() {
    add_together(200, 40);
}

/// Each adds so many in transactions, and so many by saving again after conflicts.
fn add_together(in_transactions: u64, by_saving: u64) {
    for how in ["transactions", "saves"] {
        let directory = directory();
        let store = Store::open(place(&directory)).unwrap();
        store.save(&Shelf { id: "shelf".into(), total: 0, books: Vec::new(), boxes: Vec::new() }).unwrap();
        let (each, path) = (if how == "saves" { by_saving } else { in_transactions }, place(&directory));
        both(&path, how, each);
        let shelf: Shelf = store.load("shelf").unwrap();
        let mut titles: Vec<_> = shelf.books.iter().map(|book| book.title.clone()).collect();
        titles.sort();
        titles.dedup();
        let found = (shelf.total, titles.len() as u64, shelf.boxes.len() as u64);
        assert_eq!(found, (2 * each, 2 * each, 2 * each), "{how}");
    }
}

#[test]
fn two_processes_update_one_object() {
    let directory = directory();
    let store = Store::open(place(&directory)).unwrap();
    store.save(&Count { id: Id::first("count"), number: 0, by: Vec::new() }).unwrap();
    both(&place(&directory), "updates", 500);
    let versions = store.versions::<Count>("count").unwrap();
    let generations: Vec<u64> = versions.iter().map(Id::generation).collect();
    assert_eq!(generations, (0..=1000).collect::<Vec<u64>>());
    let mut by = Vec::new();
    for id in versions {
        let count: Count = store.load(id.clone()).unwrap();
        assert_eq!(count.number, id.generation());
        by.extend(count.by);
    }
    by.sort();
    by.dedup();
    assert_eq!(by.len(), 1000);
}

/// Saves one shelf again and again, longer and shorter, until it is killed.
#[test]
fn saves_again_and_again() {
    let Some(words) = child() else { return };
    let store = Store::builder().durability(sepia::batch::Durability::Buffered).open(&words[0]).unwrap();
    for round in 0u64.. {
        store
            .transaction(|tx| {
                let mut shelf: Shelf = tx.load("shelf")?;
                shelf.books.clear();
                shelf.boxes.clear();
                shelf.total = 0;
                for number in 0..=round % 4 {
                    add(&mut shelf, &format!("{round}.{number}"));
                }
                tx.save(&shelf)
            })
            .unwrap();
        if round > 8 {
            // What the shelf held before is not needed any more.
            for number in 0..4 {
                store.delete::<Book>(format!("{}.{number}", round - 8)).unwrap();
            }
        }
    }
}

#[test]
fn ten_thousand_loads_while_another_process_saves() {
    let directory = directory();
    let store = Store::open(place(&directory)).unwrap();
    let mut shelf = Shelf { id: "shelf".into(), total: 0, books: Vec::new(), boxes: Vec::new() };
    add(&mut shelf, "0.0");
    store.save(&shelf).unwrap();
    let mut writer = command("counts::saves_again_and_again", &[place(&directory).to_str().unwrap()]).spawn().unwrap();
    let (mut changes, mut last, mut loads) = (0, String::new(), 0);
    // As many as it takes to have seen some changes, on a machine that is busy elsewhere.
    while loads < 10_000 || changes < 100 {
        loads += 1;
        let shelf: Shelf = store.load("shelf").unwrap_or_else(|error| {
            writer.kill().unwrap();
            panic!("load {loads}: {error} {:?}", std::error::Error::source(&error).map(ToString::to_string))
        });
        let books: Vec<_> = shelf.books.iter().map(|book| book.title.as_str()).collect();
        let boxes: Vec<_> = shelf.boxes.iter().map(|carton| carton.label.as_str()).collect();
        let round = books[0].split_once('.').unwrap().0.to_owned();
        assert!(books == boxes && books.len() as u64 == shelf.total, "{shelf:?}");
        assert!(books.iter().all(|title| title.starts_with(&format!("{round}."))), "{shelf:?}");
        changes += usize::from(last != round);
        last = round;
        if let Some(status) = writer.try_wait().unwrap() {
            let output = writer.wait_with_output().unwrap();
            panic!("{status}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
}
