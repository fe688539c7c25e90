//! From a memory filesystem and its snapshots to the bytes of its saved file.
//!
//! The oldest moment is told whole, each later one by what it has other than the one before, the present last. A chunk is written once, however many
//! files and moments share it.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;

use fs_core::Time;
use fs_core::snapshots::Snapshot;
use imbl::ordmap::DiffItem;

use super::super::bytes::{Bytes, Chunk};
use super::super::content::Contents;
use super::super::entry_name::EntryName;
use super::super::nodes::{Entries, MemoryNode, Nodes};
use super::super::store::Image;
use super::record::{
    DATA, GONE, HEAD, HOLE, MORE, NAME, NO_TRASH, NO_XATTRS, NODE, NodeEntry, Put as _, SAME,
    SNAPSHOT, TRASH, UNNAME, XATTR,
};
use super::section::{MOMENTS, ONE_MOMENT, Writer};
use crate::virtual_fs::{ContentId, Inode, TrashRecord};

/// All that is saved.
pub(in super::super) struct Saved {
    /// The filesystem as it is, without what has no name.
    pub(in super::super) now: Image,
    /// Its snapshots, oldest first.
    pub(in super::super) snapshots: Vec<(Snapshot, Image)>,
    /// The largest number a snapshot ever had.
    pub(in super::super) last_snapshot: u64,
    /// What its content may take.
    pub(in super::super) limit_bytes: Option<u64>,
}

/// Writes everything.
pub(super) fn write(saved: &Saved, out: impl Write) -> std::io::Result<()> {
    let plain = saved.last_snapshot == 0 && saved.limit_bytes.is_none();
    let version = if plain { ONE_MOMENT } else { MOMENTS };
    let mut encoder = Encoder {
        out: Writer::new(out, version)?,
        chunks: HashMap::new(),
    };
    encoder.out.record(HEAD)?.number(saved.now.next_ino);
    if !plain {
        let out = encoder.out.record(MORE)?;
        out.number(saved.last_snapshot);
        out.number(saved.limit_bytes.unwrap_or(u64::MAX));
    }
    let nothing = Image {
        nodes: Nodes::new(Time::default()),
        contents: Contents::default(),
        next_ino: 0,
    };
    let mut before = None;
    for (snapshot, image) in &saved.snapshots {
        encoder.moment(before.unwrap_or(&nothing), image, before.is_none())?;
        let out = encoder.out.record(SNAPSHOT)?;
        out.number(snapshot.id.0);
        out.time(snapshot.taken);
        out.text(snapshot.name.as_bytes());
        before = Some(image);
    }
    encoder.moment(before.unwrap_or(&nothing), &saved.now, before.is_none())?;
    encoder.out.finish()
}

struct Encoder<W> {
    out: Writer<W>,
    /// The numbers of the chunks written so far, by where they lie in memory.
    chunks: HashMap<usize, u64>,
}

impl<W: Write> Encoder<W> {
    /// What `new` has other than `old`; of the `first` moment all, the root too.
    fn moment(&mut self, old: &Image, new: &Image, first: bool) -> std::io::Result<()> {
        let changed = || old.nodes.nodes.diff(&new.nodes.nodes);
        let none = Entries::new();
        for (ino, _, _) in changed().filter(|(_, _, new)| new.is_none()) {
            self.out.record(GONE)?.number(ino);
        }
        for (ino, old, new) in changed() {
            let Some(new) = new else { continue };
            if first || old.is_none_or(|old| old.record != new.record) {
                self.out.record(NODE)?.node(&entry(ino, new));
            }
        }
        for (dir, old, new) in changed() {
            let (Some(old), Some(new)) = (old, new) else {
                continue;
            };
            for item in old.entries.diff(&new.entries) {
                if let DiffItem::Remove(name, _) | DiffItem::Update { old: (name, _), .. } = item {
                    let out = self.out.record(UNNAME)?;
                    out.number(dir);
                    out.text(name.as_bytes());
                }
            }
        }
        for (dir, old, new) in changed() {
            let Some(new) = new else { continue };
            for item in old.map_or(&none, |old| &old.entries).diff(&new.entries) {
                if let DiffItem::Add(name, (ino, _))
                | DiffItem::Update {
                    new: (name, (ino, _)),
                    ..
                } = item
                {
                    self.name(dir, name, *ino)?;
                }
            }
        }
        for (ino, old, new) in changed() {
            let Some(new) = new else { continue };
            let had = old.and_then(|old| old.xattrs.as_ref());
            if had == new.xattrs.as_ref() {
                continue;
            }
            if had.is_some() {
                self.out.record(NO_XATTRS)?.number(ino);
            }
            for (name, value) in new.xattrs.iter().flat_map(|xattrs| xattrs.iter()) {
                let out = self.out.record(XATTR)?;
                out.number(ino);
                out.text(name.as_bytes());
                out.text(value);
            }
        }
        self.trash(old, new)?;
        self.contents(&old.contents, &new.contents)
    }

    fn name(&mut self, dir: Inode, name: &EntryName, ino: Inode) -> std::io::Result<()> {
        let out = self.out.record(NAME)?;
        out.number(dir);
        out.number(ino);
        out.text(name.as_bytes());
        Ok(())
    }

    fn trash(&mut self, old: &Image, new: &Image) -> std::io::Result<()> {
        let mut come: Vec<&TrashRecord> = Vec::new();
        for item in old.nodes.trash.diff(&new.nodes.trash) {
            match item {
                DiffItem::Add(_, item) => come.push(item),
                DiffItem::Update { old, new } => {
                    self.out.record(NO_TRASH)?.number(*old.0);
                    come.push(new.1);
                }
                DiffItem::Remove(id, _) => self.out.record(NO_TRASH)?.number(*id),
            }
        }
        for item in come {
            let out = self.out.record(TRASH)?;
            out.number(item.id);
            out.number(item.ino);
            out.time(item.deleted);
            out.text(item.original.as_os_str().as_bytes());
        }
        Ok(())
    }

    fn contents(&mut self, old: &Contents, new: &Contents) -> std::io::Result<()> {
        let empty = Bytes::default();
        for (content, old, new) in old.diff(new) {
            // Content that no file has any more goes with its last file.
            let Some(new) = new else { continue };
            for (index, old, new) in old.unwrap_or(&empty).diff(new) {
                match (old, new) {
                    (_, Some(chunk)) => self.chunk(content, index, chunk)?,
                    (_, None) => {
                        let out = self.out.record(HOLE)?;
                        out.number(content.0);
                        out.number(index);
                    }
                }
            }
        }
        Ok(())
    }

    fn chunk(&mut self, content: ContentId, index: u64, chunk: &Chunk) -> std::io::Result<()> {
        let number = self.chunks.len() as u64;
        let known = *self.chunks.entry(chunk.address()).or_insert(number);
        let out = self.out.record(if known == number { DATA } else { SAME })?;
        out.number(content.0);
        out.number(index);
        match known == number {
            true => out.text(chunk),
            false => out.number(known),
        }
        Ok(())
    }
}

fn entry(ino: Inode, node: &MemoryNode) -> NodeEntry {
    let record = &node.record;
    NodeEntry {
        ino,
        kind: record.kind,
        mode: record.mode,
        uid: record.uid,
        gid: record.gid,
        rdev: record.rdev,
        size: record.size,
        times: [record.mtime, record.ctime, record.atime, record.btime],
        content: record.content,
        target: record.target.clone(),
    }
}
