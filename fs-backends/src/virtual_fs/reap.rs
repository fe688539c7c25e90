//! Removing trees outside the visible one: purged, replaced by a staged node, or left by a crash.

use fs_core::{FileKind, Name, Result};

use super::Shared;
use super::rules::Rules;
use super::store::{Inode, NodeStore};

/// Entries removed in one transaction, so that others get their turn.
const BATCH: usize = 1000;

/// What a look into a directory found.
enum Found {
    /// Entries that hold nothing, and whether there was nothing else.
    Leaves(Vec<(Name, Inode)>, bool),
    /// A directory to empty first.
    Below(Inode),
}

impl<S: NodeStore> Shared<S> {
    /// Removes what a killed process left outside the tree.
    pub(super) fn sweep(&self) -> Result<()> {
        let nameless = self.store.read(|read| read.nameless())?;
        nameless.into_iter().try_for_each(|ino| self.reap_tree(ino))
    }

    /// Removes a node that has no name and is marked so, with all below it. A crash in between leaves the rest to the next sweep.
    pub(super) fn reap_tree(&self, top: Inode) -> Result<()> {
        let mut path = vec![top];
        while let Some(&at) = path.last() {
            let below = self.transact(|rules| rules.reap_some(at, at == top))?;
            match below {
                Some(Some(dir)) => path.push(dir),
                Some(None) => {}
                None => drop(path.pop()),
            }
        }
        Ok(())
    }
}

impl Rules<'_> {
    /// Removes up to a batch of what `at` holds. `Some(Some(dir))`: `dir` must be emptied first; `None`: `at` is done (and removed, when it is the top).
    fn reap_some(&mut self, at: Inode, top: bool) -> Result<Option<Option<Inode>>> {
        let Some(record) = self.write.node(at)? else {
            return Ok(None);
        };
        if record.kind == FileKind::Directory {
            match self.look(at)? {
                Found::Below(dir) => return Ok(Some(Some(dir))),
                Found::Leaves(leaves, all) => {
                    for (name, ino) in leaves {
                        self.write.unlink(at, name.as_os_str())?;
                        if let Some(record) = self.write.node(ino)? {
                            self.drop_link(ino, record)?;
                        }
                    }
                    if !all {
                        return Ok(Some(None));
                    }
                }
            }
        }
        if top {
            self.write.set_nameless(at, false)?;
            self.drop_link(at, record)?;
        }
        Ok(None)
    }

    fn look(&self, dir: Inode) -> Result<Found> {
        let (mut rows, mut after) = (Vec::new(), None);
        let more = self.write.entries(dir, None, BATCH, false, &mut |row| {
            rows.push((row.name.to_owned(), row.ino, row.kind));
        })?;
        let mut leaves = Vec::new();
        for (name, ino, kind) in rows {
            if kind == FileKind::Directory && !self.is_empty(ino)? {
                after.get_or_insert(ino);
            } else {
                leaves.push((Name::new(name)?, ino));
            }
        }
        Ok(match after {
            Some(dir) if leaves.is_empty() => Found::Below(dir),
            Some(_) => Found::Leaves(leaves, false),
            None => Found::Leaves(leaves, !more),
        })
    }
}
