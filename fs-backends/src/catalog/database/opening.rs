//! Opening a database: nothing is changed before everything about it is known to be right.

use std::path::Path;
use std::sync::Arc;

use fs_core::{Error, ErrorKind, Result};
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;

use super::{Database, Durability, Held, log_length};
use crate::catalog::connect::{Connector, Role, believe_log, cipher_for, open_error};
use crate::catalog::counters::Counters;
use crate::catalog::failed_read;
use crate::catalog::horizon::Horizon;
use crate::catalog::keeper::Signal;
use crate::catalog::key::Key;
use crate::catalog::lock::{FileLock, opening};
use crate::catalog::log;
use crate::catalog::old;
use crate::catalog::owner::Owner;
use crate::catalog::readers::{Clock, Readers};
use crate::catalog::schema::{self, Format, Meta};
use crate::catalog::sums::Sums;
use crate::catalog::writer::Writer;
use crate::live_files;

/// What opens a database.
#[derive(Clone, Copy)]
pub(crate) enum Secret<'a> {
    /// It is plain.
    None,
    /// A password, from which the key is derived.
    Password(&'a str),
    /// The key, derived before.
    Key(&'a Key),
}

/// Are the bytes of the contents from this number on as the database has it, and durable now?
pub(crate) type Prove<'a> = dyn Fn(&Connection, &Meta, u64) -> Result<bool> + 'a;

/// What to open.
pub(crate) struct OpenRequest<'a> {
    pub(crate) path: &'a Path,
    pub(crate) format: Format,
    pub(crate) secret: Secret<'a>,
    pub(crate) durability: Durability,
    /// Where bytes lie beside the database: are those there that it names?
    pub(crate) prove: Option<&'a Prove<'a>>,
    /// Only to read: needs no file that can be written, and no end to what another program does with it.
    pub(crate) read_only: bool,
}

impl Database {
    /// Opens a database.
    ///
    /// Errors: `NotFound`, `UnknownFormat`, `NewerFormat`, `PasswordNeeded`, `WrongPassword`, `InUse`, `Corrupted`. None of them changes a file.
    pub(crate) fn open(request: &OpenRequest<'_>) -> Result<Self> {
        let given = request.path;
        let path = given
            .canonicalize()
            .map_err(|error| Error::from_io(error, "open").with_path(given))?;
        let turn = opening();
        failed_read::forget();
        let may_write = writable(&path);
        let read_only = request.read_only || !may_write;
        let lock =
            FileLock::acquire(&path, !read_only, &turn).map_err(|error| error.with_path(given))?;
        let cipher =
            cipher_for(&lock, &path, request.secret).map_err(|error| error.with_path(given))?;
        let encrypted = cipher.is_some();
        let cipher_page_bytes = cipher.as_ref().map(|cipher| i64::from(cipher.page_bytes));
        // With a log beside it, or somebody who writes, SQLite has to look at both.
        let immutable = read_only && lock.is_alone() && log_length(&path) == 0;
        if read_only && !immutable && !may_write {
            return Err(Error::new(ErrorKind::ReadOnly, "open")
                .with_detail("it was not closed cleanly, and here it can't be put right")
                .with_path(given));
        }
        let mut connector = Connector {
            immutable,
            checkpoint_by_hand: request.format == Format::Index,
            path: path.clone(),
            cipher,
            old: None,
        };
        let owner = lock
            .is_alone()
            .then(|| Owner::of_file(&connector))
            .flatten();
        let role = if read_only {
            Role::Reader
        } else {
            Role::Writer
        };
        let mut first = connector
            .connect_first(role, owner.is_some())
            .map_err(|error| open_error(error, given))?;
        if let Some(owner) = &owner {
            owner.check(&first).map_err(|error| {
                failed_read::none("open")
                    .err()
                    .unwrap_or(error)
                    .with_path(given)
            })?;
        }
        let (meta, version) =
            schema::verify(&first, request.format).map_err(|error| error.with_path(given))?;
        let missing = missing_behind(owner.as_ref(), request.prove, &first, &meta)
            .map_err(|error| error.with_path(given))?;
        if let Some(horizon) = missing {
            // What was durable can be had again only without what came later, and who only reads changes nothing.
            if read_only {
                return Err(Error::new(ErrorKind::ReadOnly, "open")
                    .with_detail("it was not closed cleanly: open it for changes first, which takes it back to what was complete")
                    .with_path(given));
            }
            // Closing it does not bring the log into the database.
            drop(first);
            log::cut(&path, &horizon)
                .map_err(|error| Error::from_io(error, "open").with_path(given))?;
            first = connector
                .connect_first(role, true)
                .map_err(|error| open_error(error, given))?;
        }
        believe_log(&first).map_err(|error| open_error(error, given))?;
        if version < schema::VERSION {
            if read_only {
                connector.old = Some((request.format, version));
                first = connector
                    .connect(Role::Reader)
                    .map_err(|error| open_error(error, given))?;
            } else {
                let cipher = connector.cipher.as_ref();
                old::upgrade(&mut first, &path, request.format, version, cipher)
                    .map_err(|error| error.with_path(given))?;
            }
        }
        let version = if read_only { version } else { schema::VERSION };
        let page_bytes = match cipher_page_bytes {
            Some(bytes) => bytes,
            None => first
                .query_row("PRAGMA page_size", [], |row| row.get(0))
                .map_err(|error| open_error(error, given))?,
        };
        let counters = Arc::new(Counters::load(&first, version)?);
        let live = register(&path)?;
        drop(turn);
        let readers = Readers::open(&connector).map_err(|error| error.with_path(given))?;
        let clock = Clock::default();
        if !lock.is_alone() {
            // Nobody counts what the other program commits.
            clock.stop();
        }
        let connector = Arc::new(RwLock::new(connector));
        Ok(Self {
            path,
            format: request.format,
            meta,
            connector: connector.clone(),
            encrypted,
            page_bytes,
            read_only,
            has_notes: version >= schema::WITH_NOTES,
            sums: Sums::new(version >= schema::WITH_SUMS && !encrypted),
            durability: request.durability,
            readers: RwLock::new(Some(readers)),
            clock,
            writer: (!read_only).then(|| Writer::new(connector, first, counters.clone())),
            counters,
            signal: Signal::new(),
            held: Mutex::new(Some(Held { live, lock })),
        })
    }
}

/// The horizon behind which there are not all bytes that the index names.
fn missing_behind(
    owner: Option<&Owner>,
    prove: Option<&Prove<'_>>,
    db: &Connection,
    meta: &Meta,
) -> Result<Option<Horizon>> {
    let horizon = Horizon::of(db);
    // What could not be read looks like a log that is not there, or in which nobody left a note.
    failed_read::none("open")?;
    let (Some(owner), Some(prove), Some(horizon)) = (owner, prove, horizon) else {
        return Ok(None);
    };
    let is_whole = owner.is_behind(&horizon) || prove(db, meta, horizon.first_content)?;
    Ok((!is_whole).then_some(horizon))
}

fn register(path: &Path) -> Result<Vec<live_files::Guard>> {
    let mut guards = vec![live_files::register(path)?];
    for suffix in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match live_files::register(&name) {
            Ok(guard) => guards.push(guard),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(guards)
}

/// May this process write the file, and files beside it?
fn writable(path: &Path) -> bool {
    let may_write = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    may_write(path) && path.parent().is_some_and(may_write)
}
