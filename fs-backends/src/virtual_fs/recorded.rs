//! A transaction that notes which nodes and names it changes, for who wants to hear of all of them.
//!
//! It lies below the rules, so that no change can be forgotten. What is undone inside the transaction stays noted: to hear of too much harms nobody.

use std::ffi::{OsStr, OsString};

use fs_core::extensions::TreeEvent;
use fs_core::{FileId, FileKind, Name, Result};

use super::store::{
    ContentId, EntryRow, Inode, Leaves, NodeRead, NodeRecord, NodeWrite, TrashRecord,
};

/// The transaction `write` of the filesystem `fs`; what it changes goes to `seen`.
pub(super) struct Recorded<'t> {
    pub(super) write: &'t mut dyn NodeWrite,
    pub(super) fs: u64,
    pub(super) seen: &'t mut Vec<TreeEvent>,
}

impl Recorded<'_> {
    fn id(&self, ino: Inode) -> FileId {
        FileId { fs: self.fs, ino }
    }

    fn node_changes(&mut self, ino: Inode) {
        let event = TreeEvent::Node(self.id(ino));
        if self.seen.last() != Some(&event) {
            self.seen.push(event);
        }
    }
}

impl NodeRead for Recorded<'_> {
    fn node(&self, ino: Inode) -> Result<Option<NodeRecord>> {
        self.write.node(ino)
    }

    fn lookup(&self, dir: Inode, name: &OsStr) -> Result<Option<Inode>> {
        self.write.lookup(dir, name)
    }

    fn entries(
        &self,
        dir: Inode,
        after: Option<&OsStr>,
        limit: usize,
        with_nodes: bool,
        each: &mut dyn FnMut(EntryRow<'_>),
    ) -> Result<bool> {
        self.write.entries(dir, after, limit, with_nodes, each)
    }

    fn every_entry(&self, each: &mut dyn FnMut(Inode, EntryRow<'_>) -> Result<()>) -> Result<()> {
        self.write.every_entry(each)
    }

    fn xattr(&self, ino: Inode, name: &OsStr) -> Result<Option<Vec<u8>>> {
        self.write.xattr(ino, name)
    }

    fn xattrs(&self, ino: Inode) -> Result<Vec<OsString>> {
        self.write.xattrs(ino)
    }

    fn references(&self, content: ContentId) -> Result<u64> {
        self.write.references(content)
    }

    fn trash(&self) -> Result<Vec<TrashRecord>> {
        self.write.trash()
    }

    fn trash_item(&self, id: u64) -> Result<Option<TrashRecord>> {
        self.write.trash_item(id)
    }

    fn nameless(&self) -> Result<Vec<Inode>> {
        self.write.nameless()
    }
}

impl NodeWrite for Recorded<'_> {
    fn insert(&mut self, ino: Inode, record: &NodeRecord) -> Result<()> {
        self.write.insert(ino, record)
    }

    fn update(&mut self, ino: Inode, record: &NodeRecord) -> Result<()> {
        self.node_changes(ino);
        self.write.update(ino, record)
    }

    fn remove(&mut self, ino: Inode) -> Result<()> {
        self.node_changes(ino);
        self.write.remove(ino)
    }

    fn link(&mut self, dir: Inode, name: &Name, ino: Inode, kind: FileKind) -> Result<()> {
        let entry = TreeEvent::Entry(self.id(dir), name.clone());
        self.seen.push(entry);
        self.write.link(dir, name, ino, kind)
    }

    fn unlink(&mut self, dir: Inode, name: &OsStr) -> Result<()> {
        if let Ok(name) = Name::new(name) {
            let entry = TreeEvent::Entry(self.id(dir), name);
            self.seen.push(entry);
        }
        self.write.unlink(dir, name)
    }

    fn set_xattr(&mut self, ino: Inode, name: &OsStr, value: Option<&[u8]>) -> Result<()> {
        self.node_changes(ino);
        self.write.set_xattr(ino, name, value)
    }

    fn set_nameless(&mut self, ino: Inode, nameless: bool) -> Result<()> {
        self.write.set_nameless(ino, nameless)
    }

    fn refer(&mut self, content: ContentId, change: i64) -> Result<u64> {
        self.write.refer(content, change)
    }

    fn flush_content(&mut self, content: ContentId) -> Result<()> {
        self.write.flush_content(content)
    }

    fn adopt(&mut self, content: ContentId) -> Result<()> {
        self.write.adopt(content)
    }

    fn insert_trash(&mut self, item: &TrashRecord) -> Result<()> {
        self.write.insert_trash(item)
    }

    fn remove_trash(&mut self, id: u64) -> Result<()> {
        self.write.remove_trash(id)
    }

    /// Only below folders that have no name any more, so that nobody finds the names.
    fn remove_leaves(&mut self, dirs: &[Inode], limit: usize) -> Result<Leaves> {
        let leaves = self.write.remove_leaves(dirs, limit)?;
        let gone = &leaves.gone;
        gone.iter().for_each(|(ino, _)| self.node_changes(*ino));
        Ok(leaves)
    }

    fn is_wanted(&self) -> bool {
        self.write.is_wanted()
    }

    fn changes(&self) -> Option<u64> {
        self.write.changes()
    }

    fn savepoint(&mut self, f: &mut dyn FnMut(&mut dyn NodeWrite) -> Result<()>) -> Result<()> {
        let (fs, seen) = (self.fs, &mut *self.seen);
        self.write.savepoint(&mut |write| {
            let seen = &mut *seen;
            f(&mut Recorded { write, fs, seen })
        })
    }
}
