//! Listing a host folder: one `getdents64(2)` buffer a batch, and one `statx(2)` an entry when metadata is wanted.

use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use fs_core::{EntryBatch, FileKind, Listing, Metadata, Result, VPath};
use rustix::fs::{AtFlags, FileType, RawDir};
use rustix::io::Errno;

use super::attr;
use super::reach::Doing as _;
use super::staging_name::is_staged;

/// Room for some 600 entries with names of usual length.
const BUFFER_BYTES: usize = 32 * 1024;

/// A running listing; the kernel keeps the position with the descriptor.
pub struct HostListing {
    dir: OwnedFd,
    path: VPath,
    metadata: bool,
    hidden: Option<OsString>,
    /// Shows staged nodes, too.
    staged: bool,
    buffer: Box<[MaybeUninit<u8>]>,
}

impl HostListing {
    /// Lists `dir`, leaving out the name `hidden`. `path` is for errors.
    pub fn new(dir: OwnedFd, path: VPath, metadata: bool, hidden: Option<OsString>) -> Self {
        Self {
            dir,
            path,
            metadata,
            hidden,
            staged: false,
            buffer: Box::new_uninit_slice(BUFFER_BYTES),
        }
    }
}

impl HostListing {
    /// The same with what is being staged in the folder, for who empties it.
    pub fn with_staged(self) -> Self {
        Self {
            staged: true,
            ..self
        }
    }
}

impl Listing for HostListing {
    fn next(&mut self, into: &mut EntryBatch) -> Result<bool> {
        let Self {
            dir,
            path,
            metadata,
            hidden,
            staged,
            buffer,
        } = self;
        let mut entries = RawDir::new(dir.as_fd(), buffer);
        while let Some(entry) = entries.next() {
            let entry = match entry {
                // A folder that was removed while it was listed has no more entries.
                Err(Errno::NOENT) => return Ok(false),
                entry => entry.doing("list", path)?,
            };
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            let left_out = name == "."
                || name == ".."
                || Some(name) == hidden.as_deref()
                || (!*staged && is_staged(name));
            if left_out {
                if entries.is_buffer_empty() {
                    return Ok(true);
                }
                continue;
            }
            let mut kind = kind(entry.file_type());
            let mut found: Option<Metadata> = None;
            let mut gone = false;
            if *metadata || kind.is_none() {
                match attr::stat_at(dir.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(m) => {
                        kind = Some(m.kind);
                        found = metadata.then_some(m);
                    }
                    // Removed since: not an entry any more. Anything else (a folder that may be read but not searched): no metadata.
                    Err(e) => gone = e == Errno::NOENT,
                }
            }
            if !gone {
                into.push(name, kind.unwrap_or(FileKind::File), entry.ino(), found);
            }
            if entries.is_buffer_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn kind(file_type: FileType) -> Option<FileKind> {
    Some(match file_type {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
        FileType::CharacterDevice => FileKind::CharDevice,
        FileType::BlockDevice => FileKind::BlockDevice,
        FileType::Unknown => return None,
    })
}
