//! The tree that every golden filesystem holds.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use fs_core::{
    At, Backend, Change, Control, FileKind, FileStorage, NewKind, NewNode, Permissions, SetAttr,
    SetTime, Time, VPath,
};

/// Bytes of the long file.
pub const LONG_BYTES: usize = 150_000;

/// Content of the long file.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * at / 7 % 251) as u8).collect()
}

fn odd_name() -> &'static OsStr {
    OsStr::from_bytes(b"not utf8 \xff\xfe")
}

/// One of everything the format has a place for.
pub fn fill(backend: &Arc<dyn Backend>) {
    let fs = FileStorage::new(backend.clone());
    fs.create_dir_all("/folder/inner").unwrap();
    fs.write("/folder/short.txt", "Hello, World!").unwrap();
    fs.write("/folder/long.bin", pattern(LONG_BYTES)).unwrap();
    fs.write("/empty", "").unwrap();
    fs.hard_link("/folder/short.txt", "/folder/inner/same.txt")
        .unwrap();
    fs.copy("/folder/long.bin", "/copy.bin").unwrap();
    fs.symlink("folder/short.txt", "/link").unwrap();
    fs.write(Path::new("/").join(odd_name()), "raw").unwrap();
    fs.write("/Ünïcode – 文件", "text").unwrap();
    let sparse = VPath::new("/sparse").unwrap();
    fs.write("/sparse", "start").unwrap();
    let file = backend
        .open(At::path(&sparse), &fs_core::OpenOptions::read_write())
        .unwrap();
    file.write_at(b"end", 5_000_000).unwrap();
    drop(file);
    let special = |path: &str, kind| {
        let at = VPath::new(path).unwrap();
        let node = NewNode {
            kind,
            ..NewNode::file()
        };
        backend
            .change(&Change::Create(At::path(&at), &node))
            .unwrap();
    };
    special("/fifo", NewKind::Fifo);
    special("/null", NewKind::CharDevice(259));
    fs.set_xattr("/folder", "user.colour", b"red").unwrap();
    fs.write("/thrown away", "in the trash").unwrap();
    let trash = backend.extensions().trash.unwrap();
    trash.discard(&VPath::new("/thrown away").unwrap()).unwrap();
    for path in ["/folder/short.txt", "/folder"] {
        let attr = SetAttr {
            uid: Some(1234),
            gid: Some(567),
            mtime: Some(SetTime::To(Time::from_nanos(1_234_567_890_123_456_789))),
            ..SetAttr::default()
        };
        fs.set_attr(path, &attr).unwrap();
    }
    // Last, because a new owner takes the set-id bits away.
    fs.set_permissions("/folder/short.txt", Permissions::from_mode(0o4750))
        .unwrap();
}

/// Exactly what [`fill`] made, whoever made it.
pub fn compare(backend: &Arc<dyn Backend>, what: &str) {
    let fs = FileStorage::new(backend.clone());
    let names = |path: &str| -> Vec<_> {
        let entries = fs.read_dir(path).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().to_owned())
            .collect()
    };
    let root: Vec<&OsStr> = vec![
        OsStr::new("copy.bin"),
        OsStr::new("empty"),
        OsStr::new("fifo"),
        OsStr::new("folder"),
        OsStr::new("link"),
        odd_name(),
        OsStr::new("null"),
        OsStr::new("sparse"),
        OsStr::new("Ünïcode – 文件"),
    ];
    let mut found = names("/");
    found.sort();
    let mut root: Vec<_> = root.iter().map(|name| (*name).to_owned()).collect();
    root.sort();
    assert_eq!(found, root, "{what}");
    assert_eq!(names("/folder").len(), 3, "{what}");
    let read = |path: &str| fs.read(path).unwrap();
    assert_eq!(read("/folder/short.txt"), b"Hello, World!", "{what}");
    assert_eq!(read("/folder/inner/same.txt"), b"Hello, World!", "{what}");
    assert_eq!(read("/link"), b"Hello, World!", "{what}");
    for path in ["/folder/long.bin", "/copy.bin"] {
        assert!(read(path) == pattern(LONG_BYTES), "{what}: {path}");
    }
    assert_eq!(
        fs.read(Path::new("/").join(odd_name())).unwrap(),
        b"raw",
        "{what}"
    );
    assert_eq!(read("/Ünïcode – 文件"), b"text", "{what}");
    assert_eq!(read("/empty"), b"", "{what}");
    let sparse = read("/sparse");
    assert_eq!(sparse.len(), 5_000_003, "{what}");
    assert_eq!(
        (&sparse[..5], &sparse[5_000_000..]),
        (&b"start"[..], &b"end"[..])
    );
    assert!(sparse[5..5_000_000].iter().all(|byte| *byte == 0), "{what}");
    let stat = |path: &str| fs.symlink_metadata(path).unwrap();
    let short = stat("/folder/short.txt");
    assert_eq!(
        (short.mode, short.uid, short.gid),
        (0o4750, 1234, 567),
        "{what}"
    );
    assert_eq!(short.mtime.nanos(), 1_234_567_890_123_456_789, "{what}");
    assert_eq!((short.nlink, stat("/folder").nlink), (2, 3), "{what}");
    assert_eq!(stat("/fifo").kind, FileKind::Fifo, "{what}");
    let null = stat("/null");
    assert_eq!(
        (null.kind, null.rdev),
        (FileKind::CharDevice, 259),
        "{what}"
    );
    assert_eq!(
        fs.get_xattr("/folder", "user.colour").unwrap(),
        b"red",
        "{what}"
    );
    let trash = backend.extensions().trash.unwrap().items().unwrap();
    let originals: Vec<_> = trash.iter().map(|item| item.original.as_os_str()).collect();
    assert_eq!(originals, ["/thrown away"], "{what}");
}

/// A check finds nothing.
pub fn sound(backend: &Arc<dyn Backend>, what: &str) {
    let mut found = Vec::new();
    backend
        .extensions()
        .maintenance
        .unwrap()
        .check(&Control::new(), &mut |damage| found.push(damage))
        .unwrap();
    assert!(found.is_empty(), "{what}: {found:?}");
}
