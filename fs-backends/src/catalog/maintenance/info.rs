//! What a database says of itself.

use fs_core::Result;
use fs_core::maintenance::{Cipher, Counts, Identity, Info, Sizes};
use rusqlite::Connection;

use crate::catalog::database::Database;
use crate::catalog::error::from_sql;
use crate::catalog::schema::{ChunkSum, Format};
use crate::catalog::store::{CatalogContent, CatalogStore};
use crate::virtual_fs::NodeStore as _;

/// Pages that hold nothing.
pub(super) fn free_pages(db: &Connection) -> Result<i64> {
    number(db, "PRAGMA freelist_count")
}

pub(super) fn number(db: &Connection, select: &str) -> Result<i64> {
    db.query_row(select, [], |row| row.get(0))
        .map_err(|error| from_sql(error, "info"))
}

pub(super) fn identity(database: &Database) -> Result<Identity> {
    let generation = "SELECT value FROM meta WHERE key = 'barrier'";
    let generation = database.read(|db| number(db, generation))?;
    Ok(Identity {
        uuid: database.meta().uuid.to_string(),
        generation: generation.max(0).cast_unsigned(),
    })
}

pub(super) fn info<C: CatalogContent>(store: &CatalogStore<C>) -> Result<Info> {
    let database = store.database();
    let page_bytes = database.page_bytes().max(0).cast_unsigned();
    let meta = database.meta();
    let (counts, mut sizes, format) =
        database.read(|db| Ok((counts(db)?, sizes(db)?, number(db, "PRAGMA user_version")?)))?;
    let Identity { uuid, generation } = identity(database)?;
    sizes.free_bytes *= page_bytes;
    sizes.database_bytes = std::fs::metadata(database.path())
        .map_err(|error| fs_core::Error::from_io(error, "info"))?
        .len();
    sizes.log_bytes = database.log_bytes();
    let outside = store.content().outside_counts()?;
    sizes.blob_bytes = outside.bytes;
    sizes.stored_bytes += outside.bytes;
    sizes.host_available_bytes = store.space()?.available_bytes.unwrap_or(0);
    let encrypted = database.is_encrypted();
    Ok(Info {
        kind: database.format().name(),
        format: u32::try_from(format).unwrap_or(u32::MAX),
        uuid,
        created_ns: meta.created.nanos(),
        generation,
        cipher: encrypted.then_some(Cipher {
            cipher: "AES-256-CBC",
            authentication: "HMAC-SHA512",
            key_derivation: "PBKDF2-HMAC-SHA512, 256,000 rounds",
        }),
        integrity: match (encrypted, database.format()) {
            (true, _) => "HMAC-SHA512 of every page",
            (false, Format::Vault) => match (database.sums().are_on(), meta.chunk_sum) {
                (true, ChunkSum::Xxh3) => "XXH3 of every row and piece of content",
                (true, ChunkSum::Blake3) => "XXH3 of every row, BLAKE3 of every piece of content",
                (false, _) => "BLAKE3 of every piece of content",
            },
            (false, Format::Index) => match database.sums().are_on() {
                true => "XXH3 of every row and block, BLAKE3 of every blob",
                false => "BLAKE3 of every blob",
            },
        },
        page_bytes,
        chunk_bytes: u64::from(meta.chunk_bytes),
        counts: Counts {
            blobs: outside.blobs,
            ..counts
        },
        sizes,
    })
}

fn counts(db: &Connection) -> Result<Counts> {
    let sql = |error| from_sql(error, "info");
    let mut counts = Counts::default();
    let mut select = db
        .prepare("SELECT kind, count(*) FROM node GROUP BY kind")
        .map_err(sql)?;
    let mut rows = select.query([]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let count: u64 = row.get::<_, i64>(1).map_err(sql)?.max(0).cast_unsigned();
        match row.get::<_, i64>(0).map_err(sql)? {
            1 => counts.files += count,
            2 => counts.folders += count,
            3 => counts.symlinks += count,
            _ => counts.special += count,
        }
    }
    let count = |select: &str| number(db, select).map(|count| count.max(0).cast_unsigned());
    counts.names = count("SELECT count(*) FROM dentry")?;
    counts.xattrs = count("SELECT count(*) FROM xattr")?;
    counts.trash = count("SELECT count(*) FROM trash")?;
    counts.contents = count("SELECT count(*) FROM content")?;
    counts.unnamed_contents = count("SELECT count(*) FROM content WHERE refs = 0")?;
    Ok(counts)
}

/// What can be told from inside; free space still in pages.
fn sizes(db: &Connection) -> Result<Sizes> {
    let count = |select: &str| number(db, select).map(|count| count.max(0).cast_unsigned());
    Ok(Sizes {
        content_bytes: count("SELECT coalesce(sum(size), 0) FROM node WHERE kind = 1")?,
        stored_bytes: count("SELECT coalesce(sum(stored), 0) FROM content WHERE refs > 0")?,
        free_bytes: free_pages(db)?.max(0).cast_unsigned(),
        ..Sizes::default()
    })
}
