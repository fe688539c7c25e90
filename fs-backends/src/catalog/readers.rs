//! The reading connections of a database, and the moments they stand at.
//!
//! Beginning a read transaction costs more than most reads: locks of the file are taken and dropped. So a reader that is done keeps its transaction
//! open while nobody writes, and whoever reads next goes on in it. [`Clock`] counts the changes: a reader whose moment has passed begins anew, and
//! before anything is written the idle ones end their transactions, so that the log can be emptied.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fs_core::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use r2d2::{ManageConnection, Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use scheduled_thread_pool::ScheduledThreadPool;

use super::connect::{Connector, Role};
use super::error::from_sql;
use crate::virtual_fs::{ChangeLog, Changes};

#[cfg(test)]
mod tests;

/// Threads that open the connections of every pool. They live as long as the process: one that ended while the process does would run OpenSSL's
/// clean-up of a thread beside that of the process, and crash.
static OPENERS: LazyLock<Arc<ScheduledThreadPool>> = LazyLock::new(|| {
    let threads = ScheduledThreadPool::builder().num_threads(3);
    Arc::new(threads.thread_name_pattern("opener-{}").build())
});

const READERS: u32 = 4;
const READER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long closing waits for a call that still reads.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Counts the changes of a database, so that what was read can be known to be still true.
#[derive(Default)]
pub(super) struct Clock {
    writing: AtomicUsize,
    moment: AtomicU64,
    log: Mutex<ChangeLog>,
}

impl Clock {
    /// The number of what is committed; `None` while something is being written.
    pub(super) fn now(&self) -> Option<u64> {
        // In this order: whoever writes counts up before it stops writing.
        let quiet = self.writing.load(Ordering::SeqCst) == 0;
        quiet.then(|| self.moment.load(Ordering::SeqCst))
    }

    /// There is no present any more.
    pub(super) fn stop(&self) {
        self.writing.fetch_add(1, Ordering::SeqCst);
    }

    /// Until the answer is dropped something may be written: of nodes and names what `changes` says by then.
    pub(super) fn writing(&self, changes: Changes) -> Writing<'_> {
        self.writing.fetch_add(1, Ordering::SeqCst);
        Writing {
            clock: self,
            changes: Some(changes),
        }
    }

    /// Until the answer is dropped no reader keeps its transaction; nothing that can be read changes.
    pub(super) fn tidying(&self) -> Writing<'_> {
        self.writing.fetch_add(1, Ordering::SeqCst);
        Writing {
            clock: self,
            changes: None,
        }
    }

    /// From now on somebody asks what changed since the present moment.
    pub(super) fn keep_changes(&self) {
        self.log.lock().keep();
    }

    /// See [`crate::virtual_fs::NodeStore::changes_since`].
    pub(super) fn changes_since(&self, moment: u64, each: &mut dyn FnMut(&Changes)) -> bool {
        self.log.lock().since(moment, each)
    }
}

/// Something is being written.
pub(super) struct Writing<'a> {
    clock: &'a Clock,
    pub(super) changes: Option<Changes>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if let Some(changes) = self.changes.take() {
            let mut log = self.clock.log.lock();
            // Noted before the moment has a number that somebody could ask with.
            log.push(self.clock.moment.load(Ordering::SeqCst) + 1, changes);
            self.clock.moment.fetch_add(1, Ordering::SeqCst);
        }
        self.clock.writing.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A reading connection.
pub(super) struct Reader {
    db: Connection,
    /// The moment of its open transaction; `None`: it has none.
    moment: Option<u64>,
    /// The database was closed, and this is a connection to nothing.
    is_closed: bool,
    /// It may read nothing any more: one that met a damaged page of an encrypted database fails from then on, whatever it is asked for.
    is_spoiled: bool,
}

/// Makes readers.
struct Manager(SqliteConnectionManager);

impl ManageConnection for Manager {
    type Connection = Reader;
    type Error = rusqlite::Error;

    fn connect(&self) -> rusqlite::Result<Reader> {
        let db = self.0.connect()?;
        Ok(Reader {
            db,
            moment: None,
            is_closed: false,
            is_spoiled: false,
        })
    }

    fn is_valid(&self, reader: &mut Reader) -> rusqlite::Result<()> {
        self.0.is_valid(&mut reader.db)
    }

    fn has_broken(&self, reader: &mut Reader) -> bool {
        reader.is_spoiled || self.0.has_broken(&mut reader.db)
    }
}

/// The readers of a database; clones share them.
#[derive(Clone)]
pub(super) struct Readers {
    pool: Pool<Manager>,
    /// How many idle readers have a transaction open, about.
    kept: Arc<AtomicUsize>,
}

impl Readers {
    /// Opens them.
    pub(super) fn open(connector: &Connector) -> Result<Self> {
        let (name, flags) = connector.target(Role::Reader);
        let reader = connector.clone();
        let manager = SqliteConnectionManager::file(name)
            .with_flags(flags)
            .with_init(move |db| reader.prepare(db, Role::Reader));
        let pool = Pool::builder()
            .max_size(READERS)
            .thread_pool(Arc::clone(&OPENERS))
            .test_on_check_out(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connection_timeout(READER_TIMEOUT)
            .build(Manager(manager))
            .map_err(|error| Error::new(ErrorKind::Io, "open").with_source(error))?;
        Ok(Self {
            pool,
            kept: Arc::default(),
        })
    }

    /// A reader inside a read transaction. Errors: `Busy` when all are in use for too long, `Closed` when the database was closed meanwhile.
    pub(super) fn begin<'a>(&'a self, clock: &'a Clock) -> Result<Moment<'a>> {
        let reader = self
            .pool
            .get()
            .map_err(|error| Error::new(ErrorKind::Busy, "read").with_source(error))?;
        if reader.is_closed {
            return Err(Error::new(ErrorKind::Closed, "read"));
        }
        let mut moment = Moment {
            readers: self,
            reader,
            clock,
            number: clock.now(),
        };
        moment.enter().inspect_err(|_| moment.give_up())?;
        Ok(moment)
    }

    /// Ends the transactions of idle readers.
    pub(super) fn end_idle(&self) {
        if self.kept.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut idle = Vec::new();
        while let Some(mut reader) = self.pool.try_get() {
            self.end(&mut reader);
            idle.push(reader);
            if idle.len() >= READERS as usize {
                break;
            }
        }
    }

    fn end(&self, reader: &mut Reader) {
        if reader.moment.take().is_some() {
            self.kept.fetch_sub(1, Ordering::SeqCst);
            // Nothing was changed that could be lost.
            run(&reader.db, "COMMIT").unwrap_or_default();
        }
    }

    /// Are all of them idle before `patience` ends?
    pub(super) fn are_idle_within(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        loop {
            let state = self.pool.state();
            if state.connections == state.idle_connections {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Closes every reader on this thread. The pool has threads of its own that may let go of it later, even while the process ends and OpenSSL cleans
    /// up; all they find then are connections to nothing. A call that runs too long keeps its reader.
    pub(super) fn close(self) {
        let mut taken = Vec::new();
        for _ in 0..self.pool.max_size() {
            let Ok(mut reader) = self.pool.get_timeout(CLOSE_TIMEOUT) else {
                break;
            };
            self.end(&mut reader);
            reader.is_closed = true;
            if let Ok(nothing) = Connection::open_in_memory() {
                drop(std::mem::replace(&mut reader.db, nothing));
            }
            taken.push(reader);
        }
    }
}

/// A read transaction on a reader. When it is dropped, even by a panic, the transaction is kept for the next one or ended.
pub(super) struct Moment<'a> {
    readers: &'a Readers,
    reader: PooledConnection<Manager>,
    clock: &'a Clock,
    number: Option<u64>,
}

impl Moment<'_> {
    /// Another reader takes the place of this one.
    pub(super) fn give_up(&mut self) {
        self.reader.is_spoiled = true;
    }

    /// The number of the moment by [`Clock::now`]; `None` when something was being written as it began.
    pub(super) fn number(&self) -> Option<u64> {
        self.number
    }

    fn enter(&mut self) -> Result<()> {
        let Self {
            readers,
            reader,
            clock,
            number,
        } = self;
        if number.is_some() && reader.moment == *number {
            return Ok(());
        }
        readers.end(reader);
        run(&reader.db, "BEGIN")?;
        // From here on there is a transaction to end, whatever happens.
        reader.moment = Some(number.unwrap_or_default());
        readers.kept.fetch_add(1, Ordering::SeqCst);
        if number.is_some() {
            // The moment is that of the first statement. It has the number when nothing was committed up to it.
            run_query(&reader.db, "SELECT 1 FROM meta LIMIT 1")?;
            if clock.now() != *number {
                *number = None;
            }
        }
        Ok(())
    }
}

impl Deref for Moment<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.reader.db
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        // `kept` counts this one already, so whoever begins to write after this look finds it.
        let is_past = self.number.is_none() || self.clock.now() != self.number;
        if is_past || self.reader.is_spoiled {
            self.readers.end(&mut self.reader);
        }
    }
}

fn run(db: &Connection, sql: &str) -> Result<()> {
    db.prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(drop)
        .map_err(|error| from_sql(error, "read"))
}

fn run_query(db: &Connection, sql: &str) -> Result<()> {
    db.prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([], |_| Ok(())))
        .map_err(|error| from_sql(error, "read"))
}
