//! Vaults and stores made by the first version that had each format. They open, hold what they held, and are sound; and other SQLite programs read
//! them as `FORMAT.md` says.
//!
//! `LAMINA_MAKE_GOLDEN=folder cargo test -p fs-backends --test golden make` makes a new set, when a format is new.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_backends::indexed::{IndexedBackend, StoreOptions};
use fs_backends::sqlite::{CipherPages, SqliteBackend, VaultOptions};
use fs_core::snapshots::Snapshots;
use fs_core::{
    At, Backend, Change, Control, FileKind, FileStorage, NewKind, NewNode, Permissions, SetAttr,
    SetTime, Time, VPath,
};
use rusqlite::Connection;

const PASSWORD: &str = "open sesame";
const FORMATS: [&str; 3] = ["v1", "v2", "v3"];
const LONG_BYTES: usize = 150_000;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * at / 7 % 251) as u8).collect()
}

fn odd_name() -> &'static OsStr {
    OsStr::from_bytes(b"not utf8 \xff\xfe")
}

/// One of everything the format has a place for.
fn fill(backend: &Arc<dyn Backend>) {
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
fn compare(backend: &Arc<dyn Backend>, what: &str) {
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

fn sound(backend: &Arc<dyn Backend>, what: &str) {
    let mut found = Vec::new();
    backend
        .extensions()
        .maintenance
        .unwrap()
        .check(&Control::new(), &mut |damage| found.push(damage))
        .unwrap();
    assert!(found.is_empty(), "{what}: {found:?}");
}

fn golden(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
    // What version control does not keep when it is empty.
    if to.join("index.db").exists() {
        std::fs::create_dir_all(to.join("blobs")).unwrap();
    }
}

/// The three vaults and the store in a folder.
fn open_all(folder: &Path) -> [(&'static str, Arc<dyn Backend>); 4] {
    let encrypted = |name: &str| SqliteBackend::open_encrypted(folder.join(name), PASSWORD);
    [
        (
            "plain",
            Arc::new(SqliteBackend::open(folder.join("plain.db")).unwrap()),
        ),
        ("encrypted", Arc::new(encrypted("encrypted.db").unwrap())),
        ("compatible", Arc::new(encrypted("compatible.db").unwrap())),
        (
            "store",
            Arc::new(IndexedBackend::open(folder.join("store")).unwrap()),
        ),
    ]
}

#[test]
fn make() {
    let Some(folder) = std::env::var_os("LAMINA_MAKE_GOLDEN") else {
        return;
    };
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let vault = |name: &str, options: VaultOptions| -> Arc<dyn Backend> {
        Arc::new(options.create(folder.join(name)).unwrap())
    };
    let secret = || VaultOptions::new().password(PASSWORD);
    let all = [
        vault("plain.db", VaultOptions::new()),
        vault("encrypted.db", secret()),
        vault("compatible.db", secret().pages(CipherPages::Compatible)),
        Arc::new(StoreOptions::new().create(folder.join("store")).unwrap()),
    ];
    for backend in all {
        fill(&backend);
        backend.close().unwrap();
    }
    let memory = Arc::new(MemoryBackend::with_limit(1 << 20));
    let fs = FileStorage::new(memory.clone());
    fs.create_dir("/folder").unwrap();
    fs.write("/folder/long.bin", pattern(LONG_BYTES)).unwrap();
    for (name, text) in [("first", "one"), ("gone", "gone"), ("later", "two")] {
        fs.write("/a.txt", text).unwrap();
        memory.take(name).unwrap();
    }
    let gone = memory.find("gone").unwrap();
    memory.delete(gone.id).unwrap();
    fs.rename("/folder", "/moved").unwrap();
    fs.remove_file("/a.txt").unwrap();
    memory.save_to(folder.join("snapshots.mem")).unwrap();
    memory.set_password(Some(PASSWORD)).unwrap();
    memory.save_to(folder.join("encrypted.mem")).unwrap();
    let options = StoreOptions::new().password(PASSWORD);
    let store: Arc<dyn Backend> = Arc::new(options.create(folder.join("encrypted-store")).unwrap());
    fill(&store);
    store.close().unwrap();
}

#[test]
fn every_format_there_ever_was_is_read_and_written() {
    for format in FORMATS {
        let place = tempfile::tempdir().unwrap();
        copy(&golden(format), place.path());
        for (name, backend) in open_all(place.path()) {
            let what = format!("{format} {name}");
            compare(&backend, &what);
            sound(&backend, &what);
            let fs = FileStorage::new(backend.clone());
            fs.write("/added", "later").unwrap();
            fs.remove_file("/added").unwrap();
            fs.append("/copy.bin", "more").unwrap();
            let mut changed = pattern(LONG_BYTES);
            changed.extend(b"more");
            assert!(fs.read("/copy.bin").unwrap() == changed, "{what}");
            fs.write("/copy.bin", pattern(LONG_BYTES)).unwrap();
            sound(&backend, &what);
            backend.close().unwrap();
        }
        // Once more, after this version has written to them.
        for (name, backend) in open_all(place.path()) {
            compare(&backend, &format!("{format} {name}, written"));
        }
    }
}

/// Saved memory filesystems of every version there ever was: 1 told of one moment, 2 of snapshots too.
#[test]
fn saved_memory_filesystems_of_every_version_are_read() {
    let open = |name: &str| {
        let backend = MemoryBackend::load_from(golden("memory").join(name)).unwrap();
        let backend: Arc<dyn Backend> = Arc::new(backend);
        backend
    };
    let text = |fs: &FileStorage<Arc<dyn Backend>>, path: &str| fs.read_to_string(path).unwrap();
    let version_1 = FileStorage::new(open("v1.mem"));
    for path in ["/folder/long.bin", "/copy.bin"] {
        assert!(
            version_1.read(path).unwrap() == pattern(LONG_BYTES),
            "{path}"
        );
    }
    for path in ["/folder/short.txt", "/folder/inner/same.txt", "/link"] {
        assert_eq!(text(&version_1, path), "Hello, World!", "{path}");
    }
    let short = version_1.symlink_metadata("/folder/short.txt").unwrap();
    assert_eq!((short.mode, short.nlink), (0o4750, 2));
    assert_eq!(version_1.metadata("/empty").unwrap().size, 0);

    let backend = open("v2.mem");
    let snapshots = backend.extensions().snapshots.unwrap();
    let list = snapshots.list().unwrap();
    let names: Vec<_> = list.iter().map(|it| (it.id.0, it.name.as_str())).collect();
    assert_eq!(names, [(1, "first"), (3, "later")]);
    let [first, later] = [0, 1].map(|at| FileStorage::new(snapshots.open(list[at].id).unwrap()));
    assert_eq!(text(&first, "/a.txt"), "one");
    assert!(first.read("/folder/long.bin").unwrap() == pattern(LONG_BYTES));
    assert_eq!(text(&later, "/a.txt"), "two");
    let now = FileStorage::new(backend.clone());
    assert!(now.read("/moved/long.bin").unwrap() == pattern(LONG_BYTES));
    assert!(!now.exists("/a.txt").unwrap());
    // The long file is there once: what the three have of it is shared.
    let usage = snapshots.usage().unwrap();
    assert_eq!(usage.total_bytes, LONG_BYTES as u64 + 6);
    let space = backend.extensions().space.unwrap();
    let space = space.space(At::path(&VPath::root())).unwrap();
    assert_eq!(space.total_bytes, Some(1 << 20));
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push((path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    all.sort();
    all
}

#[test]
fn every_format_there_ever_was_is_read_without_a_change_to_any_file() {
    for format in FORMATS {
        let place = tempfile::tempdir().unwrap();
        copy(&golden(format), place.path());
        let before = files(place.path());
        let vault = |name: &str, options: VaultOptions| -> Arc<dyn Backend> {
            let options = options.read_only(true);
            Arc::new(options.open(place.path().join(name)).unwrap())
        };
        let secret = || VaultOptions::new().password(PASSWORD);
        let store = StoreOptions::new().read_only(true);
        let all: [Arc<dyn Backend>; 4] = [
            vault("plain.db", VaultOptions::new()),
            vault("encrypted.db", secret()),
            vault("compatible.db", secret()),
            Arc::new(store.open(place.path().join("store")).unwrap()),
        ];
        for backend in all {
            compare(&backend, format);
            sound(&backend, format);
            let fs = FileStorage::new(backend.clone());
            let refused = fs.write("/added", "x").unwrap_err();
            assert_eq!(refused.kind(), fs_core::ErrorKind::ReadOnly, "{format}");
            backend.close().unwrap();
        }
        assert!(
            files(place.path()) == before,
            "{format}: a file was changed"
        );
    }
}

/// The copy that is made before an old database is changed is the old database.
#[test]
fn an_old_database_is_kept_beside_the_new_one() {
    for (format, kept) in [("v1", "plain.db.format-1"), ("v2", "plain.db.format-2")] {
        let place = tempfile::tempdir().unwrap();
        copy(&golden(format), place.path());
        let path = place.path().join("plain.db");
        let version = |path: &Path| -> i64 {
            let db = Connection::open(path).unwrap();
            db.query_row("PRAGMA user_version", [], |row| row.get(0))
                .unwrap()
        };
        let old = version(&path);
        let backend = SqliteBackend::open(&path).unwrap();
        FileStorage::new(&backend).write("/added", "later").unwrap();
        backend.close().unwrap();
        assert_eq!(version(&path), 3);
        let kept = place.path().join(kept);
        assert_eq!(version(&kept), old);
        let options = VaultOptions::new().read_only(true);
        let kept: Arc<dyn Backend> = Arc::new(options.open(kept).unwrap());
        compare(&kept, format);
    }
}

/// The first encrypted saved filesystem, and the first encrypted store.
#[test]
fn encrypted_ones_of_every_version_are_read() {
    let memory =
        MemoryBackend::load_encrypted(golden("memory/encrypted-v1.mem"), PASSWORD).unwrap();
    assert_eq!(Snapshots::list(&memory).unwrap().len(), 2);
    let fs = FileStorage::new(memory);
    assert!(fs.read("/moved/long.bin").unwrap() == pattern(LONG_BYTES));

    let place = tempfile::tempdir().unwrap();
    copy(&golden("encrypted-store"), place.path());
    for what in ["as it was", "written"] {
        let store = IndexedBackend::open_encrypted(place.path(), PASSWORD).unwrap();
        let store: Arc<dyn Backend> = Arc::new(store);
        compare(&store, what);
        sound(&store, what);
        let fs = FileStorage::new(store.clone());
        fs.append("/copy.bin", "more").unwrap();
        assert_eq!(fs.read("/copy.bin").unwrap().len(), LONG_BYTES + 4);
        fs.write("/copy.bin", pattern(LONG_BYTES)).unwrap();
        sound(&store, what);
        store.close().unwrap();
    }
}

/// What [`fill`] made today is what it made then.
#[test]
fn what_is_made_today_holds_the_same() {
    let place = tempfile::tempdir().unwrap();
    let backend: Arc<dyn Backend> =
        Arc::new(SqliteBackend::create(place.path().join("plain.db")).unwrap());
    fill(&backend);
    compare(&backend, "today");
    sound(&backend, "today");
}

/// Content of a path, with nothing but SQL and `FORMAT.md`.
fn read_with_sql(db: &Connection, path: &[&str], store: Option<&Path>) -> Vec<u8> {
    let number =
        |sql: &str, ino: i64| -> i64 { db.query_row(sql, [ino], |row| row.get(0)).unwrap() };
    let mut ino = 1;
    for name in path {
        ino = db
            .query_row(
                "SELECT ino FROM dentry WHERE parent = ?1 AND name = ?2",
                (ino, name),
                |row| row.get(0),
            )
            .unwrap();
    }
    let size = number("SELECT size FROM node WHERE ino = ?1", ino) as usize;
    let content = number("SELECT content FROM node WHERE ino = ?1", ino);
    let mut bytes = vec![0; size];
    if let Some(folder) = store {
        let (name, hash): (String, Vec<u8>) = db
            .query_row(
                "SELECT name, hash FROM blob WHERE content = ?1 AND sealed = 1",
                [content],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        let blob = std::fs::read(folder.join("blobs").join(name)).unwrap();
        assert_eq!(blake3::hash(&blob).as_bytes().as_slice(), hash);
        bytes[..blob.len()].copy_from_slice(&blob);
        return bytes;
    }
    let chunk_bytes: i64 = db
        .query_row(
            "SELECT value FROM meta WHERE key = 'chunk_bytes'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let mut select = db
        .prepare("SELECT id, data FROM chunk WHERE id / 16777216 = ?1")
        .unwrap();
    let mut rows = select.query([content]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (id, data): (i64, Vec<u8>) = (row.get(0).unwrap(), row.get(1).unwrap());
        let at = (id % 16_777_216) as usize * chunk_bytes as usize;
        bytes[at..at + data.len()].copy_from_slice(&data);
    }
    bytes
}

#[test]
fn other_sqlite_programs_read_them_as_the_format_says() {
    for format in FORMATS {
        let place = tempfile::tempdir().unwrap();
        copy(&golden(format), place.path());
        let store = place.path().join("store");
        let cases: [(PathBuf, &str, Option<&Path>); 4] = [
            (place.path().join("plain.db"), "", None),
            (
                place.path().join("encrypted.db"),
                "PRAGMA key = 'open sesame'; PRAGMA cipher_page_size = 16384;",
                None,
            ),
            (
                place.path().join("compatible.db"),
                "PRAGMA key = 'open sesame';",
                None,
            ),
            (store.join("index.db"), "", Some(&store)),
        ];
        for (path, key, store) in cases {
            let what = format!("{format} {path:?}");
            let db = Connection::open(&path).unwrap();
            db.execute_batch(key).unwrap();
            assert_eq!(
                read_with_sql(&db, &["folder", "short.txt"], store),
                b"Hello, World!",
                "{what}"
            );
            assert!(
                read_with_sql(&db, &["folder", "long.bin"], store) == pattern(LONG_BYTES),
                "{what}"
            );
            let sound: String = db
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .unwrap();
            assert_eq!(sound, "ok", "{what}");
            let target: String = db
                .query_row("SELECT target FROM node WHERE kind = 3", [], |row| {
                    row.get(0)
                })
                .unwrap();
            assert_eq!(target, "folder/short.txt", "{what}");
        }
    }
}
