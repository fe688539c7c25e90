//! What the bytes of a blob lie in: a file as it is, or one of encrypted records.

use std::fs::File;

use fs_core::{Error, Result};

use super::folder::BlobFolder;
use super::name::BlobName;
use super::records::{RecordFile, StoreKey};

/// So much of a blob is handed to the disk at a time.
const WRITE_BACK_BYTES: u64 = 8 << 20;

/// The open file of a blob.
pub(super) enum BlobFile {
    Plain(File),
    Sealed(Box<RecordFile>),
}

impl BlobFile {
    /// The file of a new blob.
    pub(super) fn create(
        folder: &BlobFolder,
        name: &BlobName,
        key: Option<&StoreKey>,
    ) -> Result<Self> {
        let file = folder.create(name)?;
        Ok(match key {
            Some(key) => Self::Sealed(Box::new(RecordFile::create(file, name, key))),
            None => Self::Plain(file),
        })
    }

    /// The file of a blob the index knows; `known_bytes`: how long it was when the index last heard of it, if it is not sealed.
    pub(super) fn open(
        folder: &BlobFolder,
        name: &BlobName,
        key: Option<&StoreKey>,
        sealed: bool,
        known_bytes: u64,
    ) -> Result<Self> {
        let file = folder.open_blob(name, sealed)?;
        let records = match key {
            None => return Ok(Self::Plain(file)),
            Some(key) if sealed => RecordFile::open_sealed(file, name, key)?,
            Some(key) => RecordFile::open_unsealed(file, name, key, known_bytes)?,
        };
        Ok(Self::Sealed(Box::new(records)))
    }

    /// Length of the content.
    pub(super) fn length(&self) -> Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata().map_err(failed("stat blob"))?.len()),
            Self::Sealed(records) => Ok(records.length()),
        }
    }

    /// Does it hold the bytes as they are?
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// The file on the host.
    pub(super) fn on_host(&self) -> &File {
        match self {
            Self::Plain(file) => file,
            Self::Sealed(records) => records.file(),
        }
    }

    /// Lets the disk begin with what was written to a large blob, while more comes: whoever makes it durable waits for the rest only. A hint.
    pub(super) fn write_back(&self, offset: u64, length: usize) {
        let step = |at: u64| at - at % WRITE_BACK_BYTES;
        let (from, to) = (step(offset), step(offset.saturating_add(length as u64)));
        if from < to {
            write_back(self.on_host(), from, to - from);
        }
    }

    /// Nothing is written any more: what tells a complete blob from a shortened one is written.
    pub(super) fn complete(&self) -> Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Sealed(records) => records.complete(),
        }
    }
}

/// See [`BlobFile::write_back`]. Whether it worked is told when the file is made durable.
#[cfg(target_os = "linux")]
fn write_back(file: &File, offset: u64, length: u64) {
    use std::os::fd::AsRawFd as _;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    #[expect(unsafe_code, reason = "a system call without a safe wrapper")]
    // SAFETY: it takes numbers only, and the descriptor is open as long as `file`.
    unsafe {
        libc::sync_file_range(
            file.as_raw_fd(),
            signed(offset),
            signed(length),
            libc::SYNC_FILE_RANGE_WRITE,
        );
    }
}

#[cfg(not(target_os = "linux"))]
fn write_back(_file: &File, _offset: u64, _length: u64) {}

fn failed(operation: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::from_io(error, operation)
}
