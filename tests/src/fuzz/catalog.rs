//! Databases: their bytes, their rows, and the blobs beside them.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fs_backends::MemoryBackend;
use fs_backends::indexed::StoreOptions;
use fs_backends::sqlite::{Durability, VaultOptions};
use fs_core::{Backend, Control, FileStorage, NewNode};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{Bytes, walk};
use crate::audit;

/// The bytes of a vault file.
///
/// # Panics
/// When a rule is broken.
pub fn catalog(data: &[u8]) {
    let folder = crate::folder();
    let path = folder.path().join("v.db");
    std::fs::write(&path, data).unwrap();
    if let Ok(vault) = VaultOptions::new().open(&path) {
        examine(&vault);
    }
}

/// A vault some of whose rows hold something else: `data` says what.
///
/// # Panics
/// When a rule is broken.
pub fn rows(data: &[u8]) {
    let folder = crate::folder();
    let path = folder.path().join("v.db");
    copy(&TEMPLATES.path().join("v.db"), &path);
    let mut bytes = Bytes(data);
    edit(&path, &mut bytes);
    if let Ok(vault) = VaultOptions::new().open(&path) {
        examine(&vault);
    }
}

/// A store some of whose rows and blob files are something else: `data` says what.
///
/// # Panics
/// When a rule is broken.
pub fn store(data: &[u8]) {
    let folder = crate::folder();
    let path = folder.path().join("store");
    copy(&TEMPLATES.path().join("store"), &path);
    let outside = folder.path().join("outside");
    std::fs::write(&outside, "outside").unwrap();
    let mut bytes = Bytes(data);
    for _ in 0..bytes.byte() % 4 {
        disturb(&path.join("blobs"), &outside, &mut bytes);
    }
    edit(&path.join("index.db"), &mut bytes);
    if let Ok(store) = StoreOptions::new().open(&path) {
        examine(&store);
    }
    // Whatever the index and the folder say, nothing else is touched.
    assert_eq!(std::fs::read(&outside).unwrap(), b"outside");
}

/// All of it is read, checked, repaired and read again. What a check finds nothing in reads without an error.
pub(super) fn examine(backend: &dyn Backend) {
    let errors = walk::walk(backend);
    let mut found = audit::findings(backend);
    found.retain(|damage| !damage.kind.is_harmless());
    assert!(
        !found.is_empty() || errors.is_empty(),
        "the check finds nothing, but {errors:?}"
    );
    let maintenance = backend.extensions().maintenance.unwrap();
    let repairable: Vec<_> = found
        .iter()
        .filter(|it| it.repair.is_some())
        .cloned()
        .collect();
    if maintenance.repair(&repairable, &Control::new()).is_ok() {
        walk::walk(backend);
    }
    drop(maintenance.info());
    drop(maintenance.collect(0, &Control::new()));
    // It may be too damaged to be closed in order; then that is said.
    drop(backend.close());
}

/// A vault and a store with something of everything.
static TEMPLATES: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = crate::folder();
    let vault = VaultOptions::new().durability(Durability::OnSync);
    fill(&vault.create(folder.path().join("v.db")).unwrap());
    let store = StoreOptions::new().durability(Durability::OnSync);
    fill(&store.create(folder.path().join("store")).unwrap());
    folder
});

/// Puts something of everything into a filesystem.
pub(super) fn fill(backend: &dyn Backend) {
    let fs = FileStorage::new(backend).with_durability(fs_core::Durability::OnSync);
    fs.create_dir_all("/a/b/c").unwrap();
    fs.write("/a/small", "small").unwrap();
    fs.write("/a/b/large", vec![7; 70_000]).unwrap();
    fs.copy("/a/b/large", "/a/b/c/copy").unwrap();
    fs.hard_link("/a/small", "/a/b/linked").unwrap();
    fs.symlink("../small", "/a/b/link").unwrap();
    fs.set_xattr("/a/small", "user.x", b"value").unwrap();
    let place = fs_core::VPath::new("/fifo").unwrap();
    let fifo = NewNode {
        kind: fs_core::NewKind::Fifo,
        ..NewNode::file()
    };
    let change = fs_core::Change::Create(fs_core::At::path(&place), &fifo);
    backend.change(&change).unwrap();
    fs.write("/gone", "in the trash").unwrap();
    let trash = backend.extensions().trash.unwrap();
    trash
        .discard(&fs_core::VPath::new("/gone").unwrap())
        .unwrap();
    if let Some(notes) = backend.extensions().notes {
        notes.append("note", b"noted", false).unwrap();
    }
    backend.close().unwrap();
}

/// A saved memory filesystem with something of everything.
pub fn saved_seed() -> Vec<u8> {
    let folder = crate::folder();
    let memory = MemoryBackend::new();
    let path = folder.path().join("x.mem");
    fill(&memory);
    memory.save_to(&path).unwrap();
    std::fs::read(path).unwrap()
}

pub(super) fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}

/// A value for a column.
fn value(bytes: &mut Bytes<'_>) -> Value {
    match bytes.byte() % 8 {
        0 => Value::Null,
        1 => Value::Integer(i64::from(bytes.byte().cast_signed())),
        2 => Value::Integer(i64::from_le_bytes(bytes.take(8).try_into().unwrap())),
        3 => {
            let edges = [0, 1, 2, 4096, i64::MAX, i64::MIN, 1 << 32, -1];
            Value::Integer(edges[bytes.index(edges.len())])
        }
        4 => {
            let texts = [
                "",
                ".",
                "..",
                "a/b",
                "a\0b",
                "small",
                "\u{202e}x",
                "/etc/passwd",
            ];
            Value::Text(texts[bytes.index(texts.len())].to_owned())
        }
        5 => Value::Text("x".repeat(bytes.index(256) * 20)),
        _ => {
            let count = bytes.index(64);
            Value::Blob(bytes.take(count))
        }
    }
}

const TABLES: [&str; 10] = [
    "node", "name", "dentry", "xattr", "content", "extent", "chunk", "blob", "trash", "meta",
];

/// Changes rows as anybody with an SQLite shell could.
fn edit(path: &Path, bytes: &mut Bytes<'_>) {
    let db = Connection::open(path).unwrap();
    let mut tables = Vec::new();
    let mut select = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap();
    let mut rows = select.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        tables.push(row.get::<_, String>(0).unwrap());
    }
    drop(rows);
    drop(select);
    tables.sort_by_key(|name| TABLES.iter().position(|it| it == name));
    for _ in 0..1 + bytes.index(6) {
        let table = &tables[bytes.index(tables.len())];
        let columns: Vec<String> = {
            let select = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
            select
                .column_names()
                .iter()
                .map(|&name| name.to_owned())
                .collect()
        };
        let column = &columns[bytes.index(columns.len())];
        let row = bytes.index(24);
        let key = &columns[0];
        let pick = format!(
            "{key} = (SELECT {key} FROM {table} LIMIT 1 OFFSET {row} % max(1, (SELECT count(*) FROM {table})))"
        );
        // Some edits the tables themselves refuse: the type is wrong, the key is taken.
        let done = match bytes.byte() % 8 {
            0 => db.execute(&format!("DELETE FROM {table} WHERE {pick}"), []),
            1 => {
                let list = columns.join(", ");
                let changed: Vec<&str> = columns
                    .iter()
                    .map(|name| if name == column { "?1" } else { name.as_str() })
                    .collect();
                let changed = changed.join(", ");
                let insert = format!(
                    "INSERT OR IGNORE INTO {table} ({list}) SELECT {changed} FROM {table} WHERE {pick}"
                );
                db.execute(&insert, [value(bytes)])
            }
            _ => db.execute(
                &format!("UPDATE OR IGNORE {table} SET {column} = ?1 WHERE {pick}"),
                [value(bytes)],
            ),
        };
        drop(done);
    }
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap_or_default();
    drop(db.close());
}

/// Changes the folder of blobs as anybody could.
fn disturb(blobs: &Path, outside: &Path, bytes: &mut Bytes<'_>) {
    let mut names: Vec<PathBuf> = std::fs::read_dir(blobs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let blob = names[bytes.index(names.len())].clone();
    // What was put there before may be the file outside under another name.
    let is_own = blob
        .symlink_metadata()
        .is_ok_and(|it| it.is_file() && it.nlink() == 1);
    if !is_own {
        return;
    }
    match bytes.byte() % 7 {
        0 => std::fs::remove_file(&blob).unwrap(),
        1 => {
            let file = std::fs::OpenOptions::new().write(true).open(&blob).unwrap();
            file.set_len(bytes.byte().into()).unwrap();
        }
        2 => {
            let mut content = std::fs::read(&blob).unwrap();
            content.extend(bytes.take(3));
            std::fs::write(&blob, content).unwrap();
        }
        3 => {
            let mut content = std::fs::read(&blob).unwrap();
            let at = usize::from(bytes.byte()) * 251 % content.len().max(1);
            if let Some(byte) = content.get_mut(at) {
                *byte ^= 1;
            }
            std::fs::write(&blob, content).unwrap();
        }
        4 => {
            std::fs::remove_file(&blob).unwrap();
            std::os::unix::fs::symlink(outside, &blob).unwrap();
        }
        5 => {
            std::fs::remove_file(&blob).unwrap();
            std::fs::create_dir(&blob).unwrap();
        }
        _ => {
            std::fs::remove_file(&blob).unwrap();
            std::fs::hard_link(outside, &blob).unwrap();
        }
    }
}
