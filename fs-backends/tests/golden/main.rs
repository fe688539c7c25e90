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
mod sql;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_backends::indexed::{IndexedBackend, StoreOptions};
use fs_backends::sqlite::{CipherPages, SqliteBackend, VaultOptions};
use fs_core::snapshots::Snapshots;
use fs_core::{At, Backend, FileStorage, VPath};
use rusqlite::Connection;
use tree::{LONG_BYTES, compare, fill, pattern, sound};

const PASSWORD: &str = "open sesame";
const FORMATS: [&str; 3] = ["v1", "v2", "v3"];

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
