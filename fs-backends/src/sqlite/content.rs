//! One open content: bytes in rows, with what is not stored yet in memory.

mod edit;
mod halves;
mod window;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use fs_core::{Error, ErrorKind, Result};
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;

use super::layout::{INDEX_MAX, Layout};
use super::pending::{Pending, overwrite};
use super::store::Shared;
use crate::catalog::{change_content, content_row, corrupted, insert_content};
use crate::virtual_fs::{Content, ContentId};
use window::{copy_into, fill, zero};

/// Chunks looked at in one search for the end of a stored range.
const RUN_CHUNKS: u32 = 4096;

/// A read of so many encrypted bytes is done by two threads.
const HALVED_BYTES: usize = 256 << 10;

/// An open content. Lock order: writer of the database, then `pending`.
pub(super) struct ChunkContent {
    id: ContentId,
    shared: Arc<Shared>,
    pending: RwLock<Pending>,
    /// May the database hold chunks of it?
    in_database: AtomicBool,
    /// At or after this chunk it holds none.
    end: AtomicU32,
    /// Bytes in the database, as of the last flush; `None`: nobody asked yet.
    stored: Mutex<Option<u64>>,
    /// By how many bytes that will change with the next flush.
    growth: AtomicI64,
    /// Was it found to have all its pieces? (Only a gap raises the question.)
    whole: AtomicBool,
}

impl ChunkContent {
    /// New content, or content that a node of the database names.
    pub(super) fn new(id: ContentId, is_new: bool, shared: Arc<Shared>) -> Self {
        Self {
            id,
            shared,
            pending: RwLock::default(),
            in_database: AtomicBool::new(!is_new),
            end: AtomicU32::new(if is_new { 0 } else { INDEX_MAX + 1 }),
            stored: Mutex::new(is_new.then_some(0)),
            growth: AtomicI64::new(0),
            whole: AtomicBool::new(false),
        }
    }

    /// A piece is not there: is it a hole, or is it missing? `Corrupted`: missing.
    fn check_whole(&self, db: &Connection) -> Result<()> {
        let sums = self.shared.database.sums();
        if !sums.are_on() || self.whole.load(Ordering::Relaxed) {
            return Ok(());
        }
        let gone = || corrupted("read", format!("content {} is missing", self.id.0));
        let (_, stored) = content_row(db, self.id, sums)?.ok_or_else(gone)?;
        // Read and proven, since a piece that strayed to another place has its length, but not its sum.
        let mut held = 0;
        self.layout()
            .read(db, self.id, 0..=INDEX_MAX, &mut |_, data| {
                held += data.len().cast_signed() as i64;
                Ok(())
            })?;
        if held != stored {
            let detail = format!("a piece of content {} is missing", self.id.0);
            return Err(corrupted("read", detail));
        }
        self.whole.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Where its data ends when it has no holes: then its bytes are as many as lie before the end of its last piece.
    /// (What a piece that is missing in between would have held is found out when it is read.)
    fn dense_end(&self, db: &Connection) -> Result<Option<u64>> {
        let stored = self.stored(db)?;
        let last = self.layout().last(db, self.id)?;
        let end = last.map(|last| self.layout().start(last.index) + last.length);
        Ok(end.filter(|end| *end == stored))
    }

    fn layout(&self) -> Layout {
        self.shared.layout
    }

    fn is_fresh(&self) -> bool {
        !self.in_database.load(Ordering::Acquire)
    }

    /// May the database hold chunk `index` or one after it?
    fn reaches(&self, index: u32) -> bool {
        index < self.end.load(Ordering::Acquire)
    }

    /// Bytes of it in the database. `Corrupted`: it does not know this content.
    fn stored(&self, db: &Connection) -> Result<u64> {
        let known = *self.stored.lock();
        if let Some(stored) = known {
            return Ok(stored);
        }
        let gone = || corrupted("read", format!("content {} is missing", self.id.0));
        let row = content_row(db, self.id, self.shared.database.sums())?;
        let stored = row.ok_or_else(gone)?.1.max(0).cast_unsigned();
        // A flush that came first knows better.
        Ok(*self.stored.lock().get_or_insert(stored))
    }

    /// Fills `into` with what the database holds of these chunks, the first of which begins at or before `offset`.
    fn read_stored(&self, into: &mut [u8], offset: u64, chunks: RangeInclusive<u32>) -> Result<()> {
        let shared = &self.shared;
        let halves = match shared.database.is_encrypted() && into.len() >= HALVED_BYTES {
            true => halves::read(shared, self.id, into, offset, &chunks)?,
            false => None,
        };
        let gap = match halves {
            Some(gap) => gap,
            None => shared
                .database
                .read(|db| fill(shared.layout, db, self.id, into, offset, chunks))?,
        };
        if gap {
            // A hole, or something is not there that should be.
            shared.database.read(|db| {
                self.stored(db)?;
                self.check_whole(db)
            })?;
        }
        Ok(())
    }

    /// Stores what is pending in the transaction open on `db`, with `named` more references; the mark is for [`ChunkContent::committed`].
    pub(super) fn flush(&self, db: &Connection, named: i64) -> Result<Option<u64>> {
        let pending = self.pending.read();
        if pending.is_empty() && named == 0 {
            return Ok(None);
        }
        let fresh = self.is_fresh();
        let mut grown = 0;
        for hole in pending
            .holes()
            .iter()
            .filter(|hole| self.reaches(*hole.start()))
        {
            grown += self.layout().remove(db, self.id, hole.clone())?;
        }
        let old_end = self.end.load(Ordering::Acquire);
        if let Some(last) = pending.last() {
            // Also when the transaction is undone: it says only where to look.
            self.end.fetch_max(last + 1, Ordering::AcqRel);
        }
        for (index, data) in pending.chunks(0..=INDEX_MAX) {
            let fresh = index >= old_end;
            grown += self.layout().put(db, self.id, index, data, fresh)?;
        }
        let stored = if fresh {
            insert_content(db, self.id, named, grown)?;
            grown
        } else {
            let sums = self.shared.database.sums();
            change_content(db, self.id, named, grown, sums)?.1
        };
        self.in_database.store(true, Ordering::Release);
        *self.stored.lock() = Some(stored.max(0).cast_unsigned());
        self.growth.store(0, Ordering::Relaxed);
        Ok(Some(pending.version()))
    }

    /// The transaction is committed: the database has what was pending then.
    pub(super) fn committed(&self, mark: u64) {
        let mut pending = self.pending.write();
        let before = pending.bytes();
        pending.clear_if(mark);
        self.shared.release(before - pending.bytes());
    }

    /// Stores what is pending in a transaction of its own.
    fn flush_early(&self) -> Result<()> {
        let shared = &self.shared;
        shared.database.make_room(|| shared.reclaim_some());
        if let Some(mark) = self.shared.database.write_early(|db| self.flush(db, 0))? {
            self.committed(mark);
        }
        Ok(())
    }
}

impl Content for ChunkContent {
    fn id(&self) -> ContentId {
        self.id
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<()> {
        let Some(last_byte) = (into.len() as u64).checked_sub(1) else {
            return Ok(());
        };
        let end = offset
            .saturating_add(last_byte)
            .min(self.layout().max_bytes() - 1);
        if offset > end {
            into.fill(0);
            return Ok(());
        }
        let (first, _) = self.layout().locate(offset)?;
        let (last, _) = self.layout().locate(end)?;
        let start = |index| self.layout().start(index);
        let pending = self.pending.read();
        if pending.is_empty() && self.reaches(first) {
            // The database alone answers, and writers need not wait for it.
            drop(pending);
            return self.read_stored(into, offset, first..=last);
        }
        into.fill(0);
        if self.reaches(first) {
            self.shared.database.read(|db| {
                let (mut next, mut gap) = (first, false);
                self.layout()
                    .read(db, self.id, first..=last, &mut |index, data| {
                        gap |= index != next;
                        next = index.saturating_add(1);
                        if !pending.is_hole(index) {
                            copy_into(into, offset, start(index), data);
                        }
                        Ok(())
                    })?;
                if gap || next <= last {
                    self.check_whole(db)?;
                }
                Ok(())
            })?;
        }
        for (index, data) in pending.chunks(first..=last) {
            // The whole chunk is here: what the database gave for it must not shine through beyond its end.
            zero(
                into,
                offset,
                start(index),
                start(index) + u64::from(self.layout().chunk_bytes),
            );
            copy_into(into, offset, start(index), data);
        }
        Ok(())
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        let too_large = || Error::new(ErrorKind::FileTooLarge, "write");
        let Some(last_byte) = (from.len() as u64).checked_sub(1) else {
            return Ok(());
        };
        let (first, at) = self.layout().locate(offset)?;
        let (last, _) = self
            .layout()
            .locate(offset.checked_add(last_byte).ok_or_else(too_large)?)?;
        let size = self.layout().chunk_bytes as usize;
        self.change(first..=last, from.len(), |pending| {
            // What must be read is read before anything changes, so that an error leaves the old bytes.
            let head = &from.get(..from.len().min(size - at)).unwrap_or_default();
            let rest = from.get(head.len()..).unwrap_or_default();
            let tail_at = rest.len() - rest.len() % size;
            let tail = rest.get(tail_at..).unwrap_or_default();
            let tail_chunk = if tail.is_empty() {
                None
            } else {
                Some(self.load(pending, last)?)
            };
            if head.len() == size {
                pending.put(first, head.to_vec())
            } else {
                self.put_part(pending, first, at, head)?
            }
            for (index, chunk) in
                (first + 1..).zip(rest.get(..tail_at).unwrap_or_default().chunks_exact(size))
            {
                pending.put(index, chunk.to_vec());
            }
            if let Some(mut chunk) = tail_chunk {
                overwrite(&mut chunk, 0, tail);
                pending.put(last, chunk);
            }
            Ok(())
        })
    }

    fn truncate(&self, len_bytes: u64) -> Result<()> {
        if len_bytes >= self.layout().max_bytes() {
            return Ok(());
        }
        let (index, at) = self.layout().locate(len_bytes)?;
        self.change(index..=INDEX_MAX, 0, |pending| {
            if pending.is_empty() && self.ends_before(index, at)? {
                return Ok(());
            }
            if at > 0 {
                self.zero_part(pending, index, at, usize::MAX)?;
                pending.cut(index + 1);
            } else {
                pending.cut(index);
            }
            Ok(())
        })
    }

    fn punch_hole(&self, offset: u64, len_bytes: u64) -> Result<()> {
        let end = offset
            .saturating_add(len_bytes)
            .min(self.layout().max_bytes());
        let Some(last_byte) = end.checked_sub(1).filter(|last| *last >= offset) else {
            return Ok(());
        };
        let (first, at) = self.layout().locate(offset)?;
        let (last, last_at) = self.layout().locate(last_byte)?;
        let size = self.layout().chunk_bytes as usize;
        self.change(first..=last, 0, |pending| {
            if first == last {
                return self.zero_part(pending, first, at, last_at + 1);
            }
            let mut whole = (first, last);
            if at > 0 {
                self.zero_part(pending, first, at, size)?;
                whole.0 += 1;
            }
            if last_at + 1 < size {
                self.zero_part(pending, last, 0, last_at + 1)?;
                whole.1 -= 1;
            }
            if whole.0 <= whole.1 {
                pending.remove(whole.0..=whole.1);
            }
            Ok(())
        })
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        if offset >= self.layout().max_bytes() {
            return Ok(None);
        }
        if !self.pending.read().is_empty() {
            self.flush_early()?;
        }
        if self.is_fresh() {
            return Ok(None);
        }
        let (first, _) = self.layout().locate(offset)?;
        let mut run: Option<(u64, u64)> = None;
        let (mut seen, mut gap) = (0, false);
        self.shared.database.read(|db| {
            if let Some(end) = self.dense_end(db)? {
                run = (offset < end).then_some((offset, end));
                return Ok(());
            }
            self.layout()
                .stored_from(db, self.id, first, &mut |chunk| {
                    let start = self.layout().start(chunk.index);
                    let end = start + chunk.length;
                    seen += 1;
                    match &mut run {
                        None if end > offset => run = Some((start.max(offset), end)),
                        None => {}
                        Some((_, until)) if *until == start => *until = end,
                        Some(_) => {
                            gap = true;
                            return false;
                        }
                    }
                    seen < RUN_CHUNKS
                })?;
            if gap || seen < RUN_CHUNKS {
                self.check_whole(db)?;
            }
            Ok(())
        })?;
        Ok(run)
    }

    fn allocated(&self) -> Result<u64> {
        let known = *self.stored.lock();
        let stored = match known {
            Some(stored) => stored,
            None => self.shared.database.read(|db| self.stored(db))?,
        };
        Ok(stored.saturating_add_signed(self.growth.load(Ordering::Relaxed)))
    }

    fn take_back(&self) {
        let mut pending = self.pending.write();
        self.shared.release(pending.bytes());
        pending.clear();
        // A flush that was undone counted with what it brought.
        self.growth.store(0, Ordering::Relaxed);
        *self.stored.lock() = None;
    }

    fn sync(&self) -> Result<()> {
        // All bytes go through the transactions of the database.
        Ok(())
    }
}

impl Drop for ChunkContent {
    fn drop(&mut self) {
        self.shared.release(self.pending.get_mut().bytes());
        self.shared.forget(self.id);
    }
}
