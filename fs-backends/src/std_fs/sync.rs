//! Making changes durable: a file or folder by `fsync(2)`, everything by `syncfs(2)` of each filesystem that was written to.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use fs_core::{At, ErrorKind, FileKind, Result};
use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags};

use super::reach::{Reach, failed, path_of, reopen, slot};
use super::{HostFs, attr, open};

/// The devices this backend wrote to, each with a folder on it. No descriptor is kept: one would keep a medium from being unmounted.
#[derive(Default)]
pub(crate) struct Written(Mutex<HashMap<u64, PathBuf>>);

impl Written {
    /// Something in `dir` is being changed.
    pub fn note(&self, dir: BorrowedFd<'_>) {
        self.remember(dir, |path| path);
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

    fn remember(&self, fd: BorrowedFd<'_>, folder: impl FnOnce(PathBuf) -> PathBuf) {
        // Without a device or a path `sync` falls back to everything there is.
        let Ok(metadata) = attr::stat_fd(fd) else {
            return;
        };
        let mut devices = self.0.lock();
        devices
            .entry(metadata.id.fs)
            .or_insert_with(|| path_of(fd).map(folder).unwrap_or_default());
    }

    /// Returns when all written devices hold what was written.
    pub fn sync(&self) -> Result<()> {
        let devices: Vec<_> = self.0.lock().clone().into_iter().collect();
        for (device, path) in devices {
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
