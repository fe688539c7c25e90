//! Staged nodes get their names: what they replace goes from the books as they come.

use std::collections::HashSet;
use std::sync::Arc;

use super::ledger::{Ledger, Reserved};
use super::scan::{self, OwnNodes};
use super::staged::{Parts, QuotaStaged};
use super::{Usage, existing};
use crate::backend::{Backend, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::Result;
use crate::metadata::{FileId, Metadata};

/// A commit with its books: what it replaces, and the room of what it brings.
pub(super) struct Pending {
    replaced: Option<Metadata>,
    /// All that goes with a directory the new node is exchanged for.
    tree: Option<OwnNodes>,
    content: Reserved,
    _node: Option<Reserved>,
}

impl Pending {
    /// Error: `NoSpace`, when one more node is needed and there is no room for it.
    pub(super) fn new(
        backend: &dyn Backend,
        ledger: &Arc<Ledger>,
        (parts, mode): (&Parts, RenameMode),
        content: Reserved,
    ) -> Result<Self> {
        let at = parts.at();
        let replaced = existing(backend, at)?;
        let keeps_inode = || {
            let able = backend.capabilities(at);
            able.contains(Capabilities::ATOMIC_KEEPS_INODE)
        };
        if parts.is_filled() && replaced.is_some_and(|old| ledger.is_open(old.id)) {
            parts.unshare()?;
        }
        // What replaces a node takes its place in the count.
        let needs_node = match &replaced {
            Some(old) if old.is_dir() || old.nlink <= 1 => false,
            Some(old) => !old.is_file() || !keeps_inode(),
            None => true,
        };
        let node = match needs_node {
            true => Some(ledger.reserve(Usage::ONE_NODE)?),
            false => None,
        };
        let tree = match &replaced {
            Some(old) if old.is_dir() && mode == RenameMode::Exchange => {
                Some(scan::only_here(backend, at)?)
            }
            _ => None,
        };
        Ok(Self {
            replaced,
            tree,
            content,
            _node: node,
        })
    }

    pub(super) fn settle(self, ledger: &Ledger, result: &Result<FileId>) {
        let Ok(id) = result else {
            return;
        };
        self.content.keep();
        match (self.replaced, self.tree) {
            // The same inode with new content.
            (Some(old), _) if old.id == *id => return ledger.lost_content(&old),
            (_, Some(tree)) => ledger.lost_tree(&tree),
            (Some(old), None) => ledger.lost_name(&old),
            (None, None) => {}
        }
        // Counted here for good; the reservation is given back.
        ledger.add(Usage::ONE_NODE);
    }
}

/// Commits a staged node while the caller holds the names.
pub(super) fn commit_one<B: Backend + 'static>(
    backend: &B,
    ledger: &Arc<Ledger>,
    staged: QuotaStaged<B>,
    mode: RenameMode,
) -> Result<FileId> {
    let (parts, content) = staged.into_parts()?;
    let pending = Pending::new(backend, ledger, (&parts, mode), content)?;
    let result = parts.staged.into_inner().commit(mode);
    pending.settle(ledger, &result);
    result
}

/// Do all go to different names of one directory, and replace at most what has no other name, so that what each replaces is known before?
pub(super) fn one_step<B: Backend + 'static>(
    backend: &B,
    staged: &[(Option<Box<QuotaStaged<B>>>, RenameMode)],
) -> bool {
    let mut names = HashSet::new();
    let mut dirs = HashSet::new();
    staged.iter().all(|(item, _)| {
        let Some(parts) = item.as_ref().and_then(|item| item.parts().ok()) else {
            return false;
        };
        let (dir, path) = parts.target();
        dirs.insert(dir);
        let is_single = existing(backend, parts.at())
            .is_ok_and(|old| old.is_none_or(|old| old.is_dir() || old.nlink <= 1));
        dirs.len() == 1 && names.insert(path) && is_single
    })
}
