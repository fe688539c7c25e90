//! From the bytes of a saved file to a memory filesystem, believing nothing: whatever contradicts itself is `Corrupted`.
//!
//! The records change one state, and after each moment what they touched is checked: so a file with many snapshots costs as much to read as there is
//! written in it.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use fs_core::path::TARGET_MAX_BYTES;
use fs_core::snapshots::{Snapshot, SnapshotId, check_name};
use fs_core::{FileKind, Name, Result, Time, VPath};

use super::super::bytes::{CHUNK_BYTES, Chunk};
use super::super::content::{Contents, new_content_id};
use super::super::entry_name::EntryName;
use super::super::nodes::{MemoryNode, Nodes};
use super::super::snapshots::SNAPSHOTS_MAX;
use super::super::store::Image;
use super::encode::Saved;
use super::record::{
    DATA, Fields, GONE, HEAD, HOLE, MORE, NAME, NO_TRASH, NO_XATTRS, NODE, NodeEntry, SAME,
    SNAPSHOT, TRASH, UNNAME, XATTR,
};
use super::section::{Reader, damaged};
use crate::virtual_fs::{ContentId, Inode, NodeRecord, ROOT, TrashRecord};

/// Reads and checks a whole file.
pub(super) fn read(from: impl Read) -> Result<Saved> {
    let mut reader = Reader::new(from)?;
    let mut loading = Loading::new();
    while let Some((tag, payload)) = reader.next()? {
        let mut fields = Fields(payload);
        while !fields.is_empty() {
            match tag {
                HEAD => loading.next_ino = fields.number()?,
                MORE => loading.more(&mut fields)?,
                NODE => loading.node(fields.node()?)?,
                GONE => loading.gone(fields.number()?)?,
                NAME => loading.name(&mut fields)?,
                UNNAME => loading.unname(&mut fields)?,
                XATTR => loading.xattr(&mut fields)?,
                NO_XATTRS => loading.get(fields.number()?)?.xattrs = None,
                TRASH => loading.trash(&mut fields)?,
                NO_TRASH => loading.no_trash(fields.number()?)?,
                DATA => loading.data(&mut fields)?,
                SAME => loading.same(&mut fields)?,
                HOLE => loading.hole(&mut fields)?,
                SNAPSHOT => loading.snapshot(&mut fields)?,
                _ => return Err(damaged("unknown section")),
            }
        }
    }
    let now = loading.moment()?;
    Ok(Saved {
        now,
        snapshots: loading.snapshots,
        last_snapshot: loading.last_snapshot,
        limit_bytes: loading.limit_bytes,
    })
}

/// What has been read so far.
struct Loading {
    next_ino: Inode,
    last_snapshot: u64,
    limit_bytes: Option<u64>,
    nodes: Nodes,
    contents: Contents,
    /// How many names each node has, the trash included.
    names: HashMap<Inode, u64>,
    /// The files of each content, by its number here.
    users: HashMap<ContentId, Users>,
    /// The numbers contents have here, by those in the saved file.
    numbers: HashMap<ContentId, ContentId>,
    /// In the order they were read.
    chunks: Vec<Chunk>,
    snapshots: Vec<(Snapshot, Image)>,
    /// What this moment changed, to be checked at its end.
    touched: HashSet<Inode>,
    told: HashSet<Inode>,
    touched_contents: HashSet<ContentId>,
}

/// How many files have a content, and their numbers added up without carry: of a single one its number.
#[derive(Default)]
struct Users {
    count: u64,
    all: Inode,
}

impl Loading {
    fn new() -> Self {
        let mut nodes = Nodes::new(Time::default());
        // A file without a root is refused.
        nodes.nodes.remove(ROOT);
        Self {
            next_ino: 0,
            last_snapshot: 0,
            limit_bytes: None,
            nodes,
            contents: Contents::default(),
            names: HashMap::new(),
            users: HashMap::new(),
            numbers: HashMap::new(),
            chunks: Vec::new(),
            snapshots: Vec::new(),
            touched: HashSet::new(),
            told: HashSet::new(),
            touched_contents: HashSet::new(),
        }
    }

    fn more(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        self.last_snapshot = fields.number()?;
        self.limit_bytes = Some(fields.number()?).filter(|limit| *limit < u64::MAX);
        Ok(())
    }

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
        if ino >= self.next_ino {
            return Err(damaged("a number that would be given out again"));
        }
        let old = self.nodes.nodes.get(ino).map(|node| node.record.clone());
        if old.as_ref().is_some_and(|old| old.kind != kind) {
            return Err(damaged("a node became another"));
        }
        if let Some(old) = &old {
            // It may change from one moment to the next; within one it is told once.
            if !self.told.insert(ino) {
                return Err(damaged("a node is there twice"));
            }
            self.use_content(old.content, ino, false);
        }
        self.told.insert(ino);
        self.touched.insert(ino);
        let number = self.number(content, ino);
        let record = NodeRecord {
            kind,
            mode,
            uid,
            gid,
            nlink: match &old {
                Some(old) => old.nlink,
                None if kind == FileKind::Directory => 2,
                None => 0,
            },
            size,
            allocated: 0,
            rdev,
            mtime,
            ctime,
            atime,
            btime,
            content: number,
            target,
            parent: match &old {
                Some(old) => old.parent,
                None if ino == ROOT => ROOT,
                None => 0,
            },
        };
        match self.nodes.nodes.get_mut(ino) {
            Some(node) => node.record = record,
            None => {
                self.nodes.nodes.insert(ino, MemoryNode::new(record));
            }
        }
        Ok(())
    }

    /// The number here of a content that a file has.
    fn number(&mut self, content: ContentId, ino: Inode) -> ContentId {
        if content.is_empty() {
            return ContentId::EMPTY;
        }
        let number = *self.numbers.entry(content).or_insert_with(new_content_id);
        self.contents.load(number, |_| {});
        self.use_content(number, ino, true);
        number
    }

    fn use_content(&mut self, content: ContentId, ino: Inode, used: bool) {
        if content.is_empty() {
            return;
        }
        let users = self.users.entry(content).or_default();
        users.count = match used {
            true => users.count + 1,
            false => users.count.saturating_sub(1),
        };
        users.all ^= ino;
        self.touched_contents.insert(content);
    }

    fn get(&mut self, ino: Inode) -> Result<&mut MemoryNode> {
        let node = self.nodes.nodes.get_mut(ino);
        node.ok_or_else(|| damaged("a node is missing"))
    }

    fn gone(&mut self, ino: Inode) -> Result<()> {
        let node = self.nodes.nodes.remove(ino);
        let node = node.ok_or_else(|| damaged("a node is missing"))?;
        self.touched.insert(ino);
        self.use_content(node.record.content, ino, false);
        for (child, _) in node.entries.values() {
            self.lose_name(*child);
        }
        Ok(())
    }

    /// Counts a name of a node; a directory has one, the root none.
    fn count_name(&mut self, ino: Inode, parent: Inode) -> Result<FileKind> {
        self.touched.insert(ino);
        *self.names.entry(ino).or_default() += 1;
        let record = &mut self.get(ino)?.record;
        if record.kind == FileKind::Directory {
            record.parent = parent;
        }
        Ok(record.kind)
    }

    fn lose_name(&mut self, ino: Inode) {
        self.touched.insert(ino);
        if let Some(names) = self.names.get_mut(&ino) {
            *names = names.saturating_sub(1);
        }
    }

    fn name(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let (dir, ino) = (fields.number()?, fields.number()?);
        let name = Name::new(fields.os_str()?).map_err(|_| damaged("impossible name"))?;
        let kind = self.count_name(ino, dir)?;
        let name = EntryName::from(&name);
        let parent = self.get(dir)?;
        if parent.record.kind != FileKind::Directory {
            return Err(damaged("a name in something that is no directory"));
        }
        parent.record.nlink += u64::from(kind == FileKind::Directory);
        if parent.entries.insert(name.clone(), (ino, kind)).is_some() {
            return Err(damaged("a name is there twice"));
        }
        self.get(ino)?.home = Some((dir, name));
        Ok(())
    }

    fn unname(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let (dir, name) = (fields.number()?, fields.os_str()?);
        let parent = self.get(dir)?;
        let removed = parent.entries.remove(name);
        let (ino, kind) = removed.ok_or_else(|| damaged("a name is missing"))?;
        parent.record.nlink -= u64::from(kind == FileKind::Directory);
        self.lose_name(ino);
        Ok(())
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
        if id >= self.next_ino {
            return Err(damaged("a number that would be given out again"));
        }
        self.count_name(ino, 0)?;
        let item = TrashRecord {
            id,
            ino,
            original,
            deleted,
        };
        match self.nodes.trash.insert(id, item) {
            None => Ok(()),
            Some(_) => Err(damaged("an item of the trash is there twice")),
        }
    }

    fn no_trash(&mut self, id: u64) -> Result<()> {
        let item = self.nodes.trash.remove(&id);
        let item = item.ok_or_else(|| damaged("an item of the trash is missing"))?;
        self.lose_name(item.ino);
        Ok(())
    }

    /// A place of a chunk: a content that a file has, and the number of the chunk in it.
    fn place(&mut self, fields: &mut Fields<'_>) -> Result<(ContentId, u64)> {
        let (content, index) = (ContentId(fields.number()?), fields.number()?);
        if index > i64::MAX as u64 / CHUNK_BYTES as u64 {
            return Err(damaged("impossible chunk"));
        }
        let number = self.numbers.get(&content).copied();
        let used = number.filter(|number| self.users.get(number).is_some_and(|it| it.count > 0));
        let number = used.ok_or_else(|| damaged("content that no file has"))?;
        self.touched_contents.insert(number);
        Ok((number, index))
    }

    fn data(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let (content, index) = self.place(fields)?;
        let bytes = fields.text()?;
        if bytes.is_empty() {
            return Err(damaged("impossible chunk"));
        }
        let chunk = Chunk::from(bytes.to_vec());
        self.chunks.push(chunk.clone());
        self.contents
            .load(content, |held| held.bytes.insert(index, chunk));
        Ok(())
    }

    fn same(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let (content, index) = self.place(fields)?;
        let number = usize::try_from(fields.number()?).unwrap_or(usize::MAX);
        let chunk = self.chunks.get(number).cloned();
        let chunk = chunk.ok_or_else(|| damaged("a chunk that was not told"))?;
        self.contents
            .load(content, |held| held.bytes.insert(index, chunk));
        Ok(())
    }

    fn hole(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let (content, index) = self.place(fields)?;
        self.contents.load(content, |held| held.bytes.remove(index));
        Ok(())
    }

    fn snapshot(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let (id, taken) = (SnapshotId(fields.number()?), fields.time()?);
        let name = std::str::from_utf8(fields.text()?);
        let name = name.map_err(|_| damaged("impossible name of a snapshot"))?;
        check_name(name).map_err(|_| damaged("impossible name of a snapshot"))?;
        let before = self.snapshots.last().map_or(0, |(before, _)| before.id.0);
        let mut others = self.snapshots.iter();
        if id.0 <= before
            || id.0 > self.last_snapshot
            || others.any(|(other, _)| other.name == name)
            || self.snapshots.len() >= SNAPSHOTS_MAX
        {
            return Err(damaged("impossible snapshot"));
        }
        let image = self.moment()?;
        let name = name.to_owned();
        self.snapshots.push((Snapshot { id, name, taken }, image));
        Ok(())
    }

    /// The end of a moment: what changed must be a filesystem again.
    fn moment(&mut self) -> Result<Image> {
        let root = self.nodes.nodes.get(ROOT);
        if root.is_none_or(|root| root.record.kind != FileKind::Directory) {
            return Err(damaged("the root is no directory"));
        }
        let touched = std::mem::take(&mut self.touched);
        self.told.clear();
        let in_trash: HashSet<Inode> = self.nodes.trash.values().map(|item| item.ino).collect();
        let mut reached = HashSet::from([ROOT]);
        for ino in &touched {
            self.check(*ino, &in_trash, &mut reached)?;
        }
        for content in std::mem::take(&mut self.touched_contents) {
            self.settle(content)?;
        }
        for ino in touched {
            self.set_allocated(ino);
        }
        Ok(Image {
            nodes: self.nodes.clone(),
            contents: self.contents.clone(),
            next_ino: self.next_ino,
        })
    }

    /// Every node must be reachable from the root or the trash. What was not touched still is.
    fn check(
        &mut self,
        ino: Inode,
        in_trash: &HashSet<Inode>,
        reached: &mut HashSet<Inode>,
    ) -> Result<()> {
        let names = self.names.get(&ino).copied().unwrap_or(0);
        let Some(node) = self.nodes.nodes.get(ino) else {
            return match names {
                0 => Ok(()),
                _ => Err(damaged("a name of a node that is gone")),
            };
        };
        if node.record.kind != FileKind::Directory {
            if names == 0 {
                return Err(damaged("nodes that nothing leads to"));
            }
            if node.record.nlink != names {
                self.get(ino)?.record.nlink = names;
            }
            return Ok(());
        }
        if names != u64::from(ino != ROOT) {
            return Err(damaged("a directory needs one name"));
        }
        let mut way = Vec::new();
        let mut at = ino;
        while !reached.contains(&at) {
            if way.len() > self.nodes.nodes.len() {
                return Err(damaged("a circle of directories"));
            }
            way.push(at);
            match self.nodes.nodes.get(at).map(|node| node.record.parent) {
                Some(0) if in_trash.contains(&at) => break,
                Some(parent) if parent != 0 => at = parent,
                _ => return Err(damaged("nodes that nothing leads to")),
            }
        }
        reached.extend(way);
        Ok(())
    }

    fn settle(&mut self, content: ContentId) -> Result<()> {
        let users = self.users.get(&content);
        let (count, all) = users.map_or((0, 0), |users| (users.count, users.all));
        if count == 0 {
            self.users.remove(&content);
            self.contents.remove(content);
            return Ok(());
        }
        self.contents.load(content, |held| held.references = count);
        if count == 1 {
            self.set_allocated(all);
        }
        Ok(())
    }

    fn set_allocated(&mut self, ino: Inode) {
        let Some(record) = self.nodes.nodes.get(ino).map(|node| &node.record) else {
            return;
        };
        let held = self.contents.get(record.content);
        let allocated = held.map_or(0, |held| held.bytes.allocated());
        if record.allocated != allocated
            && let Some(node) = self.nodes.nodes.get_mut(ino)
        {
            node.record.allocated = allocated;
        }
    }
}
