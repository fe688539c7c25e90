//! Raw files of a vault or store that another process has open for changes.
//!
//! What was written last lies in its log, so a copy of the file alone loses it without a word, and who changes or moves a file takes it from under the other
//! one. The other process holds a `flock(2)` on the database, which is asked for here for a moment, and only where the name says that it may be one: `.db`,
//! its log and index of it, the folder of blobs. Whoever opened it only to read shares the lock, changes nothing, and is in nobody's way.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use fs_core::{At, Error, ErrorKind, FileKind, Follow, Result};
use rustix::fs::{Mode, OFlags};

use super::attr;
use super::reach::{path_of, pin_itself, reopen};
use crate::catalog::{Glance, glance, holder};
use crate::indexed::{BLOBS, INDEX};
use crate::live_files;

/// What SQLite keeps beside a database.
const BESIDE: [&[u8]; 2] = [b"-wal", b"-shm"];

/// May a file of this name be of a vault or store?
pub(super) fn may_belong(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let ends = |suffix: &[u8]| {
        let end = name.len().checked_sub(suffix.len());
        end.and_then(|end| name.get(end..))
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    ends(b".db") || BESIDE.iter().any(|suffix| ends(suffix))
}

/// May what `at` names, of which `node` is a descriptor, be of a vault or store?
pub(super) fn may_be(at: At<'_>, node: BorrowedFd<'_>) -> bool {
    match (at.follow, at.path.as_split_last()) {
        (Follow::Never | Follow::Nowhere, Some((_, name))) => may_belong(name),
        _ => match pin_itself(at) {
            Ok(Some(pin)) => pin.may_belong,
            _ => path_of(node).is_ok_and(|path| path.file_name().is_some_and(may_belong)),
        },
    }
}

/// Refuses a file, of which there is a descriptor, that belongs to what another process has open for changes.
pub(super) fn refuse(node: BorrowedFd<'_>) -> Result<()> {
    let Ok(path) = path_of(node) else {
        return Ok(());
    };
    let whole = path.as_os_str().as_bytes();
    match BESIDE.iter().find_map(|suffix| whole.strip_suffix(*suffix)) {
        Some(database) => refuse_database(Path::new(OsStr::from_bytes(database))),
        None => refuse_node(node, &path),
    }
}

/// Refuses a folder of blobs of what another process has open for changes.
pub(super) fn refuse_blobs(dir: BorrowedFd<'_>) -> Result<()> {
    match path_of(dir) {
        Ok(path) if path.file_name() == Some(OsStr::new(BLOBS)) => {
            refuse_database(&path.with_file_name(INDEX))
        }
        _ => Ok(()),
    }
}

/// May the folder that `at` names hold the blobs of a store?
pub(super) fn may_be_blobs(at: At<'_>) -> bool {
    match (at.follow, at.path.as_split_last()) {
        (Follow::Never | Follow::Nowhere, Some((_, name))) => name == BLOBS,
        // Its name is asked for.
        _ => true,
    }
}

fn refuse_database(path: &Path) -> Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(node) => refuse_node(node.as_fd(), path),
        // It belongs to nothing.
        Err(_) => Ok(()),
    }
}

/// What can't be looked at is the business of the call that follows.
fn refuse_node(node: BorrowedFd<'_>, path: &Path) -> Result<()> {
    let Ok(metadata) = attr::stat_fd(node) else {
        return Ok(());
    };
    // Of what is open here only its own descriptors may be closed.
    if metadata.kind != FileKind::File || live_files::is_live(metadata.id.fs, metadata.id.ino) {
        return Ok(());
    }
    let Ok(file) = reopen(node, OFlags::RDONLY | OFlags::NONBLOCK).map(File::from) else {
        return Ok(());
    };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        Ok(()) => {
            // Closing the descriptor does it otherwise.
            file.unlock().unwrap_or_default();
            return Ok(());
        }
        Err(TryLockError::Error(_)) => return Ok(()),
    }
    let kind = match glance(&file) {
        Ok(Glance::Other) | Err(_) => return Ok(()),
        Ok(_) if path.file_name() == Some(OsStr::new(INDEX)) => "store",
        Ok(_) => "vault",
    };
    let holder = holder::held(path);
    Err(Error::new(ErrorKind::InUse, "open").with_detail(format!(
        "{holder}; lamina {kind} backup copies it whole, or close it there first"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_of_a_database_are_looked_at_and_no_others() {
        for name in ["a.db", "A.DB", "index.db", "a.db-wal", "secret-shm", ".db"] {
            assert!(may_belong(OsStr::new(name)), "{name}");
        }
        for name in ["db", "a.dbx", "a.mem", "wal", "", "a.db-wal.txt"] {
            assert!(!may_belong(OsStr::new(name)), "{name}");
        }
    }
}
