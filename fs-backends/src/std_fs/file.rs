//! An open file of the host.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use fs_core::{Error, ErrorKind, File, Metadata, Result, SetAttr, VPath};
use parking_lot::Mutex;
use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::{Errno, ReadWriteFlags};

use super::attr;
use super::reach::Doing as _;

/// An open regular file.
pub struct HostFile {
    fd: OwnedFd,
    path: VPath,
    writable: bool,
    /// Held while the descriptor's own position is used; reads and writes carry theirs.
    position: Mutex<()>,
}

impl HostFile {
    /// Takes over an open descriptor; `path` is for errors.
    pub fn new(fd: OwnedFd, path: VPath, writable: bool) -> Self {
        Self {
            fd,
            path,
            writable,
            position: Mutex::new(()),
        }
    }

    /// The descriptor alone.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    fn check_writable(&self, operation: &'static str) -> Result<()> {
        if self.writable {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::BadHandle, operation).with_path(&self.path))
        }
    }
}

impl AsFd for HostFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl File for HostFile {
    fn metadata(&self) -> Result<Metadata> {
        attr::stat_fd(&self.fd).doing("stat", &self.path)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        let mut done = 0;
        while let Some(rest @ [_, ..]) = into.get_mut(done..) {
            match rustix::io::pread(&self.fd, rest, offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(len) => done += len,
                Err(Errno::INTR) => {}
                // Offsets beyond what the kernel can express lie behind every end.
                Err(Errno::INVAL) if i64::try_from(offset).is_err() => break,
                Err(e) => return Err(e).doing("read", &self.path),
            }
        }
        Ok(done)
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        let mut done = 0;
        // Nothing is written as well: whether it may be, the kernel knows.
        while let Some(rest) = from.get(done..) {
            match rustix::io::pwrite(&self.fd, rest, offset.saturating_add(done as u64)) {
                Ok(len) => done += len,
                Err(Errno::INTR) => {}
                Err(Errno::INVAL) if i64::try_from(offset).is_err() => {
                    return Err(Errno::FBIG).doing("write", &self.path);
                }
                Err(e) => return Err(e).doing("write", &self.path),
            }
            if done == from.len() {
                break;
            }
        }
        Ok(())
    }

    /// `RWF_APPEND` finds the end and writes in one step (`pwritev2(2)`); offset -1 leaves the descriptor's position behind what was written.
    fn append(&self, from: &[u8]) -> Result<u64> {
        let _position = self.position.lock();
        let mut start = None;
        let mut done = 0;
        while let Some(rest) = from.get(done..) {
            let written = match rustix::io::pwritev2(
                &self.fd,
                &[IoSlice::new(rest)],
                u64::MAX,
                ReadWriteFlags::APPEND,
            ) {
                Err(Errno::INTR) => continue,
                written => written.doing("append", &self.path)?,
            };
            if start.is_none() {
                let end = rustix::fs::tell(&self.fd).doing("append", &self.path)?;
                start = Some(end.saturating_sub(written as u64));
            }
            done += written;
            if done == from.len() {
                break;
            }
        }
        match start {
            Some(start) if !from.is_empty() => Ok(start),
            _ => Ok(self.metadata()?.size),
        }
    }

    fn set_len(&self, size_bytes: u64) -> Result<()> {
        self.check_writable("set length")?;
        if i64::try_from(size_bytes).is_err() {
            return Err(Errno::FBIG).doing("set length", &self.path);
        }
        rustix::fs::ftruncate(&self.fd, size_bytes).doing("set length", &self.path)
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        if let Some(size) = attr.size {
            self.set_len(size)?;
        }
        attr::set(self.as_fd(), attr).doing("set attributes", &self.path)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        self.check_writable("punch hole")?;
        if len == 0 || i64::try_from(offset).is_err() {
            return Ok(());
        }
        let size = self.metadata()?.size;
        // Behind the end there is nothing but the times to change: one byte there does it.
        let end = offset.saturating_add(len).min(size.max(offset + 1));
        let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.fd, mode, offset, end - offset) {
            Err(Errno::OPNOTSUPP) if offset >= size => Ok(()),
            Err(Errno::OPNOTSUPP) => self.write_zeros(offset, end),
            done => done.doing("punch hole", &self.path),
        }
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        let _position = self.position.lock();
        let start = match rustix::fs::seek(&self.fd, SeekFrom::Data(offset)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Ok(None),
            // The filesystem knows nothing of holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => {
                let size = self.metadata()?.size;
                return Ok((offset < size).then_some((offset, size)));
            }
            Err(e) => return Err(e).doing("find data", &self.path),
        };
        match rustix::fs::seek(&self.fd, SeekFrom::Hole(start)) {
            Ok(end) => Ok(Some((start, end))),
            // Cut off in between.
            Err(Errno::NXIO) => Ok(None),
            Err(e) => Err(e).doing("find data", &self.path),
        }
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        if data_only {
            rustix::fs::fdatasync(&self.fd)
        } else {
            rustix::fs::fsync(&self.fd)
        }
        .doing("sync", &self.path)
    }
}

impl HostFile {
    /// What a filesystem without holes does instead of punching one.
    fn write_zeros(&self, offset: u64, end: u64) -> Result<()> {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        let mut at = offset;
        while at < end {
            let len = usize::try_from(end - at).map_or(ZEROS.len(), |len| len.min(ZEROS.len()));
            self.write_at(ZEROS.get(..len).unwrap_or(&ZEROS), at)?;
            at += len as u64;
        }
        Ok(())
    }
}
