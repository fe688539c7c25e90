//! The folder of blobs: the only place that turns blob names into files.
//!
//! Everything goes through one descriptor of the folder, follows no link and accepts only regular files with one name.

use std::collections::HashSet;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use fs_core::{Error, Result};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, SeekFrom};

use super::name::BlobName;
use super::records::Syncs;
use crate::catalog::corrupted;
use crate::rewrite::rewrite;

/// So many files are made durable one by one; beyond that the whole host filesystem at once is cheaper.
const SYNC_SINGLY: usize = 16;

/// An open folder of blobs.
pub(super) struct BlobFolder {
    fd: OwnedFd,
    unsynced: Mutex<Unsynced>,
    /// Held by whoever writes to a blob, and alone while blobs are written again.
    writing: RwLock<()>,
    syncs: Arc<Syncs>,
    /// Held while blobs are made durable: who finds nothing left to do must not return before it is done.
    syncing: Mutex<()>,
}

/// Held while a blob is written to. What was written is noted when it ends: noted before, a sync in between would count it as done.
pub(super) struct Writing<'a> {
    folder: &'a BlobFolder,
    name: &'a BlobName,
    _shared: RwLockReadGuard<'a, ()>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.folder.written(self.name);
    }
}

#[derive(Default)]
struct Unsynced {
    blobs: HashSet<BlobName>,
    /// A sync failed: what it could not write the kernel takes for written.
    failed: bool,
}

fn io(operation: &'static str, name: &BlobName) -> impl Fn(rustix::io::Errno) -> Error {
    let name = name.to_string();
    move |errno| Error::from_io(errno.into(), operation).with_detail(name.clone())
}

impl BlobFolder {
    /// Opens the folder at `path`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
            rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP => {
                corrupted("open", "its folder blobs is missing").with_path(path)
            }
            errno => Error::from_io(errno.into(), "open").with_path(path),
        })?;
        Ok(Self {
            fd,
            unsynced: Mutex::default(),
            writing: RwLock::new(()),
            syncs: Arc::default(),
            syncing: Mutex::new(()),
        })
    }

    /// The size of the largest file the host takes there.
    pub(super) fn max_file_bytes(&self) -> u64 {
        let largest = i64::MAX.unsigned_abs();
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::openat(&self.fd, ".", flags, Mode::from_raw_mode(0o600)) else {
            // It is found out by who writes.
            return largest;
        };
        // No call tells it, but none goes beyond it.
        let fits = |bytes| rustix::fs::seek(&file, SeekFrom::Start(bytes)).is_ok();
        let (mut fitting, mut beyond) = (0, largest + 1);
        while beyond - fitting > 1 {
            let middle = fitting + (beyond - fitting) / 2;
            match fits(middle) {
                true => fitting = middle,
                false => beyond = middle,
            }
        }
        fitting
    }

    /// Makes the file of a new blob.
    pub(super) fn create(&self, name: &BlobName) -> Result<File> {
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name.unsealed(), flags, Mode::from_raw_mode(0o600))
            .map_err(io("create blob", name))?;
        self.written(name);
        Ok(fd.into())
    }

    /// Opens the file of a blob. `Corrupted`: it is missing, or something else has its name.
    pub(super) fn open_blob(&self, name: &BlobName, sealed: bool) -> Result<File> {
        let access = if sealed { OFlags::RDONLY } else { OFlags::RDWR };
        self.open_file(name, sealed, access)
    }

    /// As [`BlobFolder::open_blob`], never to write.
    pub(super) fn open_to_read(&self, name: &BlobName, sealed: bool) -> Result<File> {
        self.open_file(name, sealed, OFlags::RDONLY)
    }

    fn open_file(&self, name: &BlobName, sealed: bool, access: OFlags) -> Result<File> {
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // A kill between the rename that seals a blob and the index learning of it leaves the other name.
        let names = if sealed {
            [name.sealed(), name.unsealed()]
        } else {
            [name.unsealed(), name.sealed()]
        };
        let mut found = Err(rustix::io::Errno::NOENT);
        for name in names {
            found = rustix::fs::openat(&self.fd, name, flags, Mode::empty());
            if found.as_ref().err() != Some(&rustix::io::Errno::NOENT) {
                break;
            }
        }
        let fd = found.map_err(|errno| match errno {
            rustix::io::Errno::NOENT => corrupted("open blob", format!("blob {name} is missing")),
            rustix::io::Errno::LOOP | rustix::io::Errno::NXIO | rustix::io::Errno::ISDIR => {
                corrupted("open blob", format!("blob {name} is no regular file"))
            }
            errno => io("open blob", name)(errno),
        })?;
        let stat = rustix::fs::fstat(&fd).map_err(io("open blob", name))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_nlink != 1 {
            return Err(corrupted(
                "open blob",
                format!("blob {name} is no regular file of its own"),
            ));
        }
        Ok(fd.into())
    }

    /// Gives a complete blob its final name, which it has already when a kill came between this and the index learning of it.
    pub(super) fn seal(&self, name: &BlobName) -> Result<()> {
        let _writing = self.writing(name);
        let (from, to) = (name.unsealed(), name.sealed());
        let is_sealed = || rustix::fs::statat(&self.fd, &to, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        match rustix::fs::renameat(&self.fd, &from, &self.fd, &to) {
            Err(rustix::io::Errno::NOENT) if is_sealed() => Ok(()),
            renamed => renamed.map_err(io("seal blob", name)),
        }
    }

    /// Removes the file of a blob; one that is gone is no error.
    pub(super) fn remove(&self, name: &BlobName) -> Result<()> {
        for file in [name.sealed(), name.unsealed()] {
            match rustix::fs::unlinkat(&self.fd, file, AtFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(errno) => return Err(io("remove blob", name)(errno)),
            }
        }
        Ok(())
    }

    /// Calls `each` with every blob that has a file here.
    pub(super) fn each(&self, each: &mut dyn FnMut(BlobName)) -> Result<()> {
        let fail = |errno: rustix::io::Errno| Error::from_io(errno.into(), "list blobs");
        for entry in Dir::read_from(&self.fd).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let regular = matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown);
            if let Some(name) = entry
                .file_name()
                .to_str()
                .ok()
                .filter(|_| regular)
                .and_then(BlobName::of_file)
            {
                each(name);
            }
        }
        Ok(())
    }

    /// What the host says of the file of a blob, under either name; `None`: it has none.
    pub(super) fn stat(&self, name: &BlobName) -> Option<rustix::fs::Stat> {
        [name.sealed(), name.unsealed()]
            .iter()
            .find_map(|name| rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).ok())
    }

    /// How many files of blobs there are, and the bytes they take.
    pub(super) fn usage(&self) -> Result<(u64, u64)> {
        let (mut files, mut bytes) = (0, 0);
        self.each(&mut |name| {
            files += 1;
            bytes += self
                .stat(&name)
                .map_or(0, |stat| stat.st_blocks.max(0).cast_unsigned() * 512);
        })?;
        Ok((files, bytes))
    }

    /// Counts the times blobs are made durable.
    pub(super) fn syncs(&self) -> &Arc<Syncs> {
        &self.syncs
    }

    /// Makes all blobs and their names durable, and everything else the host has not written.
    pub(super) fn sync_all(&self) -> Result<()> {
        rustix::fs::syncfs(&self.fd).map_err(|errno| Error::from_io(errno.into(), "sync blobs"))
    }

    /// A blob is written to as long as the answer is held, and has to be made durable then.
    pub(super) fn writing<'a>(&'a self, name: &'a BlobName) -> Writing<'a> {
        Writing {
            folder: self,
            name,
            _shared: self.writing.read_recursive(),
        }
    }

    /// A sync of a blob by itself failed: the next one of all writes it again.
    pub(super) fn distrust(&self, name: &BlobName) {
        let mut unsynced = self.unsynced.lock();
        unsynced.failed = true;
        unsynced.blobs.insert(name.clone());
    }

    /// Notes that a blob has to be made durable.
    fn written(&self, name: &BlobName) {
        let mut unsynced = self.unsynced.lock();
        if !unsynced.blobs.contains(name) {
            unsynced.blobs.insert(name.clone());
        }
    }

    /// Makes all blobs and their names durable, also those another thread is making durable just now.
    pub(super) fn sync(&self) -> Result<()> {
        let _syncing = self.syncing.lock();
        let number = self.syncs.begin();
        let mut unsynced = std::mem::take(&mut *self.unsynced.lock());
        let result = self.sync_these(&unsynced);
        if result.is_err() {
            let mut now = self.unsynced.lock();
            now.failed = true;
            now.blobs.extend(unsynced.blobs.drain());
        } else {
            self.syncs.end(number);
        }
        result
    }

    /// Nothing is made durable while the answer lives: whoever wants that waits.
    #[cfg(test)]
    pub(super) fn hold_syncs(&self) -> parking_lot::MutexGuard<'_, ()> {
        self.syncing.lock()
    }

    fn sync_these(&self, unsynced: &Unsynced) -> Result<()> {
        let fail = |errno: rustix::io::Errno| Error::from_io(errno.into(), "sync blobs");
        if unsynced.blobs.is_empty() {
            return Ok(());
        }
        if unsynced.failed {
            let alone = self.writing.write();
            self.each_of(unsynced, |file| {
                rewrite(file).map_err(|error| Error::from_io(error, "sync blobs"))
            })?;
            drop(alone);
        } else if unsynced.blobs.len() > SYNC_SINGLY {
            return rustix::fs::syncfs(&self.fd).map_err(fail);
        } else {
            self.each_of(unsynced, |file| rustix::fs::fdatasync(file).map_err(fail))?;
        }
        rustix::fs::fsync(&self.fd).map_err(fail)
    }

    fn each_of(&self, unsynced: &Unsynced, each: impl Fn(&File) -> Result<()>) -> Result<()> {
        for name in &unsynced.blobs {
            // Open for writing: a sealed blob is written again with the bytes it has.
            match self.open_file(name, true, OFlags::RDWR) {
                Ok(file) => each(&file)?,
                // Removed since: nothing to make durable.
                Err(error) if error.kind() == fs_core::ErrorKind::Corrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    fn folder() -> (tempfile::TempDir, BlobFolder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = BlobFolder::open(dir.path()).unwrap();
        (dir, folder)
    }

    #[test]
    fn a_second_sync_does_not_return_before_the_first_is_done() {
        let (_dir, folder) = folder();
        let (name, other) = (BlobName::new(), BlobName::new());
        let file = folder.create(&name).unwrap();
        file.write_all_at(b"bytes", 0).unwrap();
        folder.unsynced.lock().failed = true;
        // The first sync writes blobs again, for which it waits until nobody writes.
        let writing = folder.writing(&other);
        let released = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| folder.sync().unwrap());
            while !folder.unsynced.lock().blobs.is_empty() {
                std::thread::yield_now();
            }
            scope.spawn(|| {
                folder.sync().unwrap();
                assert!(
                    released.load(Ordering::Acquire),
                    "nothing was durable when it returned"
                );
            });
            // Time for a sync that does not wait to show it; one that waits passes however long this takes.
            std::thread::sleep(Duration::from_millis(100));
            released.store(true, Ordering::Release);
            drop(writing);
        });
        folder.sync().unwrap();
        assert!(folder.unsynced.lock().blobs.is_empty());
    }

    #[test]
    fn what_is_written_during_a_sync_is_left_for_the_next() {
        let (_dir, folder) = folder();
        let name = BlobName::new();
        let file = folder.create(&name).unwrap();
        let writing = folder.writing(&name);
        folder.sync().unwrap();
        file.write_all_at(b"bytes", 0).unwrap();
        drop(writing);
        assert!(folder.unsynced.lock().blobs.contains(&name));
    }

    #[test]
    fn what_failed_is_written_again_by_the_next_sync() {
        let (_dir, folder) = folder();
        let name = BlobName::new();
        folder
            .create(&name)
            .unwrap()
            .write_all_at(b"bytes", 0)
            .unwrap();
        folder.seal(&name).unwrap();
        folder.sync().unwrap();
        folder.distrust(&name);
        folder.sync().unwrap();
        let unsynced = folder.unsynced.lock();
        assert!(unsynced.blobs.is_empty() && !unsynced.failed);
        let file = folder.open_blob(&name, true).unwrap();
        let mut bytes = [0; 5];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"bytes");
    }

    #[test]
    fn a_blob_that_was_sealed_before_a_kill_is_sealed_again() {
        let (_dir, folder) = folder();
        let name = BlobName::new();
        let missing = folder.seal(&name).unwrap_err();
        assert_eq!(missing.kind(), fs_core::ErrorKind::NotFound);
        drop(folder.create(&name).unwrap());
        folder.seal(&name).unwrap();
        // The index does not know of it: it is opened as unsealed, and completed as such.
        drop(folder.open_blob(&name, false).unwrap());
        folder.seal(&name).unwrap();
        drop(folder.open_blob(&name, true).unwrap());
    }
}
