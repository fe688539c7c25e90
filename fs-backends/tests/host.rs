//! What only the host has: strange files, other mounts, the desktop's trash, files of open vaults, changes from outside.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use fs_backends::{StdFsBackend, VRootFsBackend, live_files};
use fs_core::extensions::WatchEvent;
use fs_core::{
    At, Backend, Change, Control, EntryBatch, ErrorKind, FileKind, NewKind, NewNode, OpenOptions,
    RenameMode, Result, Scope, SetAttr, VPath, Want, listing,
};

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

/// B-STDF01
#[test]
fn names_that_are_no_text_survive() {
    let host = Host::new();
    let name = OsStr::from_bytes(b"\xff\xfe name \x01\n");
    let path = VPath::new(host.dir.path().join(name)).unwrap();
    host.backend
        .change(&Change::Create(At::path(&path), &NewNode::file()))
        .unwrap();
    let batch = host.list("", &Want::metadata());
    assert!(batch.iter().any(|e| e.name == name && e.metadata.is_some()));
    let trash = host.backend.extensions().trash.unwrap();
    let id = trash.discard(&path).unwrap();
    assert_eq!(trash.items().unwrap()[0].original, path);
    trash.restore(&id, &path, RenameMode::NoReplace).unwrap();
    assert!(host.dir.path().join(name).exists());
}

/// B-STDF02
#[test]
fn pipes_and_devices_are_listed_and_never_opened() {
    let host = Host::new();
    let kinds = [
        ("fifo", NewKind::Fifo),
        ("socket", NewKind::Socket),
        ("whiteout", NewKind::CharDevice(0)),
    ];
    for (name, kind) in &kinds {
        let new = NewNode {
            kind: kind.clone(),
            ..NewNode::file().with_mode(0o640)
        };
        let path = host.at(name);
        host.backend
            .change(&Change::Create(At::path(&path), &new))
            .unwrap();
        for how in [OpenOptions::read(), OpenOptions::read_write()] {
            assert!(host.backend.open(At::path(&path), &how).is_err());
        }
        let found = host.backend.stat(At::path(&path)).unwrap();
        assert_eq!((found.kind, found.mode), (kind.kind(), 0o640));
    }
    let batch = host.list("", &Want::names());
    for (name, kind) in &kinds {
        assert!(
            batch
                .iter()
                .any(|e| e.name == *name && e.kind == kind.kind())
        );
    }
    let null = VPath::new("/dev/null").unwrap();
    assert!(
        host.backend
            .open(At::path(&null), &OpenOptions::read())
            .is_err()
    );
}

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

/// B-STDF04
#[test]
fn a_folder_that_may_not_be_read_says_so() {
    if is_root() {
        println!("left out: root may read everything");
        return;
    }
    let host = Host::new();
    std::fs::create_dir(host.host("closed")).unwrap();
    std::fs::write(host.host("closed/f"), b"").unwrap();
    let set = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(host.host("closed"), permissions).unwrap();
    };
    let path = host.at("closed");
    set(0o000);
    assert_eq!(
        kind(host.backend.list(At::path(&path), &Want::names())),
        ErrorKind::PermissionDenied
    );
    // Names may be read, what they stand for not.
    set(0o400);
    let batch = host.list("closed", &Want::metadata());
    let entry = batch.get(0).unwrap();
    assert_eq!(
        (entry.name, entry.kind, entry.metadata),
        (OsStr::new("f"), FileKind::File, None)
    );
    set(0o700);
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

/// The order in which attributes are set: a change of owner clears the set-id bits.
#[test]
fn set_id_bits_survive_a_change_of_owner() {
    let host = Host::new();
    std::fs::write(host.host("f"), b"").unwrap();
    let me = std::fs::metadata(host.host("f")).unwrap();
    let attr = SetAttr {
        mode: Some(0o4755),
        uid: Some(me.uid()),
        gid: Some(me.gid()),
        ..SetAttr::default()
    };
    let path = host.at("f");
    host.backend
        .change(&Change::SetAttr(At::path(&path), &attr))
        .unwrap();
    assert_eq!(host.backend.stat(At::path(&path)).unwrap().mode, 0o4755);
    let path = host.at("staged");
    let mut staged = host
        .backend
        .stage(At::path(&path), &NewNode::file())
        .unwrap();
    staged.file().unwrap().write_at(b"x", 0).unwrap();
    staged.set_attr(&attr).unwrap();
    staged.commit(RenameMode::NoReplace).unwrap();
    assert_eq!(host.backend.stat(At::path(&path)).unwrap().mode, 0o4755);
}

#[test]
fn what_is_staged_is_not_listed_and_leaves_nothing_behind() {
    let host = Host::new();
    std::fs::create_dir(host.host("d")).unwrap();
    let path = host.at("d/x");
    let kinds = [
        NewNode::file(),
        NewNode::directory(),
        NewNode::symlink("target"),
        NewNode {
            kind: NewKind::Fifo,
            ..NewNode::file()
        },
    ];
    for new in &kinds {
        let staged = host.backend.stage(At::path(&path), new).unwrap();
        assert!(host.list("d", &Want::names()).is_empty(), "{new:?}");
        drop(staged);
        assert_eq!(
            std::fs::read_dir(host.host("d")).unwrap().count(),
            0,
            "{new:?}"
        );
    }
    for new in &kinds {
        let staged = host.backend.stage(At::path(&path), new).unwrap();
        staged.commit(RenameMode::NoReplace).unwrap();
        let again = host.backend.stage(At::path(&path), new).unwrap();
        assert_eq!(
            kind(again.commit(RenameMode::NoReplace)),
            ErrorKind::AlreadyExists
        );
        let other = host
            .backend
            .stage(At::path(&path), &NewNode::whiteout())
            .unwrap();
        other.commit(RenameMode::Exchange).unwrap();
        assert_eq!(
            std::fs::read_dir(host.host("d")).unwrap().count(),
            1,
            "{new:?}"
        );
        assert!(host.backend.stat(At::path(&path)).unwrap().is_whiteout());
        host.backend
            .change(&Change::Unlink(At::path(&path)))
            .unwrap();
    }
}

#[test]
fn holes_stay_holes_in_a_copy() {
    let host = Host::new();
    let size = 64 << 20;
    let file = std::fs::File::create(host.host("sparse")).unwrap();
    file.set_len(size).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"data", 10 << 20).unwrap();
    let (from, to) = (host.at("sparse"), host.at("copy"));
    let control = Control::new();
    let mut staged = host.backend.stage(At::path(&to), &NewNode::file()).unwrap();
    assert!(staged.fill_from(At::path(&from), &control).unwrap());
    staged.commit(RenameMode::NoReplace).unwrap();
    assert_eq!(control.done_bytes(), size);
    let copy = host.backend.stat(At::path(&to)).unwrap();
    assert_eq!(copy.size, size);
    assert!(copy.allocated < 1 << 20, "{} bytes stored", copy.allocated);
    assert_eq!(
        std::fs::read(host.host("sparse")).unwrap(),
        std::fs::read(host.host("copy")).unwrap()
    );
}

#[test]
fn a_cancelled_copy_leaves_nothing() {
    let host = Host::new();
    std::fs::write(host.host("f"), vec![1; 1 << 20]).unwrap();
    let (from, to) = (host.at("f"), host.at("copy"));
    let control = Control::new();
    control.cancel();
    let mut staged = host.backend.stage(At::path(&to), &NewNode::file()).unwrap();
    assert_eq!(
        kind(staged.fill_from(At::path(&from), &control)),
        ErrorKind::Cancelled
    );
    drop(staged);
    assert!(!host.host("copy").exists());
}

/// The kernel makes these up as they are read.
#[test]
fn files_of_proc_are_not_copied_as_empty() {
    let host = Host::new();
    let (from, to) = (VPath::new("/proc/self/status").unwrap(), host.at("copy"));
    let mut staged = host.backend.stage(At::path(&to), &NewNode::file()).unwrap();
    assert!(!staged.fill_from(At::path(&from), &Control::new()).unwrap());
}

#[test]
fn appends_tell_where_they_landed() {
    let host = Host::new();
    let path = host.at("log");
    let how = OpenOptions {
        create: true,
        ..OpenOptions::read_write()
    };
    let file = host.backend.open(At::path(&path), &how).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let file = &file;
            scope.spawn(move || {
                for _ in 0..100 {
                    let at = file.append(&[thread; 7]).unwrap();
                    let mut read = [0; 7];
                    assert_eq!(file.read_at(&mut read, at).unwrap(), 7);
                    assert_eq!(read, [thread; 7]);
                }
            });
        }
    });
    assert_eq!(file.metadata().unwrap().size, 4 * 100 * 7);
    assert_eq!(file.append(b"").unwrap(), 2800);
}

#[test]
fn a_deep_tree_in_the_trash_is_purged() {
    let host = Host::new();
    let mut deep = host.host("tree");
    std::fs::create_dir(&deep).unwrap();
    symlink(host.host("home"), deep.join("link")).unwrap();
    // Longer than PATH_MAX allows in one call: made from folder to folder.
    let mut dir = std::fs::File::open(&deep).unwrap();
    for _ in 0..400 {
        let name = "a-folder-with-a-long-name";
        rustix::fs::mkdirat(&dir, name, rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::DIRECTORY;
        dir = rustix::fs::openat(&dir, name, flags, rustix::fs::Mode::empty())
            .unwrap()
            .into();
    }
    deep.push("read-only");
    std::fs::create_dir(&deep).unwrap();
    std::fs::write(deep.join("f"), b"").unwrap();
    std::fs::set_permissions(&deep, std::fs::Permissions::from_mode(0o500)).unwrap();
    let trash = host.backend.extensions().trash.unwrap();
    let id = trash.discard(&host.at("tree")).unwrap();
    trash.purge(&id).unwrap();
    assert!(
        host.host("home").exists(),
        "links are removed, not followed"
    );
    assert_eq!(
        std::fs::read_dir(host.host("home/Trash/files"))
            .unwrap()
            .count(),
        0
    );
    assert_eq!(
        std::fs::read_dir(host.host("home/Trash/info"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn trash_keeps_equal_names_apart_and_is_as_the_desktop_reads_it() {
    let host = Host::new();
    let trash = host.backend.extensions().trash.unwrap();
    let long = "x".repeat(255);
    for name in ["f g", "f g", &long, &long] {
        std::fs::write(host.host(name), name).unwrap();
        trash.discard(&host.at(name)).unwrap();
    }
    let items = trash.items().unwrap();
    assert_eq!(items.len(), 4);
    let info = std::fs::read_to_string(host.host("home/Trash/info/f g.trashinfo")).unwrap();
    let mut lines = info.lines();
    assert_eq!(lines.next(), Some("[Trash Info]"));
    let path = host.host("f%20g");
    assert_eq!(
        lines.next(),
        Some(format!("Path={}", path.display()).as_str())
    );
    let date = lines.next().unwrap().strip_prefix("DeletionDate=").unwrap();
    assert_eq!(date.len(), "2004-08-31T22:32:08".len());
    assert_eq!(
        kind(trash.discard(&host.at("missing"))),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(trash.discard(&host.at("home/Trash/files/f g"))),
        ErrorKind::InvalidInput
    );
}

#[test]
fn changes_from_outside_are_told_by_name() {
    let host = Host::new();
    std::fs::create_dir(host.host("d")).unwrap();
    let sandbox = VRootFsBackend::new(host.dir.path()).unwrap();
    let (tell, told) = mpsc::channel();
    let watch = host.backend.extensions().watch.unwrap();
    let of_host = tell.clone();
    let sink = move |event| of_host.send(("host", event)).unwrap_or_default();
    let first = watch
        .watch(&host.at("d"), std::sync::Arc::new(sink))
        .unwrap();
    let sink = move |event| tell.send(("sandbox", event)).unwrap_or_default();
    let dir = VPath::new("/d").unwrap();
    let watch = sandbox.extensions().watch.unwrap();
    let second = watch.watch(&dir, std::sync::Arc::new(sink)).unwrap();
    std::fs::write(host.host("d/new"), b"x").unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let (who, event) = told.recv_timeout(Duration::from_secs(20)).unwrap();
        let WatchEvent::Changed(names) = event else {
            panic!("{event:?}");
        };
        assert_eq!(names[0].as_os_str(), "new");
        if !seen.contains(&who) {
            seen.push(who);
        }
    }
    drop(second);
    std::fs::remove_file(host.host("d/new")).unwrap();
    std::fs::remove_dir(host.host("d")).unwrap();
    loop {
        let (who, event) = told.recv_timeout(Duration::from_secs(20)).unwrap();
        if who == "host" && event == WatchEvent::Gone {
            break;
        }
    }
    drop(first);
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

#[test]
fn many_names_come_in_batches() {
    let host = Host::new();
    std::fs::create_dir(host.host("d")).unwrap();
    let dir = std::fs::File::open(host.host("d")).unwrap();
    let count = 20_000;
    for i in 0..count {
        let kind = rustix::fs::FileType::RegularFile;
        rustix::fs::mknodat(&dir, i.to_string(), kind, rustix::fs::Mode::RUSR, 0).unwrap();
    }
    let path = host.at("d");
    let mut listing = host
        .backend
        .list(At::path(&path), &Want::metadata())
        .unwrap();
    let mut batch = EntryBatch::new();
    let (mut names, mut batches) = (std::collections::HashSet::new(), 0);
    loop {
        let more = listing.next(&mut batch).unwrap();
        names.extend(batch.iter().map(|e| e.name.to_os_string()));
        assert!(
            batch
                .iter()
                .all(|e| e.metadata.is_some_and(|m| m.id.ino == e.ino))
        );
        batches += 1;
        batch.clear();
        if !more {
            break;
        }
    }
    assert_eq!(names.len(), count);
    assert!(batches > 10, "{batches} batches");
}
