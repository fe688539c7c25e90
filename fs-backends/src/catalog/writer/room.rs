//! Room that stays free on the disk of a database, so that something can still be removed when it is full: a removal is written to the log first,
//! and the log has to go into the database afterwards.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use fs_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

use crate::catalog::error::from_sql;

/// Nothing that grows the database takes these last bytes.
const RESERVE_BYTES: u64 = 512 << 10;
/// Pages a transaction changes beside those it adds, at most, in the log.
const OTHER_PAGES: u64 = 8;
/// With so much more free nobody looks again before a part of it may be used.
const PLENTY_BYTES: u64 = 64 << 20;
/// What a transaction may take, where nobody knows.
const TYPICAL_BYTES: i64 = 8 << 20;

/// How much is free, looked at now and then.
pub(in crate::catalog) struct Room {
    /// May be used before anybody looks again.
    budget: AtomicI64,
}

/// Room that is short.
pub(in crate::catalog) struct Short {
    available_bytes: u64,
    log_bytes: u64,
}

impl Room {
    pub(in crate::catalog) fn new() -> Self {
        Self {
            budget: AtomicI64::new(0),
        }
    }

    /// `None`: there is plenty for whatever comes next.
    pub(in crate::catalog) fn short(&self, database: &Path) -> Option<Short> {
        if self.budget.fetch_sub(TYPICAL_BYTES, Ordering::Relaxed) > 0 {
            return None;
        }
        // A host that can't tell has all the room there is.
        let host = rustix::fs::statvfs(database).ok()?;
        if host.f_blocks == 0 {
            return None;
        }
        let available_bytes = host.f_bavail.saturating_mul(host.f_frsize);
        let log_bytes = crate::catalog::database::log_length(database);
        let free = available_bytes.saturating_sub(log_bytes);
        if free < PLENTY_BYTES {
            self.budget.store(0, Ordering::Relaxed);
            return Some(Short {
                available_bytes,
                log_bytes,
            });
        }
        let budget = i64::try_from(free / 4).unwrap_or(i64::MAX);
        self.budget.store(budget, Ordering::Relaxed);
        None
    }
}

impl Short {
    /// Would the log, moved into the database, give more room?
    pub(in crate::catalog) fn is_log(&self) -> bool {
        let hinders = self.available_bytes < self.log_bytes + 2 * RESERVE_BYTES;
        // Every transaction is added to it: the next one must find room, too. A long one may be in the database already.
        (hinders && self.log_bytes >= RESERVE_BYTES / 8) || self.log_bytes >= PLENTY_BYTES / 2
    }

    /// Is there room for so many new bytes?
    pub(in crate::catalog) fn fits(&self, bytes: u64) -> bool {
        self.available_bytes >= self.log_bytes + bytes + RESERVE_BYTES
    }

    /// Bytes beside the log and what is kept.
    pub(in crate::catalog) fn free_bytes(&self) -> u64 {
        self.available_bytes.saturating_sub(self.log_bytes)
    }

    /// Refuses what made the database larger than fits. `before`: its [`Pages`] at the beginning of the transaction.
    pub(in crate::catalog) fn judge(&self, db: &Connection, before: &Pages) -> Result<()> {
        let now = Pages::of(db)?;
        let page = page_bytes(db)?;
        let grown = |now: i64, before: i64| now.saturating_sub(before).max(0).cast_unsigned();
        let (used, added) = (
            grown(now.all - now.free, before.all - before.free),
            grown(now.all, before.all),
        );
        let fits = match used {
            0 => true,
            // Even a removal may need another page for an index.
            1 => self.free_bytes() >= RESERVE_BYTES / 2,
            // All of it goes into the log first, and what the database has no free pages for makes it longer later.
            _ => {
                let in_log = (added + used + OTHER_PAGES) * page;
                self.free_bytes() >= in_log && (added == 0 || self.fits(added * page))
            }
        };
        if fits {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::NoSpace, "write"))
        }
    }
}

/// Pages of a database.
#[derive(Clone, Copy)]
pub(in crate::catalog) struct Pages {
    all: i64,
    free: i64,
}

impl Pages {
    pub(in crate::catalog) fn of(db: &Connection) -> Result<Self> {
        Ok(Self {
            all: pragma(db, "page_count")?,
            free: pragma(db, "freelist_count")?,
        })
    }
}

/// Bytes of a page.
pub(super) fn page_bytes(db: &Connection) -> Result<u64> {
    Ok(pragma(db, "page_size")?.max(512).cast_unsigned())
}

fn pragma(db: &Connection, name: &str) -> Result<i64> {
    db.prepare_cached(&format!("PRAGMA {name}"))
        .and_then(|mut statement| {
            statement.query_row([], |row| match row.get_ref(0)? {
                // An encrypted database answers some pragmas in text.
                rusqlite::types::ValueRef::Text(text) => Ok(std::str::from_utf8(text)
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(0)),
                value => Ok(value.as_i64().unwrap_or(0)),
            })
        })
        .map_err(|error| from_sql(error, "write"))
}
