//! An archive as a whole.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::header::Header;
use super::manifest::{Listed, Manifest};
use super::read::Reading;
use crate::record::class::Class;
use crate::record::error::{Error, Result};
use crate::record::{MAX_RECORD_SIZE, Record};
use crate::tools::transfer::Hidden;

/// A backup in a file, compressed or not.
///
/// Nothing in it is believed: whatever is read from it is checked first, and what is not exactly as a backup is made
/// is `Corrupt`. Only of the [header](Self::header) nothing is known until the [manifest](Self::manifest) was read, which
/// hashes it. Times are covered by no hash, nor are they restored.
///
/// It stays open until it is dropped: another file that takes its name meanwhile is another archive. Opening it only reads
/// the header, `manifest` and `list` read it once from its beginning, [`verify`](Self::verify) twice, a restoration three
/// times.
///
/// In memory, what it lists takes some hundred bytes for each object. The largest container must fit, too, and to restore
/// it, the largest object.
#[derive(Clone, Debug)]
pub struct Archive {
    path: PathBuf,
    file: Arc<Mutex<File>>,
    /// What the file was when it was opened.
    stamp: Stamp,
    header: Header,
    max_record_size: u64,
}

/// What tells whether a file is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(file: &File, path: &Path) -> Result<Self> {
        let metadata = file.metadata().map_err(|error| Error::io("look at the archive", path, error))?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok() })
    }
}

impl Archive {
    /// Opens an archive. Whether it is compressed shows from its first bytes.
    ///
    /// # Errors
    /// `Io` if it cannot be read; `Corrupt` if it is none, or damaged where it begins; `UnsupportedFormat` if a newer
    /// version of Sepia made it, or it is compressed and the feature `zstd` is missing.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| Error::io("open the archive", path, error))?;
        let stamp = Stamp::of(&file, path)?;
        let file = Arc::new(Mutex::new(file));
        let max_record_size = MAX_RECORD_SIZE;
        let header = Reading::begin(&file, stamp.length, max_record_size).and_then(|mut reading| reading.header());
        let (_, header) = header.map_err(|error| locate(path, error))?;
        Ok(Self { path: path.to_owned(), file, stamp, header, max_record_size })
    }

    /// Sets the most bytes of a record that [`verify`](Self::verify) reads, each entry of a container counted as 64 more;
    /// [`MAX_RECORD_SIZE`], 1 GiB, by default. A restoration keeps to the limit of
    /// [its store](crate::StoreBuilder::max_record_size).
    ///
    /// ```
    /// # use sepia_core as sepia;
    /// use sepia::backup::Archive;
    /// # use sepia::batch::{Batch, Expect};
    /// # use sepia::class::{Class, Format};
    /// # use sepia::record::{Key, Record};
    /// use sepia::{ErrorKind, Store};
    ///
    /// # fn main() -> sepia::Result<()> {
    /// # let directory = tempfile::tempdir().expect("a temporary directory");
    /// # let path = directory.path().join("backup.tar");
    /// # let store = Store::in_memory();
    /// # let mut batch = Batch::new();
    /// # batch.declare(&Class::serializable("Note", Format::Text))?;
    /// # batch.put(Key::new("Note", "long")?, Record::Leaf(vec![b'x'; 2 << 20]), Expect::Any);
    /// # store.backend().commit(batch)?;
    /// store.backup().to_file(&path)?;
    /// let archive = Archive::open(&path)?;
    /// assert_eq!(archive.verify()?.records().len(), 1);
    ///
    /// let refused = archive.max_record_size(1 << 20).verify();
    /// assert_eq!(refused.map_err(|error| error.kind()).err(), Some(ErrorKind::InvalidValue));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_record_size(mut self, bytes: u64) -> Self {
        self.max_record_size = bytes;
        self
    }

    /// Returns what it says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Calls `each` with every object that it lists, in its order.
    ///
    /// # Errors
    /// As [`manifest`](Self::manifest).
    pub fn list(&self, each: impl FnMut(&Listed)) -> Result<()> {
        self.manifest()?.records().iter().for_each(each);
        Ok(())
    }

    /// Returns what it lists; the objects themselves are not looked at. In memory, it takes some hundred bytes for
    /// each object.
    ///
    /// # Errors
    /// `Corrupt` if the archive is cut off or the manifest damaged, `Io`.
    pub fn manifest(&self) -> Result<Manifest> {
        self.contents().map(|(_, manifest)| manifest)
    }

    /// Reads all of it, and returns what it lists: every object that should be in it is, exactly as it was, and
    /// nothing else, and all of them can be in one store. Objects that are in earlier archives are not looked for.
    ///
    /// # Errors
    /// `Corrupt` if anything in it is not as it was made, or the file was changed since it was opened; `InvalidValue` if a
    /// record is [larger](Self::max_record_size) than is read; `Io`.
    pub fn verify(&self) -> Result<Manifest> {
        let manifest = self.manifest()?;
        self.check(&manifest, self.max_record_size, &mut |_| ())?;
        Ok(manifest)
    }

    /// Returns the classes, and what is listed.
    pub(super) fn contents(&self) -> Result<(Vec<Class>, Manifest)> {
        self.located(self.begin(self.max_record_size).and_then(Reading::skip_to_manifest))
    }

    /// Compares all that is in it with what is listed, no record of which has more than so many bytes. Calls `each` for
    /// every record.
    pub(super) fn check(&self, manifest: &Manifest, most: u64, each: &mut dyn FnMut(&Listed)) -> Result<()> {
        self.located(self.begin(most).and_then(|reading| reading.check(manifest, each)))
    }

    /// Calls `each` with every record that is in it, each compared with what is listed, and of no more than so many bytes.
    pub(super) fn records(
        &self,
        manifest: &Manifest,
        most: u64,
        each: &mut dyn FnMut(&Listed, Record, Hidden) -> Result<()>,
    ) -> Result<()> {
        let mut outside = None;
        let read = self.begin(most).and_then(|reading| {
            reading.records(manifest, &mut |listed, record, hidden| {
                each(listed, record, hidden).map_err(|error| {
                    // Told apart from what is wrong with the archive itself.
                    outside = Some(error);
                    Error::corrupt("")
                })
            })
        });
        match outside {
            Some(error) => Err(error),
            None => self.located(read),
        }
    }

    fn begin(&self, most: u64) -> Result<Reading> {
        let stamp = Stamp::of(&self.file.lock().unwrap_or_else(PoisonError::into_inner), &self.path)?;
        if stamp != self.stamp {
            return Err(Error::corrupt("the archive was changed since it was opened"));
        }
        Reading::begin(&self.file, stamp.length, most)
    }

    fn located<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| locate(&self.path, error))
    }
}

fn locate(path: &Path, error: Error) -> Error {
    error.at(path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::UNIX_EPOCH;

    use super::super::manifest::Closing;
    use super::super::record::write_record;
    use super::super::tar::{self, About, Kind};
    use super::super::write::write_before;
    use super::super::{MANIFEST, read};
    use super::*;
    use crate::record::catalog;
    use crate::record::class::Format;
    use crate::record::error::ErrorKind;
    use crate::record::{Key, Node};

    /// An archive in which every length and hash is right, whatever is in it. Objects of class `Base` are listed only.
    fn archive(classes: &[Class], records: &[(&str, &str, Record)]) -> Result<Archive> {
        let header = Header { made: UNIX_EPOCH, roots: None, since: None }.print()?;
        let classes = catalog::print(classes, &catalog::Settings::plain())?;
        let mut closing = Closing::new(&header, &classes);
        let (mut bytes, mut lines) = (Vec::new(), String::new());
        write_before(&mut bytes, &header, &classes, 0).map_err(read::failed)?;
        for (class, id, record) in records {
            let (key, here) = (Key::new(*class, *id)?, *class != "Base");
            if here {
                write_record(&mut bytes, &key, record, About::open(0)).map_err(read::failed)?;
            }
            let line = Listed::of(&key, record, here).print();
            closing.line(&line, here);
            lines.push_str(&line);
        }
        lines.push_str(&closing.print());
        written(bytes, &lines)
    }

    fn written(mut bytes: Vec<u8>, manifest: &str) -> Result<Archive> {
        let length = manifest.len() as u64;
        let mut write = || {
            tar::write(&mut bytes, MANIFEST, &Kind::File(length), About::open(0))?;
            bytes.extend_from_slice(manifest.as_bytes());
            tar::pad(&mut bytes, length)?;
            tar::write_end(&mut bytes)?;
            let mut file = tempfile::NamedTempFile::new()?;
            file.write_all(&bytes).map(|()| file)
        };
        Archive::open(write().map_err(read::failed)?.path())
    }

    #[test]
    fn what_no_store_may_hold_is_not_intact() -> Result<()> {
        let leaf = || Record::Leaf(b"text".to_vec());
        let node = || Record::Container(Node { data: b"{}\n".to_vec(), ..Node::default() });
        let note = Class::serializable("Note", Format::Text);
        let draft = Class::serializable("Draft", Format::Text).with_generations();
        let unknown = Class::declared("Draft".to_owned(), draft.kind(), None)?;
        let classes = |more: Class| [Class::container("Board"), note.clone(), more];
        let plain = [("Board", "a", node()), ("Note", "a", leaf()), ("Note", "a.0", leaf())];
        let intact = archive(&classes(draft.clone()), &plain)?.verify()?;
        assert_eq!(intact.records().len(), 3);
        let twins = [("Draft", "d", leaf()), ("Draft", "d.0", leaf()), ("Draft", "d.1", leaf())];
        archive(&classes(unknown), &twins)?.verify()?;
        for (records, message) in [
            (vec![("Board", "z", leaf())], "a file and its class"),
            (vec![("Note", "z", node())], "a file and its class"),
            (vec![("Other", "z", leaf())], "not declared"),
            (vec![("Base", "z", leaf())], "not declared"),
            (twins.to_vec(), "both spellings"),
        ] {
            let archive = archive(&classes(draft.clone()), &records)?;
            for refused in [archive.verify(), archive.manifest()] {
                let error = refused.err().map(|error| (error.kind(), error.to_string()));
                let is_it = |(kind, said): &(ErrorKind, String)| *kind == ErrorKind::Corrupt && said.contains(message);
                assert!(error.as_ref().is_some_and(is_it), "{error:?}, not {message}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_line_of_the_manifest_takes_no_memory_that_none_needs() -> Result<()> {
        let header = Header { made: UNIX_EPOCH, roots: None, since: None }.print()?;
        let mut bytes = Vec::new();
        write_before(&mut bytes, &header, &catalog::print(&[], &catalog::Settings::plain())?, 0)
            .map_err(read::failed)?;
        let error = written(bytes, &format!("[0{}]\n", ",0".repeat(100_000)))?.manifest().err();
        assert!(error.as_ref().is_some_and(|error| error.to_string().contains("longer than any")), "{error:?}");
        // The longest that there is.
        let (class, id) = ("\u{1}".repeat(66), "\"".repeat(66) + ".18446744073709551615");
        let class: &'static str = Box::leak(class.into_boxed_str());
        let longest = [(class, &*id, Record::Leaf(Vec::new()))];
        let known = archive(&[Class::serializable(class, Format::Text)], &longest)?.verify()?;
        assert_eq!(known.records().len(), 1);
        Ok(())
    }

    #[test]
    fn a_lack_of_memory_says_nothing_of_the_archive() {
        assert_eq!(read::failed(std::io::ErrorKind::OutOfMemory.into()).kind(), ErrorKind::Io);
    }
}
