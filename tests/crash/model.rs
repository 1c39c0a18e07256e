//! The protocol of the journal as a small model, of which every schedule is tried: writers that die
//! anywhere, the next ones, and readers. A container of two files and a leaf stand for all records.
//!
//! Each rule of the protocol can be broken, and is shown to be needed.

use std::collections::HashSet;

/// A value of each file: two of a container, which a commit always changes together, and a leaf.
type Files = [u8; 3];
const LEAF: usize = 2;

/// Which rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// The files are read, and `applied` only then.
    AppliedAfterReading,
    /// No look at the state after the files have been read.
    NoSecondLook,
    /// `committed` is set when the files have changed.
    PublishedBeforeCommitted,
    /// `applied` is set before the files have changed.
    AppliedBeforePublished,
    /// A writer does not look at what the one before it left.
    NoAdoption,
    /// A commit of one operation is made while earlier frames may be carried out again.
    SingleInDurableEpoch,
    /// A commit of one operation leaves the frames before it where they can be found.
    SingleWithoutVoid,
    /// The number of a commit of one operation is counted up when it is done.
    SequenceAfterSingle,
    /// A moment does not tell whether the operation of a commit of one operation can be seen.
    MomentDuringSingle,
    /// What was read stands although its epoch has ended, whatever happened to it.
    TouchedNotCompared,
    /// Which records a commit changes is noted when it has taken effect.
    NotedAfterCommitted,
    /// What has happened to a record is compared with the last commit, carried out or not.
    ComparedWithCommitted,
    /// The first frame of an epoch is written before the state says that the epoch has begun.
    FrameBeforeEpoch,
    /// Readers take frames of different epochs for each other.
    EpochNotCompared,
    /// While the state cannot be believed, the files are read before the journal.
    ScanAfterReading,
    /// A frame that the disk has not confirmed is taken for one that has taken effect, when the store is opened again.
    RejectedCounts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// The container, by a frame.
    Container,
    /// Everything, by a frame.
    All,
    /// Everything, by a frame of a new epoch.
    Wrapped,
    /// The leaf alone, without a frame.
    Single,
    /// The first file alone, as if it were a leaf, too.
    First,
    /// The leaf, back to what it was before the last change.
    Undo,
    /// Everything, by a frame that the disk does not confirm, and that cannot be made void.
    Rejected,
}

/// What a frame found and what it puts, for each file.
type Frame = [Option<(u8, u8)>; 3];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    trusted: bool,
    epoch: u8,
    applied: usize,
    committed: usize,
    sequence: u8,
    /// The number of the last commit that is carried out.
    done: u8,
    /// The file that the last commit changes without a frame, and what it makes of it.
    single: Option<(usize, u8)>,
    /// A sync has failed: only frames before `committed` count.
    poisoned: bool,
}

/// What a writer does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Write {
    Idle,
    Begin,
    /// Carries out what a dead writer left, file by file.
    Adopt(usize),
    Void,
    Trust,
    Epoch,
    Plan,
    Note,
    Commit,
    Publish(usize),
    Applied,
    Count,
    Operate,
    /// Only where a rule is broken.
    CountLate,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Reader {
    /// How many reads, or snapshots, are left.
    left: usize,
    step: usize,
    snapshot: bool,
    first: Option<State>,
    second: Option<State>,
    scanned: Vec<Frame>,
    files: Files,
    moment: Option<(u8, bool)>,
    /// The first state that a read may show.
    since: usize,
    begun: usize,
    seen: Files,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    durable: bool,
    files: Files,
    frames: Vec<Frame>,
    state: State,
    /// The number of the last commit with a frame that changed the container, and the leaf.
    touched: [u8; 2],
    /// The states that commits have made, one after another.
    history: Vec<Files>,
    plan: Vec<Kind>,
    writer: Write,
    kills: usize,
    readers: Vec<Reader>,
}

fn lay(frames: &[Frame], files: &mut Files, only: Option<usize>) {
    for file in only.map_or(0..3, |file| file..file + 1) {
        let ours: Vec<(u8, u8)> = frames.iter().filter_map(|frame| frame[file]).collect();
        // What is neither what a frame found nor what one put is newer than all of them.
        if let Some((_, last)) = ours.last()
            && ours.iter().any(|(before, after)| [*before, *after].contains(&files[file]))
        {
            files[file] = *last;
        }
    }
}

impl World {
    fn new(durable: bool, plan: &[Kind], kills: usize, reads: usize, snapshots: usize) -> Self {
        let state = State {
            trusted: true,
            epoch: 0,
            applied: 0,
            committed: 0,
            sequence: 0,
            done: 0,
            single: None,
            poisoned: false,
        };
        let reader = |left, snapshot| Reader {
            left,
            step: 0,
            snapshot,
            first: None,
            second: None,
            scanned: Vec::new(),
            files: [0; 3],
            moment: None,
            since: 0,
            begun: 0,
            seen: [0; 3],
        };
        let readers = [(reads, false), (snapshots, true)];
        Self {
            durable,
            files: [0; 3],
            frames: Vec::new(),
            state,
            touched: [0; 2],
            history: vec![[0; 3]],
            plan: plan.iter().rev().copied().collect(),
            writer: Write::Idle,
            kills,
            readers: readers.into_iter().filter(|(left, _)| *left > 0).map(|(left, kind)| reader(left, kind)).collect(),
        }
    }

    /// As it is after the loss of power: two commits in the journal, one of them and a part of the other in the files.
    fn rebooted(reads: usize, snapshots: usize) -> Self {
        let mut world = Self::new(true, &[Kind::All, Kind::Undo], 1, reads, snapshots);
        world.frames = vec![[Some((0, 1)), Some((0, 1)), Some((0, 1))], [Some((1, 2)), Some((1, 2)), None]];
        world.history = vec![[2, 2, 1]];
        world.files = [0, 2, 0];
        world.state.trusted = false;
        world
    }

    /// The frames that count while the state cannot be believed.
    fn untrusted(&self, broken: Broken) -> &[Frame] {
        let all = self.state.poisoned && broken != Broken::RejectedCounts;
        &self.frames[..if all { self.frames.len().min(self.state.committed) } else { self.frames.len() }]
    }

    fn now(&self) -> usize {
        self.history.len() - 1
    }

    /// What the next commit makes of the files.
    fn next(&self, kind: Kind) -> Files {
        let mut files = self.history[self.now()];
        let fresh = 10 + self.history.len() as u8;
        match kind {
            Kind::Container => (files[0], files[1]) = (fresh, fresh),
            Kind::All | Kind::Wrapped | Kind::Rejected => files = [fresh; 3],
            Kind::Single => files[LEAF] = fresh,
            Kind::First => files[0] = fresh,
            Kind::Undo => {
                let other = self.history.iter().rev().map(|files| files[LEAF]).find(|leaf| *leaf != files[LEAF]);
                files[LEAF] = other.unwrap_or(files[LEAF]);
            }
        }
        files
    }

    fn is_single(&self, kind: Kind, broken: Broken) -> bool {
        matches!(kind, Kind::Single | Kind::First | Kind::Undo)
            && (!self.durable || broken == Broken::SingleInDurableEpoch)
    }

    /// Lets the writer take a step. It holds the lock from `Begin` until it is idle again.
    fn write(&mut self, broken: Broken) -> bool {
        let Some(&kind) = self.plan.last() else { return false };
        let single = self.is_single(kind, broken);
        self.writer = match self.writer {
            Write::Idle => Write::Begin,
            Write::Begin if !self.state.trusted => Write::Adopt(0),
            Write::Begin if self.state.applied < self.state.committed && broken != Broken::NoAdoption => {
                Write::Adopt(0)
            }
            Write::Begin if single => Write::Count,
            Write::Begin if kind == Kind::Wrapped && broken != Broken::FrameBeforeEpoch => Write::Epoch,
            Write::Begin => Write::Plan,
            Write::Epoch => {
                self.frames.clear();
                (self.state.epoch, self.state.applied, self.state.committed) = (self.state.epoch + 1, 0, 0);
                Write::Plan
            }
            Write::Adopt(file) => {
                let from = match self.state.trusted {
                    true => self.state.applied..self.state.committed,
                    false => 0..self.untrusted(broken).len(),
                };
                lay(&self.frames[from], &mut self.files, Some(file));
                match (file, self.state.trusted) {
                    (0 | 1, _) => Write::Adopt(file + 1),
                    (_, true) => {
                        (self.state.applied, self.state.done) = (self.state.committed, self.state.sequence);
                        Write::Begin
                    }
                    (_, false) => Write::Void,
                }
            }
            Write::Void => {
                self.frames.clear();
                Write::Trust
            }
            Write::Trust => {
                let State { epoch, sequence, .. } = self.state;
                self.state = State {
                    trusted: true,
                    epoch: epoch + 1,
                    applied: 0,
                    committed: 0,
                    sequence: sequence + 1,
                    done: sequence + 1,
                    single: None,
                    poisoned: false,
                };
                self.durable = false;
                Write::Begin
            }
            Write::Plan => {
                if kind == Kind::Wrapped && broken == Broken::FrameBeforeEpoch {
                    self.frames.clear();
                } else {
                    self.frames.truncate(self.state.committed);
                }
                let (before, after) = (self.files, self.next(kind));
                let mut frame = Frame::default();
                (0..3)
                    .filter(|file| before[*file] != after[*file])
                    .for_each(|file| frame[file] = Some((before[file], after[file])));
                self.frames.push(frame);
                if broken == Broken::NotedAfterCommitted { Write::Commit } else { Write::Note }
            }
            Write::Note => {
                let late = broken == Broken::NotedAfterCommitted;
                let [first, second, leaf] = self.frames.last().copied().unwrap_or_default();
                let number = self.state.sequence + u8::from(!late);
                for (slot, changes) in self.touched.iter_mut().zip([first.or(second), leaf]) {
                    *slot = if changes.is_some() { number } else { *slot };
                }
                if late || broken == Broken::PublishedBeforeCommitted { Write::Publish(0) } else { Write::Commit }
            }
            Write::Commit if kind == Kind::Rejected => {
                (self.state.trusted, self.state.poisoned) = (false, true);
                self.plan.pop();
                Write::Idle
            }
            Write::Commit => {
                if kind == Kind::Wrapped && broken == Broken::FrameBeforeEpoch {
                    (self.state.epoch, self.state.committed) = (self.state.epoch + 1, 0);
                }
                self.state.applied = self.state.committed;
                self.state.committed += 1;
                self.state.done = self.state.sequence;
                self.state.sequence += 1;
                self.state.single = None;
                self.history.push(self.next(kind));
                if broken == Broken::AppliedBeforePublished {
                    (self.state.applied, self.state.done) = (self.state.committed, self.state.sequence);
                }
                match broken {
                    Broken::PublishedBeforeCommitted => Write::Applied,
                    Broken::NotedAfterCommitted => Write::Note,
                    _ => Write::Publish(0),
                }
            }
            Write::Publish(file) => {
                if let Some((_, after)) = self.frames.last().and_then(|frame| frame[file]) {
                    self.files[file] = after;
                }
                match file {
                    0 | 1 => Write::Publish(file + 1),
                    _ if broken == Broken::PublishedBeforeCommitted => Write::Commit,
                    _ => Write::Applied,
                }
            }
            Write::Applied => {
                (self.state.applied, self.state.done) = (self.state.committed, self.state.sequence);
                self.plan.pop();
                Write::Idle
            }
            Write::Count => {
                if self.state.committed > 0
                    && broken != Broken::SingleWithoutVoid
                    && broken != Broken::SingleInDurableEpoch
                {
                    self.frames.clear();
                    (self.state.epoch, self.state.applied, self.state.committed) = (self.state.epoch + 1, 0, 0);
                }
                if broken != Broken::SequenceAfterSingle {
                    self.state.sequence += 1;
                    self.state.done = self.state.sequence;
                    let (before, after) = (self.files, self.next(kind));
                    let file = (0..3).find(|file| before[*file] != after[*file]).unwrap_or(LEAF);
                    self.state.single = Some((file, after[file]));
                }
                Write::Operate
            }
            Write::Operate => {
                let after = self.next(kind);
                self.files = after;
                self.history.push(after);
                if broken == Broken::SequenceAfterSingle {
                    Write::CountLate
                } else {
                    self.plan.pop();
                    Write::Idle
                }
            }
            Write::CountLate => {
                self.state.sequence += 1;
                self.plan.pop();
                Write::Idle
            }
        };
        true
    }

    fn kill(&mut self) -> bool {
        if self.kills == 0 || self.writer == Write::Idle {
            return false;
        }
        self.kills -= 1;
        self.plan.pop();
        self.writer = Write::Idle;
        true
    }

    /// Lets a reader take a step. An error is a wrong read.
    fn read(&mut self, number: usize, broken: Broken) -> Result<bool, String> {
        let mut reader = self.readers[number].clone();
        if reader.left == 0 {
            return Ok(false);
        }
        // A snapshot: moment, container, leaf, moment. Else the container and the leaf.
        let offset = usize::from(reader.snapshot);
        let last = 10 + 2 * offset;
        let step = reader.step;
        let moment = (self.state.sequence, self.is_outstanding() && broken != Broken::MomentDuringSingle);
        match step {
            0 if reader.snapshot => (reader.moment, reader.begun) = (Some(moment), self.now()),
            11 if reader.snapshot => {
                // No commit has changed anything meanwhile, and all that was seen is of that state.
                let is_one = reader.moment == Some(moment);
                if is_one && self.history[reader.begun..].iter().any(|state| *state != reader.seen) {
                    return Err(format!("a snapshot of {:?}, of {:?}", reader.seen, &self.history[reader.begun..]));
                }
            }
            _ => {
                let part = (step - offset) / 5;
                let files = if part == 0 { 0..2 } else { LEAF..3 };
                match (step - offset) % 5 {
                    0 => {
                        reader.since = self.now();
                        reader.first = None;
                        if broken != Broken::AppliedAfterReading {
                            self.look(&mut reader, broken);
                        }
                    }
                    1 => reader.files[files.start] = self.files[files.start],
                    2 => {
                        reader.files[files.end - 1] = match part {
                            0 => self.files[1],
                            _ => reader.files[LEAF],
                        };
                        if broken == Broken::AppliedAfterReading {
                            self.look(&mut reader, broken);
                        }
                    }
                    3 => reader.second = Some(self.state),
                    _ => match self.judge(&mut reader, part == 1, broken) {
                        None => {
                            reader.step = step - 4;
                            self.readers[number] = reader;
                            return Ok(true);
                        }
                        Some(()) => {
                            files.clone().for_each(|file| reader.seen[file] = reader.files[file]);
                            let fits = |state: &Files| files.clone().all(|file| state[file] == reader.seen[file]);
                            if !self.history[reader.since..].iter().any(fits) {
                                return Err(format!(
                                    "read {:?} in {files:?}, of {:?}",
                                    reader.seen,
                                    &self.history[reader.since..]
                                ));
                            }
                        }
                    },
                }
            }
        }
        reader.step += 1;
        if reader.step == last {
            (reader.step, reader.left) = (0, reader.left - 1);
        }
        self.readers[number] = reader;
        Ok(true)
    }

    fn look(&self, reader: &mut Reader, broken: Broken) {
        reader.first = Some(self.state);
        reader.scanned = if self.state.trusted || broken == Broken::ScanAfterReading {
            vec![]
        } else {
            self.untrusted(broken).to_vec()
        };
    }

    /// Whether the last commit was made without a frame, and cannot be seen.
    fn is_outstanding(&self) -> bool {
        self.state.single.is_some_and(|(file, after)| self.files[file] != after)
    }

    /// `None`: start again.
    fn judge(&self, reader: &mut Reader, is_leaf: bool, broken: Broken) -> Option<()> {
        let (first, mut second) = (reader.first?, reader.second?);
        if broken == Broken::NoSecondLook {
            second = first;
        }
        match (first.trusted, second.trusted) {
            (true, true) => {
                let is_one = first.epoch == second.epoch || broken == Broken::EpochNotCompared;
                if is_leaf && first.applied == first.committed || is_one && first.applied == second.committed {
                    return Some(());
                }
                let done = if broken == Broken::ComparedWithCommitted { first.sequence } else { first.done };
                if self.touched[usize::from(is_leaf)] <= done || broken == Broken::TouchedNotCompared && !is_one {
                    return Some(());
                }
                // What lies in the journal says of which epoch it is.
                let is_gone = self.state.epoch != second.epoch && broken != Broken::EpochNotCompared;
                if !is_one || is_gone {
                    return None;
                }
                let frames = self.frames.get(first.applied..second.committed)?.to_vec();
                lay(&frames, &mut reader.files, None);
                Some(())
            }
            (false, false) if first == second => {
                let frames = if broken == Broken::ScanAfterReading { self.untrusted(broken) } else { &reader.scanned };
                lay(frames, &mut reader.files, None);
                Some(())
            }
            _ => None,
        }
    }

    /// What is stored after the power has gone, or the state: a recovery must not bring anything back.
    fn reboot(&self) -> Result<(), String> {
        if self.writer != Write::Idle || !self.state.trusted {
            return Ok(());
        }
        let lost: &[Frame] = match self.durable {
            true => &self.frames,
            // The last frame, if nobody knows how far it was carried out.
            false => &self.frames[self.frames.len().saturating_sub(1)..],
        };
        if !self.durable && self.frames.len() > self.state.committed {
            // A frame that never took effect, and that the next writer will see to.
            return Ok(());
        }
        let mut files = self.files;
        lay(
            &self.frames[self.state.applied.min(self.frames.len())..self.state.committed.min(self.frames.len())],
            &mut files,
            None,
        );
        lay(&lost[..lost.len().min(self.state.committed)], &mut files, None);
        if files == self.history[self.now()] {
            return Ok(());
        }
        Err(format!("{files:?} after a recovery, of {:?}", self.history))
    }
}

/// Tries every schedule. Returns how many states there are, or a schedule's wrong outcome.
fn explore(world: World, broken: Broken) -> Result<usize, String> {
    let mut seen = HashSet::new();
    let mut left = vec![world];
    while let Some(world) = left.pop() {
        if !seen.insert(world.clone()) {
            continue;
        }
        world.reboot()?;
        let mut next = world.clone();
        if next.write(broken) {
            left.push(next);
        }
        let mut next = world.clone();
        if next.kill() {
            left.push(next);
        }
        for reader in 0..world.readers.len() {
            let mut next = world.clone();
            if next.read(reader, broken)? {
                left.push(next);
            }
        }
    }
    Ok(seen.len())
}

fn worlds() -> Vec<World> {
    use Kind::{All, Container, First, Rejected, Single, Undo, Wrapped};
    vec![
        World::new(false, &[All, Container], 1, 2, 0),
        World::new(false, &[Container, Single, All], 1, 1, 0),
        World::new(false, &[All, Undo, Container], 1, 1, 0),
        World::new(false, &[Container, Single, Container], 1, 1, 0),
        World::new(false, &[Single, All, Single], 1, 1, 0),
        World::new(false, &[All, Wrapped], 1, 2, 0),
        World::new(false, &[Wrapped, Wrapped, All], 2, 1, 0),
        World::new(false, &[Single, All, Single], 1, 0, 1),
        World::new(false, &[First, Single], 1, 0, 1),
        World::new(false, &[All, Single, Undo], 1, 0, 1),
        World::new(true, &[All, Undo, All], 1, 1, 0),
        World::new(true, &[All, Container], 2, 0, 1),
        World::new(true, &[All, Rejected, Container], 1, 1, 0),
        World::rebooted(1, 0),
        World::rebooted(0, 1),
    ]
}

#[test]
fn no_schedule_shows_anything_wrong() {
    let mut states = 0;
    for (number, world) in worlds().into_iter().enumerate() {
        let found = explore(world, Broken::Nothing).unwrap_or_else(|wrong| panic!("world {number}: {wrong}"));
        println!("world {number}: {found} states");
        states += found;
    }
    println!("{states} states");
    assert!(states > 50_000, "{states}");
}

#[test]
fn every_rule_is_needed() {
    // With each, the first world that shows that it is broken, so that no other has to be explored to its end.
    for (broken, first) in [
        (Broken::AppliedAfterReading, 0),
        (Broken::NoSecondLook, 0),
        (Broken::PublishedBeforeCommitted, 0),
        (Broken::AppliedBeforePublished, 0),
        (Broken::NoAdoption, 1),
        (Broken::SingleInDurableEpoch, 2),
        (Broken::SingleWithoutVoid, 2),
        (Broken::SequenceAfterSingle, 7),
        (Broken::MomentDuringSingle, 7),
        (Broken::TouchedNotCompared, 1),
        (Broken::NotedAfterCommitted, 0),
        (Broken::ComparedWithCommitted, 0),
        (Broken::FrameBeforeEpoch, 5),
        (Broken::EpochNotCompared, 1),
        (Broken::ScanAfterReading, 12),
        (Broken::RejectedCounts, 12),
    ] {
        let mut worlds: Vec<_> = worlds().into_iter().enumerate().collect();
        worlds.rotate_left(first);
        let wrong = worlds.into_iter().find_map(|(number, world)| Some((number, explore(world, broken).err()?)));
        println!("{broken:?}: {wrong:?}");
        assert!(wrong.is_some(), "{broken:?} makes no difference");
    }
}
