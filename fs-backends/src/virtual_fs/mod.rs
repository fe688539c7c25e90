//! POSIX rules for every virtual filesystem, written once over a store of nodes and a store of bytes.
//!
//! | module | what it owns |
//! |---|---|
//! | `store` | the two seams: [`NodeStore`] and [`ContentStore`] |
//! | `resolve`, `paths` | from a place to a node, without following links |
//! | `rules` | create, link, unlink, rmdir, attributes: what a change means |
//! | `record` | what a new node is born with; set-id bits |
//! | `rename` | the rename table, for names and for staged nodes |
//! | `effects` | what follows from a committed transaction: orphans, watchers |
//! | `recorded` | what a transaction changes, for who keeps copies of all of it |
//! | `open_file`, `write`, `hold` | one state for all handles of a file; private, shared and replaced content |
//! | `handle`, `staged`, `listing` | what the caller holds |
//! | `looked_up`, `listed`, `name_index` | what was read already: single names, folders as they were listed last, all names |
//! | `changes` | what transactions changed since, so that it can be brought up to date |
//! | `appear` | staged nodes becoming visible |
//! | `trash`, `watch`, `reap` | deleted things, change events, removing trees |
//!
//! Locks are taken in the order: state of an open file, the store, then the small tables here (which enter nothing).

use std::sync::Arc;

use fs_core::{Result, Time};

mod appear;
mod backend;
mod changes;
mod effects;
mod handle;
mod hold;
mod listed;
mod listing;
mod looked_up;
mod name_index;
mod open_file;
mod paths;
mod reap;
mod record;
mod recorded;
mod rename;
mod resolve;
mod rules;
mod staged;
mod store;
mod trash;
mod watch;
mod write;

#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;

pub(crate) use changes::ChangeLog;
pub use changes::Changes;
pub(crate) use handle::metadata;
pub use store::{
    Content, ContentId, ContentStore, EntryRow, Inode, Leaves, NodeRead, NodeRecord, NodeStore,
    NodeWrite, ROOT, TrashRecord,
};

use effects::Effects;
use listed::Listed;
use looked_up::LookedUp;
use name_index::LastIndex;
use open_file::OpenFiles;
use paths::Paths;
use recorded::Recorded;
use rules::Rules;
use watch::Watchers;

/// A filesystem with the rules of POSIX over a [`NodeStore`].
pub struct VirtualFs<S: NodeStore> {
    shared: Arc<Shared<S>>,
}

/// What the filesystem and everything opened from it have in common.
struct Shared<S: NodeStore> {
    store: S,
    fs: u64,
    open: OpenFiles<S>,
    paths: Paths,
    looked_up: LookedUp,
    listed: Listed,
    name_index: LastIndex,
    watchers: Watchers,
}

impl<S: NodeStore> VirtualFs<S> {
    /// The filesystem kept in `store`. Removes what a killed process left outside the tree.
    pub fn over(store: S) -> Result<Self> {
        let fs = Self::unswept(store);
        fs.shared.sweep()?;
        Ok(fs)
    }

    /// As [`VirtualFs::over`], for a store in which a failed sweep leaves nothing worse behind than nameless nodes.
    pub(crate) fn over_swept(store: S) -> Self {
        let fs = Self::unswept(store);
        fs.shared.sweep().ok();
        fs
    }

    fn unswept(store: S) -> Self {
        Self {
            shared: Arc::new(Shared {
                fs: store.fs_id(),
                store,
                open: OpenFiles::default(),
                paths: Paths::default(),
                looked_up: LookedUp::default(),
                listed: Listed::default(),
                name_index: LastIndex::default(),
                watchers: Watchers::default(),
            }),
        }
    }

    /// Lets `replace` put other nodes and contents into the store (it is told which contents are open) and brings open files and watchers in line.
    pub(crate) fn restore_with(
        &self,
        replace: impl FnOnce(&[ContentId]) -> Result<()>,
    ) -> Result<()> {
        replace(&self.shared.open.held.contents())?;
        for file in self.shared.open.all() {
            file.refresh()?;
        }
        self.shared.watchers.tell_all();
        Ok(())
    }

    /// The store below.
    pub fn store(&self) -> &S {
        &self.shared.store
    }
}

impl<S: NodeStore> Shared<S> {
    /// Runs `f` in one transaction and then does what follows from it.
    fn transact<T: Send>(&self, f: impl FnOnce(&mut Rules<'_>) -> Result<T> + Send) -> Result<T> {
        let (mut effects, mut leaving) = (Effects::default(), Vec::new());
        let mut seen = self.watchers.hear_all().then(Vec::new);
        let (new_ino, fs) = (|| self.store.new_ino(), self.fs);
        let is_open = |ino| self.open.has(ino);
        let result = self.store.write(|write| {
            let effects = &mut effects;
            let run = |write: &mut dyn NodeWrite| {
                let done = f(&mut Rules {
                    write,
                    new_ino: &new_ino,
                    is_open: &is_open,
                    fs,
                    now: Time::now(),
                    effects,
                });
                leaving = self.open.leave(&effects.removed);
                done
            };
            match &mut seen {
                Some(seen) => run(&mut Recorded { write, fs, seen }),
                None => run(write),
            }
        })?;
        self.watchers.tell_all_of(seen.unwrap_or_default());
        self.follow_up(effects);
        drop(leaving);
        Ok(result)
    }
}
