//! The writing connection, and the transaction that those who wait for it share: one savepoint each, one COMMIT for all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use fs_core::{Error, ErrorKind, Result};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::room::{Pages, page_bytes};
use super::{Outside, Sync};
use crate::catalog::connect::{Connector, Role};
use crate::catalog::counters::Counters;
use crate::catalog::database::log_length;
use crate::catalog::error::from_sql;
use crate::catalog::horizon::Horizon;
use crate::catalog::keeper::{checkpoint, frames_in_log};
use crate::catalog::log;
use crate::catalog::schema::set_meta;

/// What the lock of the writer protects.
pub(super) struct State {
    pub(super) connection: Slot,
    pub(super) group: Option<Group>,
    /// A damaged page took a transaction: from then on nobody shares theirs.
    pub(super) met_damage: bool,
    /// Commits since the last durable one.
    pub(super) unsynced: bool,
    level: Sync,
    /// The log is in the database: what is committed next may begin it anew.
    pub(super) log_ends: bool,
    /// Does the database note how much of the log is durable?
    has_horizon: bool,
    in_doubt: Arc<AtomicBool>,
    outside: Arc<OnceLock<Box<dyn Outside>>>,
}

/// The connection, while there is one.
pub(super) enum Slot {
    Open(Connection),
    /// After a failed write: opened anew before the next use.
    Poisoned,
    Closed,
}

/// An open transaction.
pub(super) struct Group {
    outcome: Arc<Outcome>,
    pub(super) size: usize,
    sync: Sync,
    /// The last error in it: why, when SQLite undid all of it.
    pub(super) cause: Option<Error>,
    /// When somebody had to look.
    pages: Option<Pages>,
    /// The log is empty, or all of it is in the database: what is committed begins it.
    begins_log: bool,
    /// Where the log ended before, if nobody knows yet that what comes may not be durable.
    horizon: Option<Horizon>,
}

/// How a shared transaction ended; everybody who joined it waits here.
#[derive(Default)]
pub(super) struct Outcome {
    result: Mutex<Option<Result<()>>>,
    settled: Condvar,
}

impl Outcome {
    fn settle(&self, result: Result<()>) {
        *self.result.lock() = Some(result);
        self.settled.notify_all();
    }

    pub(super) fn wait(&self) -> Result<()> {
        let mut result = self.result.lock();
        loop {
            if let Some(result) = &*result {
                return result.clone();
            }
            self.settled.wait(&mut result);
        }
    }
}

impl State {
    /// With an open connection that nothing was written through yet.
    pub(super) fn new(
        path: &Path,
        connection: Connection,
        in_doubt: Arc<AtomicBool>,
        outside: Arc<OnceLock<Box<dyn Outside>>>,
    ) -> Self {
        let has_horizon = Horizon::of(&connection).is_some();
        Self {
            connection: Slot::Open(connection),
            group: None,
            met_damage: false,
            // What a killed program committed may not be durable.
            unsynced: log_length(path) > 0 || has_horizon,
            level: Sync::Durable,
            log_ends: false,
            has_horizon,
            in_doubt,
            outside,
        }
    }

    pub(super) fn connection(&self) -> Result<&Connection> {
        match &self.connection {
            Slot::Open(connection) => Ok(connection),
            Slot::Poisoned => Err(Error::new(ErrorKind::Io, "write")),
            Slot::Closed => Err(Error::new(ErrorKind::Closed, "write")),
        }
    }

    /// Makes durable what lies beside the database. A durable commit that named bytes the disk does not have would lose, in a power cut, also those that
    /// were there before: a file that is changed in place may have got another blob.
    pub(super) fn sync_outside(&self) -> Result<()> {
        self.outside.get().map_or(Ok(()), |outside| outside.sync())
    }

    pub(super) fn ready(&mut self, connector: &Connector) -> Result<()> {
        if let Slot::Poisoned = self.connection {
            // What a failed sync could not write the kernel takes for written: only writing it again tells.
            log::write_again(&connector.path)
                .map_err(|error| Error::from_io(error, "write log"))?;
            self.sync_outside()?;
            let connection = connector
                .connect(Role::Writer)
                .map_err(|error| from_sql(error, "write"))?;
            self.level = Sync::Durable;
            // A transaction whose COMMIT failed may stand in the log behind what counts, whole, and a crash would bring it back: the next one
            // takes its place. Nothing is acknowledged before that has worked.
            match touch(&connection) {
                // The log has no room for it: it goes into the database, and with it what may stand behind.
                Err(error)
                    if error.kind() == ErrorKind::NoSpace && !connector.checkpoint_by_hand =>
                {
                    checkpoint(&connection)?;
                    touch(&connection)?;
                }
                touched => touched?,
            }
            // Nobody knows which of the last transactions stands.
            self.has_horizon = Horizon::of(&connection).is_some();
            self.in_doubt.store(false, Ordering::Release);
            self.connection = Slot::Open(connection);
        }
        Ok(())
    }

    /// The connection is opened anew before its next use.
    pub(super) fn distrust(&mut self) {
        if let Slot::Open(_) = self.connection {
            self.connection = Slot::Poisoned;
        }
    }

    /// Bytes in the log that are not in the database yet; `None`: nobody can tell.
    pub(super) fn log_bytes(&self) -> Option<u64> {
        let db = self.connection().ok()?;
        Some(frames_in_log(db).ok()?.not_in_database() * page_bytes(db).ok()?)
    }

    /// Pages when the open transaction began, or when somebody looked first.
    pub(super) fn pages(&mut self) -> Result<Pages> {
        if let Some(pages) = self.group.as_ref().and_then(|group| group.pages) {
            return Ok(pages);
        }
        let pages = Pages::of(self.connection()?)?;
        if let Some(group) = &mut self.group {
            group.pages = Some(pages);
        }
        Ok(pages)
    }

    /// Will the open transaction, if there is one, be as durable? Made so after its COMMIT, it could stand and fail at once: nobody would know what to
    /// believe.
    pub(super) fn promises(&self, sync: Sync) -> bool {
        self.group.as_ref().is_none_or(|group| group.sync >= sync)
    }

    /// Joins the open transaction, which promises enough, or begins one.
    pub(super) fn join(&mut self, connector: &Connector, sync: Sync) -> Result<Arc<Outcome>> {
        if let Some(group) = &mut self.group {
            group.size += 1;
            return Ok(group.outcome.clone());
        }
        self.ready(connector)?;
        let begin = |state: &mut Self| {
            state.set_level(sync)?;
            state
                .connection()?
                .prepare_cached("BEGIN IMMEDIATE")
                .and_then(|mut begin| begin.execute([]))
                .map_err(|error| from_sql(error, "write"))
        };
        let begins_log = self.log_ends || log_length(&connector.path) == 0;
        let horizon = self.new_horizon(&connector.path, sync, begins_log)?;
        begin(self)?;
        let outcome = Arc::new(Outcome::default());
        self.group = Some(Group {
            outcome: outcome.clone(),
            size: 1,
            sync,
            cause: None,
            pages: None,
            begins_log,
            horizon,
        });
        Ok(outcome)
    }

    fn set_level(&mut self, level: Sync) -> Result<()> {
        if self.level != level {
            let sql = match level {
                Sync::Committed => "PRAGMA synchronous = NORMAL",
                Sync::Durable => "PRAGMA synchronous = FULL",
            };
            self.connection()?
                .execute_batch(sql)
                .map_err(|error| from_sql(error, "write"))?;
            self.level = level;
        }
        Ok(())
    }

    /// The first operation of a transaction. It is alone in it, so that undoing it is undoing all: no savepoint, for which SQLite would copy every page
    /// before it changes. Nobody shares the group it leaves behind when it fails or panics.
    pub(super) fn run_first<T>(
        &mut self,
        f: impl FnOnce(&Connection) -> Result<T>,
    ) -> std::thread::Result<Result<T>> {
        let db = match self.connection() {
            Ok(db) => db,
            Err(error) => return Ok(Err(error)),
        };
        let result = catch_unwind(AssertUnwindSafe(|| f(db)));
        if !matches!(result, Ok(Ok(_))) {
            // Otherwise SQLite itself undid everything: disk full, out of memory, an error of the device.
            let undone = !db.is_autocommit() && db.execute_batch("ROLLBACK").is_ok();
            self.group = None;
            if !undone {
                self.connection = Slot::Poisoned;
            }
        }
        result
    }

    /// One operation in its savepoint. A panic is caught, so that those who share the transaction do not wait forever, and handed on.
    pub(super) fn run_one<T>(
        &mut self,
        f: impl FnOnce(&Connection) -> Result<T>,
    ) -> std::thread::Result<Result<T>> {
        let db = match self.connection() {
            Ok(db) => db,
            Err(error) => return Ok(Err(error)),
        };
        match catch_unwind(AssertUnwindSafe(|| savepoint(db, || f(db)))) {
            Ok(result) => Ok(result),
            Err(panic) => {
                // The savepoint is still open; what fails here fails again, and is told, at COMMIT.
                undo(db).unwrap_or_default();
                Err(panic)
            }
        }
    }

    /// Commits for everybody in the group.
    pub(super) fn finish(&mut self, counters: &Counters) {
        let Some(group) = self.group.take() else {
            return;
        };
        let result = self.commit(&group, counters);
        if result.is_err() {
            counters.forget_reservation();
            let damage = |cause: &Error| cause.kind() == ErrorKind::Corrupted;
            self.met_damage |= group.cause.as_ref().is_some_and(damage);
        }
        group.outcome.settle(result);
    }

    fn first_new(&self) -> Option<u64> {
        self.outside.get().and_then(|outside| outside.first_new())
    }

    /// Where the log ends now, for a transaction that may name what is not durable, if it is the first one. Not to be asked within it.
    fn new_horizon(&self, path: &Path, sync: Sync, begins_log: bool) -> Result<Option<Horizon>> {
        // One of an earlier log is in the database, and so is all that came before this one.
        let has_horizon = self.has_horizon && !begins_log;
        if sync == Sync::Durable || has_horizon || self.first_new().is_none() {
            return Ok(None);
        }
        Ok(Some(Horizon {
            salts: log::salts(path),
            frames: frames_in_log(self.connection()?)?.all,
            first_content: 0,
        }))
    }

    /// Notes the horizon of a transaction that is not durable, or that there is none any more.
    fn tell_horizon(&self, db: &Connection, group: &Group) -> Result<()> {
        if group.sync == Sync::Durable {
            return match self.has_horizon {
                true => Horizon::clear(db),
                false => Ok(()),
            };
        }
        // Only now: what it names itself is new.
        let first_content = self.first_new().unwrap_or(0);
        match group.horizon {
            Some(horizon) => Horizon {
                first_content,
                ..horizon
            }
            .set(db),
            None => Ok(()),
        }
    }

    fn commit(&mut self, group: &Group, counters: &Counters) -> Result<()> {
        let db = self.connection()?;
        if db.is_autocommit() {
            // SQLite itself undid everything: disk full, out of memory, an error of the device.
            self.connection = Slot::Poisoned;
            let cause = group.cause.clone();
            return Err(cause.unwrap_or_else(|| Error::new(ErrorKind::Io, "write")));
        }
        if group.sync == Sync::Durable
            && let Err(error) = self.sync_outside()
        {
            if db.execute_batch("ROLLBACK").is_err() {
                self.connection = Slot::Poisoned;
            }
            return Err(error);
        }
        // So each log tells whose it is.
        let begun = match group.begins_log {
            true => touch(db),
            false => Ok(()),
        };
        let told = begun.and_then(|()| self.tell_horizon(db, group));
        let committed = told.and_then(|()| counters.reserve(db)).and_then(|()| {
            db.prepare_cached("COMMIT")
                .and_then(|mut commit| commit.execute([]))
                .map_err(|error| from_sql(error, "write"))
        });
        if let Err(error) = committed {
            // After a failed write or fsync nothing this connection holds is certain.
            self.in_doubt.store(true, Ordering::Release);
            db.execute_batch("ROLLBACK").unwrap_or_default();
            self.connection = Slot::Poisoned;
            return Err(error);
        }
        self.unsynced = true;
        self.log_ends = false;
        self.has_horizon = group.sync == Sync::Committed && self.first_new().is_some();
        if self.level == Sync::Durable {
            self.unsynced = false;
        }
        Ok(())
    }
}

/// Changes a byte, so that a commit has something to make durable.
pub(in crate::catalog) fn touch(db: &Connection) -> Result<()> {
    let key = "barrier";
    db.prepare_cached("SELECT value FROM meta WHERE key = ?1")
        .and_then(|mut select| select.query_row([key], |row| row.get::<_, i64>(0)))
        .and_then(|barrier| set_meta(db, key, barrier.wrapping_add(1)))
        .map_err(|error| from_sql(error, "sync"))
}

/// Runs `f`; an error from it undoes what it did.
pub(in crate::catalog) fn savepoint<T>(
    db: &Connection,
    f: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let run = |sql| {
        db.prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map_err(|error| from_sql(error, "write"))
    };
    run("SAVEPOINT operation")?;
    match f() {
        Ok(value) => {
            run("RELEASE operation")?;
            Ok(value)
        }
        Err(error) => {
            // When SQLite undid the whole transaction there is no savepoint left to go back to; the commit finds out.
            undo(db).unwrap_or_default();
            Err(error)
        }
    }
}

fn undo(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("ROLLBACK TO operation; RELEASE operation")
}
