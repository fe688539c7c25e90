//! Is a folder a store? One whose blobs are gone is one too: taken for a plain folder, it would take in clear what belongs into an encrypted store.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fs_core::{Error, Result};
use rustix::fs::{Mode, OFlags, open};

use crate::catalog::{Format, Glance, glance};
use crate::indexed::{BLOBS, INDEX};
use crate::live_files;

/// Is the folder at `path` a store, whole or not? Errors: those of reading its index.
pub(super) fn is_store(path: &Path) -> Result<bool> {
    let index = path.join(INDEX);
    let error = |e| Error::from_io(e, "look at").with_path(&index);
    // As in `probe`: a fifo does not block, and the locks of an open store stay.
    let Ok(handle) = open(&index, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) else {
        return Ok(false);
    };
    let handle = File::from(handle);
    let metadata = handle.metadata().map_err(error)?;
    if !metadata.is_file() {
        return Ok(false);
    }
    if path.join(BLOBS).is_dir() || live_files::is_live(metadata.dev(), metadata.ino()) {
        return Ok(true);
    }
    let look = || {
        glance(&File::open(format!(
            "/proc/self/fd/{}",
            handle.as_raw_fd()
        ))?)
    };
    Ok(match look().map_err(error)? {
        Glance::Plain(format) => format == Format::Index,
        Glance::Encrypted => true,
        Glance::Other => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IndexedBackend;

    #[test]
    fn a_store_without_its_blobs_is_one_still() {
        let dir = tempfile::tempdir().unwrap();
        let plain = dir.path().join("plain");
        let secret = dir.path().join("secret");
        drop(IndexedBackend::create(&plain).unwrap());
        drop(IndexedBackend::create_encrypted(&secret, "right").unwrap());
        for store in [&plain, &secret] {
            std::fs::remove_dir_all(store.join(BLOBS)).unwrap();
            assert!(is_store(store).unwrap(), "{store:?}");
        }
    }

    #[test]
    fn an_index_of_another_program_makes_no_store() {
        let dir = tempfile::tempdir().unwrap();
        let other = rusqlite::Connection::open(dir.path().join(INDEX)).unwrap();
        other
            .execute_batch("CREATE TABLE t (x); PRAGMA application_id = 7")
            .unwrap();
        drop(other);
        assert!(!is_store(dir.path()).unwrap());
        // As man-db keeps its own: pages, but no noise.
        let text = b"ls(1) list directory contents\0".repeat(1000);
        for other in [&[0; 8192], &text[..8192], &[0xA5; 8192], b"", b"x"] {
            std::fs::write(dir.path().join(INDEX), other).unwrap();
            assert!(!is_store(dir.path()).unwrap());
        }
        std::fs::remove_file(dir.path().join(INDEX)).unwrap();
        assert!(!is_store(dir.path()).unwrap());
    }
}
