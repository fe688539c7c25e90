//! All bytes of a memory filesystem, by content id, with one limit over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::HashSet;
use fs_core::{Error, ErrorKind, Result};
use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use parking_lot::{Mutex, RwLock};

use super::bytes::Bytes;
use super::snapshots::Kept;
use crate::virtual_fs::{Content, ContentId, ContentStore};

/// Ids are counted for the whole process, so that those of a filesystem and of its snapshots never collide when one is restored from the other.
static NEXT_CONTENT: AtomicU64 = AtomicU64::new(1);

pub(super) fn new_content_id() -> ContentId {
    ContentId(NEXT_CONTENT.fetch_add(1, Ordering::Relaxed))
}

/// One content: its bytes and how many nodes name it.
#[derive(Clone, Default)]
pub(super) struct Held {
    pub(super) references: u64,
    pub(super) bytes: Bytes,
}

/// Equal where all is shared.
impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.references == other.references && self.bytes.is_same(&other.bytes)
    }
}

/// The bytes of a content before and after.
pub(super) type ContentChange<'a> = (ContentId, Option<&'a Bytes>, Option<&'a Bytes>);

/// The persistent half: what a snapshot shares.
#[derive(Clone, Default)]
pub(super) struct Contents {
    held: OrdMap<ContentId, Held>,
    used_bytes: u64,
    /// Those no node names: staged, or open and unlinked. A snapshot leaves them out.
    orphans: HashSet<ContentId>,
}

impl Contents {
    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    pub(super) fn get(&self, id: ContentId) -> Option<&Held> {
        self.held.get(&id)
    }

    /// Which contents are others in `new`; what both share is passed over.
    pub(super) fn diff<'a>(&'a self, new: &'a Self) -> impl Iterator<Item = ContentChange<'a>> {
        self.held.diff(&new.held).map(|item| match item {
            DiffItem::Add(id, held) => (*id, None, Some(&held.bytes)),
            DiffItem::Remove(id, held) => (*id, Some(&held.bytes), None),
            DiffItem::Update { old, new } => (*old.0, Some(&old.1.bytes), Some(&new.1.bytes)),
        })
    }

    /// A copy without orphans; the cost is theirs alone.
    pub(super) fn snapshot(&self) -> Self {
        let mut copy = Self {
            held: self.held.clone(),
            used_bytes: self.used_bytes,
            orphans: HashSet::default(),
        };
        self.orphans.iter().for_each(|id| copy.remove(*id));
        copy
    }

    /// Keeps what is open now and missing (as an orphan) when a snapshot takes this one's place.
    pub(super) fn adopt_open(&mut self, before: &Self, open: &[ContentId]) {
        for id in open {
            if let (None, Some(held)) = (self.held.get(id), before.held.get(id)) {
                self.insert(*id, held.bytes.clone());
            }
        }
    }

    pub(super) fn insert(&mut self, id: ContentId, bytes: Bytes) {
        self.used_bytes += bytes.allocated();
        self.orphans.insert(id);
        self.held.insert(
            id,
            Held {
                references: 0,
                bytes,
            },
        );
    }

    /// Changes content, which is made when it is missing; for the reader of a saved file.
    pub(super) fn load(&mut self, id: ContentId, change: impl FnOnce(&mut Held)) {
        let held = self.held.entry(id).or_default();
        let before = held.bytes.allocated();
        change(held);
        self.used_bytes = self.used_bytes - before + held.bytes.allocated();
    }

    pub(super) fn remove(&mut self, id: ContentId) {
        if let Some(held) = self.held.remove(&id) {
            self.used_bytes -= held.bytes.allocated();
        }
        self.orphans.remove(&id);
    }

    pub(super) fn refer(&mut self, id: ContentId, change: i64) -> Result<u64> {
        let held = self.held.get_mut(&id).ok_or_else(gone)?;
        held.references = held.references.saturating_add_signed(change);
        if held.references == 0 {
            self.orphans.insert(id);
        } else {
            self.orphans.remove(&id);
        }
        Ok(held.references)
    }
}

/// The store of bytes: [`Contents`] behind a lock, and a limit.
pub struct MemoryContent(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) contents: RwLock<Contents>,
    /// Taken after `contents`.
    pub(super) kept: Mutex<Kept>,
    /// Taken last.
    pub(super) limits: Mutex<Limits>,
}

/// What the content may take, in bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Limits {
    /// Given to this filesystem, and saved with it.
    pub(super) own_bytes: Option<u64>,
    /// Holds when none was given.
    pub(super) machine_bytes: Option<u64>,
}

impl Limits {
    pub(super) fn bytes(self) -> Option<u64> {
        self.own_bytes.or(self.machine_bytes)
    }
}

impl ContentStore for MemoryContent {
    fn create(&self) -> Result<Arc<dyn Content>> {
        let id = new_content_id();
        self.0.contents.write().insert(id, Bytes::default());
        self.open(id)
    }

    fn open(&self, id: ContentId) -> Result<Arc<dyn Content>> {
        Ok(Arc::new(OpenContent {
            id,
            shared: Arc::clone(&self.0),
        }))
    }

    fn writable(&self, id: ContentId, size_bytes: u64, shared: bool) -> Result<Arc<dyn Content>> {
        if !shared {
            return self.open(id);
        }
        let mut contents = self.0.contents.write();
        let mut bytes = contents.get(id).ok_or_else(gone)?.bytes.clone();
        bytes.truncate(size_bytes);
        self.0.check_limit(&contents, bytes.allocated())?;
        let copy = new_content_id();
        contents.insert(copy, bytes);
        drop(contents);
        self.open(copy)
    }

    fn reap(&self, id: ContentId) -> Result<()> {
        let mut contents = self.0.contents.write();
        let freed_bytes = contents.get(id).map_or(0, |held| held.bytes.allocated());
        self.0.kept.lock().left_behind(freed_bytes);
        contents.remove(id);
        Ok(())
    }
}

impl Shared {
    pub(super) fn new(contents: Contents, kept: Kept, limits: Limits) -> Self {
        Self {
            contents: RwLock::new(contents),
            kept: Mutex::new(kept),
            limits: Mutex::new(limits),
        }
    }

    /// Is there room for `more_bytes`, beside what snapshots keep?
    fn check_limit(&self, contents: &Contents, more_bytes: u64) -> Result<()> {
        let limit = self.limits.lock().bytes();
        let Some(limit) = limit.filter(|_| more_bytes > 0) else {
            return Ok(());
        };
        let wanted = contents.used_bytes.saturating_add(more_bytes);
        let mut kept = self.kept.lock();
        if wanted.saturating_add(kept.at_most_bytes()) <= limit
            || wanted <= limit && wanted.saturating_add(kept.bytes(contents)) <= limit
        {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NoSpace, "write"))
    }
}

struct OpenContent {
    id: ContentId,
    shared: Arc<Shared>,
}

impl OpenContent {
    fn read<T>(&self, f: impl FnOnce(&Bytes) -> T) -> Result<T> {
        let contents = self.shared.contents.read();
        Ok(f(&contents.get(self.id).ok_or_else(gone)?.bytes))
    }

    /// Changes the bytes in `[offset, end)` after `growth` of them was found to fit.
    fn change(
        &self,
        (offset, end): (u64, u64),
        growth: impl FnOnce(&Bytes) -> u64,
        f: impl FnOnce(&mut Bytes),
    ) -> Result<()> {
        let mut contents = self.shared.contents.write();
        let bytes = &contents.get(self.id).ok_or_else(gone)?.bytes;
        let more_bytes = growth(bytes);
        self.shared.check_limit(&contents, more_bytes)?;
        let mut kept = self.shared.kept.lock();
        if kept.is_any() {
            kept.left_behind(bytes.touched(offset, end));
        }
        drop(kept);
        let bytes = &mut contents.held.get_mut(&self.id).ok_or_else(gone)?.bytes;
        let before = bytes.allocated();
        f(bytes);
        let after = bytes.allocated();
        contents.used_bytes = contents.used_bytes - before + after;
        Ok(())
    }
}

impl Content for OpenContent {
    fn id(&self) -> ContentId {
        self.id
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<()> {
        self.read(|bytes| bytes.read(into, offset))
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        self.change(
            (offset, offset.saturating_add(from.len() as u64)),
            |bytes| bytes.growth(offset, from.len()),
            |bytes| bytes.write(from, offset),
        )
    }

    fn truncate(&self, len_bytes: u64) -> Result<()> {
        self.change(
            (len_bytes, u64::MAX),
            |_| 0,
            |bytes| bytes.truncate(len_bytes),
        )
    }

    fn punch_hole(&self, offset: u64, len_bytes: u64) -> Result<()> {
        let end = offset.saturating_add(len_bytes);
        self.change((offset, end), |_| 0, |bytes| bytes.punch(offset, len_bytes))
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        self.read(|bytes| bytes.next_data(offset))
    }

    fn allocated(&self) -> Result<u64> {
        self.read(Bytes::allocated)
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Corrupted, "content").with_detail("content is missing")
}
