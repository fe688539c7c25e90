//! Numbers of nodes and contents: counted up, each given out once in the life of a database.

use std::sync::atomic::{AtomicU64, Ordering};

use fs_core::Result;
use rusqlite::Connection;

use super::error::from_sql;
use super::schema::{VERSION, meta_value, set_meta};

/// Numbers are reserved on disk in blocks, so that most transactions need not write the counters.
const RESERVED: u64 = 1024;

const NODES: &str = "SELECT max(coalesce((SELECT max(ino) FROM node), 0), coalesce((SELECT max(id) FROM trash), 0))";
const CONTENTS: &str = "SELECT coalesce(max(id), 0) FROM content";

/// The counters of a database.
pub(super) struct Counters {
    pub(super) inos: Counter,
    pub(super) contents: Counter,
}

impl Counters {
    /// What a database of format `version` has counted so far.
    pub(super) fn load(db: &Connection, version: i64) -> Result<Self> {
        Ok(Self {
            inos: Counter::load(db, version, "next_ino", NODES)?,
            contents: Counter::load(db, version, "next_content", CONTENTS)?,
        })
    }

    /// Called last in each transaction: no number it stores can be given out again after a crash.
    pub(super) fn reserve(&self, db: &Connection) -> Result<()> {
        self.inos.reserve(db)?;
        self.contents.reserve(db)
    }

    /// What is stored was raised by hand: goes on from there.
    pub(super) fn raise(&self, db: &Connection) -> Result<()> {
        let stored = Self::load(db, VERSION)?;
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
    /// Goes on from what is stored, but never from a number that is in use: it would be given out twice. One that is not what was written counts for
    /// nothing; a check tells.
    fn load(db: &Connection, version: i64, key: &'static str, used: &str) -> Result<Self> {
        let stored = meta_value::<i64>(db, key, version)
            .ok()
            .and_then(|next| u64::try_from(next).ok());
        let used: i64 = db
            .query_row(used, [], |row| row.get(0))
            .map_err(|error| from_sql(error, "open"))?;
        let used = u64::try_from(used).unwrap_or(0).saturating_add(1);
        let next = stored.unwrap_or(0).max(used);
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

    /// The number after the last one taken.
    pub(super) fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    fn reserve(&self, db: &Connection) -> Result<()> {
        let next = self.next.load(Ordering::Relaxed);
        if next > self.reserved.load(Ordering::Relaxed) {
            self.save(db, next + RESERVED)?;
        }
        Ok(())
    }

    fn save(&self, db: &Connection, next: u64) -> Result<()> {
        set_meta(db, self.key, next.cast_signed()).map_err(|error| from_sql(error, "write"))?;
        self.reserved.store(next, Ordering::Relaxed);
        Ok(())
    }
}
