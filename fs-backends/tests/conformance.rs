//! Every filesystem of ours passes the suite that any backend must pass.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use fs_backends::indexed::StoreOptions;
use fs_backends::sqlite::{Durability, VaultOptions};
use fs_backends::{MemoryBackend, StdFsBackend, VRootFsBackend};
use fs_core::conformance::{Fresh, Suite};
use fs_core::{FileStorage, Overlay, Subtree, Trace, VPath};

#[test]
fn memory() {
    Suite::new("memory", || Fresh::new(MemoryBackend::new())).assert();
}

/// The encrypted one is tested where its key can be derived once for all cases.
#[test]
fn plain_vault() {
    let options = VaultOptions::new().durability(Durability::OnSync);
    Suite::new("vault", move || {
        let dir = tempfile::tempdir().unwrap();
        Fresh::new(options.create(dir.path().join("x.db")).unwrap()).keeping(dir)
    })
    .assert();
}

#[test]
fn store() {
    let options = StoreOptions::new().durability(Durability::OnSync);
    Suite::new("store", move || {
        let dir = tempfile::tempdir().unwrap();
        Fresh::new(options.create(dir.path().join("x")).unwrap()).keeping(dir)
    })
    .assert();
}

/// The host has only one root: a folder of it stands in.
fn host_folder() -> (Subtree<StdFsBackend>, impl Send + 'static) {
    let (dir, trash) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let host = StdFsBackend::with_home_trash(VPath::new(trash.path()).unwrap());
    let root = VPath::new(dir.path()).unwrap();
    (Subtree::new(host, &root).unwrap(), (dir, trash))
}

#[test]
fn std_fs() {
    Suite::new("host", || {
        let (host, guard) = host_folder();
        Fresh::new(host).keeping(guard)
    })
    .on_host()
    .assert();
}

#[test]
fn vroot_fs() {
    Suite::new("sandbox", || {
        let dir = tempfile::tempdir().unwrap();
        Fresh::new(VRootFsBackend::new(dir.path()).unwrap()).keeping(dir)
    })
    .self_resolving()
    .on_host()
    .assert();
}

#[test]
fn subtree_of_memory() {
    Suite::new("subtree of memory", || {
        let fs = FileStorage::new(MemoryBackend::new());
        fs.create_dir_all("/some/folder").unwrap();
        fs.create_dir("/etc").unwrap();
        fs.write("/etc/passwd", b"outside").unwrap();
        let folder = VPath::new("/some/folder").unwrap();
        Fresh::new(Subtree::new(fs.into_backend(), &folder).unwrap())
    })
    .assert();
}

#[test]
fn trace_of_memory() {
    let traced = || Fresh::new(Trace::new(MemoryBackend::new(), drop));
    Suite::new("trace of memory", traced).assert();
}

/// A layer in memory over a sandboxed folder, as in the guide.
#[test]
fn overlay_of_vroot_fs_and_memory() {
    Suite::new("overlay of sandbox and memory", || {
        let dir = tempfile::tempdir().unwrap();
        let base = VRootFsBackend::new(dir.path()).unwrap();
        Fresh::new(Overlay::new(base, MemoryBackend::new())).keeping(dir)
    })
    .assert();
}

#[test]
fn overlay_of_memory_and_host() {
    Suite::new("overlay of memory and host", || {
        let (host, guard) = host_folder();
        Fresh::new(Overlay::new(MemoryBackend::new(), host)).keeping(guard)
    })
    .on_host()
    .assert();
}
