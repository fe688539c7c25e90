//! Layers on host folders: whiteouts are real device nodes, and the kernel's overlayfs reads them.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use fs_backends::{MemoryBackend, VRootFsBackend};
use fs_core::conformance::{Fresh, Suite};
use fs_core::middleware::{Op as TracedOp, Trace};
use fs_core::{Backend, NewKind, Overlay, RenameMode};
use proptest::prelude::*;

use crate::model::{HOST, Op, check, filled, ops, run};
use crate::support::{Shell, dump};

fn folder() -> (tempfile::TempDir, VRootFsBackend) {
    let dir = tempfile::tempdir().unwrap();
    let fs = VRootFsBackend::new(dir.path()).unwrap();
    (dir, fs)
}

/// A staged file that replaces another is a new file on a host.
fn on_host(ops: Vec<Op>) -> Vec<Op> {
    let differs = |op: &Op| matches!(op, Op::Stage(_, NewKind::File, RenameMode::Replace));
    ops.into_iter().filter(|op| !differs(op)).collect()
}

#[test]
fn suite_memory_over_a_folder() {
    Suite::new("overlay: memory over a folder", || {
        let (dir, base) = folder();
        Fresh::new(Overlay::new(base, MemoryBackend::new())).keeping(dir)
    })
    .assert();
}

#[test]
fn suite_a_folder_over_memory() {
    Suite::new("overlay: a folder over memory", || {
        let (dir, upper) = folder();
        Fresh::new(Overlay::new(MemoryBackend::new(), upper)).keeping(dir)
    })
    .on_host()
    .assert();
}

#[test]
fn a_folder_holds_whiteouts_as_the_kernel_does() {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
    let (dir, upper) = folder();
    let base = MemoryBackend::new();
    crate::rules::sample(&base);
    let fs = Overlay::new(base, upper);
    fs.unlink("/a").unwrap();
    fs.rm_r("/d");
    fs.mkdir("/d");
    let node = std::fs::symlink_metadata(dir.path().join("a")).unwrap();
    assert!(node.file_type().is_char_device() && node.rdev() == 0);
    let path = fs_core::VPath::new("/d").unwrap();
    let name = std::ffi::OsStr::new("user.overlay.opaque");
    let opaque = fs.upper().get_xattr(fs_core::At::path(&path), name);
    assert_eq!(opaque.unwrap(), b"y");
}

/// Otherwise a power cut could leave an empty file that hides the base's whole one.
#[test]
fn what_hides_a_file_of_the_base_has_its_content_first() {
    let base = MemoryBackend::new();
    for path in ["/a", "/b", "/c"] {
        base.put(path, "precious");
    }
    let (_dir, upper) = folder();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let told = calls.clone();
    let fs = Overlay::new(
        base,
        Trace::new(upper, move |call| {
            told.lock().unwrap().push((call.op, call.path));
        }),
    );
    fs.chmod("/a", 0o600);
    let new = NewKind::File;
    run(&fs, &Op::Stage("/b".to_owned(), new, RenameMode::Replace)).unwrap();
    fs.mv("/c", "/d").unwrap();
    let calls = calls.lock().unwrap();
    for path in ["/a", "/b", "/c"] {
        let when = |op| {
            calls
                .iter()
                .position(|call| *call == (op, crate::support::at(path)))
        };
        let (synced, named) = (when(TracedOp::FileSync), when(TracedOp::Commit));
        assert!(
            synced.is_some() && synced < named,
            "{path}: {synced:?} {named:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_folder_over_memory(base in ops(30), ops in ops(30)) {
        let base = Arc::new(filled(&on_host(base)));
        let (dir, upper) = folder();
        let upper = Arc::new(upper);
        check(&base, &on_host(ops), HOST, || Box::new(Overlay::new(base.clone(), upper.clone())));
        drop(dir);
    }

    #[test]
    fn memory_over_a_folder(base in ops(30), ops in ops(30)) {
        let (dir, lower) = folder();
        let (base, ops) = (on_host(base), on_host(ops));
        for op in base.iter().filter(|op| !matches!(op, Op::Link(..))) {
            run(&lower, op).ok();
        }
        let (lower, upper) = (Arc::new(lower), Arc::new(MemoryBackend::new()));
        let unread = || {
            let mut tree = dump(&*lower);
            // Reading moves it.
            tree.values_mut().for_each(|item| item.metadata.atime = fs_core::Time::default());
            tree
        };
        let before = unread();
        check(&filled(&base), &ops, HOST, || Box::new(Overlay::new(lower.clone(), upper.clone())));
        prop_assert_eq!(unread(), before);
        drop(dir);
    }

    #[test]
    fn the_kernel_shows_the_same_tree(base in ops(30), ops in ops(30)) {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir(&path).unwrap();
            path
        };
        let (lower, upper, work, merged) = (at("lower"), at("upper"), at("work"), at("merged"));
        let open = |path: &Path| VRootFsBackend::new(path).unwrap();
        for op in on_host(base).iter().filter(|op| !matches!(op, Op::Link(..))) {
            run(&open(&lower), op).ok();
        }
        let ours = Overlay::new(open(&lower), open(&upper));
        for op in &ops {
            run(&ours, op).ok();
        }
        let Some(mount) = Mount::new(&lower, &upper, &work, &merged) else {
            return Ok(());
        };
        let facts = |fs: &dyn Backend| {
            let plain = |(path, item): (String, crate::support::Item)| {
                let m = item.metadata;
                let nlink = if m.is_dir() { 0 } else { m.nlink };
                (path, m.kind, m.mode, m.uid, nlink, item.content, item.xattrs)
            };
            dump(fs).into_iter().map(plain).collect::<Vec<_>>()
        };
        prop_assert_eq!(facts(&open(&merged)), facts(&ours));
        drop(mount);
    }
}

/// A mount of the kernel's overlayfs; unmounted when dropped.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    /// `None`, and printed, where the kernel or the user's rights do not allow it.
    fn new(lower: &Path, upper: &Path, work: &Path, merged: &'a Path) -> Option<Self> {
        let options = format!(
            "userxattr,lowerdir={},upperdir={},workdir={}",
            lower.display(),
            upper.display(),
            work.display()
        );
        let done = Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &options])
            .arg(merged)
            .output();
        match done {
            Ok(output) if output.status.success() => Some(Self(merged)),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr);
                println!("NOT COMPARED with the kernel's overlayfs: {}", why.trim());
                None
            }
            Err(error) => {
                println!("NOT COMPARED with the kernel's overlayfs: {error}");
                None
            }
        }
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let done = Command::new("umount").arg(self.0).status();
        assert!(std::thread::panicking() || done.is_ok_and(|status| status.success()));
    }
}
