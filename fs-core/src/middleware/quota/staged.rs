//! Staged nodes under a quota.

use std::ffi::OsStr;
use std::sync::Arc;

use super::file::end;
use super::ledger::{Ledger, Reserved};
use super::{Usage, scan};
use crate::backend::{At, Backend, Node, RenameMode};
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{File, Staged};
use crate::metadata::{FileId, Metadata, SetAttr};
use crate::path::VPath;

/// A node that has no name yet. Its content counts from the first byte, and is given back when it never gets a name.
pub(super) struct QuotaStaged<B: Backend + 'static> {
    parts: Option<Parts>,
    backend: Arc<B>,
    ledger: Arc<Ledger>,
}

/// What is left of a staged node when it is to be committed.
pub(super) struct Parts {
    pub(super) staged: parking_lot::Mutex<Box<dyn Staged>>,
    pub(super) dir: Option<Node>,
    pub(super) path: VPath,
    is_file: bool,
    filled: bool,
}

impl Parts {
    /// Bytes of its content.
    fn size(&self) -> u64 {
        let mut staged = self.staged.lock();
        let file = staged.file();
        file.and_then(|file| file.metadata().ok())
            .map_or(0, |node| node.size)
    }

    /// May its content be shared with another file?
    pub(super) fn is_filled(&self) -> bool {
        self.filled
    }

    /// Makes sure that its content is its own. Handles of the file it replaces could otherwise hold the new content as well as the old one.
    pub(super) fn unshare(&self) -> Result<()> {
        let mut staged = self.staged.lock();
        let mut byte = [0];
        let Some(file) = staged.file() else {
            return Ok(());
        };
        let before = file.metadata()?;
        if file.read_at(&mut byte, 0)? == 0 {
            return Ok(());
        }
        file.write_at(&byte, 0)?;
        staged.set_attr(&SetAttr::mtime(before.mtime))
    }

    /// The directory and the name it goes to.
    pub(super) fn target(&self) -> (Option<FileId>, VPath) {
        (self.dir.as_ref().map(Node::id), self.path.clone())
    }

    /// Where it will appear.
    pub(super) fn at(&self) -> At<'_> {
        match &self.dir {
            Some(dir) => At::in_dir(dir, &self.path),
            None => At::path(&self.path),
        }
    }
}

impl<B: Backend + 'static> QuotaStaged<B> {
    pub(super) fn new(
        mut staged: Box<dyn Staged>,
        at: At<'_>,
        backend: Arc<B>,
        ledger: Arc<Ledger>,
    ) -> Self {
        let is_file = staged.file().is_some();
        let (dir, path) =
            held_place(&*backend, at).unwrap_or_else(|| (at.dir.cloned(), at.path.clone()));
        Self {
            parts: Some(Parts {
                staged: parking_lot::Mutex::new(staged),
                dir,
                path,
                is_file,
                filled: false,
            }),
            backend,
            ledger,
        }
    }

    /// Its parts, for a commit, and the room of its content.
    pub(super) fn into_parts(mut self) -> Result<(Parts, Reserved)> {
        let parts = self.parts.take().ok_or_else(gone)?;
        let content = self.ledger.held(Usage::bytes(parts.size()));
        Ok((parts, content))
    }

    pub(super) fn parts(&self) -> Result<&Parts> {
        self.parts.as_ref().ok_or_else(gone)
    }

    fn on_file<T>(&self, call: impl FnOnce(&dyn File) -> Result<T>) -> Result<T> {
        match self.parts()?.staged.lock().file() {
            Some(file) => call(file),
            None => Err(Error::new(ErrorKind::BadHandle, "write staged file")),
        }
    }

    fn resize<T>(
        &self,
        wanted_bytes: impl FnOnce(u64) -> u64,
        act: impl FnOnce(&dyn File) -> Result<T>,
    ) -> Result<T> {
        let size = || self.on_file(|file| Ok(file.metadata()?.size));
        self.ledger.resize(size, wanted_bytes, || self.on_file(act))
    }
}

/// The directory a staged node will appear in, held on to, and the name there: the directory may be moved before the commit.
fn held_place(backend: &dyn Backend, at: At<'_>) -> Option<(Option<Node>, VPath)> {
    let (parent, name) = at.path.split_last()?;
    let dir = backend.pin(At {
        path: &parent,
        ..at
    });
    Some((Some(dir.ok()?), VPath::root().join(&name)))
}

fn gone() -> Error {
    Error::new(ErrorKind::BadHandle, "staged")
}

impl<B: Backend + 'static> Staged for QuotaStaged<B> {
    fn file(&mut self) -> Option<&mut dyn File> {
        let is_file = self.parts.as_ref().is_some_and(|parts| parts.is_file);
        is_file.then_some(self as &mut dyn File)
    }

    fn set_attr(&mut self, attr: &SetAttr) -> Result<()> {
        let apply = |parts: &Parts| parts.staged.lock().set_attr(attr);
        match attr.size {
            Some(size_bytes) => {
                let size = || Ok(self.parts()?.size());
                self.ledger
                    .resize(size, |_| size_bytes, || apply(self.parts()?))
            }
            None => apply(self.parts()?),
        }
    }

    fn set_xattr(&mut self, name: &OsStr, value: &[u8]) -> Result<()> {
        self.parts()?.staged.lock().set_xattr(name, value)
    }

    fn fill_from(&mut self, source: At<'_>, control: &Control) -> Result<bool> {
        let source_bytes = self.backend.stat(source)?.size;
        let size = || Ok(self.parts()?.size());
        let filled = self.ledger.resize(
            size,
            |before| before.max(source_bytes),
            || self.parts()?.staged.lock().fill_from(source, control),
        )?;
        if let Some(parts) = &mut self.parts {
            parts.filled |= filled;
        }
        Ok(filled)
    }

    fn secure(&mut self) -> Result<()> {
        self.parts()?.staged.lock().secure()
    }

    fn node(&self) -> Result<Node> {
        self.parts()?.staged.lock().node()
    }

    fn commit(self: Box<Self>, mode: RenameMode) -> Result<FileId> {
        let (backend, ledger) = (self.backend.clone(), self.ledger.clone());
        let _names = ledger.names();
        super::commit::commit_one(&*backend, &ledger, *self, mode)
    }
}

impl<B: Backend + 'static> File for QuotaStaged<B> {
    fn metadata(&self) -> Result<Metadata> {
        self.on_file(|file| file.metadata())
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        self.on_file(|file| file.read_at(into, offset))
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        let wanted = |size: u64| match from {
            [] => size,
            _ => size.max(end(offset, from)),
        };
        self.resize(wanted, |file| file.write_at(from, offset))
    }

    fn append(&self, from: &[u8]) -> Result<u64> {
        self.resize(|size| end(size, from), |file| file.append(from))
    }

    fn set_len(&self, size_bytes: u64) -> Result<()> {
        self.resize(|_| size_bytes, |file| file.set_len(size_bytes))
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        match attr.size {
            Some(size_bytes) => self.resize(|_| size_bytes, |file| file.set_attr(attr)),
            None => self.on_file(|file| file.set_attr(attr)),
        }
    }

    fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        self.on_file(|file| file.punch_hole(offset, len))
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        self.on_file(|file| file.next_data(offset))
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        self.on_file(|file| file.sync(data_only))
    }
}

impl<B: Backend + 'static> Drop for QuotaStaged<B> {
    /// Never committed: its content goes, and what was put into a staged directory.
    fn drop(&mut self) {
        let Some(parts) = self.parts.take() else {
            return;
        };
        let room = if parts.is_file {
            Usage::bytes(parts.size())
        } else {
            let node = parts.staged.lock().node();
            let inside = node.and_then(|node| {
                let root = VPath::root();
                let at = At::in_dir(&node, &root);
                match self.backend.stat(at)?.is_dir() {
                    true => scan::below(&*self.backend, at),
                    false => Ok(Usage::default()),
                }
            });
            inside.unwrap_or_default()
        };
        drop(parts);
        self.ledger.release(room);
    }
}
