//! The records of a saved file, and how they are spelled.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use fs_core::{FileKind, Result, Time};

use super::super::bytes::CHUNK_BYTES;
use super::section::{Tag, damaged};
use crate::virtual_fs::{ContentId, Inode};

/// `next_ino`. First of all.
pub(super) const HEAD: Tag = *b"HEAD";
/// [`NodeEntry`].
pub(super) const NODE: Tag = *b"NODE";
/// `dir, ino, name`.
pub(super) const NAME: Tag = *b"NAME";
/// `ino, name, value`.
pub(super) const XATTR: Tag = *b"XATR";
/// `id, ino, deleted, original path`.
pub(super) const TRASH: Tag = *b"TRSH";
/// `content, chunk number, bytes`.
pub(super) const DATA: Tag = *b"DATA";

// Version 2: several moments of a filesystem, each told by what it has other than the one before.

/// `last snapshot id, limit in bytes (u64::MAX: none)`.
pub(super) const MORE: Tag = *b"MORE";
/// `id, taken, name`: what was told so far is this snapshot.
pub(super) const SNAPSHOT: Tag = *b"SNAP";
/// `ino`: a node is gone, with its names for others and its attributes.
pub(super) const GONE: Tag = *b"GONE";
/// `dir, name`: a name is gone.
pub(super) const UNNAME: Tag = *b"UNNM";
/// `ino`: all extended attributes of a node are gone.
pub(super) const NO_XATTRS: Tag = *b"NOXA";
/// `id`: an item of the trash is gone.
pub(super) const NO_TRASH: Tag = *b"NOTR";
/// `content, chunk number`: a chunk is gone.
pub(super) const HOLE: Tag = *b"HOLE";
/// `content, chunk number, n`: the bytes of the n-th [`DATA`] record, counted from 0.
pub(super) const SAME: Tag = *b"SAME";

/// A node, without what follows from the names.
pub(super) struct NodeEntry {
    pub(super) ino: Inode,
    pub(super) kind: FileKind,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) rdev: u64,
    pub(super) size: u64,
    pub(super) times: [Time; 4],
    pub(super) content: ContentId,
    pub(super) target: Option<OsString>,
}

/// Spells records.
pub(super) trait Put {
    fn number(&mut self, number: u64);
    fn short(&mut self, number: u32);
    fn text(&mut self, text: &[u8]);

    fn time(&mut self, time: Time) {
        self.number(time.nanos().cast_unsigned());
    }

    fn node(&mut self, node: &NodeEntry) {
        self.number(node.ino);
        self.short(u32::from(node.kind as u8));
        self.short(node.mode);
        self.short(node.uid);
        self.short(node.gid);
        self.number(node.rdev);
        self.number(node.size);
        node.times.iter().for_each(|time| self.time(*time));
        self.number(node.content.0);
        self.text(node.target.as_ref().map_or(&[], |target| target.as_bytes()));
    }
}

impl Put for Vec<u8> {
    fn number(&mut self, number: u64) {
        self.extend_from_slice(&number.to_le_bytes());
    }

    fn short(&mut self, number: u32) {
        self.extend_from_slice(&number.to_le_bytes());
    }

    /// No text is longer than a chunk, so the length always fits.
    fn text(&mut self, text: &[u8]) {
        self.short(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.extend_from_slice(text);
    }
}

/// Reads records from the payload of a section.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (bytes, rest) = self
            .0
            .split_first_chunk()
            .ok_or_else(|| damaged("record is cut off"))?;
        self.0 = rest;
        Ok(*bytes)
    }

    pub(super) fn number(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn short(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn time(&mut self) -> Result<Time> {
        self.number()
            .map(|nanos| Time::from_nanos(nanos.cast_signed()))
    }

    pub(super) fn text(&mut self) -> Result<&'a [u8]> {
        let len = self.short()? as usize;
        if len > CHUNK_BYTES {
            return Err(damaged("text is too long"));
        }
        let (text, rest) = self
            .0
            .split_at_checked(len)
            .ok_or_else(|| damaged("record is cut off"))?;
        self.0 = rest;
        Ok(text)
    }

    pub(super) fn os_str(&mut self) -> Result<&'a OsStr> {
        self.text().map(OsStr::from_bytes)
    }

    pub(super) fn node(&mut self) -> Result<NodeEntry> {
        let ino = self.number()?;
        let kind = u8::try_from(self.short()?)
            .ok()
            .and_then(FileKind::from_number);
        Ok(NodeEntry {
            ino,
            kind: kind.ok_or_else(|| damaged("unknown kind of file"))?,
            mode: self.short()?,
            uid: self.short()?,
            gid: self.short()?,
            rdev: self.number()?,
            size: self.number()?,
            times: [self.time()?, self.time()?, self.time()?, self.time()?],
            content: ContentId(self.number()?),
            target: match self.text()? {
                [] => None,
                target => Some(OsString::from_vec(target.to_vec())),
            },
        })
    }
}
