//! Making changes durable: a file or folder by `fsync(2)`, everything by `syncfs(2)` of each filesystem that was written to.
//!
//! A filesystem that another program or machine keeps (FUSE, network) may hear nothing of `syncfs`: what was made there is synced one by one as well.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use fs_core::{At, ErrorKind, FileKind, Result};
use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::capabilities::is_shared;
use super::reach::{Reach, failed, path_of, reopen, slot};
use super::{HostFs, attr, open};
use crate::live_files;

/// So many names are remembered to be synced one by one; what is made beyond them is synced at once.
const REMEMBERED: usize = 16_384;

/// The devices this backend wrote to. No descriptor is kept: one would keep a medium from being unmounted.
#[derive(Default)]
pub(crate) struct Written(Mutex<HashMap<u64, Device>>);

struct Device {
    /// A folder on it.
    folder: PathBuf,
    /// Where `syncfs(2)` may not be heard: what was made since the last sync, and the folders whose names changed.
    singly: Option<Singly>,
}

#[derive(Default)]
struct Singly {
    paths: HashSet<PathBuf>,
    /// The last sync failed.
    failed: bool,
}

impl Written {
    /// Something in `dir` is being changed.
    pub fn note(&self, dir: BorrowedFd<'_>) {
        self.remember(dir, |path| path);
        self.note_singly(dir, None);
    }

    /// The node `fd` is being changed.
    pub fn note_file(&self, fd: BorrowedFd<'_>) {
        self.remember(fd, |mut path| {
            path.pop();
            path
        });
    }

    /// Something that was made on `device`, and is nowhere to be seen yet, is going to appear in `dir`.
    pub fn note_made(&self, device: u64, dir: BorrowedFd<'_>) {
        // The folder is asked only once: on some filesystems its device is another than that of the files in it (overlayfs).
        if !self.0.lock().contains_key(&device) {
            self.note(dir);
        }
    }

    /// It has appeared, under `name`; `None`: and is durable already.
    pub fn note_named(&self, dir: BorrowedFd<'_>, name: Option<&OsStr>) {
        self.note_singly(dir, name);
    }

    /// Is there so much to be synced one by one on `device` that nothing more should be put off?
    pub fn is_full(&self, device: u64) -> bool {
        let full = self.with_singly(device, |singly| singly.paths.len() >= REMEMBERED);
        full.unwrap_or(false)
    }

    fn with_singly<T>(&self, device: u64, act: impl FnOnce(&mut Singly) -> T) -> Option<T> {
        let mut devices = self.0.lock();
        devices.get_mut(&device)?.singly.as_mut().map(act)
    }

    /// The lock is never held while a filesystem is asked: one that hangs would hold up all others.
    fn note_singly(&self, dir: BorrowedFd<'_>, name: Option<&OsStr>) {
        if self.0.lock().values().all(|d| d.singly.is_none()) {
            return;
        }
        if let (Ok(metadata), Ok(path)) = (attr::stat_fd(dir), path_of(dir)) {
            self.with_singly(metadata.id.fs, |singly| {
                singly.paths.extend(name.map(|name| path.join(name)));
                singly.paths.insert(path);
            });
        }
    }

    fn remember(&self, fd: BorrowedFd<'_>, folder: impl FnOnce(PathBuf) -> PathBuf) {
        // Without a device or a path `sync` falls back to everything there is.
        let Ok(metadata) = attr::stat_fd(fd) else {
            return;
        };
        if self.0.lock().contains_key(&metadata.id.fs) {
            return;
        }
        let device = Device {
            folder: path_of(fd).map(folder).unwrap_or_default(),
            singly: is_shared(fd).then(Singly::default),
        };
        self.0.lock().entry(metadata.id.fs).or_insert(device);
    }

    /// Returns when all written devices hold what was written.
    pub fn sync(&self) -> Result<()> {
        let devices: Vec<_> = {
            let devices = self.0.lock();
            let folders = devices.iter().map(|(id, d)| (*id, d.folder.clone()));
            folders.collect()
        };
        for (device, path) in devices {
            self.sync_singly(device)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let folder = rustix::fs::open(&path, flags, Mode::empty())
                .ok()
                .filter(|fd| attr::stat_fd(fd).is_ok_and(|m| m.id.fs == device));
            match folder {
                Some(folder) => rustix::fs::syncfs(folder).map_err(|e| failed(e, "sync"))?,
                None => {
                    // The folder is gone, perhaps with its medium: the next change names another.
                    self.0.lock().remove(&device);
                    rustix::fs::sync();
                }
            }
        }
        Ok(())
    }

    fn sync_singly(&self, device: u64) -> Result<()> {
        let waiting = self.with_singly(device, |singly| std::mem::take(&mut singly.paths));
        let waiting = waiting.unwrap_or_default();
        let done = waiting.iter().try_for_each(|path| sync_path(path, device));
        self.with_singly(device, |singly| {
            // Who wrote it may be another than who is told now; but what is gone for good must not fail everything for ever.
            let again = done.is_err() && !singly.failed;
            singly.failed = done.is_err();
            if again {
                singly.paths.extend(waiting);
            }
        });
        done
    }
}

/// Syncs the file or folder at `path`. What is gone, or is something else by now, need not be kept.
fn sync_path(path: &Path, device: u64) -> Result<()> {
    let fail = |e| failed(e, "sync");
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let node = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        node => node.map_err(fail)?,
    };
    let metadata = attr::stat_fd(&node).map_err(fail)?;
    let access = match metadata.kind {
        _ if metadata.id.fs != device => return Ok(()),
        // Its filesystem syncs it, and closing it would drop locks.
        FileKind::File if live_files::is_live(metadata.id.fs, metadata.id.ino) => return Ok(()),
        FileKind::File => OFlags::NONBLOCK,
        FileKind::Directory => OFlags::DIRECTORY,
        _ => return Ok(()),
    };
    let opened = match reopen(node.as_fd(), OFlags::RDONLY | access) {
        Err(e) if e.kind() == ErrorKind::PermissionDenied && metadata.is_file() => {
            reopen(node.as_fd(), OFlags::WRONLY | access)
        }
        // Nobody here can sync a folder that may only be written to.
        Err(e) if e.kind() == ErrorKind::PermissionDenied => return Ok(()),
        opened => opened,
    };
    match rustix::fs::fsync(opened?) {
        // It knows no such call.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        synced => synced.map_err(fail),
    }
}

impl<R: Reach> HostFs<R> {
    pub(super) fn sync_node(&self, at: At<'_>) -> Result<()> {
        let reach = self.reach()?;
        let node = reach.open(at, OFlags::PATH, Mode::empty())?;
        let metadata = attr::stat_fd(&node).map_err(|e| failed(e, "sync"))?;
        let opened = match metadata.kind {
            FileKind::Directory => reopen(node.as_fd(), OFlags::RDONLY | OFlags::DIRECTORY),
            FileKind::File => {
                open::check_plain(&metadata)?;
                reopen(node.as_fd(), OFlags::RDONLY | OFlags::NONBLOCK)
            }
            // Links and special files have no content; their inode goes with their folder.
            _ => reopen(
                slot(reach, at)?.dir.as_fd(),
                OFlags::RDONLY | OFlags::DIRECTORY,
            ),
        };
        match opened {
            Ok(fd) => rustix::fs::fsync(fd).map_err(|e| failed(e, "sync")),
            // It may be written but not read.
            Err(e) if e.kind() == ErrorKind::PermissionDenied => {
                self.0.written.note_file(node.as_fd());
                self.0.written.sync()
            }
            Err(e) => Err(e),
        }
    }
}
