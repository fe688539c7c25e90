//! Changing the nodes of a memory filesystem: in place, each change with its way back.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use fs_core::{FileKind, Name, Result};

use super::content::Shared;
use super::entry_name::EntryName;
use super::nodes::{Home, MemoryNode, Nodes, View, Xattrs, missing};
use crate::virtual_fs::{
    Changes, ContentId, EntryRow, Inode, NodeRead, NodeRecord, NodeWrite, TrashRecord,
};

/// How to take one change back. Boxes keep the list small: most changes are new nodes and names.
enum Undo {
    Inserted(Inode),
    Updated(Inode, Box<NodeRecord>),
    Removed(Inode, Box<MemoryNode>),
    Entry(Inode, EntryName, Option<(Inode, FileKind)>),
    Home(Inode, Option<Home>),
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

    /// Keeps the changes; answers which, and the generation it is now, unless there are none.
    pub(super) fn commit(mut self) -> Option<(u64, Changes)> {
        if self.undo.is_empty() {
            return None;
        }
        self.nodes.generation += 1;
        let mut changes = Changes::default();
        for undo in self.undo.drain(..) {
            match undo {
                Undo::Entry(dir, name, _) => changes.name(dir, name.as_os_str()),
                Undo::Updated(ino, _) | Undo::Removed(ino, _) => changes.node(ino),
                // Nobody can know anything of a new node, and the rest is remembered by nobody.
                Undo::Inserted(_)
                | Undo::Home(..)
                | Undo::Xattrs(..)
                | Undo::Nameless(..)
                | Undo::Referred(..)
                | Undo::Trash(..) => {}
            }
        }
        Some((self.nodes.generation, changes))
    }

    /// Takes back all changes since the undo list had `mark` items.
    pub(super) fn roll_back(&mut self, mark: usize) -> Result<()> {
        while self.undo.len() > mark {
            let Some(undo) = self.undo.pop() else { break };
            match undo {
                Undo::Inserted(ino) => {
                    self.nodes.nodes.remove(ino);
                }
                Undo::Updated(ino, record) => self.nodes.get_mut(ino)?.record = *record,
                Undo::Removed(ino, node) => {
                    self.nodes.nodes.insert(ino, *node);
                }
                Undo::Entry(dir, name, entry) => {
                    let entries = &mut self.nodes.get_mut(dir)?.entries;
                    match entry {
                        Some(entry) => entries.insert(name, entry),
                        None => entries.remove(&name),
                    };
                }
                Undo::Home(ino, home) => self.nodes.get_mut(ino)?.home = home,
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

impl Transaction<'_> {
    fn view(&self) -> View<'_> {
        View {
            nodes: self.nodes,
            contents: self.contents,
            log: None,
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
    fn every_entry(&self, each: &mut dyn FnMut(Inode, EntryRow<'_>) -> Result<()>) -> Result<()> {
        self.view().every_entry(each)
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
        self.nodes
            .nodes
            .insert(ino, MemoryNode::new(record.clone()));
        self.undo.push(Undo::Inserted(ino));
        Ok(())
    }

    fn update(&mut self, ino: Inode, record: &NodeRecord) -> Result<()> {
        let old = std::mem::replace(&mut self.nodes.get_mut(ino)?.record, record.clone());
        self.undo.push(Undo::Updated(ino, Box::new(old)));
        Ok(())
    }

    fn remove(&mut self, ino: Inode) -> Result<()> {
        self.set_nameless(ino, false)?;
        let node = self.nodes.nodes.remove(ino).ok_or_else(|| missing(ino))?;
        self.undo.push(Undo::Removed(ino, Box::new(node)));
        Ok(())
    }

    fn link(&mut self, dir: Inode, name: &Name, ino: Inode, kind: FileKind) -> Result<()> {
        let name = EntryName::from(name);
        let entries = &mut self.nodes.get_mut(dir)?.entries;
        let old = entries.insert(name.clone(), (ino, kind));
        self.undo.push(Undo::Entry(dir, name.clone(), old));
        if let Some(node) = self.nodes.nodes.get_mut(ino) {
            self.undo
                .push(Undo::Home(ino, node.home.replace((dir, name))));
        }
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
