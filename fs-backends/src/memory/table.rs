//! Nodes by number, in pages that snapshots share.
//!
//! Numbers are counted up, so nodes made together lie together: a page found once serves its neighbours, and a node is one step from its page.

use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::nodes::MemoryNode;
use crate::virtual_fs::Inode;

/// Nodes in a page. A change after a snapshot copies one page; a page goes with its last node.
const SLOTS: usize = 32;

type Slots = [Option<MemoryNode>; SLOTS];

/// Equal pages are one page that is shared.
#[derive(Clone)]
struct Page(Arc<Slots>);

impl PartialEq for Page {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A number, and the node that had it before and has it after.
pub(super) type NodeChange<'a> = (Inode, Option<&'a MemoryNode>, Option<&'a MemoryNode>);

static NO_NODES: Slots = [const { None }; SLOTS];

/// A map from numbers to nodes. `Clone` costs the same for ten nodes and ten million.
#[derive(Clone, Default)]
pub(super) struct NodeTable {
    pages: OrdMap<u64, Page>,
    len: usize,
}

/// The page of a number, and where in it.
fn place(ino: Inode) -> (u64, usize) {
    (ino / SLOTS as u64, (ino % SLOTS as u64) as usize)
}

impl NodeTable {
    /// How many nodes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The node.
    pub(super) fn get(&self, ino: Inode) -> Option<&MemoryNode> {
        self.place_of(ino)?.as_ref()
    }

    /// Where the node is, or was, without looking at it.
    pub(super) fn place_of(&self, ino: Inode) -> Option<&Option<MemoryNode>> {
        let (page, slot) = place(ino);
        self.pages.get(&page)?.0.get(slot)
    }

    /// The node, to be changed; its page is copied first when a snapshot shares it.
    pub(super) fn get_mut(&mut self, ino: Inode) -> Option<&mut MemoryNode> {
        let (page, slot) = place(ino);
        Arc::make_mut(&mut self.pages.get_mut(&page)?.0)
            .get_mut(slot)?
            .as_mut()
    }

    /// Puts a node in; what had its number comes out.
    pub(super) fn insert(&mut self, ino: Inode, node: MemoryNode) -> Option<MemoryNode> {
        let (page, slot) = place(ino);
        let page = self
            .pages
            .entry(page)
            .or_insert_with(|| Page(Arc::new([const { None }; SLOTS])));
        let old = Arc::make_mut(&mut page.0).get_mut(slot)?.replace(node);
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, ino: Inode) -> Option<MemoryNode> {
        let (number, slot) = place(ino);
        self.get(ino)?;
        let page = Arc::make_mut(&mut self.pages.get_mut(&number)?.0);
        let old = page.get_mut(slot)?.take();
        if page.iter().all(Option::is_none) {
            self.pages.remove(&number);
        }
        self.len -= usize::from(old.is_some());
        old
    }

    /// The nodes on pages that are others in `new`, by number; among them are all that differ.
    pub(super) fn diff<'a>(&'a self, new: &'a Self) -> impl Iterator<Item = NodeChange<'a>> {
        let pages = self.pages.diff(&new.pages).map(|item| match item {
            DiffItem::Add(page, after) => (*page, &NO_NODES, &*after.0),
            DiffItem::Remove(page, before) => (*page, &*before.0, &NO_NODES),
            DiffItem::Update { old, new } => (*old.0, &*old.1.0, &*new.1.0),
        });
        pages.flat_map(|(page, before, after)| {
            let first = page * SLOTS as u64;
            let slots = (first..).zip(before.iter().zip(after));
            slots.filter_map(|(ino, (before, after))| match (before, after) {
                (None, None) => None,
                (before, after) => Some((ino, before.as_ref(), after.as_ref())),
            })
        })
    }

    /// All nodes, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Inode, &MemoryNode)> {
        self.pages.iter().flat_map(|(page, nodes)| {
            let first = page * SLOTS as u64;
            let slots = (0..).zip(nodes.0.iter());
            slots.filter_map(move |(slot, node)| Some((first + slot, node.as_ref()?)))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fs_core::{FileKind, Time};
    use proptest::prelude::*;

    use super::super::nodes::Nodes;
    use super::*;
    use crate::virtual_fs::ROOT;

    /// A node that can be told from others.
    fn node(size: u64) -> MemoryNode {
        let nodes = Nodes::new(Time::default());
        let mut node = nodes.nodes.get(ROOT).unwrap().clone();
        node.record.kind = FileKind::File;
        node.record.size = size;
        node
    }

    fn content(table: &NodeTable) -> BTreeMap<Inode, u64> {
        table
            .iter()
            .map(|(ino, node)| (ino, node.record.size))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn behaves_as_a_map_and_copies_never_change(
            steps in prop::collection::vec((0..3u8, prop_oneof![0..100u64, Just(u64::MAX), Just(1 << 40)]), 1..80)
        ) {
            let (mut table, mut model) = (NodeTable::default(), BTreeMap::new());
            let mut copies = Vec::new();
            for (size, (step, ino)) in (1..).zip(steps) {
                copies.push((table.clone(), model.clone()));
                match step {
                    0 => prop_assert_eq!(table.insert(ino, node(size)).map(|node| node.record.size), model.insert(ino, size)),
                    1 => prop_assert_eq!(table.remove(ino).map(|node| node.record.size), model.remove(&ino)),
                    _ => {
                        let found = table.get_mut(ino).map(|node| node.record.size = size);
                        prop_assert_eq!(found, model.get_mut(&ino).map(|old| *old = size));
                    }
                }
            }
            copies.push((table, model));
            for (table, model) in copies {
                prop_assert_eq!(table.len(), model.len());
                prop_assert_eq!(content(&table), model);
            }
        }
    }
}
