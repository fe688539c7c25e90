//! The one writer of a database, and group commit.
//!
//! Whoever wants to write takes the connection, runs inside a savepoint and looks behind: when somebody waits, the open
//! transaction is left to them, otherwise it is committed for all that joined it. So a lone writer commits at once, and many
//! share one COMMIT and one fsync, without a thread, a queue or a copy of what they write. Nobody returns before the COMMIT.

mod group;
mod room;
#[cfg(test)]
mod tests;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use fs_core::{ErrorKind, Result};
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;

use super::connect::Connector;
use super::counters::Counters;
use super::database::log_length;
use super::error::from_sql;
use super::failed_read;
use super::keeper::{checkpoint, restart_log};
use group::{Slot, State};
use room::Room;

pub(super) use group::{savepoint, touch};

/// Operations in one transaction at most, so that the first of them does not wait forever.
const GROUP_MAX: usize = 256;
/// A longer log goes into the database at once, whoever waits. (Short in tests, so that it does.)
const LOG_MAX_BYTES: u64 = if cfg!(test) { 1 << 20 } else { 64 << 20 };
/// So many commits go by before its length is looked at again.
const COMMITS_BETWEEN: u32 = 8;

/// What a commit promises when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sync {
    /// Visible to all, survives a kill of the process (`synchronous = NORMAL`).
    Committed,
    /// Survives a power cut too, with everything committed before (`synchronous = FULL`).
    Durable,
}

/// Whose transaction something may join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// Anybody's.
    Any,
    /// None that was begun before: what it breaks is not theirs.
    OfItsOwn,
}

/// The writing connection and who shares its transaction.
pub(super) struct Writer {
    connector: Arc<RwLock<Connector>>,
    counters: Arc<Counters>,
    waiting: AtomicUsize,
    room: Room,
    commits: AtomicU32,
    outside: Arc<OnceLock<Box<dyn Outside>>>,
    in_doubt: Arc<AtomicBool>,
    state: Mutex<State>,
}

/// What lies beside the database and is named in it.
pub(super) trait Outside: Send + std::marker::Sync {
    /// Makes it durable.
    fn sync(&self) -> Result<()>;

    /// The smallest number of a content that no transaction has named yet. `None`: nothing ever lies beside this database.
    fn first_new(&self) -> Option<u64>;
}

impl Writer {
    pub(super) fn new(
        connector: Arc<RwLock<Connector>>,
        connection: Connection,
        counters: Arc<Counters>,
    ) -> Self {
        let in_doubt = Arc::new(AtomicBool::new(false));
        let outside = Arc::<OnceLock<Box<dyn Outside>>>::default();
        let path = connector.read().path.clone();
        let state = State::new(&path, connection, in_doubt.clone(), outside.clone());
        Self {
            connector,
            counters,
            waiting: AtomicUsize::new(0),
            room: Room::new(),
            commits: AtomicU32::new(0),
            outside,
            in_doubt,
            state: Mutex::new(state),
        }
    }

    /// Runs `f` in a transaction and returns when it is committed as `sync` says. An error from `f` undoes what it did.
    pub(super) fn run<T>(&self, sync: Sync, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.run_in(sync, Company::Any, f)
    }

    /// As [`Writer::run`], in such a transaction.
    pub(super) fn run_in<T>(
        &self,
        sync: Sync,
        company: Company,
        f: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let mut guard = self.state.lock();
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        let state = &mut *guard;
        failed_read::forget();
        if company == Company::OfItsOwn || state.met_damage || !state.promises(sync) {
            state.finish(&self.counters);
        }
        let connector = self.connector.read();
        let mut short = self.room.short(&connector.path);
        if state.group.is_none() && short.as_ref().is_some_and(room::Short::is_log) {
            self.fold_log(state, &connector, checkpoint);
            short = self.room.short(&connector.path);
        }
        let was_short = short.is_some();
        let first = state.group.is_none();
        let outcome = state.join(&connector, sync)?;
        let before = short.as_ref().map(|_| state.pages());
        let f = |db: &Connection| {
            let value = f(db)?;
            if let (Some(short), Some(before)) = (short, before) {
                short.judge(db, &before?)?;
            }
            Ok(value)
        };
        let result = match first {
            true => state.run_first(f),
            false => state.run_one(f),
        };
        let size = state.group.as_ref().map_or(0, |group| group.size);
        if let (Some(group), Ok(Err(error))) = (&mut state.group, &result) {
            group.cause = Some(error.clone());
        }
        // A connection that met a damaged page of an encrypted database fails from then on, whatever it is asked for. It undid what it had begun.
        if let (None, Ok(Err(error)), true) = (&state.group, &result, connector.cipher.is_some())
            && matches!(error.kind(), ErrorKind::Corrupted | ErrorKind::Io)
        {
            state.met_damage |= !error.is_from_host();
            state.distrust();
        }
        if self.waiting.load(Ordering::Acquire) == 0
            || size >= GROUP_MAX
            || !matches!(result, Ok(Ok(_)))
        {
            state.finish(&self.counters);
            self.bound_log(state, &connector, was_short);
        }
        drop(connector);
        drop(guard);
        match result {
            Ok(Ok(value)) => outcome.wait().map(|()| value),
            Ok(Err(error)) => Err(error),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// What has to be made durable before anything is that names it: before a durable commit, and before the log goes into the database; told once.
    pub(super) fn set_outside(&self, outside: Box<dyn Outside>) {
        // A second one would be the same.
        self.outside.set(outside).unwrap_or_default();
    }

    /// As [`Writer::has_room`], without moving the log; `None`: only then can it be told.
    pub(super) fn has_room_now(&self, bytes: u64) -> Option<bool> {
        match self.room.short(&self.connector.read().path) {
            Some(short) if short.fits(bytes) => Some(true),
            Some(short) => (!short.is_log()).then_some(false),
            None => Some(true),
        }
    }

    /// Is there room on the disk for content of so many bytes beside the database?
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        // Not held while waiting for the writer: whoever has that waits for this one.
        let look = || self.room.short(&self.connector.read().path);
        let fits = |short: &room::Short| short.fits(bytes);
        match look() {
            None => true,
            Some(short) if fits(&short) => true,
            Some(short) if short.is_log() => {
                let mut state = self.state.lock();
                state.finish(&self.counters);
                self.fold_log(&mut state, &self.connector.read(), checkpoint);
                drop(state);
                look().as_ref().is_none_or(fits)
            }
            Some(_) => false,
        }
    }

    /// Could a crash bring back what the last transaction did, although it failed?
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire)
    }

    /// Bytes free on the disk, where they are few.
    pub(super) fn short_bytes(&self) -> Option<u64> {
        let short = self.room.short(&self.connector.read().path);
        short.map(|short| short.free_bytes())
    }

    /// Moves the log into the database when it is long; SQLite would do it by itself, but would not tell when that fails.
    /// Its file is given back only where room `is_short`, and when nobody writes for a while.
    fn bound_log(&self, state: &mut State, connector: &Connector, is_short: bool) {
        let commits = self.commits.fetch_add(1, Ordering::Relaxed);
        if !commits.is_multiple_of(COMMITS_BETWEEN) || log_length(&connector.path) <= LOG_MAX_BYTES
        {
            return;
        }
        if is_short {
            self.fold_log(state, connector, checkpoint);
        } else if state.log_bytes().is_none_or(|bytes| bytes > LOG_MAX_BYTES) {
            self.fold_log(state, connector, restart_log);
        }
    }

    /// What was committed stays so if this fails; the next use of the connection finds out what is lost.
    fn fold_log(
        &self,
        state: &mut State,
        connector: &Connector,
        how: fn(&Connection) -> Result<()>,
    ) {
        // A checkpoint makes the index of a store durable, and blobs must be before it.
        let outside = match self.outside.get() {
            Some(outside) => outside.sync().is_ok(),
            None => !connector.checkpoint_by_hand,
        };
        if !outside || state.ready(connector).is_err() {
            return;
        }
        if let Ok(db) = state.connection()
            && how(db).is_err()
        {
            state.distrust();
        }
        state.log_ends = true;
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
        // It may make the commits so far durable.
        state.sync_outside()?;
        failed_read::forget();
        let result = f(state.connection()?);
        // Perhaps a checkpoint.
        state.log_ends = true;
        if let Err(error) = &result
            && matches!(
                error.kind(),
                ErrorKind::Io | ErrorKind::NoSpace | ErrorKind::Corrupted
            )
        {
            state.distrust();
        }
        result
    }

    /// The connection is opened anew before its next use.
    pub(super) fn poison(&self) {
        let mut state = self.state.lock();
        state.finish(&self.counters);
        state.distrust();
    }

    /// Is a thread waiting for the writer?
    pub(super) fn is_busy(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Runs `last` and closes the connection; later calls answer `Closed`.
    pub(super) fn close(&self, last: impl FnOnce(&Connection) -> Result<()>) -> Result<()> {
        let mut state = self.state.lock();
        state.finish(&self.counters);
        // Closing promises that all of it is durable: after a failure that takes a connection that knows.
        let ready = state.ready(&self.connector.read());
        match std::mem::replace(&mut state.connection, Slot::Closed) {
            Slot::Open(connection) => {
                let result = last(&connection);
                connection
                    .close()
                    .map_err(|(_, error)| from_sql(error, "close"))?;
                result
            }
            Slot::Poisoned => ready,
            Slot::Closed => Ok(()),
        }
    }
}
