//! Whose log lies beside a database: SQLite would take any for its own, and mix two filesystems.
//!
//! The first transaction of each log changes the database's description of itself (`barrier` in `meta`), so that a log holds the identity of what it
//! belongs to, and how far it is. In an encrypted database pages of another one are found by their authentication already, but not those of a copy.

use fs_core::Result;
use rusqlite::Connection;

use super::connect::{Connector, Role};
use super::database::log_length;
use super::error::corrupted;
use super::horizon::Horizon;

/// Which database it is, and how far.
pub(super) struct Owner {
    uuid: String,
    barrier: i64,
    horizon: Option<Horizon>,
}

impl Owner {
    /// What the file says without its log; `None`: there is no log, or the file alone can't be read.
    pub(super) fn of_file(connector: &Connector) -> Option<Self> {
        if log_length(&connector.path) == 0 {
            return None;
        }
        let alone = Connector {
            immutable: true,
            ..connector.clone()
        };
        // Before SQLite opens it otherwise: closing this one drops all locks of this process on the file.
        Self::of(&alone.connect(Role::Reader).ok()?)
    }

    fn of(db: &Connection) -> Option<Self> {
        let value = "SELECT value FROM meta WHERE key = ?1";
        Some(Self {
            uuid: db.query_row(value, ["uuid"], |row| row.get(0)).ok()?,
            barrier: db.query_row(value, ["barrier"], |row| row.get(0)).ok()?,
            horizon: Horizon::of(db),
        })
    }

    /// Has the log been brought into the file since it got this horizon? That is done only when everything is durable, and then the file needs the log.
    pub(super) fn is_behind(&self, horizon: &Horizon) -> bool {
        self.horizon.as_ref() == Some(horizon)
    }

    /// Is `db`, which reads the log too, still the same database? `Corrupted`: the log is of another one, or of an older copy.
    pub(super) fn check(&self, db: &Connection) -> Result<()> {
        let foreign = "the log beside it (-wal) belongs to another one; without that log it opens";
        // The file alone could be read.
        let Some(now) = Self::of(db) else {
            return Err(corrupted("open", foreign));
        };
        if now.uuid != self.uuid {
            return Err(corrupted("open", foreign));
        }
        if now.barrier < self.barrier {
            let detail = "the log beside it (-wal) is older than it; without that log it opens";
            return Err(corrupted("open", detail));
        }
        Ok(())
    }
}
