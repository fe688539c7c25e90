//! From the bytes of a saved file to an image, believing nothing: whatever contradicts itself is `Corrupted`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::sync::Arc;

use fs_core::path::TARGET_MAX_BYTES;
use fs_core::{FileKind, Name, Result, Time, VPath};

use super::super::bytes::{Bytes, CHUNK_BYTES};
use super::super::content::{Contents, new_content_id};
use super::super::entry_name::EntryName;
use super::super::nodes::{MemoryNode, Nodes};
use super::super::store::Image;
use super::record::{DATA, Fields, HEAD, NAME, NODE, NodeEntry, TRASH, XATTR};
use super::section::{Reader, damaged};
use crate::virtual_fs::{ContentId, Inode, NodeRecord, ROOT, TrashRecord};

/// What has been read so far.
#[derive(Default)]
struct Loading {
    next_ino: Inode,
    nodes: BTreeMap<Inode, MemoryNode>,
    /// How many names each node has, the trash included.
    names: HashMap<Inode, u64>,
    trash: BTreeMap<u64, TrashRecord>,
    /// Content by its number in the file.
    contents: HashMap<ContentId, Bytes>,
    references: HashMap<ContentId, u64>,
}

/// Reads and checks a whole file.
pub(super) fn read(from: impl Read) -> Result<Image> {
    let mut reader = Reader::new(from)?;
    let mut loading = Loading::default();
    while let Some((tag, payload)) = reader.next()? {
        let mut fields = Fields(payload);
        while !fields.is_empty() {
            match tag {
                HEAD => loading.next_ino = fields.number()?,
                NODE => loading.node(fields.node()?)?,
                NAME => loading.name(&mut fields)?,
                XATTR => loading.xattr(&mut fields)?,
                TRASH => loading.trash(&mut fields)?,
                DATA => loading.data(&mut fields)?,
                _ => return Err(damaged("unknown section")),
            }
        }
    }
    loading.finish()
}

impl Loading {
    fn node(&mut self, entry: NodeEntry) -> Result<()> {
        let NodeEntry {
            ino,
            kind,
            mode,
            uid,
            gid,
            rdev,
            size,
            content,
            target,
            times,
        } = entry;
        let [mtime, ctime, atime, btime] = times;
        let target_len = target.as_ref().map_or(0, |target| target.len());
        let right = match kind {
            FileKind::Symlink => target_len > 0 && size == target_len as u64,
            FileKind::File => target_len == 0 && i64::try_from(size).is_ok(),
            _ => target_len == 0 && size == 0,
        };
        let content_right = content.is_empty() || kind == FileKind::File;
        if !right || !content_right || target_len > TARGET_MAX_BYTES || mode > 0o7777 || ino == 0 {
            return Err(damaged("impossible node"));
        }
        if !content.is_empty() {
            *self.references.entry(content).or_default() += 1;
        }
        let directory = kind == FileKind::Directory;
        let record = NodeRecord {
            kind,
            mode,
            uid,
            gid,
            nlink: if directory { 2 } else { 0 },
            size,
            allocated: 0,
            rdev,
            mtime,
            ctime,
            atime,
            btime,
            content,
            target,
            parent: if ino == ROOT { ROOT } else { 0 },
        };
        match self.nodes.insert(ino, MemoryNode::new(record)) {
            None => Ok(()),
            Some(_) => Err(damaged("a node is there twice")),
        }
    }

    fn get(&mut self, ino: Inode) -> Result<&mut MemoryNode> {
        self.nodes
            .get_mut(&ino)
            .ok_or_else(|| damaged("a node is missing"))
    }

    /// Counts a name of a node; a directory has one, the root none.
    fn count_name(&mut self, ino: Inode, parent: Inode) -> Result<FileKind> {
        let names = self.names.entry(ino).or_default();
        *names += 1;
        let names = *names;
        let record = &mut self.get(ino)?.record;
        if record.kind == FileKind::Directory {
            if names > 1 || ino == ROOT {
                return Err(damaged("a directory has two names"));
            }
            record.parent = parent;
        } else {
            record.nlink = names;
        }
        Ok(record.kind)
    }

    fn name(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let (dir, ino) = (fields.number()?, fields.number()?);
        let name = Name::new(fields.os_str()?).map_err(|_| damaged("impossible name"))?;
        let kind = self.count_name(ino, dir)?;
        let parent = self.get(dir)?;
        if parent.record.kind != FileKind::Directory {
            return Err(damaged("a name in something that is no directory"));
        }
        parent.record.nlink += u64::from(kind == FileKind::Directory);
        match parent.entries.insert(EntryName::from(&name), (ino, kind)) {
            None => Ok(()),
            Some(_) => Err(damaged("a name is there twice")),
        }
    }

    fn xattr(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let node = self.get(fields.number()?)?;
        let (name, value) = (fields.os_str()?.to_owned(), Arc::from(fields.text()?));
        Arc::make_mut(node.xattrs.get_or_insert_default()).insert(name, value);
        Ok(())
    }

    fn trash(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let (id, ino, deleted) = (fields.number()?, fields.number()?, fields.time()?);
        let original = VPath::new(fields.os_str()?).map_err(|_| damaged("impossible path"))?;
        self.count_name(ino, 0)?;
        self.trash.insert(
            id,
            TrashRecord {
                id,
                ino,
                original,
                deleted,
            },
        );
        Ok(())
    }

    fn data(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let (content, index, bytes) = (
            ContentId(fields.number()?),
            fields.number()?,
            fields.text()?,
        );
        if index > i64::MAX as u64 / CHUNK_BYTES as u64 || bytes.is_empty() {
            return Err(damaged("impossible chunk"));
        }
        if !self.references.contains_key(&content) {
            return Err(damaged("content that no file has"));
        }
        self.contents
            .entry(content)
            .or_default()
            .insert(index, bytes.to_vec());
        Ok(())
    }

    /// Every node must be reachable from the root or the trash; then the image is put together.
    fn finish(mut self) -> Result<Image> {
        if self.get(ROOT)?.record.kind != FileKind::Directory {
            return Err(damaged("the root is no directory"));
        }
        let mut seen: BTreeSet<Inode> = BTreeSet::new();
        let mut to_see: Vec<Inode> = self.trash.values().map(|item| item.ino).collect();
        to_see.push(ROOT);
        while let Some(ino) = to_see.pop() {
            if seen.insert(ino) {
                to_see.extend(self.get(ino)?.entries.values().map(|(ino, _)| *ino));
            }
        }
        let largest = self.nodes.keys().chain(self.trash.keys()).max().copied();
        if seen.len() != self.nodes.len() || largest >= Some(self.next_ino) {
            return Err(damaged("nodes that nothing leads to"));
        }

        let mut contents = Contents::default();
        let mut renumbered = HashMap::new();
        for (old, references) in &self.references {
            let id = new_content_id();
            let bytes = self.contents.remove(old).unwrap_or_default();
            renumbered.insert(*old, (id, bytes.allocated()));
            contents.insert(id, bytes);
            contents.refer(id, i64::try_from(*references).unwrap_or(i64::MAX))?;
        }
        let mut nodes = Nodes::new(Time::default());
        for (ino, mut node) in self.nodes {
            if let Some((id, allocated)) = renumbered.get(&node.record.content) {
                node.record.content = *id;
                node.record.allocated = *allocated;
            }
            nodes.nodes.insert(ino, node);
        }
        nodes.trash = self.trash.into_iter().collect();
        Ok(Image {
            nodes,
            contents,
            next_ino: self.next_ino,
        })
    }
}
