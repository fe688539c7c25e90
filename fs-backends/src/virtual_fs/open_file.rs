//! One state for all handles of a file.
//!
//! All handles and pins of a file share one [`OpenFile`]. It is *attached* while the store has a node for it that names its content. It becomes
//! detached when the last name goes or a staged file replaces the content; then it lives in memory alone, on content nobody names, until the last
//! handle closes. A staged file is a detached one from the start.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use foldhash::HashMap;
use fs_core::{Error, ErrorKind, Result, Time};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use super::Shared;
use super::effects::Gone;
use super::hold::{Held, Hold};
use super::resolve::fail;
use super::rules::check_xattr;
use super::store::{Content, ContentId, ContentStore as _, Inode, NodeRecord, NodeStore};

/// The tables of open files and held content.
pub(super) struct OpenFiles<S: NodeStore> {
    files: Mutex<HashMap<Inode, Weak<OpenFile<S>>>>,
    pub(super) held: Held,
}

impl<S: NodeStore> Default for OpenFiles<S> {
    fn default() -> Self {
        Self {
            files: Mutex::default(),
            held: Held::default(),
        }
    }
}

impl<S: NodeStore> OpenFiles<S> {
    /// Is the file open?
    pub(super) fn has(&self, ino: Inode) -> bool {
        self.files.lock().contains_key(&ino)
    }

    /// A node was removed: its open file goes on without it.
    pub(super) fn detach(&self, gone: Gone) {
        let file = self.files.lock().get(&gone.ino).and_then(Weak::upgrade);
        if let Some(file) = file {
            let mut state = file.state.write();
            if state.attached {
                state.detach(gone.record);
                state.xattrs = gone.xattrs;
            }
        }
    }

    /// Open files of nodes that a transaction is about to remove learn what they will need before anybody can see that the nodes are gone. To be dropped
    /// after the transaction: closing a file may enter the store.
    pub(super) fn leave(&self, removed: &[Gone]) -> Vec<Arc<OpenFile<S>>> {
        let files = self.files.lock();
        let open = removed.iter().filter_map(|gone| {
            let file = files.get(&gone.ino)?.upgrade()?;
            *file.leaving.lock() = Some(gone.xattrs.clone());
            Some(file)
        });
        open.collect()
    }

    /// All open files.
    pub(super) fn all(&self) -> Vec<Arc<OpenFile<S>>> {
        self.files
            .lock()
            .values()
            .filter_map(Weak::upgrade)
            .collect()
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

/// An open regular file.
pub(super) struct OpenFile<S: NodeStore> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) ino: Inode,
    pub(super) state: RwLock<State<S>>,
    writers: AtomicUsize,
    /// What the last transaction that removed its node, or failed to, found; until it is detached.
    leaving: Mutex<Option<Xattrs>>,
}

/// Extended attributes by name.
pub(super) type Xattrs = BTreeMap<OsString, Vec<u8>>;

/// What all handles of a file agree on.
pub(super) struct State<S: NodeStore> {
    /// As it was known last; of an attached file only the size and the content are certain, the rest is in the store.
    pub(super) record: NodeRecord,
    pub(super) attached: bool,
    /// Of a removed file; those of any other are in the store.
    pub(super) xattrs: Xattrs,
    /// `None` until the file is looked up under its lock.
    pub(super) hold: Option<Hold<S>>,
    /// The content was prepared for writing in place and is private since.
    pub(super) writable: bool,
    /// Written since it was last settled.
    pub(super) dirty: bool,
}

impl<S: NodeStore> State<S> {
    pub(super) fn detach(&mut self, record: NodeRecord) {
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

    /// The node was not brought to what `content` was changed to: in place it is again what the node tells of it, and the next write prepares it anew.
    pub(super) fn take_back(&mut self, content: &dyn Content) {
        if self.attached && content.id() == self.record.content {
            content.take_back();
            self.writable = false;
        }
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
        let (record, moment) = self.node_now(ino)?;
        self.open_node(ino, record, moment)
    }

    /// The node as it is, and the number of this moment.
    fn node_now(&self, ino: Inode) -> Result<(NodeRecord, Option<u64>)> {
        self.store.read(|read| match read.node(ino)? {
            Some(record) => Ok((record, read.moment())),
            None => fail(ErrorKind::NotFound),
        })
    }

    /// The open file of a node whose record was read at `moment`. `NotFound` when the node is gone since.
    pub(super) fn open_node(
        self: &Arc<Self>,
        ino: Inode,
        mut record: NodeRecord,
        mut moment: Option<u64>,
    ) -> Result<Arc<OpenFile<S>>> {
        let is_now = |moment: Option<u64>| moment.is_some_and(|it| self.store.is_now(it));
        loop {
            let new = || OpenFile::new(self, ino, record.clone(), true);
            let file = self.open.get_or_insert(ino, new);
            // Handles change size and content only under the lock: what was read is read again, unless nothing was committed since.
            let mut state = file.state.write();
            if state.hold.is_none() && state.attached {
                loop {
                    let content = record.content;
                    state.hold = Some(Hold::existing(self, content));
                    if is_now(moment) {
                        break;
                    }
                    // Now that it is held it can't be reaped any more, if it was not before.
                    match self.node_now(ino) {
                        Ok(now) => (record, moment) = now,
                        Err(error) => {
                            state.hold = None;
                            return Err(error);
                        }
                    }
                    if record.content == content {
                        break;
                    }
                }
                state.record = record;
                drop(state);
                return Ok(file);
            }
            if !is_now(moment) {
                (record, moment) = self.node_now(ino)?;
            }
            if state.attached && state.record.content == record.content {
                state.record = record;
                drop(state);
                return Ok(file);
            }
            // A staged file replaced the content: the old handles keep the old, the next ones get the new.
            state.attached = false;
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
                xattrs: Xattrs::new(),
                hold: None,
                writable: false,
                dirty: false,
            }),
            writers: AtomicUsize::new(0),
            leaving: Mutex::default(),
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

    /// Was its last name taken away? Not so of a staged file, which has none yet.
    pub(super) fn is_unlinked(&self) -> bool {
        let state = self.state.read();
        !state.attached && state.record.nlink == 0
    }

    /// Extended attributes of a file that no node was found of. `None`: it has none yet, or nobody here removed it.
    pub(super) fn xattrs_of_unlinked<T>(&self, f: impl FnOnce(&Xattrs) -> T) -> Option<T> {
        let state = self.state.read();
        match state.attached {
            true => self.leaving.lock().as_ref().map(f),
            false => (state.record.nlink == 0).then(|| f(&state.xattrs)),
        }
    }

    /// Sets an extended attribute of a removed file, or (`None`) takes it away.
    pub(super) fn set_xattr(&self, name: &OsStr, value: Option<&[u8]>) -> Result<()> {
        let mut state = self.state.write();
        check_xattr(state.record.kind, name, value)?;
        match value {
            Some(value) => drop(state.xattrs.insert(name.to_owned(), value.to_vec())),
            None if state.xattrs.remove(name).is_none() => return fail(ErrorKind::XattrNotFound),
            None => {}
        }
        state.record.ctime = Time::now();
        Ok(())
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
}

/// The answer of a handle that was not opened for what is asked.
pub(super) fn bad_handle() -> Error {
    Error::new(ErrorKind::BadHandle, "")
}
