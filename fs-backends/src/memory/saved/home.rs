//! The file a memory filesystem is kept in: nobody else saves to it as long as it is open, and what somebody else wrote there is not written over unasked.
//!
//! The lock is a `flock(2)` on the file, as of vaults. Saving puts a new file in the place of the old one; it is locked before it gets the name, so the name
//! always stands for a locked file. Whoever only reads needs no lock: what is loaded is one whole file, old or new.

use std::fs::{self, File, Metadata, TryLockError};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use fs_core::{Error, ErrorKind, Result};

use crate::catalog::holder;

/// How often a file may be replaced between its opening and its locking.
const TRIES: u32 = 16;

/// The file, held as long as the filesystem is open.
pub(in crate::memory) struct Home {
    /// Links followed.
    path: PathBuf,
    file: File,
    is: Identity,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size_bytes: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size_bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        unlock(&self.file);
    }
}

impl Home {
    /// Takes what is at `path`, which nobody else may hold. Errors: `InUse`, with who holds it; those of opening it.
    pub(super) fn take(path: &Path) -> Result<Self> {
        let path = real(path);
        let file = lock(&path)?;
        Self::of(path, file)
    }

    /// `file`, locked already, which has the name `path`.
    pub(super) fn of(path: PathBuf, file: File) -> Result<Self> {
        match file.metadata() {
            Ok(metadata) => Ok(Self {
                path,
                is: Identity::of(&metadata),
                file,
            }),
            Err(error) => {
                unlock(&file);
                Err(Error::from_io(error, "open").with_path(&path))
            }
        }
    }

    /// The file, to be read from its beginning.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Its name, links followed.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Is `path`, links followed, its name?
    pub(in crate::memory) fn is_at(&self, path: &Path) -> bool {
        self.path == path
    }

    /// Is it still the file held here that has the name, changed or not?
    pub(super) fn has_name(&self) -> bool {
        fs::metadata(&self.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (self.is.device, self.is.inode))
    }

    /// Is what has the name now something else than was loaded from here or saved here? What is gone was not changed: nothing is lost by saving.
    pub(super) fn was_changed(&self) -> bool {
        match fs::metadata(&self.path) {
            Ok(metadata) => Identity::of(&metadata) != self.is,
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }
}

/// What keeps others from saving to a file that is being replaced, until it is.
pub(super) struct Claim(Option<File>);

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            unlock(file);
        }
    }
}

impl Claim {
    /// Errors: `InUse`, with who holds it.
    pub(super) fn on(path: &Path) -> Result<Self> {
        match lock(path) {
            Ok(file) => Ok(Self(Some(file))),
            // Nothing is there, or something that can't be read but perhaps replaced: saving tells.
            Err(error) if error.kind() == ErrorKind::InUse => Err(error),
            Err(_) => Ok(Self(None)),
        }
    }
}

/// `path` with links followed, or as it is where nothing is.
pub(in crate::memory) fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Opens and locks what has this name then. Where a filesystem has no locks, it is not locked.
fn lock(path: &Path) -> Result<File> {
    let fail = |error| Error::from_io(error, "open").with_path(path);
    let mut open = File::options();
    // Opening a fifo would wait for ever.
    open.read(true).custom_flags(libc::O_NONBLOCK);
    for _ in 0..TRIES {
        let file = open.open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if !metadata.is_file() {
            return Err(Error::new(ErrorKind::UnknownFormat, "open").with_path(path));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let error = Error::new(ErrorKind::InUse, "open").with_path(path);
                return Err(error.with_detail(holder::clause(path)));
            }
            Err(TryLockError::Error(_)) => return Ok(file),
        }
        let there = fs::metadata(path).map_err(fail)?;
        if (there.dev(), there.ino()) == (metadata.dev(), metadata.ino()) {
            return Ok(file);
        }
        unlock(&file);
    }
    Err(Error::new(ErrorKind::Busy, "open").with_path(path))
}

/// A process that is being started holds a copy of the descriptor until its program begins; unlocked, it does not hold the lock.
fn unlock(file: &File) {
    // Closing the last descriptor unlocks it otherwise.
    file.unlock().unwrap_or_default();
}
