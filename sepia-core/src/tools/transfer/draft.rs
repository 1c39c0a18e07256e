//! What is gathered in one order, with corrections, before it can be written in another.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use twox_hash::XxHash3_64;

use super::moment::Pass;
use crate::record::Key;
use crate::record::error::{Error, ErrorKind, Result};

/// Records as they came, one after another in a file: of each a row, which describes it, and its data. What is
/// corrected stands there twice, and only the last counts. Memory holds the corrections, and a hash of each key.
#[derive(Debug)]
pub(crate) struct Draft {
    data: BufWriter<File>,
    /// Where the first record begins.
    start: u64,
    end: u64,
    /// Of each record: the lengths of its data, path and row, then path and row.
    rows: BufWriter<File>,
    count: u64,
    /// Which row counts, of those that were corrected; none if the record is gone.
    corrected: HashMap<String, Option<u64>>,
    /// The hashes of the keys that have come.
    come: HashSet<u64>,
}

/// Takes a row, and so many bytes of data.
type EachContent<'e> = &'e mut dyn FnMut(&str, &mut BufReader<File>, u64) -> Result<()>;

impl Draft {
    /// Takes a file in which `start` bytes stand already.
    pub(crate) fn new(data: File, start: u64) -> Result<Self> {
        let rows = tempfile::tempfile().map_err(failed)?;
        let (data, rows) = (BufWriter::with_capacity(1 << 16, data), BufWriter::new(rows));
        Ok(Self { data, start, end: start, rows, count: 0, corrected: HashMap::new(), come: HashSet::new() })
    }

    /// Makes one in a temporary file of its own.
    pub(crate) fn temporary() -> Result<Self> {
        Self::new(tempfile::tempfile().map_err(failed)?, 0)
    }

    /// Adds a record.
    pub(crate) fn add(&mut self, key: &Key, pass: Pass, row: &str, data: &[u8]) -> Result<()> {
        let path = key.path();
        let lengths = [data.len() as u64, path.len() as u64, row.len() as u64];
        self.data.write_all(data).map_err(failed)?;
        for part in [lengths.map(u64::to_le_bytes).as_flattened(), path.as_bytes(), row.as_bytes()] {
            self.rows.write_all(part).map_err(failed)?;
        }
        // A listing has a key twice if its file was replaced by hand meanwhile. Where two keys have one hash, the
        // second is taken for corrected, which it may be.
        let is_known = !self.come.insert(XxHash3_64::oneshot(path.as_bytes()));
        if pass == Pass::Again || is_known {
            self.corrected.insert(path, Some(self.count));
        }
        self.end += data.len() as u64;
        self.count += 1;
        Ok(())
    }

    /// The record of this key does not count.
    pub(crate) fn forget(&mut self, key: &Key) {
        self.corrected.insert(key.path(), None);
    }

    /// No record counts.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.data.flush().map_err(failed)?;
        self.rows.flush().map_err(failed)?;
        for (file, length) in [(self.data.get_mut(), self.start), (self.rows.get_mut(), 0)] {
            file.set_len(length).and_then(|()| file.seek(SeekFrom::Start(length))).map_err(failed)?;
        }
        (self.end, self.count) = (self.start, 0);
        self.corrected.clear();
        self.come.clear();
        Ok(())
    }

    /// Whether the data of all records counts, in the order in which it stands.
    #[cfg(any(feature = "backup", test))]
    pub(crate) fn is_clean(&self) -> bool {
        self.corrected.is_empty()
    }

    /// Calls `each` with the row of every record that counts, and where its data begins and ends.
    pub(crate) fn rows(&mut self, each: &mut dyn FnMut(&str, u64, u64) -> Result<()>) -> Result<()> {
        self.rows.flush().map_err(failed)?;
        let mut rows = BufReader::new(self.rows.get_ref());
        rows.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut at = self.start;
        for number in 0..self.count {
            let mut lengths = [0; 24];
            rows.read_exact(&mut lengths).map_err(failed)?;
            let [data, path, row] = [0, 8, 16].map(|from| {
                let mut length = [0; 8];
                length.copy_from_slice(&lengths[from..from + 8]);
                u64::from_le_bytes(length)
            });
            let path = text(&mut rows, path)?;
            let row = text(&mut rows, row)?;
            if self.corrected.get(&path).is_none_or(|last| *last == Some(number)) {
                each(&row, at, at + data)?;
            }
            at += data;
        }
        drop(rows);
        self.rows.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(())
    }

    /// Calls `each` with the row and the data of every record that counts.
    pub(crate) fn each(&mut self, each: &mut dyn FnMut(&str, &[u8]) -> Result<()>) -> Result<()> {
        let mut content = Vec::new();
        self.contents(&mut |row, data, length| {
            content.clear();
            data.take(length).read_to_end(&mut content).map_err(failed)?;
            if (content.len() as u64) < length {
                return Err(failed(io::ErrorKind::UnexpectedEof.into()));
            }
            each(row, &content)
        })
    }

    /// Writes the data of every record that counts; `unwritable` is what it means if that fails.
    #[cfg(any(feature = "backup", feature = "export", test))]
    pub(crate) fn write(
        &mut self,
        out: &mut dyn Write,
        unwritable: fn(io::Error) -> Error,
        each: &mut dyn FnMut(),
    ) -> Result<()> {
        use std::io::BufRead;
        self.contents(&mut |_, data, mut left| {
            while left > 0 {
                let chunk = data.fill_buf().map_err(failed)?;
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
                if length == 0 {
                    return Err(failed(io::ErrorKind::UnexpectedEof.into()));
                }
                out.write_all(&chunk[..length]).map_err(unwritable)?;
                data.consume(length);
                left -= length as u64;
            }
            each();
            Ok(())
        })
    }

    /// Calls `each` with the row of every record that counts, and a reader that stands before so many bytes of data,
    /// all of which it must read.
    fn contents(&mut self, each: EachContent<'_>) -> Result<()> {
        self.data.flush().map_err(failed)?;
        let file = self.data.get_ref().try_clone().map_err(failed)?;
        let mut data = BufReader::with_capacity(1 << 16, file);
        let mut at = data.seek(SeekFrom::Start(0)).map_err(failed)?;
        self.rows(&mut |row, start, end| {
            data.seek_relative((start - at).cast_signed()).map_err(failed)?;
            at = end;
            each(row, &mut data, end - start)
        })
    }

    /// Returns the file, to be written on from the end.
    #[cfg(feature = "backup")]
    pub(crate) fn file(&mut self) -> Result<File> {
        self.data.flush().map_err(failed)?;
        let mut file = self.data.get_ref().try_clone().map_err(failed)?;
        file.seek(SeekFrom::Start(self.end)).map_err(failed)?;
        Ok(file)
    }
}

fn text(from: &mut impl Read, length: u64) -> Result<String> {
    let mut text = String::new();
    from.take(length).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

pub(super) fn failed(source: io::Error) -> Error {
    Error::caused(ErrorKind::Io, "a temporary file cannot be written or read", source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(draft: &mut Draft) -> Result<(String, String)> {
        let (mut rows, mut data) = (String::new(), Vec::new());
        draft.rows(&mut |row, start, end| {
            rows.push_str(&format!("{row}{start}-{end} "));
            Ok(())
        })?;
        draft.write(&mut data, failed, &mut || ())?;
        Ok((rows, String::from_utf8_lossy(&data).into_owned()))
    }

    #[test]
    fn only_the_last_of_each_key_counts() -> Result<()> {
        let key = |id: &str| Key::new("C", id);
        let mut draft = Draft::temporary()?;
        draft.add(&key("a")?, Pass::First, "a", b"one")?;
        draft.add(&key("b")?, Pass::First, "b", b"two")?;
        draft.add(&key("c")?, Pass::First, "c", b"")?;
        assert!(draft.is_clean());
        assert_eq!(read(&mut draft)?, ("a0-3 b3-6 c6-6 ".to_owned(), "onetwo".to_owned()));
        draft.add(&key("a")?, Pass::Again, "A", b"three")?;
        draft.forget(&key("b")?);
        assert!(!draft.is_clean());
        assert_eq!(read(&mut draft)?, ("c6-6 A6-11 ".to_owned(), "three".to_owned()));
        draft.add(&key("b")?, Pass::Again, "B", b"four")?;
        draft.add(&key("c")?, Pass::First, "C", b"listed twice")?;
        assert_eq!(read(&mut draft)?.1, "threefourlisted twice");
        draft.restart()?;
        draft.add(&key("a")?, Pass::First, "x", b"new")?;
        assert!(draft.is_clean());
        assert_eq!(read(&mut draft)?, ("x0-3 ".to_owned(), "new".to_owned()));
        Ok(())
    }
}
