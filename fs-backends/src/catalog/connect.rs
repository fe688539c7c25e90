//! Connections to one database: the key first, then the page size, then everything else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_core::{Error, ErrorKind, Result};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::database::Secret;
use super::error::from_sql;
use super::key::{Key, PLAIN_HEADER, SALT_BYTES};
use super::lock::FileLock;
use super::schema::Format;
use super::{host_calls, log, old, salvage};

/// Page size of a new encrypted vault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CipherPages {
    /// 16 KiB: 1.3 to 4 times faster. Other SQLCipher tools need `PRAGMA cipher_page_size = 16384` after the password.
    #[default]
    Large,
    /// 4 KiB, SQLCipher's own default: its tools open the vault with the password alone.
    Compatible,
}

impl CipherPages {
    /// The size in bytes.
    pub fn bytes(self) -> u32 {
        match self {
            Self::Large => 16_384,
            Self::Compatible => 4096,
        }
    }
}

/// How long a statement waits for a lock of another connection.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
}

/// Opens connections to one database.
#[derive(Clone)]
pub(super) struct Connector {
    /// Path without symbolic links.
    pub(super) path: PathBuf,
    pub(super) cipher: Option<Cipher>,
    /// On media that can't be written: read the file as it lies there.
    pub(super) immutable: bool,
    /// The log goes into the database only when told: a checkpoint makes the index durable, and blobs must be before it.
    pub(super) checkpoint_by_hand: bool,
    /// It has this older format, and can't be changed: shown with the columns of today.
    pub(super) old: Option<(Format, i64)>,
}

/// Key and page size of an encrypted database.
#[derive(Clone)]
pub(super) struct Cipher {
    pub(super) key: Key,
    pub(super) page_bytes: u32,
}

impl Connector {
    /// The same with another key.
    pub(super) fn with_cipher(&self, cipher: Cipher) -> Self {
        Self {
            cipher: Some(cipher),
            ..self.clone()
        }
    }

    /// What SQLite opens, and how.
    fn target(&self, role: Role) -> (PathBuf, OpenFlags) {
        let base = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        if self.immutable {
            return (
                uri(&self.path),
                base | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
            );
        }
        let access = match role {
            Role::Writer => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        (self.path.clone(), base | access)
    }

    /// A new connection.
    pub(super) fn connect(&self, role: Role) -> rusqlite::Result<Connection> {
        let mut db = self.open(role)?;
        self.prepare(&mut db, role)?;
        Ok(db)
    }

    fn open(&self, role: Role) -> rusqlite::Result<Connection> {
        host_calls::replace();
        let (path, flags) = self.target(role);
        Connection::open_with_flags(path, flags)
    }

    /// The first connection, perhaps beside a log that may be anybody's: then, until [`believe_log`], closing it does not bring the log into the database.
    pub(super) fn connect_first(&self, role: Role, has_log: bool) -> rusqlite::Result<Connection> {
        let mut db = self.open(role)?;
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
        self.prepare(&mut db, role)?;
        Ok(db)
    }

    /// Makes a fresh connection ready, and proves that it reads the database.
    fn prepare(&self, db: &mut Connection, role: Role) -> rusqlite::Result<()> {
        if let Some(cipher) = &self.cipher {
            unlock(db, cipher)?;
        }
        harden(db)?;
        match role {
            Role::Writer => {
                // The log goes into the database when the writer says so: SQLite would not tell when that fails.
                db.execute_batch("PRAGMA cache_size = -65536; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;")?;
            }
            Role::Reader => {
                if let Some((format, version)) = self.old {
                    old::show(db, format, version)?;
                }
                db.execute_batch(
                    "PRAGMA cache_size = -8192; PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0;",
                )?
            }
        }
        db.set_prepared_statement_cache_capacity(64);
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
    }
}

/// The log beside the database is its own.
pub(super) fn believe_log(db: &Connection) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        .map(drop)
}

/// Gives the connection its key. SQLCipher is told to be silent first: it writes to standard error otherwise.
pub(super) fn unlock(db: &Connection, cipher: &Cipher) -> rusqlite::Result<()> {
    db.execute_batch("PRAGMA cipher_log_level = NONE")?;
    db.execute_batch(&cipher.key.pragma())?;
    db.execute_batch(&format!("PRAGMA cipher_page_size = {}", cipher.page_bytes))?;
    // SQLCipher writes over each page that gets free, through the log: on a full disk there would be no room to remove anything.
    db.execute_batch("PRAGMA secure_delete = FAST")
}

/// What holds for every connection: nothing spills to disk in clear, nothing in the file is run.
pub(super) fn harden(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.execute_batch(
        "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = OFF;",
    )?;
    let in_memory: i64 = db.query_row("PRAGMA temp_store", [], |row| row.get(0))?;
    stays_in_memory(in_memory)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    // Otherwise each new value of a limit has its statement compiled anew, which costs more than most of them do.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, 64 << 20)?;
    Ok(())
}

/// Is this the setting by which sorting and temporary tables touch no file? SQLite can be built so that it can't be chosen.
fn stays_in_memory(temp_store: i64) -> rusqlite::Result<()> {
    match temp_store {
        2 => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISUSE),
            Some(
                "this SQLite writes temporary files, in which what is encrypted would lie in clear"
                    .to_owned(),
            ),
        )),
    }
}

fn uri(path: &Path) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    let mut text = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text.push_str("?immutable=1");
    text.into()
}

/// Looks at the first bytes and decides whether, and with which key, the file can be opened; SQLite has not touched it yet.
///
/// Errors: `UnknownFormat`, `PasswordNeeded`, `WrongPassword`, `InvalidInput` (a password for a file that has none), `Corrupted` (no password was given,
/// and none would help: only the page is damaged that tells that the file is not encrypted).
pub(super) fn cipher_for(
    lock: &FileLock,
    path: &Path,
    secret: Secret<'_>,
) -> Result<Option<Cipher>> {
    let fail = |kind, detail: &'static str| {
        Err(Error::new(kind, "open").with_detail(detail).with_path(path))
    };
    let io = |error| Error::from_io(error, "open").with_path(path);
    let length = lock.len().map_err(io)?;
    let header = lock.read_at(0, SALT_BYTES).map_err(io)?;
    if length == 0 {
        return fail(ErrorKind::UnknownFormat, "the file is empty");
    }
    let plain = header == PLAIN_HEADER;
    if !plain && (length < 4096 || !length.is_multiple_of(4096)) {
        return fail(
            ErrorKind::UnknownFormat,
            "neither a plain nor an encrypted database",
        );
    }
    let Ok(salt) = <[u8; SALT_BYTES]>::try_from(header) else {
        return fail(ErrorKind::UnknownFormat, "the file is too short");
    };
    let key = match secret {
        Secret::None if plain => return Ok(None),
        Secret::None if salvage::is_plain_behind(lock, length) => {
            return fail(
                ErrorKind::Corrupted,
                "the page it begins with is not what was written; it has no password",
            );
        }
        Secret::None => {
            return fail(
                ErrorKind::PasswordNeeded,
                "encrypted, or no database at all",
            );
        }
        _ if plain => {
            return fail(
                ErrorKind::InvalidInput,
                "it is not encrypted: open it without a password",
            );
        }
        Secret::Password(password) => Key::derive(password, salt),
        Secret::Key(key) => key.clone(),
    };
    let sizes = [CipherPages::Large.bytes(), CipherPages::Compatible.bytes()];
    // After a crash the log may have a newer first page: the one in the file may be torn, or encrypted with an earlier password.
    if let Some(page) = log::first_page(path).map_err(io)? {
        let page_bytes = sizes.into_iter().find(|size| page.len() == *size as usize);
        return match page_bytes {
            Some(page_bytes) if key.authenticates(&page, 1) => Ok(Some(Cipher { key, page_bytes })),
            _ => fail(
                ErrorKind::WrongPassword,
                "or the log beside it belongs to another database",
            ),
        };
    }
    for page_bytes in sizes {
        let page = lock.read_at(0, page_bytes as usize).map_err(io)?;
        if page.len() == page_bytes as usize && key.authenticates(&page, 1) {
            return Ok(Some(Cipher { key, page_bytes }));
        }
    }
    fail(ErrorKind::WrongPassword, "or not an encrypted database")
}

/// The error of opening a connection. Whatever is changed goes through the log first, removals too: on a full disk there is no way without room for it.
pub(super) fn open_error(error: rusqlite::Error, path: &Path) -> Error {
    let error = from_sql(error, "open").with_path(path);
    match error.kind() {
        ErrorKind::NoSpace => error.with_detail(
            "nothing was changed; even removing needs a little room on its disk: make some elsewhere there and try again",
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn nothing_spills_to_disk_in_clear() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("PRAGMA temp_store = FILE").unwrap();
        harden(&db).unwrap();
        let setting = db.query_row("PRAGMA temp_store", [], |row| row.get(0));
        stays_in_memory(setting.unwrap()).unwrap();
        for elsewhere in [0, 1] {
            let error = open_error(stays_in_memory(elsewhere).unwrap_err(), Path::new("/v.db"));
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
            assert!(error.to_string().contains("temporary files"), "{error}");
        }
    }

    #[test]
    fn another_limit_is_not_compiled_anew() {
        let db = Connection::open_in_memory().unwrap();
        harden(&db).unwrap();
        let mut select = db
            .prepare("SELECT name FROM sqlite_schema LIMIT ?1")
            .unwrap();
        for limit in 1..10 {
            let mut rows = select.query([limit]).unwrap();
            assert!(rows.next().unwrap().is_none());
        }
        assert_eq!(select.get_status(StatementStatus::RePrepare), 0);
    }
}
