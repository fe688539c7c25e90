//! Other mounts, files of open vaults, syncing.

use std::os::unix::fs::MetadataExt as _;

use fs_backends::{IndexedBackend, live_files};
use fs_core::{
    At, Backend, Change, Control, ErrorKind, FileStorage, Name, NewNode, OpenOptions, RenameMode,
    Scope, SetAttr, VPath, Want,
};

use super::{Host, kind};

/// B-STDF03
#[test]
fn a_rename_to_another_mount_is_cross_device() {
    let (here, there) = (Host::new(), Host::inside("/dev/shm"));
    if here.dir.path().metadata().unwrap().dev() == there.dir.path().metadata().unwrap().dev() {
        println!("left out: the temporary folder and /dev/shm are one mount here");
        return;
    }
    std::fs::write(here.host("f"), b"x").unwrap();
    let (from, to) = (here.at("f"), there.at("f"));
    for mode in [RenameMode::Replace, RenameMode::NoReplace] {
        let (from, to) = (At::path(&from), At::path(&to));
        let result = here.backend.change(&Change::Rename { from, to, mode });
        assert_eq!(kind(result), ErrorKind::CrossDevice);
    }
    assert!(here.host("f").exists());
    // The home trash is on another mount too: the item goes to one on its own.
    let trash = here.backend.extensions().trash.unwrap();
    std::fs::write(there.host("g"), b"x").unwrap();
    let id = trash.discard(&there.at("g")).unwrap();
    assert!(!there.host("g").exists() && !here.host("home/Trash").exists());
    let items = trash.items().unwrap();
    let item = items.iter().find(|item| item.id == id).unwrap();
    assert_eq!(item.original, there.at("g"));
    trash.purge(&id).unwrap();
    assert!(trash.items().unwrap().iter().all(|item| item.id != id));
}

#[test]
fn files_of_an_open_vault_are_left_alone() {
    let host = Host::new();
    std::fs::create_dir(host.host("d")).unwrap();
    std::fs::write(host.host("d/a.db"), b"live").unwrap();
    std::fs::hard_link(host.host("d/a.db"), host.host("other")).unwrap();
    std::fs::write(host.host("new"), b"new").unwrap();
    let guard = live_files::register(host.host("d/a.db")).unwrap();
    let (live, folder, new, free) = (
        host.at("other"),
        host.at("d"),
        host.at("new"),
        host.at("free"),
    );
    let (live, folder, new, free) = (
        At::path(&live),
        At::path(&folder),
        At::path(&new),
        At::path(&free),
    );
    let backend = &host.backend;
    let mode = RenameMode::Replace;
    let control = Control::new();
    let mut staged = backend.stage(free, &NewNode::file()).unwrap();
    let replacing = backend.stage(live, &NewNode::file()).unwrap();
    let mut refused = vec![
        backend.open(live, &OpenOptions::read()).map(drop),
        backend.open(live, &OpenOptions::read_write()).map(drop),
        backend.sync(Scope::Node(live)),
        staged.fill_from(live, &control).map(drop),
        replacing.commit(mode).map(drop),
    ];
    for change in [
        Change::Unlink(live),
        Change::SetAttr(live, &SetAttr::size(0)),
        Change::Rename {
            from: live,
            to: free,
            mode,
        },
        Change::Rename {
            from: new,
            to: live,
            mode,
        },
        Change::Rename {
            from: folder,
            to: free,
            mode,
        },
    ] {
        refused.push(backend.change(&change));
    }
    for (call, result) in refused.into_iter().enumerate() {
        assert_eq!(kind(result), ErrorKind::InUse, "call {call}");
    }
    assert_eq!(std::fs::read(host.host("other")).unwrap(), b"live");
    drop(guard);
    backend.change(&Change::Unlink(live)).unwrap();
}

#[test]
fn blobs_of_an_open_store_are_left_alone() {
    let host = Host::new();
    std::fs::create_dir(host.host("d")).unwrap();
    let store = FileStorage::new(IndexedBackend::open(host.host("d/s")).unwrap());
    store.write("/f", "content").unwrap();
    let blobs = std::fs::read_dir(host.host("d/s/blobs")).unwrap();
    let blob = blobs.last().unwrap().unwrap().file_name();
    let (folder, free) = (host.at("d/s/blobs"), host.at("free"));
    let blob = folder.join(&Name::new(blob).unwrap());
    let (folder, free, blob) = (At::path(&folder), At::path(&free), At::path(&blob));
    let backend = &host.backend;
    let rename = |from| Change::Rename {
        from,
        to: free,
        mode: RenameMode::NoReplace,
    };
    for change in [Change::Unlink(blob), rename(blob), rename(folder)] {
        assert_eq!(kind(backend.change(&change)), ErrorKind::InUse);
    }
    let listed = backend.list(folder, &Want::names()).map(drop);
    assert_eq!(kind(listed), ErrorKind::InUse);
    assert_eq!(store.read("/f").unwrap(), b"content");
    store.backend().close().unwrap();
    backend.change(&rename(folder)).unwrap();
}

#[test]
fn everything_written_is_synced_also_when_its_folder_is_gone() {
    let host = Host::new();
    let (folder, file) = (host.at("d"), host.at("d/f"));
    for (path, new) in [(&folder, NewNode::directory()), (&file, NewNode::file())] {
        host.backend
            .change(&Change::Create(At::path(path), &new))
            .unwrap();
    }
    host.backend.sync(Scope::Node(At::path(&file))).unwrap();
    host.backend.sync(Scope::Node(At::path(&folder))).unwrap();
    host.backend.sync(Scope::All).unwrap();
    drop(host.dir);
    host.backend.sync(Scope::All).unwrap();
    host.backend.close().unwrap();
    assert_eq!(
        kind(host.backend.stat(At::path(&VPath::root()))),
        ErrorKind::Closed
    );
}
