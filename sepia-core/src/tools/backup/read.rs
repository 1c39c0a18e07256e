//! Reading an archive from its beginning to its end, believing nothing.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use super::header::Header;
use super::manifest::{self, Closing, Listed, Manifest, RecordKind};
use super::tar::{self, Head, Kind, cut_off};
use super::{HEADER, MANIFEST, OBJECTS};
use crate::record::catalog::{self, FORMAT_FILE};
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Quoted, Result};
use crate::record::link::parse_link;
use crate::record::name::DATA;
use crate::record::{ENTRY_SIZE, Entries, Entry, Fingerprint, MAX_DIRECTORIES, Name, Node, Record, too_large};
use crate::tools::transfer::Hidden;
use crate::tools::transfer::fit::Fit;

/// The most bytes of the header, and of the list of classes.
const MAX_HEAD: u64 = 64 << 20;

/// A manifest is not compressed to less than a hundredth: its hashes cannot be.
const MAX_RATIO: u64 = 100;

/// What a compressed archive begins with.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The file of an archive, from its beginning on, whoever else reads it.
pub(super) struct Bytes {
    file: Arc<Mutex<File>>,
    offset: u64,
}

impl Read for Bytes {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        // Whoever panicked with it leaves nothing behind but a position.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.offset))?;
        let length = file.read(bytes)?;
        self.offset += length as u64;
        Ok(length)
    }
}

/// The bytes of an archive, decompressed.
enum Input {
    Plain(BufReader<Bytes>),
    #[cfg(feature = "zstd")]
    Zstd(Box<zstd::Decoder<'static, BufReader<Bytes>>>),
}

impl Input {
    /// Whether the file ends where the archive does.
    fn is_at_end(&mut self) -> io::Result<bool> {
        let file = match self {
            Self::Plain(file) => file,
            #[cfg(feature = "zstd")]
            Self::Zstd(decoder) => decoder.get_mut(),
        };
        Ok(file.fill_buf()?.is_empty())
    }
}

impl Read for Input {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(bytes),
            #[cfg(feature = "zstd")]
            Self::Zstd(decoder) => decoder.read(bytes),
        }
    }
}

/// An archive that is being read.
pub(super) struct Reading {
    input: Input,
    /// The head of the next entry; none at the end.
    head: Option<(String, Kind)>,
    /// Whether that is hidden from other users where it comes from.
    is_next_hidden: bool,
    /// Whether something of the record that is being read is.
    is_hidden: bool,
    /// The length of the file.
    length: u64,
    /// The most bytes of a record.
    most: u64,
}

impl Reading {
    /// Begins to read a file of this length, in which no record has more than so many bytes.
    pub(super) fn begin(file: &Arc<Mutex<File>>, length: u64, most: u64) -> Result<Self> {
        let mut file = BufReader::with_capacity(1 << 16, Bytes { file: Arc::clone(file), offset: 0 });
        let is_compressed = file.fill_buf().map_err(failed)?.starts_with(&ZSTD);
        let input = if is_compressed { decompress(file)? } else { Input::Plain(file) };
        let mut reading = Self { input, head: None, is_next_hidden: false, is_hidden: false, length, most };
        reading.advance()?;
        Ok(reading)
    }

    /// Reads what the archive says of itself.
    pub(super) fn header(&mut self) -> Result<(Vec<u8>, Header)> {
        let content = self.file(HEADER, MAX_HEAD)?;
        let header = Header::parse(&content)?;
        Ok((content, header))
    }

    /// Reads the list of classes.
    fn classes(&mut self) -> Result<(Vec<u8>, Vec<Class>)> {
        let content = self.file(&format!("{OBJECTS}/{FORMAT_FILE}"), MAX_HEAD)?;
        let classes = catalog::parse(&content)?.classes;
        Ok((content, classes))
    }

    /// Skips the objects, and reads what is listed, up to the end.
    pub(super) fn skip_to_manifest(mut self) -> Result<(Vec<Class>, Manifest)> {
        let (header, _) = self.header()?;
        let (list, classes) = self.classes()?;
        while let Some((path, kind)) = &self.head {
            if path == MANIFEST {
                break;
            }
            if let Kind::File(size) = *kind {
                self.skip(size)?;
            }
            self.advance()?;
        }
        let size = self.expect_file(MANIFEST)?;
        if size > self.length.saturating_mul(MAX_RATIO) {
            return Err(Error::corrupt("the manifest is of a size that it cannot have"));
        }
        let mut content = BufReader::new((&mut self.input).take(size));
        let manifest = manifest::read(&mut content, Closing::new(&header, &list))?;
        if content.get_ref().limit() > 0 {
            return Err(cut_off());
        }
        tar::read_padding(&mut self.input, size)?;
        match tar::read(&mut self.input)? {
            None if self.input.is_at_end().map_err(failed)? => {}
            None => return Err(Error::corrupt("something stands behind the archive")),
            Some(Head { path, .. }) => return Err(unexpected(&path)),
        }
        let mut fit = Fit::new(&classes);
        for Listed { key, kind, .. } in manifest.records() {
            fit.check(key, kind.of_class()).map_err(|misfit| misfit.corrupt(key))?;
        }
        Ok((classes, manifest))
    }

    /// Compares every record that is listed as being here with what is listed. No leaf is in memory as a whole.
    pub(super) fn check(self, manifest: &Manifest, each: &mut dyn FnMut(&Listed)) -> Result<()> {
        self.walk(manifest, &mut |reading, listed| {
            match listed.kind {
                RecordKind::Leaf => reading.check_leaf(listed)?,
                RecordKind::Container => reading.record(listed).map(|_| ())?,
            }
            each(listed);
            Ok(())
        })
    }

    /// Calls `each` with every record that is listed as being here.
    pub(super) fn records(
        self,
        manifest: &Manifest,
        each: &mut dyn FnMut(&Listed, Record, Hidden) -> Result<()>,
    ) -> Result<()> {
        self.walk(manifest, &mut |reading, listed| {
            let (record, hidden) = reading.record(listed)?;
            each(listed, record, hidden)
        })
    }

    /// Lets `each` read every record that is listed as being here.
    fn walk(mut self, manifest: &Manifest, each: &mut dyn FnMut(&mut Self, &Listed) -> Result<()>) -> Result<()> {
        self.header()?;
        self.classes()?;
        for listed in manifest.records().iter().filter(|listed| listed.here) {
            if listed.bytes > self.most {
                return Err(self.too_large(Some(listed.bytes)).object(listed.key.class(), listed.key.id()));
            }
            each(&mut self, listed).map_err(|error| error.object(listed.key.class(), listed.key.id()))?;
        }
        self.expect_file(MANIFEST).map(|_| ())
    }

    fn too_large(&self, size: Option<u64>) -> Error {
        Error::invalid_value(too_large(size, self.most))
    }

    fn check_leaf(&mut self, listed: &Listed) -> Result<()> {
        let size = self.expect_file(&path_of(listed))?;
        if size != listed.bytes {
            return Err(not_listed());
        }
        let mut content = (&mut self.input).take(size);
        let hash = Fingerprint::of_leaf_from(&mut content).map_err(failed)?;
        if content.limit() > 0 {
            return Err(cut_off());
        }
        tar::read_padding(&mut self.input, size)?;
        self.advance()?;
        if hash == listed.hash { Ok(()) } else { Err(not_listed()) }
    }

    /// Reads a record, and whether any of its files is hidden from other users.
    fn record(&mut self, listed: &Listed) -> Result<(Record, Hidden)> {
        let path = path_of(listed);
        self.is_hidden = self.is_next_hidden;
        let record = match listed.kind {
            RecordKind::Leaf => Record::Leaf(self.file(&path, listed.bytes)?),
            RecordKind::Container => Record::Container(self.container(&path, listed.bytes)?),
        };
        if record.bytes() != listed.bytes || record.fingerprint() != listed.hash {
            return Err(not_listed());
        }
        record.check().map_err(|error| Error::because("no store can hold the object in the archive", error))?;
        Ok((record, if self.is_hidden { Hidden::FromOthers } else { Hidden::No }))
    }

    fn container(&mut self, path: &str, bytes: u64) -> Result<Node> {
        let below = format!("{path}/");
        match self.head.take() {
            Some((path, Kind::Directory)) if path == below => {}
            other => return Err(out_of_order(&below, other)),
        }
        self.advance()?;
        let mut open = vec![Open::default()];
        let mut left = bytes;
        // What stands in an archive is compressed: entries take no room in it, and some in memory.
        let mut room = self.most - bytes.min(self.most);
        while let Some((path, kind)) = self.head.take_if(|(path, _)| path.starts_with(&below)) {
            self.is_hidden |= self.is_next_hidden;
            if !matches!(kind, Kind::File(_)) {
                room = room.checked_sub(ENTRY_SIZE).ok_or_else(|| self.too_large(None))?;
            }
            self.entry(&path, &path[below.len()..], kind, &mut open, &mut left)
                .map_err(|error| error.at(format!("{path} in the archive")))?;
            self.advance()?;
        }
        close(&mut open, 1)?;
        match open.pop() {
            Some(Open { data: Some(data), entries, .. }) => Ok(Node { data, entries: sorted(entries)? }),
            _ => Err(Error::corrupt(format!("the object in the archive has no {DATA}"))),
        }
    }

    /// Takes in one entry of a container. Of the directories on the way to it, those in `open` are not complete.
    fn entry(&mut self, path: &str, below: &str, kind: Kind, open: &mut Vec<Open>, left: &mut u64) -> Result<()> {
        let below = if kind == Kind::Directory { below.strip_suffix('/').unwrap_or_default() } else { below };
        let (parents, last) = below.rsplit_once('/').map_or((None, below), |(parents, last)| (Some(parents), last));
        let parents = || parents.into_iter().flat_map(|parents| parents.split('/'));
        let shared = open[1..].iter().zip(parents()).take_while(|(open, parent)| open.is_called(parent)).count();
        if shared != parents().count() {
            return Err(Error::corrupt("the entry is not in its directory"));
        }
        close(open, 1 + shared)?;
        let depth = 2 + shared;
        // Invariant: the record's own directory is always open.
        let Some(directory) = open.last_mut() else { return Err(unexpected(path)) };
        if let (DATA, Kind::File(size)) = (last, &kind) {
            if directory.data.is_some() || directory.last.is_some() || size > left {
                return Err(Error::corrupt("the file is not where or what it should be"));
            }
            directory.data = Some(tar::content(&mut self.input, *size)?);
            *left -= size;
            return Ok(());
        }
        let name = Name::from_encoded(last).ok_or_else(|| Error::corrupt("nothing in a store has such a name"))?;
        if directory.last.as_ref() >= Some(&name) {
            return Err(Error::corrupt("the entry is there twice, or out of order"));
        }
        directory.last = Some(name.clone());
        match kind {
            Kind::Link(target) => {
                let key = parse_link(depth, &target).map_err(Error::corrupt)?;
                directory.entries.push((name, Entry::Link(key)));
            }
            Kind::Directory if shared < MAX_DIRECTORIES => {
                open.push(Open { name: Some(name), ..Open::default() });
            }
            Kind::Directory => return Err(Error::corrupt("directories nest too deep")),
            Kind::File(_) => return Err(Error::corrupt(format!("this file is no {DATA}"))),
        }
        Ok(())
    }

    /// Reads a file that must be next.
    fn file(&mut self, name: &str, most: u64) -> Result<Vec<u8>> {
        let size = self.expect_file(name)?;
        if size > most {
            return Err(Error::corrupt(format!("{} in the archive is larger than it can be", Quoted(name))));
        }
        let content = tar::content(&mut self.input, size)?;
        self.advance()?;
        Ok(content)
    }

    fn expect_file(&mut self, name: &str) -> Result<u64> {
        match self.head.take() {
            Some((path, Kind::File(size))) if path == name => Ok(size),
            other => Err(out_of_order(name, other)),
        }
    }

    fn skip(&mut self, size: u64) -> Result<()> {
        if io::copy(&mut (&mut self.input).take(size), &mut io::sink()).map_err(failed)? != size {
            return Err(cut_off());
        }
        tar::read_padding(&mut self.input, size)
    }

    fn advance(&mut self) -> Result<()> {
        let Some(Head { path, kind, is_hidden }) = tar::read(&mut self.input)? else {
            self.head = None;
            return Ok(());
        };
        let is_object = path.strip_prefix(OBJECTS).is_some_and(|path| path != format!("/{FORMAT_FILE}"));
        if is_hidden && !is_object {
            return Err(Error::corrupt(format!(
                "{} in the archive has a mode that is that of an object",
                Quoted(&path)
            )));
        }
        self.is_next_hidden = is_hidden;
        self.head = Some((path, kind));
        Ok(())
    }
}

/// A directory whose entries are still coming.
#[derive(Default)]
struct Open {
    /// None is that of the record itself.
    name: Option<Name>,
    data: Option<Vec<u8>>,
    entries: Vec<(Name, Entry)>,
    /// The name of its last entry.
    last: Option<Name>,
}

impl Open {
    fn is_called(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.as_str() == name)
    }
}

/// Completes the innermost directories, until only so many are open.
fn close(open: &mut Vec<Open>, until: usize) -> Result<()> {
    while open.len() > until {
        let Some(Open { name: Some(name), data, entries, .. }) = open.pop() else { break };
        let entry = match data {
            Some(data) => Entry::Container(Node { data, entries: sorted(entries)? }),
            None if entries.is_empty() => {
                return Err(Error::corrupt("there is an empty directory").inside(name.as_str()));
            }
            None => Entry::Collection(sorted(entries)?),
        };
        if let Some(parent) = open.last_mut() {
            parent.entries.push((name, entry));
        }
    }
    Ok(())
}

fn sorted(entries: Vec<(Name, Entry)>) -> Result<Entries> {
    // Invariant: each came behind the one before.
    Entries::new(entries).map_err(|name| Error::corrupt("an entry is there twice").inside(name.as_str()))
}

#[cfg(feature = "zstd")]
fn decompress(file: BufReader<Bytes>) -> Result<Input> {
    Ok(Input::Zstd(Box::new(zstd::Decoder::with_buffer(file).map_err(failed)?.single_frame())))
}

#[cfg(not(feature = "zstd"))]
fn decompress(_: BufReader<Bytes>) -> Result<Input> {
    let message = "the archive is compressed, and this program was built without the feature `zstd`";
    Err(Error::message(ErrorKind::UnsupportedFormat, message))
}

/// What a failed read means: that there is no more, that it cannot be decompressed, or that the system refuses.
pub(super) fn failed(error: io::Error) -> Error {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::UnexpectedEof, _) => cut_off(),
        (io::ErrorKind::OutOfMemory, _) => {
            Error::caused(ErrorKind::Io, "there is not enough memory for what is in the archive", error)
        }
        (_, None) => Error::caused(ErrorKind::Corrupt, "the archive cannot be decompressed", error),
        (_, Some(_)) => Error::caused(ErrorKind::Io, "the archive cannot be read", error),
    }
}

/// Where a record stands.
fn path_of(listed: &Listed) -> String {
    format!("{OBJECTS}/{}", listed.key.path())
}

fn not_listed() -> Error {
    Error::corrupt("the object in the archive is not the one that is listed")
}

fn out_of_order(expected: &str, found: Option<(String, Kind)>) -> Error {
    let expected = Quoted(expected);
    Error::corrupt(match found {
        Some((path, _)) => format!("{} stands in the archive where {expected} should", Quoted(&path)),
        None => format!("{expected} is missing from the archive"),
    })
}

fn unexpected(path: &str) -> Error {
    Error::corrupt(format!("{} stands in the archive where nothing should", Quoted(path)))
}
