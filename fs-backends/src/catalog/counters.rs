//! Numbers of nodes and contents: counted up, each given out once in the life of a database.

use std::sync::atomic::{AtomicU64, Ordering};

use fs_core::Result;
use rusqlite::Connection;

use super::error::{corrupted, from_sql};

/// Numbers are reserved on disk in blocks, so that most transactions need not write the counters.
const RESERVED: u64 = 1024;

/// The counters of a database.
pub(super) struct Counters {
    pub(super) inos: Counter,
    pub(super) contents: Counter,
}

impl Counters {
    pub(super) fn load(db: &Connection) -> Result<Self> {
        Ok(Self {
            inos: Counter::load(db, "next_ino")?,
            contents: Counter::load(db, "next_content")?,
        })
    }

    /// Called last in each transaction: no number it stores can be given out again after a crash.
    pub(super) fn reserve(&self, db: &Connection) -> Result<()> {
        self.inos.reserve(db)?;
        self.contents.reserve(db)
    }

    /// What is stored was raised by hand: goes on from there.
    pub(super) fn raise(&self, db: &Connection) -> Result<()> {
        let stored = Self::load(db)?;
        for (own, stored) in [(&self.inos, stored.inos), (&self.contents, stored.contents)] {
            own.next
                .fetch_max(stored.next.into_inner(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// The transaction was undone, and perhaps a reservation with it: the next one makes it again.
    pub(super) fn forget_reservation(&self) {
        self.inos.reserved.store(0, Ordering::Relaxed);
        self.contents.reserved.store(0, Ordering::Relaxed);
    }

    /// Gives back what is reserved and not used; nothing may be taken afterwards.
    pub(super) fn save_exactly(&self, db: &Connection) -> Result<()> {
        self.inos.save(db, self.inos.next.load(Ordering::Relaxed))?;
        self.contents
            .save(db, self.contents.next.load(Ordering::Relaxed))
    }
}

/// One counter.
pub(super) struct Counter {
    key: &'static str,
    next: AtomicU64,
    reserved: AtomicU64,
}

impl Counter {
    fn load(db: &Connection, key: &'static str) -> Result<Self> {
        let next: i64 = db
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
                row.get(0)
            })
            .map_err(|error| from_sql(error, "open"))?;
        let next = u64::try_from(next)
            .map_err(|_| corrupted("open", "a counter is negative"))?
            .max(1);
        Ok(Self {
            key,
            next: AtomicU64::new(next),
            reserved: AtomicU64::new(next),
        })
    }

    /// The next number.
    pub(super) fn take(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn reserve(&self, db: &Connection) -> Result<()> {
        let next = self.next.load(Ordering::Relaxed);
        if next > self.reserved.load(Ordering::Relaxed) {
            self.save(db, next + RESERVED)?;
        }
        Ok(())
    }

    fn save(&self, db: &Connection, next: u64) -> Result<()> {
        db.prepare_cached("UPDATE meta SET value = ?2 WHERE key = ?1")
            .and_then(|mut update| update.execute((self.key, next.cast_signed())))
            .map_err(|error| from_sql(error, "write"))?;
        self.reserved.store(next, Ordering::Relaxed);
        Ok(())
    }
}
