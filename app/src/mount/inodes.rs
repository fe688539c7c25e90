//! Numbers the kernel knows, and the nodes they stand for.
//!
//! The kernel names a node by a number it was told in a lookup, for as long as it wants (it counts its lookups and tells when it forgets them). Hard
//! links have one number, and a node keeps it while its names change or go, because what is kept is the pinned node, not a path.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use fs_core::{FileId, Metadata, Node};
use parking_lot::{Mutex, RwLock};

use super::attributes::{Answer, Failure};
use super::gathered::Slot;

/// The number of the root.
pub const ROOT: u64 = 1;

/// Numbers for nodes whose inode number is taken (another device inside a host folder) begin here.
const SPARE: u64 = 1 << 63;

/// A node the kernel knows.
pub struct Inode {
    number: u64,
    node: RwLock<Node>,
    last: Mutex<Metadata>,
    writers: AtomicUsize,
    slot: Slot,
}

impl Inode {
    /// What waits to be written.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// How often it is open for writing; to be counted by who opens it.
    pub fn writers(&self) -> &AtomicUsize {
        &self.writers
    }

    /// What the kernel calls it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The node.
    pub fn node(&self) -> Node {
        self.node.read().clone()
    }

    /// What was known of it last.
    pub fn last(&self) -> Metadata {
        *self.last.lock()
    }
}

struct Known {
    inode: Arc<Inode>,
    lookups: u64,
}

struct Tables {
    by_number: HashMap<u64, Known>,
    numbers: HashMap<FileId, u64>,
    next_spare: u64,
}

impl Tables {
    fn again(&mut self, metadata: &Metadata, pin: Option<Node>) -> Option<Arc<Inode>> {
        let number = *self.numbers.get(&metadata.id)?;
        let known = self.by_number.get_mut(&number)?;
        known.lookups += 1;
        *known.inode.last.lock() = *metadata;
        if let Some(pin) = pin {
            *known.inode.node.write() = pin;
        }
        Some(Arc::clone(&known.inode))
    }

    fn spare(&mut self) -> u64 {
        self.next_spare += 1;
        self.next_spare
    }
}

/// All nodes the kernel knows.
pub struct Inodes(Mutex<Tables>);

impl Inodes {
    /// Only the root is known.
    pub fn new(root: Node, metadata: Metadata) -> Self {
        let inode = Arc::new(Inode {
            number: ROOT,
            node: RwLock::new(root),
            last: Mutex::new(metadata),
            writers: AtomicUsize::new(0),
            slot: Slot::default(),
        });
        let known = Known { inode, lookups: 1 };
        Self(Mutex::new(Tables {
            by_number: HashMap::from([(ROOT, known)]),
            numbers: HashMap::from([(metadata.id, ROOT)]),
            next_spare: SPARE,
        }))
    }

    /// The node with this number. `ESTALE`: the kernel was never told of it.
    pub fn get(&self, number: u64) -> Answer<Arc<Inode>> {
        let tables = self.0.lock();
        let known = tables.by_number.get(&number).ok_or(Failure(libc::ESTALE))?;
        Ok(Arc::clone(&known.inode))
    }

    /// What the kernel calls a node; `None` when it does not know it.
    pub fn number_of(&self, id: &FileId) -> Option<u64> {
        self.0.lock().numbers.get(id).copied()
    }

    /// All it knows.
    pub fn numbers(&self) -> Vec<u64> {
        self.0.lock().by_number.keys().copied().collect()
    }

    /// Counts a lookup that found this node, if the kernel knows it already.
    pub fn again(&self, metadata: &Metadata) -> Option<Arc<Inode>> {
        self.0.lock().again(metadata, None)
    }

    /// Counts a lookup that found this node, whether the kernel knows it or not; `node` is a newer hold on it.
    pub fn enter(&self, node: Node, metadata: &Metadata) -> Arc<Inode> {
        let mut tables = self.0.lock();
        if let Some(inode) = tables.again(metadata, Some(node.clone())) {
            return inode;
        }
        let own = metadata.id.ino;
        let free = own > ROOT && own < SPARE && !tables.by_number.contains_key(&own);
        let number = if free { own } else { tables.spare() };
        let inode = Arc::new(Inode {
            number,
            node: RwLock::new(node),
            last: Mutex::new(*metadata),
            writers: AtomicUsize::new(0),
            slot: Slot::default(),
        });
        tables.numbers.insert(metadata.id, number);
        let known = Known {
            inode: Arc::clone(&inode),
            lookups: 1,
        };
        tables.by_number.insert(number, known);
        inode
    }

    /// Notes what is known of a node now. Its identity may have changed (a layer's file with several names is copied up): then it keeps the number.
    pub fn note(&self, inode: &Inode, metadata: &Metadata) {
        let before = std::mem::replace(&mut *inode.last.lock(), *metadata).id;
        if before != metadata.id {
            let mut tables = self.0.lock();
            if tables.numbers.get(&before) == Some(&inode.number) {
                tables.numbers.remove(&before);
            }
            tables.numbers.insert(metadata.id, inode.number);
        }
    }

    /// The kernel takes back `lookups` of its lookups.
    pub fn forget(&self, number: u64, lookups: u64) {
        if number == ROOT {
            return;
        }
        let mut tables = self.0.lock();
        let Some(known) = tables.by_number.get_mut(&number) else {
            return;
        };
        known.lookups = known.lookups.saturating_sub(lookups);
        if known.lookups > 0 {
            return;
        }
        let gone = tables.by_number.remove(&number);
        if let Some(known) = &gone {
            let id = known.inode.last().id;
            if tables.numbers.get(&id) == Some(&number) {
                tables.numbers.remove(&id);
            }
        }
        drop(tables);
        // The node is let go of here, outside the lock: that may remove a file without a name for good.
        drop(gone);
    }
}
