//! What transactions changed: who remembers something of a moment reads again only what is not so any more.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};

use super::store::Inode;

/// Most names, folders and nodes that are kept of a transaction, and of all of them together; of more it is known only that something changed.
const CHANGES_MAX: usize = 4096;

/// What a transaction changed. It may name more than that, but nothing less.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Anything may have changed; the lists say nothing.
    pub all: bool,
    /// Names that came, went or stand for another node, each with its folder.
    pub names: Vec<(Inode, OsString)>,
    /// Folders any of whose names may be gone, but for those of folders.
    pub folders: Vec<Inode>,
    /// Nodes whose records are others, or gone. New nodes are not among them: nobody can know anything of them.
    pub nodes: Vec<Inode>,
}

impl Changes {
    /// Anything.
    pub fn all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// A name changes.
    pub fn name(&mut self, dir: Inode, name: &OsStr) {
        if self.has_room() {
            self.names.push((dir, name.to_owned()));
        }
    }

    /// Names of a folder change.
    pub fn folder(&mut self, dir: Inode) {
        if self.has_room() && self.folders.last() != Some(&dir) {
            self.folders.push(dir);
        }
    }

    /// A node changes.
    pub fn node(&mut self, ino: Inode) {
        if self.has_room() && self.nodes.last() != Some(&ino) {
            self.nodes.push(ino);
        }
    }

    fn has_room(&mut self) -> bool {
        if self.len() >= CHANGES_MAX {
            *self = Self::all();
        }
        !self.all
    }

    fn len(&self) -> usize {
        self.names.len() + self.folders.len() + self.nodes.len()
    }
}

/// The changes of the last moments. Nothing is kept while nobody remembers anything.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    wanted: bool,
    /// What came after this moment is known.
    from: u64,
    kept: VecDeque<(u64, Changes)>,
    len: usize,
}

impl ChangeLog {
    /// Somebody remembers something from here on.
    pub(crate) fn keep(&mut self) {
        self.wanted = true;
    }

    /// What changed up to `moment`, from the one before it.
    pub(crate) fn push(&mut self, moment: u64, changes: Changes) {
        self.len += changes.len();
        if !self.wanted || changes.all || self.len > CHANGES_MAX {
            // When nobody asked for so long, perhaps nobody will.
            *self = Self {
                from: moment,
                ..Self::default()
            };
        } else if changes.len() > 0 {
            self.kept.push_back((moment, changes));
        }
    }

    /// Calls `each` with what changed after `moment`. `false`: not known.
    pub(crate) fn since(&self, moment: u64, each: &mut dyn FnMut(&Changes)) -> bool {
        if moment < self.from {
            return false;
        }
        let first = self.kept.partition_point(|(at, _)| *at <= moment);
        self.kept
            .range(first..)
            .for_each(|(_, changes)| each(changes));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(ino: Inode) -> Changes {
        Changes {
            nodes: vec![ino],
            ..Changes::default()
        }
    }

    /// Nodes that changed since `moment`.
    fn since(log: &ChangeLog, moment: u64) -> Option<Vec<Inode>> {
        let mut nodes = Vec::new();
        log.since(moment, &mut |changes| nodes.extend(&changes.nodes))
            .then_some(nodes)
    }

    #[test]
    fn tells_what_came_after_a_moment_and_no_more_than_it_knows() {
        let mut log = ChangeLog::default();
        log.push(1, node(10));
        log.keep();
        assert_eq!((since(&log, 0), since(&log, 1)), (None, Some(vec![])));
        (2..5).for_each(|moment| log.push(moment, node(moment * 10)));
        log.push(5, Changes::default());
        assert_eq!(since(&log, 1), Some(vec![20, 30, 40]));
        assert_eq!(since(&log, 3), Some(vec![40]));
        assert_eq!(since(&log, 5), Some(vec![]));
        log.push(6, Changes::all());
        assert_eq!((since(&log, 5), since(&log, 6)), (None, Some(vec![])));
    }

    #[test]
    fn memory_has_a_bound() {
        let mut changes = Changes::default();
        (0..=CHANGES_MAX as u64).for_each(|ino| changes.name(ino, OsStr::new("n")));
        assert_eq!(changes, Changes::all());
        let mut log = ChangeLog::default();
        for moment in 1..=2 * CHANGES_MAX as u64 {
            log.keep();
            log.push(moment, node(moment));
            assert!(log.kept.len() <= CHANGES_MAX);
        }
        assert!(since(&log, 1).is_none());
    }
}
