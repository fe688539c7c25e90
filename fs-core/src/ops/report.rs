//! What came of an operation.

use std::collections::BTreeMap;

use super::operation::{EntryId, Operation};
use super::place::Place;
use super::preflight::Loss;
use crate::error::Error;

/// The one report at the end. Whatever it says: each file is either as it was or as asked, and what is not listed as done is still at its source.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was asked.
    pub operation: Operation,
    /// Of an undo or redo: the operation it was about.
    pub subject: Option<Operation>,
    /// Files, folders and links done.
    pub items: u64,
    /// Bytes copied.
    pub bytes: u64,
    /// Items that failed, each with its reason; the rest went on.
    pub failed: Vec<Failure>,
    /// Items left as they are by decision.
    pub skipped: Vec<Place>,
    /// What could not be kept, and of how many items.
    pub losses: BTreeMap<Loss, u64>,
    /// It was stopped before the end.
    pub cancelled: bool,
    /// Its entry in the history; `None` when nothing was changed or it can't be undone.
    pub entry: Option<EntryId>,
    /// The topmost things that appeared: what the window selects.
    pub results: Vec<Place>,
}

/// An item that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The item.
    pub place: Place,
    /// Why.
    pub error: Error,
}

impl Report {
    /// Nothing done yet.
    pub fn new(operation: Operation) -> Self {
        Self {
            operation,
            subject: None,
            items: 0,
            bytes: 0,
            failed: Vec::new(),
            skipped: Vec::new(),
            losses: BTreeMap::new(),
            cancelled: false,
            entry: None,
            results: Vec::new(),
        }
    }

    /// Did everything work?
    pub fn complete(&self) -> bool {
        self.failed.is_empty() && !self.cancelled
    }

    /// What a person calls it: of undo and redo the operation they are about.
    pub fn name(&self) -> String {
        match (&self.operation, &self.subject) {
            (Operation::Undo(_), Some(subject)) => format!("Undo: {}", subject.name()),
            (Operation::Redo(_), Some(subject)) => format!("Redo: {}", subject.name()),
            (Operation::Finish(_), Some(subject)) => subject.name(),
            (operation, _) => operation.name(),
        }
    }

    /// What was done, if all of it was.
    pub fn done(&self) -> String {
        match (&self.operation, &self.subject) {
            (Operation::Undo(_), Some(subject)) => format!("Undone: {}", subject.name()),
            (Operation::Redo(_), Some(subject)) => format!("Done again: {}", subject.name()),
            (Operation::Finish(_), Some(subject)) => subject.done(),
            (operation, _) => operation.done(),
        }
    }

    /// The sentence for a toast: what happened, and what is safe.
    pub fn sentence(&self) -> String {
        let failed = self.failed.len();
        let name = self.name();
        if self.cancelled {
            format!("Stopped: {name}. What was not done is untouched.")
        } else if failed > 0 {
            let all = self.items + failed as u64;
            format!("{name}: {failed} of {all} failed. Those are untouched.")
        } else {
            self.done()
        }
    }
}
