//! Runs operations in the background: those that write to one filesystem one after the other, others at the same time.
//!
//! Requests never block. Events go through the caller's channel; when it is full, progress is dropped and everything else waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crossbeam_channel::{Sender, TrySendError};
use parking_lot::{Condvar, Mutex};

use super::engine::Engine;
use super::operation::Operation;
use super::place::FsRef;
use super::plan::Plan;
use super::preflight::{Decisions, Preflight};
use super::progress::{Monitor, Progress};
use super::report::Report;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};

/// Names a submitted operation while the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(pub u64);

/// What becomes of a submitted operation.
#[derive(Clone, Debug)]
pub enum OpEvent {
    /// It waits for another one that writes to the same filesystem.
    Queued(OpId),
    /// It is being looked into, or runs.
    Progress(OpId, Progress),
    /// It waits for [`Scheduler::answer`] or [`Scheduler::cancel`].
    Ask(OpId, Arc<Preflight>),
    /// It ran to its end, or was stopped: the report says.
    Done(OpId, Box<Report>),
    /// It did not begin; nothing was touched.
    Failed(OpId, Error),
}

/// Hands operations to threads. Clones are the same scheduler.
#[derive(Clone)]
pub struct Scheduler(Arc<Shared>);

struct Shared {
    engine: Arc<Engine>,
    events: Sender<OpEvent>,
    state: Mutex<State>,
    answered: Condvar,
}

#[derive(Default)]
struct State {
    last: u64,
    controls: HashMap<OpId, Control>,
    answers: HashMap<OpId, Decisions>,
    /// Operations that wait for a filesystem.
    waiting: VecDeque<(OpId, Operation, Vec<FsRef>)>,
    /// Filesystems that running operations touch, with who does.
    busy: Vec<(FsRef, OpId)>,
}

impl Scheduler {
    /// Runs operations on `engine`, tells of them through `events` (bounded, drained by whoever shows them).
    pub fn new(engine: Arc<Engine>, events: Sender<OpEvent>) -> Self {
        Self(Arc::new(Shared {
            engine,
            events,
            state: Mutex::default(),
            answered: Condvar::new(),
        }))
    }

    /// The engine, for history and pending operations.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    /// Takes an operation; returns at once.
    pub fn submit(&self, operation: Operation) -> OpId {
        let mut state = self.0.state.lock();
        state.last += 1;
        let id = OpId(state.last);
        state.controls.insert(id, Control::new());
        let touched = self.touched(&operation);
        state.waiting.push_back((id, operation, touched));
        self.start_waiting(&mut state);
        if state.waiting.iter().any(|(it, ..)| *it == id) {
            // While nobody can start it, so that nothing is told of it before. A full channel only means that the row shows "queued" a moment later.
            let _ = self.0.events.try_send(OpEvent::Queued(id));
        }
        id
    }

    /// Answers what an operation asked.
    pub fn answer(&self, id: OpId, decisions: Decisions) {
        self.0.state.lock().answers.insert(id, decisions);
        self.0.answered.notify_all();
    }

    /// Stops at the next chunk until resumed.
    pub fn pause(&self, id: OpId) {
        self.with_control(id, Control::pause);
    }

    /// Goes on.
    pub fn resume(&self, id: OpId) {
        self.with_control(id, Control::resume);
    }

    /// Ends it; what it was in the middle of is taken back.
    pub fn cancel(&self, id: OpId) {
        self.with_control(id, Control::cancel);
        let mut state = self.0.state.lock();
        if let Some(index) = state.waiting.iter().position(|(it, ..)| *it == id) {
            state.waiting.remove(index);
            state.controls.remove(&id);
            let error = Error::new(ErrorKind::Cancelled, "run");
            drop(state);
            self.tell(OpEvent::Failed(id, error));
            return;
        }
        drop(state);
        self.0.answered.notify_all();
    }

    /// Operations that have not ended.
    pub fn running(&self) -> Vec<OpId> {
        let mut all: Vec<_> = self.0.state.lock().controls.keys().copied().collect();
        all.sort();
        all
    }

    fn touched(&self, operation: &Operation) -> Vec<FsRef> {
        match operation.subject_entry() {
            Some(id) => {
                let history = self.0.engine.history();
                let entry = history.into_iter().find(|entry| entry.id == id);
                entry.map_or_else(Vec::new, |entry| entry.operation.filesystems())
            }
            None => operation.written(),
        }
    }

    fn with_control(&self, id: OpId, act: impl Fn(&Control)) {
        if let Some(control) = self.0.state.lock().controls.get(&id) {
            act(control);
        }
    }

    /// Starts every waiting operation whose filesystems are free, in order; one that waits keeps its place for those behind it.
    fn start_waiting(&self, state: &mut State) {
        let mut taken: Vec<FsRef> = state.busy.iter().map(|(fs, _)| fs.clone()).collect();
        let mut index = 0;
        while let Some((_, _, touched)) = state.waiting.get(index) {
            let free = touched.iter().all(|fs| !taken.contains(fs));
            taken.extend(touched.iter().cloned());
            if !free {
                index += 1;
                continue;
            }
            if let Some((id, operation, touched)) = state.waiting.remove(index) {
                state.busy.extend(touched.into_iter().map(|fs| (fs, id)));
                let control = state.controls.get(&id).cloned().unwrap_or_default();
                self.spawn(id, operation, control);
            }
        }
    }

    fn spawn(&self, id: OpId, operation: Operation, control: Control) {
        let scheduler = self.clone();
        let started = std::thread::Builder::new()
            .name("operation".to_owned())
            .spawn(move || scheduler.work(id, operation, &control));
        if let Err(e) = started {
            let error = Error::from_io(e, "run");
            // Nobody can wait here: the state is locked.
            let _ = self.0.events.try_send(OpEvent::Failed(id, error));
        }
    }

    fn work(&self, id: OpId, operation: Operation, control: &Control) {
        let done = match self.work_through(id, operation, control) {
            Ok(report) => OpEvent::Done(id, Box::new(report)),
            Err(e) => OpEvent::Failed(id, e),
        };
        let mut state = self.0.state.lock();
        state.controls.remove(&id);
        state.answers.remove(&id);
        state.busy.retain(|(_, it)| *it != id);
        // Told before those that waited for it begin, or the end of one of them could come first. Only a full channel keeps nobody waiting.
        let told = self.0.events.try_send(done);
        self.start_waiting(&mut state);
        drop(state);
        if let Err(TrySendError::Full(done)) = told {
            self.tell(done);
        }
    }

    fn work_through(&self, id: OpId, operation: Operation, control: &Control) -> Result<Report> {
        let progress = |progress: &Progress| {
            // The next one says more.
            let _ = self
                .0
                .events
                .try_send(OpEvent::Progress(id, progress.clone()));
        };
        let monitor = Monitor {
            control,
            progress: &progress,
        };
        let plan = self.0.engine.plan(operation, monitor)?;
        let decisions = self.ask(id, &plan, control)?;
        self.0.engine.run(&plan, &decisions, monitor)
    }

    /// Waits for an answer, if one is needed.
    fn ask(&self, id: OpId, plan: &Plan, control: &Control) -> Result<Decisions> {
        if !plan.preflight().asks() {
            return Ok(Decisions::default());
        }
        let preflight = Arc::new(plan.preflight().clone());
        self.tell(OpEvent::Ask(id, preflight));
        let mut state = self.0.state.lock();
        loop {
            if control.is_cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "run"));
            }
            if let Some(decisions) = state.answers.remove(&id) {
                return Ok(decisions);
            }
            self.0.answered.wait(&mut state);
        }
    }

    /// Waits while the channel is full; nobody listens any more when it is closed.
    fn tell(&self, event: OpEvent) {
        let _ = self.0.events.send(event);
    }
}
