//! Reading, writing and copying whole files.

use std::path::Path;

use super::{FileStorage, ReadStream, WriteStream};
use crate::backend::{Backend, Change, RenameMode};
use crate::capabilities::Capabilities;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{File, OpenOptions, Staged};
use crate::metadata::{Metadata, NewNode, SetAttr, SetTime};
use crate::resolve::{Last, PathResolver, PosixResolver, Resolved};

/// Bytes moved at once.
const PIECE_BYTES: usize = 256 * 1024;

impl<B: Backend, R: PathResolver> FileStorage<B, R> {
    /// The content of a file.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        let file = self.open_file(path.as_ref())?;
        read_range(&*file, 0, usize::MAX).map_err(|error| error.or_path(path.as_ref()))
    }

    /// The content of a file that is text. `InvalidData` when it is not UTF-8.
    pub fn read_to_string(&self, path: impl AsRef<Path>) -> Result<String> {
        String::from_utf8(self.read(path.as_ref())?).map_err(|error| {
            Error::new(ErrorKind::InvalidData, "read text")
                .with_path(path.as_ref())
                .with_source(error.utf8_error())
        })
    }

    /// Up to `len` bytes from `offset`; fewer at the end, none past it.
    pub fn read_range(&self, path: impl AsRef<Path>, offset: u64, len: usize) -> Result<Vec<u8>> {
        let file = self.open_file(path.as_ref())?;
        read_range(&*file, offset, len).map_err(|error| error.or_path(path.as_ref()))
    }

    /// A reader that can seek. It keeps reading the file it opened, whatever happens to the name.
    pub fn open_read(&self, path: impl AsRef<Path>) -> Result<ReadStream> {
        self.open_file(path.as_ref()).map(ReadStream::new)
    }

    /// Creates or replaces a file. The inode, mode, owner, hard links and extended attributes of an existing file stay.
    ///
    /// Where the backend can (`ATOMIC_KEEPS_INODE`), readers see all of the old or all of the new content, also after a crash; elsewhere it is
    /// `std::fs::write`.
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Result<()> {
        let place = self.target(path.as_ref())?;
        let existing = self.replaceable(&place)?;
        if self.can_stage_over(existing.as_ref(), true) {
            let mut staged = self.stage(&place, existing.as_ref())?;
            content_of(&mut *staged)?.write_at(content.as_ref(), 0)?;
            staged.commit(RenameMode::Replace)?;
        } else {
            let file = self.backend.open(place.at(), &in_place(true))?;
            file.write_at(content.as_ref(), 0)?;
        }
        self.persist_content(&place, existing.is_none())
    }

    /// Adds to the end of a file, which is created when it is missing.
    pub fn append(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Result<()> {
        let place = self.target(path.as_ref())?;
        let file = self.backend.open(place.at(), &in_place(false))?;
        file.append(content.as_ref())?;
        self.persist_content(&place, place.metadata.is_none())
    }

    /// Cuts a file, or extends it with zeros, to `size_bytes`.
    pub fn truncate(&self, path: impl AsRef<Path>, size_bytes: u64) -> Result<()> {
        let place = self.existing(path.as_ref())?;
        self.backend
            .change(&Change::SetAttr(place.at(), &SetAttr::size(size_bytes)))?;
        self.persist_node(place.at())
    }

    /// A writer that can seek; what it wrote appears under `path` with [`WriteStream::commit`]. Dropped before, it leaves the old file.
    ///
    /// Where a node cannot be prepared aside (no capability `STAGE`, or a file with several names that must stay one file), it writes in place
    /// and there is nothing to go back to: [`WriteStream::is_atomic`].
    pub fn open_write(&self, path: impl AsRef<Path>) -> Result<WriteStream<'_>> {
        let place = self.staging_target(path.as_ref())?;
        let existing = self.replaceable(&place)?;
        let persist = self.persists();
        if self.can_stage_over(existing.as_ref(), false) {
            let staged = self.stage(&place, existing.as_ref())?;
            Ok(WriteStream::staged(
                &self.backend,
                place.path,
                staged,
                persist,
            ))
        } else {
            let file = self.backend.open(place.at(), &in_place(true))?;
            Ok(WriteStream::in_place(
                &self.backend,
                place.path,
                file,
                persist,
            ))
        }
    }

    /// Copies a file: content, mode, mtime and extended attributes. A file at `to` is replaced. Returns the bytes copied.
    ///
    /// Links are followed. `SameFile` when both are one file, `IsADirectory` for a folder.
    pub fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<u64> {
        self.copy_with(from, to, RenameMode::Replace)
    }

    /// Copies a file, with `NoReplace` only when `to` is free.
    pub fn copy_with(
        &self,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
        mode: RenameMode,
    ) -> Result<u64> {
        let source = self.existing(from.as_ref())?;
        let file = self.backend.open(source.at(), &OpenOptions::read())?;
        let attributes = file.metadata()?;
        let target = self.staging_target(to.as_ref())?;
        let existing = self.replaceable(&target)?;
        if let Some(existing) = &existing {
            let kind = if mode == RenameMode::NoReplace {
                ErrorKind::AlreadyExists
            } else if existing.id == attributes.id {
                ErrorKind::SameFile
            } else {
                ErrorKind::Io
            };
            if kind != ErrorKind::Io {
                return Err(Error::new(kind, "copy").with_path(to.as_ref()));
            }
        }
        let powers = self.capabilities();
        let mtime = SetTime::To(attributes.mtime);
        let kept = SetAttr {
            mode: powers
                .contains(Capabilities::MODE)
                .then_some(attributes.mode),
            mtime: powers.contains(Capabilities::TIMES).then_some(mtime),
            ..SetAttr::default()
        };
        if self.can_stage_over(existing.as_ref(), false) {
            let node = NewNode::file().with_mode(attributes.mode);
            let mut staged = self.backend.stage(target.at(), &node)?;
            if !staged.fill_from(source.at(), &Control::new())? {
                copy_content(&*file, content_of(&mut *staged)?, attributes.size)?;
            }
            for name in self.backend.list_xattrs(source.at())? {
                staged.set_xattr(&name, &self.backend.get_xattr(source.at(), &name)?)?;
            }
            staged.set_attr(&kept)?;
            staged.commit(mode)?;
        } else {
            let how = OpenOptions {
                create_new: mode == RenameMode::NoReplace,
                mode: attributes.mode,
                ..in_place(true)
            };
            let into = self.backend.open(target.at(), &how)?;
            copy_content(&*file, &*into, attributes.size)?;
            drop(into);
            for name in self.backend.list_xattrs(source.at())? {
                let value = self.backend.get_xattr(source.at(), &name)?;
                self.backend
                    .change(&Change::SetXattr(target.at(), &name, Some(&value)))?;
            }
            if kept != SetAttr::default() {
                self.backend.change(&Change::SetAttr(target.at(), &kept))?;
            }
        }
        self.persist_content(&target, existing.is_none())?;
        Ok(attributes.size)
    }

    pub(super) fn open_file(&self, path: &Path) -> Result<Box<dyn File>> {
        let place = self.existing(path)?;
        self.backend.open(place.at(), &OpenOptions::read())
    }

    /// Where a file is to be written, which may not exist yet.
    fn target(&self, path: &Path) -> Result<Resolved> {
        self.resolver.resolve(&self.backend, path, Last::Create)
    }

    /// As [`target`](Self::target), with links resolved here: a node prepared aside takes the place of what a link leads to, not of the link.
    fn staging_target(&self, path: &Path) -> Result<Resolved> {
        PosixResolver.resolve(&self.backend, path, Last::Create)
    }

    /// The file that is to be overwritten, if there is one. `IsADirectory`.
    fn replaceable(&self, place: &Resolved) -> Result<Option<Metadata>> {
        let existing = match place.metadata {
            Some(metadata) => Some(metadata),
            None => match self.backend.stat(place.at()) {
                Ok(metadata) => Some(metadata),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
        };
        if existing.is_some_and(|existing| existing.is_dir()) {
            return Err(Error::new(ErrorKind::IsADirectory, "write").with_path(&place.path));
        }
        Ok(existing)
    }

    /// May a staged node take this place? `keep_inode`: only if it stays the same inode.
    fn can_stage_over(&self, existing: Option<&Metadata>, keep_inode: bool) -> bool {
        let capabilities = self.capabilities();
        capabilities.contains(Capabilities::STAGE)
            && match existing {
                None => !(keep_inode && capabilities.contains(Capabilities::SELF_RESOLVING)),
                Some(existing) if !existing.is_file() => false,
                Some(existing) => {
                    capabilities.contains(Capabilities::ATOMIC_KEEPS_INODE)
                        || (!keep_inode && existing.nlink == 1)
                }
            }
    }

    /// A staged file with the attributes of the one it is to replace.
    fn stage(&self, place: &Resolved, existing: Option<&Metadata>) -> Result<Box<dyn Staged>> {
        let Some(existing) = existing else {
            return self.backend.stage(place.at(), &NewNode::file());
        };
        let node = NewNode {
            owner: Some((existing.uid, existing.gid)),
            ..NewNode::file().with_mode(existing.mode)
        };
        let mut staged = self.backend.stage(place.at(), &node)?;
        for name in self.backend.list_xattrs(place.at())? {
            staged.set_xattr(&name, &self.backend.get_xattr(place.at(), &name)?)?;
        }
        Ok(staged)
    }

    fn persist_content(&self, place: &Resolved, is_new: bool) -> Result<()> {
        self.persist_node(place.at())?;
        if is_new {
            self.persist_names(&[&place.path])?;
        }
        Ok(())
    }
}

/// How a file is opened to be written where it stands.
fn in_place(truncate: bool) -> OpenOptions {
    OpenOptions {
        read: false,
        truncate,
        create: true,
        ..OpenOptions::read_write()
    }
}

fn content_of(staged: &mut dyn Staged) -> Result<&mut dyn File> {
    staged
        .file()
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, "write staged file"))
}

/// Reads piece by piece, so that a size or a `len` that is not true allocates nothing; a small file in one piece, which has room for one byte more than
/// the file, so that its end is met.
fn read_range(file: &dyn File, offset: u64, len: usize) -> Result<Vec<u8>> {
    let rest = file.metadata()?.size.saturating_sub(offset);
    let rest = usize::try_from(rest).unwrap_or(usize::MAX);
    let mut out = Vec::new();
    while out.len() < len {
        let start = out.len();
        let room = match rest.checked_sub(start) {
            // More than it said, as every file in `/proc`.
            None | Some(0) => PIECE_BYTES,
            Some(left) => left.saturating_add(1).min(PIECE_BYTES),
        };
        let room = room.min(len - start);
        if start == 0 {
            // Zeroed by the system, not byte by byte.
            out = vec![0; room];
        } else {
            out.resize(start + room, 0);
        }
        let into = out.get_mut(start..).unwrap_or_default();
        let got = file.read_at(into, offset.saturating_add(start as u64))?;
        out.truncate(start + got);
        // A short read says nothing, unless it ends where the file does.
        if got == 0 || (got < room && out.len() == rest) {
            break;
        }
    }
    Ok(out)
}

/// Copies `size` bytes, holes as holes.
fn copy_content(from: &dyn File, to: &dyn File, size: u64) -> Result<()> {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut at = 0;
    while let Some((start, end)) = from.next_data(at)? {
        at = start;
        while at < end.min(size) {
            let room = usize::try_from(end.min(size) - at).unwrap_or(PIECE_BYTES);
            let piece = buffer.get_mut(..room.min(PIECE_BYTES)).unwrap_or_default();
            let got = from.read_at(piece, at)?;
            if got == 0 {
                break;
            }
            to.write_at(piece.get(..got).unwrap_or_default(), at)?;
            at += got as u64;
        }
        if end >= size || at < end {
            break;
        }
    }
    if to.metadata()?.size != size {
        to.set_len(size)?;
    }
    Ok(())
}
