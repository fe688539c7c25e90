//! The readers that nobody uses just now. Who finds none opens one, and is told at once why that fails: on a disk that fails nobody waits for it to heal.

use std::time::Instant;

use fs_core::{Error, ErrorKind, Result};
use parking_lot::{Condvar, Mutex};

use super::{READERS, Reader};
use crate::catalog::connect::{Connector, Role};
use crate::catalog::error::from_sql;

pub(super) struct Pool {
    connector: Connector,
    state: Mutex<State>,
    /// One came back, or is gone.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Reader>,
    /// Idle, in use, or being opened.
    all: usize,
    is_closed: bool,
}

impl Pool {
    /// Without any yet.
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Opens all: later the file may have another name, or there be no descriptors.
    pub(super) fn fill(&self) -> Result<()> {
        let mut state = self.state.lock();
        while state.all < READERS {
            let reader = self.connect()?;
            state.idle.push(reader);
            state.all += 1;
        }
        Ok(())
    }

    fn connect(&self) -> Result<Reader> {
        let db = self.connector.connect(Role::Reader);
        let db = db.map_err(|error| from_sql(error, "read").with_path(&self.connector.path))?;
        Ok(Reader { db, moment: None })
    }

    /// A reader of one's own. Errors: why none can be opened; `Busy` when all are in use until `end`; `Closed`.
    pub(super) fn take(&self, end: Instant) -> Result<Reader> {
        let mut state = self.state.lock();
        loop {
            if state.is_closed {
                return Err(Error::new(ErrorKind::Closed, "read"));
            }
            if let Some(reader) = state.idle.pop() {
                return Ok(reader);
            }
            if state.all < READERS {
                state.all += 1;
                drop(state);
                return self.connect().inspect_err(|_| self.forget_one());
            }
            if self.changed.wait_until(&mut state, end).timed_out() {
                return Err(Error::new(ErrorKind::Busy, "read"));
            }
        }
    }

    /// Takes back a reader.
    pub(super) fn put_back(&self, reader: Reader) {
        let mut state = self.state.lock();
        if state.is_closed {
            drop(state);
            drop(reader);
            return self.forget_one();
        }
        state.idle.push(reader);
        drop(state);
        self.changed.notify_all();
    }

    /// One that was taken is gone.
    pub(super) fn forget_one(&self) {
        self.state.lock().all -= 1;
        self.changed.notify_all();
    }

    /// Runs `f` on those that are idle, one after the other; who comes meanwhile waits.
    pub(super) fn each_idle(&self, f: impl FnMut(&mut Reader)) {
        self.state.lock().idle.iter_mut().for_each(f);
    }

    /// Is none in use before `end`?
    pub(super) fn is_idle_by(&self, end: Instant) -> bool {
        let mut state = self.state.lock();
        while state.all > state.idle.len() {
            if self.changed.wait_until(&mut state, end).timed_out() {
                return state.all == state.idle.len();
            }
        }
        true
    }

    /// Gives out none any more, and closes those that are idle; those in use when they come back.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        let idle = std::mem::take(&mut state.idle);
        state.all -= idle.len();
        drop(state);
        drop(idle);
        self.changed.notify_all();
    }
}
