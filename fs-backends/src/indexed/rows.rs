//! What the index says of blobs: the rows of `blob` and `dead_blob`.

use std::collections::VecDeque;
use std::sync::Arc;

use fs_core::Result;
use rusqlite::Connection;

use super::blocks::Blocks;
use super::content::Seal;
use super::name::BlobName;
use crate::catalog::{RowSum, Sums, Table, content_row, corrupted, from_sql};
use crate::virtual_fs::ContentId;

fn column<T: rusqlite::types::FromSql>(db: &Connection, select: &str) -> Result<Vec<T>> {
    let sql = |error| from_sql(error, "open");
    let mut select = db.prepare(select).map_err(sql)?;
    let rows = select.query_map([], |row| row.get(0)).map_err(sql)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sql)
}

/// The numbers that a statement selects, as contents.
pub(super) fn contents(db: &Connection, select: &str) -> Result<VecDeque<ContentId>> {
    Ok(column::<i64>(db, select)?
        .into_iter()
        .map(|id| ContentId(id.cast_unsigned()))
        .collect())
}

/// What the index knows of a content, its size too. `Corrupted`: nothing, or not what was written.
pub(super) fn row(
    db: &Connection,
    id: ContentId,
    sums: &Sums,
) -> Result<(BlobName, Option<Seal>, u64)> {
    let sql = |error| from_sql(error, "open blob");
    let mut select = db
        .prepare_cached("SELECT name, sealed, size, hash, blocks, sum FROM blob WHERE content = ?1")
        .map_err(sql)?;
    let mut rows = select.query([id.0.cast_signed()]).map_err(sql)?;
    let Some(row) = rows.next().map_err(sql)? else {
        return Err(corrupted(
            "open blob",
            format!("content {} is missing", id.0),
        ));
    };
    let bytes = |column| {
        let value = row.get_ref(column).map_err(sql)?;
        value
            .as_bytes_or_null()
            .map_err(|_| corrupted("open blob", "a column of another type"))
    };
    let name: String = row.get(0).map_err(sql)?;
    let (sealed, size): (i64, i64) = (row.get(1).map_err(sql)?, row.get(2).map_err(sql)?);
    let (hash, blocks) = (bytes(3)?, bytes(4)?);
    sums.check(
        row.get(5).map_err(sql)?,
        || row_sum(id, &name, (sealed, size), hash, blocks),
        || format!("the record of the blob of content {}", id.0),
    )?;
    let seal = match (sealed, u64::try_from(size), hash.map(<[u8; 32]>::try_from)) {
        (0, ..) => None,
        (1, Ok(size_bytes), Some(Ok(hash))) => Some(Seal {
            size_bytes,
            hash,
            blocks: match blocks {
                Some(blocks) => Some(Arc::new(Blocks::decode(blocks, size_bytes).ok_or_else(
                    || {
                        corrupted(
                            "open blob",
                            format!("the blocks of content {} are impossible", id.0),
                        )
                    },
                )?)),
                None => None,
            },
        }),
        _ => {
            return Err(corrupted(
                "open blob",
                format!("content {} is sealed without a hash", id.0),
            ));
        }
    };
    let size_bytes = u64::try_from(size).unwrap_or(0);
    Ok((BlobName::parse(&name)?, seal, size_bytes))
}

/// The sum of the row of a blob.
fn row_sum(
    id: ContentId,
    name: &str,
    (sealed, size): (i64, i64),
    hash: Option<&[u8]>,
    blocks: Option<&[u8]>,
) -> i64 {
    RowSum::of(Table::Blob)
        .number(id.0.cast_signed())
        .bytes(Some(name.as_bytes()))
        .number(sealed)
        .number(size)
        .bytes(hash)
        .bytes(blocks)
        .finish()
}

/// Tells the index what a blob is.
pub(super) fn put_row(
    db: &Connection,
    id: ContentId,
    name: &BlobName,
    size_bytes: u64,
    seal: Option<&Seal>,
    sums: &Sums,
) -> Result<()> {
    let (name, size) = (name.sealed(), size_bytes.cast_signed());
    let hash = seal.map(|seal| seal.hash);
    let hash = hash.as_ref().map(<[u8; 32]>::as_slice);
    let blocks = seal.and_then(|seal| Some(seal.blocks.as_ref()?.encode()));
    let sealed = i64::from(seal.is_some());
    let sum = sums.store(|| row_sum(id, &name, (sealed, size), hash, blocks.as_deref()));
    db.prepare_cached(
        "INSERT INTO blob (content, name, sealed, size, hash, blocks, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (content) DO UPDATE SET sealed = excluded.sealed, size = excluded.size, hash = excluded.hash, blocks = excluded.blocks, sum = excluded.sum",
    )
    .and_then(|mut put| put.execute((id.0.cast_signed(), &name, sealed, size, hash, &blocks, sum)))
    .map(drop)
    .map_err(|error| from_sql(error, "write"))
}

/// The blobs that wait to be removed.
pub(super) fn dead_blobs(db: &Connection, sums: &Sums) -> Result<VecDeque<BlobName>> {
    let sql = |error| from_sql(error, "open");
    let mut select = db.prepare("SELECT name, sum FROM dead_blob").map_err(sql)?;
    let mut rows = select.query([]).map_err(sql)?;
    let mut dead = VecDeque::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let name: String = row.get(0).map_err(sql)?;
        let sum = row.get(1).map_err(sql)?;
        sums.check(
            sum,
            || dead_sum(&name),
            || format!("the dead blob {name:?}"),
        )?;
        dead.push_back(BlobName::parse(&name)?);
    }
    Ok(dead)
}

fn dead_sum(name: &str) -> i64 {
    RowSum::of(Table::DeadBlob)
        .bytes(Some(name.as_bytes()))
        .finish()
}

/// Forgets a content nobody names; answers its blob, which is remembered as dead until its file is gone.
pub(super) fn bury(db: &Connection, id: ContentId, sums: &Sums) -> Result<Option<BlobName>> {
    let sql = |error| from_sql(error, "reap");
    let key = [id.0.cast_signed()];
    if content_row(db, id, sums)?.is_none_or(|(refs, _)| refs != 0) {
        return Ok(None);
    }
    let (name, ..) = row(db, id, sums)?;
    let dead = name.sealed();
    db.prepare_cached("INSERT OR IGNORE INTO dead_blob (name, sum) VALUES (?1, ?2)")
        .and_then(|mut insert| insert.execute((&dead, sums.store(|| dead_sum(&dead)))))
        .map_err(sql)?;
    db.prepare_cached("DELETE FROM blob WHERE content = ?1")
        .and_then(|mut delete| delete.execute(key))
        .map_err(sql)?;
    db.prepare_cached("DELETE FROM content WHERE id = ?1")
        .and_then(|mut delete| delete.execute(key))
        .map_err(sql)?;
    Ok(Some(name))
}
