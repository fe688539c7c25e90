//! A tree deeper than descriptors last. In a program of its own, because the limit is the whole process's.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use fs_backends::{MemoryBackend, StdFsBackend};
use fs_core::{At, Backend, Change, FileStorage, NewNode, NoOpResolver, VPath};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As `ulimit -n 64`.
const DESCRIPTORS: u64 = 64;

/// Makes `levels` folders, each in the one before, below `top`, with a file in every hundredth.
fn dig(fs: &dyn Backend, top: &VPath, levels: usize) {
    let name = VPath::new("/d").unwrap();
    let file = VPath::new("/f").unwrap();
    let mut at = fs.pin(At::path(top)).unwrap();
    for level in 0..levels {
        if level % 100 == 0 {
            fs.change(&Change::Create(At::in_dir(&at, &file), &NewNode::file()))
                .unwrap();
        }
        let below = At::in_dir(&at, &name);
        fs.change(&Change::Create(below, &NewNode::directory()))
            .unwrap();
        at = fs.pin(below).unwrap();
    }
}

#[test]
fn a_tree_of_20_000_levels_is_removed_with_64_descriptors() {
    let limit = Rlimit {
        current: Some(DESCRIPTORS),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();

    // In memory where the system has such a folder: on a disk 20,000 folders are spread all over it.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let dir = dir.unwrap();
    let top = VPath::new(dir.path().join("top")).unwrap();
    std::fs::create_dir(top.as_path()).unwrap();
    let host = FileStorage::with_resolver(StdFsBackend::new(), NoOpResolver);
    dig(host.backend(), &top, 20_000);
    host.remove_dir_all(top.as_path()).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

    let memory = FileStorage::new(MemoryBackend::new());
    memory.create_dir("/top").unwrap();
    dig(memory.backend(), &VPath::new("/top").unwrap(), 20_000);
    memory.remove_dir_all("/top").unwrap();
    assert!(!memory.exists("/top").unwrap());
}
