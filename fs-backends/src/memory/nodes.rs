//! The nodes of a memory filesystem on persistent maps: a snapshot clones two roots, a change undoes itself on error.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::ops::Bound;
use std::sync::Arc;

use fs_core::{Error, ErrorKind, FileKind, Name, Result, Time};
use imbl::OrdMap;

use super::content::Shared;
use crate::virtual_fs::{
    ContentId, EntryRow, Inode, NodeRead, NodeRecord, NodeWrite, ROOT, TrashRecord,
};

/// Extended attributes of a node, in byte order.
pub(super) type Xattrs = BTreeMap<OsString, Arc<[u8]>>;

/// Entries of a directory, in byte order.
pub(super) type Entries = OrdMap<Name, (Inode, FileKind)>;

/// A node with what belongs to it.
#[derive(Clone)]
pub(super) struct MemoryNode {
    pub(super) record: NodeRecord,
    pub(super) entries: Entries,
    pub(super) xattrs: Option<Arc<Xattrs>>,
}

/// All nodes. `Clone` costs the same for ten nodes and ten million.
#[derive(Clone)]
pub(super) struct Nodes {
    pub(super) nodes: OrdMap<Inode, Arc<MemoryNode>>,
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
        Self {
            nodes: OrdMap::unit(ROOT, Arc::new(MemoryNode::new(root))),
            nameless: BTreeSet::new(),
            trash: OrdMap::new(),
            generation: 0,
        }
    }

    fn get_mut(&mut self, ino: Inode) -> Result<&mut MemoryNode> {
        let node = self.nodes.get_mut(&ino).ok_or_else(|| missing(ino))?;
        Ok(Arc::make_mut(node))
    }
}

impl MemoryNode {
    pub(super) fn new(record: NodeRecord) -> Self {
        Self {
            record,
            entries: OrdMap::new(),
            xattrs: None,
        }
    }
}

fn missing(ino: Inode) -> Error {
    Error::new(ErrorKind::Corrupted, "node").with_detail(format!("node {ino} is missing"))
}

/// How to take one change back.
enum Undo {
    Inserted(Inode),
    Updated(Inode, NodeRecord),
    Removed(Inode, Arc<MemoryNode>),
    Entry(Inode, Name, Option<(Inode, FileKind)>),
    Xattrs(Inode, Option<Arc<Xattrs>>),
    Nameless(Inode, bool),
    Referred(ContentId, i64),
    Trash(u64, Option<TrashRecord>),
}

/// A running transaction: changes are made in place, each with its way back.
pub(super) struct Transaction<'a> {
    nodes: &'a mut Nodes,
    contents: &'a Shared,
    undo: Vec<Undo>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(nodes: &'a mut Nodes, contents: &'a Shared) -> Self {
        Self {
            nodes,
            contents,
            undo: Vec::new(),
        }
    }

    /// Keeps the changes.
    pub(super) fn commit(mut self) {
        if !self.undo.is_empty() {
            self.nodes.generation += 1;
        }
        self.undo.clear();
    }

    /// Takes back all changes since the undo list had `mark` items.
    pub(super) fn roll_back(&mut self, mark: usize) -> Result<()> {
        while self.undo.len() > mark {
            let Some(undo) = self.undo.pop() else { break };
            match undo {
                Undo::Inserted(ino) => {
                    self.nodes.nodes.remove(&ino);
                }
                Undo::Updated(ino, record) => self.nodes.get_mut(ino)?.record = record,
                Undo::Removed(ino, node) => {
                    self.nodes.nodes.insert(ino, node);
                }
                Undo::Entry(dir, name, entry) => {
                    let entries = &mut self.nodes.get_mut(dir)?.entries;
                    match entry {
                        Some(entry) => entries.insert(name, entry),
                        None => entries.remove(&name),
                    };
                }
                Undo::Xattrs(ino, xattrs) => self.nodes.get_mut(ino)?.xattrs = xattrs,
                Undo::Nameless(ino, true) => {
                    self.nodes.nameless.insert(ino);
                }
                Undo::Nameless(ino, false) => {
                    self.nodes.nameless.remove(&ino);
                }
                Undo::Referred(content, change) => {
                    self.contents.contents.write().refer(content, -change)?;
                }
                Undo::Trash(id, item) => {
                    match item {
                        Some(item) => self.nodes.trash.insert(id, item),
                        None => self.nodes.trash.remove(&id),
                    };
                }
            }
        }
        Ok(())
    }
}

/// What was not committed did not happen, whatever ended it.
impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // Only a node missing from the map could fail here, and nothing takes one out without a way back.
        self.roll_back(0).ok();
    }
}

/// Reading, for a lone reader and inside a transaction alike.
pub(super) struct View<'a> {
    pub(super) nodes: &'a Nodes,
    pub(super) contents: &'a Shared,
}

impl NodeRead for View<'_> {
    fn node(&self, ino: Inode) -> Result<Option<NodeRecord>> {
        Ok(self.nodes.nodes.get(&ino).map(|node| node.record.clone()))
    }

    fn lookup(&self, dir: Inode, name: &OsStr) -> Result<Option<Inode>> {
        let dir = self.nodes.nodes.get(&dir);
        Ok(dir
            .and_then(|dir| dir.entries.get(name))
            .map(|(ino, _)| *ino))
    }

    fn entries(
        &self,
        dir: Inode,
        after: Option<&OsStr>,
        limit: usize,
        with_nodes: bool,
        each: &mut dyn FnMut(EntryRow<'_>),
    ) -> Result<bool> {
        let Some(dir) = self.nodes.nodes.get(&dir) else {
            return Ok(false);
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = dir.entries.range::<_, OsStr>((from, Bound::Unbounded));
        for (name, (ino, kind)) in rest.by_ref().take(limit) {
            let node = if with_nodes {
                Some(
                    &self
                        .nodes
                        .nodes
                        .get(ino)
                        .ok_or_else(|| missing(*ino))?
                        .record,
                )
            } else {
                None
            };
            each(EntryRow {
                name: name.as_os_str(),
                ino: *ino,
                kind: *kind,
                node,
            });
        }
        Ok(rest.next().is_some())
    }

    fn xattr(&self, ino: Inode, name: &OsStr) -> Result<Option<Vec<u8>>> {
        let xattrs = self
            .nodes
            .nodes
            .get(&ino)
            .and_then(|node| node.xattrs.as_ref());
        Ok(xattrs
            .and_then(|xattrs| xattrs.get(name))
            .map(|value| value.to_vec()))
    }

    fn xattrs(&self, ino: Inode) -> Result<Vec<OsString>> {
        let xattrs = self
            .nodes
            .nodes
            .get(&ino)
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

impl Transaction<'_> {
    fn view(&self) -> View<'_> {
        View {
            nodes: self.nodes,
            contents: self.contents,
        }
    }
}

impl NodeRead for Transaction<'_> {
    fn node(&self, ino: Inode) -> Result<Option<NodeRecord>> {
        self.view().node(ino)
    }
    fn lookup(&self, dir: Inode, name: &OsStr) -> Result<Option<Inode>> {
        self.view().lookup(dir, name)
    }
    fn entries(
        &self,
        dir: Inode,
        after: Option<&OsStr>,
        limit: usize,
        with_nodes: bool,
        each: &mut dyn FnMut(EntryRow<'_>),
    ) -> Result<bool> {
        self.view().entries(dir, after, limit, with_nodes, each)
    }
    fn xattr(&self, ino: Inode, name: &OsStr) -> Result<Option<Vec<u8>>> {
        self.view().xattr(ino, name)
    }
    fn xattrs(&self, ino: Inode) -> Result<Vec<OsString>> {
        self.view().xattrs(ino)
    }
    fn references(&self, content: ContentId) -> Result<u64> {
        self.view().references(content)
    }
    fn trash(&self) -> Result<Vec<TrashRecord>> {
        self.view().trash()
    }
    fn trash_item(&self, id: u64) -> Result<Option<TrashRecord>> {
        self.view().trash_item(id)
    }
    fn nameless(&self) -> Result<Vec<Inode>> {
        self.view().nameless()
    }
}

impl NodeWrite for Transaction<'_> {
    fn insert(&mut self, ino: Inode, record: &NodeRecord) -> Result<()> {
        let node = Arc::new(MemoryNode::new(record.clone()));
        self.nodes.nodes.insert(ino, node);
        self.undo.push(Undo::Inserted(ino));
        Ok(())
    }

    fn update(&mut self, ino: Inode, record: &NodeRecord) -> Result<()> {
        let old = std::mem::replace(&mut self.nodes.get_mut(ino)?.record, record.clone());
        self.undo.push(Undo::Updated(ino, old));
        Ok(())
    }

    fn remove(&mut self, ino: Inode) -> Result<()> {
        self.set_nameless(ino, false)?;
        let node = self.nodes.nodes.remove(&ino).ok_or_else(|| missing(ino))?;
        self.undo.push(Undo::Removed(ino, node));
        Ok(())
    }

    fn link(&mut self, dir: Inode, name: &Name, ino: Inode, kind: FileKind) -> Result<()> {
        let old = self
            .nodes
            .get_mut(dir)?
            .entries
            .insert(name.clone(), (ino, kind));
        self.undo.push(Undo::Entry(dir, name.clone(), old));
        Ok(())
    }

    fn unlink(&mut self, dir: Inode, name: &OsStr) -> Result<()> {
        let removed = self.nodes.get_mut(dir)?.entries.remove_with_key(name);
        if let Some((name, old)) = removed {
            self.undo.push(Undo::Entry(dir, name, Some(old)));
        }
        Ok(())
    }

    fn set_xattr(&mut self, ino: Inode, name: &OsStr, value: Option<&[u8]>) -> Result<()> {
        let slot = &mut self.nodes.get_mut(ino)?.xattrs;
        let old = slot.clone();
        let xattrs = Arc::make_mut(slot.get_or_insert_default());
        match value {
            Some(value) => xattrs.insert(name.to_owned(), value.into()),
            None => xattrs.remove(name),
        };
        if xattrs.is_empty() {
            *slot = None;
        }
        self.undo.push(Undo::Xattrs(ino, old));
        Ok(())
    }

    fn set_nameless(&mut self, ino: Inode, nameless: bool) -> Result<()> {
        let changed = if nameless {
            self.nodes.nameless.insert(ino)
        } else {
            self.nodes.nameless.remove(&ino)
        };
        if changed {
            self.undo.push(Undo::Nameless(ino, !nameless));
        }
        Ok(())
    }

    fn refer(&mut self, content: ContentId, change: i64) -> Result<u64> {
        let references = self.contents.contents.write().refer(content, change)?;
        self.undo.push(Undo::Referred(content, change));
        Ok(references)
    }

    fn flush_content(&mut self, _content: ContentId) -> Result<()> {
        Ok(())
    }

    fn insert_trash(&mut self, item: &TrashRecord) -> Result<()> {
        let old = self.nodes.trash.insert(item.id, item.clone());
        self.undo.push(Undo::Trash(item.id, old));
        Ok(())
    }

    fn remove_trash(&mut self, id: u64) -> Result<()> {
        let old = self.nodes.trash.remove(&id);
        self.undo.push(Undo::Trash(id, old));
        Ok(())
    }

    fn savepoint(&mut self, f: &mut dyn FnMut(&mut dyn NodeWrite) -> Result<()>) -> Result<()> {
        let mark = self.undo.len();
        f(self).or_else(|error| {
            self.roll_back(mark)?;
            Err(error)
        })
    }
}
