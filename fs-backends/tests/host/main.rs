//! What only the host has: strange files, other mounts, the desktop's trash, files of open vaults, changes from outside.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod elsewhere;
mod killed;
mod mounts;
mod staged;
mod strange;
mod trash;
mod watched;

use std::path::{Path, PathBuf};

use fs_backends::StdFsBackend;
use fs_core::{At, Backend, EntryBatch, ErrorKind, Result, VPath, Want, listing};

struct Host {
    dir: tempfile::TempDir,
    backend: StdFsBackend,
}

impl Host {
    fn new() -> Self {
        Self::inside(std::env::temp_dir())
    }

    fn inside(folder: impl AsRef<Path>) -> Self {
        let dir = tempfile::tempdir_in(folder).unwrap();
        std::fs::create_dir(dir.path().join("home")).unwrap();
        let trash = VPath::new(dir.path().join("home/Trash")).unwrap();
        Self {
            backend: StdFsBackend::with_home_trash(trash),
            dir,
        }
    }

    fn host(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn at(&self, name: &str) -> VPath {
        VPath::new(self.host(name)).unwrap()
    }

    fn list(&self, name: &str, want: &Want) -> EntryBatch {
        let path = self.at(name);
        listing::collect(self.backend.list(At::path(&path), want).unwrap()).unwrap()
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().unwrap().kind()
}
