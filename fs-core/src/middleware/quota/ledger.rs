//! The books: what is taken, and who still holds what has lost its name.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::scan::OwnNodes;
use super::{QuotaLimits, Usage};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{FileId, Metadata};

/// Files whose size changes one at a time share a lock with about one in so many others.
const STRIPES: usize = 64;

/// Locks are taken in the order `names`, `file`, the books; the books are never held during a call to the backend.
pub(super) struct Ledger {
    limits: QuotaLimits,
    names: Mutex<()>,
    files: [Mutex<()>; STRIPES],
    books: Mutex<Books>,
}

struct Books {
    usage: Usage,
    open: HashMap<Content, OpenFile>,
    /// What handles opened now will hold.
    current: HashMap<FileId, Content>,
    next: u64,
}

/// One content of a file, held by the handles opened while the file had it: replaced in one step, it lives on in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Content(u64);

struct OpenFile {
    id: FileId,
    handles: usize,
    /// No name leads to it any more.
    unlinked: bool,
}

impl Books {
    /// No name leads to the content of `id` any more. Does a handle still hold it?
    fn detach(&mut self, id: FileId) -> bool {
        let content = self.current.remove(&id);
        match content.and_then(|content| self.open.get_mut(&content)) {
            Some(open) => {
                open.unlinked = true;
                true
            }
            None => false,
        }
    }
}

/// Room that is taken and given back when it is not used.
pub(super) struct Reserved {
    ledger: Arc<Ledger>,
    room: Usage,
}

impl Reserved {
    /// What was reserved is used; from now on it counts as content of the filesystem.
    pub(super) fn keep(mut self) {
        self.room = Usage::default();
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.ledger.release(self.room);
    }
}

impl Ledger {
    pub(super) fn new(limits: QuotaLimits, usage: Usage) -> Arc<Self> {
        Arc::new(Self {
            limits,
            names: Mutex::new(()),
            files: std::array::from_fn(|_| Mutex::new(())),
            books: Mutex::new(Books {
                usage,
                open: HashMap::new(),
                current: HashMap::new(),
                next: 0,
            }),
        })
    }

    pub(super) fn limits(&self) -> QuotaLimits {
        self.limits
    }

    pub(super) fn usage(&self) -> Usage {
        self.books.lock().usage
    }

    /// Held while names change, so that a node's last name is counted once.
    pub(super) fn names(&self) -> MutexGuard<'_, ()> {
        self.names.lock()
    }

    /// Held while the size of a file changes.
    pub(super) fn file(&self, id: FileId) -> Option<MutexGuard<'_, ()>> {
        let stripe = id.ino as usize % STRIPES;
        self.files.get(stripe).map(Mutex::lock)
    }

    /// Takes room. Error: `NoSpace`, and nothing is taken.
    pub(super) fn reserve(self: &Arc<Self>, room: Usage) -> Result<Reserved> {
        let mut books = self.books.lock();
        let bytes = books.usage.bytes.saturating_add(room.bytes);
        let nodes = books.usage.nodes.saturating_add(room.nodes);
        let over = |limit: Option<u64>, now: u64, more: u64| {
            more > 0 && limit.is_some_and(|limit| now > limit)
        };
        if over(self.limits.total_bytes, bytes, room.bytes)
            || over(self.limits.nodes, nodes, room.nodes)
        {
            return Err(Error::new(ErrorKind::NoSpace, "reserve").with_detail("the quota is used"));
        }
        books.usage = Usage { bytes, nodes };
        drop(books);
        Ok(self.held(room))
    }

    /// Room that is counted already, to be given back unless it is kept.
    pub(super) fn held(self: &Arc<Self>, room: Usage) -> Reserved {
        Reserved {
            ledger: self.clone(),
            room,
        }
    }

    pub(super) fn release(&self, room: Usage) {
        let usage = &mut self.books.lock().usage;
        usage.bytes = usage.bytes.saturating_sub(room.bytes);
        usage.nodes = usage.nodes.saturating_sub(room.nodes);
    }

    /// Counts what is there already, whatever the limits say.
    pub(super) fn add(&self, room: Usage) {
        let usage = &mut self.books.lock().usage;
        usage.bytes = usage.bytes.saturating_add(room.bytes);
        usage.nodes = usage.nodes.saturating_add(room.nodes);
    }

    /// A file may grow to `size_bytes` as far as the limit of a single file goes. Error: `FileTooLarge`.
    pub(super) fn check_file(&self, size_bytes: u64) -> Result<()> {
        match self.limits.file_bytes {
            Some(limit) if size_bytes > limit => {
                Err(Error::new(ErrorKind::FileTooLarge, "reserve")
                    .with_detail("the quota allows no file of this size"))
            }
            _ => Ok(()),
        }
    }

    /// Makes a call that may change the size of a file from what `size` says to `wanted_bytes`, when there is room.
    pub(super) fn resize<T>(
        self: &Arc<Self>,
        size: impl Fn() -> Result<u64>,
        wanted_bytes: impl FnOnce(u64) -> u64,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let before = size()?;
        let wanted = wanted_bytes(before);
        if wanted > before {
            self.check_file(wanted)?;
        }
        let reserved = self.reserve(Usage::bytes(wanted.saturating_sub(before)))?;
        let result = act();
        // A write that failed in the middle may have left a part.
        let after = size().unwrap_or(if result.is_ok() { wanted } else { before });
        drop(reserved);
        self.add(Usage::bytes(after.saturating_sub(before)));
        self.release(Usage::bytes(before.saturating_sub(after)));
        result
    }

    /// The node has lost a name: when it was the last, its room is free at once, or when the last handle is dropped.
    pub(super) fn lost_name(&self, node: &Metadata) {
        if !node.is_dir() && node.nlink > 1 {
            return;
        }
        self.release(Usage { bytes: 0, nodes: 1 });
        if node.is_file() {
            self.lost_content(node);
        }
    }

    /// All of a tree has lost its names.
    pub(super) fn lost_tree(&self, tree: &OwnNodes) {
        self.release(Usage {
            bytes: 0,
            nodes: tree.nodes,
        });
        for file in &tree.files {
            self.lost_content(file);
        }
    }

    /// Nothing but handles can lead to this content any more: its room is free at once, or when the last of them is dropped.
    pub(super) fn lost_content(&self, node: &Metadata) {
        if !self.books.lock().detach(node.id) {
            self.release(Usage::bytes(node.size));
        }
    }

    /// Does a handle hold what `id` holds or has held?
    pub(super) fn is_open(&self, id: FileId) -> bool {
        let books = self.books.lock();
        books.open.values().any(|open| open.id == id)
    }

    /// One more handle of what `id` holds now.
    pub(super) fn opened(&self, id: FileId) -> Content {
        let mut books = self.books.lock();
        let content = match books.current.get(&id) {
            Some(content) => *content,
            None => {
                let content = Content(books.next);
                books.next += 1;
                books.current.insert(id, content);
                content
            }
        };
        let new = OpenFile {
            id,
            handles: 0,
            unlinked: false,
        };
        books.open.entry(content).or_insert(new).handles += 1;
        content
    }

    /// A handle goes; `size_bytes` is asked for when it was the last one of content without a name.
    pub(super) fn closed(&self, content: Content, size_bytes: impl FnOnce() -> u64) {
        let unlinked = {
            let mut books = self.books.lock();
            let Some(open) = books.open.get_mut(&content) else {
                return;
            };
            open.handles = open.handles.saturating_sub(1);
            if open.handles > 0 {
                return;
            }
            let (id, unlinked) = (open.id, open.unlinked);
            books.open.remove(&content);
            if !unlinked {
                books.current.remove(&id);
            }
            unlinked
        };
        if unlinked {
            self.release(Usage::bytes(size_bytes()));
        }
    }
}
