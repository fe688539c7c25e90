//! Open files: content, holes, durability.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::{Change, ErrorKind, File, Metadata, NewKind, OpenOptions, Result, SetAttr};
use fuser::{FileHandle, INodeNo, OpenAccMode, OpenFlags, WriteFlags};

use super::attributes::{Answer, Failure, without_set_id};
use super::caches::{Caching, for_kernel};
use super::gathered::Heard;
use super::inodes::Inode;
use super::server::{Caller, Server};

/// What a file may do that its user may not (`capabilities(7)`).
pub(super) const CAPABILITY: &str = "security.capability";

/// Most a copy in one request moves, so that it can be interrupted in between.
const COPY_MAX_BYTES: u64 = 16 << 20;

thread_local! {
    /// Each thread reads into one buffer.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn with_buffer<T>(len: usize, f: impl FnOnce(&mut [u8]) -> T) -> T {
    BUFFER.with_borrow_mut(|buffer| {
        if buffer.len() < len {
            buffer.resize(len, 0);
        }
        f(buffer.get_mut(..len).unwrap_or_default())
    })
}

/// A file a program holds open.
pub struct OpenFile {
    inode: Arc<Inode>,
    file: Arc<dyn File>,
    heard: Heard,
    writes: bool,
    /// Its capabilities were taken away, as the first write does.
    plain: AtomicBool,
}

impl OpenFile {
    /// Was it opened for writing?
    pub fn writes(&self) -> bool {
        self.writes
    }

    /// Changes attributes of the open file.
    pub fn set_attributes(&self, attr: &SetAttr) -> Result<()> {
        self.file.set_attr(attr)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if self.writes {
            self.inode.writers().fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Server {
    pub(super) fn open_file(
        &self,
        caller: Caller,
        ino: INodeNo,
        flags: OpenFlags,
    ) -> Answer<FileHandle> {
        let inode = self.inodes.get(ino.0)?;
        self.open_inode(caller, inode, flags)
    }

    fn open_inode(
        &self,
        caller: Caller,
        inode: Arc<Inode>,
        flags: OpenFlags,
    ) -> Answer<FileHandle> {
        let access = flags.acc_mode();
        let truncate = flags.0 & libc::O_TRUNC != 0;
        let how = OpenOptions {
            read: access != OpenAccMode::O_WRONLY,
            write: access != OpenAccMode::O_RDONLY,
            truncate: truncate && access != OpenAccMode::O_RDONLY,
            ..OpenOptions::read()
        };
        if truncate {
            self.gathering.settle(&inode);
            self.take_privileges(&inode, caller.uid != 0)?;
            if !how.truncate {
                let attr = SetAttr::size(0);
                self.change(&Change::SetAttr(self.here(&inode).at(), &attr))?;
            }
            self.activity.changed();
        }
        let file = for_kernel(|| self.backend.open(self.here(&inode).at(), &how))?;
        // A layer's file that is opened for writing may have become another node.
        self.note(&inode, &file.metadata()?);
        Ok(self.opened(inode, file, flags, false))
    }

    /// A handle of an open file; `plain`: it has no capabilities.
    fn opened(
        &self,
        inode: Arc<Inode>,
        file: Box<dyn File>,
        flags: OpenFlags,
        plain: bool,
    ) -> FileHandle {
        self.activity.opened();
        let writes = flags.acc_mode() != OpenAccMode::O_RDONLY;
        if writes {
            inode.writers().fetch_add(1, Ordering::AcqRel);
        }
        self.files.insert(OpenFile {
            heard: inode.slot().heard(),
            inode,
            file: Arc::from(file),
            writes,
            plain: AtomicBool::new(plain),
        })
    }

    pub(super) fn create_open(
        &self,
        caller: Caller,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        flags: OpenFlags,
    ) -> Answer<(Arc<Inode>, Metadata, FileHandle)> {
        if flags.acc_mode() != OpenAccMode::O_RDONLY
            && let Some(made) = self.make_open(caller, parent, name, mode, flags)?
        {
            return Ok(made);
        }
        let (inode, flags) = match self.make(caller, parent, name, NewKind::File, mode) {
            Ok((inode, _)) => (inode, OpenFlags(flags.0 & !libc::O_TRUNC)),
            // Someone else was faster, which only matters to who wants it new.
            Err(Failure(libc::EEXIST)) if flags.0 & libc::O_EXCL == 0 => {
                (self.lookup_name(parent, name)?.0, flags)
            }
            Err(failure) => return Err(failure),
        };
        match self.open_inode(caller, Arc::clone(&inode), flags) {
            Ok(handle) => Ok((Arc::clone(&inode), inode.last(), handle)),
            Err(failure) => {
                // The kernel is told of no lookup.
                self.inodes.forget(inode.number(), 1);
                Err(failure)
            }
        }
    }

    /// A new file, made and opened in one step. `None`: something has the name (or has taken it since), or the file is to have an owner.
    fn make_open(
        &self,
        caller: Caller,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        flags: OpenFlags,
    ) -> Answer<Option<(Arc<Inode>, Metadata, FileHandle)>> {
        let place = self.place(parent, name)?;
        let new = self.new_node(caller, parent, NewKind::File, mode)?;
        if new.owner.is_some() {
            return Ok(None);
        }
        let how = OpenOptions {
            read: flags.acc_mode() == OpenAccMode::O_RDWR,
            ..OpenOptions::create_new(new.mode)
        };
        let file = match self.changing(|| self.backend.open(place.at(), &how)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
            opened => opened?,
        };
        let metadata = file.metadata()?;
        let Some(node) = self.backend.pin(place.at()).ok() else {
            return Ok(None);
        };
        if node.id() != metadata.id {
            return Ok(None);
        }
        let inode = self.inodes.enter(node, &metadata, &[]);
        inode.plain().store(true, Ordering::Release);
        let handle = self.opened(Arc::clone(&inode), file, flags, true);
        Ok(Some((inode, metadata, handle)))
    }

    /// A descriptor is closed. Who may write is told what could not be stored.
    pub(super) fn flush_file(&self, handle: FileHandle) -> Answer<()> {
        let open = self.files.get(handle)?;
        if open.writes {
            return self.gathering.settle_and_tell(&open.inode, &open.heard);
        }
        self.gathering.settle(&open.inode);
        Ok(())
    }

    pub(super) fn close_file(&self, handle: FileHandle) {
        if let Ok(open) = self.files.get(handle) {
            self.gathering.settle(&open.inode);
        }
        for_kernel(|| self.files.remove(handle));
        self.activity.closed();
    }

    pub(super) fn read_file(
        &self,
        handle: FileHandle,
        offset: u64,
        size: u32,
        reply: impl FnOnce(Answer<&[u8]>),
    ) {
        let open = match self.files.get(handle) {
            Ok(open) => open,
            Err(failure) => return reply(Err(failure)),
        };
        self.gathering.settle(&open.inode);
        with_buffer(size as usize, |buffer| {
            match open.file.read_at(buffer, offset) {
                Ok(read) => reply(Ok(buffer.get(..read).unwrap_or_default())),
                Err(error) => reply(Err(error.into())),
            }
        });
    }

    pub(super) fn write_file(
        &self,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        how: WriteFlags,
        flags: OpenFlags,
    ) -> Answer<u32> {
        let open = self.files.get(handle)?;
        self.before_write(&open, how.contains(WriteFlags::FUSE_WRITE_KILL_SUIDGID))?;
        // Pages of a mapping are written where they belong, whatever the descriptor says. What it says may change while it is open (`F_SETFL`).
        let mapped = how.contains(WriteFlags::FUSE_WRITE_CACHE);
        let append = flags.0 & libc::O_APPEND != 0 && !mapped;
        if self.gathers && !mapped {
            let offset = (!append).then_some(offset);
            let by = (&open.file, &open.heard);
            let written = self.gathering.write(&open.inode, by, offset, data)?;
            return Ok(u32::try_from(written).unwrap_or(u32::MAX));
        }
        self.gathering.settle(&open.inode);
        self.changing(|| match append {
            true => open.file.append(data).map(drop),
            false => open.file.write_at(data, offset),
        })?;
        Ok(u32::try_from(data.len()).unwrap_or(u32::MAX))
    }

    fn before_write(&self, open: &OpenFile, kill: bool) -> Answer<()> {
        if kill {
            // A mode that waits may give the bits back.
            self.gathering.settle(&open.inode);
        }
        if !kill && open.plain.load(Ordering::Acquire) {
            return Ok(());
        }
        let _looking = self.looking();
        if !open.plain.swap(true, Ordering::AcqRel) {
            self.drop_capability(&open.inode)?;
            if kill && self.caching != Caching::Alone {
                self.stat(&open.inode)?;
            }
        }
        if kill {
            self.drop_set_id(&open.inode, open.inode.last().mode)?;
        }
        Ok(())
    }

    /// Takes away what lets a file do more than its user, before it is cut off.
    fn take_privileges(&self, inode: &Inode, set_id: bool) -> Answer<()> {
        self.drop_capability(inode)?;
        if set_id {
            let mode = self.stat(inode)?.mode;
            self.drop_set_id(inode, mode)?;
        }
        Ok(())
    }

    fn drop_set_id(&self, inode: &Inode, mode: u32) -> Answer<()> {
        let less = without_set_id(mode);
        if less == mode {
            return Ok(());
        }
        let attr = SetAttr::mode(less);
        self.change(&Change::SetAttr(self.here(inode).at(), &attr))?;
        self.stat(inode).map(drop)
    }

    /// Has it no capabilities for sure? The kernel asks about each new file.
    pub(super) fn is_plain(&self, inode: &Inode) -> bool {
        self.caching == Caching::Alone && inode.plain().load(Ordering::Acquire)
    }

    pub(super) fn drop_capability(&self, inode: &Inode) -> Answer<()> {
        let (here, name) = (self.here(inode), OsStr::new(CAPABILITY));
        if self.is_plain(inode) {
            return Ok(());
        }
        if self.backend.get_xattr(here.at(), name).is_err() {
            // None there, or none of these attributes at all.
            return Ok(());
        }
        match self.change(&Change::SetXattr(here.at(), name, None)) {
            Err(error) if error.kind() != ErrorKind::XattrNotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub(super) fn sync_file(&self, handle: FileHandle, data_only: bool) -> Answer<()> {
        let open = self.files.get(handle)?;
        self.gathering.settle_and_tell(&open.inode, &open.heard)?;
        Ok(open.file.sync(data_only)?)
    }

    /// `fallocate(2)`. Space is never reserved, as on any filesystem that writes elsewhere than where it read; what is asked for beyond the end is a hole.
    /// `set_id`: the bits that a write takes away go.
    pub(super) fn allocate(
        &self,
        handle: FileHandle,
        offset: u64,
        len: u64,
        mode: i32,
        set_id: bool,
    ) -> Answer<()> {
        const PUNCH: i32 = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        const ZERO: i32 = libc::FALLOC_FL_ZERO_RANGE;
        const ZERO_INSIDE: i32 = libc::FALLOC_FL_ZERO_RANGE | libc::FALLOC_FL_KEEP_SIZE;
        const KEEP_SIZE: i32 = libc::FALLOC_FL_KEEP_SIZE;
        let open = self.files.get(handle)?;
        let end = offset.checked_add(len).ok_or(Failure(libc::EFBIG))?;
        self.gathering.settle(&open.inode);
        self.before_write(&open, set_id)?;
        self.changing(|| {
            match mode {
                0 | KEEP_SIZE => self.check_room(&open, end)?,
                PUNCH | ZERO | ZERO_INSIDE => open.file.punch_hole(offset, len)?,
                _ => return Err(Failure(libc::EOPNOTSUPP)),
            }
            if matches!(mode, 0 | ZERO) && open.file.metadata()?.size < end {
                open.file.set_len(end)?;
            }
            Ok(())
        })
    }

    /// Would what is still a hole before `end` fit?
    fn check_room(&self, open: &OpenFile, end: u64) -> Answer<()> {
        let Some(space) = self.backend.extensions().space else {
            return Ok(());
        };
        let room = space.space(self.here(&open.inode).at())?.available_bytes;
        let missing = end.saturating_sub(open.file.metadata()?.size);
        if room.is_some_and(|room| missing > room) {
            return Err(Failure(libc::ENOSPC));
        }
        Ok(())
    }

    /// `SEEK_DATA` and `SEEK_HOLE` of `lseek(2)`; the end of the file counts as a hole.
    pub(super) fn seek(&self, handle: FileHandle, offset: i64, whence: i32) -> Answer<i64> {
        let open = self.files.get(handle)?;
        self.gathering.settle(&open.inode);
        let from = u64::try_from(offset).map_err(|_| Failure(libc::ENXIO))?;
        let size = open.file.metadata()?.size;
        if from >= size {
            return Err(Failure(libc::ENXIO));
        }
        let found = match whence {
            libc::SEEK_DATA => match open.file.next_data(from)? {
                Some((start, _)) => start.max(from),
                None => return Err(Failure(libc::ENXIO)),
            },
            libc::SEEK_HOLE => {
                let mut at = from;
                while at < size {
                    match open.file.next_data(at)? {
                        Some((start, end)) if start <= at && end > at => at = end,
                        _ => break,
                    }
                }
                at.min(size)
            }
            _ => return Err(Failure(libc::EINVAL)),
        };
        i64::try_from(found).map_err(|_| Failure(libc::EOVERFLOW))
    }

    /// `copy_file_range(2)`: the bytes need not pass through the kernel. `set_id`: the bits that a write takes away go.
    pub(super) fn copy_range(
        &self,
        (from, from_offset): (FileHandle, u64),
        (to, to_offset): (FileHandle, u64),
        len: u64,
        set_id: bool,
    ) -> Answer<u32> {
        let (from, to) = (self.files.get(from)?, self.files.get(to)?);
        self.gathering.settle(&from.inode);
        self.gathering.settle(&to.inode);
        self.before_write(&to, set_id)?;
        let len = len.min(COPY_MAX_BYTES);
        let mut done = 0;
        with_buffer(1 << 20, |buffer| {
            while done < len {
                let room = usize::try_from(len - done).unwrap_or(usize::MAX);
                let piece = room.min(buffer.len());
                let piece = buffer.get_mut(..piece).unwrap_or_default();
                let read = from.file.read_at(piece, from_offset + done)?;
                if read == 0 {
                    break;
                }
                let bytes = piece.get(..read).unwrap_or_default();
                match self.changing(|| to.file.write_at(bytes, to_offset + done)) {
                    Err(_) if done > 0 => break,
                    written => written?,
                }
                done += read as u64;
            }
            Ok::<(), Failure>(())
        })?;
        Ok(u32::try_from(done).unwrap_or(u32::MAX))
    }
}
