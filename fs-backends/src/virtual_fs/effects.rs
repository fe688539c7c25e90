//! What follows from a committed transaction: content nobody names, handles on removed nodes, watchers.

use fs_core::Name;

use super::Shared;
use super::store::{ContentId, Inode, NodeRecord, NodeStore};

/// Collected inside a transaction, acted on after it.
#[derive(Default)]
pub(super) struct Effects {
    /// Contents whose last reference went.
    pub(super) orphans: Vec<ContentId>,
    /// Contents that got their first reference.
    pub(super) named: Vec<ContentId>,
    /// Nodes that went, as they were last.
    pub(super) removed: Vec<(Inode, NodeRecord)>,
    /// Entries that came, went or changed.
    pub(super) touched: Vec<(Inode, Name)>,
}

/// A moment to go back to when an item of a transaction fails.
#[derive(Clone, Copy)]
pub(super) struct Mark([usize; 4]);

impl Effects {
    pub(super) fn mark(&self) -> Mark {
        Mark([
            self.orphans.len(),
            self.named.len(),
            self.removed.len(),
            self.touched.len(),
        ])
    }

    pub(super) fn back_to(&mut self, mark: Mark) {
        let Mark([orphans, named, removed, touched]) = mark;
        self.orphans.truncate(orphans);
        self.named.truncate(named);
        self.removed.truncate(removed);
        self.touched.truncate(touched);
    }
}

impl<S: NodeStore> Shared<S> {
    /// Acts on what a committed transaction left to do.
    pub(super) fn follow_up(&self, effects: Effects) {
        for content in effects.named {
            self.open.held.set_orphan(content, false);
        }
        for (ino, record) in &effects.removed {
            self.open.detach(*ino, record);
        }
        for content in effects.orphans {
            if self.open.held.set_orphan(content, true) {
                self.reap_content(content);
            }
        }
        let gone = effects.removed.iter().map(|(ino, _)| *ino);
        self.watchers.tell(effects.touched, gone);
    }

    /// Content is freed after the change is committed; what can't be freed now is an orphan for the next sweep.
    ///
    /// Whoever took it for an orphan may have seen an older moment: a staged copy of it may have been named since, even in the same transaction.
    /// Nobody holds it any more, so that it can't be named from here on.
    pub(super) fn reap_content(&self, content: ContentId) {
        use super::store::ContentStore as _;
        let references = self.store.read(|read| read.references(content));
        if references.is_ok_and(|references| references == 0) {
            self.store.content().reap(content).ok();
        }
    }
}
