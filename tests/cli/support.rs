//! A directory with a store, and the command in it.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use sepia::{Container, Id, Ref, Serializable, Store};

/// A note on a board; its history is kept.
#[derive(Serializable, Debug, PartialEq)]
#[sepia(content = "text", generations)]
pub(crate) struct Postit {
    pub(crate) id: Id<Postit>,
    pub(crate) text: String,
}

#[derive(Container, Debug, PartialEq)]
pub(crate) struct Board {
    pub(crate) id: Id<Board>,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) boards: Vec<Board>,
    pub(crate) postits: Vec<Ref<Postit>>,
    pub(crate) next: Option<Ref<Board>>,
}

/// A picture of a board.
#[derive(Serializable, Debug, PartialEq)]
#[sepia(content = "bytes")]
pub(crate) struct Photo {
    pub(crate) id: Id<Photo>,
    pub(crate) bytes: Vec<u8>,
}

/// How a board looks.
#[derive(Serializable, Debug, PartialEq)]
pub(crate) struct Theme {
    pub(crate) id: Id<Theme>,
    pub(crate) colour: String,
    pub(crate) size: u128,
}

/// Pins what a person sees. `SNAPSHOTS=overwrite` writes it into the test: read it before you commit it.
#[track_caller]
pub(crate) fn shows(actual: impl fmt::Display, expected: impl Into<snapbox::Data>) {
    snapbox::Assert::new()
        .action_env(snapbox::assert::DEFAULT_ACTION_ENV)
        .eq(actual.to_string(), expected.into().raw());
}

pub(crate) fn board(id: &str, name: &str) -> Board {
    Board {
        id: id.into(),
        name: name.to_owned(),
        description: None,
        tags: Vec::new(),
        boards: Vec::new(),
        postits: Vec::new(),
        next: None,
    }
}

/// The moment at which every file of the store was made.
const MADE: Duration = Duration::from_secs(1_768_473_000); // 2026-01-15T10:30:00Z

pub(crate) struct Sandbox {
    directory: tempfile::TempDir,
}

impl Sandbox {
    /// A directory with nothing in it.
    pub(crate) fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// A directory with the store `data`: two boards that lead to each other, one nested in one of them, postits with
    /// three and one generations, a photo and a theme.
    pub(crate) fn new() -> Self {
        let sandbox = Self::empty();
        let store = sandbox.store();
        let mut postit = Postit { id: Id::first("report"), text: "Write the report\n".to_owned() };
        store.save(&postit).unwrap();
        for text in ["Write the report\nby Thursday\n", "Write the report\nby Friday\nand send it\n"] {
            postit.text = text.to_owned();
            store.save_next(&mut postit).unwrap();
        }
        let review = Postit { id: Id::first("review"), text: "Review the parser".to_owned() };
        store.save(&review).unwrap();
        let mut project = board("project_x", "Project X");
        project.postits = vec![Ref::to(&review)];
        let mut work = board("work", "Work");
        work.description = Some("What has to be done".to_owned());
        work.tags = vec!["daily".to_owned(), "shared".to_owned()];
        work.boards = vec![project];
        work.postits = vec![Ref::latest(&postit)];
        work.next = Some(Ref::new("home"));
        let mut home = board("home", "Home");
        home.next = Some(Ref::new("work"));
        store.save(&work).unwrap();
        store.save(&home).unwrap();
        store.save(&Photo { id: "wall".into(), bytes: vec![0x89, b'P', b'N', b'G', 0, 255] }).unwrap();
        store.save(&Theme { id: "dark".into(), colour: "black".to_owned(), size: u128::MAX }).unwrap();
        store.close().unwrap();
        sandbox.set_times();
        sandbox
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(self.path("data")).unwrap()
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    pub(crate) fn write(&self, below: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(below), content).unwrap();
    }

    pub(crate) fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    /// Makes everything in the store as old as it shall look.
    pub(crate) fn set_times(&self) {
        fn walk(path: &Path) {
            for entry in fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    walk(&entry.path());
                }
                if !kind.is_symlink() {
                    File::open(entry.path()).unwrap().set_modified(SystemTime::UNIX_EPOCH + MADE).unwrap();
                }
            }
        }
        if self.path("data").exists() {
            walk(&self.path("data"));
        }
    }

    /// The command, in this directory, with nothing from the environment that changes what it does.
    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sepia"));
        command.args(arguments);
        self.within(command)
    }

    /// A shell that runs a script in this directory.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        self.within(command)
    }

    fn within(&self, mut command: Command) -> Command {
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        for name in ["SEPIA_STORE", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "VISUAL", "EDITOR"] {
            command.env_remove(name);
        }
        command.env("TZ", "UTC").env("LC_ALL", "C").env("TERM", "xterm").env("TMPDIR", self.directory.path());
        command.env("SEPIA", env!("CARGO_BIN_EXE_sepia"));
        command
    }

    pub(crate) fn run(&self, command: &mut Command) -> Ran {
        self.ran(command.output().unwrap())
    }

    pub(crate) fn ran(&self, output: Output) -> Ran {
        Ran { output, directory: self.directory.path().to_string_lossy().into_owned() }
    }

    /// Runs the command on the store `data`; arguments stand between spaces.
    pub(crate) fn sepia(&self, arguments: &str) -> Ran {
        let arguments: Vec<&str> = arguments.split(' ').filter(|argument| !argument.is_empty()).collect();
        self.run(self.command(&arguments).env("SEPIA_STORE", "data"))
    }
}

/// What the command did.
pub(crate) struct Ran {
    output: Output,
    directory: String,
}

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.output.status.code().unwrap()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.output.stdout
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    /// What it printed, as JSON values, one a line.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Everything that a person would see, the directory's own name aside.
impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = format!("{}{}", self.stdout(), self.stderr());
        write!(f, "{}", said.replace(&self.directory, "[DIR]"))?;
        match self.code() {
            0 => Ok(()),
            code => writeln!(f, "=> {code}"),
        }
    }
}
