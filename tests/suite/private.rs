//! What an object's file does not show to other users, nothing else shows; and what a shared store shows to whom.
//!
//! Other users are processes that the superuser starts: for anybody else, these tests print `skipped`.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use sepia::{Container, Durability, ErrorKind, Id, Serializable, Shared, Store, StoreBuilder};
use tempfile::TempDir;

use crate::boards::{Postit, postit};
use crate::support::refused;

/// What nobody else may find anywhere.
const SECRET: &str = "the-word-that-nobody-else-may-see";

/// Somebody else, a member of the group of shared stores, who is in another group first, and that group.
const STRANGER: u32 = 65_534;
const MEMBER: u32 = 65_533;
const OWNER: u32 = 65_532;
const GROUP: u32 = 64_000;
const OTHER_GROUP: u32 = 64_001;

#[derive(Serializable, Debug, PartialEq)]
#[sepia(content = "text", generations)]
struct Draft {
    id: Id<Draft>,
    text: String,
}

#[derive(Container, Debug, PartialEq)]
struct Folder {
    id: Id<Folder>,
    title: String,
    folders: Vec<Folder>,
    notes: Vec<Postit>,
}

fn folder(id: &str, title: &str) -> Folder {
    Folder { id: id.into(), title: title.to_owned(), folders: Vec::new(), notes: vec![postit("in_a_folder", "")] }
}

/// A directory that other users may look into.
struct Ground {
    directory: TempDir,
}

impl Ground {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        set_mode(directory.path(), 0o755);
        Self { directory }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    /// A store in files, and one in a database, as URLs.
    fn urls(&self) -> [String; 2] {
        [format!("file:{}", self.path("store").display()), format!("sqlite:{}", self.path("data.db").display())]
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn open(url: &str) -> Store {
    Store::builder().open_url(url).unwrap()
}

/// The modes of everything below a directory, but for links, and of the directory.
fn modes(root: &Path) -> BTreeMap<String, u32> {
    let (mut found, mut left) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_symlink() {
            continue;
        }
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(path.to_str().unwrap().to_owned(), metadata.mode() & 0o7777);
    }
    found
}

/// Checks that nothing below a directory has other modes than these.
#[track_caller]
fn all_have(root: &Path, directories: u32, files: u32) {
    for (path, mode) in modes(root) {
        let expected = if Path::new(&path).is_dir() { directories } else { files };
        assert_eq!(format!("{mode:o}"), format!("{expected:o}"), "{path}");
    }
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("skipped: only the superuser can be others, too");
    }
    is_root
}

/// What another process does, and to which store.
const CHILD: &str = "SEPIA_TEST_AS_ANOTHER";

/// This program, where everybody can run it.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = PROGRAM.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        set_mode(directory.path(), 0o755);
        let program = directory.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        (directory, program)
    });
    program
}

/// Does something to a store as a user with a group, and the group of shared stores besides if they are a member.
fn run(user: u32, group: u32, is_member: bool, what: &str, url: &str) -> Output {
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
    match is_member {
        true => command.arg(format!("--groups={GROUP}")),
        false => command.arg("--clear-groups"),
    };
    command.arg(program()).args(["--exact", "private::acts_as_another", "--nocapture", "--include-ignored"]);
    command.env(CHILD, format!("{what}\n{url}")).output().unwrap()
}

/// The same, and it must succeed.
#[track_caller]
fn does(user: u32, group: u32, is_member: bool, what: &str, url: &str) {
    let output = run(user, group, is_member, what, url);
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && printed.contains("1 passed"), "{what} {url} as {user}:{group}: {printed}");
}

#[test]
#[ignore = "what other tests run as a process of its own"]
fn acts_as_another() {
    let Ok(words) = std::env::var(CHILD) else { return };
    let (what, url) = words.split_once('\n').unwrap();
    let reader = || Store::builder().read_only().open_url(url);
    let told = ["denied", "owner", "sepia init --shared"];
    match what {
        "make" => {
            let store = open(url);
            store.save(&postit("note", "made")).unwrap();
            store.save(&folder("folder", "made")).unwrap();
            store.save(&Draft { id: Id::first("draft"), text: "made".to_owned() }).unwrap();
            store.close().unwrap();
        }
        "make for the group" => {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
            let store = Store::builder().shared(Shared::Group).open_url(url).unwrap();
            store.save(&postit("note", "made")).unwrap();
            store.save(&folder("folder", "made")).unwrap();
            store.close().unwrap();
        }
        "read" => {
            let store = reader().unwrap();
            assert!(store.exists::<Postit>("note").unwrap());
            store.load::<Folder>("folder").unwrap();
        }
        "write" => {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
            let store = open(url);
            let mut folder: Folder = store.load("folder").unwrap();
            folder.title += "+";
            folder.folders.push(self::folder(&folder.title, "inner"));
            store.save(&folder).unwrap();
            store.overwrite(&postit("note", &folder.title)).unwrap();
            store.overwrite(&postit(&format!("new{}", folder.title), "")).unwrap();
            let draft = Draft { id: Id::first(format!("draft{}", folder.title)), text: String::new() };
            store.save(&draft).unwrap();
            store.close().unwrap();
        }
        "write a class" => {
            let store = open(url);
            store.delete::<Postit>("lonely").unwrap();
            store.save(&Draft { id: Id::first("later"), text: String::new() }).unwrap();
            store.close().unwrap();
        }
        "open" => {
            for opened in [reader(), Store::builder().open_url(url)] {
                refused(opened, ErrorKind::Io, &told[1..]);
            }
        }
        "only read" => {
            let store = reader().unwrap();
            assert!(store.exists::<Postit>("note").unwrap());
            let saved = Store::builder().open_url(url).and_then(|store| store.save(&postit("mine", "")));
            assert!(matches!(saved.unwrap_err().kind(), ErrorKind::ReadOnly | ErrorKind::Io));
        }
        "list around it" => {
            let store = reader().unwrap();
            let mut ids: Vec<String> = store.ids::<Folder>().unwrap().iter().map(ToString::to_string).collect();
            ids.sort();
            assert_eq!(ids, ["closed", "folder"]);
            store.load::<Folder>("folder").unwrap();
            refused(store.load::<Folder>("closed"), ErrorKind::Io, &["Folder/closed", "denied"]);
            let found = store.verify().run().unwrap();
            let places: Vec<&str> = found.problems.iter().map(|found| found.problem.path.as_str()).collect();
            assert_eq!(places, ["Folder/closed"]);
        }
        "leave nothing" => {
            refused(reader(), ErrorKind::Io, &["owner", "only while"]);
        }
        "share" => {
            let shared = Store::builder().shared(Shared::All).open_url(url);
            refused(shared, ErrorKind::Io, &["owner", "shared"]);
        }
        "keep a secret" => {
            let store = Store::builder().open_url(url).unwrap();
            store.save(&postit("note", SECRET)).unwrap();
            store.save(&postit("other", SECRET)).unwrap();
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
        }
        _ => panic!("{what:?} is nothing to do"),
    }
}

/// The files below a path in which a user finds the word.
fn found_by(user: u32, path: &Path) -> String {
    let mut grep = Command::new("grep");
    grep.arg("-rlaF").arg(SECRET).arg(path).uid(user).gid(user);
    String::from_utf8(grep.output().unwrap().stdout).unwrap()
}

/// The journal of a store whose objects' files others could not read had their content for all to read.
#[test]
fn what_an_objects_file_does_not_show_nothing_else_shows() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    for url in ground.urls() {
        let place = PathBuf::from(url.split_once(':').unwrap().1);
        let is_files = url.starts_with("file");
        let hide = |id: &str| {
            if is_files {
                set_mode(&place.join("Postit").join(id), 0o600);
            }
        };
        let store = open(&url);
        for id in ["note", "other"] {
            store.save(&postit(id, "nothing yet")).unwrap();
            hide(id);
        }
        // While it is written, and kept open, in each way in which it can be.
        for durability in [Durability::Buffered, Durability::Sync] {
            let store = Store::builder().durability(durability).open_url(&url).unwrap();
            store.overwrite(&postit("note", &format!("{SECRET} {durability:?}"))).unwrap();
            store
                .transaction(|tx| {
                    tx.overwrite(&postit("note", &format!("{SECRET} {durability:?} 2")))?;
                    tx.overwrite(&postit("other", SECRET))
                })
                .unwrap();
            assert_eq!(found_by(STRANGER, ground.directory.path()), "", "{url}, open");
            store.close().unwrap();
            assert_eq!(found_by(STRANGER, ground.directory.path()), "", "{url}, closed");
        }
        drop(store);
        // What a killed one leaves.
        let killed = run(0, 0, false, "keep a secret", &url);
        assert_eq!(killed.status.signal(), Some(9));
        assert_eq!(found_by(STRANGER, ground.directory.path()), "", "{url}, killed");
        assert!(!found_by(0, &place).is_empty(), "there is nothing to be found in {url}");
        if is_files {
            assert_eq!(fs::read_to_string(place.join("Postit/note")).unwrap(), SECRET);
            assert_eq!(mode(&place.join("Postit/note")), 0o600);
        }
        let store = open(&url);
        for to in ["backup.tar", "backup.jsonl"] {
            let to = ground.path(to);
            match to.extension().unwrap().to_str() {
                Some("tar") => drop(store.backup().to_file(&to).unwrap()),
                _ => drop(store.export().to_file(&to).unwrap()),
            }
            assert_eq!(mode(&to), 0o600, "{to:?}");
            fs::remove_file(to).unwrap();
        }
        store.close().unwrap();
        let _ = if is_files { fs::remove_dir_all(place) } else { fs::remove_file(place) };
    }
}

/// What was deleted was still in the journal of a store that was closed.
#[test]
fn a_checkpoint_leaves_no_content_behind() {
    for durability in [Durability::Buffered, Durability::Sync] {
        let ground = Ground::new();
        let store = Store::builder().durability(durability).open(ground.path("store")).unwrap();
        store.save_all(&[postit("a", SECRET), postit("b", SECRET)]).unwrap();
        store.overwrite(&postit("a", &format!("{SECRET}, more"))).unwrap();
        store.transaction(|tx| tx.delete::<Postit>("a").and_then(|_| tx.delete::<Postit>("b"))).unwrap();
        store.close().unwrap();
        for path in modes(&ground.path("store")).into_keys().filter(|path| Path::new(path).is_file()) {
            let content = fs::read(&path).unwrap();
            assert!(!content.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{durability:?}: {path}");
        }
    }
}

/// By umask, a store that was made for a group by habit would be open to it, and one that was made for all to all.
#[test]
fn a_private_store_is_private_whatever_the_umask_says() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    // The umask is that of the process: another one has it.
    for umask in ["000", "002", "777"] {
        let place = ground.path(umask);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("umask {umask} && exec \"$0\" \"$@\"")).arg(program());
        shell.args(["--exact", "private::acts_as_another", "--nocapture", "--include-ignored"]);
        shell.env(CHILD, format!("make\nfile:{}", place.display()));
        assert!(shell.output().unwrap().status.success(), "{umask}");
        all_have(&place.join(".sepia"), 0o700, 0o600);
        let database = ground.path(&format!("{umask}.db"));
        shell.env(CHILD, format!("make\nsqlite:{}", database.display()));
        assert!(shell.output().unwrap().status.success(), "{umask}");
        assert_eq!(mode(&database), 0o600);
    }
    // Objects are as ever.
    assert_eq!(mode(&ground.path("000/Postit/note")), 0o666);
    assert_eq!(mode(&ground.path("002/Folder/folder")), 0o775);
}

/// Of a store that an earlier version has made, or git, or a copy.
#[test]
fn what_is_open_becomes_private_when_its_owner_writes() {
    let ground = Ground::new();
    let place = ground.path("store");
    let store = Store::open(&place).unwrap();
    store.save(&folder("folder", "")).unwrap();
    store.save(&Draft { id: Id::first("draft"), text: String::new() }).unwrap();
    store.close().unwrap();
    fs::create_dir_all(place.join(".sepia/conflicts/7/Postit")).unwrap();
    fs::write(place.join(".sepia/conflicts/7/Postit/note"), SECRET).unwrap();
    for (path, mode) in modes(&place.join(".sepia")) {
        set_mode(Path::new(&path), if Path::new(&path).is_dir() { 0o777 } else { mode | 0o066 });
    }
    let objects = modes(&place.join("Folder"));
    // A reader changes nothing.
    let before = modes(&place);
    drop(Store::builder().read_only().open(&place).unwrap());
    assert_eq!(modes(&place), before);
    drop(Store::open(&place).unwrap());
    all_have(&place.join(".sepia"), 0o700, 0o600);
    assert_eq!(modes(&place.join("Folder")), objects);
    // And databases.
    let place = ground.path("data.db");
    let store = Store::sqlite(&place).unwrap();
    for name in ["data.db", "data.db-wal", "data.db-shm"] {
        set_mode(&ground.path(name), 0o666);
    }
    drop(Store::builder().read_only().sqlite(&place).unwrap());
    assert_eq!(mode(&place), 0o666);
    let second = Store::sqlite(&place).unwrap();
    for name in ["data.db", "data.db-wal", "data.db-shm"] {
        assert_eq!(mode(&ground.path(name)), 0o600, "{name}");
    }
    drop((store, second));
}

/// It may belong elsewhere.
#[test]
fn what_has_a_name_outside_the_store_keeps_its_mode() {
    let ground = Ground::new();
    let outside = ground.path("outside");
    fs::write(&outside, "not Sepia's").unwrap();
    set_mode(&outside, 0o644);
    let place = ground.path("store");
    let store = Store::open(&place).unwrap();
    store.save(&postit("note", "")).unwrap();
    store.close().unwrap();
    for name in [".sepia/conflicts/here", "Postit/here"] {
        let linked = place.join(name);
        fs::create_dir_all(linked.parent().unwrap()).unwrap();
        fs::hard_link(&outside, &linked).unwrap();
        set_mode(&place.join(".sepia"), 0o755);
        drop(Store::open(&place));
        assert_eq!((name, mode(&outside)), (name, 0o644));
        assert_eq!(mode(&place.join(".sepia")), 0o700);
        refused(share(place.to_str().unwrap(), Shared::Group), ErrorKind::Io, &["set the permissions", name, "links"]);
        assert_eq!((name, mode(&outside)), (name, 0o644));
        fs::remove_file(&linked).unwrap();
        fs::remove_dir_all(&place).unwrap();
        Store::open(&place).unwrap().save(&postit("note", "")).unwrap();
    }
}

#[test]
fn who_may_not_open_a_store_is_told_why_and_what_to_do() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    for url in ground.urls() {
        let store = open(&url);
        store.save(&postit("note", "")).unwrap();
        does(STRANGER, STRANGER, false, "open", &url);
        store.close().unwrap();
        does(STRANGER, STRANGER, false, "open", &url);
        // Also those who are in its group.
        does(MEMBER, OTHER_GROUP, true, "open", &url);
    }
}

/// One container that others cannot look into had its class refused to them as a whole, by an error that named neither.
#[test]
fn a_container_that_others_cannot_open_is_named_and_hides_no_other() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    let path = ground.path("store");
    let store = Store::builder().shared(Shared::All).open(&path).unwrap();
    store.save(&folder("folder", "")).unwrap();
    store.save(&folder("closed", "")).unwrap();
    store.close().unwrap();
    set_mode(&path.join("Folder/closed"), 0o700);
    does(STRANGER, STRANGER, false, "list around it", &ground.urls()[0]);
}

/// What is to be shared with a group: in a directory that hands its group on, and in one that does not.
#[test]
fn a_shared_store_is_for_its_group() {
    if !is_root() {
        return;
    }
    for directory in [0o2770, 0o770] {
        let ground = Ground::new();
        for url in ground.urls() {
            let place = PathBuf::from(url.split_once(':').unwrap().1);
            let parent = ground.path("parent");
            fs::create_dir_all(&parent).unwrap();
            chown(&parent, Some(OWNER), Some(GROUP)).unwrap();
            set_mode(&parent, directory);
            set_mode(ground.directory.path(), 0o755);
            let url = url.replace(place.to_str().unwrap(), parent.join(place.file_name().unwrap()).to_str().unwrap());
            let place = parent.join(place.file_name().unwrap());
            does(OWNER, GROUP, false, "make for the group", &url);
            for _ in 0..2 {
                does(MEMBER, OTHER_GROUP, true, "read", &url);
                does(OWNER, GROUP, false, "write", &url);
                does(MEMBER, OTHER_GROUP, true, "write", &url);
                does(MEMBER, OTHER_GROUP, true, "read", &url);
                does(OWNER, GROUP, false, "read", &url);
            }
            does(MEMBER, OTHER_GROUP, true, "share", &url);
            if url.starts_with("file") {
                all_have(&place, 0o2770, 0o660);
                for path in modes(&place).keys() {
                    assert_eq!(fs::symlink_metadata(path).unwrap().gid(), GROUP, "{path}");
                }
            } else {
                assert_eq!(mode(&place), 0o660);
            }
            set_mode(&parent, 0o755);
            if url.starts_with("file") {
                // As a wider umask would have made it.
                set_mode(&place, 0o2775);
            }
            does(STRANGER, STRANGER, false, "open", &url);
        }
    }
}

/// Who only looked, in a directory that does not hand its group on, left files by which the owner could not write.
#[test]
fn a_member_of_the_group_who_looks_on_does_not_lock_the_owner_out() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    let parent = ground.path("parent");
    fs::create_dir(&parent).unwrap();
    chown(&parent, Some(OWNER), Some(GROUP)).unwrap();
    set_mode(&parent, 0o770);
    let url = format!("sqlite:{}", parent.join("data.db").display());
    does(OWNER, GROUP, false, "make for the group", &url);
    assert!(!parent.join("data.db-wal").exists());
    does(MEMBER, OTHER_GROUP, true, "read", &url);
    for name in ["data.db-wal", "data.db-shm"] {
        let left = fs::metadata(parent.join(name)).unwrap();
        assert_eq!((left.uid(), left.gid(), left.mode() & 0o777), (MEMBER, GROUP, 0o660), "{name}");
    }
    does(OWNER, GROUP, false, "write", &url);
    does(MEMBER, OTHER_GROUP, true, "write", &url);
}

/// Everybody may write the directory, and not the database.
#[test]
fn who_may_only_read_a_database_leaves_nothing_that_locks_its_owner_out() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    let parent = ground.path("parent");
    fs::create_dir(&parent).unwrap();
    set_mode(&parent, 0o1777);
    let url = format!("sqlite:{}", parent.join("data.db").display());
    let store = Store::builder().shared(Shared::All).open_url(&url).unwrap();
    store.save(&postit("note", "")).unwrap();
    does(STRANGER, STRANGER, false, "only read", &url);
    store.close().unwrap();
    does(STRANGER, STRANGER, false, "leave nothing", &url);
    assert_eq!(fs::read_dir(&parent).unwrap().count(), 1);
    open(&url).save(&postit("note", "")).unwrap();
}

#[test]
fn a_store_that_is_shared_with_all_is_read_by_all() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    for url in ground.urls() {
        let store = Store::builder().shared(Shared::All).open_url(&url).unwrap();
        store.save(&postit("note", "")).unwrap();
        does(STRANGER, STRANGER, false, "only read", &url);
        assert!(store.backend().is_shared() && open(&url).backend().is_shared());
        // What is made from it is as open as any new file.
        store.backup().to_file(ground.path("backup.tar")).unwrap();
        fs::write(ground.path("any"), "").unwrap();
        assert_eq!(mode(&ground.path("backup.tar")), mode(&ground.path("any")));
        store.close().unwrap();
    }
    does(STRANGER, STRANGER, false, "only read", &ground.urls()[0]);
    all_have(&ground.path("store"), 0o2775, 0o664);
}

/// All options of a store that is there, but for the one.
fn share(url: &str, shared: Shared) -> sepia::Result<Store> {
    StoreBuilder::default().shared(shared).open_url(url)
}

#[test]
fn a_store_that_is_there_can_be_shared() {
    let ground = Ground::new();
    let [url, database] = ground.urls();
    let place = ground.path("store");
    let store = open(&url);
    store.save(&folder("folder", "")).unwrap();
    store.save(&Draft { id: Id::first("draft"), text: String::new() }).unwrap();
    fs::write(place.join("Postit/.foreign"), "").unwrap();
    for path in ["Postit/in_a_folder", "Folder/folder/data.json", "Postit/.foreign"] {
        set_mode(&place.join(path), 0o600);
    }
    refused(Store::builder().read_only().shared(Shared::Group).open_url(&url), ErrorKind::ReadOnly, &["reading"]);
    share(&url, Shared::Group).unwrap();
    // Another handle knows, too, once it commits.
    store.save(&postit("later", "")).unwrap();
    let has = |bits: u32, except: &[&str]| {
        for (path, mode) in modes(&place) {
            if !except.iter().any(|except| path.ends_with(except)) {
                let needed = if Path::new(&path).is_dir() { bits | 0o2110 } else { bits };
                assert_eq!(mode & needed, needed, "{path}: {mode:o}");
            }
        }
    };
    has(0o660, &[".foreign"]);
    all_have(&place.join(".sepia"), 0o2770, 0o660);
    assert_eq!(mode(&place.join("Postit/.foreign")), 0o600);
    let text = fs::read_to_string(place.join(".sepia/format.json")).unwrap();
    assert!(text.contains("\"shared\": \"group\""), "{text}");
    // Who dies in between has written the setting first, and the private directory gets its mode last.
    set_mode(&place.join(".sepia"), 0o700);
    set_mode(&place.join(".sepia/state"), 0o600);
    set_mode(&place.join("Postit/in_a_folder"), 0o600);
    drop(open(&url));
    has(0o660, &[".foreign"]);
    share(&url, Shared::All).unwrap();
    all_have(&place.join(".sepia"), 0o2775, 0o664);
    // Once it is done, what a hand takes back stays so.
    set_mode(&place.join("Postit/in_a_folder"), 0o600);
    share(&url, Shared::All).unwrap();
    assert_eq!(mode(&place.join("Postit/in_a_folder")), 0o600);
    assert_eq!(store.verify().run().unwrap().problems, []);

    let store = open(&database);
    store.save(&postit("note", "")).unwrap();
    refused(Store::builder().read_only().shared(Shared::Group).open_url(&database), ErrorKind::ReadOnly, &["shared"]);
    share(&database, Shared::Group).unwrap();
    for name in ["data.db", "data.db-wal", "data.db-shm"] {
        assert_eq!(mode(&ground.path(name)), 0o660, "{name}");
    }
    assert!(store.backend().is_shared());
    drop(store);
    set_mode(&ground.path("data.db"), 0o600);
    drop(open(&database));
    assert_eq!(mode(&ground.path("data.db")), 0o660);
}

#[test]
fn a_directory_that_is_adopted_can_be_shared() {
    let ground = Ground::new();
    fs::create_dir_all(ground.path("store/Note")).unwrap();
    fs::write(ground.path("store/Note/milk"), "").unwrap();
    let store = Store::builder().adopt_existing().shared(Shared::Group).open(ground.path("store")).unwrap();
    store.close().unwrap();
    for path in ["store", "store/Note", "store/Note/milk"] {
        assert_eq!(mode(&ground.path(path)) & 0o660, 0o660, "{path}");
    }
}

/// The superuser left files in the private directory that the owner could not read.
#[test]
fn the_superuser_locks_no_owner_out() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    let home = ground.path("home");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(OWNER), Some(GROUP)).unwrap();
    for url in [format!("file:{}", home.join("store").display()), format!("sqlite:{}", home.join("data.db").display())]
    {
        does(OWNER, GROUP, false, "make", &url);
        let store = open(&url);
        let place = home.join("store");
        if url.starts_with("file") {
            set_mode(&place.join("Postit/note"), 0o640);
        }
        // A class, hints, and an object that is there.
        let draft = Draft { id: Id::first("by_root"), text: String::new() };
        store.save(&draft).unwrap();
        store.save(&postit("lonely", "")).unwrap();
        store.overwrite(&postit("note", "changed")).unwrap();
        let mut batch = sepia::batch::Batch::new();
        batch.declare(&sepia::class::Class::serializable("New", sepia::class::Format::Text)).unwrap();
        store.backend().commit(batch).unwrap();
        store.close().unwrap();
        if url.starts_with("file") {
            let note = fs::metadata(place.join("Postit/note")).unwrap();
            assert_eq!((note.uid(), note.gid(), note.mode() & 0o777), (OWNER, GROUP, 0o640));
            for path in modes(&place.join(".sepia")).keys() {
                assert_eq!(fs::metadata(path).unwrap().uid(), OWNER, "{path}");
            }
            all_have(&place.join(".sepia"), 0o700, 0o600);
        }
        does(OWNER, GROUP, false, "write a class", &url);
    }
}

/// A file that took another's place had its mode, and let another group in by that.
#[test]
fn a_file_keeps_its_group_or_lets_no_other_in() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    let store = Store::open(ground.path("store")).unwrap();
    store.save(&postit("note", "")).unwrap();
    let note = ground.path("store/Postit/note");
    chown(&note, Some(0), Some(GROUP)).unwrap();
    for (permissions, text) in [(0o640, "1"), (0o444, "2"), (0o604, "3")] {
        set_mode(&note, permissions);
        store.overwrite(&postit("note", text)).unwrap();
        assert_eq!((mode(&note), fs::metadata(&note).unwrap().gid()), (permissions, GROUP));
    }
    // Who is not in that group can give the file to none of its members.
    let home = ground.path("home");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(OWNER), Some(OTHER_GROUP)).unwrap();
    let url = format!("file:{}", home.join("store").display());
    does(OWNER, OTHER_GROUP, false, "make", &url);
    let note = home.join("store/Postit/note");
    chown(&note, Some(OWNER), Some(GROUP)).unwrap();
    set_mode(&note, 0o660);
    does(OWNER, OTHER_GROUP, false, "write", &url);
    assert_eq!((mode(&note), fs::metadata(&note).unwrap().gid()), (0o600, OTHER_GROUP));
}
