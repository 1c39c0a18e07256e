//! The same for a database: many processes write and read, and are killed at random. Nothing that was confirmed is
//! lost, and nothing is half there.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::Duration;

use sepia::transfer::OnConflict;
use sepia::{Container, Durability, ErrorKind, Id, Ref, Serializable, Store};

use crate::support::{Random, child, directory, spawn};

const ACCOUNTS: usize = 6;
const EACH: i64 = 1000;
const WRITERS: usize = 3;

/// What one thread counts up.
#[derive(Serializable, Clone, Debug, PartialEq)]
struct Count {
    id: Id<Count>,
    number: u64,
}

#[derive(Serializable, Clone, Debug, PartialEq)]
struct Account {
    id: Id<Account>,
    balance: i64,
}

/// Each generation says which it is, and who made it.
#[derive(Serializable, Clone, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Speech {
    id: Id<Speech>,
    text: String,
}

/// One that says the same number in many places.
#[derive(Container, Clone, Debug, PartialEq)]
struct Ledger {
    id: Id<Ledger>,
    number: u64,
    accounts: Vec<Ref<Account>>,
    pages: Vec<Page>,
    marks: BTreeMap<String, Page>,
    last: Option<Account>,
}

#[derive(Container, Clone, Debug, PartialEq)]
struct Page {
    id: Id<Page>,
    number: u64,
    first: Option<Ref<Account>>,
}

/// Every number has a shape of its own.
fn ledger(number: u64) -> Ledger {
    let account = |at: u64| Ref::new(format!("{}", at % ACCOUNTS as u64));
    let page = |name: &str, at: u64| Page {
        id: format!("{name}{at}").into(),
        number,
        first: at.is_multiple_of(2).then(|| account(at + number)),
    };
    Ledger {
        id: "main".into(),
        number,
        accounts: (0..number % 5).map(account).collect(),
        pages: (0..number % 7).map(|at| page("page", at)).collect(),
        marks: (0..number % 3).map(|at| (format!("{}", number + at), page("mark", at))).collect(),
        last: number.is_multiple_of(4).then(|| Account { id: "last".into(), balance: number as i64 }),
    }
}

fn open(path: &Path) -> Store {
    Store::sqlite(path).unwrap()
}

fn durability(random: &mut Random) -> Durability {
    if random.below(4) == 0 { Durability::Sync } else { Durability::Buffered }
}

/// What a process writes, by several threads at once.
#[test]
fn writes() {
    let Some(words) = child() else { return };
    let (path, name) = (Path::new(&words[0]), &*words[1]);
    let seed: u64 = words[2].parse().unwrap();
    let confirmed = fs::OpenOptions::new().append(true).create(true).open(&words[3]).unwrap();
    let store = &open(path);
    // At once, so that no line is broken by another, nor half there.
    let note = &|line: String| (&confirmed).write_all(line.as_bytes()).unwrap();
    let threads: [Box<dyn FnOnce() + Send>; 4] = [
        Box::new(move || count(store, &format!("{name}a"), Random::new(seed + 1), note)),
        Box::new(move || count(store, &format!("{name}b"), Random::new(seed + 2), note)),
        Box::new(move || transfer(store, name, Random::new(seed + 3), note)),
        Box::new(move || speak(store, name, Random::new(seed + 4), note)),
    ];
    thread::scope(|scope| {
        for thread in threads {
            scope.spawn(|| {
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(thread));
                // None of them ends by itself.
                std::process::exit(101);
            });
        }
    });
}

/// Saves a leaf of its own again and again, and sometimes all that the database has in its log is carried over.
fn count(store: &Store, name: &str, mut random: Random, note: &dyn Fn(String)) {
    let mut count = store.find(name).unwrap().unwrap_or(Count { id: name.into(), number: 0 });
    loop {
        count.number += 1;
        store.with_durability(durability(&mut random)).save(&count).unwrap();
        note(format!("Count {name} {}\n", count.number));
        if random.below(50) == 0 {
            store.backend().checkpoint().unwrap();
        }
    }
}

/// Moves amounts between accounts, and gives the ledger another shape, in transactions.
fn transfer(store: &Store, name: &str, mut random: Random, note: &dyn Fn(String)) {
    loop {
        let [from, to] = [(); 2].map(|()| random.below(ACCOUNTS).to_string());
        let (amount, number) = (random.below(50) as i64, random.below(1000) as u64);
        let durability = durability(&mut random);
        let done = store.transaction(|tx| {
            tx.set_durability(durability);
            let mut mine =
                tx.find(format!("log{name}"))?.unwrap_or(Count { id: format!("log{name}").into(), number: 0 });
            mine.number += 1;
            if from != to {
                let mut both = tx.load_many::<Account>([&from, &to])?;
                both[0].balance -= amount;
                both[1].balance += amount;
                tx.save_all(&both)?;
            }
            tx.overwrite(&ledger(number))?;
            tx.save(&mine)?;
            Ok(mine.number)
        });
        note(format!("Count log{name} {}\n", done.unwrap()));
    }
}

/// Adds generations to one history that all of them share, and prunes it.
fn speak(store: &Store, name: &str, mut random: Random, note: &dyn Fn(String)) {
    loop {
        let said = store.with_durability(durability(&mut random)).update("s", |speech: &mut Speech| {
            speech.text = format!("{} {name}", speech.id.generation() + 1);
            Ok(())
        });
        let speech = said.unwrap();
        note(format!("Speech {name} {}\n", speech.id.generation()));
    }
}

/// Checks all that is to be seen, again and again.
#[test]
fn reads() {
    let Some(words) = child() else { return };
    let store = match &*words[1] {
        "writable" => open(Path::new(&words[0])),
        _ => Store::builder().read_only().sqlite(&words[0]).unwrap(),
    };
    let mut last = BTreeMap::new();
    for looks in 0_u64.. {
        check(&store, &mut last);
        if looks % 16 == 1 {
            fs::write(&words[2], looks.to_string()).unwrap();
        }
    }
}

/// Nothing is half there, and nothing goes back.
fn check(store: &Store, last: &mut BTreeMap<String, u64>) {
    let found: Ledger = store.load("main").unwrap();
    // What a link leads to is a record of its own.
    let last_account = found.last.as_ref().map(|account| Account { balance: found.number as i64, ..account.clone() });
    assert_eq!(Ledger { last: last_account, ..found.clone() }, ledger(found.number), "half a container");
    let seen = store.snapshot(|snapshot| {
        let ids = (0..ACCOUNTS).map(|account| account.to_string());
        let sum: i64 = snapshot.load_many::<Account>(ids)?.iter().map(|account| account.balance).sum();
        let ledger: Ledger = snapshot.load("main")?;
        let newest: Speech = snapshot.load("s")?;
        let counts = snapshot.load_many::<Count>(snapshot.ids::<Count>()?)?;
        Ok((sum, ledger, newest, counts))
    });
    let (sum, found, newest, counts) = seen.unwrap();
    assert_eq!(found, ledger(found.number), "of two moments");
    assert_eq!(sum, ACCOUNTS as i64 * EACH, "at one moment");
    assert!(newest.text.starts_with(&format!("{} ", newest.id.generation())), "{newest:?}");
    let newest = ("newest".to_owned(), newest.id.generation());
    for (name, now) in counts.into_iter().map(|count| (count.id.to_string(), count.number)).chain([newest]) {
        let before = last.insert(name.clone(), now).unwrap_or_default();
        assert!(before <= now, "{name} went back from {before} to {now}");
    }
}

fn storm(rounds: usize, seed: u64) {
    let scratch = directory();
    let path = scratch.path().join("data.db");
    let store = open(&path);
    store.save_all((0..ACCOUNTS).map(|account| Account { id: account.to_string().into(), balance: EACH })).unwrap();
    store.save(&ledger(0)).unwrap();
    store.save(&Speech { id: "s.0".into(), text: "0 nobody".to_owned() }).unwrap();
    drop(store);

    let mut random = Random::new(seed);
    let notes = |writer: usize| scratch.path().join(format!("confirmed{writer}"));
    let at = path.to_str().unwrap();
    let writer = |number: usize, random: &mut Random| {
        let notes = notes(number);
        spawn("sqlite::writes", &[at, &number.to_string(), &random.next().to_string(), notes.to_str().unwrap()])
    };
    let looks = ["writable", "read-only"].map(|how| scratch.path().join(how));
    let mut readers = ["writable", "read-only"]
        .map(|how| spawn("sqlite::reads", &[at, how, scratch.path().join(how).to_str().unwrap()]));
    let noted = |writer: usize| fs::metadata(notes(writer)).map_or(0, |notes| notes.len());
    let mut writers: Vec<Child> = (0..WRITERS).map(|number| writer(number, &mut random)).collect();
    let mut begun = [0; WRITERS];
    for round in 0..rounds {
        // Sometimes all at once, so that nobody has the log open but the readers.
        let killed = if round % 5 == 4 { 0..WRITERS } else { round % WRITERS..round % WRITERS + 1 };
        // None is killed before it has come to write.
        while killed.clone().any(|number| noted(number) == begun[number])
            && writers.iter_mut().all(|writer| writer.try_wait().unwrap().is_none())
        {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_micros(random.below(30_000) as u64));
        for number in killed.clone() {
            end(&mut writers[number], "a writer");
        }
        if killed.len() == WRITERS {
            check_all(&path, &notes);
        }
        for number in killed {
            begun[number] = noted(number);
            writers[number] = writer(number, &mut random);
        }
    }
    writers.iter_mut().for_each(|writer| end(writer, "a writer"));
    // A reader is slow to begin on a busy machine: each gets to see something.
    while !looks.iter().all(|looks| looks.exists())
        && readers.iter_mut().all(|reader| reader.try_wait().unwrap().is_none())
    {
        thread::sleep(Duration::from_millis(1));
    }
    readers.iter_mut().for_each(|reader| end(reader, "a reader"));
    // Once as the last reader has left it, and once as it is after somebody has opened and closed it.
    for _ in 0..2 {
        check_all(&path, &notes);
        open(&path).close().unwrap();
    }
}

/// Kills a process, which must not have ended by itself.
fn end(process: &mut Child, what: &str) {
    process.kill().unwrap();
    let status = process.wait().unwrap();
    let mut said = String::new();
    if let Some(output) = &mut process.stderr {
        let _ = std::io::Read::read_to_string(output, &mut said);
    }
    assert_eq!(status.signal(), Some(9), "{what} ended by itself: {status}: {said}");
}

/// Checks that what was confirmed is there, and that the database and the records in it are sound.
fn check_all(path: &Path, notes: &dyn Fn(usize) -> PathBuf) {
    is_sound(path);
    let store = open(path);
    check(&store, &mut BTreeMap::new());
    let versions = store.versions::<Speech>("s").unwrap();
    assert!(versions.iter().map(Id::generation).eq(0..versions.len() as u64), "a generation is missing");
    let notes: String = (0..WRITERS).map(|writer| fs::read_to_string(notes(writer)).unwrap_or_default()).collect();
    for line in notes.lines() {
        let [what, name, number] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        let number: u64 = number.parse().unwrap();
        match what {
            // There may be more: each writer that was killed has not come to note its last.
            "Count" => continue,
            _ => {
                let speech: Speech = store.load(format!("s.{number}")).unwrap();
                assert_eq!(speech.text, format!("{number} {name}"), "another's generation has taken its place");
            }
        }
    }
    let mut confirmed: BTreeMap<&str, u64> = BTreeMap::new();
    for line in notes.lines().filter_map(|line| line.strip_prefix("Count ")) {
        let (name, number) = line.split_once(' ').unwrap();
        let most = confirmed.entry(name).or_default();
        *most = number.parse::<u64>().unwrap().max(*most);
    }
    for (name, confirmed) in confirmed {
        let stored = store.load::<Count>(name).unwrap().number;
        assert!(confirmed <= stored, "{name}: {confirmed} confirmed, {stored} stored");
    }
    let report = store.verify().run().unwrap();
    assert!(report.problems.is_empty(), "{:#?}", report.problems);
}

/// What SQLite itself says of it.
#[track_caller]
fn is_sound(path: &Path) {
    let database = rusqlite::Connection::open(path).unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    let said: String = database.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
    assert!(!database.prepare("PRAGMA foreign_key_check").unwrap().exists(()).unwrap());
}

#[test]
fn killed_at_random() {
    storm(15, 1);
}

#[test]
#[ignore = "minutes"]
fn killed_at_random_for_long() {
    let seed = seed();
    // Each in a database of its own, as what is checked grows with what was written.
    (0..60).for_each(|number| storm(50, seed + number));
}

fn seed() -> u64 {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    println!("seed {seed}");
    seed
}

/// Says that the work begins, to whoever waits for that to kill it.
fn begin() {
    println!("\nbegin");
    std::io::stdout().flush().unwrap();
}

/// Waits until a process has begun. It ends if nobody holds what is returned: the other end of what it says.
#[must_use]
fn begun(process: &mut Child) -> impl Sized + use<> {
    let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(said.by_ref().map_while(Result::ok).any(|line| line == "begin"), "it has not begun");
    said
}

/// Makes a store, and saves one object that is like any other's.
#[test]
fn makes() {
    let Some(words) = child() else { return };
    begin();
    let store = open(Path::new(&words[0]));
    store.save(&Count { id: words[1].as_str().into(), number: 1 }).unwrap();
    fs::write(&words[2], "").unwrap();
    loop {
        thread::park();
    }
}

fn makings(rounds: usize, seed: u64) {
    let mut random = Random::new(seed);
    for round in 0..rounds {
        let scratch = directory();
        let path = scratch.path().join("data.db");
        let confirmed = ["a", "b"].map(|name| scratch.path().join(format!("confirmed{name}")));
        // One alone, or two at once, of which one lives on.
        let names = if round % 2 == 0 { &["a"][..] } else { &["a", "b"] };
        let mut makers: Vec<Child> = names
            .iter()
            .zip(&confirmed)
            .map(|(name, confirmed)| {
                spawn("sqlite::makes", &[path.to_str().unwrap(), name, confirmed.to_str().unwrap()])
            })
            .collect();
        let _said: Vec<_> = makers.iter_mut().map(begun).collect();
        thread::sleep(Duration::from_micros(random.below(6000) as u64));
        end(&mut makers[0], "one that makes a store");
        if let Some(other) = makers.get_mut(1) {
            while !confirmed[1].exists() && other.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            end(other, "the other one");
        }
        let store = open(&path);
        for (name, confirmed) in ["a", "b"].iter().zip(&confirmed) {
            assert!(!confirmed.exists() || store.exists::<Count>(*name).unwrap(), "round {round}: {name} is lost");
        }
        store.save(&Count { id: "c".into(), number: 1 }).unwrap();
        assert!(store.verify().run().unwrap().problems.is_empty());
        is_sound(&path);
    }
}

#[test]
fn killed_while_it_is_made() {
    makings(10, 1);
}

#[test]
#[ignore = "a minute"]
fn killed_while_it_is_made_for_long() {
    makings(1000, seed());
}

/// Copies one store into another, and says when something has arrived.
#[test]
fn copies() {
    let Some(words) = child() else { return };
    let (from, to) = (Store::builder().read_only().open(&words[0]).unwrap(), open(Path::new(&words[1])));
    let mut has_begun = false;
    let copy = from.copy_to(&to).on_conflict(OnConflict::Keep).on_progress(|progress| {
        if progress.phase == "copy" && progress.done > 0 && !has_begun {
            has_begun = true;
            begin();
        }
    });
    copy.run().unwrap();
}

fn copyings(rounds: usize, seed: u64) {
    const RECORDS: u64 = 6000;
    let mut random = Random::new(seed);
    let scratch = directory();
    let source = scratch.path().join("files");
    let from = Store::builder().durability(Durability::Buffered).open(&source).unwrap();
    let text = |number: u64| "x".repeat((number % 100) as usize);
    from.save_all((0..RECORDS).map(|number| Speech { id: format!("{number}.0").into(), text: text(number) })).unwrap();
    let mut partial = 0;
    for round in 0..rounds {
        let path = scratch.path().join(format!("{round}.db"));
        let mut copier = spawn("sqlite::copies", &[source.to_str().unwrap(), path.to_str().unwrap()]);
        let _said = begun(&mut copier);
        thread::sleep(Duration::from_micros(random.below(300_000) as u64));
        // It may have come to its end.
        copier.kill().unwrap();
        let status = copier.wait().unwrap();
        assert!(status.signal() == Some(9) || status.success(), "{status}");
        is_sound(&path);
        let to = open(&path);
        let arrived = to.count::<Speech>().unwrap();
        println!("{arrived} had arrived");
        partial += usize::from(0 < arrived && arrived < RECORDS);
        for speech in to.iter::<Speech>().unwrap().map(Result::unwrap) {
            let number: u64 = speech.id.base().parse().unwrap();
            assert_eq!(speech.text, text(number));
        }
        assert!(to.verify().run().unwrap().problems.is_empty());
        // It goes on where it was.
        let report = from.copy_to(&to).run().unwrap();
        assert_eq!((report.added, report.equal), (RECORDS - arrived, arrived));
        assert_eq!(to.count::<Speech>().unwrap(), RECORDS);
        let again = from.copy_to(&to).run().map_err(|error| error.kind());
        assert_eq!(again.map(|report| report.added), Ok::<_, ErrorKind>(0));
    }
    println!("{partial} of {rounds} had copied a part");
}

#[test]
fn killed_while_a_copy_runs_into_it() {
    copyings(3, 1);
}

#[test]
#[ignore = "a minute"]
fn killed_while_a_copy_runs_into_it_for_long() {
    copyings(100, seed());
}
