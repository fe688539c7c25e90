//! Open folders: a listing with offsets that stay what they are while entries come and go.
//!
//! What was listed is kept until the folder is closed, and an offset is a place in it. Going back to the start lists anew.

use std::ffi::OsStr;
use std::sync::Arc;

use fs_core::{EntryBatch, ErrorKind, Listing, Want};
use fuser::{FileHandle, FileType, INodeNo};
use parking_lot::Mutex;

use super::attributes::{Answer, file_type};
use super::inodes::{Inode, ROOT};
use super::server::Server;

/// A folder a program holds open.
pub struct OpenFolder {
    inode: Arc<Inode>,
    read: Mutex<Read>,
}

#[derive(Default)]
struct Read {
    /// `None` before the start and after the end.
    listing: Option<Box<dyn Listing>>,
    started: bool,
    entries: EntryBatch,
}

/// An entry as the kernel wants it.
pub struct Entry<'a> {
    /// Its inode number.
    pub number: u64,
    /// The offset of what comes after it.
    pub next: u64,
    /// Its kind.
    pub kind: FileType,
    /// Its name.
    pub name: &'a OsStr,
}

impl Entry<'_> {
    /// Is it `.` or `..`?
    pub fn is_dot(&self) -> bool {
        self.name == "." || self.name == ".."
    }
}

/// `.` and `..` come first.
const DOTS: [&str; 2] = [".", ".."];

impl Server {
    pub(super) fn open_folder(&self, ino: INodeNo) -> Answer<FileHandle> {
        let inode = self.inodes.get(ino.0)?;
        Ok(self.folders.insert(OpenFolder {
            inode,
            read: Mutex::default(),
        }))
    }

    /// Gives the entries from `offset` on to `add`, until it says that its buffer is full.
    pub(super) fn list_folder(
        &self,
        handle: FileHandle,
        offset: u64,
        mut add: impl FnMut(Entry<'_>) -> Answer<bool>,
    ) -> Answer<()> {
        let folder = self.folders.get(handle)?;
        let mut read = folder.read.lock();
        if offset == 0 && read.started {
            *read = Read::default();
        }
        let mut index = usize::try_from(offset).unwrap_or(usize::MAX);
        loop {
            let next = index as u64 + 1;
            if let Some(dot) = DOTS.get(index) {
                let number = folder.inode.number();
                let full = add(Entry {
                    number,
                    next,
                    kind: FileType::Directory,
                    name: OsStr::new(dot),
                })?;
                if full {
                    return Ok(());
                }
                index += 1;
                continue;
            }
            if !self.read_to(&folder.inode, &mut read, index - DOTS.len())? {
                return Ok(());
            }
            let Some(entry) = read.entries.get(index - DOTS.len()) else {
                return Ok(());
            };
            let added = add(Entry {
                number: entry.ino.max(ROOT + 1),
                next,
                kind: file_type(entry.kind),
                name: entry.name,
            });
            match added {
                Ok(false) => index += 1,
                Ok(true) => return Ok(()),
                // What was added already is an answer; the error comes back with the next request.
                Err(_) if index as u64 > offset => return Ok(()),
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Reads on until the entry at `index` is there; `false` when there are not so many. A removed folder holds nothing.
    fn read_to(&self, inode: &Inode, read: &mut Read, index: usize) -> Answer<bool> {
        if !read.started {
            read.started = true;
            match self.backend.list(self.here(inode).at(), &Want::names()) {
                Ok(listing) => read.listing = Some(listing),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        while read.entries.len() <= index {
            let Some(listing) = &mut read.listing else {
                return Ok(false);
            };
            if !listing.next(&mut read.entries)? {
                read.listing = None;
            }
        }
        Ok(true)
    }
}
