//! What a host path is, told by its first bytes and its name. Never opens a file that is live (see [`crate::live_files`]) or may block.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

use fs_core::{Error, ErrorKind, Result};
use rustix::fs::{Mode, OFlags, open};

use super::{Kind, Root, store};
use crate::live_files;
use crate::memory::is_sealed;

/// The first 16 bytes of every plain SQLite file (<https://www.sqlite.org/fileformat.html>, 1.3).
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The smallest page of an encrypted vault: its file is a multiple of this.
const VAULT_PAGE_BYTES: u64 = 4096;

/// What is at a host path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostItem {
    /// Nothing.
    Missing,
    /// A folder.
    Folder,
    /// A folder with the index of a store, whether or not its blobs are there.
    Store,
    /// A plain SQLite file, perhaps a vault.
    PlainVault,
    /// A `.db` file of random bytes: an encrypted vault, if its password opens it.
    EncryptedVault,
    /// A saved filesystem (`.mem`).
    Saved,
    /// One that needs its password.
    EncryptedSaved,
    /// A stack file.
    Stack,
    /// The raw file of a filesystem that is open in this process.
    Open,
    /// Any other regular file.
    File,
    /// A fifo, socket or device.
    Special,
}

/// Tells what is at `path`, following links. Errors: those of `open(2)`; a missing path is no error.
pub fn probe(path: &Path) -> Result<HostItem> {
    let error = |e| Error::from_io(e, "look at").with_path(path);
    // O_PATH: a fifo does not block, and closing it keeps the locks of an open vault.
    let handle = match open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        Ok(handle) => File::from(handle),
        Err(rustix::io::Errno::NOENT) => return Ok(HostItem::Missing),
        Err(e) => return Err(error(e.into())),
    };
    let metadata = handle.metadata().map_err(error)?;
    if metadata.is_dir() {
        return Ok(match store::is_store(path)? {
            true => HostItem::Store,
            false => HostItem::Folder,
        });
    }
    if !metadata.is_file() {
        return Ok(HostItem::Special);
    }
    if live_files::is_live(metadata.dev(), metadata.ino()) {
        return Ok(HostItem::Open);
    }
    if kind_by_name(path) == Some(Kind::Stack) {
        return Ok(HostItem::Stack);
    }
    let mut start = [0; 16];
    let magic = File::open(format!("/proc/self/fd/{}", handle.as_raw_fd()))
        .and_then(|file| file.read_exact_at(&mut start, 0));
    if kind_by_name(path) == Some(Kind::Memory) {
        return Ok(match magic {
            Ok(()) if is_sealed(&start) => HostItem::EncryptedSaved,
            _ => HostItem::Saved,
        });
    }
    let is_vault_name = kind_by_name(path) == Some(Kind::Vault);
    Ok(match magic {
        Ok(()) if start == *SQLITE_MAGIC => HostItem::PlainVault,
        Ok(()) if is_vault_name && metadata.len().is_multiple_of(VAULT_PAGE_BYTES) => {
            HostItem::EncryptedVault
        }
        Ok(()) => HostItem::File,
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => HostItem::File,
        Err(e) => return Err(error(e)),
    })
}

/// The kind the name of a file promises.
pub fn kind_by_name(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.as_bytes().to_ascii_lowercase();
    let ends = |suffix: &[u8]| name.len() > suffix.len() && name.ends_with(suffix);
    if ends(b".stack.ron") {
        Some(Kind::Stack)
    } else if ends(b".mem") {
        Some(Kind::Memory)
    } else if ends(b".db") {
        Some(Kind::Vault)
    } else {
        None
    }
}

/// What a bare path names: what is there, and where nothing (or a plain file) is, what its name promises.
pub(super) fn settle(path: PathBuf) -> Result<Root> {
    let by_name = kind_by_name(&path);
    Ok(match probe(&path)? {
        HostItem::Store => Root::Store(path),
        HostItem::Folder | HostItem::Special => Root::Host(path),
        _ => match by_name {
            Some(Kind::Vault) => Root::Vault(path),
            Some(Kind::Memory) => Root::Saved(path),
            Some(Kind::Stack) => Root::Stack(path),
            _ => Root::Host(path),
        },
    })
}

/// `path` with each `..` resolved as the host would: from where a link before it leads.
pub(super) fn resolve_dots(path: &Path) -> Result<PathBuf> {
    let mut out = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out = out
                    .canonicalize()
                    .map_err(|e| Error::from_io(e, "resolve").with_path(path))?;
                if !out.is_dir() {
                    return Err(Error::new(ErrorKind::NotADirectory, "resolve").with_path(path));
                }
                out.pop();
            }
            Component::Normal(name) => out.push(name),
            _ => {}
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;

    #[test]
    fn every_item_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("media/blobs")).unwrap();
        std::fs::write(at("media/index.db"), b"").unwrap();
        std::fs::write(at("plain.db"), [SQLITE_MAGIC.as_slice(), &[0; 84]].concat()).unwrap();
        std::fs::write(at("secret.db"), [0xA5; 8192]).unwrap();
        std::fs::write(at("short.db"), b"x").unwrap();
        std::fs::write(at("empty.db"), b"").unwrap();
        std::fs::write(at("a.mem"), b"").unwrap();
        std::fs::write(at("secret.mem"), b"\x89LMEE\r\n\x1a\x01\0\0\0 and more").unwrap();
        std::fs::write(at("a.stack.ron"), b"").unwrap();
        std::fs::write(at("a.txt"), [0xA5; 8192]).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("fifo.db"),
            rustix::fs::FileType::Fifo,
            Mode::RUSR,
            0,
        )
        .unwrap();
        for (name, item) in [
            ("", HostItem::Folder),
            ("media", HostItem::Store),
            ("plain.db", HostItem::PlainVault),
            ("secret.db", HostItem::EncryptedVault),
            ("short.db", HostItem::File),
            ("empty.db", HostItem::File),
            ("a.mem", HostItem::Saved),
            ("secret.mem", HostItem::EncryptedSaved),
            ("a.stack.ron", HostItem::Stack),
            ("a.txt", HostItem::File),
            ("fifo.db", HostItem::Special),
            ("none.db", HostItem::Missing),
        ] {
            assert_eq!(probe(&at(name)).unwrap(), item, "{name}");
        }
        let _guard = live_files::register(at("plain.db")).unwrap();
        assert_eq!(probe(&at("plain.db")).unwrap(), HostItem::Open);
    }

    #[test]
    fn what_is_there_decides_and_otherwise_the_name() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("folder.db")).unwrap();
        let settled = |text: &str| {
            let location = Location::parse(text, dir.path()).unwrap();
            location.settled().unwrap().kind()
        };
        assert_eq!(settled("folder.db"), Kind::Host);
        assert_eq!(settled("missing.db"), Kind::Vault);
        assert_eq!(settled("missing.mem"), Kind::Memory);
        assert_eq!(settled("missing.stack.ron"), Kind::Stack);
        assert_eq!(settled("host:missing.db"), Kind::Host);
        assert_eq!(settled("missing"), Kind::Host);
    }

    #[test]
    fn parent_of_a_link_is_the_parent_of_its_target() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("deep/target")).unwrap();
        std::os::unix::fs::symlink("deep/target", root.join("link")).unwrap();
        let location = Location::parse("link/../x", &root).unwrap();
        assert_eq!(
            location.settled().unwrap(),
            Location::host(root.join("deep/x"))
        );
        assert!(
            Location::parse("none/../x", &root)
                .unwrap()
                .settled()
                .is_err()
        );
    }
}
