//! Which raw files belong to a filesystem that is open in this process.
//!
//! Closing *any* descriptor of a file drops all POSIX locks the process holds on it (`fcntl_locking(2)`), so a preview that merely
//! reads the `.db` of an open vault lets a second process write into it. Whoever opens a filesystem kept in host files registers them
//! here; whoever opens host files asks first, through an `O_PATH` descriptor: closing one of those keeps locks.
//!
//! Files go by device and inode, which also covers hard links and bind mounts. The folders above a live file are known too, so that
//! none of them is moved away under it. A folder can be live itself: then all that is in it belongs to the filesystem.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::LazyLock;

use fs_core::{Error, ErrorKind, FileId, Result};
use parking_lot::Mutex;
use rustix::fs::{Mode, OFlags};

/// How often each file is registered, and how many registered files are below each folder.
#[derive(Default)]
struct Registry {
    files: HashMap<FileId, usize>,
    folders: HashMap<FileId, usize>,
}

static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(Mutex::default);

/// Keeps a file registered until it is dropped.
#[derive(Debug)]
pub struct Guard {
    file: FileId,
    folders: Vec<FileId>,
    /// Keeps the inode number from going to another file when this one is removed under its filesystem.
    _held: OwnedFd,
}

/// Registers the file, or the folder of files, at `path`, which must exist. One may be registered more than once.
///
/// Errors: those of `stat(2)`.
pub fn register(path: impl AsRef<Path>) -> Result<Guard> {
    let path = path.as_ref();
    let error = |e| Error::from_io(e, "register").with_path(path);
    let path = path.canonicalize().map_err(error)?;
    let id = |path: &Path| {
        let metadata = path.metadata().map_err(error)?;
        Ok(FileId {
            fs: metadata.dev(),
            ino: metadata.ino(),
        })
    };
    let held = rustix::fs::open(&path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(|e| error(e.into()))?;
    let file = id(&path)?;
    let folders = path
        .ancestors()
        .skip(1)
        .map(id)
        .collect::<Result<Vec<_>>>()?;
    let mut registry = REGISTRY.lock();
    *registry.files.entry(file).or_default() += 1;
    for &folder in &folders {
        *registry.folders.entry(folder).or_default() += 1;
    }
    Ok(Guard {
        file,
        folders,
        _held: held,
    })
}

/// Is any file live at all?
pub fn any() -> bool {
    !REGISTRY.lock().files.is_empty()
}

/// Does the file, or folder of files, with this device and inode belong to an open filesystem?
pub fn is_live(dev: u64, ino: u64) -> bool {
    REGISTRY.lock().files.contains_key(&FileId { fs: dev, ino })
}

/// Is this a live file, or a folder with one somewhere below?
pub fn holds_live(dev: u64, ino: u64) -> bool {
    let id = FileId { fs: dev, ino };
    let registry = REGISTRY.lock();
    registry.files.contains_key(&id) || registry.folders.contains_key(&id)
}

/// The error for touching a live file.
pub fn in_use(operation: &'static str) -> Error {
    Error::new(ErrorKind::InUse, operation).with_detail("close that filesystem first")
}

impl Drop for Guard {
    fn drop(&mut self) {
        fn release(counts: &mut HashMap<FileId, usize>, id: FileId) {
            if let Some(count) = counts.get_mut(&id) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&id);
                }
            }
        }
        let mut registry = REGISTRY.lock();
        release(&mut registry.files, self.file);
        for &folder in &self.folders {
            release(&mut registry.folders, folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(path: &Path) -> (u64, u64) {
        let metadata = path.metadata().unwrap();
        (metadata.dev(), metadata.ino())
    }

    #[test]
    fn a_file_is_live_under_all_its_names_until_the_last_guard_goes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.db");
        let other = dir.path().join("b.db");
        std::fs::write(&file, b"x").unwrap();
        std::fs::hard_link(&file, &other).unwrap();
        let (dev, ino) = id(&other);
        let first = register(&file).unwrap();
        let second = register(&file).unwrap();
        drop(first);
        assert!(is_live(dev, ino));
        drop(second);
        assert!(!is_live(dev, ino));
    }

    #[test]
    fn a_new_file_never_inherits_the_number_of_a_live_one_that_was_removed() {
        let dir = tempfile::tempdir().unwrap();
        let live = dir.path().join("live.db");
        std::fs::write(&live, b"x").unwrap();
        let _guard = register(&live).unwrap();
        std::fs::remove_file(&live).unwrap();
        for number in 0..100 {
            let other = dir.path().join(format!("other {number}"));
            std::fs::write(&other, b"y").unwrap();
            let (dev, ino) = id(&other);
            assert!(!is_live(dev, ino));
        }
    }

    #[test]
    fn folders_above_a_live_file_hold_it() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        let beside = dir.path().join("beside");
        std::fs::create_dir(&inner).unwrap();
        std::fs::create_dir(&beside).unwrap();
        std::fs::write(inner.join("a.db"), b"x").unwrap();
        let guard = register(inner.join("a.db")).unwrap();
        for folder in [dir.path(), &inner] {
            let (dev, ino) = id(folder);
            assert!(holds_live(dev, ino) && !is_live(dev, ino));
        }
        let (dev, ino) = id(&beside);
        assert!(!holds_live(dev, ino));
        drop(guard);
        let (dev, ino) = id(&inner);
        assert!(!holds_live(dev, ino));
    }

    /// Why the registry is asked through `O_PATH`: another process finds the lock gone after an `O_RDONLY` descriptor was closed.
    #[test]
    fn closing_an_o_path_descriptor_keeps_posix_locks() {
        use rustix::fs::{FlockOperation, Mode, OFlags, fcntl_lock, open};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locked");
        std::fs::write(&path, b"x").unwrap();
        let holder = std::fs::File::options()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        fcntl_lock(&holder, FlockOperation::NonBlockingLockExclusive).unwrap();
        // `/proc/locks` names inode and owner, whichever process asks.
        let locked = || {
            let pid = std::process::id().to_string();
            let ino = format!(":{}", path.metadata().unwrap().ino());
            let is_it = |line: &str| {
                let l: Vec<_> = line.split_whitespace().collect();
                l[1] == "POSIX" && l[4] == pid && l[5].ends_with(&ino)
            };
            let found = |locks: &str| locks.lines().any(is_it).then_some(());
            crate::kernel_tables::find("/proc/locks", found).is_some()
        };
        assert!(locked());
        drop(open(&path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap());
        assert!(locked(), "O_PATH must keep the lock");
        drop(std::fs::File::open(&path).unwrap());
        assert!(!locked(), "O_RDONLY drops it");
    }
}
