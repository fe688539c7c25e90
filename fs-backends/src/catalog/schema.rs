//! The tables, exactly. A database whose schema differs by a letter is not ours: views and triggers in a hostile file never run.

use fs_core::{Error, ErrorKind, FileKind, Result, Time};
use rusqlite::Connection;
use rusqlite::types::{FromSql, ValueRef};

use zeroize::Zeroizing;

use super::error::{corrupted, from_sql};
use super::{old, sums};
use crate::seal::{KEY_BYTES, SealKey};
use crate::virtual_fs::ROOT;

/// Number of the newest format described in `FORMAT.md` (`PRAGMA user_version`); new databases have it.
pub(super) const VERSION: i64 = 3;

/// The first format that has notes.
pub(super) const WITH_NOTES: i64 = 2;

/// The first format whose rows have sums.
pub(super) const WITH_SUMS: i64 = 3;

/// Which of our databases it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A vault: content in rows.
    Vault,
    /// The index of a store: content in blob files.
    Index,
}

// The columns from `sum DEFAULT 0` on were added by format 3, and the text is what `ALTER TABLE` makes of that of format 2.
const NODES: &[&str] = &[
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL, sum INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID",
    "CREATE TABLE node (ino INTEGER PRIMARY KEY, kind INTEGER NOT NULL, mode INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL, nlink INTEGER NOT NULL, size INTEGER NOT NULL, allocated INTEGER NOT NULL, rdev INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, atime INTEGER NOT NULL, btime INTEGER NOT NULL, content INTEGER NOT NULL, parent INTEGER NOT NULL, target ANY, sum INTEGER NOT NULL DEFAULT 0, names INTEGER NOT NULL DEFAULT 0, attrs INTEGER NOT NULL DEFAULT 0) STRICT",
    "CREATE TABLE dentry (parent INTEGER NOT NULL, name ANY NOT NULL, ino INTEGER NOT NULL, kind INTEGER NOT NULL, sum INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (parent, name)) STRICT, WITHOUT ROWID",
    "CREATE TABLE xattr (ino INTEGER NOT NULL, name ANY NOT NULL, value BLOB NOT NULL, sum INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (ino, name)) STRICT, WITHOUT ROWID",
    "CREATE TABLE nameless (ino INTEGER PRIMARY KEY, sum INTEGER NOT NULL DEFAULT 0) STRICT",
    "CREATE TABLE trash (id INTEGER PRIMARY KEY, ino INTEGER NOT NULL, original ANY NOT NULL, deleted INTEGER NOT NULL, sum INTEGER NOT NULL DEFAULT 0) STRICT",
    "CREATE TABLE content (id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, stored INTEGER NOT NULL, sum INTEGER NOT NULL DEFAULT 0) STRICT",
    "CREATE INDEX content_unnamed ON content (id) WHERE refs = 0",
    "CREATE TABLE note (name TEXT NOT NULL, piece INTEGER NOT NULL, data BLOB NOT NULL, sum INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (name, piece)) STRICT, WITHOUT ROWID",
];
const CHUNKS: &[&str] = &[
    "CREATE TABLE chunk (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
];
const BLOBS: &[&str] = &[
    "CREATE TABLE blob (content INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sealed INTEGER NOT NULL, size INTEGER NOT NULL, hash BLOB, sum INTEGER NOT NULL DEFAULT 0, blocks BLOB) STRICT",
    "CREATE TABLE dead_blob (name TEXT PRIMARY KEY, sum INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID",
];

impl Format {
    /// `PRAGMA application_id`: "LamV" and "LamI" in ASCII.
    pub(super) fn application_id(self) -> i64 {
        match self {
            Self::Vault => 0x4c61_6d56,
            Self::Index => 0x4c61_6d49,
        }
    }

    fn tables(self, version: i64) -> Vec<&'static str> {
        if version < WITH_SUMS {
            return old::tables(self, version);
        }
        let content = match self {
            Self::Vault => CHUNKS,
            Self::Index => BLOBS,
        };
        NODES.iter().chain(content).copied().collect()
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
#[derive(Clone)]
pub(crate) struct Meta {
    /// Identity of the filesystem.
    pub(crate) uuid: uuid::Uuid,
    /// Bytes of content in a row (a vault; 0 in the index of a store).
    pub(crate) chunk_bytes: u32,
    /// How pieces of content are summed (a plain vault).
    pub(crate) chunk_sum: ChunkSum,
    /// When it was made.
    pub(crate) created: Time,
    /// The key of the blobs of an encrypted store.
    pub(crate) blob_key: Option<SealKey>,
}

/// The checksum of a piece of content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ChunkSum {
    /// The first 8 bytes of BLAKE3: vaults made before format 3.
    Blake3,
    /// XXH3-64: four times faster.
    #[default]
    Xxh3,
}

impl ChunkSum {
    fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Xxh3 => "xxh3",
        }
    }

    /// The one with this name in the database's description of itself.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        [Self::Blake3, Self::Xxh3]
            .into_iter()
            .find(|sum| sum.name() == name)
    }
}

/// Makes the tables and writes what the database says of itself, in one transaction of the caller.
pub(super) fn create(db: &Connection, format: Format, meta: &Meta) -> rusqlite::Result<()> {
    for sql in format.tables(VERSION) {
        db.execute(sql, [])?;
    }
    let mut put = db.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)")?;
    put.execute(("uuid", meta.uuid.to_string()))?;
    put.execute(("chunk_bytes", meta.chunk_bytes))?;
    put.execute(("chunk_sum", meta.chunk_sum.name()))?;
    put.execute(("created", meta.created.nanos()))?;
    if let Some(key) = &meta.blob_key {
        put.execute(("blob_key", key.as_slice()))?;
    }
    put.execute(("barrier", 0))?;
    put.execute(("trash", 0))?;
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
    sums::register(db)?;
    sums::reseal(db, format)
}

/// A number that a pragma answers.
pub(super) fn pragma(db: &Connection, name: &str) -> rusqlite::Result<i64> {
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
    Ok((read_meta(db, format, version)?, version))
}

fn check_tables(db: &Connection, format: Format, version: i64) -> Result<()> {
    let sql = |error| from_sql(error, "open");
    let mut expected = format.tables(version);
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

/// The key of the blobs, which only an encrypted index has.
fn blob_key(db: &Connection, version: i64) -> Result<Option<SealKey>> {
    let has = "SELECT count(*) FROM meta WHERE key = 'blob_key'";
    let there: i64 = db
        .query_row(has, [], |row| row.get(0))
        .map_err(|error| from_sql(error, "open"))?;
    if there == 0 {
        return Ok(None);
    }
    let found = Zeroizing::new(meta_value::<Vec<u8>>(db, "blob_key", version)?);
    let key = <[u8; KEY_BYTES]>::try_from(found.as_slice());
    let key = key.map_err(|_| corrupted("open", "the key of its blobs is impossible"))?;
    Ok(Some(SealKey::from(key)))
}

/// One thing the database says of itself. `Corrupted`: it says nothing, something of another type, or not what was written.
pub(super) fn meta_value<T: FromSql>(db: &Connection, key: &str, version: i64) -> Result<T> {
    let sql = |error| from_sql(error, "open");
    let select = match version >= WITH_SUMS {
        true => "SELECT value, sum FROM meta WHERE key = ?1",
        false => "SELECT value, NULL FROM meta WHERE key = ?1",
    };
    let mut select = db.prepare_cached(select).map_err(sql)?;
    let mut rows = select.query([key]).map_err(sql)?;
    let Some(row) = rows.next().map_err(sql)? else {
        return Err(corrupted(
            "open",
            format!("its own description lacks {key}"),
        ));
    };
    let value = row.get_ref(0).map_err(sql)?;
    let sum: Option<i64> = row.get(1).map_err(sql)?;
    if sum.is_some_and(|sum| sum != sums::meta(key, value)) {
        let detail = format!("its own description is damaged: {key} is not what was written");
        return Err(corrupted("open", detail));
    }
    T::column_result(value).map_err(|_| {
        corrupted(
            "open",
            format!("its own description has an impossible {key}"),
        )
    })
}

/// Changes one thing the database says of itself, where it says it already.
pub(super) fn set_meta(db: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    let sum = sums::meta(key, ValueRef::Integer(value));
    db.prepare_cached("UPDATE meta SET value = ?2, sum = ?3 WHERE key = ?1")?
        .execute((key, value, sum))
        .map(drop)
}

fn read_meta(db: &Connection, format: Format, version: i64) -> Result<Meta> {
    let uuid: String = meta_value(db, "uuid", version)?;
    let chunk_sum = match version >= WITH_SUMS {
        true => ChunkSum::of_name(&meta_value::<String>(db, "chunk_sum", version)?)
            .ok_or_else(|| corrupted("open", "its content is summed in an unknown way"))?,
        false => ChunkSum::Blake3,
    };
    let meta = Meta {
        uuid: uuid
            .parse()
            .map_err(|_| corrupted("open", "its identity is no UUID"))?,
        chunk_bytes: meta_value(db, "chunk_bytes", version)?,
        chunk_sum,
        created: Time::from_nanos(meta_value(db, "created", version)?),
        blob_key: blob_key(db, version)?,
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
