//! A copy of one moment, made while others read and write. It gets its name when it is whole.

use std::fs::File;
use std::path::Path;

use fs_core::{Control, Error, Result};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::catalog::connect::{Cipher, Role, harden, unlock};
use crate::catalog::database::Database;
use crate::catalog::error::from_sql;

/// Pages copied between two looks at the control.
const STEP_PAGES: i32 = 256;

impl Database {
    /// Runs `f` on a moment of the database that stays while it runs, on a connection of its own.
    pub(crate) fn moment<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let sql = |error| from_sql(error, "backup");
        let db = self.connector().connect(Role::Reader).map_err(sql)?;
        db.execute_batch("BEGIN").map_err(sql)?;
        // A read transaction begins with the first look.
        db.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))
            .map_err(sql)?;
        let result = f(&db);
        db.execute_batch("COMMIT").map_err(sql)?;
        db.close().map_err(|(_, error)| sql(error))?;
        result
    }

    /// Copies the database as `moment` sees it into the new, empty file `to`, encrypted as it is, and makes it durable.
    pub(crate) fn copy_to(&self, moment: &Connection, to: &Path, control: &Control) -> Result<()> {
        let cipher = self.cipher();
        copy_database(moment, to, cipher.as_ref(), self.page_bytes(), control)
    }
}

/// Copies the database as `moment` sees it into the new, empty file `to`, encrypted as it is, and makes it durable.
pub(in crate::catalog) fn copy_database(
    moment: &Connection,
    to: &Path,
    cipher: Option<&Cipher>,
    page_bytes: i64,
    control: &Control,
) -> Result<()> {
    let sql = |error| from_sql(error, "backup");
    let io = |error| Error::from_io(error, "backup").with_path(to);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(to, flags).map_err(sql)?;
    match cipher {
        Some(cipher) => unlock(&copy, cipher),
        None => copy.execute_batch(&format!("PRAGMA page_size = {page_bytes}")),
    }
    .map_err(sql)?;
    harden(&copy).map_err(sql)?;
    // Nobody sees it before it is synced as a whole.
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        .map_err(sql)?;
    let backup = Backup::new(moment, &mut copy).map_err(sql)?;
    loop {
        control.check()?;
        match backup.step(STEP_PAGES).map_err(sql)? {
            StepResult::Done => break,
            StepResult::More => {
                control.add_bytes(STEP_PAGES.unsigned_abs().into());
            }
            _ => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
    drop(backup);
    copy.close().map_err(|(_, error)| sql(error))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(io)
}
