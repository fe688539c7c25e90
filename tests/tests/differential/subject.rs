//! A filesystem of ours, answering the same operations.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use fs_core::resolve::Last;
use fs_core::{
    At, Backend, Change, Durability, Error, ErrorKind, File, FileId, FileKind, FileStorage,
    Metadata, NewKind, NewNode, OpenOptions, PathResolver, Permissions, RenameMode, Result,
    SetAttr, Time, VPath,
};

use super::answer::{Answer, Leaf, Stat};
use super::op::{How, Mode, Op};

/// A backend, and what must live as long as it.
pub struct Fresh {
    pub backend: Arc<dyn Backend>,
    pub guard: Box<dyn Any + Send + Sync>,
}

/// The front door is used as far as it goes; in-place writing and handles go to the backend.
pub struct Subject {
    fs: FileStorage<Arc<dyn Backend>, Resolver>,
    backend: Arc<dyn Backend>,
    resolver: Resolver,
    handles: HashMap<usize, Box<dyn File>>,
    _guard: Box<dyn Any + Send + Sync>,
}

/// Which resolver the front door uses.
#[derive(Clone, Copy)]
pub enum Resolver {
    Posix,
    NoOp,
}

impl PathResolver for Resolver {
    fn resolve(
        &self,
        backend: &dyn Backend,
        raw: &std::path::Path,
        last: Last,
    ) -> Result<fs_core::resolve::Resolved> {
        match self {
            Self::Posix => fs_core::PosixResolver.resolve(backend, raw, last),
            Self::NoOp => fs_core::NoOpResolver.resolve(backend, raw, last),
        }
    }
}

fn stat(found: &Metadata) -> Stat {
    Stat::new(
        (found.kind, found.mode),
        (found.uid, found.gid),
        found.nlink,
        found.size,
        found.mtime,
    )
}

fn options(how: How) -> OpenOptions {
    let options = OpenOptions::read_write();
    match how {
        How::ReadWrite => options,
        How::Read => OpenOptions::read(),
        How::Write => OpenOptions {
            read: false,
            ..options
        },
        How::Truncate => OpenOptions {
            truncate: true,
            ..options
        },
        How::Create => OpenOptions {
            create: true,
            ..options
        },
        How::CreateNew => OpenOptions::create_new(0o644),
    }
}

impl Subject {
    pub fn new(fresh: Fresh, resolver: Resolver) -> Self {
        let fs = FileStorage::with_resolver(fresh.backend.clone(), resolver);
        Self {
            fs: fs.with_durability(Durability::OnSync),
            backend: fresh.backend,
            resolver,
            handles: HashMap::new(),
            _guard: fresh.guard,
        }
    }

    fn open(&self, path: &str, how: &OpenOptions) -> Result<Box<dyn File>> {
        let last = if how.create_new {
            Last::Keep
        } else if how.create {
            Last::Create
        } else {
            Last::Follow
        };
        let place = self.resolver.resolve(&self.backend, path.as_ref(), last)?;
        self.backend.open(place.at(), how)
    }

    fn names(&self, path: &str) -> Result<Vec<(String, FileKind)>> {
        let entries = self.fs.read_dir(path)?.map(|entry| {
            let entry = entry?;
            Ok((entry.file_name().to_str().unwrap().to_owned(), entry.kind()))
        });
        let mut names = entries.collect::<Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    pub fn apply(&mut self, op: &Op, whole: bool) -> Answer {
        self.answer(op, whole)
            .unwrap_or_else(|error: Error| Answer::Failed(error.errno()))
    }

    /// `whole`: a `write` may replace the content in one step (which open handles do not follow).
    fn answer(&mut self, op: &Op, whole: bool) -> Result<Answer> {
        match op {
            Op::Mkdir(path, mode) => {
                let place = self
                    .resolver
                    .resolve(&self.backend, path.as_ref(), Last::Keep)?;
                let node = NewNode::directory().with_mode(*mode);
                self.backend.change(&Change::Create(place.at(), &node))?;
            }
            Op::Mkfifo(path) => {
                let place = self
                    .resolver
                    .resolve(&self.backend, path.as_ref(), Last::Keep)?;
                let node = NewNode {
                    kind: NewKind::Fifo,
                    ..NewNode::file()
                };
                self.backend.change(&Change::Create(place.at(), &node))?;
            }
            Op::CreateNew(path, mode) => drop(self.open(path, &OpenOptions::create_new(*mode))?),
            Op::Write(path, bytes) if whole => self.fs.write(path, bytes)?,
            Op::Write(path, bytes) => {
                let how = OpenOptions {
                    create: true,
                    truncate: true,
                    ..OpenOptions::read_write()
                };
                self.open(path, &how)?.write_at(bytes, 0)?;
            }
            Op::Append(path, bytes) => self.fs.append(path, bytes)?,
            Op::Truncate(path, size) => self.fs.truncate(path, *size)?,
            Op::Unlink(path) => self.fs.remove_file(path)?,
            Op::Rmdir(path) => self.fs.remove_dir(path)?,
            Op::Rename(from, to, mode) => {
                let mode = match mode {
                    Mode::Replace => RenameMode::Replace,
                    Mode::NoReplace => RenameMode::NoReplace,
                    Mode::Exchange => RenameMode::Exchange,
                };
                self.fs.rename_with(from, to, mode)?;
            }
            Op::Symlink(target, path) => self.fs.symlink(target, path)?,
            Op::Link(from, to) => self.fs.hard_link(from, to)?,
            Op::Chmod(path, mode) => {
                self.fs
                    .set_permissions(path, Permissions::from_mode(*mode))?;
            }
            Op::Chown(path, uid, gid) => {
                let owner = SetAttr {
                    uid: *uid,
                    gid: *gid,
                    ..SetAttr::default()
                };
                self.fs.set_attr(path, &owner)?;
            }
            Op::SetMtime(path, seconds, nanos) => {
                let time = Time::from_parts(*seconds, (*nanos).into());
                self.fs.set_times(path, time, time)?;
            }
            Op::SetXattr(path, name, value) => self.fs.set_xattr(path, name, value)?,
            Op::RemoveXattr(path, name) => self.fs.remove_xattr(path, name)?,
            Op::GetXattr(path, name) => return self.fs.get_xattr(path, name).map(Answer::Bytes),
            Op::Read(path) => return self.fs.read(path).map(Answer::Bytes),
            Op::Stat(path) => return Ok(Answer::Stat(stat(&self.fs.metadata(path)?))),
            Op::Lstat(path) => return Ok(Answer::Stat(stat(&self.fs.symlink_metadata(path)?))),
            Op::List(path) => return self.names(path).map(Answer::Names),
            Op::ReadLink(path) => {
                let target = self.fs.read_link(path)?;
                return Ok(Answer::Text(target.to_str().unwrap().to_owned()));
            }
            Op::RemoveAll(path) => self.fs.remove_dir_all(path)?,
            Op::ListXattrs(path) => {
                let mut names: Vec<String> = Vec::new();
                for name in self.fs.list_xattrs(path)? {
                    names.push(name.into_string().unwrap());
                }
                names.sort_unstable();
                return Ok(Answer::Text(names.join(" ")));
            }
            Op::Open(slot, path, how) => {
                let file = self.open(path, &options(*how))?;
                self.handles.insert(*slot, file);
            }
            Op::Close(slot) => drop(self.handles.remove(slot)),
            _ => return self.on_handle(op),
        }
        Ok(Answer::Done)
    }

    fn on_handle(&self, op: &Op) -> Result<Answer> {
        let (Op::WriteAt(slot, ..)
        | Op::AppendTo(slot, _)
        | Op::ReadAt(slot, ..)
        | Op::SetLen(slot, _)
        | Op::PunchHole(slot, ..)
        | Op::ChmodOpen(slot, _)
        | Op::StatOpen(slot)) = op
        else {
            return Err(Error::new(ErrorKind::Unsupported, "handle"));
        };
        let Some(file) = self.handles.get(slot) else {
            return Ok(Answer::NoHandle);
        };
        match op {
            Op::WriteAt(_, at, bytes) => file.write_at(bytes, *at)?,
            Op::AppendTo(_, bytes) => drop(file.append(bytes)?),
            Op::ReadAt(_, at, len) => {
                let mut into = vec![0; *len];
                let got = file.read_at(&mut into, *at)?;
                into.truncate(got);
                return Ok(Answer::Bytes(into));
            }
            Op::SetLen(_, size) => file.set_len(*size)?,
            Op::PunchHole(_, at, len) => file.punch_hole(*at, *len)?,
            Op::ChmodOpen(_, mode) => file.set_attr(&SetAttr::mode(*mode))?,
            _ => return Ok(Answer::Stat(stat(&file.metadata()?))),
        }
        Ok(Answer::Done)
    }

    /// Everything there is, in order.
    pub fn tree(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        let mut first: HashMap<FileId, String> = HashMap::new();
        let mut pending = vec![String::new()];
        while let Some(dir) = pending.pop() {
            let listed = if dir.is_empty() { "/" } else { &dir };
            for (name, kind) in self.names(listed).unwrap() {
                let path = format!("{dir}/{name}");
                let place = VPath::new(&path).unwrap();
                let found = self.backend.stat(At::path(&place)).unwrap();
                let content = match kind {
                    FileKind::File => Answer::Bytes(self.fs.read(&path).unwrap()),
                    FileKind::Symlink => {
                        let target = self.fs.read_link(&path).unwrap();
                        Answer::Text(target.to_str().unwrap().to_owned())
                    }
                    _ => Answer::Done,
                };
                let mut xattrs = Vec::new();
                if matches!(kind, FileKind::File | FileKind::Directory) {
                    for name in ["user.a", "user.b"] {
                        if let Ok(value) = self.fs.get_xattr(&path, name) {
                            xattrs.push((name.to_owned(), value));
                        }
                    }
                }
                if kind == FileKind::Directory {
                    pending.push(path.clone());
                }
                let same_as = first
                    .entry(found.id)
                    .or_insert_with(|| path.clone())
                    .clone();
                leaves.push(Leaf {
                    path,
                    stat: stat(&found),
                    content,
                    xattrs,
                    same_as,
                });
            }
        }
        leaves.sort_by(|a, b| a.path.cmp(&b.path));
        leaves
    }
}
