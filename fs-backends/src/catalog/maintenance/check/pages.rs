//! The database below its tables: the authentication of each page of an encrypted one, and what SQLite itself finds.

use fs_core::maintenance::DamageKind;
use fs_core::{Control, Error, Result};
use rusqlite::Connection;

use super::{About, Finding, Inspection};
use crate::catalog::connect::Cipher;
use crate::catalog::database::Database;
use crate::catalog::error::from_sql;
use crate::catalog::keeper::checkpoint;

/// Pages checked before others get their turn.
const BATCH: u32 = 256;
/// SQLite locks bytes from here on, so the page that holds them is never written (<https://www.sqlite.org/fileformat2.html>, 1.4).
const LOCK_BYTE: u64 = 1 << 30;
/// More findings of SQLite than a person reads.
const MESSAGES_MAX: u32 = 1000;

/// Computes the HMAC of every page as it lies on the disk; answers how many.
pub(super) fn check(
    database: &Database,
    control: &Control,
    found: &mut dyn FnMut(Finding),
) -> Result<u64> {
    let Some(cipher) = database.cipher() else {
        return Ok(0);
    };
    let mut next = 1;
    loop {
        control.check()?;
        // Pages move from the log into the file only at a checkpoint, and that needs the writer.
        let mut batch = |first| check_some(database, &cipher, first, control, found);
        let done = if database.is_read_only() {
            batch(next)?
        } else {
            database.exclusively(|db| {
                if next == 1 {
                    checkpoint(db)?;
                }
                batch(next)
            })?
        };
        if done == 0 {
            return Ok(u64::from(next - 1));
        }
        next += done;
    }
}

/// Checks some pages from number `first` on; answers how many there were.
fn check_some(
    database: &Database,
    cipher: &Cipher,
    first: u32,
    control: &Control,
    found: &mut dyn FnMut(Finding),
) -> Result<u32> {
    let page_bytes = cipher.page_bytes as usize;
    let offset = u64::from(first - 1) * u64::from(cipher.page_bytes);
    let bytes = database
        .raw_bytes(offset, page_bytes * BATCH as usize)
        .map_err(|error| Error::from_io(error, "check").with_path(database.path()))?;
    let authenticator = cipher.key.authenticator();
    let mut done = 0;
    for page in bytes.chunks(page_bytes) {
        let number = first + done;
        done += 1;
        control.add_bytes(page.len() as u64);
        let is_lock_page = u64::from(number - 1) == LOCK_BYTE / u64::from(cipher.page_bytes);
        // A page that was never written is no page of anything.
        let is_empty = page.iter().all(|byte| *byte == 0);
        if !is_lock_page && !is_empty && !authenticator.authenticates(page, number) {
            found(Finding::new(
                DamageKind::Page,
                About::Whole,
                format!("page {number} of the database is not what was written"),
            ));
        }
    }
    Ok(done)
}

/// What SQLite finds: b-trees, free pages, indexes, types of columns.
pub(super) fn structure(it: &mut Inspection<'_>) -> Result<()> {
    let sql = |error| from_sql(error, "check");
    let db: &Connection = it.db;
    // While it runs, whoever cancels is heard.
    let control = it.control.clone();
    db.progress_handler(100_000, Some(move || control.is_cancelled()))
        .map_err(sql)?;
    let messages = db
        .prepare(&format!("PRAGMA integrity_check({MESSAGES_MAX})"))
        .and_then(|mut check| {
            check
                .query_map([], |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
    db.progress_handler(0, None::<fn() -> bool>).map_err(sql)?;
    it.control.check()?;
    for message in messages.map_err(sql)? {
        if message != "ok" {
            it.note(Finding::new(
                DamageKind::Database,
                About::Whole,
                format!("SQLite: {message}"),
            ));
        }
    }
    Ok(())
}
