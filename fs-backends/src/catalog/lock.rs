//! One process, one opening of a database.
//!
//! The lock is a `flock(2)` on the database file itself: it belongs to the inode, so neither a rename nor a second hard link
//! gets around it, it dies with the process, and it leaves no file behind. SQLite's own locks are record locks of `fcntl(2)`,
//! which `flock` does not touch; but closing *any* descriptor of the file would drop them. So the descriptor is closed only
//! after SQLite's, and a file this process has open already is recognised by `stat(2)`, without opening it.

use std::fs::{File, TryLockError};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use fs_core::{Error, ErrorKind, Result};
use parking_lot::{Mutex, MutexGuard};

use super::holder;
use crate::live_files;

/// Openings go one at a time, so that between the look into the registry and the entry into it nobody else comes.
static OPENING: Mutex<()> = Mutex::new(());

/// How often a lock is asked for, and how long it waits in between, before somebody holds it.
const LOOKS: u32 = 8;
const LOOK: Duration = Duration::from_millis(1);

/// The lock on a database, and the way to look at its first bytes without SQLite.
pub(super) struct FileLock {
    file: File,
    is_alone: bool,
}

/// Held while a database is opened, until its files are registered.
pub(super) type Opening = MutexGuard<'static, ()>;

/// Waits for the turn to open a database.
pub(super) fn opening() -> Opening {
    OPENING.lock()
}

impl Drop for FileLock {
    /// A process that is being started holds a copy of the descriptor until its program begins; unlocked, it does not hold the lock.
    fn drop(&mut self) {
        // Closing the last descriptor unlocks it otherwise.
        self.file.unlock().unwrap_or_default();
    }
}

/// Whoever copies raw files looks for a moment whether somebody has this one open (`std_fs/elsewhere.rs`), by the same lock; that is no holder.
fn try_lock(file: &File, to_write: bool) -> Result<(), TryLockError> {
    for _ in 0..LOOKS {
        match if to_write {
            file.try_lock()
        } else {
            file.try_lock_shared()
        } {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            locked => return locked,
        }
    }
    Err(TryLockError::WouldBlock)
}

impl FileLock {
    /// Locks the database at `path`; to read, it shares the lock with other readers, and does without where another process writes.
    ///
    /// Errors: `InUse` when this process has it open, or (to write) another one; `UnknownFormat` when it is no regular file.
    pub(super) fn acquire(path: &Path, to_write: bool, _turn: &Opening) -> Result<Self> {
        let fail = |error| Error::from_io(error, "open").with_path(path);
        let unknown = |detail| {
            Error::new(ErrorKind::UnknownFormat, "open")
                .with_detail(detail)
                .with_path(path)
        };
        let found = std::fs::metadata(path).map_err(fail)?;
        if found.is_dir() {
            return Err(unknown("a folder"));
        }
        if !found.is_file() {
            return Err(unknown("not a regular file"));
        }
        let in_use = || Error::new(ErrorKind::InUse, "open").with_path(path);
        if live_files::is_live(found.dev(), found.ino()) {
            return Err(in_use().with_detail("open in this program"));
        }
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW)
            .open(path)
            .map_err(fail)?;
        let locked = try_lock(&file, to_write);
        match locked {
            Ok(()) => Ok(Self {
                file,
                is_alone: true,
            }),
            Err(TryLockError::WouldBlock) if !to_write => Ok(Self {
                file,
                is_alone: false,
            }),
            Err(TryLockError::WouldBlock) => Err(in_use().with_detail(holder::clause(path))),
            Err(TryLockError::Error(error)) => Err(fail(error)),
        }
    }

    /// Does nobody else write to the database?
    pub(super) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Length of the file in bytes.
    pub(super) fn len(&self) -> std::io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Reads from the file as it lies on disk; fewer bytes only at its end.
    pub(super) fn read_at(&self, offset: u64, length: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Makes the file durable.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        self.file.sync_all()
    }
}
