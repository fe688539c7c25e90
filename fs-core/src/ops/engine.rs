//! The front door: plans operations, runs them, remembers them, takes them back.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::execute::Run;
use super::journal::{Entry, Journal, State, Writer};
use super::meter::Reporter;
use super::operation::{EntryId, Operation};
use super::place::Filesystems;
use super::plan::Plan;
use super::preflight::Decisions;
use super::progress::Monitor;
use super::report::Report;
use crate::backend::At;
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::Time;
use crate::path::VPath;

/// Runs operations on the filesystems it was given. Shared by threads: operations may run at the same time.
pub struct Engine {
    filesystems: Arc<dyn Filesystems>,
    journal: Journal,
    history: Mutex<Vec<Past>>,
}

/// An entry, and whether it is of this session.
struct Past {
    entry: Entry,
    recent: bool,
}

/// An operation of the past, as a list shows it.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// Its id, for undo and redo.
    pub id: EntryId,
    /// What was asked.
    pub operation: Operation,
    /// When it began.
    pub time: Time,
    /// What can be done about it.
    pub state: State,
    /// It ran since the engine was opened.
    pub recent: bool,
}

/// An operation that was interrupted, by a crash or a power cut. Every file is either as it was or as asked.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Its id, for [`Engine::finish`], undo or [`Engine::dismiss`].
    pub id: EntryId,
    /// What was asked.
    pub operation: Operation,
    /// When it began.
    pub time: Time,
    /// It was being undone: finishing means to go on with that.
    pub undoing: bool,
    /// So many steps had been done or begun.
    pub steps: usize,
}

impl Engine {
    /// With a journal in `journal`, a folder of the host (made when missing); `None`: in memory only.
    pub fn open(filesystems: Arc<dyn Filesystems>, journal: Option<&Path>) -> Result<Self> {
        let journal = match journal {
            Some(folder) => Journal::open(folder)?,
            None => Journal::in_memory(),
        };
        let past = journal.read()?.into_iter().map(|entry| Past {
            entry,
            recent: false,
        });
        Ok(Self {
            filesystems,
            history: Mutex::new(past.collect()),
            journal,
        })
    }

    /// Looks into an operation; touches nothing. `Undo` and `Redo` need no look.
    pub fn plan(&self, operation: Operation, monitor: Monitor<'_>) -> Result<Plan> {
        let mut reporter = Reporter::new(monitor);
        Plan::new(&*self.filesystems, &mut reporter, operation)
    }

    /// Runs a plan with the answers to its conflicts. An error means that nothing was touched.
    pub fn run(&self, plan: &Plan, decisions: &Decisions, monitor: Monitor<'_>) -> Result<Report> {
        match plan.operation() {
            Operation::Undo(id) => self.undo(*id, monitor),
            Operation::Redo(id) => self.redo(*id, monitor),
            operation => {
                let writer = self
                    .journal
                    .begin(operation, decisions, self.private(operation))?;
                let report = self.run_with(plan, decisions, writer, monitor);
                if report.entry.is_some() {
                    self.forget_undone();
                }
                Ok(report)
            }
        }
    }

    fn run_with(
        &self,
        plan: &Plan,
        decisions: &Decisions,
        writer: Writer,
        monitor: Monitor<'_>,
    ) -> Report {
        let run = Run::new(&*self.filesystems, Reporter::new(monitor), writer);
        self.run_to_end(run, plan, decisions)
    }

    fn run_to_end(&self, run: Run<'_, '_>, plan: &Plan, decisions: &Decisions) -> Report {
        let (mut report, entry) = run.run(plan, decisions);
        if entry.acts.is_empty() {
            self.journal.forget(entry.id);
        } else {
            report.entry = Some(entry.id);
            self.put_back(entry);
        }
        report
    }

    /// Takes back what an entry did. What has changed since is left as it is and reported.
    pub fn undo(&self, id: EntryId, monitor: Monitor<'_>) -> Result<Report> {
        let entry = self.take(id, |state| state != State::Undone, "undo")?;
        let operation = entry.operation.clone();
        let writer = match self.journal.resume(entry.clone(), self.private(&operation)) {
            Ok(writer) => writer,
            Err(e) => {
                self.put_back(entry);
                return Err(e);
            }
        };
        let run = Run::new(&*self.filesystems, Reporter::new(monitor), writer);
        let (mut report, entry) = run.undo();
        report.operation = Operation::Undo(id);
        report.subject = Some(operation);
        report.entry = Some(id);
        self.put_back(entry);
        Ok(report)
    }

    /// Does an undone entry again, with the same answers; it gets a new id.
    pub fn redo(&self, id: EntryId, monitor: Monitor<'_>) -> Result<Report> {
        let entry = self.take(id, |state| state == State::Undone, "redo")?;
        let (operation, decisions) = (entry.operation.clone(), entry.decisions.clone());
        let done = self.plan(operation.clone(), monitor).and_then(|plan| {
            let private = self.private(&operation);
            let writer = self.journal.begin(&operation, &decisions, private)?;
            Ok(self.run_with(&plan, &decisions, writer, monitor))
        });
        match done {
            Ok(mut report) => {
                self.journal.forget(id);
                report.operation = Operation::Redo(id);
                report.subject = Some(operation);
                Ok(report)
            }
            Err(e) => {
                self.put_back(entry);
                Err(e)
            }
        }
    }

    /// Goes on with an operation that was interrupted, with the same answers.
    pub fn finish(&self, id: EntryId, monitor: Monitor<'_>) -> Result<Report> {
        let entry = self.take(id, |state| state == State::Interrupted, "finish")?;
        if entry.undoing {
            self.put_back(entry);
            return self.undo(id, monitor);
        }
        let private = self.private(&entry.operation);
        let writer = match self.journal.resume(entry.clone(), private) {
            Ok(writer) => writer,
            Err(e) => {
                self.put_back(entry);
                return Err(e);
            }
        };
        let mut run = Run::new(&*self.filesystems, Reporter::new(monitor), writer);
        let planned = run
            .settle()
            .and_then(|()| self.plan(entry.operation.clone(), monitor));
        match planned {
            Ok(mut plan) => {
                plan.forget_done();
                let decisions = run.decisions(&plan);
                Ok(self.run_to_end(run, &plan, &decisions))
            }
            Err(e) => {
                self.put_back(run.abandon_entry());
                Err(e)
            }
        }
    }

    /// Leaves an interrupted operation as it is: what was done can still be undone.
    pub fn dismiss(&self, id: EntryId) -> Result<()> {
        let entry = self.take(id, |state| state == State::Interrupted, "dismiss")?;
        let private = self.private(&entry.operation);
        let mut writer = self.journal.resume(entry, private)?;
        writer.append(&super::journal::Record::End)?;
        self.put_back(writer.finish());
        Ok(())
    }

    /// Operations of the past that can be undone or redone, oldest first.
    pub fn history(&self) -> Vec<HistoryEntry> {
        let history = self.history.lock();
        let shown = history.iter().map(|past| HistoryEntry {
            id: past.entry.id,
            operation: past.entry.operation.clone(),
            time: past.entry.time,
            state: past.entry.state,
            recent: past.recent,
        });
        shown.collect()
    }

    /// What undo would take back next: the last done operation of this session.
    pub fn next_undo(&self) -> Option<HistoryEntry> {
        let mut recent = self.history().into_iter().rev().filter(|e| e.recent);
        recent.find(|entry| entry.state == State::Done)
    }

    /// What redo would do next: the operation undone last, if nothing was done since.
    pub fn next_redo(&self) -> Option<HistoryEntry> {
        let mut recent = self.history().into_iter().filter(|e| e.recent);
        recent.find(|entry| entry.state == State::Undone)
    }

    /// Operations that a crash interrupted, oldest first.
    pub fn pending(&self) -> Vec<Pending> {
        let history = self.history.lock();
        history
            .iter()
            .filter(|past| past.entry.state == State::Interrupted)
            .map(|past| Pending {
                id: past.entry.id,
                operation: past.entry.operation.clone(),
                time: past.entry.time,
                undoing: past.entry.undoing,
                steps: past.entry.acts.len(),
            })
            .collect()
    }

    /// Is it journalled in memory only? Names of a private filesystem must not stand outside; and after a crash there is nothing to go on with
    /// where a filesystem that forgets took part.
    fn private(&self, operation: &Operation) -> bool {
        let forgets = |fs| {
            let root = VPath::root();
            let backend = self.filesystems.backend(fs);
            backend.is_ok_and(|backend| {
                let capabilities = backend.capabilities(At::path(&root));
                capabilities.contains(Capabilities::VOLATILE)
            })
        };
        let all = operation.filesystems();
        all.iter()
            .any(|fs| self.filesystems.is_private(fs) || forgets(fs))
    }

    /// Something new was done: what was undone before can't be redone any more.
    fn forget_undone(&self) {
        self.history.lock().retain(|past| {
            let stale = past.entry.state == State::Undone && past.recent;
            if stale {
                self.journal.forget(past.entry.id);
            }
            !stale
        });
    }

    /// Takes an entry out of the history while it is worked on.
    fn take(
        &self,
        id: EntryId,
        allowed: impl Fn(State) -> bool,
        operation: &'static str,
    ) -> Result<Entry> {
        let mut history = self.history.lock();
        let found = history
            .iter()
            .position(|past| past.entry.id == id && allowed(past.entry.state));
        let index = found.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, operation).with_detail("nothing to take back")
        })?;
        Ok(history.remove(index).entry)
    }

    fn put_back(&self, entry: Entry) {
        let mut history = self.history.lock();
        let index = history.partition_point(|past| past.entry.id < entry.id);
        history.insert(
            index,
            Past {
                entry,
                recent: true,
            },
        );
    }
}
