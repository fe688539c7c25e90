//! Doing it: steps on any two backends, each announced in the journal with its inverse before it happens.
//!
//! What goes wrong with one item is noted and the rest goes on; only a cancel, or a journal that can't be written, ends a run.

mod attributes;
mod content;
mod folders;
mod go_back;
mod halves;
mod in_place;
mod layered;
mod move_back;
mod put;
mod remove;
mod renames;
mod single;
mod sources;
mod take_back;
mod transfer;
mod trash_tree;

use std::collections::HashMap;
use std::sync::Arc;

use self::attributes::Carrier;
use self::put::Goal;
use super::journal::{Act, Entry, Outcome, Stamp, Writer};
use super::meter::Reporter;
use super::operation::Operation;
use super::place::{Filesystems, Place};
use super::plan::Plan;
use super::preflight::{Decision, Decisions, Loss};
use super::progress::Phase;
use super::report::{Failure, Report};
use crate::backend::{At, Backend, Change, Scope};
use crate::error::{Error, ErrorKind, Result};

/// So many small steps are announced and made together.
pub(super) const GROUP: usize = 512;

/// A running operation.
pub(super) struct Run<'a, 'm> {
    filesystems: &'a dyn Filesystems,
    reporter: Reporter<'m>,
    writer: Writer,
    report: Report,
    carrier: Carrier,
    buffer: Vec<u8>,
    /// Made by the same operation before it was interrupted: may be written over.
    own: HashMap<Place, Stamp>,
}

impl<'a, 'm> Run<'a, 'm> {
    pub(super) fn new(
        filesystems: &'a dyn Filesystems,
        reporter: Reporter<'m>,
        writer: Writer,
    ) -> Self {
        Self {
            filesystems,
            reporter,
            report: Report::new(writer.entry().operation.clone()),
            own: made(&writer.entry().acts),
            writer,
            carrier: Carrier::default(),
            buffer: Vec::new(),
        }
    }

    /// The answers given before, and: unfinished copies of the operation's own are written over.
    pub(super) fn decisions(&self, plan: &Plan) -> Decisions {
        let mut decisions = self.writer.entry().decisions.clone();
        for conflict in &plan.preflight().conflicts {
            let own = self.own.get(&conflict.target);
            if own.is_some_and(|stamp| stamp.matches(&conflict.target_metadata)) {
                let target = conflict.target.clone();
                decisions.each.insert(target, Decision::Replace);
            }
        }
        decisions
    }

    /// Goes no further; the entry stays interrupted.
    pub(super) fn abandon_entry(self) -> Entry {
        let mut entry = self.writer.finish();
        entry.interrupt();
        entry
    }

    /// Runs a plan to its end; every touched filesystem is durable when it returns.
    pub(super) fn run(mut self, plan: &Plan, decisions: &Decisions) -> (Report, Entry) {
        let preflight = plan.preflight();
        self.reporter.found(preflight.items, preflight.bytes);
        self.reporter.enter(Phase::Running);
        for problem in &plan.preflight().problems {
            let error = problem.kind.error(&problem.source);
            self.fail(problem.source.clone(), error);
        }
        let done = self.steps(plan, decisions);
        self.reporter.enter(Phase::Finishing);
        let operation = plan.operation();
        self.end(done, operation);
        (self.report, self.writer.finish())
    }

    fn steps(&mut self, plan: &Plan, decisions: &Decisions) -> Result<()> {
        match plan.operation() {
            Operation::Copy(_) | Operation::Duplicate(_) => {
                self.transfer(plan.tree(), decisions, false)
            }
            Operation::Move(_) => self.transfer(plan.tree(), decisions, true),
            Operation::Trash(_) if plan.trashes() => self.trash(plan.tree()),
            Operation::Trash(_) | Operation::Delete(_) => self.remove(plan.tree()),
            Operation::Rename { item, name } => self.rename(item, name),
            Operation::CreateFolder(at) => self.create(at, &crate::NewNode::directory()),
            Operation::CreateFile(at) => self.create(at, &crate::NewNode::file()),
            Operation::Link { at, to } => self.link(at, to),
            Operation::Reveal(items) => self.reveal(items),
            Operation::Revert(items) => self.revert(items),
            Operation::GoBack { at, to, .. } => self.go_back(at, *to),
            Operation::SetAttr { change, .. } => self.set_attributes(plan.tree(), change),
            // The engine turns these into runs of their own.
            Operation::Undo(_) | Operation::Redo(_) | Operation::Finish(_) => {
                Err(Error::new(ErrorKind::InvalidInput, "run"))
            }
        }
    }

    /// The barrier, and the last record.
    fn end(&mut self, done: Result<()>, operation: &Operation) {
        if let Err(e) = done {
            self.stopped(e, operation);
        }
        self.sync_written(operation);
        if let Err(e) = self.writer.append(&super::journal::Record::End) {
            self.stopped(e, operation);
        }
    }

    /// Makes what was changed durable.
    fn sync_written(&mut self, operation: &Operation) {
        for fs in operation.written() {
            if self.filesystems.is_gone(&fs) {
                continue;
            }
            let backend = self.filesystems.backend(&fs);
            if let Err(e) = backend.and_then(|backend| backend.sync(Scope::All)) {
                self.fail(Place::new(fs, crate::VPath::root()), e);
            }
        }
    }

    /// Notes why it ended early.
    fn stopped(&mut self, error: Error, operation: &Operation) {
        if error.kind() == ErrorKind::Cancelled {
            self.report.cancelled = true;
        } else if let Some(subject) = operation.subjects().first() {
            self.fail(subject.clone(), error);
        }
    }

    fn fail(&mut self, place: Place, error: Error) {
        self.report.failed.push(Failure { place, error });
    }

    fn lose(&mut self, loss: Loss) {
        *self.report.losses.entry(loss).or_default() += 1;
    }

    fn backend(&self, place: &Place) -> Result<Arc<dyn Backend>> {
        self.filesystems.backend(&place.fs)
    }

    fn goal(&self, place: &Place) -> Result<Goal> {
        let backend = self.backend(place)?;
        Ok(Goal {
            fs: place.fs.clone(),
            capabilities: backend.capabilities(At::path(&place.path)),
            backend,
        })
    }

    /// Announces steps, makes them in one call, notes what came of them: one result for each.
    fn announced(
        &mut self,
        backend: &dyn Backend,
        acts: Vec<Act>,
        changes: &[Change<'_>],
    ) -> Result<Vec<Result<()>>> {
        self.writer.intend(acts)?;
        let results = backend.change_all(changes);
        let outcomes = results
            .iter()
            .map(|result| match result {
                Ok(()) => Outcome::Done,
                Err(_) => Outcome::Failed,
            })
            .collect();
        self.writer.confirm(outcomes)?;
        Ok(results)
    }
}

fn made(acts: &[Act]) -> HashMap<Place, Stamp> {
    let made = acts.iter().filter_map(|act| match act {
        Act::Remove { at, stamp } => Some((at.clone(), *stamp)),
        Act::Replaced { at, new, .. } => Some((at.clone(), *new)),
        _ => None,
    });
    made.collect()
}
