//! A third opinion beside the kernel and the filesystem under test: what the man pages say, in maps and vectors, as simply as possible.

mod tree;

use std::collections::{BTreeMap, HashMap};

use fs_core::{FileKind, Time};
use rustix::io::Errno;

use self::tree::{Id, Place, Tree, What};
use super::answer::{Answer, Leaf};
use super::op::{How, Mode, Op};

type Result<T> = std::result::Result<T, Errno>;

pub struct Model {
    tree: Tree,
    handles: HashMap<usize, (Id, How)>,
}

/// What opening a path may do beside finding a file.
#[derive(Clone, Copy, PartialEq)]
enum Create {
    No,
    IfMissing,
    New,
}

impl Model {
    pub fn new() -> Self {
        Self {
            tree: Tree::new(),
            handles: HashMap::new(),
        }
    }

    pub fn apply(&mut self, op: &Op) -> Answer {
        self.answer(op)
            .unwrap_or_else(|error| Answer::Failed(error.raw_os_error()))
    }

    fn answer(&mut self, op: &Op) -> Result<Answer> {
        match op {
            Op::Mkdir(path, mode) => {
                let what = What::Directory {
                    names: BTreeMap::new(),
                    parent: tree::ROOT,
                };
                self.add(path, what, *mode)?;
            }
            Op::Mkfifo(path) => self.add(path, What::Fifo, 0o644)?,
            Op::Symlink(target, path) => self.add(path, What::Symlink(target.clone()), 0o777)?,
            Op::CreateNew(path, mode) => drop(self.open(path, Create::New, *mode)?),
            Op::Write(path, bytes) => {
                let Some(id) = self.open(path, Create::IfMissing, 0o644)? else {
                    return Ok(Answer::Special);
                };
                self.set_len(id, 0);
                self.write(id, 0, bytes);
            }
            Op::Append(path, bytes) => {
                let Some(id) = self.open(path, Create::IfMissing, 0o644)? else {
                    return Ok(Answer::Special);
                };
                self.write(id, self.bytes(id).len(), bytes);
            }
            Op::Truncate(path, size) => {
                let Some(id) = self.open(path, Create::No, 0)? else {
                    return Ok(Answer::Special);
                };
                self.set_len(id, *size);
            }
            Op::Unlink(path) => {
                let (dir, name, id) = self.named(path)?;
                if self.tree.kind(id) == FileKind::Directory {
                    return Err(Errno::ISDIR);
                }
                self.tree.take(dir, name);
            }
            Op::Rmdir(path) => {
                let (dir, name, id) = self.named(path)?;
                if !self.tree.names(id)?.is_empty() {
                    return Err(Errno::NOTEMPTY);
                }
                self.tree.take(dir, name);
            }
            Op::RemoveAll(path) => {
                let (dir, name, id) = self.named(path)?;
                self.tree.names(id)?;
                self.clear(id);
                self.tree.take(dir, name);
            }
            Op::Rename(from, to, mode) => self.rename(from, to, *mode)?,
            Op::Link(from, to) => {
                let (.., id) = self.named(from)?;
                let (dir, name) = self.tree.parent(to)?;
                if self.tree.names(dir)?.contains_key(name) {
                    return Err(Errno::EXIST);
                }
                if self.tree.kind(id) == FileKind::Directory {
                    return Err(Errno::PERM);
                }
                self.tree.put(dir, name, id);
            }
            Op::Chmod(path, mode) => {
                let id = self.tree.node(path, true)?;
                self.tree.nodes[id].mode = *mode;
            }
            Op::Chown(path, uid, gid) => self.chown(path, *uid, *gid)?,
            Op::SetMtime(path, seconds, nanos) => {
                let id = self.tree.node(path, true)?;
                self.tree.nodes[id].mtime = Some(Time::from_parts(*seconds, (*nanos).into()));
            }
            Op::SetXattr(path, name, value) => {
                let id = self.attributed(path, Errno::PERM)?;
                let xattrs = &mut self.tree.nodes[id].xattrs;
                xattrs.insert((*name).to_owned(), value.clone());
            }
            Op::RemoveXattr(path, name) => {
                let id = self.attributed(path, Errno::PERM)?;
                let xattrs = &mut self.tree.nodes[id].xattrs;
                xattrs.remove(*name).ok_or(Errno::NODATA)?;
            }
            Op::Open(slot, path, how) => {
                let create = match how {
                    How::ReadWrite | How::Read | How::Write | How::Truncate => Create::No,
                    How::Create => Create::IfMissing,
                    How::CreateNew => Create::New,
                };
                let Some(id) = self.open(path, create, 0o644)? else {
                    return Ok(Answer::Special);
                };
                if *how == How::Truncate {
                    self.set_len(id, 0);
                }
                self.handles.insert(*slot, (id, *how));
            }
            Op::Close(slot) => drop(self.handles.remove(slot)),
            Op::WriteAt(slot, ..)
            | Op::AppendTo(slot, _)
            | Op::ReadAt(slot, ..)
            | Op::SetLen(slot, _)
            | Op::PunchHole(slot, ..)
            | Op::ChmodOpen(slot, _)
            | Op::StatOpen(slot) => {
                return match self.handles.get(slot) {
                    Some(&(id, how)) => self.on_handle(id, how, op),
                    None => Ok(Answer::NoHandle),
                };
            }
            Op::Read(_)
            | Op::Stat(_)
            | Op::Lstat(_)
            | Op::List(_)
            | Op::ReadLink(_)
            | Op::GetXattr(..)
            | Op::ListXattrs(_) => return self.look(op),
        }
        Ok(Answer::Done)
    }

    /// What only looks.
    fn look(&mut self, op: &Op) -> Result<Answer> {
        Ok(match op {
            Op::Read(path) => match self.open(path, Create::No, 0)? {
                Some(id) => Answer::Bytes(self.bytes(id).clone()),
                None => Answer::Special,
            },
            Op::Stat(path) => Answer::Stat(self.tree.stat(self.tree.node(path, true)?)),
            Op::Lstat(path) => Answer::Stat(self.tree.stat(self.tree.node(path, false)?)),
            Op::List(path) => {
                let names = self.tree.names(self.tree.node(path, true)?)?.iter();
                Answer::Names(
                    names
                        .map(|(name, &id)| (name.clone(), self.tree.kind(id)))
                        .collect(),
                )
            }
            Op::ReadLink(path) => match &self.tree.nodes[self.named(path)?.2].what {
                What::Symlink(target) => Answer::Text(target.clone()),
                _ => return Err(Errno::INVAL),
            },
            Op::GetXattr(path, name) => {
                let id = self.attributed(path, Errno::NODATA)?;
                let value = self.tree.nodes[id].xattrs.get(*name);
                Answer::Bytes(value.ok_or(Errno::NODATA)?.clone())
            }
            Op::ListXattrs(path) => {
                let id = self.tree.node(path, true)?;
                let names: Vec<&str> = self.tree.nodes[id]
                    .xattrs
                    .keys()
                    .map(String::as_str)
                    .collect();
                Answer::Text(names.join(" "))
            }
            _ => unreachable!("it changes something"),
        })
    }

    fn on_handle(&mut self, id: Id, how: How, op: &Op) -> Result<Answer> {
        let may_write = how != How::Read;
        match op {
            Op::WriteAt(..) | Op::AppendTo(..) | Op::SetLen(..) | Op::PunchHole(..)
                if !may_write =>
            {
                return Err(Errno::BADF);
            }
            // Nothing to write makes no file longer.
            Op::WriteAt(_, _, bytes) | Op::AppendTo(_, bytes) if bytes.is_empty() => {}
            Op::WriteAt(_, at, bytes) => self.write(id, *at as usize, bytes),
            Op::AppendTo(_, bytes) => self.write(id, self.bytes(id).len(), bytes),
            Op::SetLen(_, size) => self.set_len(id, *size),
            Op::PunchHole(_, at, len) => {
                let bytes = self.change(id);
                let end = bytes.len().min((at + len) as usize);
                let start = end.min(*at as usize);
                bytes[start..end].fill(0);
            }
            Op::ChmodOpen(_, mode) => self.tree.nodes[id].mode = *mode,
            Op::ReadAt(..) if how == How::Write => return Err(Errno::BADF),
            Op::ReadAt(_, at, len) => {
                let rest = self.bytes(id).iter().skip(*at as usize);
                return Ok(Answer::Bytes(rest.take(*len).copied().collect()));
            }
            _ => return Ok(Answer::Stat(self.tree.stat(id))),
        }
        Ok(Answer::Done)
    }

    /// Directory, name and node of a path that is not followed.
    fn named<'a>(&self, path: &'a str) -> Result<(Id, &'a str, Id)> {
        let (dir, name) = self.tree.parent(path)?;
        let found = self.tree.names(dir)?.get(name);
        Ok((dir, name, *found.ok_or(Errno::NOENT)?))
    }

    fn add(&mut self, path: &str, what: What, mode: u32) -> Result<()> {
        let (dir, name) = self.tree.parent(path)?;
        if self.tree.names(dir)?.contains_key(name) {
            return Err(Errno::EXIST);
        }
        self.tree.add(dir, name, what, mode);
        Ok(())
    }

    /// A file (open(2)); `None`: neither a file nor a directory.
    fn open(&mut self, path: &str, create: Create, mode: u32) -> Result<Option<Id>> {
        let id = match self.tree.find(path, create != Create::New)? {
            Place::There(_) if create == Create::New => return Err(Errno::EXIST),
            Place::There(id) => id,
            Place::Missing(..) if create == Create::No => return Err(Errno::NOENT),
            Place::Missing(dir, name) => self.tree.add(dir, &name, What::File(Vec::new()), mode),
        };
        match self.tree.kind(id) {
            FileKind::File => Ok(Some(id)),
            FileKind::Directory => Err(Errno::ISDIR),
            _ => Ok(None),
        }
    }

    fn bytes(&self, id: Id) -> &Vec<u8> {
        match &self.tree.nodes[id].what {
            What::File(bytes) => bytes,
            _ => unreachable!("only files are open"),
        }
    }

    fn change(&mut self, id: Id) -> &mut Vec<u8> {
        let node = &mut self.tree.nodes[id];
        node.mtime = None;
        match &mut node.what {
            What::File(bytes) => bytes,
            _ => unreachable!("only files are open"),
        }
    }

    fn set_len(&mut self, id: Id, size: u64) {
        self.change(id).resize(size as usize, 0);
    }

    fn write(&mut self, id: Id, at: usize, new: &[u8]) {
        if new.is_empty() {
            return;
        }
        let bytes = self.change(id);
        let end = at + new.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[at..end].copy_from_slice(new);
    }

    fn clear(&mut self, dir: Id) {
        let names = self.tree.names(dir).unwrap().clone();
        for (name, id) in names {
            if self.tree.kind(id) == FileKind::Directory {
                self.clear(id);
            }
            self.tree.take(dir, &name);
        }
    }

    /// rename(2).
    fn rename(&mut self, from: &str, to: &str, mode: Mode) -> Result<()> {
        let (from_dir, from) = self.tree.parent(from)?;
        let (to_dir, to) = self.tree.parent(to)?;
        let old = *self.tree.names(from_dir)?.get(from).ok_or(Errno::NOENT)?;
        let new = self.tree.names(to_dir)?.get(to).copied();
        match (mode, new) {
            (Mode::NoReplace, Some(_)) => return Err(Errno::EXIST),
            (Mode::Exchange, None) => return Err(Errno::NOENT),
            _ => {}
        }
        if self.tree.is_in(to_dir, old) {
            return Err(Errno::INVAL);
        }
        if let Some(new) = new {
            if self.tree.is_in(from_dir, new) {
                return Err(match mode {
                    Mode::Exchange => Errno::INVAL,
                    _ => Errno::NOTEMPTY,
                });
            }
            if new == old {
                return Ok(());
            }
            if mode == Mode::Exchange {
                self.tree.put(from_dir, from, new);
                self.tree.put(to_dir, to, old);
                return Ok(());
            }
            let is_dir = |id| self.tree.kind(id) == FileKind::Directory;
            match (is_dir(old), is_dir(new)) {
                (true, false) => return Err(Errno::NOTDIR),
                (false, true) => return Err(Errno::ISDIR),
                (true, true) if !self.tree.names(new)?.is_empty() => {
                    return Err(Errno::NOTEMPTY);
                }
                _ => {}
            }
        }
        self.tree.take(from_dir, from);
        self.tree.put(to_dir, to, old);
        Ok(())
    }

    /// chown(2): set-ID bits go, of what can be executed.
    fn chown(&mut self, path: &str, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        let id = self.tree.node(path, true)?;
        let is_dir = self.tree.kind(id) == FileKind::Directory;
        let node = &mut self.tree.nodes[id];
        node.uid = uid.unwrap_or(node.uid);
        node.gid = gid.unwrap_or(node.gid);
        if !is_dir {
            node.mode &= !0o4000;
            if node.mode & 0o010 != 0 {
                node.mode &= !0o2000;
            }
        }
        Ok(())
    }

    /// What may have attributes of users: files and directories (xattr(7)).
    fn attributed(&self, path: &str, otherwise: Errno) -> Result<Id> {
        let id = self.tree.node(path, true)?;
        match self.tree.kind(id) {
            FileKind::File | FileKind::Directory => Ok(id),
            _ => Err(otherwise),
        }
    }

    /// Everything there is, in order.
    pub fn tree(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        let mut first: HashMap<Id, String> = HashMap::new();
        let mut pending = vec![(String::new(), tree::ROOT)];
        while let Some((dir, id)) = pending.pop() {
            for (name, &id) in self.tree.names(id).unwrap() {
                let path = format!("{dir}/{name}");
                let node = &self.tree.nodes[id];
                let content = match &node.what {
                    What::File(bytes) => Answer::Bytes(bytes.clone()),
                    What::Symlink(target) => Answer::Text(target.clone()),
                    What::Directory { .. } | What::Fifo => Answer::Done,
                };
                if matches!(node.what, What::Directory { .. }) {
                    pending.push((path.clone(), id));
                }
                let same_as = first.entry(id).or_insert_with(|| path.clone()).clone();
                leaves.push(Leaf {
                    path,
                    stat: self.tree.stat(id),
                    content,
                    xattrs: node.xattrs.clone().into_iter().collect(),
                    same_as,
                });
            }
        }
        leaves.sort_by(|a, b| a.path.cmp(&b.path));
        leaves
    }
}
