//! The one writer of a database, and group commit.
//!
//! Whoever wants to write takes the connection, runs inside a savepoint and looks behind: when somebody waits, the open
//! transaction is left to them, otherwise it is committed for all that joined it. So a lone writer commits at once, and many
//! share one COMMIT and one fsync, without a thread, a queue or a copy of what they write. Nobody returns before the COMMIT.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_core::{Error, ErrorKind, Result};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::connect::{Connector, Role};
use super::counters::Counters;
use super::error::from_sql;

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
    connector: Connector,
    counters: Arc<Counters>,
    waiting: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    connection: Slot,
    group: Option<Group>,
    /// Commits since the last durable one.
    unsynced: bool,
    level: Sync,
}

enum Slot {
    Open(Connection),
    /// After a failed write: opened anew before the next use.
    Poisoned,
    Closed,
}

struct Group {
    outcome: Arc<Outcome>,
    size: usize,
    sync: Sync,
    /// The last error in it: why, when SQLite undid all of it.
    cause: Option<Error>,
}

/// How a shared transaction ended; everybody who joined it waits here.
#[derive(Default)]
struct Outcome {
    result: Mutex<Option<Result<()>>>,
    settled: Condvar,
}

impl Outcome {
    fn settle(&self, result: Result<()>) {
        *self.result.lock() = Some(result);
        self.settled.notify_all();
    }

    fn wait(&self) -> Result<()> {
        let mut result = self.result.lock();
        loop {
            if let Some(result) = &*result {
                return result.clone();
            }
            self.settled.wait(&mut result);
        }
    }
}

impl Writer {
    pub(super) fn new(
        connector: Connector,
        connection: Connection,
        counters: Arc<Counters>,
    ) -> Self {
        let state = State {
            connection: Slot::Open(connection),
            group: None,
            unsynced: false,
            level: Sync::Durable,
        };
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
        let outcome = state.join(&self.connector, sync)?;
        let result = state.run_one(f);
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
        state.ready(&self.connector)?;
        f(state.connection()?)
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

/// Changes a byte, so that a commit has something to make durable.
fn touch(db: &Connection) -> Result<()> {
    db.prepare_cached("UPDATE meta SET value = value + 1 WHERE key = 'barrier'")
        .and_then(|mut update| update.execute([]))
        .map(drop)
        .map_err(|error| from_sql(error, "sync"))
}

impl State {
    fn connection(&self) -> Result<&Connection> {
        match &self.connection {
            Slot::Open(connection) => Ok(connection),
            Slot::Poisoned => Err(Error::new(ErrorKind::Io, "write")),
            Slot::Closed => Err(Error::new(ErrorKind::Closed, "write")),
        }
    }

    fn ready(&mut self, connector: &Connector) -> Result<()> {
        if let Slot::Poisoned = self.connection {
            let connection = connector
                .connect(Role::Writer)
                .map_err(|error| from_sql(error, "write"))?;
            self.connection = Slot::Open(connection);
            self.level = Sync::Durable;
        }
        Ok(())
    }

    /// Joins the open transaction or begins one.
    fn join(&mut self, connector: &Connector, sync: Sync) -> Result<Arc<Outcome>> {
        if let Some(group) = &mut self.group {
            group.sync = group.sync.max(sync);
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
        begin(self)?;
        let outcome = Arc::new(Outcome::default());
        self.group = Some(Group {
            outcome: outcome.clone(),
            size: 1,
            sync,
            cause: None,
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

    /// One operation in its savepoint. A panic is caught, so that those who share the transaction do not wait forever, and handed on.
    fn run_one<T>(
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
    fn finish(&mut self, counters: &Counters) {
        let Some(group) = self.group.take() else {
            return;
        };
        let result = self.commit(&group, counters);
        if result.is_err() {
            counters.forget_reservation();
        }
        group.outcome.settle(result);
    }

    fn commit(&mut self, group: &Group, counters: &Counters) -> Result<()> {
        let db = self.connection()?;
        if db.is_autocommit() {
            // SQLite itself undid everything: disk full, out of memory, an error of the device.
            self.connection = Slot::Poisoned;
            let cause = group.cause.clone();
            return Err(cause.unwrap_or_else(|| Error::new(ErrorKind::Io, "write")));
        }
        let committed = counters.reserve(db).and_then(|()| {
            db.prepare_cached("COMMIT")
                .and_then(|mut commit| commit.execute([]))
                .map_err(|error| from_sql(error, "write"))
        });
        if let Err(error) = committed {
            // After a failed write or fsync nothing this connection holds is certain.
            db.execute_batch("ROLLBACK").unwrap_or_default();
            self.connection = Slot::Poisoned;
            return Err(error);
        }
        self.unsynced = true;
        if group.sync == Sync::Durable && self.level != Sync::Durable {
            self.set_level(Sync::Durable)?;
            touch(self.connection()?)?;
        }
        if self.level == Sync::Durable {
            self.unsynced = false;
        }
        Ok(())
    }
}

/// Runs `f`; an error from it undoes what it did.
pub(super) fn savepoint<T>(db: &Connection, f: impl FnOnce() -> Result<T>) -> Result<T> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Format, NewDatabase, create};

    struct Fixture {
        writer: Writer,
        _dir: tempfile::TempDir,
    }

    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        let new = NewDatabase {
            format: Format::Vault,
            cipher: None,
            chunk_bytes: 4096,
        };
        create(&path, &new).unwrap();
        let connector = Connector {
            path,
            cipher: None,
            immutable: false,
            checkpoint_by_hand: false,
        };
        let connection = connector.connect(Role::Writer).unwrap();
        let counters = Arc::new(Counters::load(&connection).unwrap());
        Fixture {
            writer: Writer::new(connector, connection, counters),
            _dir: dir,
        }
    }

    fn put(db: &Connection, key: usize) -> Result<()> {
        db.execute(
            "INSERT INTO meta (key, value) VALUES (?1, 1)",
            [key.to_string()],
        )
        .map(drop)
        .map_err(|error| from_sql(error, "test"))
    }

    fn keys(writer: &Writer) -> i64 {
        writer
            .run(Sync::Committed, |db| {
                Ok(db
                    .query_row(
                        "SELECT count(*) FROM meta WHERE value = 1 AND key < 'a'",
                        [],
                        |row| row.get(0),
                    )
                    .unwrap())
            })
            .unwrap()
    }

    /// Eight threads share commits; every third operation fails, every seventh panics, and only those are undone.
    #[test]
    fn a_failing_operation_does_not_touch_those_it_shares_a_commit_with() {
        let fixture = fixture();
        let writer = &fixture.writer;
        let expected = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    scope.spawn(move || {
                        let mut kept = 0;
                        for i in 0..60 {
                            let operation = |db: &Connection| {
                                put(db, thread * 1000 + i)?;
                                assert!(i % 7 != 0, "on purpose");
                                if i % 3 == 0 {
                                    Err(Error::new(ErrorKind::NotFound, "test"))
                                } else {
                                    Ok(())
                                }
                            };
                            match catch_unwind(AssertUnwindSafe(|| {
                                writer.run(Sync::Durable, operation)
                            })) {
                                Ok(Ok(())) => kept += 1,
                                Ok(Err(error)) => assert_eq!(error.kind(), ErrorKind::NotFound),
                                Err(_) => assert_eq!(i % 7, 0),
                            }
                        }
                        kept
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum::<i64>()
        });
        assert_eq!(
            expected,
            8 * (0..60).filter(|i| i % 7 != 0 && i % 3 != 0).count() as i64
        );
        assert_eq!(keys(writer), expected);
    }

    #[test]
    fn a_full_disk_undoes_the_operation_and_the_next_one_works() {
        let fixture = fixture();
        let writer = &fixture.writer;
        writer.run(Sync::Durable, |db| put(db, 1)).unwrap();
        writer
            .exclusively(|db| {
                db.execute_batch("PRAGMA max_page_count = 60").unwrap();
                Ok(())
            })
            .unwrap();
        let full = writer.run(Sync::Durable, |db| {
            put(db, 2)?;
            db.execute(
                "INSERT INTO chunk (id, sum, data) VALUES (1, 0, zeroblob(5000000))",
                [],
            )
            .map(drop)
            .map_err(|error| from_sql(error, "test"))
        });
        assert_eq!(full.unwrap_err().kind(), ErrorKind::NoSpace);
        writer.run(Sync::Durable, |db| put(db, 3)).unwrap();
        assert_eq!(keys(writer), 2);
    }

    #[test]
    fn a_closed_writer_says_so() {
        let fixture = fixture();
        fixture.writer.close(|_| Ok(())).unwrap();
        let error = fixture
            .writer
            .run(Sync::Durable, |db| put(db, 1))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        fixture.writer.close(|_| Ok(())).unwrap();
    }
}
