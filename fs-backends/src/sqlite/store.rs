//! The contents of a vault: opened, copied when shared, removed in the background.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use fs_core::maintenance::Reclaimed;
use fs_core::{Control, Error, ErrorKind, Result};
use parking_lot::Mutex;
use rusqlite::Connection;

use super::content::ChunkContent;
use super::layout::{INDEX_MAX, Layout};
use super::maintenance;
use crate::catalog::{CatalogContent, Database, Inspection, OutsideCounts, from_sql};
use crate::virtual_fs::{Content, ContentId, ContentStore};

/// Bytes that all contents together may keep in memory before the next write goes to the database.
const PENDING_BYTES: usize = 64 << 20;
/// Bytes copied, and chunks removed, in one transaction: others get their turn in between.
const COPY_BYTES: u64 = 8 << 20;
const REAP_CHUNKS: usize = 512;

/// What all open contents of a vault share.
pub(super) struct Shared {
    pub(super) database: Arc<Database>,
    pub(super) layout: Layout,
    open: Mutex<HashMap<ContentId, Weak<ChunkContent>>>,
    unnamed: Mutex<Vec<ContentId>>,
    /// Held while contents are removed: who needs the room waits for it.
    reclaiming: Mutex<()>,
    pending_bytes: AtomicUsize,
}

impl Shared {
    /// Notes that a content keeps `after` instead of `before` bytes in memory.
    pub(super) fn account(&self, before: usize, after: usize) {
        match after.checked_sub(before) {
            Some(more) => drop(self.pending_bytes.fetch_add(more, Ordering::Relaxed)),
            None => self.release(before - after),
        }
    }

    /// Would all contents together keep too much in memory with so many bytes more?
    pub(super) fn keeps_too_much(&self, more_bytes: usize) -> bool {
        self.pending_bytes.load(Ordering::Relaxed) + more_bytes > PENDING_BYTES
    }

    /// Notes that `bytes` are no longer kept in memory.
    pub(super) fn release(&self, bytes: usize) {
        self.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Removes a little of what nobody names any more; `true`: there is more.
    pub(super) fn reclaim_some(&self) -> Result<bool> {
        let _reclaiming = self.reclaiming.lock();
        let mut taken = std::mem::take(&mut *self.unnamed.lock());
        if taken.is_empty() {
            return Ok(false);
        }
        taken.sort_unstable();
        let remove = |some: &[ContentId]| {
            let database = &self.database;
            database.write_apart(|db| remove_some(db, self.layout, some))
        };
        let is_damage = |error: &Error| error.kind() == ErrorKind::Corrupted;
        let mut result = remove(&taken);
        if result.as_ref().is_err_and(is_damage) {
            // What lies on a damaged page stays, until the next opening tries again; the others go.
            taken.retain(|content| match remove(&[*content]) {
                Ok(done) => done == 0,
                Err(error) => !is_damage(&error),
            });
            result = Ok(0);
        }
        taken.drain(..*result.as_ref().unwrap_or(&0));
        let mut unnamed = self.unnamed.lock();
        taken.append(&mut unnamed);
        *unnamed = taken;
        result.map(|_| !unnamed.is_empty())
    }

    /// A content was closed.
    pub(super) fn forget(&self, id: ContentId) {
        let mut open = self.open.lock();
        if open
            .get(&id)
            .is_some_and(|content| content.strong_count() == 0)
        {
            open.remove(&id);
        }
    }
}

/// Content in rows of the vault's database.
pub struct ChunkStore(Arc<Shared>);

impl ChunkStore {
    /// The contents of `database`. What a crash left without a name is removed in the background.
    pub(super) fn new(database: Arc<Database>) -> Result<Self> {
        let layout = Layout {
            chunk_bytes: database.meta().chunk_bytes,
            sum: (!database.is_encrypted()).then_some(database.meta().chunk_sum),
        };
        let unnamed = database.read(|db| {
            let mut select = db
                .prepare("SELECT id FROM content WHERE refs = 0")
                .map_err(|error| from_sql(error, "open"))?;
            let ids = select
                .query_map([], |row| row.get::<_, i64>(0))
                .map_err(|error| from_sql(error, "open"))?;
            ids.map(|id| id.map(|id| ContentId(id.cast_unsigned())))
                .collect::<rusqlite::Result<_>>()
                .map_err(|error| from_sql(error, "open"))
        })?;
        Ok(Self(Arc::new(Shared {
            database,
            layout,
            open: Mutex::default(),
            unnamed: Mutex::new(unnamed),
            reclaiming: Mutex::default(),
            pending_bytes: AtomicUsize::new(0),
        })))
    }

    fn insert(&self, id: ContentId, is_new: bool) -> Arc<ChunkContent> {
        let content = Arc::new(ChunkContent::new(id, is_new, self.0.clone()));
        self.0.open.lock().insert(id, Arc::downgrade(&content));
        content
    }

    fn find(&self, id: ContentId) -> Option<Arc<ChunkContent>> {
        self.0.open.lock().get(&id).and_then(Weak::upgrade)
    }

    /// Content that a node names; whether the database really has it is seen when it is used.
    fn existing(&self, id: ContentId) -> Arc<ChunkContent> {
        let mut open = self.0.open.lock();
        if let Some(content) = open.get(&id).and_then(Weak::upgrade) {
            return content;
        }
        let content = Arc::new(ChunkContent::new(id, false, self.0.clone()));
        open.insert(id, Arc::downgrade(&content));
        content
    }

    /// A private copy of the first `size_bytes` bytes.
    fn copy(&self, from: &ChunkContent, size_bytes: u64) -> Result<Arc<ChunkContent>> {
        let to = self.insert(ContentId(self.0.database.new_content()), true);
        let mut buffer = Vec::new();
        let mut at = 0;
        while let Some((start, end)) = from.next_data(at)?.filter(|(start, _)| *start < size_bytes)
        {
            let end = end.min(size_bytes);
            at = start;
            while at < end {
                buffer.resize((end - at).min(COPY_BYTES) as usize, 0);
                from.read_at(&mut buffer, at)?;
                to.write_at(&buffer, at)?;
                at += buffer.len() as u64;
            }
        }
        Ok(to)
    }
}

impl ContentStore for ChunkStore {
    fn create(&self) -> Result<Arc<dyn Content>> {
        Ok(self.insert(ContentId(self.0.database.new_content()), true))
    }

    fn open(&self, content: ContentId) -> Result<Arc<dyn Content>> {
        Ok(self.existing(content))
    }

    fn writable(
        &self,
        content: ContentId,
        size_bytes: u64,
        shared: bool,
    ) -> Result<Arc<dyn Content>> {
        let existing = self.existing(content);
        // Nothing is added to a content that is not there.
        existing.allocated()?;
        Ok(if shared {
            self.copy(&existing, size_bytes)?
        } else {
            existing
        })
    }

    fn looks_before_reaping(&self) -> bool {
        true
    }

    fn reap(&self, content: ContentId) -> Result<()> {
        self.0.unnamed.lock().push(content);
        self.0.database.wake_keeper();
        Ok(())
    }

    fn max_size_bytes(&self) -> u64 {
        self.0.layout.max_bytes()
    }
}

impl CatalogContent for ChunkStore {
    fn flush(&self, db: &Connection, content: ContentId, named: i64) -> Result<Option<u64>> {
        self.find(content)
            .map_or(Ok(None), |content| content.flush(db, named))
    }

    fn committed(&self, content: ContentId, mark: u64) {
        if let Some(content) = self.find(content) {
            content.committed(mark);
        }
    }

    fn reclaim_some(&self) -> Result<bool> {
        self.0.reclaim_some()
    }

    fn outside_bytes(&self, _db: &Connection) -> Result<u64> {
        Ok(0)
    }

    fn sync_outside(&self) -> Result<()> {
        Ok(())
    }

    fn first_new(&self) -> Option<u64> {
        None
    }

    fn outside_counts(&self) -> Result<OutsideCounts> {
        Ok(OutsideCounts::default())
    }

    fn check(&self, it: &mut Inspection<'_>) -> Result<()> {
        maintenance::check(self.0.layout, it)
    }

    fn backup(&self, to: &Path, control: &Control) -> Result<()> {
        maintenance::backup(&self.0.database, to, control)
    }

    fn collect(&self, _grace_seconds: u64, _control: &Control) -> Result<Reclaimed> {
        // Everything is in the one file.
        Ok(Reclaimed::default())
    }
}

/// Removes a limited number of chunks of contents nobody names; answers how many contents are done with.
fn remove_some(db: &Connection, layout: Layout, contents: &[ContentId]) -> Result<usize> {
    let mut left = REAP_CHUNKS;
    let mut done = 0;
    // What came together goes together: numbers that follow one another are one range of rows.
    for run in contents.chunk_by(|a, b| a.0.checked_add(1) == Some(b.0)) {
        for part in run.chunks(REAP_CHUNKS) {
            let nobody_names_any = unnamed(db, part)?;
            for range in part.chunks(if nobody_names_any { part.len() } else { 1 }) {
                if left == 0 {
                    return Ok(done);
                }
                if nobody_names_any || unnamed(db, range)? {
                    let removed = remove_range(db, layout, range, left)?;
                    if removed == left {
                        // Perhaps not all: once more next time.
                        return Ok(done);
                    }
                    left -= removed.max(1);
                }
                done += range.len();
            }
        }
    }
    Ok(done)
}

/// First and last of contents whose numbers follow one another.
fn ends(range: &[ContentId]) -> (ContentId, ContentId) {
    let first = range.first().copied().unwrap_or_default();
    (first, range.last().copied().unwrap_or_default())
}

/// Does no node name any of these contents? (Some may never have been stored. One whose row is not what was written stays.)
fn unnamed(db: &Connection, range: &[ContentId]) -> Result<bool> {
    let (first, last) = ends(range);
    db.prepare_cached(
        "SELECT NOT EXISTS (SELECT 1 FROM content WHERE id BETWEEN ?1 AND ?2 AND (refs <> 0 OR sum <> 31 * id + 7 * stored))",
    )
    .and_then(|mut select| {
        select.query_row((first.0.cast_signed(), last.0.cast_signed()), |row| {
            row.get(0)
        })
    })
    .map_err(|error| from_sql(error, "reap"))
}

/// Removes at most `limit` chunks of these contents and, when there are no more, what is known of them; answers how many chunks.
fn remove_range(
    db: &Connection,
    layout: Layout,
    range: &[ContentId],
    limit: usize,
) -> Result<usize> {
    let (first, last) = ends(range);
    let removed = layout.remove_some(db, (first, last), limit)?;
    if removed < limit {
        db.prepare_cached("DELETE FROM content WHERE id BETWEEN ?1 AND ?2 AND refs = 0")
            .and_then(|mut delete| delete.execute((first.0.cast_signed(), last.0.cast_signed())))
            .map_err(|error| from_sql(error, "reap"))?;
    }
    Ok(removed)
}

const _: () = assert!(
    INDEX_MAX < u32::MAX,
    "one past the last chunk must not overflow"
);
