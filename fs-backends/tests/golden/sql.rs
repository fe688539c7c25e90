//! What other SQLite programs read.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::tree::{LONG_BYTES, pattern};
use super::{FORMATS, copy, golden};

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
