//! An operation in the history, as its records add up.

use super::{Act, Home, Record};
use crate::metadata::Time;
use crate::ops::operation::{EntryId, Operation};
use crate::ops::preflight::Decisions;

/// What can be done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is running, forwards or backwards.
    Running,
    /// It was done and can be undone.
    Done,
    /// It was undone and can be done again.
    Undone,
    /// The program ended in the middle; it can be finished or undone.
    Interrupted,
}

/// An operation and how to take it back.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// Where it is kept.
    pub home: Home,
    /// What was asked.
    pub operation: Operation,
    /// What was answered.
    pub decisions: Decisions,
    /// When it began.
    pub time: Time,
    /// Whether it is done.
    pub state: State,
    /// It was on its way back when it was interrupted.
    pub undoing: bool,
    /// How to take it back, in the order of the steps.
    pub acts: Vec<Act>,
    /// How many of the last acts await their outcome.
    unconfirmed: usize,
}

impl Entry {
    pub(super) fn new(
        id: EntryId,
        home: Home,
        operation: Operation,
        decisions: Decisions,
        time: Time,
    ) -> Self {
        Self {
            id,
            home,
            operation,
            decisions,
            time,
            state: State::Running,
            undoing: false,
            acts: Vec::new(),
            unconfirmed: 0,
        }
    }

    /// The last acts, whose outcome is not known.
    pub fn unconfirmed(&self) -> &[Act] {
        let start = self.acts.len().saturating_sub(self.unconfirmed);
        self.acts.get(start..).unwrap_or_default()
    }

    pub(super) fn apply(&mut self, record: &Record) {
        match record {
            Record::Begin { .. } => {}
            Record::Intent(acts) => {
                self.acts.extend_from_slice(acts);
                self.unconfirmed = acts.len();
                self.state = State::Running;
            }
            Record::Confirm(outcomes) => {
                let start = self.acts.len().saturating_sub(self.unconfirmed);
                let steps = self.acts.split_off(start);
                for (mut act, outcome) in steps.into_iter().zip(outcomes) {
                    if act.settle(outcome) {
                        self.acts.push(act);
                    }
                }
                self.unconfirmed = 0;
            }
            Record::RolledBack(from) => self.acts.truncate(*from),
            Record::End => self.state = State::Done,
            Record::Undo => {
                self.undoing = true;
                self.state = State::Running;
            }
            Record::TakenBack(count) => {
                self.acts.truncate(self.acts.len().saturating_sub(*count));
            }
            Record::Undone(left) => {
                self.undoing = false;
                self.state = if left.is_empty() {
                    State::Undone
                } else {
                    State::Done
                };
                self.acts.clone_from(left);
            }
        }
    }

    /// The end of its records was reached: if it still runs, it was interrupted.
    pub fn interrupt(&mut self) {
        if self.state == State::Running {
            self.state = State::Interrupted;
        }
    }
}
