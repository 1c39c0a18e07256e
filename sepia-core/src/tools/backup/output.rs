//! Where an archive goes.

use std::io::{self, BufWriter, Write};

/// Where an archive goes, compressed or not.
pub(super) enum Output<W: Write> {
    Plain(BufWriter<W>),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Encoder<'static, BufWriter<W>>),
}

impl<W: Write> Output<W> {
    /// With a level, what is written is compressed.
    #[cfg(feature = "zstd")]
    pub(super) fn new(level: Option<i32>, to: W) -> io::Result<Self> {
        let to = BufWriter::with_capacity(1 << 16, to);
        let Some(level) = level else { return Ok(Self::Plain(to)) };
        let mut encoder = zstd::Encoder::new(to, level)?;
        // So that what is damaged is not taken for something else.
        encoder.include_checksum(true)?;
        Ok(Self::Zstd(encoder))
    }

    /// Nothing can be compressed.
    #[cfg(not(feature = "zstd"))]
    pub(super) fn new(_: Option<i32>, to: W) -> io::Result<Self> {
        Ok(Self::Plain(BufWriter::with_capacity(1 << 16, to)))
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut to) => to.flush(),
            #[cfg(feature = "zstd")]
            Self::Zstd(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(to) => to.write(bytes),
            #[cfg(feature = "zstd")]
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(to) => to.flush(),
            #[cfg(feature = "zstd")]
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
