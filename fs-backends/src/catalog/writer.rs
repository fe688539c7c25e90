//! The one writer of a database, and group commit.
//!
//! Whoever wants to write takes the connection, runs inside a savepoint and looks behind: when somebody waits, the open
//! transaction is left to them, otherwise it is committed for all that joined it. So a lone writer commits at once, and many
//! share one COMMIT and one fsync, without a thread, a queue or a copy of what they write. Nobody returns before the COMMIT.

mod group;
#[cfg(test)]
mod tests;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_core::Result;
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;

use super::connect::Connector;
use super::counters::Counters;
use super::error::from_sql;
use group::{Slot, State};

pub(super) use group::{savepoint, touch};

/// Operations in one transaction at most, so that the first of them does not wait forever.
const GROUP_MAX: usize = 256;

/// What a commit promises when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sync {
    /// Visible to all, survives a kill of the process (`synchronous = NORMAL`).
    Committed,
    /// Survives a power cut too, with everything committed before (`synchronous = FULL`).
    Durable,
}

/// The writing connection and who shares its transaction.
pub(super) struct Writer {
    connector: Arc<RwLock<Connector>>,
    counters: Arc<Counters>,
    waiting: AtomicUsize,
    state: Mutex<State>,
}

impl Writer {
    pub(super) fn new(
        connector: Arc<RwLock<Connector>>,
        connection: Connection,
        counters: Arc<Counters>,
    ) -> Self {
        let state = State::new(connection);
        Self {
            connector,
            counters,
            waiting: AtomicUsize::new(0),
            state: Mutex::new(state),
        }
    }

    /// Runs `f` in a transaction and returns when it is committed as `sync` says. An error from `f` undoes what it did.
    pub(super) fn run<T>(&self, sync: Sync, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let mut guard = self.state.lock();
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        let state = &mut *guard;
        let first = state.group.is_none();
        let outcome = state.join(&self.connector.read(), sync)?;
        let result = match first {
            true => state.run_first(f),
            false => state.run_one(f),
        };
        let size = state.group.as_ref().map_or(0, |group| group.size);
        if let (Some(group), Ok(Err(error))) = (&mut state.group, &result) {
            group.cause = Some(error.clone());
        }
        if self.waiting.load(Ordering::Acquire) == 0
            || size >= GROUP_MAX
            || !matches!(result, Ok(Ok(_)))
        {
            state.finish(&self.counters);
        }
        drop(guard);
        match result {
            Ok(Ok(value)) => outcome.wait().map(|()| value),
            Ok(Err(error)) => Err(error),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Returns when all commits so far would survive a power cut: one tiny durable commit carries those before it.
    pub(super) fn barrier(&self) -> Result<()> {
        if !self.state.lock().unsynced {
            return Ok(());
        }
        self.run(Sync::Durable, touch)
    }

    /// Uses the connection outside of any transaction, for maintenance.
    pub(super) fn exclusively<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let mut state = self.state.lock();
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        // Whoever left their transaction to us waits for it.
        state.finish(&self.counters);
        state.ready(&self.connector.read())?;
        f(state.connection()?)
    }

    /// The connection is opened anew before its next use.
    pub(super) fn poison(&self) {
        let mut state = self.state.lock();
        state.finish(&self.counters);
        if let Slot::Open(_) = state.connection {
            state.connection = Slot::Poisoned;
        }
    }

    /// Is a thread waiting for the writer?
    pub(super) fn is_busy(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Runs `last` and closes the connection; later calls answer `Closed`.
    pub(super) fn close(&self, last: impl FnOnce(&Connection) -> Result<()>) -> Result<()> {
        let mut state = self.state.lock();
        state.finish(&self.counters);
        match std::mem::replace(&mut state.connection, Slot::Closed) {
            Slot::Open(connection) => {
                let result = last(&connection);
                connection
                    .close()
                    .map_err(|(_, error)| from_sql(error, "close"))?;
                result
            }
            Slot::Poisoned | Slot::Closed => Ok(()),
        }
    }
}
