//! What a vault promises beyond the rules every filesystem keeps (those are in the conformance suite).

use std::path::{Path, PathBuf};

use fs_core::{ErrorKind, FileStorage};

use super::open::chunk_bytes;
use super::*;
use crate::catalog::PLAIN_PAGE_BYTES;

mod damage;
mod encryption;
mod hostile;
mod opening;
mod undone;

const PASSWORD: &str = "it's \"x\"; -- 密码\u{0}é";

struct Place {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a vault.db");
    Place { _dir: dir, path }
}

fn kind(result: Result<SqliteBackend>) -> ErrorKind {
    result.err().expect("an error").kind()
}

/// Every file beside the vault, with its bytes.
fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap_or_default()))
        .collect();
    files.sort();
    files
}

fn close(fs: FileStorage<SqliteBackend>) {
    fs_core::Backend::close(fs.backend()).unwrap();
}

/// Changes a closed vault with plain SQL.
fn tamper(path: &Path, sql: &str) {
    crate::catalog::tamper(path, sql);
}

#[test]
fn a_copy_shares_its_content_until_one_side_is_written() {
    let place = place();
    let fs = FileStorage::new(SqliteBackend::create(&place.path).unwrap());
    fs.write("/a", vec![1; 500_000]).unwrap();
    fs.copy("/a", "/b").unwrap();
    let rows = || -> i64 {
        fs.backend()
            .store()
            .database()
            .read(|db| {
                Ok(db
                    .query_row("SELECT count(*) FROM chunk", [], |row| row.get(0))
                    .unwrap())
            })
            .unwrap()
    };
    let chunks = i64::from(500_000_u32.div_ceil(chunk_bytes(PLAIN_PAGE_BYTES)));
    assert_eq!(rows(), chunks);
    fs.append("/b", "more").unwrap();
    assert_eq!(fs.read("/a").unwrap(), vec![1; 500_000]);
    assert_eq!(fs.metadata("/b").unwrap().size, 500_004);
    assert_eq!(rows(), 2 * chunks);
}

#[test]
fn auto_vacuum_really_is_incremental() {
    let place = place();
    drop(SqliteBackend::create(&place.path).unwrap());
    let db = rusqlite::Connection::open(&place.path).unwrap();
    let mode: i64 = db
        .query_row("PRAGMA auto_vacuum", [], |row| row.get(0))
        .unwrap();
    let journal: String = db
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!((mode, journal.as_str()), (2, "wal"));
}
