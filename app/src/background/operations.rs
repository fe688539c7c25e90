//! The engine of operations, between the window's numbers and its own.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crossbeam_channel::{Receiver, bounded};
use fs_core::ErrorKind;
use fs_core::ops::{
    self, Engine, EntryId, FsRef, HistoryEntry, OpEvent, Operation, Pending, Scheduler, State,
};
use parking_lot::Mutex;

use super::message::{Event, OpControl, OpNews};
use super::mounts::Mounts;
use super::outbox::Outbox;
use super::sort_key;
use crate::state::{OpId, Undoable, Unfinished};

/// Events of the scheduler that wait to be passed on.
const EVENTS: usize = 64;

/// The engine, once its journal has been read. Clones are the same.
#[derive(Clone, Default)]
pub struct Operations(Arc<Inner>);

#[derive(Default)]
struct Inner {
    scheduler: OnceLock<Scheduler>,
    ids: Mutex<HashMap<ops::OpId, OpId>>,
}

impl Operations {
    /// Reads the journal and starts to pass events on. Before it returns, nothing else may be called.
    pub fn start(&self, mounts: Arc<Mounts>, journal: &Path, outbox: &Outbox) {
        let engine = Engine::open(mounts.clone(), Some(journal)).or_else(|error| {
            outbox.send(Event::Note(format!(
                "Operations can't be undone after a crash: {error}"
            )));
            Engine::open(mounts, None)
        });
        let engine = match engine {
            Ok(engine) => Arc::new(engine),
            Err(error) => return outbox.send(Event::Note(error.to_string())),
        };
        let (events, inbox) = bounded(EVENTS);
        let scheduler = Scheduler::new(engine, events);
        self.0.scheduler.set(scheduler).ok();
        self.tell_history(outbox);
        let (this, outbox) = (self.clone(), outbox.clone());
        let started = std::thread::Builder::new()
            .name("operations".to_owned())
            .spawn(move || this.pass_on(&inbox, &outbox));
        if let Err(error) = started {
            tracing::error!("can't start a thread: {error}");
        }
    }

    fn pass_on(&self, inbox: &Receiver<OpEvent>, outbox: &Outbox) {
        while let Ok(event) = inbox.recv() {
            let (id, news) = match event {
                OpEvent::Queued(id) => (id, OpNews::Queued),
                OpEvent::Progress(id, progress) => (id, OpNews::Progress(progress)),
                OpEvent::Ask(id, mut preflight) => {
                    // As lists are: folders are read in any order.
                    Arc::make_mut(&mut preflight)
                        .conflicts
                        .sort_by_cached_key(|conflict| sort_key::of_path(&conflict.target.path));
                    (id, OpNews::Ask(preflight))
                }
                OpEvent::Done(id, report) => (id, OpNews::Done(report)),
                OpEvent::Failed(id, error) => (id, OpNews::Failed(error)),
            };
            let over = matches!(news, OpNews::Done(_) | OpNews::Failed(_));
            let known = self.0.ids.lock().get(&id).copied();
            if over {
                // History first: whoever hears that it is done may ask for undo at once.
                self.tell_history(outbox);
                self.0.ids.lock().remove(&id);
            }
            if let Some(op) = known {
                outbox.send(Event::Operation(op, news));
            }
        }
    }

    fn tell_history(&self, outbox: &Outbox) {
        let Some(scheduler) = self.0.scheduler.get() else {
            return;
        };
        let history = scheduler.engine().history();
        let of = |state: State| -> Vec<Undoable> {
            history
                .iter()
                .filter(|entry| entry.recent && entry.state == state)
                .map(undoable)
                .collect()
        };
        let mut redo = of(State::Undone);
        // What was undone last is done again first.
        redo.reverse();
        let unfinished = scheduler.engine().pending().into_iter().map(unfinished);
        outbox.send(Event::History {
            undo: of(State::Done),
            redo,
            unfinished: unfinished.collect(),
        });
    }

    /// Takes over the history kept inside a filesystem that was just opened.
    pub fn adopt(&self, fs: &FsRef, outbox: &Outbox) {
        let Some(scheduler) = self.0.scheduler.get() else {
            return;
        };
        if let Err(error) = scheduler.engine().adopt(fs) {
            // Closed again at once: nothing is lost.
            if error.kind() != ErrorKind::Closed {
                let what = "What was interrupted here can't be read";
                outbox.send(Event::Note(format!("{what}: {error}")));
            }
        }
        self.tell_history(outbox);
    }

    /// Forgets the history kept inside a filesystem that is about to be closed.
    pub fn release(&self, fs: &FsRef, outbox: &Outbox) {
        if let Some(scheduler) = self.0.scheduler.get() {
            scheduler.engine().release(fs);
            self.tell_history(outbox);
        }
    }

    /// Gives an operation to the engine.
    pub fn submit(&self, op: OpId, operation: Operation) {
        if let Some(scheduler) = self.0.scheduler.get() {
            // Held until the number is known, so that no event is passed on before it.
            let mut ids = self.0.ids.lock();
            let id = scheduler.submit(operation);
            ids.insert(id, op);
        }
    }

    fn with(&self, op: OpId, act: impl FnOnce(&Scheduler, ops::OpId)) {
        let id = self
            .0
            .ids
            .lock()
            .iter()
            .find(|(_, known)| **known == op)
            .map(|(id, _)| *id);
        if let (Some(scheduler), Some(id)) = (self.0.scheduler.get(), id) {
            act(scheduler, id);
        }
    }

    /// Answers what an operation asked.
    pub fn answer(&self, op: OpId, decisions: ops::Decisions) {
        self.with(op, |scheduler, id| scheduler.answer(id, decisions));
    }

    /// Holds, goes on with or stops an operation.
    pub fn control(&self, op: OpId, control: OpControl) {
        self.with(op, |scheduler, id| match control {
            OpControl::Pause => scheduler.pause(id),
            OpControl::Resume => scheduler.resume(id),
            OpControl::Cancel => scheduler.cancel(id),
        });
    }

    /// Leaves an operation that a crash interrupted as it is.
    pub fn leave(&self, entry: EntryId, outbox: &Outbox) {
        let Some(scheduler) = self.0.scheduler.get() else {
            return;
        };
        if let Err(error) = scheduler.engine().dismiss(entry) {
            outbox.send(Event::Note(format!("It will be offered again: {error}")));
        }
        self.tell_history(outbox);
    }

    /// Stops everything that runs; for leaving.
    pub fn stop(&self) {
        if let Some(scheduler) = self.0.scheduler.get() {
            scheduler
                .running()
                .into_iter()
                .for_each(|id| scheduler.cancel(id));
        }
    }
}

fn undoable(entry: &HistoryEntry) -> Undoable {
    Undoable {
        entry: entry.id,
        name: entry.operation.name(),
        filesystems: entry.operation.filesystems(),
    }
}

fn unfinished(pending: Pending) -> Unfinished {
    Unfinished {
        entry: pending.id,
        name: pending.operation.full_name(),
        undoing: pending.undoing,
        can_finish: pending.can_finish,
        filesystems: pending.operation.filesystems(),
    }
}
