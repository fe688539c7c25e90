//! A copy of a store as it is at one moment, made while it is used: by this program, or by another one.
//!
//! Sealed blobs never change. What is written to while it runs is copied as it is when its turn comes, and is never torn.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use fs_core::{Control, Error, ErrorKind, Result};
use rusqlite::Connection;

use super::file::{BlobFile, Opening};
use super::folder::BlobFolder;
use super::maintenance::{Row, hash};
use super::name::BlobName;
use super::prove::reaches;
use super::store::BlobStore;
use super::{BLOBS, INDEX};
use crate::catalog::from_sql;
use crate::scratch::Scratch;

/// Bytes copied between two looks at the control.
const COPY_BYTES: u64 = 64 << 20;
/// A blob that was not written to for so long, and not while it was copied, is one state of it: times of the host are some milliseconds coarse.
const REST: Duration = Duration::from_millis(50);
/// So long blobs may be written to by another program until one that was not at rest has to do, if it is whole.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two moments.
const BEAT: Duration = Duration::from_millis(100);

/// Blobs that may be written to, and how large the largest file is whose content they are.
const OPEN: &str = "SELECT b.content, b.name, b.sealed, b.size, b.hash, coalesce(n.size, 0) FROM blob b LEFT JOIN (SELECT content, max(size) AS size FROM node WHERE content IN (SELECT content FROM blob WHERE sealed = 0) GROUP BY content) n ON n.content = b.content WHERE b.sealed = 0";

fn sql(error: rusqlite::Error) -> Error {
    from_sql(error, "backup")
}

/// What came of one moment.
enum Moment {
    /// All of it is copied.
    Copied,
    /// A blob it names is gone: a later one will not name it.
    Gone,
    /// A blob is being written to.
    Written,
}

/// What was copied so far of a store that another program changes.
#[derive(Default)]
struct SoFar {
    sealed: HashSet<BlobName>,
    open: Vec<BlobName>,
    gone: HashSet<BlobName>,
}

impl BlobStore {
    /// Copies index and blobs as of this moment.
    pub(super) fn copy_store(&self, to: &Path, control: &Control) -> Result<()> {
        let scratch = Scratch::new_folder(to, "backup")?;
        let io = |error| Error::from_io(error, "backup").with_path(to);
        let blobs = scratch.path().join(BLOBS);
        DirBuilder::new().mode(0o700).create(&blobs).map_err(io)?;
        let target = BlobFolder::open(&blobs)?;
        let index = scratch.path().join(INDEX);
        File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&index)
            .map_err(io)?;
        match self.shared().database.is_read_only() {
            true => self.copy_beside(&target, &index, control),
            false => self.copy_own(&target, &index, control),
        }
        .map_err(|error| error.or_path(to))?;
        scratch.open()?.sync_all().map_err(io)?;
        scratch.finish()
    }

    /// What only this program changes.
    fn copy_own(&self, target: &BlobFolder, index: &Path, control: &Control) -> Result<()> {
        while self.seal_some()? {
            control.check()?;
        }
        // From here on no blob file goes, so what the moment names stays.
        let held = self.hold_files();
        let shared = self.shared();
        shared.database.moment(|db| {
            let mut select = db.prepare("SELECT name, sealed FROM blob").map_err(sql)?;
            let mut rows = select.query([]).map_err(sql)?;
            while let Some(row) = rows.next().map_err(sql)? {
                let name = BlobName::parse(&row.get::<_, String>(0).map_err(sql)?)?;
                let sealed = row.get(1).map_err(sql)?;
                let from = shared.folder.open_blob(&name, sealed)?;
                copy(&from, target.create(&name)?, control)?;
                if sealed {
                    target.seal(&name)?;
                }
            }
            target.sync_all()?;
            shared.database.copy_to(db, index, control)
        })?;
        drop(held);
        Ok(())
    }

    /// What another program may be changing: it removes blobs that it has forgotten, so each moment may come too late, and then a later one is taken, of
    /// which most is copied already.
    fn copy_beside(&self, target: &BlobFolder, index: &Path, control: &Control) -> Result<()> {
        let mut so_far = SoFar::default();
        let mut until = None;
        loop {
            let is_late = until.is_some_and(|until| Instant::now() >= until);
            let moment = self.shared().database.moment(|db| {
                let moment = self.copy_moment(db, target, &mut so_far, is_late, control)?;
                if let Moment::Copied = moment {
                    target.sync_all()?;
                    self.shared().database.copy_to(db, index, control)?;
                }
                Ok(moment)
            })?;
            match moment {
                Moment::Copied => return Ok(()),
                Moment::Written if is_late => {
                    return Err(Error::new(ErrorKind::Busy, "backup").with_detail(
                        "a file in it is written to all the time; there is no copy, try again later",
                    ));
                }
                Moment::Written => {
                    until.get_or_insert_with(|| Instant::now() + PATIENCE);
                }
                Moment::Gone => {}
            }
            control.check()?;
            std::thread::sleep(BEAT);
        }
    }

    fn copy_moment(
        &self,
        db: &Connection,
        target: &BlobFolder,
        so_far: &mut SoFar,
        is_late: bool,
        control: &Control,
    ) -> Result<Moment> {
        let folder = &self.shared().folder;
        for name in so_far.open.drain(..) {
            target.remove(&name)?;
        }
        let missed = std::mem::take(&mut so_far.gone);
        let mut named = HashSet::new();
        let mut select = db
            .prepare("SELECT name FROM blob WHERE sealed = 1")
            .map_err(sql)?;
        let mut rows = select.query([]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            control.check()?;
            let name = BlobName::parse(&row.get::<_, String>(0).map_err(sql)?)?;
            named.insert(name.clone());
            if so_far.sealed.contains(&name) {
                continue;
            }
            match folder.open_to_read(&name, true) {
                Ok(from) => {
                    copy(&from, target.create(&name)?, control)?;
                    target.seal(&name)?;
                    so_far.sealed.insert(name);
                }
                // The moment before did not have it either: it is lost.
                Err(error) if missed.contains(&name) => return Err(error),
                Err(_) if folder.stat(&name).is_none() => {
                    so_far.gone.insert(name);
                }
                Err(error) => return Err(error),
            }
        }
        for name in so_far.sealed.extract_if(|name| !named.contains(name)) {
            target.remove(&name)?;
        }
        if !so_far.gone.is_empty() {
            return Ok(Moment::Gone);
        }
        let mut select = db.prepare(OPEN).map_err(sql)?;
        let mut rows = select.query([]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let node_bytes: i64 = row.get(5).map_err(sql)?;
            let row = Row::of(row).map_err(sql)?;
            let name = BlobName::parse(row.name.as_deref().unwrap_or_default())?;
            so_far.open.push(name.clone());
            let at_rest = match copy_at_rest(folder, &name, target, control) {
                Err(error) if missed.contains(&name) => return Err(error),
                Err(_) if folder.stat(&name).is_none() => {
                    so_far.gone.insert(name);
                    return Ok(Moment::Gone);
                }
                copied => copied?,
            };
            let bytes = node_bytes.min(row.size);
            let is_one_state = reaches(target, self.shared().key.as_ref(), &row, bytes)?
                && (at_rest || is_late && self.is_whole(target, &name, control)?);
            if !is_one_state {
                return Ok(Moment::Written);
            }
        }
        Ok(Moment::Copied)
    }

    /// Can all of a copy be read?
    fn is_whole(&self, target: &BlobFolder, name: &BlobName, control: &Control) -> Result<bool> {
        let key = self.shared().key.as_ref();
        let read = BlobFile::open(target, name, key, Opening::Beside);
        match read.and_then(|file| hash(&file, control)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Corrupted => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Copies a blob that is not sealed; was it one state of it?
fn copy_at_rest(
    folder: &BlobFolder,
    name: &BlobName,
    target: &BlobFolder,
    control: &Control,
) -> Result<bool> {
    let io = |error| Error::from_io(error, "copy blob");
    let from = folder.open_to_read(name, false)?;
    let before = from.metadata().map_err(io)?;
    copy(&from, target.create(name)?, control)?;
    let after = from.metadata().map_err(io)?;
    let state = |it: &Metadata| {
        (
            it.mtime(),
            it.mtime_nsec(),
            it.ctime(),
            it.ctime_nsec(),
            it.len(),
        )
    };
    let rested = before.modified().is_ok_and(|written| {
        let since = SystemTime::now().duration_since(written);
        since.is_ok_and(|since| since >= REST)
    });
    Ok(rested && state(&before) == state(&after))
}

/// Copies all bytes, shared where the host can.
fn copy(from: &File, mut to: File, control: &Control) -> Result<()> {
    if rustix::fs::ioctl_ficlone(&to, from).is_ok() {
        return Ok(());
    }
    let io = |error| Error::from_io(error, "copy blob");
    loop {
        control.check()?;
        let copied = std::io::copy(&mut from.take(COPY_BYTES), &mut to).map_err(io)?;
        control.add_bytes(copied);
        if copied < COPY_BYTES {
            return Ok(());
        }
    }
}
