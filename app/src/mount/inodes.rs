//! Numbers the kernel knows, and the nodes they stand for.
//!
//! The kernel names a node by a number it was told in a lookup, for as long as it wants (it counts its lookups and tells when it forgets them). Hard
//! links have one number, and a node keeps it while its names change or go, because what is kept is the pinned node, not a path.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

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
    /// Made through this mount, and no capabilities set since.
    plain: AtomicBool,
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

    /// Was it made through this mount, and no capabilities given to it since? To be kept by who makes it and gives it some.
    pub fn plain(&self) -> &AtomicBool {
        &self.plain
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
    /// Mostly one.
    numbers: HashMap<FileId, Vec<u64>>,
    next_spare: u64,
}

impl Tables {
    fn numbers_of(&self, id: &FileId) -> &[u64] {
        self.numbers.get(id).map_or(&[], Vec::as_slice)
    }

    fn found(&mut self, number: u64, metadata: &Metadata) -> Option<Arc<Inode>> {
        let known = self.by_number.get_mut(&number)?;
        known.lookups += 1;
        *known.inode.last.lock() = *metadata;
        Some(Arc::clone(&known.inode))
    }

    fn remove_number(&mut self, id: FileId, number: u64) {
        if let Entry::Occupied(mut numbers) = self.numbers.entry(id) {
            numbers.get_mut().retain(|other| *other != number);
            if numbers.get().is_empty() {
                numbers.remove();
            }
        }
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
            plain: AtomicBool::new(false),
            slot: Slot::default(),
        });
        let known = Known { inode, lookups: 1 };
        Self(Mutex::new(Tables {
            by_number: HashMap::from([(ROOT, known)]),
            numbers: HashMap::from([(metadata.id, vec![ROOT])]),
            next_spare: SPARE,
        }))
    }

    /// The node with this number. `ESTALE`: the kernel was never told of it.
    pub fn get(&self, number: u64) -> Answer<Arc<Inode>> {
        let tables = self.0.lock();
        let known = tables.by_number.get(&number).ok_or(Failure(libc::ESTALE))?;
        Ok(Arc::clone(&known.inode))
    }

    /// What the kernel calls a node: nothing when it does not know it, and more than one number where it knows several nodes of one identity.
    pub fn numbers_of(&self, id: &FileId) -> Vec<u64> {
        self.0.lock().numbers_of(id).to_vec()
    }

    /// The nodes of this identity that it knows.
    pub fn known(&self, id: &FileId) -> Vec<Arc<Inode>> {
        let tables = self.0.lock();
        let numbers = tables.numbers_of(id).iter();
        let known = numbers.filter_map(|number| tables.by_number.get(number));
        known.map(|known| Arc::clone(&known.inode)).collect()
    }

    /// All it knows.
    pub fn numbers(&self) -> Vec<u64> {
        self.0.lock().by_number.keys().copied().collect()
    }

    /// Counts a lookup that found this node, if the kernel knows it already.
    pub fn again(&self, metadata: &Metadata) -> Option<Arc<Inode>> {
        let mut tables = self.0.lock();
        let number = *tables.numbers_of(&metadata.id).first()?;
        tables.found(number, metadata)
    }

    /// Counts a lookup that found this node, whether the kernel knows it or not; `node` is a newer hold on it. `apart`: numbers of other nodes that have the
    /// same identity.
    pub fn enter(&self, node: Node, metadata: &Metadata, apart: &[u64]) -> Arc<Inode> {
        let mut tables = self.0.lock();
        let mut known = None;
        for number in tables.numbers_of(&metadata.id) {
            let Some(one) = tables.by_number.get(number) else {
                continue;
            };
            if one.inode.node.read().is(&node) {
                known = Some(*number);
                break;
            }
            if known.is_none() && !apart.contains(number) {
                known = Some(*number);
            }
        }
        if let Some(inode) = known.and_then(|number| tables.found(number, metadata)) {
            *inode.node.write() = node;
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
            plain: AtomicBool::new(false),
            slot: Slot::default(),
        });
        tables.numbers.entry(metadata.id).or_default().push(number);
        let known = Known {
            inode: Arc::clone(&inode),
            lookups: 1,
        };
        tables.by_number.insert(number, known);
        inode
    }

    /// Notes what is known of a node now. Its identity may have changed (a layer's file with several names is copied up; another file has come to be in the
    /// place that stands for it): then it keeps the number, and the answer is `true`.
    pub fn note(&self, inode: &Inode, metadata: &Metadata) -> bool {
        let before = std::mem::replace(&mut *inode.last.lock(), *metadata).id;
        if before != metadata.id {
            let mut tables = self.0.lock();
            tables.remove_number(before, inode.number);
            // Unless the kernel has forgotten it.
            if tables.by_number.contains_key(&inode.number) {
                let numbers = tables.numbers.entry(metadata.id).or_default();
                numbers.push(inode.number);
            }
        }
        before != metadata.id
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
            tables.remove_number(id, number);
        }
        drop(tables);
        // The node is let go of here, outside the lock: that may remove a file without a name for good.
        drop(gone);
    }
}
