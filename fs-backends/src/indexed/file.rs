//! What the bytes of a blob lie in: a file as it is, or one of encrypted records.

use std::fs::File;
use std::os::fd::AsFd as _;

use fs_core::{Error, Result};

use super::folder::BlobFolder;
use super::name::BlobName;
use super::records::{RecordFile, StoreKey};
use crate::write_back::write_back;

/// The open file of a blob.
pub(super) enum BlobFile {
    Plain(File),
    Sealed(Box<RecordFile>),
}

/// How the file of a blob is opened that the index knows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Opening {
    /// It is complete.
    Complete,
    /// It was written to when the program ended, and had `known_bytes` when the index last heard of it: what a kill tore is put right.
    Unfinished { known_bytes: u64 },
    /// As it is: another program may be writing to it just now.
    Beside,
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
            Some(key) => {
                let records = RecordFile::create(file, name, key);
                Self::Sealed(Box::new(records.counted_by(folder.syncs(), true)))
            }
            None => Self::Plain(file),
        })
    }

    /// The file of a blob the index knows.
    pub(super) fn open(
        folder: &BlobFolder,
        name: &BlobName,
        key: Option<&StoreKey>,
        opening: Opening,
    ) -> Result<Self> {
        let file = match opening {
            Opening::Complete => folder.open_blob(name, true)?,
            Opening::Unfinished { .. } => folder.open_blob(name, false)?,
            Opening::Beside => folder.open_to_read(name, false)?,
        };
        let records = match (key, opening) {
            (None, _) => return Ok(Self::Plain(file)),
            (Some(key), Opening::Complete) => RecordFile::open_sealed(file, name, key)?,
            (Some(key), Opening::Unfinished { known_bytes }) => {
                RecordFile::open_unsealed(file, name, key, known_bytes)?
            }
            (Some(key), Opening::Beside) => RecordFile::open_beside(file, name, key)?,
        };
        Ok(Self::Sealed(Box::new(
            records.counted_by(folder.syncs(), false),
        )))
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
        write_back(self.on_host().as_fd(), offset, length as u64);
    }

    /// Nothing is written any more: what tells a complete blob from a shortened one is written.
    pub(super) fn complete(&self) -> Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Sealed(records) => records.complete(),
        }
    }
}

fn failed(operation: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::from_io(error, operation)
}
