//! Files as streams: `Read + Seek` and `Write + Seek`.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::backend::{At, Backend, RenameMode, Scope};
use crate::error::{Error, ErrorKind, Result};
use crate::file::{File, Staged};
use crate::metadata::Metadata;
use crate::path::VPath;

/// An open file to read from.
pub struct ReadStream {
    file: Box<dyn File>,
    position: u64,
}

impl ReadStream {
    /// Reads `file` from its start.
    pub fn new(file: Box<dyn File>) -> Self {
        Self { file, position: 0 }
    }

    /// Metadata of the open file.
    pub fn metadata(&self) -> Result<Metadata> {
        self.file.metadata()
    }
}

impl Read for ReadStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.file.read_at(into, self.position)?;
        self.position += got as u64;
        Ok(got)
    }
}

impl Seek for ReadStream {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = sought(to, self.position, || Ok(self.file.metadata()?.size))?;
        Ok(self.position)
    }
}

enum Target {
    Staged(Box<dyn Staged>),
    InPlace(Box<dyn File>),
}

/// A file being written; see [`FileStorage::open_write`](super::FileStorage::open_write).
pub struct WriteStream<'a> {
    backend: &'a dyn Backend,
    path: VPath,
    target: Target,
    position: u64,
    persist: bool,
}

impl<'a> WriteStream<'a> {
    pub(super) fn staged(
        backend: &'a dyn Backend,
        path: VPath,
        staged: Box<dyn Staged>,
        persist: bool,
    ) -> Self {
        Self {
            backend,
            path,
            target: Target::Staged(staged),
            position: 0,
            persist,
        }
    }

    pub(super) fn in_place(
        backend: &'a dyn Backend,
        path: VPath,
        file: Box<dyn File>,
        persist: bool,
    ) -> Self {
        Self {
            backend,
            path,
            target: Target::InPlace(file),
            position: 0,
            persist,
        }
    }

    /// Is the old file untouched until `commit`?
    pub fn is_atomic(&self) -> bool {
        matches!(self.target, Target::Staged(_))
    }

    /// Makes what was written the content of the file, in one step.
    pub fn commit(self) -> Result<()> {
        if let Target::Staged(staged) = self.target {
            staged.commit(RenameMode::Replace)?;
        }
        if self.persist {
            self.backend.sync(Scope::Node(At::path(&self.path)))?;
            if let Some(parent) = self.path.parent() {
                self.backend.sync(Scope::Node(At::path(&parent)))?;
            }
        }
        Ok(())
    }

    fn file(&mut self) -> Result<&mut dyn File> {
        match &mut self.target {
            Target::Staged(staged) => staged
                .file()
                .ok_or_else(|| Error::new(ErrorKind::Unsupported, "write staged file")),
            Target::InPlace(file) => Ok(&mut **file),
        }
    }
}

impl Write for WriteStream<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let position = self.position;
        self.file()?.write_at(from, position)?;
        self.position += from.len() as u64;
        Ok(from.len())
    }

    /// Nothing is held back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for WriteStream<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.position;
        self.position = sought(to, position, || Ok(self.file()?.metadata()?.size))?;
        Ok(self.position)
    }
}

fn sought(to: SeekFrom, position: u64, size: impl FnOnce() -> io::Result<u64>) -> io::Result<u64> {
    let target = match to {
        SeekFrom::Start(offset) => Some(offset),
        SeekFrom::Current(by) => position.checked_add_signed(by),
        SeekFrom::End(by) => size()?.checked_add_signed(by),
    };
    target.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "seek").into())
}
