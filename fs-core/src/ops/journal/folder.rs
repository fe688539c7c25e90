//! Journals in a folder of the host: a file each, `<id>.journal`, locked while its operation runs.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{Entry, Home, KEEP, KEEP_BYTES, State, text};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::operation::EntryId;

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let made = builder.create(path);
        made.map_err(|e| Error::from_io(e, "open journal").with_path(path))?;
        Ok(Self(path.to_owned()))
    }

    fn path(&self, id: EntryId) -> PathBuf {
        self.0.join(format!("{}.journal", id.0))
    }

    /// A new file under the first id that no other program has.
    pub(super) fn create(&self, mut fresh: impl FnMut() -> EntryId) -> Result<(EntryId, File)> {
        loop {
            let id = fresh();
            let path = self.path(id);
            match File::options().append(true).create_new(true).open(&path) {
                Ok(file) => return Ok((id, self.lock(file, &path)?)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::from_io(e, "write journal").with_path(&path)),
            }
        }
    }

    /// The file of an entry; `None`: it was dropped.
    pub(super) fn reopen(&self, id: EntryId) -> Result<Option<File>> {
        let path = self.path(id);
        let fail = |e| Error::from_io(e, "open journal").with_path(&path);
        let file = match File::options().read(true).append(true).open(&path) {
            Ok(file) => self.lock(file, &path)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(fail(e)),
        };
        cut_torn(&file).map_err(fail)?;
        Ok(Some(file))
    }

    fn lock(&self, file: File, path: &Path) -> Result<File> {
        if file.try_lock().is_err() {
            return Err(Error::new(ErrorKind::Busy, "lock journal").with_path(path));
        }
        File::open(&self.0)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| Error::from_io(e, "write journal").with_path(path))?;
        Ok(file)
    }

    pub(super) fn forget(&self, id: EntryId) {
        // An entry that stays is offered again: harmless.
        let _ = fs::remove_file(self.path(id));
    }

    /// All entries that no running program works on, oldest first, without the oldest finished ones beyond a limit.
    pub(super) fn read(&self) -> Result<Vec<Entry>> {
        let fail = |e| Error::from_io(e, "read journal").with_path(&self.0);
        let mut entries = Vec::new();
        for found in fs::read_dir(&self.0).map_err(fail)? {
            let path = found.map_err(fail)?.path();
            let id = path
                .file_stem()
                .and_then(|stem| stem.to_str()?.parse().ok())
                .filter(|_| path.extension().is_some_and(|e| e == "journal"));
            let Some(id) = id else { continue };
            if let Some(entry) = read_entry(&path, EntryId(id)).map_err(fail)? {
                entries.push(entry);
            }
        }
        entries.sort_by_key(|entry| entry.id);
        let surplus = entries.len().saturating_sub(KEEP);
        let mut index = 0;
        entries.retain(|entry| {
            index += 1;
            let keep = index > surplus || entry.state == State::Interrupted;
            if !keep {
                self.forget(entry.id);
            }
            keep
        });
        Ok(entries)
    }
}

/// `None`: another program is working on it, or nothing readable is in it (its operation had not begun).
fn read_entry(path: &Path, id: EntryId) -> io::Result<Option<Entry>> {
    let file = File::open(path)?;
    if file.try_lock().is_err() {
        return Ok(None);
    }
    if file.metadata()?.len() > KEEP_BYTES && has_ended(&file)? {
        return fs::remove_file(path).map(|()| None);
    }
    Ok(text::entry(id, Home::Folder, &fs::read(path)?))
}

/// Cuts off what can't be read: with what is written from now on behind it, that would never be read either.
fn cut_torn(mut file: &File) -> io::Result<()> {
    use io::Read as _;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let readable = text::readable_len(&text);
    if readable < text.len() {
        file.set_len(readable as u64)?;
    }
    Ok(())
}

/// Is its last record one of an end?
fn has_ended(mut file: &File) -> io::Result<bool> {
    use io::{Read as _, Seek as _};
    let mut tail = Vec::new();
    file.seek(io::SeekFrom::End(-16))?;
    file.read_to_end(&mut tail)?;
    Ok(tail.ends_with(b"\nEnd\n") || tail.ends_with(b"Undone([])\n"))
}
