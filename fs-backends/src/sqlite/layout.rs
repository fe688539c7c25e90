//! Content in rows: which row holds which bytes, and the checksum that proves it.

use std::ops::RangeInclusive;

use fs_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, OptionalExtension as _, ToSql};

use crate::catalog::{ChunkSum, chunk_sum, corrupted, from_sql};
use crate::virtual_fs::ContentId;

/// Bits of a row id that count chunks; the rest is the content. 2^24 chunks that fill pages of 16 KiB are 252 GiB.
const INDEX_BITS: u32 = 24;
/// Largest number of a chunk.
pub(super) const INDEX_MAX: u32 = (1 << INDEX_BITS) - 1;

/// How a vault cuts content into rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Bytes of content in a row.
    pub(super) chunk_bytes: u32,
    /// The checksum that each row carries; `None` in an encrypted vault, where every page is authenticated already.
    pub(super) sum: Option<ChunkSum>,
}

/// A stored chunk's number and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) index: u32,
    pub(super) length: u64,
}

fn sql(error: rusqlite::Error) -> Error {
    from_sql(error, "content")
}

/// Row ids of some chunks of a content.
pub(super) fn rows(content: ContentId, chunks: &RangeInclusive<u32>) -> Result<(i64, i64)> {
    let first = i64::try_from(content.0)
        .ok()
        .and_then(|content| content.checked_mul(1 << INDEX_BITS))
        .ok_or_else(|| {
            Error::new(ErrorKind::NoSpace, "content").with_detail("all content numbers are used up")
        })?;
    Ok((
        first | i64::from(*chunks.start()),
        first | i64::from((*chunks.end()).min(INDEX_MAX)),
    ))
}

/// The content in a row id.
pub(super) fn content_of(row: i64) -> ContentId {
    ContentId(u64::try_from(row >> INDEX_BITS).unwrap_or(0))
}

/// The chunk number in a row id.
fn index_of(row: i64) -> u32 {
    u32::try_from(row & i64::from(INDEX_MAX)).unwrap_or(INDEX_MAX)
}

impl Layout {
    /// A checksum over row id and data: a bit that flips in either, or a row that moves, is noticed.
    pub(super) fn checksum(self, id: i64, data: &[u8]) -> i64 {
        match self.sum {
            None => 0,
            Some(ChunkSum::Xxh3) => chunk_sum(id, data),
            Some(ChunkSum::Blake3) => {
                let mut hasher = blake3::Hasher::new();
                hasher.update(&id.to_le_bytes());
                hasher.update(data);
                let mut sum = [0; 8];
                hasher.finalize_xof().fill(&mut sum);
                i64::from_le_bytes(sum)
            }
        }
    }

    /// Largest content in bytes.
    pub(super) fn max_bytes(self) -> u64 {
        u64::from(self.chunk_bytes) << INDEX_BITS
    }

    /// The chunk that holds `offset`, and where in it. `FileTooLarge` beyond the last.
    pub(super) fn locate(self, offset: u64) -> Result<(u32, usize)> {
        let size = u64::from(self.chunk_bytes);
        match u32::try_from(offset / size) {
            Ok(index) if index <= INDEX_MAX => Ok((index, (offset % size) as usize)),
            _ => Err(Error::new(ErrorKind::FileTooLarge, "content")),
        }
    }

    /// Where chunk `index` starts.
    pub(super) fn start(self, index: u32) -> u64 {
        u64::from(index) * u64::from(self.chunk_bytes)
    }

    /// Calls `each` with the stored chunks among `chunks`, in order. `Corrupted`: a checksum does not match.
    pub(super) fn read(
        self,
        db: &Connection,
        content: ContentId,
        chunks: RangeInclusive<u32>,
        each: &mut dyn FnMut(u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let (first, last) = rows(content, &chunks)?;
        // Without a limit a range would look at the row behind it too, which may be on another page.
        let count = last - first + 1;
        let (text, params): (_, &[&dyn ToSql]) = if count == 1 {
            ("SELECT id, sum, data FROM chunk WHERE id = ?1", &[&first])
        } else {
            (
                "SELECT id, sum, data FROM chunk WHERE id BETWEEN ?1 AND ?2 LIMIT ?3",
                &[&first, &last, &count],
            )
        };
        let mut select = db.prepare_cached(text).map_err(sql)?;
        let mut found = select.query(params).map_err(sql)?;
        while let Some(row) = found.next().map_err(sql)? {
            let id: i64 = row.get(0).map_err(sql)?;
            let data = row
                .get_ref(2)
                .map_err(sql)?
                .as_blob()
                .map_err(|_| corrupted("read", "a chunk is no blob"))?;
            if data.len() > self.chunk_bytes as usize
                || (self.sum.is_some()
                    && row.get::<_, i64>(1).map_err(sql)? != self.checksum(id, data))
            {
                return Err(corrupted(
                    "read",
                    format!("chunk {} of content {}", index_of(id), content.0),
                ));
            }
            each(index_of(id), data)?;
        }
        Ok(())
    }

    /// Stores a chunk; answers by how many bytes the content grew.
    pub(super) fn put(
        self,
        db: &Connection,
        content: ContentId,
        index: u32,
        data: &[u8],
        fresh: bool,
    ) -> Result<i64> {
        let (id, _) = rows(content, &(index..=index))?;
        let before = if fresh { 0 } else { length(db, id)? };
        let sum = self.checksum(id, data);
        db.prepare_cached("INSERT OR REPLACE INTO chunk (id, sum, data) VALUES (?1, ?2, ?3)")
            .and_then(|mut put| put.execute((id, sum, data)))
            .map_err(sql)?;
        Ok(data.len().cast_signed() as i64 - before)
    }

    /// Removes the stored chunks among `chunks`; answers by how many bytes the content grew (less than 0).
    pub(super) fn remove(
        self,
        db: &Connection,
        content: ContentId,
        chunks: RangeInclusive<u32>,
    ) -> Result<i64> {
        let mut delete = db
            .prepare_cached("DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2 RETURNING length(data)")
            .map_err(sql)?;
        let mut gone = delete.query(rows(content, &chunks)?).map_err(sql)?;
        let mut bytes = 0;
        while let Some(row) = gone.next().map_err(sql)? {
            bytes -= row.get::<_, i64>(0).map_err(sql)?;
        }
        Ok(bytes)
    }

    /// Removes at most `limit` chunks of all contents from `first` to `last`; answers how many.
    pub(super) fn remove_some(
        self,
        db: &Connection,
        (first, last): (ContentId, ContentId),
        limit: usize,
    ) -> Result<usize> {
        let (first, _) = rows(first, &(0..=0))?;
        let (_, last) = rows(last, &(INDEX_MAX..=INDEX_MAX))?;
        db.prepare_cached("DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE id BETWEEN ?1 AND ?2 LIMIT ?3)")
            .and_then(|mut delete| delete.execute((first, last, limit.cast_signed())))
            .map_err(sql)
    }

    /// The last stored chunk.
    pub(super) fn last(self, db: &Connection, content: ContentId) -> Result<Option<Stored>> {
        db.prepare_cached("SELECT id, length(data) FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1")
            .map_err(sql)?
            .query_row(rows(content, &(0..=INDEX_MAX))?, |row| Ok(Stored { index: index_of(row.get(0)?), length: row.get::<_, i64>(1)?.cast_unsigned() }))
            .optional()
            .map_err(sql)
    }

    /// Calls `each` with the stored chunks from `first` on, without their bytes, until it answers `false`.
    pub(super) fn stored_from(
        self,
        db: &Connection,
        content: ContentId,
        first: u32,
        each: &mut dyn FnMut(Stored) -> bool,
    ) -> Result<()> {
        let mut select = db
            .prepare_cached(
                "SELECT id, length(data) FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
            )
            .map_err(sql)?;
        let mut found = select
            .query(rows(content, &(first..=INDEX_MAX))?)
            .map_err(sql)?;
        while let Some(row) = found.next().map_err(sql)? {
            let stored = Stored {
                index: index_of(row.get(0).map_err(sql)?),
                length: row.get::<_, i64>(1).map_err(sql)?.cast_unsigned(),
            };
            if !each(stored) {
                break;
            }
        }
        Ok(())
    }
}

fn length(db: &Connection, id: i64) -> Result<i64> {
    db.prepare_cached("SELECT length(data) FROM chunk WHERE id = ?1")
        .map_err(sql)?
        .query_row([id], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
        .map_err(sql)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_has_a_place_and_the_next_is_too_large() {
        let layout = Layout {
            chunk_bytes: 1000,
            sum: Some(ChunkSum::Xxh3),
        };
        assert_eq!(
            layout.locate(layout.max_bytes() - 1).unwrap(),
            (INDEX_MAX, 999)
        );
        assert_eq!(
            layout.locate(layout.max_bytes()).unwrap_err().kind(),
            ErrorKind::FileTooLarge
        );
    }

    #[test]
    fn row_ids_do_not_overflow_into_another_content() {
        let (first, last) = rows(ContentId(1), &(0..=u32::MAX)).unwrap();
        let (next, _) = rows(ContentId(2), &(0..=0)).unwrap();
        assert!(first < last && last < next);
        assert_eq!(
            rows(ContentId(u64::MAX), &(0..=0)).unwrap_err().kind(),
            ErrorKind::NoSpace
        );
        assert_eq!(
            rows(ContentId(1 << 40), &(0..=0)).unwrap_err().kind(),
            ErrorKind::NoSpace
        );
    }
}
