//! Every filesystem of ours passes the suite that any backend must pass.

use fs_backends::indexed::StoreOptions;
use fs_backends::sqlite::{Durability, VaultOptions};
use fs_backends::{MemoryBackend, StdFsBackend, VRootFsBackend};
use fs_core::VPath;
use fs_core::conformance::{Fresh, Suite};
use fs_core::middleware::Subtree;

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
#[test]
fn std_fs() {
    Suite::new("host", || {
        let (dir, trash) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let host = StdFsBackend::with_home_trash(VPath::new(trash.path()).unwrap());
        let root = VPath::new(dir.path()).unwrap();
        Fresh::new(Subtree::new(host, &root).unwrap()).keeping((dir, trash))
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
