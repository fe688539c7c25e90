//! All names of a filesystem in one run of bytes: finding one among a million is one pass over memory.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use fs_core::extensions::Wanted;
use fs_core::{Control, Error, ErrorKind, FileKind, Name, Result, VPath};
use memchr::memmem;
use parking_lot::Mutex;

use super::store::{EntryRow, Inode, NodeRead};

/// Ends a name; none has it in it.
const END: u8 = b'/';
/// An index that takes more than this is made for one search and then forgotten.
const BYTES_MAX: usize = 64 << 20;
/// Entries between two looks at whether to stop.
const CHECK_EVERY: usize = 4096;

/// The names of one moment.
#[derive(Default)]
pub(super) struct NameIndex {
    names: Vec<u8>,
    entries: Vec<Entry>,
    /// The entry of each directory that has one.
    directories: HashMap<Inode, usize>,
}

struct Entry {
    /// Where [`END`] stands behind its name.
    end: usize,
    parent: Inode,
    ino: Inode,
    kind: FileKind,
}

impl NameIndex {
    /// Reads all names. `Cancelled`.
    pub(super) fn read(read: &dyn NodeRead, control: &Control) -> Result<Self> {
        let mut index = Self::default();
        read.every_entry(&mut |parent, row| {
            if index.entries.len().is_multiple_of(CHECK_EVERY) {
                control.check()?;
            }
            index.add(parent, &row);
            Ok(())
        })?;
        Ok(index)
    }

    fn add(&mut self, parent: Inode, row: &EntryRow<'_>) {
        self.names.extend_from_slice(row.name.as_bytes());
        if row.kind == FileKind::Directory {
            self.directories.insert(row.ino, self.entries.len());
        }
        self.entries.push(Entry {
            end: self.names.len(),
            parent,
            ino: row.ino,
            kind: row.kind,
        });
        self.names.push(END);
    }

    fn size_bytes(&self) -> usize {
        self.names.capacity()
            + self.entries.capacity() * size_of::<Entry>()
            + self.directories.capacity() * size_of::<(Inode, usize)>()
    }

    fn name(&self, index: usize) -> Option<&OsStr> {
        let before = index.checked_sub(1).and_then(|it| self.entries.get(it));
        let start = before.map_or(0, |entry| entry.end + 1);
        let name = self.names.get(start..self.entries.get(index)?.end)?;
        Some(OsStr::from_bytes(name))
    }

    /// Calls `found` with everything below the directory `top`, whose path is `path`, that fits.
    pub(super) fn search(
        &self,
        (top, path): (Inode, &VPath),
        wanted: &Wanted<'_>,
        control: &Control,
        found: &mut dyn FnMut(VPath, FileKind) -> Result<()>,
    ) -> Result<()> {
        let mut paths = HashMap::from([(top, Some(path.clone()))]);
        let mut give = |index: usize| {
            if index.is_multiple_of(CHECK_EVERY) {
                control.check()?;
            }
            let (Some(entry), Some(name)) = (self.entries.get(index), self.name(index)) else {
                return Ok(());
            };
            if entry.ino == top || !(wanted.fits)(name, entry.kind) {
                return Ok(());
            }
            match self.path_of(entry.parent, &mut paths)? {
                Some(parent) => found(parent.join(&Name::new(name)?), entry.kind),
                None => Ok(()),
            }
        };
        if wanted.contains.is_empty() {
            return (0..self.entries.len()).try_for_each(give);
        }
        control.check()?;
        let finder = memmem::Finder::new(wanted.contains);
        let mut at = 0;
        while let Some(hit) = finder.find(self.names.get(at..).unwrap_or_default()) {
            let index = self.entries.partition_point(|entry| entry.end < at + hit);
            give(index)?;
            // Once for each name.
            at = self
                .entries
                .get(index)
                .map_or(self.names.len(), |it| it.end + 1);
        }
        Ok(())
    }

    /// The path of a directory; `None` when it is not below the one the search began in. `Corrupted`: directories that hold each other.
    fn path_of(
        &self,
        directory: Inode,
        known: &mut HashMap<Inode, Option<VPath>>,
    ) -> Result<Option<VPath>> {
        let (mut at, mut above) = (directory, Vec::new());
        let mut path = loop {
            if let Some(path) = known.get(&at) {
                break path.clone();
            }
            let entry = self.directories.get(&at);
            let Some((&index, entry)) = entry.and_then(|it| Some((it, self.entries.get(*it)?)))
            else {
                break None;
            };
            above.push((at, index));
            if above.len() > self.directories.len() {
                return Err(Error::new(ErrorKind::Corrupted, "search")
                    .with_detail("folders that hold each other"));
            }
            at = entry.parent;
        };
        known.entry(at).or_insert_with(|| path.clone());
        for (ino, index) in above.into_iter().rev() {
            path = match (path, self.name(index)) {
                (Some(path), Some(name)) => Some(path.join(&Name::new(name)?)),
                _ => None,
            };
            known.insert(ino, path.clone());
        }
        Ok(path)
    }
}

/// The index that was made last.
#[derive(Default)]
pub(super) struct LastIndex(Mutex<Option<(u64, Arc<NameIndex>)>>);

impl LastIndex {
    /// The index of what `read` sees, made now when it is another one.
    pub(super) fn of(&self, read: &dyn NodeRead, control: &Control) -> Result<Arc<NameIndex>> {
        let moment = read.moment();
        if let (Some(moment), Some((known, index))) = (moment, &*self.0.lock())
            && *known == moment
        {
            return Ok(Arc::clone(index));
        }
        let index = Arc::new(NameIndex::read(read, control)?);
        if let Some(moment) = moment.filter(|_| index.size_bytes() <= BYTES_MAX) {
            *self.0.lock() = Some((moment, Arc::clone(&index)));
        }
        Ok(index)
    }

    /// Forgets it.
    pub(super) fn clear(&self) {
        *self.0.lock() = None;
    }
}
