//! Raw files of what another process has open. A `flock(2)` belongs to an open file, so one taken here by another descriptor is as good as another process.

use std::fs::File;

use fs_backends::{IndexedBackend, SqliteBackend};
use fs_core::{
    At, Backend, Change, Control, ErrorKind, Name, NewNode, OpenOptions, RenameMode, Result,
    SetAttr, VPath, Want,
};

use crate::{Host, kind};

/// Every way to read, change or move the file at `path`.
fn touched(host: &Host, path: &VPath) -> Vec<Result<()>> {
    let backend = &host.backend;
    let (at, free) = (At::path(path), host.at("free"));
    let free = At::path(&free);
    let mode = RenameMode::Replace;
    let node = backend.pin(at).unwrap();
    let root = VPath::root();
    let pinned = At::in_dir(&node, &root);
    let control = Control::new();
    let mut results: Vec<Result<()>> = Vec::new();
    for from in [at, pinned] {
        results.push(backend.open(from, &OpenOptions::read()).map(drop));
        results.push(backend.open(from, &OpenOptions::read_write()).map(drop));
        let mut staged = backend.stage(free, &NewNode::file()).unwrap();
        results.push(staged.fill_from(from, &control).map(drop));
    }
    let replacing = backend.stage(at, &NewNode::file()).unwrap();
    results.push(replacing.commit(mode).map(drop));
    for change in [
        Change::SetAttr(at, &SetAttr::size(0)),
        Change::Rename {
            from: at,
            to: free,
            mode,
        },
        Change::Unlink(at),
    ] {
        results.push(backend.change(&change));
    }
    results
}

#[test]
fn the_files_of_what_another_process_has_open_are_in_use() {
    let host = Host::new();
    for name in ["plain.db", "secret.db"] {
        let vault = match name {
            "plain.db" => SqliteBackend::create(host.host(name)),
            _ => SqliteBackend::create_encrypted(host.host(name), "secret"),
        };
        drop(vault.unwrap());
    }
    drop(IndexedBackend::create(host.host("s")).unwrap());
    for name in ["plain.db", "secret.db", "s/index.db"] {
        std::fs::write(host.host(&format!("{name}-wal")), b"the log").unwrap();
        std::fs::write(host.host(&format!("{name}-shm")), b"its index").unwrap();
    }
    for name in ["plain.db", "secret.db", "s/index.db"] {
        let before = std::fs::read(host.host(name)).unwrap();
        let other = File::open(host.host(name)).unwrap();
        other.lock().unwrap();
        let holder = format!("process {} on ", std::process::id());
        for suffix in ["", "-wal", "-shm"] {
            let path = host.at(&format!("{name}{suffix}"));
            for (call, result) in touched(&host, &path).into_iter().enumerate() {
                let error = result.unwrap_err();
                assert_eq!(
                    error.kind(),
                    ErrorKind::InUse,
                    "{path:?}, call {call}: {error}"
                );
                let told = error.to_string();
                assert!(
                    told.contains(&holder) && told.contains("close it there"),
                    "{told}"
                );
            }
        }
        assert_eq!(std::fs::read(host.host(name)).unwrap(), before);
        // Who reads along changes nothing, and is in nobody's way.
        other.lock_shared().unwrap();
        let path = host.at(name);
        let file = host.backend.open(At::path(&path), &OpenOptions::read());
        drop(file.unwrap());
        drop(other);
        for suffix in ["-wal", "-shm", ""] {
            let path = host.at(&format!("{name}{suffix}"));
            let free = host.at("free");
            let rename = Change::Rename {
                from: At::path(&path),
                to: At::path(&free),
                mode: RenameMode::Replace,
            };
            host.backend.change(&rename).unwrap();
        }
        assert_eq!(std::fs::read(host.host("free")).unwrap(), before);
    }
}

#[test]
fn the_blobs_of_a_store_that_another_process_has_open_are_left_alone() {
    let host = Host::new();
    drop(IndexedBackend::create(host.host("s")).unwrap());
    let blobs = host.at("s/blobs");
    let store = host.at("s");
    let other = File::open(host.host("s/index.db")).unwrap();
    other.lock().unwrap();
    let name = VPath::root().join(&Name::new("blobs").unwrap());
    let node = host.backend.pin(At::path(&store)).unwrap();
    let pinned = host.backend.pin(At::path(&blobs)).unwrap();
    let root = VPath::root();
    for at in [
        At::path(&blobs),
        At::in_dir(&node, &name),
        At::in_dir(&pinned, &root),
    ] {
        let listed = host.backend.list(at, &Want::names()).map(drop);
        assert_eq!(kind(listed), ErrorKind::InUse);
    }
    assert_eq!(host.list("s", &Want::names()).len(), 2);
    drop(other);
    assert_eq!(host.list("s/blobs", &Want::names()).len(), 0);
}

#[test]
fn a_lock_of_another_program_on_a_file_of_its_own_is_its_own_business() {
    let host = Host::new();
    let other = rusqlite::Connection::open(host.host("other.db")).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(other);
    std::fs::write(host.host("text.db"), b"text".repeat(4096)).unwrap();
    for name in ["other.db", "text.db"] {
        let locked = File::open(host.host(name)).unwrap();
        locked.lock().unwrap();
        let path = host.at(name);
        let file = host.backend.open(At::path(&path), &OpenOptions::read());
        drop(file.unwrap());
    }
}
