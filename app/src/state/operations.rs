//! Operations that run, wait, failed or are done: the model of the status bar and its popover.

use std::collections::BTreeMap;
use std::sync::Arc;

use fs_core::Error;
use fs_core::ops::{EntryId, FsRef, Operation, Preflight, Progress, Report};

use super::{LayersHistory, LayersStep, OpId, Way};

/// One operation since the program started.
#[derive(Clone, Debug)]
pub struct Running {
    /// What it does.
    pub operation: Operation,
    /// Of undo, redo and finish: the operation that is about.
    pub subject: Option<Subject>,
    /// How far it is.
    pub stage: Stage,
    /// Held by the user.
    pub paused: bool,
}

/// How far an operation is.
#[derive(Clone, Debug)]
pub enum Stage {
    /// It looks what there is to do.
    Planning,
    /// It waits for an answer.
    Asking(Arc<Preflight>),
    /// It works.
    Working(Progress),
    /// It is over.
    Done(Arc<Report>),
    /// It could not start.
    Failed(Error),
}

/// An operation of the past that another one is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// What it touches.
    pub filesystems: Vec<FsRef>,
}

impl Running {
    /// Does it touch this filesystem?
    pub fn touches(&self, fs: &FsRef) -> bool {
        let of_subject = |subject: &Subject| subject.filesystems.contains(fs);
        self.operation.filesystems().contains(fs) || self.subject.as_ref().is_some_and(of_subject)
    }

    /// Is it over, in whatever way?
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done(_) | Stage::Failed(_))
    }

    /// What it is called: `Undo: Move 2 items`.
    pub fn name(&self) -> String {
        self.worded(Operation::name, "Undo", "Redo", "Finish")
    }

    /// What it does now: `Undoing: Move 2 items`.
    pub fn running(&self) -> String {
        self.worded(Operation::running, "Undoing", "Doing again", "Finishing")
    }

    /// What it did: `Undone: Move 2 items`.
    pub fn done(&self) -> String {
        self.worded(Operation::done, "Undone", "Done again", "Finished")
    }

    fn worded(
        &self,
        own: fn(&Operation) -> String,
        undo: &str,
        redo: &str,
        finish: &str,
    ) -> String {
        let verb = match self.operation {
            Operation::Undo(_) => undo,
            Operation::Redo(_) => redo,
            _ => finish,
        };
        match &self.subject {
            Some(subject) => format!("{verb}: {}", subject.name),
            None => own(&self.operation),
        }
    }

    /// Did all or part of it fail?
    pub fn has_failures(&self) -> bool {
        match &self.stage {
            Stage::Done(report) => !report.failed.is_empty(),
            Stage::Failed(_) => true,
            _ => false,
        }
    }
}

/// All operations, and what can be undone.
#[derive(Debug, Default)]
pub struct Operations {
    all: BTreeMap<OpId, Running>,
    /// What Ctrl+Z would undo, newest at the end.
    pub undo: Vec<Undoable>,
    /// What Ctrl+Y would do again, newest at the end.
    pub redo: Vec<Undoable>,
    /// What a crash interrupted, oldest first.
    pub unfinished: Vec<Unfinished>,
    /// Changes of stack files, which are undone in the order of all that was done.
    pub layers: LayersHistory,
}

/// An operation that a crash interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its entry in the history.
    pub entry: EntryId,
    /// Its name.
    pub name: String,
    /// It was being undone.
    pub undoing: bool,
    /// It can be finished, not only undone.
    pub can_finish: bool,
    /// What it touches.
    pub filesystems: Vec<FsRef>,
}

/// An entry of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoable {
    /// Its number.
    pub entry: EntryId,
    /// Its name, as in "Undo: Rename".
    pub name: String,
    /// What it touches.
    pub filesystems: Vec<FsRef>,
}

impl Operations {
    /// Adds an operation that was just given to the engine.
    pub fn add(&mut self, id: OpId, operation: Operation) {
        let running = Running {
            subject: operation
                .subject_entry()
                .and_then(|entry| self.subject(entry)),
            operation,
            stage: Stage::Planning,
            paused: false,
        };
        self.all.insert(id, running);
    }

    fn subject(&self, entry: EntryId) -> Option<Subject> {
        let past = self.undo.iter().chain(&self.redo);
        let past = past.map(|it| (it.entry, &it.name, &it.filesystems));
        let unfinished = self.unfinished.iter();
        let unfinished = unfinished.map(|it| (it.entry, &it.name, &it.filesystems));
        let mut all = past.chain(unfinished);
        let (_, name, filesystems) = all.find(|(it, ..)| *it == entry)?;
        Some(Subject {
            name: name.clone(),
            filesystems: filesystems.clone(),
        })
    }

    /// One of them.
    pub fn get(&self, id: OpId) -> Option<&Running> {
        self.all.get(&id)
    }

    /// One of them.
    pub fn get_mut(&mut self, id: OpId) -> Option<&mut Running> {
        self.all.get_mut(&id)
    }

    /// All, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = (OpId, &Running)> {
        self.all.iter().rev().map(|(id, running)| (*id, running))
    }

    /// Those that are not over.
    pub fn active(&self) -> impl Iterator<Item = (OpId, &Running)> {
        self.all
            .iter()
            .filter(|(_, running)| !running.is_over())
            .map(|(id, running)| (*id, running))
    }

    /// Is something not over, and all of that held?
    pub fn are_held(&self) -> bool {
        let mut active = self.active().peekable();
        active.peek().is_some() && active.all(|(_, running)| running.paused)
    }

    /// The first that waits for an answer.
    pub fn asking(&self) -> Option<(OpId, &Arc<Preflight>)> {
        self.all
            .iter()
            .find_map(|(id, running)| match &running.stage {
                Stage::Asking(preflight) => Some((*id, preflight)),
                _ => None,
            })
    }

    /// The change of a stack file that is undone, or done again, before any operation.
    pub fn next_layers(&self, way: Way) -> Option<&LayersStep> {
        let operations = match way {
            Way::Back => &self.undo,
            Way::Forth => &self.redo,
        };
        self.layers.next(way, operations.last())
    }

    /// Forgets one.
    pub fn forget(&mut self, id: OpId) {
        self.all.remove(&id);
    }

    /// Forgets those that are over.
    pub fn forget_finished(&mut self) {
        self.all.retain(|_, running| !running.is_over());
    }
}
