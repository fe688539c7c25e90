//! Removing trees outside the visible one: purged, replaced by a staged node, or left by a crash.

use std::time::{Duration, Instant};

use fs_core::{Capabilities, FileKind, Result};

use super::Shared;
use super::rules::Rules;
use super::store::{Inode, NodeStore};

/// How long others wait while a transaction removes entries.
const TURN: Duration = Duration::from_millis(25);
/// How long it lasts while nobody waits.
const ALONE: Duration = Duration::from_millis(250);
/// Entries removed in one step of it.
const BATCH: usize = 4000;
/// Directories looked at in one step of it.
const DIRECTORIES: usize = 1000;

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
        let mut stack = vec![Emptied::new(top)];
        while !stack.is_empty() {
            stack = self.transact(|rules| rules.reap_for_a_turn(stack))?;
        }
        Ok(())
    }
}

/// A directory to be emptied, after those behind it.
struct Emptied {
    ino: Inode,
    /// Nothing in it can go together with others any more.
    looked_at: bool,
}

impl Emptied {
    fn new(ino: Inode) -> Self {
        Self {
            ino,
            looked_at: false,
        }
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
    fn reap_for_a_turn(&mut self, mut stack: Vec<Emptied>) -> Result<Vec<Emptied>> {
        let begun = Instant::now();
        while let Some(last) = stack.last() {
            if !last.looked_at {
                self.reap_leaves(&mut stack)?;
            } else {
                let top = stack.len() == 1;
                match self.reap_some(last.ino, top)? {
                    Left::Nothing => drop(stack.pop()),
                    Left::Directories(below) => stack.extend(below.into_iter().map(Emptied::new)),
                }
            }
            let turn = if self.write.is_wanted() { TURN } else { ALONE };
            if begun.elapsed() >= turn {
                break;
            }
        }
        Ok(stack)
    }

    /// Removes up to a batch of files from the last directories that nobody looked at yet, all at once.
    fn reap_leaves(&mut self, stack: &mut [Emptied]) -> Result<()> {
        let count = stack
            .iter()
            .rev()
            .take(DIRECTORIES)
            .take_while(|it| !it.looked_at)
            .count();
        let (_, last) = stack.split_at_mut(stack.len() - count);
        let dirs: Vec<Inode> = last.iter().map(|it| it.ino).collect();
        let leaves = self.write.remove_leaves(&dirs, BATCH)?;
        for (ino, record) in leaves.gone {
            self.gone(ino, record);
        }
        for done in last.iter_mut().rev().take(leaves.looked_at) {
            done.looked_at = true;
        }
        Ok(())
    }

    /// Removes up to a batch of what `at` holds.
    fn reap_some(&mut self, at: Inode, top: bool) -> Result<Left> {
        let Some(record) = self.write.node(at)? else {
            return Ok(Left::Nothing);
        };
        if record.kind == FileKind::Directory {
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
