//! One state for all handles of a file, and who holds which content.
//!
//! All handles and pins of a file share one [`OpenFile`]. It is *attached* while the store has a node for it that names its content. It becomes
//! detached when the last name goes or a staged file replaces the content; then it lives in memory alone, on content nobody names, until the last
//! handle closes. A staged file is a detached one from the start.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use fs_core::{Error, ErrorKind, Result, SetAttr, Time};
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Shared;
use super::resolve::fail;
use super::rules::apply;
use super::store::{Content, ContentId, ContentStore as _, Inode, NodeRecord, NodeStore};

/// The tables of open files and held content.
pub(super) struct OpenFiles<S: NodeStore> {
    files: Mutex<HashMap<Inode, Weak<OpenFile<S>>>>,
    held: Mutex<HashMap<ContentId, Holders>>,
}

impl<S: NodeStore> Default for OpenFiles<S> {
    fn default() -> Self {
        Self {
            files: Mutex::default(),
            held: Mutex::default(),
        }
    }
}

#[derive(Default)]
struct Holders {
    count: usize,
    /// No node names it: to be reaped when the last holder lets go.
    orphan: bool,
}

impl<S: NodeStore> OpenFiles<S> {
    /// Notes that no node names `content` (or that one does again). `true`: nobody holds it either, reap it now.
    pub(super) fn set_orphan(&self, content: ContentId, orphan: bool) -> bool {
        match self.held.lock().get_mut(&content) {
            Some(holders) => {
                holders.orphan = orphan;
                false
            }
            None => orphan,
        }
    }

    /// A node was removed: its open file goes on without it.
    pub(super) fn detach(&self, ino: Inode, record: &NodeRecord) {
        let file = self.files.lock().get(&ino).and_then(Weak::upgrade);
        if let Some(file) = file {
            let mut state = file.state.write();
            if state.attached {
                state.detach(record.clone());
            }
        }
    }

    /// The contents that are held.
    pub(super) fn held_contents(&self) -> Vec<ContentId> {
        self.held.lock().keys().copied().collect()
    }

    /// All open files.
    pub(super) fn all(&self) -> Vec<Arc<OpenFile<S>>> {
        self.files
            .lock()
            .values()
            .filter_map(Weak::upgrade)
            .collect()
    }

    fn is_shared(&self, content: ContentId) -> bool {
        self.held
            .lock()
            .get(&content)
            .is_some_and(|holders| holders.count > 1)
    }

    fn get_or_insert(&self, ino: Inode, new: impl FnOnce() -> OpenFile<S>) -> Arc<OpenFile<S>> {
        let mut files = self.files.lock();
        if let Some(file) = files.get(&ino).and_then(Weak::upgrade) {
            return file;
        }
        let file = Arc::new(new());
        files.insert(ino, Arc::downgrade(&file));
        file
    }

    fn insert(&self, file: &Arc<OpenFile<S>>) {
        self.files.lock().insert(file.ino, Arc::downgrade(file));
    }

    /// Forgets that `file` stands for its node, if it does.
    fn forget(&self, file: &OpenFile<S>) {
        let mut files = self.files.lock();
        if files
            .get(&file.ino)
            .is_some_and(|known| std::ptr::eq(known.as_ptr(), file))
        {
            files.remove(&file.ino);
        }
    }
}

/// A held content. While it lives, the content is not reaped.
pub(super) struct Hold<S: NodeStore> {
    shared: Arc<Shared<S>>,
    id: ContentId,
    content: Mutex<Option<Arc<dyn Content>>>,
}

impl<S: NodeStore> Hold<S> {
    /// Holds existing content; opened when it is first needed.
    pub(super) fn existing(shared: &Arc<Shared<S>>, id: ContentId) -> Self {
        Self::new(shared, id, None, false)
    }

    /// Holds content no node names yet.
    fn orphan(shared: &Arc<Shared<S>>, content: Arc<dyn Content>) -> Self {
        Self::new(shared, content.id(), Some(content), true)
    }

    fn new(
        shared: &Arc<Shared<S>>,
        id: ContentId,
        content: Option<Arc<dyn Content>>,
        orphan: bool,
    ) -> Self {
        if !id.is_empty() {
            let mut held = shared.open.held.lock();
            let holders = held.entry(id).or_default();
            holders.count += 1;
            holders.orphan |= orphan;
        }
        Self {
            shared: Arc::clone(shared),
            id,
            content: Mutex::new(content),
        }
    }

    pub(super) fn id(&self) -> ContentId {
        self.id
    }

    /// The content to read; `None` when it is empty.
    fn content(&self) -> Result<Option<Arc<dyn Content>>> {
        if self.id.is_empty() {
            return Ok(None);
        }
        let mut content = self.content.lock();
        if content.is_none() {
            *content = Some(self.shared.store.content().open(self.id)?);
        }
        Ok(content.clone())
    }
}

impl<S: NodeStore> Drop for Hold<S> {
    fn drop(&mut self) {
        if self.id.is_empty() {
            return;
        }
        let mut held = self.shared.open.held.lock();
        let reap = match held.get_mut(&self.id) {
            Some(holders) if holders.count <= 1 => {
                let orphan = holders.orphan;
                held.remove(&self.id);
                orphan
            }
            Some(holders) => {
                holders.count -= 1;
                false
            }
            None => false,
        };
        drop(held);
        if reap {
            *self.content.lock() = None;
            self.shared.reap_content(self.id);
        }
    }
}

/// An open regular file.
pub(super) struct OpenFile<S: NodeStore> {
    shared: Arc<Shared<S>>,
    pub(super) ino: Inode,
    pub(super) state: RwLock<State<S>>,
    writers: AtomicUsize,
}

/// What all handles of a file agree on.
pub(super) struct State<S: NodeStore> {
    /// As it was known last; of an attached file only the size and the content are certain, the rest is in the store.
    pub(super) record: NodeRecord,
    pub(super) attached: bool,
    /// `None` until the file is looked up under its lock.
    hold: Option<Hold<S>>,
    /// The content was prepared for writing in place and is private since.
    writable: bool,
    /// Written since it was last settled.
    dirty: bool,
}

impl<S: NodeStore> State<S> {
    fn detach(&mut self, record: NodeRecord) {
        let (size, content, allocated) =
            (self.record.size, self.record.content, self.record.allocated);
        self.attached = false;
        self.writable = false;
        self.record = NodeRecord {
            nlink: 0,
            size,
            content,
            allocated,
            ..record
        };
    }

    /// Someone else is about to share the content: the next write asks again.
    pub(super) fn share(&mut self) {
        self.writable = false;
    }

    /// The content to read; `None` when there is none.
    pub(super) fn content(&self) -> Result<Option<Arc<dyn Content>>> {
        self.hold.as_ref().map_or(Ok(None), Hold::content)
    }
}

impl<S: NodeStore> Drop for OpenFile<S> {
    fn drop(&mut self) {
        self.shared.open.forget(self);
    }
}

impl<S: NodeStore> Shared<S> {
    /// The open file of a node; `NotFound` when the node is gone.
    pub(super) fn open_file(self: &Arc<Self>, ino: Inode) -> Result<Arc<OpenFile<S>>> {
        let record_now = || self.store.read(|read| read.node(ino));
        loop {
            let Some(record) = record_now()? else {
                return fail(ErrorKind::NotFound);
            };
            let file = self
                .open
                .get_or_insert(ino, || OpenFile::new(self, ino, record, true));
            let mut state = file.state.write();
            // Looked up again under the lock: handles change size and content only while they hold it.
            let Some(record) = record_now()? else {
                return fail(ErrorKind::NotFound);
            };
            if state.hold.is_none() {
                state.hold = Some(Hold::existing(self, record.content));
                state.record = record;
                // And once more now that the content is held and can't be reaped.
                let again = record_now()?.map(|again| again.content);
                if again == Some(state.record.content) {
                    drop(state);
                    return Ok(file);
                }
                state.hold = None;
            } else if state.attached && state.record.content == record.content {
                state.record = record;
                drop(state);
                return Ok(file);
            } else {
                // A staged file replaced the content: the old handles keep the old, the next ones get the new.
                state.attached = false;
            }
            drop(state);
            self.open.forget(&file);
        }
    }
}

impl<S: NodeStore> OpenFile<S> {
    fn new(shared: &Arc<Shared<S>>, ino: Inode, record: NodeRecord, attached: bool) -> Self {
        Self {
            shared: Arc::clone(shared),
            ino,
            state: RwLock::new(State {
                record,
                attached,
                hold: None,
                writable: false,
                dirty: false,
            }),
            writers: AtomicUsize::new(0),
        }
    }

    /// A file that a running transaction makes, open before anyone can see it.
    pub(super) fn created(shared: &Arc<Shared<S>>, ino: Inode, record: NodeRecord) -> Arc<Self> {
        let file = Self::new(shared, ino, record, true);
        file.state.write().hold = Some(Hold::existing(shared, ContentId::EMPTY));
        let file = Arc::new(file);
        shared.open.insert(&file);
        file
    }

    /// A file that has no node yet.
    pub(super) fn staged(shared: &Arc<Shared<S>>, ino: Inode, record: NodeRecord) -> Arc<Self> {
        let file = Self::new(shared, ino, record, false);
        file.state.write().hold = Some(Hold::existing(shared, ContentId::EMPTY));
        Arc::new(file)
    }

    /// Gives a staged file content that another file has too.
    pub(super) fn fill(&self, hold: Hold<S>, size: u64, allocated: u64) {
        let mut state = self.state.write();
        state.record.content = hold.id();
        state.record.size = size;
        state.record.allocated = allocated;
        state.hold = Some(hold);
        state.writable = false;
    }

    /// Gives a staged file without bytes content all the same.
    pub(super) fn give_content(&self) -> Result<ContentId> {
        let mut state = self.state.write();
        if state.record.content.is_empty() {
            let hold = Hold::orphan(&self.shared, self.shared.store.content().create()?);
            state.record.content = hold.id();
            state.hold = Some(hold);
        }
        Ok(state.record.content)
    }

    /// A staged file got its node.
    pub(super) fn attach(self: &Arc<Self>, record: NodeRecord) {
        let mut state = self.state.write();
        state.record = record;
        state.attached = true;
        state.writable = false;
        state.dirty = false;
        drop(state);
        self.shared.open.insert(self);
    }

    /// The state for reading.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, State<S>> {
        self.state.read()
    }

    /// What `fstat(2)` says.
    pub(super) fn record(&self) -> Result<NodeRecord> {
        let state = self.state.read();
        if state.attached {
            let stored = self.shared.store.read(|read| read.node(self.ino))?;
            if let Some(record) = stored
                && record.content == state.record.content
            {
                return Ok(record);
            }
        }
        let nlink = 0;
        Ok(NodeRecord {
            nlink,
            ..state.record.clone()
        })
    }

    /// The store was replaced below: takes over what it says now, or goes on without a node.
    pub(super) fn refresh(&self) -> Result<()> {
        let mut state = self.state.write();
        if !state.attached {
            return Ok(());
        }
        let stored = self.shared.store.read(|read| read.node(self.ino))?;
        state.writable = false;
        match stored {
            Some(record) if record.content == state.record.content => state.record = record,
            _ => {
                let last = state.record.clone();
                state.detach(last);
            }
        }
        Ok(())
    }

    pub(super) fn add_writer(&self) {
        self.writers.fetch_add(1, Ordering::AcqRel);
    }

    /// A writing handle closed; with the last one the store may seal the content.
    pub(super) fn remove_writer(&self) {
        if self.writers.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let mut state = self.state.write();
        if state.dirty && state.attached && !state.record.content.is_empty() {
            state.writable = false;
            state.dirty = false;
            // An error here loses nothing: the bytes stay unsealed, and sync reports what matters.
            self.shared
                .store
                .content()
                .settle(state.record.content)
                .ok();
        }
    }

    /// Reads into `into`, clipped to the size.
    pub(super) fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        let state = self.state.read();
        let left = state.record.size.saturating_sub(offset);
        let len = usize::try_from(left).map_or(into.len(), |left| left.min(into.len()));
        let into = into.get_mut(..len).unwrap_or_default();
        match state.content()? {
            Some(content) => content.read_at(into, offset)?,
            None => into.fill(0),
        }
        Ok(len)
    }

    /// Writes at `offset`, or (`None`) at the end; answers where.
    pub(super) fn write_at(&self, from: &[u8], offset: Option<u64>) -> Result<u64> {
        let mut state = self.state.write();
        let offset = offset.unwrap_or(state.record.size);
        if from.is_empty() {
            return Ok(offset);
        }
        let end = self.check_size(offset.checked_add(from.len() as u64))?;
        let size = state.record.size.max(end);
        self.with_content(&mut state, size, |content| content.write_at(from, offset))?;
        Ok(offset)
    }

    /// Zeros a range without changing the size.
    pub(super) fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        let mut state = self.state.write();
        let size = state.record.size;
        let len = len.min(size.saturating_sub(offset));
        if len == 0 {
            return Ok(());
        }
        if state.record.content.is_empty() {
            return self.store_change(&mut state, None, &Edit::content(size, 0));
        }
        self.with_content(&mut state, size, |content| content.punch_hole(offset, len))
    }

    /// Sets attributes, the size among them.
    pub(super) fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        let mut state = self.state.write();
        let Some(size) = attr.size else {
            let edit = Edit {
                content: None,
                attr: Some(attr),
                now: Time::now(),
            };
            return self.store_change(&mut state, None, &edit);
        };
        self.check_size(Some(size))?;
        let now = Time::now();
        let edit = |allocated| Edit {
            content: Some((size, allocated)),
            attr: Some(attr),
            now,
        };
        if size == 0 {
            let empty = Hold::existing(&self.shared, ContentId::EMPTY);
            return self.store_change(&mut state, Some(empty), &edit(0));
        }
        if state.record.content.is_empty() {
            return self.store_change(&mut state, None, &edit(0));
        }
        let (content, new) = self.writable(&mut state)?;
        if size < state.record.size {
            content.truncate(size)?;
        }
        self.store_change(&mut state, new, &edit(content.allocated()?))
    }

    fn check_size(&self, end: Option<u64>) -> Result<u64> {
        match end {
            Some(end) if end <= self.shared.store.content().max_size_bytes() => Ok(end),
            _ => fail(ErrorKind::FileTooLarge),
        }
    }

    /// Changes content in place, then the node.
    fn with_content(
        &self,
        state: &mut RwLockWriteGuard<'_, State<S>>,
        size: u64,
        change: impl FnOnce(&dyn Content) -> Result<()>,
    ) -> Result<()> {
        let (content, new) = self.writable(state)?;
        change(&*content)?;
        self.store_change(state, new, &Edit::content(size, content.allocated()?))
    }

    /// Content to write in place, and its hold when it is not the one the node names.
    #[expect(clippy::type_complexity, reason = "a pair that is taken apart at once")]
    fn writable(&self, state: &mut State<S>) -> Result<(Arc<dyn Content>, Option<Hold<S>>)> {
        let store = self.shared.store.content();
        let id = state.record.content;
        if id.is_empty() {
            let content = store.create()?;
            let hold = Hold::orphan(&self.shared, Arc::clone(&content));
            return Ok((content, Some(hold)));
        }
        if state.writable
            && let Some(content) = state.content()?
        {
            return Ok((content, None));
        }
        let own = u64::from(state.attached);
        let references = self.shared.store.read(|read| read.references(id))?;
        let shared = references > own || self.shared.open.is_shared(id);
        let content = store.writable(id, state.record.size, shared)?;
        if content.id() != id {
            let hold = Hold::orphan(&self.shared, Arc::clone(&content));
            return Ok((content, Some(hold)));
        }
        // Bytes beyond the size are left from a crash; they must not come back when the file grows.
        content.truncate(state.record.size)?;
        if let Some(hold) = &state.hold {
            *hold.content.lock() = Some(Arc::clone(&content));
        }
        state.writable = true;
        Ok((content, None))
    }

    /// Brings the node to what the content is now (`new`: it has another), in one transaction.
    fn store_change(
        &self,
        state: &mut State<S>,
        new: Option<Hold<S>>,
        edit: &Edit<'_>,
    ) -> Result<()> {
        let old = state.record.content;
        let content = new.as_ref().map_or(old, Hold::id);
        if state.attached {
            let stored = self.shared.transact(|rules| {
                let record = rules.write.node(self.ino)?;
                let Some(mut record) = record.filter(|record| record.content == old) else {
                    return Ok(None);
                };
                edit.apply(&mut record);
                record.content = content;
                if content != old {
                    rules.adopt(content)?;
                    rules.dismiss(old)?;
                } else if edit.content.is_some() && !content.is_empty() {
                    rules.write.flush_content(content)?;
                }
                rules.write.update(self.ino, &record)?;
                Ok(Some(record))
            })?;
            match stored {
                Some(record) => state.record = record,
                None => state.detach(state.record.clone()),
            }
        }
        if !state.attached {
            edit.apply(&mut state.record);
            state.record.content = content;
        }
        if let Some(new) = new {
            state.writable = !content.is_empty();
            state.hold = Some(new);
        }
        state.dirty |= edit.content.is_some();
        Ok(())
    }
}

/// What a change through a handle does to the record.
struct Edit<'a> {
    /// New size and allocated bytes.
    content: Option<(u64, u64)>,
    attr: Option<&'a SetAttr>,
    now: Time,
}

impl Edit<'_> {
    fn content(size: u64, allocated: u64) -> Self {
        Self {
            content: Some((size, allocated)),
            attr: None,
            now: Time::now(),
        }
    }

    fn apply(&self, record: &mut NodeRecord) {
        if let Some((size, allocated)) = self.content {
            record.size = size;
            record.allocated = allocated;
            record.mtime = self.now;
            record.ctime = self.now;
        }
        if let Some(attr) = self.attr {
            apply(attr, record, self.now);
        }
    }
}

/// The answer of a handle that was not opened for what is asked.
pub(super) fn bad_handle() -> Error {
    Error::new(ErrorKind::BadHandle, "")
}
