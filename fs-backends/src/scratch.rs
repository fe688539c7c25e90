//! Files and folders that are made under another name and get their own when they are whole; and what killed programs left of theirs.
//!
//! Whoever makes one holds a `flock(2)` on it. So one that nobody holds is dead, and whoever makes something in the same folder, or opens a filesystem in
//! it, takes it away.

use std::fs::{DirBuilder, File};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use fs_core::{Error, ErrorKind, Result};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};

/// What SQLite puts beside a database.
const BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];
const START: &str = ".lamina-";
const END: &str = ".new";
/// Names tried until one is not swept between its making and its locking.
const TRIES: u32 = 16;

/// A file or folder under a temporary name beside its final one; removed unless it was renamed there.
pub(crate) struct Scratch {
    path: PathBuf,
    to: PathBuf,
    /// Held as long as it is being made.
    lock: Option<File>,
    operation: &'static str,
}

impl Scratch {
    /// An empty file (0600), after what is dead in its folder was taken away.
    pub(crate) fn file(to: &Path, operation: &'static str) -> Result<Self> {
        Self::make(to, operation, |path| {
            let mut new = File::options();
            new.read(true).write(true).create_new(true).mode(0o600);
            new.open(path)
        })
    }

    /// As [`Scratch::file`], for something that nobody has yet. Errors: `AlreadyExists`.
    pub(crate) fn new_file(to: &Path, operation: &'static str) -> Result<Self> {
        free(to, operation)?;
        Self::file(to, operation)
    }

    /// An empty folder (0700). Errors: `AlreadyExists`.
    pub(crate) fn new_folder(to: &Path, operation: &'static str) -> Result<Self> {
        free(to, operation)?;
        Self::make(to, operation, |path| {
            DirBuilder::new().mode(0o700).create(path)?;
            File::open(path)
        })
    }

    fn make(
        to: &Path,
        operation: &'static str,
        make: impl Fn(&Path) -> std::io::Result<File>,
    ) -> Result<Self> {
        let io = |error| Error::from_io(error, operation).with_path(to);
        let folder = folder_of(to);
        sweep(folder);
        for _ in 0..TRIES {
            let name = format!("{START}{}{END}", uuid::Uuid::new_v4().simple());
            let path = folder.join(name);
            let file = make(&path).map_err(io)?;
            // Somebody who sweeps may have been faster.
            let is_ours = match file.try_lock() {
                Ok(()) => is_at(&file, &path),
                Err(std::fs::TryLockError::WouldBlock) => false,
                // A filesystem without locks: then nobody sweeps either.
                Err(std::fs::TryLockError::Error(_)) => true,
            };
            if is_ours {
                return Ok(Self {
                    path,
                    to: to.to_owned(),
                    lock: Some(file),
                    operation,
                });
            }
        }
        Err(Error::new(ErrorKind::Busy, operation).with_path(to))
    }

    /// The temporary name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file or folder itself.
    pub(crate) fn open(&self) -> Result<&File> {
        let lost = || Error::new(ErrorKind::Closed, self.operation).with_path(&self.to);
        self.lock.as_ref().ok_or_else(lost)
    }

    /// Gives it its final name, for good. Errors: `AlreadyExists`.
    pub(crate) fn finish(self) -> Result<()> {
        self.rename(RenameFlags::NOREPLACE)
            .map(|file| unlock(&file))
    }

    /// Gives it its final name, for good, in the place of what has it.
    pub(crate) fn replace(self) -> Result<()> {
        self.rename(RenameFlags::empty()).map(|file| unlock(&file))
    }

    /// Gives it its final name, for good: in the place of what has it, or (`new`) of nothing. Answers the file, which stays locked. Errors:
    /// `AlreadyExists`.
    pub(crate) fn keep(self, new: bool) -> Result<File> {
        self.rename(if new {
            RenameFlags::NOREPLACE
        } else {
            RenameFlags::empty()
        })
    }

    fn rename(mut self, flags: RenameFlags) -> Result<File> {
        let io = |error| Error::from_io(error, self.operation).with_path(&self.to);
        let here = rustix::fs::CWD;
        rustix::fs::renameat_with(here, &self.path, here, &self.to, flags)
            .map_err(|errno| io(errno.into()))?;
        let synced = File::open(folder_of(&self.to)).and_then(|folder| folder.sync_all());
        let synced = synced.map_err(io);
        // What has its final name is nobody's scratch.
        let lost = Error::new(ErrorKind::Closed, self.operation).with_path(&self.to);
        let file = self.lock.take().ok_or(lost)?;
        synced.inspect_err(|_| unlock(&file))?;
        Ok(file)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take() {
            remove(&self.path, &lock);
            unlock(&lock);
        }
    }
}

/// A process that is being started holds a copy of the descriptor until its program begins; unlocked, it does not hold the lock.
fn unlock(file: &File) {
    // Closing the last descriptor unlocks it otherwise.
    file.unlock().unwrap_or_default();
}

/// Is this still the file that has this name?
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), path.symlink_metadata()) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

fn free(to: &Path, operation: &'static str) -> Result<()> {
    match to.symlink_metadata() {
        Ok(_) => Err(Error::new(ErrorKind::AlreadyExists, operation).with_path(to)),
        Err(_) => Ok(()),
    }
}

/// The folder that holds `path`.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Is it the name of something being made, or of what lies beside that?
pub(crate) fn is_scratch(name: &str) -> bool {
    base_of(name).is_some()
}

/// The name without what SQLite adds.
fn base_of(name: &str) -> Option<&str> {
    let base = BESIDE
        .iter()
        .rev()
        .find_map(|suffix| name.strip_suffix(suffix))?;
    let id = base.strip_prefix(START)?.strip_suffix(END)?;
    let is_id = id.len() == 32
        && id
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_id.then_some(base)
}

/// Takes away what killed programs left in `folder`: what has a temporary name of ours, is our user's, and is locked by nobody. What can't be looked at
/// or removed does no harm, and stays.
pub(crate) fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if let Some(base) = base_of(name) {
            sweep_one(&folder.join(base), &folder.join(name));
        } else if is_old_save(name) {
            sweep_old_save(&folder.join(name));
        }
    }
}

/// Opens what may be dead, if it is of our user; `None`: leave it alone.
fn open_ours(path: &Path) -> Option<File> {
    let mut open = File::options();
    open.read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = open.open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    (ours && (metadata.is_file() || metadata.is_dir())).then_some(file)
}

fn sweep_one(base: &Path, found: &Path) {
    if base != found {
        // What lay beside something that is gone already.
        if base.symlink_metadata().is_err() && open_ours(found).is_some() {
            std::fs::remove_file(found).unwrap_or_default();
        }
        return;
    }
    let Some(file) = open_ours(base) else { return };
    if file.try_lock().is_ok() && is_at(&file, base) {
        remove(base, &file);
        unlock(&file);
    }
}

/// Removes a file with what SQLite put beside it, or a folder that a store was to become, which `file` is: nothing else that is in it.
fn remove(path: &Path, file: &File) {
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        // By descriptors: a link in the place of a folder leads nowhere.
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        if let Ok(blobs) = rustix::fs::openat(file, "blobs", flags, Mode::empty()) {
            remove_files(blobs.as_fd());
            rustix::fs::unlinkat(file, "blobs", AtFlags::REMOVEDIR).unwrap_or_default();
        }
        remove_files(file.as_fd());
        std::fs::remove_dir(path).unwrap_or_default();
        return;
    }
    for suffix in BESIDE.iter().rev() {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // Gone is what it should be.
        std::fs::remove_file(name).unwrap_or_default();
    }
}

/// Removes the regular files in a folder.
fn remove_files(folder: BorrowedFd<'_>) {
    for entry in Dir::read_from(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_file = match entry.file_type() {
            FileType::Unknown => rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile),
            kind => kind == FileType::RegularFile,
        };
        if is_file {
            rustix::fs::unlinkat(folder, name, AtFlags::empty()).unwrap_or_default();
        }
    }
}

/// `.<uuid>.tmp`: what earlier versions called a memory filesystem while they saved it.
fn is_old_save(name: &str) -> bool {
    name.strip_prefix('.')
        .and_then(|name| name.strip_suffix(".tmp"))
        .is_some_and(|id| id.len() == 36 && id.parse::<uuid::Uuid>().is_ok())
}

fn sweep_old_save(path: &Path) {
    const AGE_SECONDS: i64 = 24 * 60 * 60;
    let Some(file) = open_ours(path) else { return };
    let mut start = [0; 8];
    let is_save = file.read_exact_at(&mut start, 0).is_ok() && crate::memory::is_saved(&start);
    let (now, _) = fs_core::Time::now().parts();
    let is_old = rustix::fs::fstat(file.as_fd())
        .is_ok_and(|stat| stat.st_mtime < now.saturating_sub(AGE_SECONDS));
    if is_save && is_old {
        std::fs::remove_file(path).unwrap_or_default();
    }
}
