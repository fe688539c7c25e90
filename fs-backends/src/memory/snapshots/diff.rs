//! What differs between two moments, found without looking at what they share.
//!
//! Pages of nodes, entries of folders and chunks of content are compared by where they lie: what is shared is passed over. A node keeps the name it
//! got last ([`MemoryNode::home`]), so a changed one is found in the tree from below. Only a changed file that has, or had, several names is looked for.

use std::collections::{HashMap, HashSet};

use fs_core::snapshots::SnapshotChange;
use fs_core::{Control, FileKind, Metadata, Name, Result, VPath};
use imbl::ordmap::DiffItem;

use super::super::entry_name::EntryName;
use super::super::nodes::MemoryNode;
use super::super::store::Image;
use crate::virtual_fs::{Inode, ROOT, metadata};

/// All that differs, by path.
pub(super) fn diff(
    from: &Image,
    to: &Image,
    fs: u64,
    control: &Control,
) -> Result<Vec<SnapshotChange>> {
    let mut found = Finding {
        before: Side::new(from),
        after: Side::new(to),
        fs,
        control,
        several_names: HashSet::new(),
        changes: Vec::new(),
    };
    for (ino, before, after) in from.nodes.nodes.diff(&to.nodes.nodes) {
        control.check()?;
        // A node that only one moment has is found through its name.
        if let (Some(before), Some(after)) = (before, after) {
            found.node(ino, before, after)?;
        }
    }
    found.files_of_several_names()?;
    let mut changes = found.changes;
    changes.sort_by(|a, b| (&a.path, a.after.is_some()).cmp(&(&b.path, b.after.is_some())));
    Ok(changes)
}

/// One of the two moments.
struct Side<'a> {
    image: &'a Image,
    /// Paths of folders; `None`: it is not in the tree.
    folders: HashMap<Inode, Option<VPath>>,
    trash: Option<HashSet<Inode>>,
    /// A name of each node, read from all folders when one is not where it was put last.
    names: Option<HashMap<Inode, Place<'a>>>,
}

/// A folder, and a name in it.
type Place<'a> = (Inode, &'a EntryName);

impl<'a> Side<'a> {
    fn new(image: &'a Image) -> Self {
        Self {
            image,
            folders: HashMap::from([(ROOT, Some(VPath::root()))]),
            trash: None,
            names: None,
        }
    }

    fn node(&self, ino: Inode) -> Option<&'a MemoryNode> {
        self.image.nodes.nodes.get(ino)
    }

    /// Where a node is that has one name; `None`: not in the tree, or in a folder that is not.
    fn home(&mut self, ino: Inode) -> Option<Place<'a>> {
        let node = self.node(ino)?;
        if let Some((dir, name)) = &node.home {
            let entry = self.node(*dir).and_then(|dir| dir.entries.get(name));
            if entry.is_some_and(|(found, _)| *found == ino) {
                return Some((*dir, name));
            }
        }
        match node.record.kind {
            // Only a file that had several names is anywhere else than it was put last.
            FileKind::Directory => None,
            _ => self.lost(ino),
        }
    }

    fn lost(&mut self, ino: Inode) -> Option<Place<'a>> {
        let nodes = &self.image.nodes;
        let in_trash = || nodes.trash.values().map(|item| item.ino).collect();
        if self.trash.get_or_insert_with(in_trash).contains(&ino) {
            return None;
        }
        let all = || {
            let folders = nodes.nodes.iter();
            let names =
                folders.flat_map(|(dir, node)| node.entries.iter().map(move |it| (dir, it)));
            names
                .map(|(dir, (name, (ino, _)))| (*ino, (dir, name)))
                .collect()
        };
        self.names.get_or_insert_with(all).get(&ino).copied()
    }

    /// The path of a folder.
    fn folder(&mut self, ino: Inode) -> Option<VPath> {
        let mut names: Vec<(Inode, &EntryName)> = Vec::new();
        let mut at = ino;
        let base = loop {
            if let Some(known) = self.folders.get(&at) {
                break known.clone();
            }
            match self.home(at) {
                // A loop can't be, but must not last for ever.
                Some((dir, name)) if names.len() <= self.image.nodes.nodes.len() => {
                    names.push((at, name));
                    at = dir;
                }
                _ => break None,
            }
        };
        let mut path = base;
        for (ino, name) in names.into_iter().rev() {
            path = path.and_then(|path| join(&path, name));
            self.folders.insert(ino, path.clone());
        }
        path
    }

    /// The path of a node with one name.
    fn path(&mut self, ino: Inode) -> Option<VPath> {
        if ino == ROOT {
            return Some(VPath::root());
        }
        let (dir, name) = self.home(ino)?;
        join(&self.folder(dir)?, name)
    }
}

fn join(dir: &VPath, name: &EntryName) -> Option<VPath> {
    Some(dir.join(&Name::new(name.as_os_str()).ok()?))
}

/// Has it exactly one name, as far as it has any?
fn has_one_name(node: &MemoryNode) -> bool {
    node.record.kind == FileKind::Directory || node.record.nlink <= 1
}

struct Finding<'a> {
    before: Side<'a>,
    after: Side<'a>,
    fs: u64,
    control: &'a Control,
    /// Files that changed and have several names.
    several_names: HashSet<Inode>,
    changes: Vec<SnapshotChange>,
}

/// Which moment an entry is in, when the other has not got it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Only {
    Before,
    After,
}

impl<'a> Finding<'a> {
    /// A node that both moments have, and that may differ.
    fn node(&mut self, ino: Inode, before: &'a MemoryNode, after: &'a MemoryNode) -> Result<()> {
        if before.record.kind == FileKind::Directory && !before.entries.ptr_eq(&after.entries) {
            self.entries(ino, before, after)?;
        }
        let differs = self.differs(before, after);
        if !has_one_name(before) || !has_one_name(after) {
            if differs {
                self.several_names.insert(ino);
            }
            return Ok(());
        }
        let moved = self.before.home(ino) != self.after.home(ino);
        if !moved && !differs {
            return Ok(());
        }
        if let (Some(old), Some(new)) = (self.before.path(ino), self.after.path(ino)) {
            let (before, after) = (self.metadata(ino, before), self.metadata(ino, after));
            self.changes.push(SnapshotChange {
                path: new,
                moved_from: moved.then_some(old),
                before: Some(before),
                after: Some(after),
            });
        }
        Ok(())
    }

    fn metadata(&self, ino: Inode, node: &MemoryNode) -> Metadata {
        metadata(self.fs, ino, &node.record)
    }

    /// Does it differ by more than its names, and by more than the times of a folder?
    fn differs(&self, before: &MemoryNode, after: &MemoryNode) -> bool {
        let (old, new) = (&before.record, &after.record);
        let attributes = (old.mode, old.uid, old.gid, old.rdev)
            != (new.mode, new.uid, new.gid, new.rdev)
            || old.target != new.target
            || before.xattrs != after.xattrs;
        if old.kind == FileKind::Directory {
            return attributes;
        }
        let bytes = |side: &Side<'a>, node: &MemoryNode| {
            let held = side.image.contents.get(node.record.content);
            held.map(|held| &held.bytes)
        };
        attributes
            || (old.mtime, old.size, old.content) != (new.mtime, new.size, new.content)
            || match (bytes(&self.before, before), bytes(&self.after, after)) {
                (Some(old), Some(new)) => !old.is_same(new),
                (old, new) => old.is_some() != new.is_some(),
            }
    }

    /// Names in a folder of both moments.
    fn entries(&mut self, dir: Inode, before: &'a MemoryNode, after: &'a MemoryNode) -> Result<()> {
        let (Some(old_dir), Some(new_dir)) = (self.before.folder(dir), self.after.folder(dir))
        else {
            // It came into the tree, or left it: then its own name tells.
            return Ok(());
        };
        for item in before.entries.diff(&after.entries) {
            self.control.check()?;
            let (name, old, new) = match item {
                DiffItem::Add(name, new) => (name, None, Some(new.0)),
                DiffItem::Remove(name, old) => (name, Some(old.0), None),
                DiffItem::Update { old, new } => (old.0, Some(old.1.0), Some(new.1.0)),
            };
            let old = old.filter(|ino| !self.is_elsewhere(*ino));
            let new = new.filter(|ino| !self.is_elsewhere(*ino));
            let (old_path, new_path) = (join(&old_dir, name), join(&new_dir, name));
            match (old, new, new_path) {
                (Some(old), Some(new), Some(path)) => {
                    let (before, after) = (self.before.node(old), self.after.node(new));
                    let before = before.map(|node| self.metadata(old, node));
                    let after = after.map(|node| self.metadata(new, node));
                    self.changes.push(SnapshotChange {
                        path: path.clone(),
                        moved_from: None,
                        before,
                        after,
                    });
                    if let Some(old_path) = old_path {
                        self.below(Only::Before, old, old_path)?;
                    }
                    self.below(Only::After, new, path)?;
                }
                (old, new, new_path) => {
                    if let (Some(ino), Some(path)) = (old, old_path) {
                        self.whole(Only::Before, ino, path)?;
                    }
                    if let (Some(ino), Some(path)) = (new, new_path) {
                        self.whole(Only::After, ino, path)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Is it in the tree at both moments, with one name? Then it is told of as the one node it is.
    fn is_elsewhere(&mut self, ino: Inode) -> bool {
        let (Some(before), Some(after)) = (self.before.node(ino), self.after.node(ino)) else {
            return false;
        };
        has_one_name(before)
            && has_one_name(after)
            && self.before.path(ino).is_some()
            && self.after.path(ino).is_some()
    }

    /// Something only one moment has, with all below it.
    fn whole(&mut self, only: Only, ino: Inode, path: VPath) -> Result<()> {
        self.one(only, ino, path.clone());
        self.below(only, ino, path)
    }

    fn one(&mut self, only: Only, ino: Inode, path: VPath) {
        let side = match only {
            Only::Before => &self.before,
            Only::After => &self.after,
        };
        let seen = side.node(ino).map(|node| self.metadata(ino, node));
        let (before, after) = match only {
            Only::Before => (seen, None),
            Only::After => (None, seen),
        };
        self.changes.push(SnapshotChange {
            path,
            moved_from: None,
            before,
            after,
        });
    }

    fn below(&mut self, only: Only, ino: Inode, path: VPath) -> Result<()> {
        let mut folders = vec![(ino, path)];
        while let Some((dir, path)) = folders.pop() {
            let side = match only {
                Only::Before => &self.before,
                Only::After => &self.after,
            };
            let Some(node) = side.node(dir) else { continue };
            for (name, (ino, kind)) in &node.entries {
                self.control.check()?;
                if self.is_elsewhere(*ino) {
                    continue;
                }
                let Some(path) = join(&path, name) else {
                    continue;
                };
                if *kind == FileKind::Directory {
                    folders.push((*ino, path.clone()));
                }
                self.one(only, *ino, path);
            }
        }
        Ok(())
    }

    /// Changed files with several names, under each name that both moments have for them.
    fn files_of_several_names(&mut self) -> Result<()> {
        if self.several_names.is_empty() {
            return Ok(());
        }
        let after = self.after.image;
        for (dir, node) in after.nodes.nodes.iter() {
            self.control.check()?;
            for (name, (ino, _)) in &node.entries {
                if !self.several_names.contains(ino) {
                    continue;
                }
                let before = self.before.node(dir);
                let old = before.and_then(|dir| dir.entries.get(name));
                if old.is_none_or(|(old, _)| old != ino) {
                    continue;
                }
                let path = self.after.folder(dir).and_then(|dir| join(&dir, name));
                if let (Some(path), Some(before), Some(after)) =
                    (path, self.before.node(*ino), self.after.node(*ino))
                {
                    let (before, after) = (self.metadata(*ino, before), self.metadata(*ino, after));
                    self.changes.push(SnapshotChange {
                        path,
                        moved_from: None,
                        before: Some(before),
                        after: Some(after),
                    });
                }
            }
        }
        Ok(())
    }
}
