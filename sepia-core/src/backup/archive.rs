//! An archive as a whole.

use std::path::{Path, PathBuf};

use super::header::Header;
use super::manifest::{Listed, Manifest};
use super::read::Reading;
use crate::class::Class;
use crate::error::{Error, Result};
use crate::record::Record;

/// A backup in a file, compressed or not.
///
/// Nothing in it is believed: whatever is read from it is checked first, and what is not exactly as a backup is made
/// is `Corrupt`. Opening it only reads the header; each other call reads the file once, from its beginning.
#[derive(Clone, Debug)]
pub struct Archive {
    path: PathBuf,
    header: Header,
}

impl Archive {
    /// Opens an archive. Whether it is compressed shows from its first bytes.
    ///
    /// # Errors
    /// `Io` if it cannot be read; `Corrupt` if it is none, or damaged where it begins; `UnsupportedFormat` if a newer
    /// version of Sepia made it, or it is compressed and the feature `zstd` is missing.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let header = Reading::begin(path).and_then(|mut reading| reading.header());
        let (_, header) = header.map_err(|error| locate(path, error))?;
        Ok(Self { path: path.to_owned(), header })
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
    /// nothing else. Objects that are in earlier archives are not looked for.
    ///
    /// # Errors
    /// `Corrupt` if anything in it is not as it was made, `Io`.
    pub fn verify(&self) -> Result<Manifest> {
        let manifest = self.manifest()?;
        self.records(&manifest, &mut |_, _| Ok(()))?;
        Ok(manifest)
    }

    /// Returns the classes, and what is listed.
    pub(super) fn contents(&self) -> Result<(Vec<Class>, Manifest)> {
        let contents = Reading::begin(&self.path).and_then(Reading::skip_to_manifest);
        contents.map_err(|error| locate(&self.path, error))
    }

    /// Calls `each` with every record that is in it, each compared with what is listed.
    pub(super) fn records(
        &self,
        manifest: &Manifest,
        each: &mut dyn FnMut(&Listed, Record) -> Result<()>,
    ) -> Result<()> {
        let mut outside = None;
        let read = Reading::begin(&self.path).and_then(|reading| {
            reading.records(manifest, &mut |listed, record| {
                each(listed, record).map_err(|error| {
                    // Told apart from what is wrong with the archive itself.
                    outside = Some(error);
                    Error::corrupt("")
                })
            })
        });
        match outside {
            Some(error) => Err(error),
            None => read.map_err(|error| locate(&self.path, error)),
        }
    }
}

fn locate(path: &Path, error: Error) -> Error {
    error.at(path.to_string_lossy())
}
