//! Formats 1 and 2: their tables, how they are read, and how one becomes a database of format 3.

use std::path::{Path, PathBuf};

use fs_core::{Control, ErrorKind, Result};
use rusqlite::Connection;

use super::connect::Cipher;
use super::error::from_sql;
use super::maintenance::copy_database;
use super::schema::{Format, VERSION, WITH_NOTES};
use super::sums;
use crate::scratch::Scratch;

const NODES: &[&str] = &[
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE node (ino INTEGER PRIMARY KEY, kind INTEGER NOT NULL, mode INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL, nlink INTEGER NOT NULL, size INTEGER NOT NULL, allocated INTEGER NOT NULL, rdev INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, atime INTEGER NOT NULL, btime INTEGER NOT NULL, content INTEGER NOT NULL, parent INTEGER NOT NULL, target ANY) STRICT",
    "CREATE TABLE dentry (parent INTEGER NOT NULL, name ANY NOT NULL, ino INTEGER NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY (parent, name)) STRICT, WITHOUT ROWID",
    "CREATE TABLE xattr (ino INTEGER NOT NULL, name ANY NOT NULL, value BLOB NOT NULL, PRIMARY KEY (ino, name)) STRICT, WITHOUT ROWID",
    "CREATE TABLE nameless (ino INTEGER PRIMARY KEY) STRICT",
    "CREATE TABLE trash (id INTEGER PRIMARY KEY, ino INTEGER NOT NULL, original ANY NOT NULL, deleted INTEGER NOT NULL) STRICT",
    "CREATE TABLE content (id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, stored INTEGER NOT NULL) STRICT",
    "CREATE INDEX content_unnamed ON content (id) WHERE refs = 0",
];
const CHUNKS: &[&str] = &[
    "CREATE TABLE chunk (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
];
const BLOBS: &[&str] = &[
    "CREATE TABLE blob (content INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sealed INTEGER NOT NULL, size INTEGER NOT NULL, hash BLOB) STRICT",
    "CREATE TABLE dead_blob (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
];
const NOTES: &str = "CREATE TABLE note (name TEXT NOT NULL, piece INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (name, piece)) STRICT, WITHOUT ROWID";

/// What format 3 added to each table, in this order.
const ADDED: &[(&str, &[&str])] = &[
    ("meta", &[SUM]),
    (
        "node",
        &[
            SUM,
            "names INTEGER NOT NULL DEFAULT 0",
            "attrs INTEGER NOT NULL DEFAULT 0",
        ],
    ),
    ("dentry", &[SUM]),
    ("xattr", &[SUM]),
    ("nameless", &[SUM]),
    ("trash", &[SUM]),
    ("content", &[SUM]),
    ("note", &[SUM]),
];
const ADDED_TO_INDEX: &[(&str, &[&str])] =
    &[("blob", &[SUM, "blocks BLOB"]), ("dead_blob", &[SUM])];
const SUM: &str = "sum INTEGER NOT NULL DEFAULT 0";

/// The statements that made a database of an old format.
pub(super) fn tables(format: Format, version: i64) -> Vec<&'static str> {
    let content = match format {
        Format::Vault => CHUNKS,
        Format::Index => BLOBS,
    };
    let notes = (version >= WITH_NOTES).then_some(NOTES);
    NODES.iter().chain(content).copied().chain(notes).collect()
}

/// The columns that `format` gained.
fn added(format: Format) -> impl Iterator<Item = &'static (&'static str, &'static [&'static str])> {
    let index = match format {
        Format::Vault => &[],
        Format::Index => ADDED_TO_INDEX,
    };
    ADDED.iter().chain(index)
}

/// Lets this connection see an old database, which it can't change, with the columns of today.
pub(super) fn show(db: &Connection, format: Format, version: i64) -> rusqlite::Result<()> {
    for (table, columns) in added(format) {
        if *table == "note" && version < WITH_NOTES {
            continue;
        }
        let columns: Vec<String> = columns
            .iter()
            .filter_map(|column| column.split(' ').next())
            .map(|name| match name {
                "blocks" => "NULL AS blocks".to_owned(),
                name => format!("0 AS {name}"),
            })
            .collect();
        db.execute_batch(&format!(
            "CREATE TEMP VIEW {table} AS SELECT *, {} FROM main.{table}",
            columns.join(", ")
        ))?;
    }
    Ok(())
}

/// Makes the old database at `path` one of today's in one transaction, after a copy of it was made beside it; answers where that is.
pub(super) fn upgrade(
    db: &mut Connection,
    path: &Path,
    format: Format,
    version: i64,
    cipher: Option<&Cipher>,
) -> Result<PathBuf> {
    let sql = |error| from_sql(error, "upgrade");
    let copy = keep_copy(db, path, version, cipher)?;
    let change = db
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(sql)?;
    if version < WITH_NOTES {
        change.execute(NOTES, []).map_err(sql)?;
    }
    for (table, columns) in added(format) {
        for column in *columns {
            change
                .execute(&format!("ALTER TABLE {table} ADD COLUMN {column}"), [])
                .map_err(sql)?;
        }
    }
    change
        .execute(
            "INSERT INTO meta (key, value) VALUES ('chunk_sum', 'blake3'), ('trash', 0)",
            [],
        )
        .map_err(sql)?;
    sums::register(&change).map_err(sql)?;
    sums::reseal(&change, format).map_err(sql)?;
    change
        .execute_batch(&format!("PRAGMA user_version = {VERSION}"))
        .map_err(sql)?;
    change.commit().map_err(sql)?;
    Ok(copy)
}

fn keep_copy(
    db: &Connection,
    path: &Path,
    version: i64,
    cipher: Option<&Cipher>,
) -> Result<PathBuf> {
    let page_bytes = match cipher {
        Some(cipher) => cipher.page_bytes.into(),
        None => db
            .query_row("PRAGMA page_size", [], |row| row.get(0))
            .map_err(|error| from_sql(error, "upgrade"))?,
    };
    for number in 0.. {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".format-{version}"));
        if number > 0 {
            name.push(format!(".{number}"));
        }
        let to = PathBuf::from(name);
        let scratch = match Scratch::new_file(&to, "upgrade") {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            scratch => scratch?,
        };
        copy_database(db, scratch.path(), cipher, page_bytes, &Control::new())?;
        match scratch.finish() {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            finished => return finished.map(|()| to),
        }
    }
    Err(fs_core::Error::new(ErrorKind::AlreadyExists, "upgrade"))
}
