//! Several handles and processes.

use super::*;

#[test]
fn who_waits_too_long_is_told_so_and_a_dead_holder_is_none() {
    let file = InFile::new();
    file.store.save(&postit("a", "1")).unwrap();
    let hasty = Store::builder().lock_timeout(Duration::from_millis(30)).sqlite(&file.path).unwrap();
    let mut holder = child("sharing::hold", &file.path).stdin(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.into_iter().any(|line| line.ends_with("held")), "the process has not begun");
    refused(hasty.save(&postit("a", "2")), ErrorKind::Locked, &["data.db", "30ms"]);
    refused(hasty.clone().close(), ErrorKind::Locked, &["data.db"]);
    // Readers do not wait, and do not see what is not committed.
    assert_eq!(hasty.load::<Postit>("a").unwrap().text, "1");
    holder.kill().unwrap();
    holder.wait().unwrap();
    hasty.overwrite(&postit("a", "2")).unwrap();
    assert_eq!(file.store.load::<Postit>("a").unwrap().text, "2");
    refused(hasty.load::<Postit>("held"), ErrorKind::NotFound, &["held"]);
}

#[test]
#[ignore = "what other tests run as a process of its own"]
fn hold() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let backend = Sqlite::open(path, &OpenOptions::default()).unwrap();
    let _lock = backend.lock().unwrap();
    // It has written something, too.
    backend.upkeep().set_aside(&key("Postit", "held"), &leaf("x")).unwrap();
    println!("held");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn who_follows_is_told_what_others_commit() {
    let file = InFile::new();
    let (backend, other) = (file.backend(), file.backend());
    put(&other, &key("Leaf", "before"), leaf("1")).unwrap();
    let mut track = backend.track().unwrap();
    let mut second = other.track().unwrap();
    assert_eq!(track.changed().unwrap(), Some(vec![]));
    put(&other, &key("Leaf", "a"), leaf("1")).unwrap();
    put(&backend, &key("Leaf", "b"), leaf("1")).unwrap();
    put(&other, &key("Leaf", "a"), leaf("1")).unwrap();
    assert_eq!(track.changed().unwrap(), Some(vec![key("Leaf", "a"), key("Leaf", "b")]));
    assert_eq!(track.changed().unwrap(), Some(vec![]));
    assert_eq!(second.changed().unwrap(), Some(vec![key("Leaf", "a"), key("Leaf", "b")]));
    drop(second);
    put(&other, &key("Leaf", "c"), leaf("1")).unwrap();
    assert_eq!(track.changed().unwrap(), Some(vec![key("Leaf", "c")]));
    drop(track);
    // Nobody follows any more, and nothing is noted.
    put(&other, &key("Leaf", "d"), leaf("1")).unwrap();
    assert_eq!(column(&file.sql(), "SELECT id FROM change"), [""; 0]);
}

#[test]
fn who_was_killed_while_following_costs_no_more_than_so_much() {
    let file = InFile::new();
    let backend = file.backend();
    put(&backend, &key("Leaf", "a"), leaf("1")).unwrap();
    let sql = file.sql();
    sql.execute("INSERT INTO follower VALUES (1)", ()).unwrap();
    let mut track = backend.track().unwrap();
    put(&backend, &key("Leaf", "a"), leaf("2")).unwrap();
    sql.execute("UPDATE change SET number = 99999", ()).unwrap();
    put(&backend, &key("Leaf", "b"), leaf("2")).unwrap();
    assert_eq!(column(&sql, "SELECT number FROM change"), ["Integer(99999)", "Integer(100000)"]);
    put(&backend, &key("Leaf", "c"), leaf("2")).unwrap();
    assert_eq!(column(&sql, "SELECT number FROM change"), [""; 0]);
    put(&backend, &key("Leaf", "d"), leaf("2")).unwrap();
    assert_eq!(column(&sql, "SELECT number FROM follower"), [""; 0]);
    // Whoever lives is told that it was forgotten, and follows anew.
    assert_eq!(track.changed().unwrap(), None);
    assert_eq!(track.changed().unwrap(), Some(vec![]));
    put(&backend, &key("Leaf", "e"), leaf("2")).unwrap();
    assert_eq!(track.changed().unwrap(), Some(vec![key("Leaf", "e")]));
}

#[test]
fn a_reader_keeps_writers_off_and_writes_nothing() {
    let file = InFile::new();
    let mut options = OpenOptions::default();
    options.lock_timeout = Duration::from_millis(30);
    let writer = Sqlite::open(&file.path, &options).unwrap();
    put(&writer, &key("Leaf", "a"), leaf("1")).unwrap();
    options.read_only = true;
    let reader = Sqlite::open(&file.path, &options).unwrap();
    let mut track = reader.track().unwrap();
    assert_eq!(track.changed().unwrap(), Some(vec![]));
    refused(put(&reader, &key("Leaf", "a"), leaf("2")), ErrorKind::ReadOnly, &["data.db"]);
    refused(reader.upkeep().set_aside(&key("Leaf", "a"), &leaf("2")), ErrorKind::ReadOnly, &["data.db"]);
    refused(reader.checkpoint(), ErrorKind::ReadOnly, &["data.db"]);
    let lock = reader.lock().unwrap();
    let moment = reader.moment().unwrap();
    refused(put(&writer, &key("Leaf", "a"), leaf("2")), ErrorKind::Locked, &["data.db", "30ms"]);
    assert_eq!(reader.read(&key("Leaf", "a")).unwrap(), Some(leaf("1")));
    assert_eq!(reader.moment().unwrap(), moment);
    refused(lock.commit(Batch::new()), ErrorKind::ReadOnly, &["data.db"]);
    assert_eq!(track.changed().unwrap(), Some(vec![]));
    let held = writer.lock().unwrap();
    refused(reader.lock(), ErrorKind::Locked, &["data.db", "30ms"]);
    drop(held);
    put(&writer, &key("Leaf", "a"), leaf("2")).unwrap();
    assert_eq!(reader.read(&key("Leaf", "a")).unwrap(), Some(leaf("2")));
    assert_ne!(reader.moment().unwrap(), moment);
    assert_eq!(track.changed().unwrap(), None);
}

/// Somebody who may not write cannot keep writers off either.
#[test]
fn a_reader_who_may_not_write_sees_one_state_under_its_lock() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let file = InFile::new();
    put(&file.backend(), &key("Leaf", "a"), leaf("1")).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(file.directory.path(), 0o755);
    drop(Store::builder().shared(Shared::All).sqlite(&file.path).unwrap());
    // The program is copied to where anybody may run it.
    let program = file.directory.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(&program);
    command.args(["sqlite::sharing::look_on", "--exact", "--ignored", "--nocapture"]).env(CHILD, &file.path);
    let mut child = command.uid(65534).gid(65534).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with("held")), "the process has not begun");
    put(&file.backend(), &key("Leaf", "a"), leaf("2")).unwrap();
    child.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
}

#[test]
#[ignore = "what other tests run as a process of its own"]
fn look_on() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let mut options = OpenOptions::default();
    options.read_only = true;
    let reader = Sqlite::open(path, &options).unwrap();
    let lock = reader.lock().unwrap();
    let moment = reader.moment().unwrap();
    println!("held");
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let (a, read) = (key("Leaf", "a"), |reader: &Sqlite| reader.read(&key("Leaf", "a")).unwrap());
    assert_eq!(read(&reader), Some(leaf("1")));
    assert_eq!(reader.moment().unwrap(), moment);
    // Other threads see what is, and no moment that it could be taken for.
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            assert_eq!(read(&reader), Some(leaf("2")));
            assert_ne!(reader.moment().unwrap(), reader.moment().unwrap());
            let (_, seal) = reader.read_sealed(&a).unwrap();
            assert!(!reader.is_intact(&mut [(&a, &seal)].into_iter()).unwrap());
        });
        other.join().unwrap();
    });
    drop(lock);
    assert_eq!(read(&reader), Some(leaf("2")));
    assert_ne!(reader.moment().unwrap(), moment);
}

#[test]
fn ids_are_listed_while_others_come_and_go() {
    let file = InFile::new();
    let backend = file.backend();
    let mut batch = Batch::new();
    batch.declare(&Class::serializable("Leaf", Format::Bytes)).unwrap();
    for number in 0..5000 {
        batch.put(key("Leaf", &format!("{number:04}")), leaf("x"), Expect::Any);
    }
    backend.commit(batch).unwrap();
    let mut listed = Vec::new();
    let each = &mut |id: &str| {
        if listed.len() == 1500 {
            let mut batch = Batch::new();
            batch.delete(key("Leaf", "1600"), Expect::Present);
            batch.delete(key("Leaf", "4000"), Expect::Present);
            batch.put(key("Leaf", "4000 a"), leaf("x"), Expect::Absent);
            backend.commit(batch).unwrap();
        }
        listed.push(id.to_owned());
        ControlFlow::Continue(())
    };
    backend.ids("Leaf", each).unwrap();
    assert!(listed.is_sorted());
    let staying = (0..5000).map(|number| format!("{number:04}")).filter(|id| id != "1600" && id != "4000");
    let listed: BTreeSet<_> = listed.into_iter().collect();
    assert!(staying.into_iter().all(|id| listed.contains(&id)));
    assert!(!listed.contains("4000") && listed.contains("4000 a"));
}
