//! All names of a filesystem in one run of bytes: finding one among a million is one pass over memory.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
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
/// No folder has this number.
const GONE: Inode = 0;
/// Entries between two looks at whether to stop.
const CHECK_EVERY: usize = 4096;

/// More names than this are not brought up to date one by one: reading all is cheaper.
const CHANGES_MAX: usize = 1024;

/// The names of one moment.
#[derive(Clone, Default)]
pub(super) struct NameIndex {
    names: Vec<u8>,
    entries: Vec<Entry>,
    /// The entry of each directory that has one.
    directories: HashMap<Inode, usize>,
    /// Entries that are gone.
    gone: usize,
}

#[derive(Clone)]
struct Entry {
    /// Where [`END`] stands behind its name.
    end: usize,
    /// [`GONE`] when there is no such name any more.
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

    /// Brings it to the moment that is read, where `changed` are the names that changed, and any names of `folders`. `false`: it is not worth it.
    fn refresh(
        &mut self,
        read: &dyn NodeRead,
        changed: &BTreeSet<(Inode, OsString)>,
        folders: &BTreeSet<Inode>,
    ) -> Result<bool> {
        if changed.len() > CHANGES_MAX {
            return Ok(false);
        }
        let mut parents: Vec<Inode> = changed.iter().map(|(parent, _)| *parent).collect();
        parents.extend(folders);
        parents.sort_unstable();
        parents.dedup();
        for index in 0..self.entries.len() {
            let parent = self.entries.get(index).map_or(GONE, |entry| entry.parent);
            if parents.binary_search(&parent).is_err() {
                continue;
            }
            let name = self.name(index).unwrap_or_default().to_owned();
            if folders.contains(&parent) || changed.contains(&(parent, name)) {
                self.forget(index);
            }
        }
        for folder in folders {
            read.entries(*folder, None, usize::MAX, false, &mut |row| {
                self.add(*folder, &row);
            })?;
        }
        let others = changed.iter().filter(|(dir, _)| !folders.contains(dir));
        for (parent, name) in others {
            if let Some((ino, record)) = read.find(*parent, name)? {
                let row = EntryRow {
                    name,
                    ino,
                    kind: record.kind,
                    node: None,
                };
                self.add(*parent, &row);
            }
        }
        Ok(self.gone <= self.entries.len() / 2)
    }

    fn forget(&mut self, index: usize) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.parent = GONE;
            self.gone += 1;
            let ino = entry.ino;
            if self.directories.get(&ino) == Some(&index) {
                self.directories.remove(&ino);
            }
        }
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
            if entry.parent == GONE || entry.ino == top || !(wanted.fits)(name, entry.kind) {
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
    /// The index of what `read` sees: the last one brought up to date, or made now.
    pub(super) fn of(&self, read: &dyn NodeRead, control: &Control) -> Result<Arc<NameIndex>> {
        let Some(now) = read.moment() else {
            return NameIndex::read(read, control).map(Arc::new);
        };
        let index = match self.take(now) {
            Some((moment, index)) if moment == now => return Ok(index),
            Some((moment, index)) => refreshed(read, moment, index)?,
            None => None,
        };
        let index = match index {
            Some(index) => index,
            None => {
                read.keep_changes();
                Arc::new(NameIndex::read(read, control)?)
            }
        };
        if index.size_bytes() <= BYTES_MAX {
            let mut last = self.0.lock();
            if last.as_ref().is_none_or(|(known, _)| *known < now) {
                *last = Some((now, Arc::clone(&index)));
            }
        }
        Ok(index)
    }

    /// The last one, when it is of `now`; an older one is taken out, so that it can be changed in place.
    fn take(&self, now: u64) -> Option<(u64, Arc<NameIndex>)> {
        let mut last = self.0.lock();
        match &*last {
            Some((moment, _)) if *moment < now => last.take(),
            Some((moment, index)) if *moment == now => Some((now, Arc::clone(index))),
            _ => None,
        }
    }

    /// Forgets it.
    pub(super) fn clear(&self) {
        *self.0.lock() = None;
    }
}

/// The index of `moment` brought to the moment that is read; `None`: it is to be made anew.
fn refreshed(
    read: &dyn NodeRead,
    moment: u64,
    mut index: Arc<NameIndex>,
) -> Result<Option<Arc<NameIndex>>> {
    let (mut names, mut folders) = (BTreeSet::new(), BTreeSet::new());
    let known = read.changes_since(moment, &mut |changes| {
        names.extend(changes.names.iter().cloned());
        folders.extend(&changes.folders);
    });
    if !known {
        return Ok(None);
    }
    let changed = !(names.is_empty() && folders.is_empty());
    if changed && !Arc::make_mut(&mut index).refresh(read, &names, &folders)? {
        return Ok(None);
    }
    Ok(Some(index))
}
