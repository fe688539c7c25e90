//! What follows from a committed transaction: content nobody names, handles on removed nodes, watchers.

use foldhash::HashSet;
use fs_core::{Name, Result};

use super::Shared;
use super::open_file::Xattrs;
use super::rules::Rules;
use super::store::{ContentId, Inode, NodeRecord, NodeStore};

/// Collected inside a transaction, acted on after it.
#[derive(Default)]
pub(super) struct Effects {
    /// Contents whose last reference went.
    pub(super) orphans: Vec<ContentId>,
    /// Contents that got their first reference.
    pub(super) named: Vec<ContentId>,
    /// Nodes that went.
    pub(super) removed: Vec<Gone>,
    /// Entries that came, went or changed.
    pub(super) touched: Vec<(Inode, Name)>,
    /// Directories whose times are those of this transaction already.
    pub(super) current: HashSet<Inode>,
}

/// A node that went, as it was last.
pub(super) struct Gone {
    pub(super) ino: Inode,
    pub(super) record: NodeRecord,
    /// Of an open file, which keeps them as long as it is open.
    pub(super) xattrs: Xattrs,
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
        self.current.clear();
    }
}

impl<S: NodeStore> Shared<S> {
    /// Acts on what a committed transaction left to do.
    pub(super) fn follow_up(&self, effects: Effects) {
        for content in effects.named {
            self.open.held.set_orphan(content, false);
        }
        let gone: Vec<Inode> = effects.removed.iter().map(|gone| gone.ino).collect();
        for gone in effects.removed {
            self.open.detach(gone);
        }
        let mut orphans = effects.orphans;
        orphans.retain(|content| self.open.held.set_orphan(*content, true));
        self.reap_contents(orphans);
        self.watchers.tell(effects.touched, gone);
    }

    /// Content is freed after the change is committed; what can't be freed now is an orphan for the next sweep.
    ///
    /// Whoever took it for an orphan may have seen an older moment: a staged copy of it may have been named since, even in the same transaction.
    /// Nobody holds it any more, so that it can't be named from here on.
    pub(super) fn reap_contents(&self, mut contents: Vec<ContentId>) {
        use super::store::ContentStore as _;
        if contents.is_empty() {
            return;
        }
        if !self.store.content().looks_before_reaping() {
            let unnamed = self.store.read(|read| {
                let mut result = Ok(());
                contents.retain(|content| match read.references(*content) {
                    Ok(references) => references == 0,
                    Err(error) => {
                        result = Err(error);
                        false
                    }
                });
                result
            });
            if unnamed.is_err() {
                return;
            }
        }
        for content in contents {
            self.store.content().reap(content).ok();
        }
    }

    /// Runs `f` for each item in one transaction; each succeeds or fails by itself.
    ///
    /// A savepoint makes SQLite keep a copy of every page before it changes. An item that fails has changed nothing by then, as good as always: only
    /// when one has, all is undone and done again with savepoints.
    pub(super) fn transact_each<I: Sync, T: Send>(
        &self,
        items: &[I],
        f: impl Fn(&mut Rules<'_>, &I) -> Result<T> + Sync,
    ) -> Result<Vec<Result<T>>> {
        let mut half_done = false;
        let done = self.transact(|rules| {
            let item = |item| rules.item_if_whole(&mut half_done, |rules| f(rules, item));
            items.iter().map(item).collect()
        });
        if !half_done {
            return done;
        }
        self.transact(|rules| {
            let item = |item| rules.item(|rules| f(rules, item));
            Ok(items.iter().map(item).collect())
        })
    }
}
