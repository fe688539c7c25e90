//! The reading connections of a database, and the moments they stand at.
//!
//! Beginning a read transaction costs more than most reads: locks of the file are taken and dropped. So a reader that is done keeps its transaction
//! open while nobody writes, and whoever reads next goes on in it. [`Clock`] counts the changes: a reader whose moment has passed begins anew, and
//! before anything is written the idle ones end their transactions, so that the log can be emptied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fs_core::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use rusqlite::Connection;

use super::connect::Connector;
use super::error::from_sql;
use super::failed_read;
use crate::virtual_fs::{ChangeLog, Changes};

mod pool;
#[cfg(test)]
mod tests;

use pool::Pool;

const READERS: usize = 4;
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
struct Reader {
    db: Connection,
    /// The moment of its open transaction; `None`: it has none.
    moment: Option<u64>,
}

/// The readers of a database; clones share them.
#[derive(Clone)]
pub(super) struct Readers {
    pool: Arc<Pool>,
    /// How many idle readers have a transaction open, about.
    kept: Arc<AtomicUsize>,
}

impl Readers {
    /// Opens them. Error: why one can't be opened.
    pub(super) fn open(connector: &Connector) -> Result<Self> {
        let readers = Self::to_be_opened(connector);
        readers.pool.fill()?;
        Ok(readers)
    }

    /// Each is opened when somebody wants it.
    pub(super) fn to_be_opened(connector: &Connector) -> Self {
        Self {
            pool: Arc::new(Pool::new(connector.clone())),
            kept: Arc::default(),
        }
    }

    /// A reader inside a read transaction. Errors: why none can be opened, `Busy` when all are in use for too long, `Closed` when these were closed.
    pub(super) fn begin<'a>(&self, clock: &'a Clock) -> Result<Moment<'a>> {
        failed_read::forget();
        let reader = self.pool.take(Instant::now() + READER_TIMEOUT)?;
        let mut moment = Moment {
            readers: self.clone(),
            reader: Some(reader),
            clock,
            number: clock.now(),
            is_spoiled: false,
        };
        moment.enter().inspect_err(|_| moment.give_up())?;
        Ok(moment)
    }

    /// Ends the transactions of idle readers.
    pub(super) fn end_idle(&self) {
        if self.kept.load(Ordering::SeqCst) == 0 {
            return;
        }
        self.pool.each_idle(|reader| self.end(reader));
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
        self.pool.is_idle_by(Instant::now() + patience)
    }

    /// Closes every reader. A call that runs too long closes its own when it ends; whoever waits for one is told.
    pub(super) fn close(&self) {
        self.pool.close();
        self.pool.is_idle_by(Instant::now() + CLOSE_TIMEOUT);
    }
}

/// A read transaction on a reader. When it is dropped, even by a panic, the transaction is kept for the next one or ended.
pub(super) struct Moment<'a> {
    readers: Readers,
    /// Until it is dropped.
    reader: Option<Reader>,
    clock: &'a Clock,
    number: Option<u64>,
    /// It may read nothing any more: one that met a damaged page of an encrypted database fails from then on, whatever it is asked for.
    is_spoiled: bool,
}

impl Moment<'_> {
    /// Another reader takes the place of this one.
    pub(super) fn give_up(&mut self) {
        self.is_spoiled = true;
    }

    /// The connection.
    pub(super) fn db(&self) -> Result<&Connection> {
        let reader = self.reader.as_ref();
        let reader = reader.ok_or_else(|| Error::new(ErrorKind::Closed, "read"))?;
        Ok(&reader.db)
    }

    /// The number of the moment by [`Clock::now`]; `None` when something was being written as it began.
    pub(super) fn number(&self) -> Option<u64> {
        self.number
    }

    fn enter(&mut self) -> Result<()> {
        let Self {
            readers,
            reader: Some(reader),
            clock,
            number,
            ..
        } = self
        else {
            return Err(Error::new(ErrorKind::Closed, "read"));
        };
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

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        let Some(mut reader) = self.reader.take() else {
            return;
        };
        // `kept` counts this one already, so whoever begins to write after this look finds it.
        let is_past = self.number.is_none() || self.clock.now() != self.number;
        if is_past || self.is_spoiled {
            self.readers.end(&mut reader);
        }
        if self.is_spoiled {
            drop(reader);
            self.readers.pool.forget_one();
        } else {
            self.readers.pool.put_back(reader);
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
