//! The records of a saved file, taken as far as they are there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::ops::Range;
use std::sync::Arc;

use fs_core::maintenance::{Damage, DamageKind};
use fs_core::{Control, FileKind, Name, Result};

use super::super::super::bytes::CHUNK_BYTES;
use super::super::super::snapshots::SNAPSHOTS_MAX;
use super::super::record::{
    DATA, Fields, GONE, HEAD, HOLE, MORE, NAME, NO_TRASH, NO_XATTRS, NODE, NodeEntry, SAME,
    SNAPSHOT, TRASH, UNNAME, XATTR,
};
use super::super::section::{self, END, Tag};
use super::SavedFile;
use crate::catalog::damage;
use crate::salvage::found::{Found, FoundContent, Piece, gap};
use crate::salvage::{Moment, Read};
use crate::virtual_fs::{Inode, NodeRecord};

/// Where the bytes of a chunk lie in the file.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    length: usize,
}

/// What the records so far say.
#[derive(Default)]
pub(super) struct Loading {
    found: Found,
    /// Names, whose kinds are known when all nodes are.
    names: HashMap<Inode, BTreeMap<OsString, Inode>>,
    trash: BTreeMap<u64, (Inode, OsString)>,
    chunks: HashMap<u64, BTreeMap<u64, Place>>,
    /// In the order they were written.
    told: Vec<Place>,
    /// Names of the snapshots so far, in order.
    snapshots: Vec<OsString>,
    /// Which of them is wanted, and not what comes after it.
    until: Option<usize>,
    /// The file tells of several moments, each by what it changes.
    has_moments: bool,
    /// Something of the file so far is lost.
    is_lossy: bool,
}

impl Loading {
    /// Of a file that `has_moments`, up to the end of the snapshot `until`, counted from 0, or all.
    pub(super) fn new(has_moments: bool, until: Option<usize>) -> Self {
        Self {
            has_moments,
            until,
            ..Self::default()
        }
    }

    /// Something that stood here is lost.
    pub(super) fn lose(&mut self) {
        self.is_lossy = true;
    }

    /// Names of the snapshots so far, in order.
    pub(super) fn snapshots(&self) -> &[OsString] {
        &self.snapshots
    }

    /// Was everything of the wanted moment told?
    pub(super) fn is_there(&self) -> bool {
        self.until.is_some_and(|until| self.snapshots.len() > until)
    }

    /// Takes the records of a section.
    pub(super) fn section(
        &mut self,
        bytes: &[u8],
        tag: Tag,
        payload: Range<usize>,
        damages: &mut Vec<Damage>,
    ) {
        let Some(section) = bytes.get(payload.clone()) else {
            return;
        };
        let mut fields = Fields(section);
        while !fields.is_empty() && tag != END && !self.is_there() {
            let here = |fields: &Fields<'_>| payload.end - fields.0.len();
            if self.record(tag, &mut fields, &here).is_err() {
                self.is_lossy = true;
                let detail = format!(
                    "a record at byte {} of the file is impossible",
                    here(&fields)
                );
                damages.push(damage(DamageKind::Record, detail));
                return;
            }
        }
    }

    fn record(
        &mut self,
        tag: Tag,
        fields: &mut Fields<'_>,
        here: &dyn Fn(&Fields<'_>) -> usize,
    ) -> Result<()> {
        let impossible = || section::damaged("impossible record");
        match tag {
            HEAD => drop(fields.number()?),
            MORE => drop((fields.number()?, fields.number()?)),
            NODE => self.node(fields.node()?)?,
            GONE => {
                let ino = fields.number()?;
                self.found.nodes.remove(&ino);
                self.found.xattrs.remove(&ino);
                self.names.remove(&ino);
            }
            NAME => {
                let (dir, ino) = (fields.number()?, fields.number()?);
                let name = Name::new(fields.os_str()?).map_err(|_| impossible())?;
                let names = self.names.entry(dir).or_default();
                names.insert(name.as_os_str().to_owned(), ino);
            }
            UNNAME => {
                let (dir, name) = (fields.number()?, fields.os_str()?);
                if let Some(names) = self.names.get_mut(&dir) {
                    names.remove(name);
                }
            }
            XATTR => {
                let ino = fields.number()?;
                let (name, value) = (fields.os_str()?.to_owned(), fields.text()?.to_vec());
                let attrs = self.found.xattrs.entry(ino).or_default();
                attrs.retain(|(known, _)| *known != name);
                attrs.push((name, value));
            }
            NO_XATTRS => drop(self.found.xattrs.remove(&fields.number()?)),
            TRASH => {
                let (id, ino, _) = (fields.number()?, fields.number()?, fields.time()?);
                self.trash.insert(id, (ino, fields.os_str()?.to_owned()));
            }
            NO_TRASH => drop(self.trash.remove(&fields.number()?)),
            DATA => {
                let (content, index) = (fields.number()?, fields.number()?);
                let data = fields.text()?;
                let place = Place {
                    start: here(fields) - data.len(),
                    length: data.len(),
                };
                self.told.push(place);
                self.chunk(content, index, Some(place))?;
            }
            SAME => {
                let (content, index) = (fields.number()?, fields.number()?);
                let number = usize::try_from(fields.number()?).unwrap_or(usize::MAX);
                // Counted from the start of the file: after a loss the count is another.
                let place = self.told.get(number).copied();
                self.chunk(content, index, place.filter(|_| !self.is_lossy))?;
            }
            HOLE => {
                let (content, index) = (fields.number()?, fields.number()?);
                self.chunk(content, index, None)?;
            }
            SNAPSHOT => {
                let _id_and_time = (fields.number()?, fields.time()?);
                let name = fields.os_str()?.to_owned();
                if self.snapshots.len() >= SNAPSHOTS_MAX {
                    return Err(impossible());
                }
                self.snapshots.push(name);
            }
            _ => return Err(impossible()),
        }
        Ok(())
    }

    fn node(&mut self, entry: NodeEntry) -> Result<()> {
        let is_link = entry.kind == FileKind::Symlink;
        if entry.mode > 0o7777 || is_link != entry.target.is_some() {
            return Err(section::damaged("impossible node"));
        }
        let [mtime, ctime, atime, btime] = entry.times;
        let record = NodeRecord {
            kind: entry.kind,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            nlink: 0,
            size: entry.size,
            allocated: 0,
            rdev: entry.rdev,
            mtime,
            ctime,
            atime,
            btime,
            content: entry.content,
            target: entry.target,
            parent: 0,
        };
        self.found.nodes.insert(entry.ino, record);
        Ok(())
    }

    fn chunk(&mut self, content: u64, index: u64, place: Option<Place>) -> Result<()> {
        if index > i64::MAX as u64 / CHUNK_BYTES as u64 {
            return Err(section::damaged("impossible chunk"));
        }
        let chunks = self.chunks.entry(content).or_default();
        match place {
            Some(place) => drop(chunks.insert(index, place)),
            None => drop(chunks.remove(&index)),
        }
        Ok(())
    }

    /// All that was told, with a way to its bytes and to the other moments.
    pub(super) fn finish(
        mut self,
        file: Arc<SavedFile>,
        moments: Vec<Moment>,
        damages: Vec<Damage>,
    ) -> Read {
        for (dir, names) in std::mem::take(&mut self.names) {
            let nodes = &self.found.nodes;
            // Of a node that is gone only its names can tell whether it was a folder.
            let kind = |ino: &Inode| nodes.get(ino).map_or(FileKind::File, |node| node.kind);
            let names = names
                .into_iter()
                .map(|(name, ino)| (name, (ino, kind(&ino))))
                .collect();
            self.found.names.insert(dir, names);
        }
        let folders: HashSet<Inode> = self.found.names.keys().copied().collect();
        for names in self.found.names.values_mut() {
            for (ino, kind) in names.values_mut() {
                if folders.contains(ino) {
                    *kind = FileKind::Directory;
                }
            }
        }
        self.found.trash = self.trash.into_values().collect();
        if self.is_lossy && self.has_moments {
            // What is lost may have changed anything that was told before.
            self.found.doubtful = self.found.nodes.keys().copied().collect();
        }
        Read {
            found: self.found,
            damages,
            moments,
            content: Box::new(Chunks {
                file,
                chunks: self.chunks,
                is_lossy: self.is_lossy,
            }),
        }
    }
}

struct Chunks {
    file: Arc<SavedFile>,
    chunks: HashMap<u64, BTreeMap<u64, Place>>,
    is_lossy: bool,
}

impl FoundContent for Chunks {
    fn pieces(
        &self,
        _ino: Inode,
        node: &NodeRecord,
        control: &Control,
        each: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        if node.content.is_empty() {
            return Ok(());
        }
        let mut end = 0;
        // Where something is lost nobody knows whether what is not there was zeros.
        let is_zeros = !self.is_lossy;
        for (index, place) in self.chunks.get(&node.content.0).into_iter().flatten() {
            control.check()?;
            let start = index * CHUNK_BYTES as u64;
            if start >= node.size {
                break;
            }
            gap((end, start), is_zeros, each)?;
            end = (start + CHUNK_BYTES as u64).min(node.size);
            let length = (place.length as u64).min(end - start) as usize;
            let bytes = self.file.bytes.get(place.start..place.start + length);
            each(Piece::Bytes(start, bytes.unwrap_or_default()))?;
        }
        gap((end, node.size), is_zeros, each)
    }
}
