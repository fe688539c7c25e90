//! How much of a log a power cut can't spoil.
//!
//! A transaction that nobody waits for may reach the disk before the blobs it names: the host writes files in any order. So the first one after a
//! durable one notes where in the log it begins, the *horizon*, and the next durable one takes the note away. A database that is opened with such a note
//! was not closed: when bytes of what lies behind the horizon are missing, the log is cut there, and the filesystem is what it was when it was durable
//! last. After a kill nothing is missing, and nothing is lost.

use fs_core::Result;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::error::from_sql;
use super::schema::{VERSION, meta_value};
use super::sums;

/// In `meta`: three numbers of 8 bytes, big-endian, the fields of [`Horizon`].
const KEY: &str = "horizon";

/// Where what may name missing bytes begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Horizon {
    /// Which log: its salts (<https://www.sqlite.org/fileformat2.html>, 4.1). Of another one all lies behind the horizon.
    pub(super) salts: u64,
    /// Frames before it.
    pub(super) frames: u64,
    /// Contents with a smaller number are known since before.
    pub(super) first_content: u64,
}

impl Horizon {
    /// The one a database notes. One that is not what was written counts for nothing: a check tells.
    pub(super) fn of(db: &Connection) -> Option<Self> {
        let value: Vec<u8> = meta_value(db, KEY, VERSION).ok()?;
        let number = |at: usize| {
            let bytes = value.get(at..at + 8)?.try_into().ok()?;
            Some(u64::from_be_bytes(bytes))
        };
        Some(Self {
            salts: number(0)?,
            frames: number(8)?,
            first_content: number(16)?,
        })
    }

    /// Notes it.
    pub(super) fn set(&self, db: &Connection) -> Result<()> {
        let mut value = Vec::with_capacity(24);
        for number in [self.salts, self.frames, self.first_content] {
            value.extend_from_slice(&number.to_be_bytes());
        }
        let sum = sums::meta(KEY, ValueRef::Blob(&value));
        db.prepare_cached("INSERT OR REPLACE INTO meta (key, value, sum) VALUES (?1, ?2, ?3)")
            .and_then(|mut put| put.execute((KEY, &value, sum)))
            .map(drop)
            .map_err(|error| from_sql(error, "write"))
    }

    /// Everything is durable: there is none.
    pub(super) fn clear(db: &Connection) -> Result<()> {
        db.prepare_cached("DELETE FROM meta WHERE key = ?1")
            .and_then(|mut delete| delete.execute([KEY]))
            .map(drop)
            .map_err(|error| from_sql(error, "write"))
    }
}
