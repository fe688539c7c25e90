//! A new database, which exists whole or not at all.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use fs_core::{Error, ErrorKind, Result, Time};
use rusqlite::{Connection, OpenFlags};

use super::connect::{Cipher, harden, unlock};
use super::error::from_sql;
use super::schema::{self, Format, Meta};
use crate::seal::SealKey;

/// What a new database shall be.
pub(crate) struct NewDatabase {
    pub(crate) format: Format,
    pub(crate) cipher: Option<(super::Key, super::CipherPages)>,
    pub(crate) chunk_bytes: u32,
    /// Of the blobs of an encrypted store.
    pub(crate) blob_key: Option<SealKey>,
}

const PLAIN_PAGE_BYTES: u32 = 16_384;

/// Makes a database at `path`: under another name first, made durable, then renamed, so that a crash never leaves half of one.
///
/// Errors: `AlreadyExists`, and those of the filesystem.
pub(crate) fn create(path: &Path, new: &NewDatabase) -> Result<()> {
    let fail = |error| Error::from_io(error, "create").with_path(path);
    if path.symlink_metadata().is_ok() {
        return Err(Error::new(ErrorKind::AlreadyExists, "create").with_path(path));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let scratch = Scratch(folder.join(format!(".lamina-{}.new", uuid::Uuid::new_v4().simple())));
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&scratch.0)
        .map_err(fail)?;
    write(&scratch.0, new).map_err(|error| error.with_path(path))?;
    File::open(&scratch.0)
        .and_then(|file| file.sync_all())
        .map_err(fail)?;
    rustix::fs::renameat_with(
        rustix::fs::CWD,
        &scratch.0,
        rustix::fs::CWD,
        path,
        rustix::fs::RenameFlags::NOREPLACE,
    )
    .map_err(|errno| fail(errno.into()))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(fail)
}

fn write(path: &Path, new: &NewDatabase) -> Result<()> {
    let sql = |error| from_sql(error, "create");
    let mut db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(sql)?;
    match &new.cipher {
        Some((key, pages)) => unlock(
            &db,
            &Cipher {
                key: key.clone(),
                page_bytes: pages.bytes(),
            },
        ),
        None => db.execute_batch(&format!("PRAGMA page_size = {PLAIN_PAGE_BYTES}")),
    }
    .map_err(sql)?;
    // Nobody sees the file before it is synced as a whole, so no journal. The order is SQLite's: auto_vacuum is fixed by the first write.
    db.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;",
    )
    .map_err(sql)?;
    harden(&db).map_err(sql)?;
    let meta = Meta {
        uuid: uuid::Uuid::new_v4(),
        chunk_bytes: new.chunk_bytes,
        chunk_sum: schema::ChunkSum::default(),
        blob_key: new.blob_key.clone(),
        created: Time::now(),
    };
    let transaction = db.transaction().map_err(sql)?;
    schema::create(&transaction, new.format, &meta).map_err(sql)?;
    transaction
        .execute_batch(&format!(
            "PRAGMA application_id = {}; PRAGMA user_version = {};",
            new.format.application_id(),
            schema::VERSION
        ))
        .map_err(sql)?;
    transaction.commit().map_err(sql)?;
    db.execute_batch("PRAGMA journal_mode = WAL").map_err(sql)?;
    db.close().map_err(|(_, error)| sql(error))
}

/// A file that is removed, with what SQLite put beside it, unless it was renamed away.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut name = self.0.clone().into_os_string();
            name.push(suffix);
            // Gone is what it should be; a file that can't be removed does no harm.
            std::fs::remove_file(name).unwrap_or_default();
        }
    }
}
