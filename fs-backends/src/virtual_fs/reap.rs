//! Removing trees outside the visible one: purged, replaced by a staged node, or left by a crash.

use std::time::{Duration, Instant};

use fs_core::{Capabilities, FileKind, Result};

use super::Shared;
use super::rules::Rules;
use super::store::{Inode, NodeStore};

/// How long others wait while a transaction removes entries.
const TURN: Duration = Duration::from_millis(25);
/// Entries removed in one step of it.
const BATCH: usize = 1000;

impl<S: NodeStore> Shared<S> {
    /// Removes what a killed process left outside the tree.
    pub(super) fn sweep(&self) -> Result<()> {
        if !self.store.capabilities().contains(Capabilities::WRITE) {
            return Ok(());
        }
        let nameless = self.store.read(|read| read.nameless())?;
        nameless.into_iter().try_for_each(|ino| self.reap_tree(ino))
    }

    /// Removes a node that has no name and is marked so, with all below it. A crash in between leaves the rest to the next sweep.
    pub(super) fn reap_tree(&self, top: Inode) -> Result<()> {
        let mut stack = vec![top];
        while !stack.is_empty() {
            stack = self.transact(|rules| rules.reap_for_a_turn(stack))?;
        }
        Ok(())
    }
}

/// What is still in a directory after some of it was removed.
enum Left {
    /// Nothing; the top itself is gone too.
    Nothing,
    /// These, to be emptied first, and perhaps more entries.
    Directories(Vec<Inode>),
}

impl Rules<'_> {
    /// Empties directories, the last first, for as long as others can wait; answers those that are left. The nodes of one directory may lie all over the
    /// store: the more go in one transaction, the more share the pages it writes.
    fn reap_for_a_turn(&mut self, mut stack: Vec<Inode>) -> Result<Vec<Inode>> {
        let begun = Instant::now();
        while let Some(&at) = stack.last() {
            let top = stack.len() == 1;
            match self.reap_some(at, top)? {
                Left::Nothing => drop(stack.pop()),
                Left::Directories(below) => stack.extend(below),
            }
            if begun.elapsed() >= TURN {
                break;
            }
        }
        Ok(stack)
    }

    /// Removes up to a batch of what `at` holds.
    fn reap_some(&mut self, at: Inode, top: bool) -> Result<Left> {
        let Some(record) = self.write.node(at)? else {
            return Ok(Left::Nothing);
        };
        if record.kind == FileKind::Directory {
            let leaves = self.write.remove_leaves(at, BATCH)?;
            if !leaves.is_empty() {
                for (ino, record) in leaves {
                    self.gone(ino, record);
                }
                return Ok(Left::Directories(Vec::new()));
            }
            let (below, more) = self.reap_entries(at)?;
            if more || !below.is_empty() {
                return Ok(Left::Directories(below));
            }
        }
        if top {
            self.write.set_nameless(at, false)?;
            self.drop_link(at, record)?;
        }
        Ok(Left::Nothing)
    }

    /// Removes a batch of entries one by one; answers the directories among them that are not empty, and whether there are more entries.
    fn reap_entries(&mut self, dir: Inode) -> Result<(Vec<Inode>, bool)> {
        let mut rows = Vec::new();
        let more = self.write.entries(dir, None, BATCH, false, &mut |row| {
            rows.push((row.name.to_owned(), row.ino, row.kind));
        })?;
        let mut below = Vec::new();
        for (name, ino, kind) in rows {
            if kind == FileKind::Directory && !self.is_empty(ino)? {
                below.push(ino);
                continue;
            }
            self.write.unlink(dir, &name)?;
            if let Some(record) = self.write.node(ino)? {
                self.drop_link(ino, record)?;
            }
        }
        Ok((below, more))
    }
}
