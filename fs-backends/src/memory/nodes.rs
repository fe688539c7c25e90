//! The nodes of a memory filesystem on persistent maps, so that a snapshot clones their roots; and reading them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::ops::Bound;
use std::sync::Arc;

use fs_core::{Error, ErrorKind, FileKind, Result, Time};
use imbl::OrdMap;
use parking_lot::Mutex;

use super::content::Shared;
use super::entry_name::EntryName;
use super::table::NodeTable;
use crate::virtual_fs::{
    ChangeLog, Changes, ContentId, EntryRow, Inode, NodeRead, NodeRecord, ROOT, TrashRecord,
};

/// Extended attributes of a node, in byte order.
pub(super) type Xattrs = BTreeMap<OsString, Arc<[u8]>>;

/// Entries of a directory, in byte order.
pub(super) type Entries = OrdMap<EntryName, (Inode, FileKind)>;

/// A node with what belongs to it.
#[derive(Clone)]
pub(super) struct MemoryNode {
    pub(super) record: NodeRecord,
    pub(super) entries: Entries,
    pub(super) xattrs: Option<Arc<Xattrs>>,
    /// The folder and name it was given last: so a changed node is found in the tree. A file with several names may have lost this one since.
    pub(super) home: Option<Home>,
}

/// A folder, and a name in it.
pub(super) type Home = (Inode, EntryName);

/// All nodes. `Clone` costs the same for ten nodes and ten million.
#[derive(Clone)]
pub(super) struct Nodes {
    pub(super) nodes: NodeTable,
    pub(super) nameless: BTreeSet<Inode>,
    pub(super) trash: OrdMap<u64, TrashRecord>,
    /// Counts committed transactions.
    pub(super) generation: u64,
}

impl Nodes {
    /// Only the root directory, made `now`.
    pub(super) fn new(now: Time) -> Self {
        let root = NodeRecord {
            kind: FileKind::Directory,
            mode: 0o755,
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            nlink: 2,
            size: 0,
            allocated: 0,
            rdev: 0,
            mtime: now,
            ctime: now,
            atime: now,
            btime: now,
            content: ContentId::EMPTY,
            target: None,
            parent: ROOT,
        };
        let mut nodes = NodeTable::default();
        nodes.insert(ROOT, MemoryNode::new(root));
        Self {
            nodes,
            nameless: BTreeSet::new(),
            trash: OrdMap::new(),
            generation: 0,
        }
    }

    pub(super) fn get_mut(&mut self, ino: Inode) -> Result<&mut MemoryNode> {
        self.nodes.get_mut(ino).ok_or_else(|| missing(ino))
    }
}

impl MemoryNode {
    pub(super) fn new(record: NodeRecord) -> Self {
        Self {
            record,
            entries: OrdMap::new(),
            xattrs: None,
            home: None,
        }
    }
}

pub(super) fn missing(ino: Inode) -> Error {
    Error::new(ErrorKind::Corrupted, "node").with_detail(format!("node {ino} is missing"))
}

/// Nodes of a listing that are looked at together.
const WINDOW: usize = 64;

fn row<'a>(
    name: &'a EntryName,
    ino: Inode,
    kind: FileKind,
    node: Option<&'a NodeRecord>,
) -> EntryRow<'a> {
    EntryRow {
        name: name.as_os_str(),
        ino,
        kind,
        node,
    }
}

/// Reading, for a lone reader and inside a transaction alike.
pub(super) struct View<'a> {
    pub(super) nodes: &'a Nodes,
    pub(super) contents: &'a Shared,
    /// What changed since earlier generations.
    pub(super) log: Option<&'a Mutex<ChangeLog>>,
}

impl NodeRead for View<'_> {
    fn node(&self, ino: Inode) -> Result<Option<NodeRecord>> {
        Ok(self.nodes.nodes.get(ino).map(|node| node.record.clone()))
    }

    fn lookup(&self, dir: Inode, name: &OsStr) -> Result<Option<Inode>> {
        let dir = self.nodes.nodes.get(dir);
        Ok(dir
            .and_then(|dir| dir.entries.get(name))
            .map(|(ino, _)| *ino))
    }

    fn find(&self, dir: Inode, name: &OsStr) -> Result<Option<(Inode, NodeRecord)>> {
        let dir = self.nodes.nodes.get(dir);
        let Some(&(ino, _)) = dir.and_then(|dir| dir.entries.get(name)) else {
            return Ok(None);
        };
        match self.nodes.nodes.get(ino) {
            Some(node) => Ok(Some((ino, node.record.clone()))),
            None => Err(missing(ino)),
        }
    }

    fn moment(&self) -> Option<u64> {
        Some(self.nodes.generation)
    }

    fn keep_changes(&self) {
        if let Some(log) = self.log {
            log.lock().keep();
        }
    }

    fn changes_since(&self, moment: u64, each: &mut dyn FnMut(&Changes)) -> bool {
        self.log.is_some_and(|log| log.lock().since(moment, each))
    }

    fn entries(
        &self,
        dir: Inode,
        after: Option<&OsStr>,
        limit: usize,
        with_nodes: bool,
        each: &mut dyn FnMut(EntryRow<'_>),
    ) -> Result<bool> {
        let Some(dir) = self.nodes.nodes.get(dir) else {
            return Ok(false);
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = dir.entries.range::<_, OsStr>((from, Bound::Unbounded));
        let mut rows = rest.by_ref().take(limit);
        if !with_nodes {
            rows.for_each(|(name, (ino, kind))| each(row(name, *ino, *kind, None)));
            return Ok(rest.next().is_some());
        }
        let mut window = Vec::with_capacity(WINDOW.min(limit));
        loop {
            window.clear();
            for (name, (ino, kind)) in rows.by_ref().take(WINDOW) {
                let place = self.nodes.nodes.place_of(*ino);
                window.push((name, *ino, *kind, place.ok_or_else(|| missing(*ino))?));
            }
            // The nodes lie all over the memory: looked at in one short loop, they are fetched side by side.
            if let Some((_, ino, ..)) = window.iter().find(|(.., node)| node.is_none()) {
                return Err(missing(*ino));
            }
            for (name, ino, kind, node) in &window {
                each(row(
                    name,
                    *ino,
                    *kind,
                    node.as_ref().map(|node| &node.record),
                ));
            }
            if window.len() < WINDOW {
                return Ok(rest.next().is_some());
            }
        }
    }

    fn every_entry(&self, each: &mut dyn FnMut(Inode, EntryRow<'_>) -> Result<()>) -> Result<()> {
        self.nodes.nodes.iter().try_for_each(|(dir, node)| {
            let mut entries = node.entries.iter();
            entries.try_for_each(|(name, (ino, kind))| each(dir, row(name, *ino, *kind, None)))
        })
    }

    fn xattr(&self, ino: Inode, name: &OsStr) -> Result<Option<Vec<u8>>> {
        let xattrs = self
            .nodes
            .nodes
            .get(ino)
            .and_then(|node| node.xattrs.as_ref());
        Ok(xattrs
            .and_then(|xattrs| xattrs.get(name))
            .map(|value| value.to_vec()))
    }

    fn xattrs(&self, ino: Inode) -> Result<Vec<OsString>> {
        let xattrs = self
            .nodes
            .nodes
            .get(ino)
            .and_then(|node| node.xattrs.as_ref());
        Ok(xattrs.map_or_else(Vec::new, |xattrs| xattrs.keys().cloned().collect()))
    }

    fn references(&self, content: ContentId) -> Result<u64> {
        Ok(self
            .contents
            .contents
            .read()
            .get(content)
            .map_or(0, |held| held.references))
    }

    fn trash(&self) -> Result<Vec<TrashRecord>> {
        Ok(self.nodes.trash.values().cloned().collect())
    }

    fn trash_item(&self, id: u64) -> Result<Option<TrashRecord>> {
        Ok(self.nodes.trash.get(&id).cloned())
    }

    fn nameless(&self) -> Result<Vec<Inode>> {
        Ok(self.nodes.nameless.iter().copied().collect())
    }
}
