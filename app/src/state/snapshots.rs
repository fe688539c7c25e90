//! The kept moments of a filesystem, as the window shows them.

use std::sync::Arc;

use fs_core::snapshots::{ChangeKind, Snapshot, SnapshotChange, SnapshotId, SnapshotUsage};
use fs_core::{Control, Error};

use super::Generation;

/// What the panel of a filesystem that keeps moments shows.
#[derive(Clone, Debug, Default)]
pub struct Snapshots {
    /// Its snapshots, newest first.
    pub all: Vec<Kept>,
    /// What the present takes.
    pub now: SnapshotUsage,
    /// What present and snapshots take together.
    pub total_bytes: u64,
    /// The one that is looked at.
    pub chosen: Option<SnapshotId>,
    /// What became of it since, once that is known.
    pub comparison: Option<Arc<Comparison>>,
    /// The question whose answer is awaited.
    pub asked: Option<Asked>,
    /// How often it and its snapshots had changed when all this was found out, where that is counted.
    pub changes: Option<u64>,
}

/// A question on its way.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which.
    pub id: Generation,
    /// Stops it.
    pub control: Control,
}

impl Snapshots {
    /// One of them.
    pub fn get(&self, id: SnapshotId) -> Option<&Kept> {
        self.all.iter().find(|kept| kept.snapshot.id == id)
    }

    /// The one that is looked at.
    pub fn chosen(&self) -> Option<&Kept> {
        self.get(self.chosen?)
    }

    /// As [`Snapshots::changes`], when everything the panel shows was found out then.
    pub fn known(&self) -> Option<u64> {
        let compared = self.comparison.as_ref().map(|comparison| comparison.of);
        self.changes.filter(|_| compared == self.chosen)
    }
}

/// A snapshot with what it takes and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What it takes.
    pub usage: SnapshotUsage,
    /// What was done since.
    pub since: Since,
}

/// How much was done since a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// Entries that were not there.
    pub added: usize,
    /// Entries that are others.
    pub changed: usize,
    /// Entries that are elsewhere.
    pub moved: usize,
    /// Entries that are gone.
    pub removed: usize,
}

impl Since {
    /// Counts changes.
    pub fn of(changes: &[SnapshotChange]) -> Self {
        let mut since = Self::default();
        for change in changes {
            match change.kind() {
                ChangeKind::Added => since.added += 1,
                ChangeKind::Changed => since.changed += 1,
                ChangeKind::Moved => since.moved += 1,
                ChangeKind::Removed => since.removed += 1,
            }
        }
        since
    }

    /// In words: `2 added, 1 removed`; nothing: `no changes`.
    pub fn words(&self) -> String {
        let parts = [
            (self.added, "added"),
            (self.changed, "changed"),
            (self.moved, "moved"),
            (self.removed, "removed"),
        ];
        let told: Vec<String> = parts
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .collect();
        if told.is_empty() {
            "no changes".to_owned()
        } else {
            told.join(", ")
        }
    }
}

/// What became of the moment that is looked at.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The moment.
    pub of: SnapshotId,
    /// What is different now, by path.
    pub changes: Vec<SnapshotChange>,
}

/// What to do with snapshots.
#[derive(Clone, Debug)]
pub enum Work {
    /// Looking what there is.
    Look,
    /// Keeps this moment; an empty name: one is made up.
    Take(String),
    /// Forgets a moment.
    Delete(SnapshotId),
}

/// What came of it.
#[derive(Debug)]
pub enum Done {
    /// It was only looked.
    Looked,
    /// This was taken.
    Taken(Snapshot),
    /// It is forgotten.
    Deleted,
    /// Nothing was done.
    Failed(Error),
}

/// An answer: what was done, and how it is now.
#[derive(Debug)]
pub struct News {
    /// What came of the work.
    pub done: Done,
    /// How it is now; `None`: that could not be found out, or is known already.
    pub now: Option<Overview>,
}

/// All snapshots, and what is different from one of them.
#[derive(Debug)]
pub struct Overview {
    /// Newest first.
    pub all: Vec<Kept>,
    /// What the present takes.
    pub usage: SnapshotUsage,
    /// All together.
    pub total_bytes: u64,
    /// Since the one that was asked for.
    pub comparison: Option<Comparison>,
    /// How often it had changed, where that is counted.
    pub changes: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told_without_zeros() {
        let since = Since {
            added: 2,
            removed: 1,
            ..Since::default()
        };
        assert_eq!(since.words(), "2 added, 1 removed");
        assert_eq!(Since::default().words(), "no changes");
    }
}
