//! A new database, which exists whole or not at all.

use std::path::Path;

use fs_core::{Error, Result, Time};
use rusqlite::{Connection, OpenFlags};

use super::connect::{Cipher, harden, unlock};
use super::error::from_sql;
use super::failed_read;
use super::host_calls;
use super::schema::{self, Format, Meta};
use crate::scratch::Scratch;
use crate::seal::SealKey;

/// What a new database shall be.
pub(crate) struct NewDatabase {
    pub(crate) format: Format,
    pub(crate) cipher: Option<(super::Key, super::CipherPages)>,
    pub(crate) chunk_bytes: u32,
    /// Of the blobs of an encrypted store.
    pub(crate) blob_key: Option<SealKey>,
}

/// Bytes in a page of a new database without a password.
pub(crate) const PLAIN_PAGE_BYTES: u32 = 16_384;

/// Makes a database at `path`: under another name first, made durable, then renamed, so that a crash never leaves half of one.
///
/// Errors: `AlreadyExists`, and those of the filesystem.
pub(crate) fn create(path: &Path, new: &NewDatabase) -> Result<()> {
    let scratch = Scratch::new_file(path, "create")?;
    write(scratch.path(), new).map_err(|error| error.with_path(path))?;
    let synced = scratch.open()?.sync_all();
    synced.map_err(|error| Error::from_io(error, "create").with_path(path))?;
    scratch.finish()
}

fn write(path: &Path, new: &NewDatabase) -> Result<()> {
    let sql = |error| from_sql(error, "create");
    host_calls::replace();
    failed_read::forget();
    let mut db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(sql)?;
    match &new.cipher {
        Some((key, pages)) => unlock(
            &db,
            &Cipher {
                key: key.clone(),
                page_bytes: pages.bytes(),
            },
        ),
        None => db.execute_batch(&format!("PRAGMA page_size = {PLAIN_PAGE_BYTES}")),
    }
    .map_err(sql)?;
    // Nobody sees the file before it is synced as a whole, so no journal. The order is SQLite's: auto_vacuum is fixed by the first write.
    db.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;",
    )
    .map_err(sql)?;
    harden(&db).map_err(sql)?;
    let meta = Meta {
        uuid: uuid::Uuid::new_v4(),
        chunk_bytes: new.chunk_bytes,
        chunk_sum: schema::ChunkSum::default(),
        blob_key: new.blob_key.clone(),
        created: Time::now(),
    };
    let transaction = db.transaction().map_err(sql)?;
    schema::create(&transaction, new.format, &meta).map_err(sql)?;
    transaction
        .execute_batch(&format!(
            "PRAGMA application_id = {}; PRAGMA user_version = {};",
            new.format.application_id(),
            schema::VERSION
        ))
        .map_err(sql)?;
    transaction.commit().map_err(sql)?;
    db.execute_batch("PRAGMA journal_mode = WAL").map_err(sql)?;
    db.close().map_err(|(_, error)| sql(error))
}
