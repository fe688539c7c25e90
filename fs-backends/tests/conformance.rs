//! Every filesystem of ours passes the suite that any backend must pass.

use fs_backends::{MemoryBackend, StdFsBackend, VRootFsBackend};
use fs_core::VPath;
use fs_core::conformance::{Fresh, Suite};
use fs_core::middleware::Subtree;

#[test]
fn memory() {
    Suite::new("memory", || Fresh::new(MemoryBackend::new())).assert();
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
