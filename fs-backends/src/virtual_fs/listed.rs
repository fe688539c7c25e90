//! Folders as they were listed last, so that whoever shows, compares and walks a tree reads each of them once.
//!
//! A folder in which something changed since is not read anew: the names and nodes that changed are, and take their places among the rest.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::ops::Range;
use std::sync::Arc;

use fs_core::{EntryBatch, Metadata, Result};
use parking_lot::Mutex;

use super::handle::metadata;
use super::store::{Inode, NodeRead};

/// Most memory for all of them; then all are forgotten. A folder that needs more by itself is not remembered.
const BYTES_MAX: usize = 32 << 20;
/// With more changes than this and one in so many entries, the folder is read anew: in order, an entry costs less.
const CHANGES_MIN: usize = 64;
const ENTRIES_PER_CHANGE: usize = 8;

/// What was listed, each folder at a moment of its own.
#[derive(Default)]
pub(super) struct Listed(Mutex<Known>);

#[derive(Default)]
struct Known {
    bytes: usize,
    folders: HashMap<(Inode, bool), (u64, Arc<EntryBatch>)>,
}

impl Known {
    fn put(&mut self, folder: (Inode, bool), moment: u64, entries: Arc<EntryBatch>) {
        let bytes = entries.size_bytes();
        match self.folders.get(&folder) {
            // Who was slow does not bring an old moment back.
            Some((known, _)) if *known > moment => return,
            Some((_, old)) => self.bytes -= old.size_bytes(),
            None => {}
        }
        if self.bytes + bytes > BYTES_MAX {
            *self = Self::default();
        }
        self.bytes += bytes;
        self.folders.insert(folder, (moment, entries));
    }
}

impl Listed {
    /// All entries of `dir` at the moment that is read, with or without metadata, if they are known.
    pub(super) fn get(
        &self,
        read: &dyn NodeRead,
        (fs, dir, with_metadata): (u64, Inode, bool),
    ) -> Result<Option<Arc<EntryBatch>>> {
        let folder = (dir, with_metadata);
        let known = self.0.lock().folders.get(&folder).cloned();
        let (Some(now), Some((moment, entries))) = (read.moment(), known) else {
            return Ok(None);
        };
        if moment >= now {
            return Ok((moment == now).then_some(entries));
        }
        let Some(changed) = Changed::since(read, moment, folder, &entries) else {
            return Ok(None);
        };
        let entries = match changed.is_empty() {
            true => entries,
            false => Arc::new(changed.apply(read, fs, folder, &entries)?),
        };
        self.0.lock().put(folder, now, Arc::clone(&entries));
        Ok(Some(entries))
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.0.lock() = Known::default();
    }
}

/// What of a folder is to be read again.
struct Changed {
    names: BTreeSet<OsString>,
    nodes: HashSet<Inode>,
}

impl Changed {
    /// What changed of `entries` since `moment`; `None`: not known, or too much.
    fn since(
        read: &dyn NodeRead,
        moment: u64,
        (dir, with_metadata): (Inode, bool),
        entries: &EntryBatch,
    ) -> Option<Self> {
        let (mut names, mut nodes, mut anew) = (BTreeSet::new(), HashSet::new(), false);
        let known = read.changes_since(moment, &mut |changes| {
            anew |= changes.folders.contains(&dir);
            let here = changes.names.iter().filter(|(folder, _)| *folder == dir);
            names.extend(here.map(|(_, name)| name.clone()));
            if with_metadata {
                nodes.extend(&changes.nodes);
            }
        });
        if !nodes.is_empty() {
            nodes = among(&nodes, entries.inos());
        }
        let most = CHANGES_MIN.max(entries.len() / ENTRIES_PER_CHANGE);
        (known && !anew && names.len() + nodes.len() <= most).then_some(Self { names, nodes })
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.nodes.is_empty()
    }

    /// `entries` as they are now.
    fn apply(
        self,
        read: &dyn NodeRead,
        fs: u64,
        (dir, with_metadata): (Inode, bool),
        entries: &EntryBatch,
    ) -> Result<EntryBatch> {
        let mut now = EntryBatch::new();
        let mut taken = 0;
        for name in &self.names {
            let at = entries.first_not_before(name, taken);
            now.extend_from(entries, taken..at);
            let was_there = entries.get(at).is_some_and(|entry| entry.name == *name);
            taken = at + usize::from(was_there);
            if let Some((ino, record)) = read.find(dir, name)? {
                let metadata = with_metadata.then(|| metadata(fs, ino, &record));
                now.push(name, record.kind, ino, metadata);
            }
        }
        now.extend_from(entries, taken..entries.len());
        let mut nodes: HashMap<Inode, Metadata> = HashMap::new();
        for ino in self.nodes {
            // One that is gone has no name here any more.
            if let Some(record) = read.node(ino)? {
                nodes.insert(ino, metadata(fs, ino, &record));
            }
        }
        if !nodes.is_empty() {
            now.change_from(0, |ino, metadata| {
                if let (Some(metadata), Some(now)) = (metadata, nodes.get(ino)) {
                    *metadata = *now;
                }
            });
        }
        now.shrink_to_fit();
        Ok(now)
    }
}

/// Those of `inos` that are in `nodes`. Few are, as a rule: the low bits of a number tell that of nearly all others without a search.
fn among(nodes: &HashSet<Inode>, inos: &[Inode]) -> HashSet<Inode> {
    const BITS: u64 = 1 << 16;
    let mut low_bits = vec![0u64; (BITS / 64) as usize];
    let place = |ino: Inode| (((ino % BITS) / 64) as usize, 1 << (ino % 64));
    for ino in nodes {
        let (word, bit) = place(*ino);
        if let Some(word) = low_bits.get_mut(word) {
            *word |= bit;
        }
    }
    let may_be = |ino: &Inode| {
        let (word, bit) = place(*ino);
        low_bits.get(word).is_some_and(|word| word & bit != 0)
    };
    let inos = inos.iter().copied();
    inos.filter(|ino| may_be(ino) && nodes.contains(ino))
        .collect()
}

/// A listing that is being remembered.
pub(super) struct Recording {
    moment: u64,
    entries: EntryBatch,
}

impl Recording {
    /// Of the moment that is read; `None` where moments are not known.
    pub(super) fn new(read: &dyn NodeRead) -> Option<Self> {
        let moment = read.moment()?;
        read.keep_changes();
        Some(Self {
            moment,
            entries: EntryBatch::new(),
        })
    }

    /// Adds what was listed at `moment`; `None` when it does not belong to the rest, or is too much.
    pub(super) fn with(
        mut self,
        moment: Option<u64>,
        listed: &EntryBatch,
        range: Range<usize>,
    ) -> Option<Self> {
        self.entries.extend_from(listed, range);
        (moment == Some(self.moment) && self.entries.size_bytes() <= BYTES_MAX).then_some(self)
    }

    /// It was the whole of `dir`.
    pub(super) fn finish(mut self, into: &Listed, dir: Inode, metadata: bool) {
        self.entries.shrink_to_fit();
        let folder = (dir, metadata);
        into.0
            .lock()
            .put(folder, self.moment, Arc::new(self.entries));
    }
}

#[cfg(test)]
mod tests;
