//! The kinds, one test each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use fs_backends::indexed::StoreOptions;
use fs_backends::sqlite::{Durability, VaultOptions};
use fs_backends::{MemoryBackend, StdFsBackend, VRootFsBackend};
use fs_core::{Backend, Overlay, Subtree, VPath};

use super::op::Range;
use super::subject::{Fresh, Resolver};
use super::{Kind, compare};

pub fn everything() -> Range {
    Range {
        any_target: true,
        exchange: true,
        owners: rustix::process::geteuid().is_root(),
    }
}

pub fn fresh(backend: impl Backend + 'static) -> Fresh {
    Fresh {
        backend: Arc::new(backend),
        guard: Box::new(()),
    }
}

fn posix(make: fn() -> Fresh, cases: u64) {
    compare(&Kind {
        make,
        resolver: Resolver::Posix,
        range: everything(),
        cases,
        counts_folders: true,
    });
}

fn overlay(make: fn() -> Fresh, cases: u64) {
    compare(&Kind {
        make,
        resolver: Resolver::Posix,
        range: everything(),
        cases,
        counts_folders: false,
    });
}

#[test]
fn memory() {
    posix(|| fresh(MemoryBackend::new()), 300);
}

#[test]
fn subtree_of_memory() {
    posix(
        || {
            let folder = VPath::new("/folder").unwrap();
            let fs = fs_core::FileStorage::new(MemoryBackend::new());
            fs.create_dir("/folder").unwrap();
            fresh(Subtree::new(fs.into_backend(), &folder).unwrap())
        },
        100,
    );
}

#[test]
fn overlay_of_memory_and_memory() {
    overlay(
        || fresh(Overlay::new(MemoryBackend::new(), MemoryBackend::new())),
        150,
    );
}

/// In memory where the system has such a folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    // The mask of the process is changed while others run.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), mode).unwrap();
    folder
}

#[test]
fn std_fs() {
    posix(
        || {
            let (dir, trash) = (folder(), folder());
            let host = StdFsBackend::with_home_trash(VPath::new(trash.path()).unwrap());
            let root = VPath::new(dir.path()).unwrap();
            Fresh {
                backend: Arc::new(Subtree::new(host, &root).unwrap()),
                guard: Box::new((dir, trash)),
            }
        },
        150,
    );
}

fn sandbox() -> Fresh {
    let dir = folder();
    Fresh {
        backend: Arc::new(VRootFsBackend::new(dir.path()).unwrap()),
        guard: Box::new(dir),
    }
}

/// The sandbox refuses links that leave it, so only those that stay are drawn.
#[test]
fn vroot_fs() {
    compare(&Kind {
        make: sandbox,
        resolver: Resolver::NoOp,
        range: Range {
            any_target: false,
            ..everything()
        },
        cases: 150,
        counts_folders: true,
    });
}

fn vault(password: Option<&str>) -> Fresh {
    let dir = folder();
    let mut options = VaultOptions::new().durability(Durability::OnSync);
    if let Some(password) = password {
        options = options.password(password);
    }
    Fresh {
        backend: Arc::new(options.create(dir.path().join("vault.db")).unwrap()),
        guard: Box::new(dir),
    }
}

#[test]
fn sqlite() {
    posix(|| vault(None), 150);
}

/// A folder of its own for each sequence, where deriving the key takes its time.
fn folder_of(backend: &Arc<dyn Backend>) -> Fresh {
    static FOLDERS: AtomicUsize = AtomicUsize::new(0);
    let folder = format!("/{}", FOLDERS.fetch_add(1, Ordering::Relaxed));
    let fs = fs_core::FileStorage::new(backend.clone());
    fs.create_dir(&folder).unwrap();
    let folder = VPath::new(folder).unwrap();
    fresh(Subtree::new(backend.clone(), &folder).unwrap())
}

#[test]
fn sqlite_encrypted() {
    static VAULT: LazyLock<Fresh> = LazyLock::new(|| vault(Some("secret")));
    posix(|| folder_of(&VAULT.backend), 130);
}

#[test]
fn store() {
    posix(
        || {
            let dir = folder();
            let options = StoreOptions::new().durability(Durability::OnSync);
            Fresh {
                backend: Arc::new(options.create(dir.path().join("store")).unwrap()),
                guard: Box::new(dir),
            }
        },
        120,
    );
}

#[test]
fn store_encrypted() {
    static STORE: LazyLock<Fresh> = LazyLock::new(|| {
        let dir = folder();
        let options = StoreOptions::new().durability(Durability::OnSync);
        let options = options.password("secret");
        Fresh {
            backend: Arc::new(options.create(dir.path().join("store")).unwrap()),
            guard: Box::new(dir),
        }
    });
    posix(|| folder_of(&STORE.backend), 120);
}

#[test]
fn overlay_of_host_and_vault() {
    overlay(
        || {
            let (base, upper) = (sandbox(), vault(None));
            Fresh {
                backend: Arc::new(Overlay::new(base.backend, upper.backend)),
                guard: Box::new((base.guard, upper.guard)),
            }
        },
        60,
    );
}
