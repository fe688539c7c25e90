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

mod decode;
mod encode;
mod record;
mod section;

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use fs_core::{Error, ErrorKind, Result};

use super::MemoryBackend;
use super::store::MemoryStore;

/// Buffer between us and the file.
const BUFFER_BYTES: usize = 256 * 1024;

impl MemoryBackend {
    /// Saves everything that has a name (and the trash) as it is now. The file at `path` is the old or the new one at any moment, also after
    /// a power cut.
    pub fn save_to(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        // The snapshot leaves out what is staged or unlinked, and lets others go on writing meanwhile.
        let image = self.store().image();
        let generation = image.nodes.generation;
        let snapshot = Self::build(MemoryStore::from_image(image, None));
        let image = snapshot.store().image();
        replace_file(path, |file| {
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
            encode::write(&image, &mut out)?;
            out.flush()
        })
        .map_err(|error| Error::from_io(error, "save").or_path(path))?;
        self.store().set_saved(generation);
        Ok(())
    }

    /// Loads what [`save_to`](Self::save_to) wrote. Errors: `UnknownFormat` (something else), `NewerFormat`, `Corrupted`.
    pub fn load_from(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let told = |error: Error| error.with_operation("load").or_path(path);
        let io = |error| told(Error::from_io(error, "load"));
        // Opening a fifo would wait for ever.
        if !fs::metadata(path).map_err(io)?.is_file() {
            return Err(told(Error::new(ErrorKind::UnknownFormat, "load")));
        }
        let file = File::open(path).map_err(io)?;
        let mut from = BufReader::with_capacity(BUFFER_BYTES, file);
        let image = decode::read(&mut from).map_err(told)?;
        Self::over(MemoryStore::from_image(image, None))
    }
}

/// Writes a new file through `write`, makes it durable, and only then puts it in the place of `path`; links are followed.
fn replace_file(
    path: &Path,
    write: impl FnOnce(&File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let temporary = dir.join(format!(".{}.tmp", uuid::Uuid::new_v4()));
    let file = File::options()
        .write(true)
        .create_new(true)
        .open(&temporary)?;
    let written = (|| {
        if let Ok(old) = fs::metadata(&path) {
            file.set_permissions(old.permissions())?;
        }
        write(&file)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    })();
    if let Err(error) = written {
        // The first error is the one to tell.
        fs::remove_file(&temporary).ok();
        return Err(error);
    }
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
