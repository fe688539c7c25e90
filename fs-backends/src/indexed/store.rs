//! The contents of a store: blob first, index second; removed in the other order.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use fs_core::maintenance::Reclaimed;
use fs_core::{Control, ErrorKind, Result};
use parking_lot::Mutex;
use rusqlite::Connection;

use super::content::{BlobContent, Seal};
use super::folder::BlobFolder;
use super::maintenance;
use super::name::BlobName;
use super::records::{StoreKey, content_that_fits};
use super::rows::{bury, contents, dead_blobs, put_row, row};
use crate::catalog::{
    CatalogContent, Database, Durability, Inspection, OutsideCounts, change_content, from_sql,
};
use crate::virtual_fs::{Content, ContentId, ContentStore};

#[cfg(test)]
mod tests;

/// Blobs removed in one transaction.
const BATCH: usize = 256;
/// Bytes sealed before the index is told.
const SEALED_BYTES: u64 = 64 << 20;
/// A blob the index does not know is removed when it is older than this: perhaps an older index was put back, and the newer one will be.
const GRACE_SECONDS: u64 = 24 * 60 * 60;

/// What all open contents of a store share.
pub(super) struct Shared {
    pub(super) database: Arc<Database>,
    pub(super) folder: BlobFolder,
    /// Of the blobs of an encrypted store.
    pub(super) key: Option<StoreKey>,
    /// Of content in one of its files.
    max_bytes: u64,
    open: Mutex<HashMap<ContentId, Weak<BlobContent>>>,
    /// Held while a blob is opened that is not sealed.
    opening: Mutex<()>,
    /// Blobs the index does not know yet.
    fresh: Mutex<HashMap<ContentId, BlobName>>,
    unsealed: Mutex<VecDeque<ContentId>>,
    unnamed: Mutex<VecDeque<ContentId>>,
    /// Blobs the index has forgotten.
    dead: Mutex<VecDeque<BlobName>>,
    /// Held while they are removed: who needs the room waits for it.
    reclaiming: Mutex<()>,
    swept: AtomicBool,
    /// So many backups need all files to stay.
    held: AtomicUsize,
}

impl Shared {
    /// Is it a blob that the index will know soon?
    pub(super) fn is_fresh(&self, name: &BlobName) -> bool {
        self.fresh.lock().values().any(|fresh| fresh == name)
    }

    /// Is it a content that no transaction has named yet?
    pub(super) fn is_new(&self, id: ContentId) -> bool {
        self.fresh.lock().contains_key(&id)
    }

    /// Removes a little of what nobody names any more; `true`: there is more.
    pub(super) fn reclaim_some(&self) -> Result<bool> {
        let _reclaiming = self.reclaiming.lock();
        Ok(self.forget_some()? || self.remove_some()?)
    }

    /// To be called before a blob grows.
    pub(super) fn make_room(&self) {
        self.database.make_room(|| self.reclaim_some());
    }

    /// Lets the index forget contents nobody names. `true`: there was something to do.
    fn forget_some(&self) -> Result<bool> {
        let taken: Vec<ContentId> = take(&self.unnamed);
        if taken.is_empty() {
            return Ok(false);
        }
        let dead = self.database.write_early(|db| {
            taken
                .iter()
                .map(|&id| bury(db, id, self.database.sums()))
                .collect::<Result<Vec<_>>>()
        });
        match dead {
            Ok(dead) => self.dead.lock().extend(dead.into_iter().flatten()),
            Err(error) => {
                self.unnamed.lock().extend(taken);
                return Err(error);
            }
        }
        Ok(true)
    }

    /// Removes the files of blobs the index has forgotten for good. `true`: there was something to do.
    fn remove_some(&self) -> Result<bool> {
        if self.held.load(Ordering::Acquire) > 0 {
            return Ok(false);
        }
        let taken: Vec<BlobName> = take(&self.dead);
        if taken.is_empty() {
            return Ok(false);
        }
        let removed = self
            .folder
            .sync()
            .and_then(|()| self.database.barrier())
            .and_then(|()| {
                taken.iter().try_for_each(|name| self.folder.remove(name))?;
                self.database.write_early(|db| {
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
            self.dead.lock().extend(taken);
            return Err(error);
        }
        Ok(true)
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
        let max_bytes = match &key {
            Some(_) => content_that_fits(folder.max_file_bytes()),
            None => folder.max_file_bytes(),
        };
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
            max_bytes,
            open: Mutex::default(),
            opening: Mutex::default(),
            fresh: Mutex::default(),
            unsealed: Mutex::new(unsealed),
            unnamed: Mutex::new(unnamed),
            dead: Mutex::new(dead),
            reclaiming: Mutex::default(),
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
        let name = BlobName::new();
        // Known as new before there is a file that could be taken for a leftover, and from the moment it has its number.
        let mut fresh = self.0.fresh.lock();
        let id = ContentId(self.0.database.new_content());
        fresh.insert(id, name.clone());
        drop(fresh);
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
        let known = || {
            let database = &self.0.database;
            database.read(|db| row(db, id, database.sums()))
        };
        let (mut name, mut sealed, mut known_bytes) = known()?;
        // A blob that is not sealed is opened once: what one thread puts right after a kill, and then seals, another must not put right as well.
        let turn = sealed.is_none().then(|| self.0.opening.lock());
        if turn.is_some() {
            if let Some(content) = self.find(id) {
                return Ok(content);
            }
            (name, sealed, known_bytes) = known()?;
        }
        let content = BlobContent::open(id, self.0.clone(), name, sealed, known_bytes)?;
        Ok(self.insert(id, content))
    }

    /// Seals some contents that nobody writes any more, and tells the index when they are durable. `true`: there may be more.
    pub(super) fn seal_some(&self) -> Result<bool> {
        let (mut sealed, mut bytes, mut failed) = (Vec::new(), 0, None);
        while sealed.len() < BATCH && bytes < SEALED_BYTES {
            let Some(id) = self.0.unsealed.lock().pop_front() else {
                break;
            };
            // Gone or damaged: whoever reads it is told.
            let Ok(content) = self.existing(id) else {
                continue;
            };
            // The lock goes before the index is told: whoever writes takes the two in the other order.
            let mut state = content.state();
            let seal = match content.seal(&mut state) {
                Ok(now) => state.sealed.clone().filter(|_| now),
                // Another thread removed it since: nobody names it.
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            drop(state);
            if let Some(seal) = seal {
                bytes += seal.size_bytes;
                sealed.push((content, seal));
            }
        }
        let told = self.tell_sealed(&sealed);
        match failed {
            Some(error) => Err(error),
            None => told.map(|()| !sealed.is_empty()),
        }
    }

    /// Tells the index of complete contents.
    fn tell_sealed(&self, sealed: &[(Arc<BlobContent>, Seal)]) -> Result<()> {
        if sealed.is_empty() {
            return Ok(());
        }
        // A hash that the disk has without the bytes would make of a file that was written to one that is damaged.
        self.sync_outside()?;
        self.0.database.write_early(|db| {
            for (content, seal) in sealed {
                // Perhaps nobody names it any more, and it is forgotten.
                match row(db, content.id(), self.0.database.sums()) {
                    Ok(_) => self.tell(db, content, seal.size_bytes, Some(seal))?,
                    Err(error) if error.kind() == ErrorKind::Corrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
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
        self.0.make_room();
        if let Err(error) = existing.copy_to(&copy, size_bytes) {
            // A file that stays is found as a leftover.
            self.reap(copy.id()).unwrap_or_default();
            return Err(error);
        }
        Ok(copy)
    }

    fn publish(&self, contents: &[ContentId]) -> Result<()> {
        let mut known = false;
        for content in contents.iter().filter_map(|&id| self.find(id)) {
            let mut state = content.state();
            state.writing = false;
            let sealed = content.seal(&mut state)?;
            known |= sealed && !self.0.is_new(content.id());
        }
        match self.0.database.durability() {
            Durability::EachCall => self.0.folder.sync(),
            // Whether one the index knows already is whole is not looked at after a crash.
            Durability::OnSync if known => self.0.folder.sync(),
            Durability::OnSync => Ok(()),
        }
    }

    fn max_size_bytes(&self) -> u64 {
        self.0.max_bytes
    }

    fn cuts_late(&self) -> bool {
        true
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

    fn finish_some(&self) -> Result<bool> {
        self.seal_some()
    }

    fn reclaim_some(&self) -> Result<bool> {
        self.0.reclaim_some()
    }

    fn reap_some(&self) -> Result<bool> {
        if !self.0.swept.swap(true, Ordering::Relaxed) {
            self.sweep(GRACE_SECONDS, &Control::new())?;
        }
        Ok(self.finish_some()? || self.reclaim_some()?)
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

    fn first_new(&self) -> Option<u64> {
        let fresh = self.0.fresh.lock();
        let next = self.0.database.next_content();
        let first = fresh.keys().map(|id| id.0).min().unwrap_or(next);
        Some(first.min(next))
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
