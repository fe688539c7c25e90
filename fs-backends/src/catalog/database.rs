//! An open database: its lock, its readers, its writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fs_core::{Error, ErrorKind, Result};
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::connect::{Cipher, Connector};
use super::counters::Counters;
use super::error::from_sql;
use super::failed_read;
use super::horizon::Horizon;
use super::keeper::Signal;
use super::lock::FileLock;
use super::readers::{Clock, Moment, Readers, Writing};
use super::schema::{Format, Meta};
use super::sums::Sums;
use super::writer::{Company, Outside, Sync, Writer, touch};
use crate::live_files;
use crate::virtual_fs::Changes;

mod opening;
mod room;

pub(crate) use opening::{OpenRequest, Prove, Secret};

/// When a change survives a power cut. It survives a kill of the process as soon as it returned, either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When the call returns.
    #[default]
    EachCall,
    /// After `sync`, and at most 5 seconds later: many small changes cost far less.
    OnSync,
}

/// An open database.
pub(crate) struct Database {
    path: PathBuf,
    format: Format,
    meta: Meta,
    connector: Arc<RwLock<Connector>>,
    encrypted: bool,
    page_bytes: i64,
    read_only: bool,
    /// Is there a table for notes? A database of format 1 that can't be changed has none.
    has_notes: bool,
    sums: Sums,
    durability: Durability,
    pub(super) readers: RwLock<Option<Readers>>,
    pub(super) clock: Clock,
    writer: Option<Writer>,
    counters: Arc<Counters>,
    signal: Signal,
    held: Mutex<Option<Held>>,
}

/// What goes last when a database is closed, in this order.
struct Held {
    live: Vec<live_files::Guard>,
    lock: FileLock,
}

impl Database {
    /// Where it is, without symbolic links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder at `path` belongs to it as well, until it is closed.
    pub(crate) fn keeps_in(&self, path: &Path) -> Result<()> {
        let guard = live_files::register(path)?;
        if let Some(held) = &mut *self.held.lock() {
            held.live.push(guard);
        }
        Ok(())
    }

    /// What it says of itself.
    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Does it need a password?
    pub(crate) fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Which of our databases it is.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// How connections are made.
    pub(super) fn connector(&self) -> Connector {
        self.connector.read().clone()
    }

    /// Connections are made like this from now on.
    pub(super) fn set_connector(&self, connector: Connector) {
        *self.connector.write() = connector;
    }

    /// Key and page size of an encrypted database.
    pub(super) fn cipher(&self) -> Option<Cipher> {
        self.connector.read().cipher.clone()
    }

    /// The file as it lies on the disk; fewer bytes only at its end.
    pub(super) fn raw_bytes(&self, offset: u64, length: usize) -> std::io::Result<Vec<u8>> {
        match &*self.held.lock() {
            Some(held) => held.lock.read_at(offset, length),
            None => Err(std::io::Error::from_raw_os_error(libc::ESHUTDOWN)),
        }
    }

    /// Runs `f` while no reader is open; those that come wait. Readers are opened anew with [`Database::set_connector`]. Error: `Busy` when one
    /// does not end in time.
    pub(super) fn without_readers<T>(
        &self,
        patience: Duration,
        f: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let mut readers = self.readers.write();
        let Some(old) = readers.take() else {
            return Err(Error::new(ErrorKind::Closed, "wait for readers"));
        };
        if !old.are_idle_within(patience) {
            *readers = Some(old);
            return Err(Error::new(ErrorKind::Busy, "wait for readers"));
        }
        // Who holds these still gets the others.
        old.close();
        let result = f();
        *readers = Some(Readers::to_be_opened(&self.connector.read()));
        result
    }

    /// Counters were raised in the database.
    pub(super) fn reload_counters(&self) -> Result<()> {
        self.read(|db| self.counters.raise(db))
    }

    /// The writing connection is opened anew before its next use.
    pub(super) fn poison_writer(&self) {
        if let Some(writer) = &self.writer {
            writer.poison();
        }
    }

    /// Size of a page.
    pub(super) fn page_bytes(&self) -> i64 {
        self.page_bytes
    }

    /// Length of the log.
    pub(super) fn log_bytes(&self) -> u64 {
        log_length(&self.path)
    }

    /// When its changes survive a power cut.
    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// Is it on media that can't be written?
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// A number for a new node.
    pub(super) fn new_ino(&self) -> u64 {
        self.counters.inos.take()
    }

    /// A number for new content.
    pub(crate) fn new_content(&self) -> u64 {
        self.counters.contents.take()
    }

    /// The number that [`Database::new_content`] will give out next.
    pub(crate) fn next_content(&self) -> u64 {
        self.counters.contents.next()
    }

    /// Runs `f` on a reader, inside one read transaction.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.read_at(|db, _| f(db))
    }

    /// As [`Database::read`]; `f` gets the number of the moment it sees, unless something is being written just now.
    pub(crate) fn read_at<T>(
        &self,
        f: impl FnOnce(&Connection, Option<u64>) -> Result<T>,
    ) -> Result<T> {
        let mut moment = self.moment_now()?;
        let read = f(moment.db()?, moment.number());
        let failed = [ErrorKind::Corrupted, ErrorKind::Io];
        let is_failed = read.as_ref().is_err_and(|it| failed.contains(&it.kind()));
        // A connection to an encrypted database remembers a read that failed, even where it did not matter.
        if is_failed || failed_read::none("read").is_err() {
            moment.give_up();
        }
        read
    }

    fn moment_now(&self) -> Result<Moment<'_>> {
        loop {
            let readers = self.readers.read().clone();
            let readers = readers.ok_or_else(|| Error::new(ErrorKind::Closed, "read"))?;
            match readers.begin(&self.clock) {
                // There are others, or none any more.
                Err(error) if error.kind() == ErrorKind::Closed => {}
                begun => return begun,
            }
        }
    }

    /// Is the moment with this number still the last one?
    pub(super) fn is_now(&self, moment: u64) -> bool {
        self.clock.now() == Some(moment)
    }

    /// See [`crate::virtual_fs::NodeStore::keep_changes`].
    pub(super) fn keep_changes(&self) {
        self.clock.keep_changes();
    }

    /// See [`crate::virtual_fs::NodeStore::changes_since`].
    pub(super) fn changes_since(&self, moment: u64, each: &mut dyn FnMut(&Changes)) -> bool {
        self.clock.changes_since(moment, each)
    }

    /// To be held while anything is written: no reader keeps its transaction meanwhile, and afterwards all read anew.
    fn writing(&self, changes: Changes) -> Writing<'_> {
        let writing = self.clock.writing(changes);
        self.end_idle();
        writing
    }

    /// Ends the transactions that idle readers keep.
    fn end_idle(&self) {
        // Locked, they are being closed or opened anew: there is none that could keep a transaction.
        if let Some(readers) = self.readers.try_read().as_deref().and_then(Option::as_ref) {
            readers.end_idle();
        }
    }

    /// Runs `f` in a transaction of the writer; returns when it is committed, and durable if that is what the database was opened for.
    pub(crate) fn write<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.commit(self.sync(), Changes::all(), |db, _| f(db))
    }

    /// As [`Database::write`]; `f` says which nodes and names it changes.
    pub(super) fn write_nodes<T>(
        &self,
        f: impl FnOnce(&Connection, &mut Changes) -> Result<T>,
    ) -> Result<T> {
        self.commit(self.sync(), Changes::default(), f)
    }

    /// As [`Database::write`], but never waits for the disk: for bytes that a later transaction will name. Changes no node and no name.
    pub(crate) fn write_early<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.commit(Sync::Committed, Changes::default(), |db, _| f(db))
    }

    /// As [`Database::write_early`], for what may meet damage that nobody asked for: it takes no change of others with it.
    pub(crate) fn write_apart<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let run =
            |writer: &Writer, _: &mut Changes| writer.run_in(Sync::Committed, Company::OfItsOwn, f);
        self.write_as(Changes::default(), run)
    }

    fn sync(&self) -> Sync {
        match self.durability {
            Durability::EachCall => Sync::Durable,
            Durability::OnSync => Sync::Committed,
        }
    }

    /// Is there a table for notes?
    pub(super) fn has_notes(&self) -> bool {
        self.has_notes
    }

    /// Compares rows with their sums.
    pub(crate) fn sums(&self) -> &Sums {
        &self.sums
    }

    /// As [`Database::write`] for notes; waits for the disk when it shall be `durable`.
    pub(super) fn write_note<T>(
        &self,
        durable: bool,
        f: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let sync = match (durable, self.durability) {
            (false, Durability::OnSync) => Sync::Committed,
            _ => Sync::Durable,
        };
        self.commit(sync, Changes::default(), |db, _| f(db))
    }

    /// Commits what `f` does, which may add to the `changes` of nodes and names that are known.
    fn commit<T>(
        &self,
        sync: Sync,
        changes: Changes,
        f: impl FnOnce(&Connection, &mut Changes) -> Result<T>,
    ) -> Result<T> {
        self.write_as(changes, |writer, changes| {
            writer.run(sync, |db| f(db, changes))
        })
    }

    /// Lets `run` write.
    fn write_as<T>(
        &self,
        changes: Changes,
        run: impl FnOnce(&Writer, &mut Changes) -> Result<T>,
    ) -> Result<T> {
        let writer = self.writer()?;
        let mut writing = self.writing(changes);
        let result = run(writer, writing.changes.get_or_insert_with(Changes::all));
        drop(writing);
        // What failed is no reason to go on waiting for a quiet moment: on a full disk that is when room is made.
        if result.is_ok() {
            self.signal.wake();
        }
        result
    }

    /// Returns when everything committed would survive a power cut.
    pub(crate) fn barrier(&self) -> Result<()> {
        match &self.writer {
            Some(writer) => writer.barrier(),
            None => Ok(()),
        }
    }

    /// Could a crash bring back what the last transaction did, although it failed?
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.writer.as_ref().is_some_and(Writer::is_in_doubt)
    }

    /// What has to be made durable before the log goes into the database.
    pub(super) fn set_outside(&self, outside: impl Outside + 'static) {
        if let Some(writer) = &self.writer {
            writer.set_outside(Box::new(outside));
        }
    }

    /// There is something to remove when nobody waits.
    pub(crate) fn wake_keeper(&self) {
        self.signal.nudge();
    }

    pub(super) fn signal(&self) -> &Signal {
        &self.signal
    }

    /// Uses the writing connection outside of any transaction, for what changes no row.
    pub(super) fn exclusively<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let writer = self.writer()?;
        // A kept transaction would hold up a checkpoint.
        let tidying = self.clock.tidying();
        self.end_idle();
        let result = writer.exclusively(f);
        drop(tidying);
        result
    }

    /// Is a thread waiting to write?
    pub(super) fn is_busy(&self) -> bool {
        self.writer.as_ref().is_some_and(Writer::is_busy)
    }

    fn writer(&self) -> Result<&Writer> {
        self.writer
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::ReadOnly, "write"))
    }

    /// Closes readers first and the writer last, so that SQLite folds its log into the one file. Closing twice is no error.
    pub(crate) fn close(&self) -> Result<()> {
        self.close_with(|db| {
            let sql = |error| from_sql(error, "close");
            db.execute_batch("PRAGMA synchronous = FULL; BEGIN IMMEDIATE")
                .map_err(sql)?;
            self.counters.save_exactly(db)?;
            if self.signal.was_used() {
                touch(db)?;
            }
            // What lies beside the database was made durable before.
            Horizon::clear(db)?;
            db.execute_batch("COMMIT").map_err(sql)?;
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .map_err(sql)
        })
    }

    /// Closes it as a kill would: what lies beside it is not durable, so the log stays, and in it the horizon by which the next opening finds out what
    /// is missing.
    pub(super) fn leave(&self) -> Result<()> {
        self.close_with(|db| {
            db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
                .map(drop)
                .map_err(|error| from_sql(error, "close"))
        })
    }

    fn close_with(&self, last: impl FnOnce(&Connection) -> Result<()>) -> Result<()> {
        if let Some(readers) = self.readers.write().take() {
            // No moment is the present one any more.
            self.clock.stop();
            readers.close();
        }
        let result = match &self.writer {
            Some(writer) => writer.close(last),
            None => Ok(()),
        };
        // Only now may a descriptor of the file be closed.
        let held = self.held.lock().take();
        if let Some(held) = held {
            let synced = if self.read_only {
                Ok(())
            } else {
                held.lock.sync()
            };
            result.and(synced.map_err(|error| Error::from_io(error, "close").with_path(&self.path)))
        } else {
            result
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Nobody is left to tell; `close` reports.
        self.close().unwrap_or_default();
    }
}

/// Bytes in the log beside the database.
pub(super) fn log_length(path: &Path) -> u64 {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    std::fs::metadata(name).map_or(0, |log| log.len())
}
