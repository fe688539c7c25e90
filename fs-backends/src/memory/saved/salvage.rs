//! What is left of a damaged saved file: every section whose checksum is right, wherever it lies.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use fs_core::maintenance::{Damage, DamageKind};
use fs_core::{Control, Error, ErrorKind, FileKind, Name, Result};

use super::super::bytes::CHUNK_BYTES;
use super::record::{
    DATA, Fields, GONE, HEAD, HOLE, MORE, NAME, NO_TRASH, NO_XATTRS, NODE, NodeEntry, SAME,
    SNAPSHOT, TRASH, UNNAME, XATTR,
};
use super::sealed::{is_sealed, unseal};
use super::section::{END, MAGIC, Tag, section_at};
use crate::catalog::damage;
use crate::salvage::found::{Found, FoundContent, Piece};
use crate::salvage::{Moment, Read};
use crate::virtual_fs::{Inode, NodeRecord};

const TAGS: [Tag; 15] = [
    HEAD, MORE, NODE, GONE, NAME, UNNAME, XATTR, NO_XATTRS, TRASH, NO_TRASH, DATA, SAME, HOLE,
    SNAPSHOT, END,
];

/// Reads what there is of the saved file at `path`. Errors: those of the host, `PasswordNeeded`, `WrongPassword`, `UnknownFormat` (no section is whole).
pub(crate) fn read(path: &Path, password: Option<&str>, control: &Control) -> Result<Read> {
    let io = |error| Error::from_io(error, "salvage").with_path(path);
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(Error::new(ErrorKind::UnknownFormat, "salvage").with_path(path));
    }
    let bytes = fs::read(path).map_err(io)?;
    let mut damages = Vec::new();
    let bytes = match is_sealed(&bytes) || password.is_some() {
        true => {
            let told = |error: Error| error.with_operation("salvage").or_path(path);
            unseal(&bytes, password, &mut |record| {
                let detail = format!("record {record} of the file is not what was written");
                damages.push(damage(DamageKind::Page, detail));
            })
            .map_err(told)?
        }
        false => bytes,
    };
    let file = SavedFile::parse(bytes, control, &mut damages)?;
    if file.is_empty() {
        return Err(Error::new(ErrorKind::UnknownFormat, "salvage").with_path(path));
    }
    Ok(Arc::new(file).present(control, damages))
}

/// What stands in the file, in order.
enum Step {
    /// A section whose checksum is right.
    Section(Tag, Range<usize>),
    /// Something that is not what was written, or the end that is missing.
    Loss,
}

struct SavedFile {
    bytes: Vec<u8>,
    steps: Vec<Step>,
}

impl SavedFile {
    fn parse(bytes: Vec<u8>, control: &Control, damages: &mut Vec<Damage>) -> Result<Self> {
        let mut steps = Vec::new();
        let mut at = MAGIC.len() + 4;
        let mut ended = false;
        if !bytes.starts_with(MAGIC) {
            let detail = "the file does not begin as a saved filesystem does";
            damages.push(damage(DamageKind::Database, detail));
        }
        while at < bytes.len() && !ended {
            control.check()?;
            let start = at;
            let Some((tag, payload)) = section_at(&bytes, at) else {
                at = next_section(&bytes, at + 1);
                steps.push(Step::Loss);
                let detail = format!("bytes {start} to {at} of the file are not what was written");
                damages.push(damage(DamageKind::Page, detail));
                continue;
            };
            at = payload.end;
            ended = tag == END;
            steps.push(Step::Section(tag, payload));
        }
        if !ended {
            steps.push(Step::Loss);
            let detail = "the end of the file is missing";
            damages.push(damage(DamageKind::Database, detail));
        }
        Ok(Self { bytes, steps })
    }

    /// Is no section of it left?
    fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Loss))
    }

    /// The last moment it tells of, with a way to the others.
    fn present(self: Arc<Self>, control: &Control, mut damages: Vec<Damage>) -> Read {
        let loading = self.load(None, control, &mut damages);
        let moments = loading.snapshots.iter().enumerate();
        let moments = moments.map(|(number, name)| {
            let file = Arc::clone(&self);
            let read = move |control: &Control| {
                // What is wrong with the file was told.
                let mut told = Vec::new();
                let loading = file.load(Some(number), control, &mut told);
                loading.finish(Arc::clone(&file), Vec::new(), told)
            };
            Moment {
                name: name.clone(),
                read: Box::new(read),
            }
        });
        let moments = moments.collect();
        loading.finish(self, moments, damages)
    }

    /// Takes all records, or those before the end of a snapshot, counted from 0.
    fn load(&self, until: Option<usize>, control: &Control, damages: &mut Vec<Damage>) -> Loading {
        let mut loading = Loading {
            has_moments: self
                .steps
                .iter()
                .any(|step| matches!(step, Step::Section(SNAPSHOT, _))),
            until,
            ..Loading::default()
        };
        for step in &self.steps {
            match step {
                Step::Section(tag, payload) => {
                    control.add_bytes(payload.len() as u64);
                    loading.section(&self.bytes, *tag, payload.clone(), damages);
                }
                Step::Loss => loading.is_lossy = true,
            }
            if loading.is_there() {
                break;
            }
        }
        loading
    }
}

/// Where the next section lies whose checksum is right.
fn next_section(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    // Only where a tag is there can be a section.
    while at < bytes.len() {
        let here = bytes.get(at..at + 4).unwrap_or_default();
        if TAGS.iter().any(|tag| tag.as_slice() == here) && section_at(bytes, at).is_some() {
            break;
        }
        at += 1;
    }
    at.min(bytes.len())
}

/// Where the bytes of a chunk lie in the file.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    length: usize,
}

#[derive(Default)]
struct Loading {
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
    /// Was everything of the wanted moment told?
    fn is_there(&self) -> bool {
        self.until.is_some_and(|until| self.snapshots.len() > until)
    }

    /// Takes the records of a section.
    fn section(
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
        let impossible = || super::section::damaged("impossible record");
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
                self.snapshots.push(fields.os_str()?.to_owned());
            }
            _ => return Err(impossible()),
        }
        Ok(())
    }

    fn node(&mut self, entry: NodeEntry) -> Result<()> {
        let is_link = entry.kind == FileKind::Symlink;
        if entry.mode > 0o7777 || is_link != entry.target.is_some() {
            return Err(super::section::damaged("impossible node"));
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
            return Err(super::section::damaged("impossible chunk"));
        }
        let chunks = self.chunks.entry(content).or_default();
        match place {
            Some(place) => drop(chunks.insert(index, place)),
            None => drop(chunks.remove(&index)),
        }
        Ok(())
    }

    fn finish(mut self, file: Arc<SavedFile>, moments: Vec<Moment>, damages: Vec<Damage>) -> Read {
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
        let gap = |from: u64, to: u64, each: &mut dyn FnMut(Piece<'_>) -> Result<()>| match from
            < to
            && self.is_lossy
        {
            true => each(Piece::Lost(from, to)),
            false => Ok(()),
        };
        for (index, place) in self.chunks.get(&node.content.0).into_iter().flatten() {
            control.check()?;
            let start = index * CHUNK_BYTES as u64;
            if start >= node.size {
                break;
            }
            gap(end, start, each)?;
            end = (start + CHUNK_BYTES as u64).min(node.size);
            let length = (place.length as u64).min(end - start) as usize;
            let bytes = self.file.bytes.get(place.start..place.start + length);
            each(Piece::Bytes(start, bytes.unwrap_or_default()))?;
        }
        gap(end, node.size, each)
    }
}
