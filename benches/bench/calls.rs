//! Which system calls each path makes, one after the other, as `strace` sees them.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sepia::{Durability, Id, Serializable, Store};

use super::Result;
use super::floor::{self, Directory, Folders, Log, buffer};
use super::ground::Fresh;
use super::objects::{Album, Cover, Folder, Index, IsFolder, Note, Notes};
use super::options::ALONE;

/// The subject of the process that is looked at.
pub(crate) const SUBJECT: &str = "calls";

/// Calls that say nothing about a path: memory, and waiting for another thread.
const LEFT_OUT: &[&str] = &["brk", "mmap", "munmap", "mremap", "madvise", "futex", "mprotect"];

/// Calls that name what they are about by a handle and a name, or by a handle alone.
const BY_NAME: &[&str] = &[
    "openat",
    "openat2",
    "newfstatat",
    "fstatat64",
    "faccessat",
    "faccessat2",
    "mkdirat",
    "unlinkat",
    "readlinkat",
    "statx",
];

/// How the process says which path begins: by asking for a file of this name.
const BEGIN: &str = "sepia-bench: ";

/// Longer than a handle writes without a pause before it lets others in, so that no path has these calls by chance.
const PAUSE: Duration = Duration::from_millis(100);

/// What a path is called, and the calls of one side.
pub(crate) type Calls = (String, String, Vec<String>);

/// Has a process do each path under `strace`, and returns its calls.
pub(crate) fn trace(directory: &Path) -> Result<Vec<Calls>> {
    let trace = directory.join("trace");
    fs::create_dir_all(directory)?;
    let status = Command::new("strace")
        .args(["-f", "-y", "-s", "200", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe()?)
        .args([ALONE, SUBJECT])
        .arg(directory)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("strace: {error}"))?;
    if !status.success() {
        return Err(format!("strace: {status}").into());
    }
    Ok(parse(&fs::read_to_string(trace)?))
}

/// Writes one line for each side of each path.
pub(crate) fn text(calls: &[Calls]) -> String {
    let mut text = String::new();
    for (path, side, calls) in calls {
        writeln!(text, "{path}\t{side}\t{}", folded(calls).join(", ")).expect("a string takes all");
    }
    text
}

fn parse(trace: &str) -> Vec<Calls> {
    let mut all: Vec<Calls> = Vec::new();
    let mut is_path = false;
    for line in trace.lines() {
        let Some((call, arguments)) = line.split_once(' ').and_then(|(_, call)| call.trim_start().split_once('('))
        else {
            continue;
        };
        if let Some((_, name)) = line.split_once(BEGIN) {
            let name = name.split('"').next().unwrap_or_default();
            is_path = !name.is_empty();
            if let Some((path, side)) = name.split_once(" by ") {
                all.push((path.to_owned(), side.to_owned(), Vec::new()));
            }
        } else if is_path && !LEFT_OUT.contains(&call) {
            let about = about(call, arguments);
            let call = call.trim_end_matches("64");
            let call = if about.is_empty() { call.to_owned() } else { format!("{call} {about}") };
            if let Some((_, _, calls)) = all.last_mut() {
                calls.push(call);
            }
        }
    }
    all
}

/// The most calls that are looked at as one group.
const GROUP: usize = 12;

/// Counts groups of calls that follow others like them.
fn folded(calls: &[String]) -> Vec<String> {
    let mut folded = Vec::new();
    let mut rest = calls;
    while let [first, ..] = rest {
        let times = |length: usize| rest.chunks(length).take_while(|group| *group == &rest[..length]).count();
        let longest = (1..=GROUP.min(rest.len())).map(|length| (length, times(length)));
        let (length, times) = longest
            .filter(|(_, times)| *times > 1)
            .max_by_key(|(length, times)| (length * times, *times))
            .unwrap_or((1, 1));
        folded.push(match (length, times) {
            (1, 1) => first.clone(),
            (1, times) => format!("{first} × {times}"),
            (_, times) => format!("({}) × {times}", rest[..length].join(", ")),
        });
        rest = &rest[length * times..];
    }
    folded
}

/// What a call is about, as a reader of the documentation calls it.
fn about(call: &str, arguments: &str) -> &'static str {
    let handle = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path);
    if arguments.contains("O_TMPFILE") {
        return "a new file";
    }
    let name = arguments.split('"').nth(1).filter(|_| BY_NAME.contains(&call)).unwrap_or_default();
    let path = Path::new(handle).join(name);
    let below: Vec<_> = path
        .components()
        .map(|component| component.as_os_str().to_str().unwrap_or_default())
        .skip_while(|component| !STORES.contains(component))
        .skip(1)
        .collect();
    match below[..] {
        _ if handle.is_empty() => "",
        [] => "store",
        [".sepia", file] if file.starts_with("state") => "state",
        [".sepia", file] if file.starts_with("journal") => "journal",
        [".sepia", ..] => "private",
        [".log"] => "log",
        [_] => "class",
        [.., name] if name.starts_with('#') || name == floor::UNFINISHED => "a new file",
        [.., "data.json"] => "data.json",
        ["Note" | "Draft", _] => "leaf",
        [_, _] => "container",
        [_, _, _] => "links",
        _ => "link",
    }
}

/// The directories that stores and floors are in.
const STORES: &[&str] = &["buffered", "durable", "floor"];

/// A leaf of a class that keeps generations.
#[derive(Serializable)]
#[sepia(generations)]
struct Draft {
    id: Id<Draft>,
    text: String,
}

/// Does each path in this process, and says before which it is.
pub(crate) fn alone(directory: &Path) -> Result<u64> {
    let marks = Directory::open(directory)?;
    let path = |name: &str, work: &mut dyn FnMut() -> Result| -> Result {
        std::thread::sleep(PAUSE);
        marks.exists(&format!("{BEGIN}{name}"))?;
        work()?;
        marks.exists(BEGIN)?;
        Ok(())
    };
    let store = Store::builder().durability(Durability::Buffered).open(directory.join("buffered"))?;
    leaves_by_sepia(&store, &path)?;
    folders_by_sepia(&store, &path)?;
    let durable = Store::builder().durability(Durability::Sync).open(directory.join("durable"))?;
    let notes: Vec<_> = (0..21).map(Note::numbered).collect();
    notes[..10].iter().try_for_each(|note| durable.save(note))?;
    path("durable leaf by sepia", &mut || Ok(durable.save(&notes[10])?))?;
    path("10 durable leaves in one transaction by sepia", &mut || Ok(durable.save_all(&notes[11..])?))?;
    by_floor(&directory.join("floor"), &path)?;
    Ok(0)
}

type Announced<'a> = dyn Fn(&str, &mut dyn FnMut() -> Result) -> Result + 'a;

fn leaves_by_sepia(store: &Store, path: &Announced<'_>) -> Result {
    let notes: Vec<_> = (0..=20).map(Note::numbered).collect();
    notes[..20].iter().try_for_each(|note| store.save(note))?;
    store.load::<Note>(&notes[0].id)?;
    path("new leaf by sepia", &mut || Ok(store.save(&notes[20])?))?;
    path("unchanged leaf by sepia", &mut || Ok(store.save(&notes[1])?))?;
    store.save(&notes[2].revised())?;
    let revised = notes[3].revised();
    path("overwritten leaf by sepia", &mut || Ok(store.save(&revised)?))?;
    path("load a leaf by sepia", &mut || Ok(store.load::<Note>(&notes[4].id).map(drop)?))?;
    path("is a leaf there? by sepia", &mut || Ok(store.exists(&notes[5].id).map(drop)?))?;
    path("list 21 ids by sepia", &mut || Ok(store.ids::<Note>().map(drop)?))?;
    let mut draft = Draft { id: Id::first("draft"), text: "It weaves algebraic patterns.".to_owned() };
    store.save(&draft)?;
    store.save_next(&mut draft)?;
    store.load::<Draft>("draft")?;
    path("load the newest generation by sepia", &mut || Ok(store.load::<Draft>("draft").map(drop)?))?;
    path("save the next generation by sepia", &mut || Ok(store.save_next(&mut draft)?))
}

fn folders_by_sepia(store: &Store, path: &Announced<'_>) -> Result {
    let mut index = Index::gathered("index", 10);
    store.save(&Index::gathered("other", 10))?;
    path("container of 10 links, new by sepia", &mut || Ok(store.save(&index)?))?;
    path("container of 10 links, load by sepia", &mut || Ok(store.load::<Index>("index").map(drop)?))?;
    path("container of 10 links, unchanged by sepia", &mut || Ok(store.save(&index)?))?;
    index.replace(5, &Note::numbered(15));
    path("container of 10 links, one change by sepia", &mut || Ok(store.save(&index)?))?;
    store.save(&Album::gathered("album", 10))?;
    path("container of 10 leaves, load by sepia", &mut || Ok(store.load::<Album>("album").map(drop)?))
}

fn by_floor(directory: &Path, path: &Announced<'_>) -> Result {
    let class = |name: &str| -> Result<Fresh<Directory>> {
        let path: PathBuf = directory.join(name);
        fs::create_dir_all(&path)?;
        Ok(Fresh::new(Directory::open(&path)?, path))
    };
    let notes: Vec<_> = (0..=20).map(Note::numbered).collect();
    let mut content = Vec::new();
    let folders = Folders { notes: class(Note::CLASS)?, folders: class(Index::CLASS)?.into_inner() };
    let class = &folders.notes;
    notes[..20].iter().try_for_each(|note| floor::make(class, note, &mut content))?;
    path("new leaf by floor", &mut || floor::make(class, &notes[20], &mut content))?;
    path("unchanged leaf by floor", &mut || floor::is_stored(class, &notes[1], &mut content).map(drop))?;
    let revised = notes[3].revised();
    path("overwritten leaf by floor", &mut || floor::replace(class, &revised, &mut content))?;
    path("load a leaf by floor", &mut || floor::read(class, &notes[4].id).map(drop))?;
    path("is a leaf there? by floor", &mut || Ok(class.exists(notes[5].id.as_str()).map(drop)?))?;
    path("list 21 ids by floor", &mut || class.names().map(drop))?;
    path("load the newest generation by floor", &mut || {
        class.read(notes[6].id.as_str(), &mut buffer())?;
        Ok(class.exists("note-999999").map(drop)?)
    })?;
    let log = Log::new(directory, 1 << 16)?;
    path("durable leaf by floor", &mut || {
        log.append(notes[7].encode(&mut content)?)?;
        Ok(class.make_bare("durable", &content)?)
    })?;
    path("10 durable leaves in one transaction by floor", &mut || {
        log.append(&[0; 4096])?;
        let make = |number| Ok(class.make_bare(&format!("together-{number}"), &content)?);
        (0..10).try_for_each(make)
    })?;
    let mut folder = Folder {
        id: "index".to_owned(),
        cover: Cover::numbered(0),
        notes: Notes::Linked(notes[..10].iter().map(|note| note.id.clone()).collect()),
    };
    path("container of 10 links, new by floor", &mut || folders.make(&folder))?;
    path("container of 10 links, load by floor", &mut || folders.load::<Index>(&"index".into()).map(drop))?;
    path("container of 10 links, unchanged by floor", &mut || folders.is_stored(&folder).map(drop))?;
    folder.notes.replace(5, &notes[15]);
    path("container of 10 links, one change by floor", &mut || folders.change(&folder))?;
    path("container of 10 leaves, load by floor", &mut || folders.load::<Album>(&"index".into()).map(drop))
}
