//! The tables, exactly. A database whose schema differs by a letter is not ours: views and triggers in a hostile file never run.

use fs_core::{Error, ErrorKind, FileKind, Result, Time};
use rusqlite::{Connection, OptionalExtension as _};

use super::error::{corrupted, from_sql};
use crate::virtual_fs::ROOT;

/// Number of the newest format described in `FORMAT.md` (`PRAGMA user_version`); new databases have it.
pub(super) const VERSION: i64 = 2;

/// The first format that has notes.
pub(super) const WITH_NOTES: i64 = 2;

/// Which of our databases it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A vault: content in rows.
    Vault,
    /// The index of a store: content in blob files.
    Index,
}

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

impl Format {
    /// `PRAGMA application_id`: "LamV" and "LamI" in ASCII.
    pub(super) fn application_id(self) -> i64 {
        match self {
            Self::Vault => 0x4c61_6d56,
            Self::Index => 0x4c61_6d49,
        }
    }

    fn tables(self, version: i64) -> impl Iterator<Item = &'static str> {
        let content = match self {
            Self::Vault => CHUNKS,
            Self::Index => BLOBS,
        };
        let notes = (version >= WITH_NOTES).then_some(NOTES);
        NODES.iter().chain(content).copied().chain(notes)
    }

    /// What it is called on screen.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Index => "store",
        }
    }
}

/// What a database says of itself, written once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Identity of the filesystem.
    pub(crate) uuid: uuid::Uuid,
    /// Bytes of content in a row (a vault; 0 in the index of a store).
    pub(crate) chunk_bytes: u32,
    /// When it was made.
    pub(crate) created: Time,
}

/// Makes the tables and writes what the database says of itself, in one transaction of the caller.
pub(super) fn create(db: &Connection, format: Format, meta: &Meta) -> rusqlite::Result<()> {
    for sql in format.tables(VERSION) {
        db.execute(sql, [])?;
    }
    let mut put = db.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)")?;
    put.execute(("uuid", meta.uuid.to_string()))?;
    put.execute(("chunk_bytes", meta.chunk_bytes))?;
    put.execute(("created", meta.created.nanos()))?;
    put.execute(("barrier", 0))?;
    put.execute(("next_ino", ROOT.cast_signed() + 1))?;
    put.execute(("next_content", 1))?;
    let root = "INSERT INTO node (ino, kind, mode, uid, gid, nlink, size, allocated, rdev, mtime, ctime, atime, btime, content, parent) VALUES (?1, ?2, 493, ?3, ?4, 2, 0, 0, 0, ?5, ?5, ?5, ?5, 0, ?1)";
    db.execute(
        root,
        (
            ROOT.cast_signed(),
            FileKind::Directory as u8,
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw(),
            meta.created.nanos(),
        ),
    )?;
    Ok(())
}

/// Makes a database of an older format one of the newest, in a transaction of the caller.
pub(super) fn upgrade(db: &Connection) -> rusqlite::Result<()> {
    if pragma(db, "user_version")? < WITH_NOTES {
        db.execute(NOTES, [])?;
        db.execute_batch(&format!("PRAGMA user_version = {WITH_NOTES}"))?;
    }
    Ok(())
}

fn pragma(db: &Connection, name: &str) -> rusqlite::Result<i64> {
    // An encrypted database answers some pragmas in text.
    db.query_row(&format!("PRAGMA {name}"), [], |row| {
        Ok(match row.get_ref(0)? {
            rusqlite::types::ValueRef::Text(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|t| t.parse().ok())
                .unwrap_or(0),
            value => value.as_i64().unwrap_or(0),
        })
    })
}

/// Checks that `db` is a database of ours that this version can open; answers its format number too.
///
/// Errors: `UnknownFormat`, `NewerFormat`, `Corrupted`.
pub(super) fn verify(db: &Connection, format: Format) -> Result<(Meta, i64)> {
    let sql = |error| from_sql(error, "open");
    let pragma = |name: &str| pragma(db, name);
    if pragma("application_id").map_err(sql)? != format.application_id() {
        return Err(Error::new(ErrorKind::UnknownFormat, "open")
            .with_detail(format!("an SQLite database, but no {}", format.name())));
    }
    let version = pragma("user_version").map_err(sql)?;
    if version > VERSION {
        return Err(
            Error::new(ErrorKind::NewerFormat, "open").with_detail(format!(
                "format {version}, this program knows up to {VERSION}"
            )),
        );
    }
    if version < 1 {
        return Err(corrupted("open", "the format number is missing"));
    }
    check_tables(db, format, version)?;
    Ok((read_meta(db, format)?, version))
}

fn check_tables(db: &Connection, format: Format, version: i64) -> Result<()> {
    let sql = |error| from_sql(error, "open");
    let mut expected: Vec<&str> = format.tables(version).collect();
    let mut select = db
        .prepare("SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_autoindex_%' OR type <> 'index' OR sql IS NOT NULL")
        .map_err(sql)?;
    let mut rows = select.query([]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let found: Option<String> = row.get(0).map_err(sql)?;
        let known = found
            .as_deref()
            .and_then(|text| expected.iter().position(|want| *want == text));
        match known {
            Some(at) => drop(expected.swap_remove(at)),
            None => return Err(corrupted("open", "the tables are not those of the format")),
        }
    }
    if expected.is_empty() {
        Ok(())
    } else {
        Err(corrupted("open", "a table of the format is missing"))
    }
}

fn read_meta(db: &Connection, format: Format) -> Result<Meta> {
    fn value<T: rusqlite::types::FromSql>(db: &Connection, key: &str) -> Result<T> {
        db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
            row.get(0)
        })
        .optional()
        .map_err(|error| from_sql(error, "open"))?
        .ok_or_else(|| corrupted("open", format!("its own description lacks {key}")))
    }
    let uuid: String = value(db, "uuid")?;
    let meta = Meta {
        uuid: uuid
            .parse()
            .map_err(|_| corrupted("open", "its identity is no UUID"))?,
        chunk_bytes: value(db, "chunk_bytes")?,
        created: Time::from_nanos(value(db, "created")?),
    };
    let plausible = match format {
        Format::Vault => (512..=1 << 20).contains(&meta.chunk_bytes),
        Format::Index => meta.chunk_bytes == 0,
    };
    if plausible {
        Ok(meta)
    } else {
        Err(corrupted("open", "its chunk size is impossible"))
    }
}
