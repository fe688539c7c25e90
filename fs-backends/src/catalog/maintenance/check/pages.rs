//! The database below its tables: the authentication of each page of an encrypted one, and what SQLite itself finds.

use fs_core::maintenance::DamageKind;
use fs_core::{Control, Error, Result};
use rusqlite::Connection;

use super::{About, Finding, Inspection};
use crate::catalog::database::Database;
use crate::catalog::error::from_sql;
use crate::catalog::failed_read;
use crate::catalog::keeper::checkpoint;
use crate::catalog::key::Authenticator;
use crate::catalog::log::Committed;

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
    let mut pages = Pages {
        database,
        authenticator: cipher.key.authenticator(),
        page_bytes: cipher.page_bytes,
        log: None,
        control,
        found,
        done: 0,
    };
    if database.is_read_only() {
        // What a killed program committed counts as it is in the log: in the file that page may be torn, or have another password.
        pages.log = Committed::beside(database.path()).map_err(|error| pages.failed(error))?;
        while pages.check_some()? > 0 {
            control.check()?;
        }
        pages.check_those_in_log_only()?;
        return Ok(u64::from(pages.done));
    }
    loop {
        control.check()?;
        // Pages move from the log into the file only at a checkpoint, and that needs the writer.
        let done = database.exclusively(|db| {
            if pages.done == 0 {
                checkpoint(db)?;
            }
            pages.check_some()
        })?;
        if done == 0 {
            return Ok(u64::from(pages.done));
        }
    }
}

/// Pages of an encrypted database, looked at in order.
struct Pages<'a> {
    database: &'a Database,
    authenticator: Authenticator,
    page_bytes: u32,
    /// What is newer than the file.
    log: Option<Committed>,
    control: &'a Control,
    found: &'a mut dyn FnMut(Finding),
    /// So many were looked at.
    done: u32,
}

impl Pages<'_> {
    /// Checks some pages of the file; answers how many there were.
    fn check_some(&mut self) -> Result<u32> {
        let offset = u64::from(self.done) * u64::from(self.page_bytes);
        let page_bytes = self.page_bytes as usize;
        let bytes = self
            .database
            .raw_bytes(offset, page_bytes * BATCH as usize)
            .map_err(|error| self.failed(error))?;
        let before = self.done;
        for page in bytes.chunks(page_bytes) {
            let number = self.done + 1;
            match &self.log {
                // What is behind the end is cut off when the log goes into the file.
                Some(log) if number > log.pages => return Ok(0),
                Some(log) => match log.page(number).map_err(|error| self.failed(error))? {
                    Some(newer) => self.check(number, &newer),
                    None => self.check(number, page),
                },
                None => self.check(number, page),
            }
        }
        Ok(self.done - before)
    }

    /// Checks the pages by which the database is longer than its file.
    fn check_those_in_log_only(&mut self) -> Result<()> {
        let Some(log) = self.log.take() else {
            return Ok(());
        };
        for number in log.beyond(self.done) {
            let page = log.page(number).map_err(|error| self.failed(error))?;
            self.check(number, &page.unwrap_or_default());
        }
        Ok(())
    }

    /// The host could not read it.
    fn failed(&self, error: std::io::Error) -> Error {
        Error::from_io(error, "check").with_path(self.database.path())
    }

    fn check(&mut self, number: u32, page: &[u8]) {
        self.done = number;
        self.control.add_bytes(page.len() as u64);
        let is_lock_page = u64::from(number - 1) == LOCK_BYTE / u64::from(self.page_bytes);
        // A page that was never written is no page of anything.
        let is_empty = page.iter().all(|byte| *byte == 0);
        if !is_lock_page && !is_empty && !self.authenticator.authenticates(page, number) {
            (self.found)(Finding::new(
                DamageKind::Page,
                About::Whole,
                format!("page {number} of the database is not what was written"),
            ));
        }
    }
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
    // SQLite notes what it could not read among the damages.
    failed_read::none("check")?;
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
