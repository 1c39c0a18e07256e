//! Reading several objects as of one moment.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use sepia::batch::{Batch, Expect};
use sepia::record::{Key, Record};
use sepia::{Container, Durability, Error, ErrorKind, Id, Ref, Result, Serializable, Store};

use crate::support::{OnDisk, in_two_views, on_every_backend, on_every_medium, refused};

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Account {
    id: Id<Account>,
    balance: i64,
}

#[derive(Container, Clone, Debug, Default, PartialEq)]
struct Bank {
    id: Id<Bank>,
    transfers: u64,
    accounts: Vec<Ref<Account>>,
    vault: Vec<Account>,
}

const ACCOUNTS: usize = 5;
const EACH: i64 = 100;

fn account(number: usize, balance: i64) -> Account {
    Account { id: format!("{number}").into(), balance }
}

/// A bank whose accounts hold the same sum at every moment.
fn bank(store: &Store) {
    let accounts: Vec<_> = (0..ACCOUNTS).map(|number| account(number, EACH)).collect();
    let made = store.transaction(|tx| {
        accounts.iter().try_for_each(|account| tx.save(account))?;
        let accounts = accounts.iter().map(Ref::to).collect();
        tx.save(&Bank { id: "bank".into(), accounts, ..Bank::default() })
    });
    made.unwrap();
}

fn transfer(store: &Store, round: usize) -> Result<()> {
    let (from, to) = (round % ACCOUNTS, (round + 1 + round / ACCOUNTS % (ACCOUNTS - 1)) % ACCOUNTS);
    store.transaction(|tx| {
        let mut bank: Bank = tx.load("bank")?;
        let (mut from, mut to): (Account, Account) = (tx.load(format!("{from}"))?, tx.load(format!("{to}"))?);
        from.balance -= 7;
        to.balance += 7;
        bank.transfers += 1;
        tx.save(&from)?;
        tx.save(&to)?;
        tx.save(&bank)
    })
}

/// Two handles to a store, and one twice.
fn views(test: impl Fn(&Store, &Store)) {
    let buffered = |store: &Store| store.with_durability(Durability::Buffered);
    in_two_views(|store, other| test(&buffered(store), &buffered(other)));
    on_every_backend(|store| test(&buffered(store), &buffered(store)));
}

#[test]
fn the_sum_is_the_same_at_every_moment() {
    const TRANSFERS: usize = 300;
    views(|store, other| {
        bank(store);
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            for reader in [store, other] {
                let ended = &ended;
                scope.spawn(move || {
                    let mut last = 0;
                    while !ended.load(Ordering::Relaxed) {
                        let seen = reader.snapshot(|snapshot| {
                            let bank: Bank = snapshot.load("bank")?;
                            let mut sum = 0;
                            for account in &bank.accounts {
                                thread::yield_now();
                                sum += account.load(snapshot)?.balance;
                            }
                            Ok((bank.transfers, sum, snapshot.load::<Bank>("bank")?.transfers))
                        });
                        let (transfers, sum, again) = seen.unwrap();
                        assert_eq!((sum, again), (EACH * ACCOUNTS as i64, transfers));
                        assert!(transfers >= last, "{transfers} < {last}");
                        last = transfers;
                    }
                });
            }
            let writers = [store, other]
                .map(|store| scope.spawn(|| (0..TRANSFERS / 2).for_each(|round| transfer(store, round).unwrap())));
            let written = writers.map(thread::ScopedJoinHandle::join);
            ended.store(true, Ordering::Relaxed);
            written.into_iter().for_each(Result::unwrap);
        });
        assert_eq!(store.load::<Bank>("bank").unwrap().transfers, TRANSFERS as u64);
    });
}

#[test]
fn it_runs_again_only_if_it_was_disturbed() {
    views(|store, other| {
        store.overwrite(&account(0, 0)).unwrap();
        for disturbances in [0, 1, 3] {
            let runs = Cell::new(0);
            let seen = store.snapshot(|snapshot| {
                runs.set(runs.get() + 1);
                let first: Account = snapshot.load("0")?;
                if runs.get() <= disturbances {
                    other.overwrite(&account(0, first.balance + 1))?;
                }
                Ok((first, snapshot.load::<Account>("0")?))
            });
            let (first, second) = seen.unwrap();
            assert_eq!((runs.get(), first.balance), (disturbances + 1, second.balance));
        }
        // Looking, and saving what is there already, disturb nobody.
        let known: Account = other.load("0").unwrap();
        let runs = Cell::new(0);
        let seen = store.snapshot(|snapshot| {
            runs.set(runs.get() + 1);
            other.load::<Account>("0")?;
            other.snapshot(|inner| inner.load::<Account>("0"))?;
            other.save(&known)?;
            other.transaction(|_| Ok(()))?;
            other.delete::<Account>("none")?;
            snapshot.count::<Account>()
        });
        assert_eq!((seen.unwrap(), runs.get()), (1, 1));
    });
}

#[test]
fn in_the_end_writers_are_kept_off() {
    on_every_medium(|medium| {
        let made = medium.make();
        if !made.lasts() {
            return;
        }
        let hurried = made.reopen_with(&Store::builder().lock_timeout(Duration::from_millis(20)));
        made.save(&account(0, 0)).unwrap();
        let reader = made.reopen_with(&Store::builder().read_only());
        for store in [&*made, &reader] {
            let (mut runs, mut kept_off) = (0, 0);
            let seen = store.snapshot(|snapshot| {
                runs += 1;
                assert!(runs < 100);
                let first: Account = snapshot.load("0")?;
                match hurried.overwrite(&account(0, first.balance + 1)) {
                    Ok(()) => {}
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Locked);
                        kept_off += 1;
                    }
                }
                Ok(first.balance == snapshot.load::<Account>("0")?.balance)
            });
            assert!(seen.unwrap());
            assert_eq!(kept_off, 1);
            // And let in again.
            hurried.overwrite(&account(0, 0)).unwrap();
        }
    });
}

/// Whoever writes within a snapshot disturbs it. That is refused in the last round, and not before.
#[test]
fn whoever_writes_in_a_snapshot_disturbs_it() {
    on_every_backend(|store| {
        store.save(&account(0, 0)).unwrap();
        let mut runs = 0;
        let once = store.snapshot(|snapshot| {
            runs += 1;
            if !snapshot.exists::<Account>("1")? {
                store.save(&account(1, 1))?;
            }
            snapshot.count::<Account>()
        });
        assert_eq!((once.unwrap(), runs), (2, 2));
        let always = store.snapshot(|snapshot| {
            let count = snapshot.count::<Account>()?;
            store.save(&account(2, count as i64))?;
            store.delete::<Account>("2")
        });
        refused(always, ErrorKind::Locked, &["snapshot"]);
        assert_eq!(store.count::<Account>().unwrap(), 2);
    });
}

#[test]
fn errors_and_panics_in_it() {
    views(|store, other| {
        let mut runs = 0;
        let failed = store.snapshot(|snapshot| {
            runs += 1;
            snapshot.load::<Account>("gone")
        });
        refused(failed, ErrorKind::NotFound, &["Account", "gone"]);
        assert_eq!(runs, 1);
        // An error that came of a disturbance is none.
        other.overwrite(&account(0, 0)).unwrap();
        let mut runs = 0;
        let seen = store.snapshot(|snapshot| {
            runs += 1;
            if runs == 1 {
                other.overwrite(&account(0, 1))?;
                return Err(Error::new(ErrorKind::Other, "disturbed"));
            }
            snapshot.load::<Account>("0")
        });
        assert_eq!((seen.unwrap().balance, runs), (1, 2));
        // A panic, in the first round or under the lock, leaves no lock behind.
        for rounds in [1, 9] {
            let mut runs = 0;
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                store.snapshot(|_| {
                    runs += 1;
                    if runs == rounds {
                        std::panic::resume_unwind(Box::new("enough"));
                    }
                    other.overwrite(&account(0, runs))
                })
            }));
            assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"enough"));
            other.overwrite(&account(0, 0)).unwrap();
        }
    });
}

#[test]
fn everything_can_be_looked_at_through_it() {
    #[derive(Serializable, Clone, Debug, PartialEq)]
    #[sepia(content = "text", generations)]
    struct Speech {
        id: Id<Speech>,
        text: String,
    }
    views(|store, _| {
        if !store.exists::<Bank>("bank").unwrap() {
            bank(store);
            let mut speech = Speech { id: "s.0".into(), text: "0".to_owned() };
            store.save(&speech).unwrap();
            store.save_next(&mut speech).unwrap();
        }
        let seen = store.snapshot(|snapshot| {
            let bank: Bank = snapshot.load("bank")?;
            assert_eq!(snapshot.find::<Bank>("other")?, None);
            assert_eq!(bank.accounts[1].load(snapshot)?.id.as_str(), "1");
            assert!(snapshot.exists::<Account>("4")? && !snapshot.exists::<Account>("5")?);
            assert_eq!((snapshot.ids::<Account>()?.len(), snapshot.count::<Account>()?), (ACCOUNTS, ACCOUNTS as u64));
            assert_eq!(snapshot.classes()?, ["Account", "Bank", "Speech"]);
            assert_eq!(snapshot.versions::<Speech>("s")?, ["s.0".into(), "s.1".into()]);
            assert!(snapshot.is_stale(&snapshot.load::<Speech>("s.0")?)?);
            refused(Ref::<Account>::new("9").load(snapshot), ErrorKind::Dangling, &["Account", "9"]);
            snapshot.load::<Account>("0")
        });
        // What was loaded through it is remembered as what it was.
        let mut mine = seen.unwrap();
        mine.balance += 1;
        store.save(&mine).unwrap();
        let mut stale = store.snapshot(|snapshot| snapshot.load::<Account>("0")).unwrap();
        store.overwrite(&Account { balance: -1, ..mine }).unwrap();
        stale.balance += 2;
        refused(store.save(&stale), ErrorKind::Conflict, &["Account", "0"]);
    });
}

#[test]
fn within_a_transaction_it_sees_what_is_committed() {
    views(|store, other| {
        store.overwrite(&account(0, 0)).unwrap();
        let done = store.transaction(|tx| {
            tx.overwrite(&account(0, 1))?;
            for store in [store, other] {
                assert_eq!(store.snapshot(|snapshot| snapshot.load::<Account>("0"))?.balance, 0);
            }
            assert_eq!(tx.load::<Account>("0")?.balance, 1);
            Ok(())
        });
        done.unwrap();
        assert_eq!(other.snapshot(|snapshot| snapshot.load::<Account>("0")).unwrap().balance, 1);
    });
}

/// A commit without a frame may be under way for as long as its writer has the lock. Whoever took the lock after it
/// was mistaken for that writer, and a reader that met a dangling link waited until the transaction had ended.
#[test]
fn a_reader_of_a_dangling_link_does_not_wait_for_a_transaction() {
    let disk = OnDisk::new();
    let store = disk.store.with_durability(Durability::Buffered);
    store.save(&Bank { id: "bank".into(), vault: vec![account(1, EACH)], ..Bank::default() }).unwrap();
    store.delete::<Account>("1").unwrap();
    let reader = Store::builder().lock_timeout(Duration::ZERO).open(disk.directory.path()).unwrap();
    let read = || reader.load::<Bank>("bank").unwrap_err().kind();
    store
        .transaction(|_| {
            assert_eq!(read(), ErrorKind::Dangling);
            Ok(())
        })
        .unwrap();
    let lock = store.backend().lock().unwrap();
    let mut batch = Batch::new();
    batch.set_durability(Durability::Buffered);
    batch.put(Key::new("Account", "2").unwrap(), Record::Leaf(b"{}".to_vec()), Expect::Any);
    lock.commit(batch).unwrap();
    assert_eq!(read(), ErrorKind::Dangling);
}
