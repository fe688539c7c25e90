//! The front door: plans operations, runs them, remembers them, takes them back.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::execute::Run;
use super::journal::{Entry, Home, Journal, State, Writer};
use super::meter::Reporter;
use super::operation::{EntryId, Operation};
use super::place::{Filesystems, FsRef};
use super::plan::Plan;
use super::preflight::Decisions;
use super::progress::Monitor;
use super::report::Report;
use crate::backend::{At, Backend};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::Time;
use crate::path::VPath;

/// Runs operations on the filesystems it was given. Shared by threads: operations may run at the same time.
pub struct Engine {
    filesystems: Arc<dyn Filesystems>,
    journal: Journal,
    history: Mutex<Vec<Past>>,
    opened: Time,
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
    /// The encrypted filesystem its journal is kept in; it has to be open.
    pub inside: Option<FsRef>,
    /// Can it be finished? Not when a filesystem in memory took part that is gone with the program; what was done outside of it can be undone.
    pub can_finish: bool,
}

impl Engine {
    /// With a journal in `journal`, a folder of the host (made when missing); `None`: in memory only. Operations an encrypted filesystem takes part in
    /// are journalled inside it, and known after [`Engine::adopt`].
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
            opened: Time::now(),
        })
    }

    /// Takes over the history kept inside a filesystem that was just opened (and that nothing works on yet): what was interrupted there is pending now.
    pub fn adopt(&self, fs: &FsRef) -> Result<()> {
        let backend = self.filesystems.backend(fs)?;
        let found = Journal::read_inside(&*backend, fs)?;
        let mut history = self.history.lock();
        for entry in found {
            let index = history.partition_point(|past| past.entry.id < entry.id);
            let known = history.get(index);
            if known.is_none_or(|past| past.entry.id != entry.id) {
                let recent = entry.time >= self.opened;
                history.insert(index, Past { entry, recent });
            }
        }
        Ok(())
    }

    /// Lets go of the history kept inside a filesystem that is about to be closed; nothing may work on it any more.
    pub fn release(&self, fs: &FsRef) {
        let inside = |past: &Past| past.entry.home == Home::Inside(fs.clone());
        self.history.lock().retain(|past| !inside(past));
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
            Operation::Finish(id) => self.finish(*id, monitor),
            operation => {
                let _open = self.hold(operation);
                let writer = self.begin(operation, decisions)?;
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
            self.forget(&entry);
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
        let _open = self.hold(&operation);
        let writer = self.resume(entry)?;
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
        let _open = self.hold(&operation);
        let done = self.plan(operation.clone(), monitor).and_then(|plan| {
            let writer = self.begin(&operation, &decisions)?;
            Ok(self.run_with(&plan, &decisions, writer, monitor))
        });
        match done {
            Ok(mut report) => {
                self.forget(&entry);
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
        let operation = entry.operation.clone();
        let _open = self.hold(&operation);
        let writer = self.resume(entry)?;
        let mut run = Run::new(&*self.filesystems, Reporter::new(monitor), writer);
        let planned = run
            .settle()
            .and_then(|()| self.plan(operation.clone(), monitor));
        match planned {
            Ok(mut plan) => {
                plan.forget_done();
                let decisions = run.decisions(&plan);
                let mut report = self.run_to_end(run, &plan, &decisions);
                report.operation = Operation::Finish(id);
                report.subject = Some(operation);
                Ok(report)
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
        let mut writer = self.resume(entry)?;
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
                inside: match &past.entry.home {
                    Home::Inside(fs) => Some(fs.clone()),
                    _ => None,
                },
                can_finish: past.entry.undoing || !self.is_partly_gone(&past.entry.operation),
            })
            .collect()
    }

    fn is_partly_gone(&self, operation: &Operation) -> bool {
        let all = operation.filesystems();
        all.iter().any(|fs| self.filesystems.is_gone(fs))
    }

    /// Who takes part stays open while an operation runs, even what was opened only for it.
    fn hold(&self, operation: &Operation) -> Vec<Arc<dyn Backend>> {
        let all = operation.filesystems();
        all.iter()
            .filter_map(|fs| self.filesystems.backend(fs).ok())
            .collect()
    }

    /// Where an operation is journalled. Names of an encrypted filesystem must not stand in clear outside, so it is inside the first of those that take
    /// part (the one written to, if it is one of them: the names go there anyway). Where only what forgets is changed, a crash leaves nothing to take back.
    fn home(&self, operation: &Operation) -> Home {
        let can = |backend: &Arc<dyn Backend>, what| {
            backend
                .capabilities(At::path(&VPath::root()))
                .contains(what)
        };
        let open = |fs: FsRef| Some((self.filesystems.backend(&fs).ok()?, fs));
        let mut encrypted = operation
            .filesystems()
            .into_iter()
            .filter_map(open)
            .filter(|(backend, _)| can(backend, Capabilities::ENCRYPTED))
            .peekable();
        if encrypted.peek().is_some() {
            let home = encrypted.find(|(backend, _)| backend.extensions().notes.is_some());
            return home.map_or(Home::Memory, |(_, fs)| Home::Inside(fs));
        }
        let mut written = operation.written().into_iter().filter_map(open);
        if written.all(|(backend, _)| can(&backend, Capabilities::VOLATILE)) {
            return Home::Memory;
        }
        Home::Folder
    }

    fn begin(&self, operation: &Operation, decisions: &Decisions) -> Result<Writer> {
        let home = self.home(operation);
        self.journal
            .begin(&*self.filesystems, operation, decisions, home)
    }

    /// On error the entry is in the history again.
    fn resume(&self, entry: Entry) -> Result<Writer> {
        self.journal
            .resume(&*self.filesystems, entry.clone())
            .inspect_err(|_| self.put_back(entry))
    }

    fn forget(&self, entry: &Entry) {
        self.journal
            .forget(&*self.filesystems, &entry.home, entry.id);
    }

    /// Something new was done: what was undone before can't be redone any more.
    fn forget_undone(&self) {
        self.history.lock().retain(|past| {
            let stale = past.entry.state == State::Undone && past.recent;
            if stale {
                self.forget(&past.entry);
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
        let home = entry.home.clone();
        let mut history = self.history.lock();
        let index = history.partition_point(|past| past.entry.id < entry.id);
        history.insert(
            index,
            Past {
                entry,
                recent: true,
            },
        );
        if let Home::Inside(fs) = &home {
            let finished: Vec<_> = history
                .iter()
                .map(|past| &past.entry)
                .filter(|entry| entry.home == home && entry.state != State::Interrupted)
                .map(|entry| entry.id)
                .collect();
            drop(history);
            self.journal.prune_inside(&*self.filesystems, fs, &finished);
        }
    }
}
