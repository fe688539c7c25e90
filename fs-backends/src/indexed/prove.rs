//! After a crash: is there what the index named since it was durable last? The host may have written the index before the blobs.

use std::path::Path;

use fs_core::{Control, ErrorKind, Result};
use rusqlite::Connection;

use super::BLOBS;
use super::file::BlobFile;
use super::folder::BlobFolder;
use super::maintenance::{Row, wrong_with};
use super::name::BlobName;
use super::records::{RecordFile, StoreKey};
use crate::catalog::{Meta, from_sql};

/// Files that are new since, or still written to, and how large they are at most.
const SUSPECTS: &str = "SELECT b.content, b.name, b.sealed, b.size, b.hash, n.size FROM blob b JOIN (SELECT content, max(size) AS size FROM node WHERE content IN (SELECT content FROM blob WHERE content >= ?1 OR sealed = 0) GROUP BY content) n ON n.content = b.content";

/// Has the store in the folder `path` the bytes of all contents from `first` on? Then they are durable. Errors: the host's.
pub(super) fn prove(path: &Path, db: &Connection, meta: &Meta, first: u64) -> Result<bool> {
    let sql = |error| from_sql(error, "open");
    let folder = BlobFolder::open(&path.join(BLOBS))?;
    let key = meta.blob_key.as_ref().map(StoreKey::new);
    let mut select = db.prepare(SUSPECTS).map_err(sql)?;
    let mut rows = select.query([first.cast_signed()]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let node_bytes: i64 = row.get(5).map_err(sql)?;
        let row = Row::of(row).map_err(sql)?;
        let there = match row.sealed {
            true => wrong_with(&folder, key.as_ref(), &row, &Control::new())?.is_none(),
            false => reaches(&folder, key.as_ref(), &row, node_bytes.min(row.size))?,
        };
        if !there {
            return Ok(false);
        }
    }
    // The program that wrote them is gone, and nobody knows which were durable.
    folder.sync_all()?;
    Ok(true)
}

/// Is the file of a blob that is not complete long enough? What lies in it nobody knows.
pub(super) fn reaches(
    folder: &BlobFolder,
    key: Option<&StoreKey>,
    row: &Row,
    bytes: i64,
) -> Result<bool> {
    let length = || {
        let name = BlobName::parse(row.name.as_deref().unwrap_or_default())?;
        let file = folder.open_to_read(&name, false)?;
        match key {
            Some(key) => Ok(RecordFile::open_damaged(file, &name, key)?.0.length()),
            None => BlobFile::Plain(file).length(),
        }
    };
    match length() {
        Ok(length) => Ok(i64::try_from(length).is_ok_and(|length| length >= bytes)),
        Err(error) if error.kind() == ErrorKind::Corrupted => Ok(false),
        Err(error) => Err(error),
    }
}
