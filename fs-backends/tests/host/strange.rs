//! Files that are odd on every host: names that are no text, pipes, the kernel's own, folders nobody may read.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

use fs_core::{
    At, Backend, Change, Control, EntryBatch, ErrorKind, FileKind, FileStorage, NewKind, NewNode,
    OpenOptions, RenameMode, VPath, Want,
};

use super::{Host, is_root, kind};

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

/// The kernel makes these up as they are read.
#[test]
fn files_of_proc_are_not_copied_as_empty() {
    let host = Host::new();
    let (from, to) = (VPath::new("/proc/self/status").unwrap(), host.at("copy"));
    let mut staged = host.backend.stage(At::path(&to), &NewNode::file()).unwrap();
    assert!(!staged.fill_from(At::path(&from), &Control::new()).unwrap());
    // Their size is 0, and there is more.
    let fs = FileStorage::new(&host.backend);
    let mut child = std::process::Command::new("cat");
    // Longer than a page, and nothing changes it.
    child.args(["-", &"x".repeat(100_000)]);
    child.stdin(std::process::Stdio::piped());
    child.stdout(std::process::Stdio::piped());
    child.stderr(std::process::Stdio::null());
    let mut child = child.spawn().unwrap();
    // Its arguments are all there once it runs, which may be later than it was started.
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"x").unwrap();
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    let name = format!("/proc/{}/cmdline", child.id());
    let known = std::fs::read(&name).unwrap();
    let read = fs.read(&name);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(known.len() > 100_000 && read.unwrap() == known);
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
