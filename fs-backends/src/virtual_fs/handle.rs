//! What a caller holds of an open file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_core::{ErrorKind, File, FileId, Metadata, Name, Result, SetAttr, VPath};
use parking_lot::Mutex;

use super::Shared;
use super::open_file::{OpenFile, bad_handle};
use super::resolve::{fail, tell};
use super::store::{Inode, NodeRecord, NodeStore};

/// Watchers hear of writes to one file at most this often, and once more when it is closed.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// A handle of a regular file.
pub(super) struct Handle<S: NodeStore> {
    pub(super) file: Arc<OpenFile<S>>,
    shared: Arc<Shared<S>>,
    path: VPath,
    read: bool,
    write: bool,
    /// The name it was opened by, for watchers.
    place: Option<(Inode, Name)>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    last: Option<Instant>,
    pending: bool,
}

impl<S: NodeStore> Handle<S> {
    pub(super) fn new(
        shared: &Arc<Shared<S>>,
        file: Arc<OpenFile<S>>,
        path: &VPath,
        (read, write): (bool, bool),
        place: Option<(Inode, Name)>,
    ) -> Self {
        if write {
            file.add_writer();
        }
        Self {
            file,
            shared: Arc::clone(shared),
            path: path.clone(),
            read,
            write,
            place,
            told: Mutex::default(),
        }
    }

    fn run<T>(
        &self,
        operation: &'static str,
        allowed: bool,
        f: impl FnOnce(&OpenFile<S>) -> Result<T>,
    ) -> Result<T> {
        if !allowed {
            return Err(tell(bad_handle(), operation, &self.path));
        }
        f(&self.file).map_err(|error| tell(error, operation, &self.path))
    }

    fn change<T>(
        &self,
        operation: &'static str,
        f: impl FnOnce(&OpenFile<S>) -> Result<T>,
    ) -> Result<T> {
        let done = self.run(operation, self.write, f)?;
        let mut told = self.told.lock();
        told.pending = true;
        if told.last.is_none_or(|last| last.elapsed() >= TELL_EVERY) {
            *told = Told {
                last: Some(Instant::now()),
                pending: false,
            };
            drop(told);
            self.tell_watchers();
        }
        Ok(done)
    }

    fn tell_watchers(&self) {
        self.shared
            .watchers
            .tell(self.place.iter().cloned().collect(), []);
    }
}

impl<S: NodeStore> Drop for Handle<S> {
    fn drop(&mut self) {
        if self.write {
            self.file.remove_writer();
        }
        if self.told.get_mut().pending {
            self.tell_watchers();
        }
    }
}

impl<S: NodeStore> File for Handle<S> {
    fn metadata(&self) -> Result<Metadata> {
        self.run("stat", true, |file| {
            Ok(metadata(self.shared.fs, file.ino, &file.record()?))
        })
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        self.run("read", self.read, |file| file.read_at(into, offset))
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        self.change("write", |file| {
            file.write_at(from, Some(offset), None).map(drop)
        })
    }

    fn append(&self, from: &[u8]) -> Result<u64> {
        self.change("append", |file| file.write_at(from, None, None))
    }

    fn write_with(&self, from: &[u8], offset: Option<u64>, attr: &SetAttr) -> Result<()> {
        debug_assert!(attr.size.is_none(), "the size is what was written");
        self.change("write", |file| {
            file.write_at(from, offset, Some(attr)).map(drop)
        })
    }

    fn set_len(&self, size_bytes: u64) -> Result<()> {
        self.change("set length", |file| {
            file.set_attr(&SetAttr::size(size_bytes))
        })
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        if *attr == SetAttr::default() {
            return Ok(());
        }
        // As fchmod(2): any handle will do, but cutting needs one for writing.
        let allowed = attr.size.is_none() || self.write;
        self.run("set attributes", allowed, |file| file.set_attr(attr))?;
        self.tell_watchers();
        Ok(())
    }

    fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        self.change("punch hole", |file| file.punch_hole(offset, len))
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        self.run("find data", true, |file| {
            let state = file.read();
            let size = state.record.size;
            let Some(content) = state.content()? else {
                return Ok(None);
            };
            let range = content.next_data(offset)?;
            Ok(range
                .map(|(start, end)| (start.max(offset), end.min(size)))
                .filter(|(start, end)| start < end))
        })
    }

    fn sync(&self, _data_only: bool) -> Result<()> {
        self.run("sync", true, |file| {
            let content = file.read().content()?;
            if let Some(content) = content {
                content.sync()?;
            }
            self.shared.store.barrier()
        })
    }
}

/// What `stat` says of a node.
pub(crate) fn metadata(fs: u64, ino: Inode, record: &NodeRecord) -> Metadata {
    Metadata {
        id: FileId { fs, ino },
        kind: record.kind,
        mode: record.mode,
        uid: record.uid,
        gid: record.gid,
        nlink: record.nlink,
        size: record.size,
        allocated: record.allocated,
        rdev: record.rdev,
        mtime: record.mtime,
        ctime: record.ctime,
        atime: record.atime,
        btime: Some(record.btime),
    }
}

/// Only a regular file can be opened.
pub(super) fn check_openable(record: &NodeRecord) -> Result<()> {
    use fs_core::FileKind as K;
    match record.kind {
        K::File => Ok(()),
        K::Directory => fail(ErrorKind::IsADirectory),
        K::Symlink => fail(ErrorKind::SymlinkLoop),
        K::Fifo | K::Socket | K::CharDevice | K::BlockDevice => fail(ErrorKind::Unsupported),
    }
}
