//! The file a memory filesystem is saved to (`*.mem`): written beside the old one and put in its place when it is safe on disk.
//!
//! | part | what it holds |
//! |---|---|
//! | magic, version | [`section::MAGIC`], a little-endian `u32` |
//! | sections | tag (4 bytes), length (`u64`), BLAKE3 of tag and payload (32 bytes), payload: records of one kind (see [`record`]) |
//! | last section | `END.`: how many sections came before, and the BLAKE3 of their hashes in order |
//!
//! So a flipped bit, a cut at any place and sections that were left out or swapped are all found. Link counts and parents are not
//! stored: they follow from the names, and what contradicts itself is refused. Numbers are little-endian, times nanoseconds since 1970.
//! Version 2 tells of several moments, the snapshots, one after the other; a filesystem without any is saved as version 1, which older programs read.

mod decode;
mod encode;
mod home;
mod record;
mod salvage;
mod sealed;
mod section;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;

use fs_core::{Error, ErrorKind, Result};

use super::MemoryBackend;
use super::content::Limits;
use super::snapshots::{Kept, Taken};
use super::store::MemoryStore;
use crate::scratch::Scratch;
use crate::std_fs::copy_xattrs;
use encode::Saved;
use home::Claim;
use sealed::{SealedReader, SealedWriter};

pub(super) use home::{Home, real};
pub(crate) use salvage::read as salvage;
pub(super) use sealed::PasswordKey;
pub(crate) use sealed::is_sealed;

/// Buffer between us and the file.
const BUFFER_BYTES: usize = 256 * 1024;

impl MemoryBackend {
    /// Saves everything that has a name, the trash and all snapshots as they are now. The file at `path` is the old or the new one at any moment,
    /// also after a power cut. It is kept there from now on: nobody else saves to that file as long as this one is open.
    ///
    /// Errors: `InUse` (somebody else has it open, or saves to it), `AlreadyExists` (it is kept there already, and somebody else changed it since it was
    /// loaded or saved last; see [`save_over`](Self::save_over)).
    pub fn save_to(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save(path.as_ref(), false)
    }

    /// As [`save_to`](Self::save_to), whatever somebody else wrote to the file meanwhile. Errors: `InUse`.
    pub fn save_over(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save(path.as_ref(), true)
    }

    /// Is it kept in this file: was it opened from there, or saved there last?
    pub fn is_kept_in(&self, path: impl AsRef<Path>) -> bool {
        let home = self.store().home();
        home.as_ref()
            .is_some_and(|home| home.is_at(&real(path.as_ref())))
    }

    /// Saves what changed, where it is kept, at every `sync` from now on: as it is served to other programs, for whom `fsync` means durable. What is kept
    /// nowhere stays in memory only.
    pub fn save_on_sync(&self) {
        self.store().save_on_sync();
    }

    fn save(&self, path: &Path, over: bool) -> Result<()> {
        // Held to the end: one save at a time.
        let mut home = self.store().home();
        self.store().save_as(&mut home, path, over)
    }

    /// Loads what [`save_to`](Self::save_to) wrote. Errors: `UnknownFormat` (something else), `NewerFormat`, `PasswordNeeded`, `Corrupted`.
    pub fn load_from(path: impl AsRef<Path>) -> Result<Self> {
        Self::load(path.as_ref(), None)
    }

    /// Loads an encrypted file; it will be saved with the same password. Errors: `WrongPassword`, `InvalidInput` (it is not encrypted), and those of
    /// [`load_from`](Self::load_from).
    pub fn load_encrypted(path: impl AsRef<Path>, password: &str) -> Result<Self> {
        Self::load(path.as_ref(), Some(password))
    }

    /// Loads it as [`load_from`](Self::load_from) and [`load_encrypted`](Self::load_encrypted) do, to change it and save it there again: nobody else
    /// can until it is closed. Errors: `InUse`, with who has it open; and those of loading.
    pub fn open_saved(path: impl AsRef<Path>, password: Option<&str>) -> Result<Self> {
        let path = path.as_ref();
        let home = Home::take(path).map_err(|error| error.with_operation("load"))?;
        let loaded = Self::read(home.file(), path, password)?;
        *loaded.store().home() = Some(home);
        Ok(loaded)
    }

    /// Encrypts the files it is saved to from now on, or (`None`) writes them in clear. Deriving the key takes a moment. `InvalidInput`: it is empty.
    pub fn set_password(&self, password: Option<&str>) -> Result<()> {
        let key = match password {
            Some("") => {
                let error = Error::new(ErrorKind::InvalidInput, "set password");
                return Err(error.with_detail("the password is empty"));
            }
            Some(password) => Some(PasswordKey::new(password)?),
            None => None,
        };
        *self.store().password() = key;
        self.store().snapshots_changed();
        Ok(())
    }

    /// Is what is saved of it encrypted?
    pub fn is_encrypted(&self) -> bool {
        self.store().password().is_some()
    }

    /// Is it saved with this password?
    pub fn has_password(&self, password: &str) -> bool {
        let key = self.store().password().clone();
        key.is_some_and(|key| key.is_of(password))
    }

    fn load(path: &Path, password: Option<&str>) -> Result<Self> {
        let told = |error: Error| error.with_operation("load").or_path(path);
        let io = |error| told(Error::from_io(error, "load"));
        // Opening a fifo would wait for ever.
        if !fs::metadata(path).map_err(io)?.is_file() {
            return Err(told(Error::new(ErrorKind::UnknownFormat, "load")));
        }
        let file = File::open(path).map_err(io)?;
        Self::read(&file, path, password)
    }

    fn read(file: &File, path: &Path, password: Option<&str>) -> Result<Self> {
        let told = |error: Error| error.with_operation("load").or_path(path);
        let io = |error| told(Error::from_io(error, "load"));
        let mut from = BufReader::with_capacity(BUFFER_BYTES, file);
        if !is_sealed(from.fill_buf().map_err(io)?) {
            if password.is_some() {
                let detail = "it is not encrypted: open it without a password";
                return Err(told(
                    Error::new(ErrorKind::InvalidInput, "load").with_detail(detail),
                ));
            }
            return Self::loaded(decode::read(&mut from).map_err(told)?);
        }
        let (mut sealed, key) = SealedReader::new(from, password).map_err(told)?;
        let loaded = Self::loaded(decode::read(&mut sealed).map_err(told)?)?;
        *loaded.store().password() = Some(key);
        Ok(loaded)
    }

    fn loaded(saved: Saved) -> Result<Self> {
        let snapshots = saved.snapshots.into_iter();
        let taken = snapshots
            .map(|(snapshot, image)| Taken { snapshot, image })
            .collect();
        let kept = Kept::loaded(taken, saved.last_snapshot);
        let limits = Limits {
            own_bytes: saved.limit_bytes,
            ..Limits::default()
        };
        Self::over(MemoryStore::loaded(saved.now, kept, limits))
    }
}

impl MemoryStore {
    /// Saves what changed to the file it is kept in, if it is kept in one. Who waits for another save finds nothing left to do.
    pub(super) fn save_changes(&self) -> Result<()> {
        let mut home = self.home();
        let path = home.as_ref().map(|home| home.path().to_owned());
        match path.filter(|_| self.is_modified()) {
            Some(path) => self.save_as(&mut home, &path, false),
            None => Ok(()),
        }
    }

    fn save_as(&self, home: &mut Option<Home>, path: &Path, over: bool) -> Result<()> {
        let real = real(path);
        let own = home.as_ref().filter(|home| home.is_at(&real));
        let changed = own.is_some_and(Home::was_changed);
        if changed && !over {
            let detail = "another program changed it since it was opened or saved here";
            let error = Error::new(ErrorKind::AlreadyExists, "save");
            return Err(error.with_detail(detail).with_path(path));
        }
        // What is not what this one holds may be somebody else's.
        let _claim = match own {
            Some(home) if home.has_name() => None,
            _ => Some(Claim::on(&real).map_err(|error| error.with_operation("save"))?),
        };
        let (saved, changes) = self.to_save();
        let key = self.password().clone();
        let file = write_file(&real, |file| {
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
            match &key {
                Some(key) => {
                    let mut sealed = SealedWriter::new(&mut out, key)?;
                    encode::write(&saved, &mut sealed)?;
                    sealed.finish()?;
                }
                None => encode::write(&saved, &mut out)?,
            }
            out.flush()
        })
        .map_err(|error| error.or_path(path))?;
        self.set_saved(changes);
        *home = Some(Home::of(real, file)?);
        Ok(())
    }

    /// All there is to save, which others go on changing meanwhile, and the number of changes it is the result of.
    fn to_save(&self) -> (Saved, u64) {
        // Counted first: what changes in between is saved once more.
        let changes = self.changes();
        let kept = self.kept();
        let snapshots = kept.all().iter();
        let snapshots = snapshots
            .map(|taken| (taken.snapshot.clone(), taken.image.clone()))
            .collect();
        let last_snapshot = kept.last_id();
        drop(kept);
        let saved = Saved {
            now: self.settled_image(),
            snapshots,
            last_snapshot,
            limit_bytes: self.limits().own_bytes,
        };
        (saved, changes)
    }
}

/// Writes a new file through `write`, makes it durable, and only then puts it in the place of `path`; links are followed.
pub(crate) fn replace_file(
    path: &Path,
    write: impl FnOnce(&File) -> std::io::Result<()>,
) -> Result<()> {
    let scratch = written(&real(path), write)?;
    scratch.replace()
}

/// The same at a path without links; answers the file, which stays locked. What was not there before is not replaced: `AlreadyExists`.
fn write_file(path: &Path, write: impl FnOnce(&File) -> std::io::Result<()>) -> Result<File> {
    let new = path.symlink_metadata().is_err();
    written(path, write)?.keep(new)
}

/// What `write` writes, durable, beside `path`, with the owner, the permissions and, as far as possible, the extended attributes of what is there.
fn written(path: &Path, write: impl FnOnce(&File) -> std::io::Result<()>) -> Result<Scratch> {
    let scratch = Scratch::file(path, "save")?;
    let io = |error| Error::from_io(error, "save");
    let file = scratch.open()?;
    if let Ok(old) = fs::metadata(path) {
        // Only root may give a file away. Before the permissions, of which this may take some.
        fchown(file, Some(old.uid()), Some(old.gid()))
            .or_else(|_| fchown(file, None, Some(old.gid())))
            .unwrap_or_default();
        file.set_permissions(old.permissions()).map_err(io)?;
        if old.is_file()
            && let Ok(old) = File::open(path)
        {
            copy_xattrs(&old, file);
        }
    }
    write(file).and_then(|()| file.sync_all()).map_err(io)?;
    Ok(scratch)
}

/// Does a saved filesystem begin like this?
pub(crate) fn is_saved(start: &[u8]) -> bool {
    is_sealed(start) || start.starts_with(section::MAGIC)
}

#[cfg(test)]
mod tests;
