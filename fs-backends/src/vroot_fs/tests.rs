//! The sandbox on a system without `openat2`.

use std::path::Path;

use fs_core::conformance::{Fresh, Suite};
use fs_core::{ErrorKind, FileStorage, NoOpResolver};

use super::VRootFsBackend;
use super::beneath::Beneath;

fn open(root: &Path) -> VRootFsBackend {
    VRootFsBackend::reaching(Beneath::judged_by_strict_path(root).unwrap(), None)
}

#[test]
fn strict_path_alone_passes_the_suite() {
    Suite::new("sandbox without openat2", || {
        let dir = tempfile::tempdir().unwrap();
        Fresh::new(open(dir.path())).keeping(dir)
    })
    .self_resolving()
    .on_host()
    .without("P13", "strict-path counts links in another way")
    .without(
        "P19",
        "a dangling link into a missing folder is SymlinkLoop",
    )
    .without("P26", "strict-path drops slashes at the end of a link")
    .assert();
}

#[test]
fn strict_path_alone_refuses_ways_out() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::create_dir_all(root.join("d")).unwrap();
    std::fs::create_dir(dir.path().join("outside")).unwrap();
    std::fs::write(dir.path().join("outside/secret"), b"secret").unwrap();
    let links = ["../outside", "/etc", "d/../../outside"];
    for (i, target) in links.iter().enumerate() {
        std::os::unix::fs::symlink(target, root.join(format!("out{i}"))).unwrap();
    }
    let fs = FileStorage::with_resolver(open(&root), NoOpResolver);
    for (i, target) in links.iter().enumerate() {
        let escapes = [
            fs.metadata(format!("/out{i}")).map(drop),
            fs.read(format!("/out{i}/secret")).map(drop),
            fs.write(format!("/out{i}/new"), b"x"),
            fs.create_dir(format!("/out{i}/new")),
            fs.remove_file(format!("/out{i}/secret")),
        ];
        for (call, result) in escapes.into_iter().enumerate() {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EscapesRoot, "{i} {call}");
            let host = dir.path().to_str().unwrap();
            assert!(!format!("{error:?}").contains(host), "{error:?}");
        }
        // The link itself is there to be seen and removed.
        assert_eq!(fs.read_link(format!("/out{i}")).unwrap(), Path::new(target));
        fs.remove_file(format!("/out{i}")).unwrap();
    }
    assert_eq!(
        std::fs::read_dir(dir.path().join("outside"))
            .unwrap()
            .count(),
        1
    );
}
