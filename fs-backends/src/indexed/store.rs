//! The contents of a store: blob first, index second; removed in the other order.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use fs_core::maintenance::Reclaimed;
use fs_core::{Control, ErrorKind, Result};
use parking_lot::Mutex;
use rusqlite::Connection;

use super::blocks::Blocks;
use super::content::{BlobContent, Seal};
use super::folder::BlobFolder;
use super::maintenance;
use super::name::BlobName;
use super::records::StoreKey;
use crate::catalog::{
    CatalogContent, Database, Durability, Inspection, OutsideCounts, RowSum, Sums, Table,
    change_content, content_row, corrupted, from_sql,
};
use crate::virtual_fs::{Content, ContentId, ContentStore};

/// Blobs removed in one transaction.
const BATCH: usize = 256;
/// A blob the index does not know is removed when it is older than this: perhaps an older index was put back, and the newer one will be.
const GRACE_SECONDS: u64 = 24 * 60 * 60;

/// What all open contents of a store share.
pub(super) struct Shared {
    pub(super) database: Arc<Database>,
    pub(super) folder: BlobFolder,
    /// Of the blobs of an encrypted store.
    pub(super) key: Option<StoreKey>,
    open: Mutex<HashMap<ContentId, Weak<BlobContent>>>,
    /// Blobs the index does not know yet.
    fresh: Mutex<HashMap<ContentId, BlobName>>,
    unsealed: Mutex<VecDeque<ContentId>>,
    unnamed: Mutex<VecDeque<ContentId>>,
    /// Blobs the index has forgotten.
    dead: Mutex<VecDeque<BlobName>>,
    swept: AtomicBool,
    /// So many backups need all files to stay.
    held: AtomicUsize,
}

impl Shared {
    /// Is it a blob that the index will know soon?
    pub(super) fn is_fresh(&self, name: &BlobName) -> bool {
        self.fresh.lock().values().any(|fresh| fresh == name)
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

/// Content in blob files, named in the index.
pub struct BlobStore(Arc<Shared>);

impl BlobStore {
    /// The blobs in `folder`. What a crash left behind is removed in the background.
    pub(super) fn new(database: Arc<Database>, folder: BlobFolder) -> Result<Self> {
        let key = database.meta().blob_key.as_ref().map(StoreKey::new);
        let (unsealed, unnamed, dead) = database.read(|db| {
            Ok((
                contents(db, "SELECT content FROM blob WHERE sealed = 0")?,
                contents(db, "SELECT id FROM content WHERE refs = 0")?,
                dead_blobs(db, database.sums())?,
            ))
        })?;
        Ok(Self(Arc::new(Shared {
            database,
            folder,
            key,
            open: Mutex::default(),
            fresh: Mutex::default(),
            unsealed: Mutex::new(unsealed),
            unnamed: Mutex::new(unnamed),
            dead: Mutex::new(dead),
            swept: AtomicBool::new(false),
            held: AtomicUsize::new(0),
        })))
    }

    fn find(&self, id: ContentId) -> Option<Arc<BlobContent>> {
        self.0.open.lock().get(&id).and_then(Weak::upgrade)
    }

    fn insert(&self, id: ContentId, content: BlobContent) -> Arc<BlobContent> {
        let content = Arc::new(content);
        self.0.open.lock().insert(id, Arc::downgrade(&content));
        content
    }

    fn new_blob(&self) -> Result<Arc<BlobContent>> {
        let id = ContentId(self.0.database.new_content());
        // Known as new before there is a file that could be taken for a leftover.
        let name = BlobName::new();
        self.0.fresh.lock().insert(id, name.clone());
        match BlobContent::create(id, self.0.clone(), name) {
            Ok(content) => Ok(self.insert(id, content)),
            Err(error) => {
                self.0.fresh.lock().remove(&id);
                Err(error)
            }
        }
    }

    fn existing(&self, id: ContentId) -> Result<Arc<BlobContent>> {
        if let Some(content) = self.find(id) {
            return Ok(content);
        }
        let (name, sealed, known_bytes) = self
            .0
            .database
            .read(|db| row(db, id, self.0.database.sums()))?;
        let content = BlobContent::open(id, self.0.clone(), name, sealed, known_bytes)?;
        Ok(self.insert(id, content))
    }

    /// Seals one content that nobody writes any more, and tells the index. `true`: there may be more.
    pub(super) fn seal_some(&self) -> Result<bool> {
        let Some(id) = self.0.unsealed.lock().pop_front() else {
            return Ok(false);
        };
        // Gone or damaged: whoever reads it is told.
        let Ok(content) = self.existing(id) else {
            return Ok(true);
        };
        // The lock goes before the index is told: whoever writes takes the two in the other order.
        let sealed = {
            let mut state = content.state();
            match content.seal(&mut state) {
                Ok(now) => state.sealed.clone().filter(|_| now),
                // Another thread removed it since: nobody names it.
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            }
        };
        if let Some(seal) = sealed {
            self.0.database.write_early(|db| {
                // Perhaps nobody names it any more, and it is forgotten.
                match row(db, id, self.0.database.sums()) {
                    Ok(_) => self.tell(db, &content, seal.size_bytes, Some(&seal)),
                    Err(error) if error.kind() == ErrorKind::Corrupted => Ok(()),
                    Err(error) => Err(error),
                }
            })?;
        }
        Ok(true)
    }

    fn tell(
        &self,
        db: &Connection,
        blob: &BlobContent,
        size_bytes: u64,
        seal: Option<&Seal>,
    ) -> Result<()> {
        let sums = self.0.database.sums();
        put_row(db, blob.id(), blob.name(), size_bytes, seal, sums)
    }

    /// Lets the index forget contents nobody names. `true`: there was something to do.
    fn forget_some(&self) -> Result<bool> {
        let taken: Vec<ContentId> = take(&self.0.unnamed);
        if taken.is_empty() {
            return Ok(false);
        }
        let dead = self.0.database.write_early(|db| {
            taken
                .iter()
                .map(|&id| bury(db, id, self.0.database.sums()))
                .collect::<Result<Vec<_>>>()
        });
        match dead {
            Ok(dead) => self.0.dead.lock().extend(dead.into_iter().flatten()),
            Err(error) => {
                self.0.unnamed.lock().extend(taken);
                return Err(error);
            }
        }
        Ok(true)
    }

    /// Removes the files of blobs the index has forgotten for good. `true`: there was something to do.
    fn remove_some(&self) -> Result<bool> {
        if self.0.held.load(Ordering::Acquire) > 0 {
            return Ok(false);
        }
        let taken: Vec<BlobName> = take(&self.0.dead);
        if taken.is_empty() {
            return Ok(false);
        }
        let removed = self
            .sync_outside()
            .and_then(|()| self.0.database.barrier())
            .and_then(|()| {
                taken
                    .iter()
                    .try_for_each(|name| self.0.folder.remove(name))?;
                self.0.database.write_early(|db| {
                    let mut delete = db
                        .prepare_cached("DELETE FROM dead_blob WHERE name = ?1")
                        .map_err(|error| from_sql(error, "reap"))?;
                    taken.iter().try_for_each(|name| {
                        delete
                            .execute([name.sealed()])
                            .map(drop)
                            .map_err(|error| from_sql(error, "reap"))
                    })
                })
            });
        if let Err(error) = removed {
            self.0.dead.lock().extend(taken);
            return Err(error);
        }
        Ok(true)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0
    }

    /// While the answer lives, no blob file is removed.
    pub(super) fn hold_files(&self) -> impl Drop + use<> {
        self.0.held.fetch_add(1, Ordering::AcqRel);
        FilesHeld(self.0.clone())
    }
}

/// See [`BlobStore::hold_files`].
struct FilesHeld(Arc<Shared>);

impl Drop for FilesHeld {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::AcqRel);
        self.0.database.wake_keeper();
    }
}

fn take<T>(queue: &Mutex<VecDeque<T>>) -> Vec<T> {
    let mut queue = queue.lock();
    let count = queue.len().min(BATCH);
    queue.drain(..count).collect()
}

fn column<T: rusqlite::types::FromSql>(db: &Connection, select: &str) -> Result<Vec<T>> {
    let sql = |error| from_sql(error, "open");
    let mut select = db.prepare(select).map_err(sql)?;
    let rows = select.query_map([], |row| row.get(0)).map_err(sql)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sql)
}

fn contents(db: &Connection, select: &str) -> Result<VecDeque<ContentId>> {
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
fn put_row(
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
fn bury(db: &Connection, id: ContentId, sums: &Sums) -> Result<Option<BlobName>> {
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

impl ContentStore for BlobStore {
    fn create(&self) -> Result<Arc<dyn Content>> {
        Ok(self.new_blob()?)
    }

    fn open(&self, content: ContentId) -> Result<Arc<dyn Content>> {
        Ok(self.existing(content)?)
    }

    fn writable(
        &self,
        content: ContentId,
        size_bytes: u64,
        shared: bool,
    ) -> Result<Arc<dyn Content>> {
        let existing = self.existing(content)?;
        let mut state = existing.state();
        if !shared && state.sealed.is_none() {
            state.writing = true;
            drop(state);
            return Ok(existing);
        }
        drop(state);
        let copy = self.new_blob()?;
        existing.copy_to(&copy, size_bytes)?;
        Ok(copy)
    }

    fn publish(&self, contents: &[ContentId]) -> Result<()> {
        for content in contents.iter().filter_map(|&id| self.find(id)) {
            let mut state = content.state();
            state.writing = false;
            content.seal(&mut state)?;
        }
        match self.0.database.durability() {
            Durability::EachCall => self.0.folder.sync(),
            Durability::OnSync => Ok(()),
        }
    }

    fn settle(&self, content: ContentId) -> Result<()> {
        if let Some(content) = self.find(content) {
            content.state().writing = false;
        }
        self.0.unsealed.lock().push_back(content);
        self.0.database.wake_keeper();
        Ok(())
    }

    fn reap(&self, content: ContentId) -> Result<()> {
        if let Some(name) = self.0.fresh.lock().remove(&content) {
            // A file that a crash may yet name stays, and is swept as a leftover.
            if self.0.database.is_in_doubt() {
                return Ok(());
            }
            return self.0.folder.remove(&name);
        }
        self.0.unnamed.lock().push_back(content);
        self.0.database.wake_keeper();
        Ok(())
    }
}

impl CatalogContent for BlobStore {
    fn flush(&self, db: &Connection, content: ContentId, named: i64) -> Result<Option<u64>> {
        let Some(open) = self.find(content) else {
            return Ok(None);
        };
        let seal = open.state().sealed.clone();
        let size = match &seal {
            Some(seal) => seal.size_bytes,
            None => open.length()?,
        };
        self.tell(db, &open, size, seal.as_ref())?;
        if named != 0 {
            change_content(db, content, named, 0, self.0.database.sums())?;
        }
        Ok(Some(0))
    }

    fn committed(&self, content: ContentId, _mark: u64) {
        self.0.fresh.lock().remove(&content);
    }

    fn reap_some(&self) -> Result<bool> {
        if !self.0.swept.swap(true, Ordering::Relaxed) {
            self.sweep(GRACE_SECONDS, &Control::new())?;
        }
        Ok(self.seal_some()? || self.forget_some()? || self.remove_some()?)
    }

    fn outside_bytes(&self, db: &Connection) -> Result<u64> {
        db.prepare_cached("SELECT coalesce(sum(size), 0) FROM blob JOIN content ON content.id = blob.content WHERE refs > 0")
            .and_then(|mut select| select.query_row([], |row| row.get::<_, i64>(0)))
            .map(|bytes| bytes.max(0).cast_unsigned())
            .map_err(|error| from_sql(error, "space"))
    }

    fn sync_outside(&self) -> Result<()> {
        self.0.folder.sync()
    }

    fn outside_counts(&self) -> Result<OutsideCounts> {
        self.0.database.read(|db| {
            let select = "SELECT count(*), coalesce(sum(size), 0) FROM blob";
            let (blobs, bytes): (i64, i64) = db
                .query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?)))
                .map_err(|error| from_sql(error, "info"))?;
            Ok(OutsideCounts {
                blobs: blobs.max(0).cast_unsigned(),
                bytes: bytes.max(0).cast_unsigned(),
            })
        })
    }

    fn check(&self, it: &mut Inspection<'_>) -> Result<()> {
        maintenance::check(&self.0, it)
    }

    fn backup(&self, to: &Path, control: &Control) -> Result<()> {
        self.copy_store(to, control)
    }

    fn collect(&self, grace_seconds: u64, control: &Control) -> Result<Reclaimed> {
        self.collect_files(grace_seconds, control)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Format, OpenRequest, Secret};
    use crate::indexed::{BLOBS, INDEX, IndexedBackend};

    /// Two threads reap at the same time: one is about to seal what the other removes.
    #[test]
    fn a_blob_removed_before_it_is_sealed_is_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        drop(IndexedBackend::create(&path).unwrap());
        let database = Database::open(&OpenRequest {
            path: &path.join(INDEX),
            format: Format::Index,
            secret: Secret::None,
            durability: Durability::OnSync,
            read_only: false,
        });
        // Without a keeper that would be a third one.
        let folder = BlobFolder::open(&path.join(BLOBS)).unwrap();
        let store = BlobStore::new(Arc::new(database.unwrap()), folder).unwrap();
        let blob = store.new_blob().unwrap();
        blob.state().writing = false;
        store.0.unsealed.lock().push_back(blob.id());
        store.0.folder.remove(blob.name()).unwrap();
        assert!(store.seal_some().unwrap());
        assert!(!store.seal_some().unwrap());
    }
}
