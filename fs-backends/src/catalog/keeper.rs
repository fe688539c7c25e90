//! What a database needs while nobody waits: late durability, removal of what nobody names, a short log.
//!
//! One thread for each open database; it sleeps without waking until something is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use fs_core::{Error, Result};
use parking_lot::Mutex;
use rusqlite::Connection;

use super::connect::BUSY_TIMEOUT;
use super::database::Database;
use super::error::from_sql;
use super::schema::pragma;
use super::store::CatalogContent;

const TICK: Duration = Duration::from_secs(1);
/// What is committed is durable after this many ticks at the latest.
const TICKS_TO_DURABLE: u32 = 4;
/// Of each tick in which somebody writes at most so much is spent on what is to be removed.
const RECLAIMING: Duration = Duration::from_millis(250);
/// A log longer than this is moved into the database even while others write.
pub(super) const LOG_BYTES: u64 = 32 << 20;
/// Free pages given back to the host at a time.
pub(super) const VACUUM_PAGES: u32 = 256;

/// How a database tells its keeper that something happened.
pub(super) struct Signal {
    writes: AtomicU64,
    stopping: AtomicBool,
    /// The thread sleeps until it is woken; otherwise it looks by itself when a tick is over.
    dozing: AtomicBool,
    /// So many writes were heard of.
    seen: AtomicU64,
    sender: Sender<()>,
    receiver: Receiver<()>,
}

impl Signal {
    pub(super) fn new() -> Self {
        let (sender, receiver) = bounded(1);
        Self {
            writes: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            dozing: AtomicBool::new(false),
            seen: AtomicU64::new(0),
            sender,
            receiver,
        }
    }

    /// Something was written.
    pub(super) fn wake(&self) {
        self.writes.fetch_add(1, Ordering::SeqCst);
        if self.dozing.load(Ordering::SeqCst) {
            self.send();
        }
    }

    /// There is work, but nobody wrote: the quiet goes on.
    pub(super) fn nudge(&self) {
        self.send();
    }

    /// Was anything written, ever?
    pub(super) fn was_used(&self) -> bool {
        self.writes.load(Ordering::Relaxed) > 0
    }

    fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.send();
    }

    fn send(&self) {
        match self.sender.try_send(()) {
            // Full: it is about to wake anyway. Disconnected can't be, both ends are here.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Sleeps until woken. `false`: the database is being closed.
    fn sleep(&self) -> bool {
        self.dozing.store(true, Ordering::SeqCst);
        // Who wrote before that did not wake it.
        let unheard = self.writes.load(Ordering::SeqCst) != self.seen.load(Ordering::Relaxed);
        let woken = unheard || self.receiver.recv().is_ok();
        self.dozing.store(false, Ordering::SeqCst);
        woken && !self.is_stopping()
    }

    /// Sleeps a tick. `false`: the database is being closed.
    fn tick(&self) -> bool {
        let end = Instant::now() + TICK;
        while !self.is_stopping() {
            if self.receiver.recv_deadline(end).is_err() {
                return true;
            }
        }
        false
    }
}

/// The running thread.
pub(super) struct Keeper {
    database: Arc<Database>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Work<C> {
    database: Arc<Database>,
    content: Arc<C>,
}

impl Keeper {
    /// Starts the thread; a database that can't be written needs none.
    pub(super) fn start<C: CatalogContent>(
        database: Arc<Database>,
        content: Arc<C>,
    ) -> Result<Self> {
        let work = Work {
            database: database.clone(),
            content,
        };
        let thread = if database.is_read_only() {
            None
        } else {
            let thread = std::thread::Builder::new()
                .name("lamina-keeper".to_owned())
                .spawn(move || work.run());
            Some(thread.map_err(|error| Error::from_io(error, "open"))?)
        };
        Ok(Self {
            database,
            thread: Mutex::new(thread),
        })
    }

    /// Ends the thread and waits for it. `true`: it ran until now.
    pub(super) fn stop(&self) -> bool {
        self.database.signal().stop();
        let Some(thread) = self.thread.lock().take() else {
            return false;
        };
        // A panic of the thread has been reported where it happened.
        thread.join().unwrap_or_default();
        true
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<C: CatalogContent> Work<C> {
    fn run(&self) {
        // Failures here are not the end: a disk that is full now may have room later, and whoever syncs or closes is told.
        while self.reap() || self.database.signal().sleep() {
            if !self.until_quiet() {
                return;
            }
        }
    }

    /// Until a second passes without a write. `false`: the database is being closed.
    fn until_quiet(&self) -> bool {
        let signal = self.database.signal();
        let mut seen = signal.writes.load(Ordering::Relaxed);
        let mut ticks = 0;
        while signal.tick() {
            ticks += 1;
            let now = signal.writes.load(Ordering::Relaxed);
            let quiet = now == seen;
            seen = now;
            signal.seen.store(now, Ordering::Relaxed);
            if quiet || ticks >= TICKS_TO_DURABLE {
                ticks = 0;
                self.make_durable();
            }
            match quiet {
                true if !self.reap() => {
                    self.tidy();
                    return true;
                }
                true => {}
                false => self.reclaim(),
            }
        }
        false
    }

    fn make_durable(&self) {
        let durable = self
            .content
            .sync_outside()
            .and_then(|()| self.database.barrier());
        if durable.is_ok() && self.database.log_bytes() > LOG_BYTES {
            self.database.exclusively(checkpoint).unwrap_or_default();
        }
    }

    /// Removes what nobody names while nobody waits. `true`: there is more.
    fn reap(&self) -> bool {
        let started = Instant::now();
        while !self.is_wanted() && started.elapsed() < TICK {
            match self.content.reap_some() {
                Ok(true) => {}
                Ok(false) | Err(_) => return false,
            }
        }
        true
    }

    /// Removes for a while what nobody names, although somebody writes: who overwrites without a pause must not fill the disk with it. Each step is a
    /// transaction, between which others get their turn.
    fn reclaim(&self) {
        let started = Instant::now();
        while started.elapsed() < RECLAIMING
            && !self.database.signal().is_stopping()
            && self.content.reclaim_some().unwrap_or(false)
        {}
    }

    /// Should the thread get out of the way?
    fn is_wanted(&self) -> bool {
        self.database.is_busy() || self.database.signal().is_stopping()
    }

    /// Gives free pages back and moves the log into the database, so that the one file is nearly complete.
    fn tidy(&self) {
        // A reader may be in the way: the next quiet moment comes.
        while !self.is_wanted() && self.database.give_back_some().unwrap_or(false) {}
        if !self.is_wanted() {
            let tidied = self
                .database
                .exclusively(|db| checkpoint(db).and(forget_pages(db)));
            tidied.unwrap_or_default();
        }
    }
}

/// Gives back what a connection that wrote much keeps of pages. Where SQLite was compiled to let all connections of a process share one account of
/// them, a full one makes every reader forget each page as soon as it has read it.
fn forget_pages(db: &Connection) -> Result<()> {
    db.execute_batch("PRAGMA shrink_memory")
        .map_err(|error| from_sql(error, "checkpoint"))
}

/// Pages of the database that hold nothing.
pub(super) fn free_pages(db: &Connection) -> Result<i64> {
    pragma(db, "freelist_count").map_err(|error| from_sql(error, "vacuum"))
}

/// Gives some free pages back to the host. `true`: there are more.
pub(super) fn vacuum_some(db: &Connection, pages: u32) -> Result<bool> {
    let sql = |error| from_sql(error, "vacuum");
    let free = free_pages(db)?;
    if free == 0 {
        return Ok(false);
    }
    let mut vacuum = db
        .prepare(&format!("PRAGMA incremental_vacuum({pages})"))
        .map_err(sql)?;
    let mut rows = vacuum.query([]).map_err(sql)?;
    while rows.next().map_err(sql)?.is_some() {}
    Ok(free > i64::from(pages))
}

/// Empties the log, unless a reader still needs it.
pub(super) fn checkpoint(db: &Connection) -> Result<()> {
    fold(db, "PRAGMA wal_checkpoint(TRUNCATE)")
}

/// Moves the log into the database, so that the next transaction begins at the start of it. Its file stays as long as it is: to write over what is there
/// costs the host far less than to write a new one.
pub(super) fn restart_log(db: &Connection) -> Result<()> {
    fold(db, "PRAGMA wal_checkpoint(RESTART)")
}

fn fold(db: &Connection, pragma: &str) -> Result<()> {
    let sql = |error| from_sql(error, "checkpoint");
    db.busy_timeout(Duration::ZERO).map_err(sql)?;
    let result = db.query_row(pragma, [], |_| Ok(()));
    db.busy_timeout(BUSY_TIMEOUT).map_err(sql)?;
    result.map_err(sql)
}

/// Pages in a log, one as often as it was written.
pub(super) struct Frames {
    /// Those that count.
    pub(super) all: u64,
    in_database: u64,
}

impl Frames {
    /// Those that are not in the database yet.
    pub(super) fn not_in_database(&self) -> u64 {
        self.all.saturating_sub(self.in_database)
    }
}

/// What is in the log; not to be asked within a transaction.
pub(super) fn frames_in_log(db: &Connection) -> Result<Frames> {
    let number = |row: &rusqlite::Row<'_>, column| {
        row.get::<_, i64>(column)
            .map(|number| number.max(0).cast_unsigned())
    };
    db.prepare_cached("PRAGMA wal_checkpoint(NOOP)")
        .and_then(|mut look| {
            look.query_row([], |row| {
                Ok(Frames {
                    all: number(row, 1)?,
                    in_database: number(row, 2)?,
                })
            })
        })
        .map_err(|error| from_sql(error, "checkpoint"))
}
