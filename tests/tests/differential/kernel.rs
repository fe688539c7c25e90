//! The oracle: a folder of the real kernel, through system calls of our own, with that folder as the root (`openat2`, `RESOLVE_IN_ROOT`).

use std::any::Any;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use fs_core::{FileKind, Time};
use rustix::fs::{
    AtFlags, Dir, FallocateFlags, FileType, Gid, Mode as Bits, OFlags, RawMode, RenameFlags,
    ResolveFlags, Stat as RawStat, Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;

use super::answer::{Answer, Leaf, Stat};
use super::op::{How, Mode, Op};

type Result<T> = std::result::Result<T, Errno>;

pub struct Kernel {
    root: OwnedFd,
    handles: HashMap<usize, (OwnedFd, How)>,
    _guard: Box<dyn Any>,
}

/// Parent and last name of a path; operations never end in `.` or `..`.
fn split(path: &str) -> (&str, &str) {
    let at = path.rfind('/').unwrap_or(0);
    (&path[..at], &path[at + 1..])
}

fn kind(mode: RawMode) -> FileKind {
    FileKind::from_mode(mode).unwrap()
}

fn stat(raw: &RawStat) -> Stat {
    let mtime = Time::from_parts(raw.st_mtime, raw.st_mtime_nsec as i64);
    let size = u64::try_from(raw.st_size).unwrap();
    Stat::new(
        (kind(raw.st_mode), raw.st_mode & 0o7777),
        (raw.st_uid, raw.st_gid),
        raw.st_nlink,
        size,
        mtime,
    )
}

impl Kernel {
    /// On a filesystem in memory where there is one that keeps extended attributes.
    pub fn new() -> Self {
        let shm = tempfile::tempdir_in("/dev/shm").ok().filter(|dir| {
            rustix::fs::setxattr(dir.path(), "user.probe", b"", XattrFlags::empty()).is_ok()
                && rustix::fs::removexattr(dir.path(), "user.probe").is_ok()
        });
        let dir = shm.unwrap_or_else(|| tempfile::tempdir().unwrap());
        let root = dir.path().to_owned();
        Self::over(&root, dir)
    }

    /// In an empty folder; `guard` is kept as long.
    pub fn over(root: &Path, guard: impl Any) -> Self {
        rustix::process::umask(Bits::empty());
        // Whatever the mask was when the folder was made.
        rustix::fs::chmod(root, Bits::from_raw_mode(0o755)).unwrap();
        rustix::fs::chmod(root, Bits::from_raw_mode(0o755)).unwrap();
        let root = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY, Bits::empty());
        Self {
            root: root.unwrap(),
            handles: HashMap::new(),
            _guard: Box::new(guard),
        }
    }

    fn open(&self, path: &str, flags: OFlags, mode: u32) -> Result<OwnedFd> {
        let path = if path.is_empty() { "/" } else { path };
        let flags = flags | OFlags::CLOEXEC;
        // A rename anywhere on the machine makes a walk up (`..`) fail with EAGAIN (openat2(2)): other tests rename a lot.
        loop {
            let opened = rustix::fs::openat2(
                &self.root,
                path,
                flags,
                Bits::from_raw_mode(mode),
                ResolveFlags::IN_ROOT,
            );
            if opened.as_ref().err() != Some(&Errno::AGAIN) {
                return opened;
            }
        }
    }

    fn parent<'a>(&self, path: &'a str) -> Result<(OwnedFd, &'a str)> {
        let (parent, name) = split(path);
        Ok((
            self.open(parent, OFlags::PATH | OFlags::DIRECTORY, 0)?,
            name,
        ))
    }

    fn lstat(&self, path: &str) -> Result<RawStat> {
        if path == "/" {
            return rustix::fs::fstat(&self.root);
        }
        let (dir, name) = self.parent(path)?;
        rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The way the kernel offers to what only takes paths: a followed place as a path.
    fn place(&self, path: &str) -> Result<(OwnedFd, String)> {
        let fd = self.open(path, OFlags::PATH, 0)?;
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        Ok((fd, path))
    }

    /// Opens a regular file; `None` for what would block or act strangely.
    fn file(&self, path: &str, flags: OFlags) -> Result<Option<OwnedFd>> {
        let fd = match self.open(
            path,
            flags | OFlags::NONBLOCK,
            if flags.contains(OFlags::CREATE) {
                0o644
            } else {
                0
            },
        ) {
            Err(Errno::NXIO) => return Ok(None),
            other => other?,
        };
        let raw = rustix::fs::fstat(&fd)?;
        match kind(raw.st_mode) {
            FileKind::File => Ok(Some(fd)),
            FileKind::Directory => Err(Errno::ISDIR),
            _ => Ok(None),
        }
    }

    fn rename(&self, from: &str, to: &str, mode: Mode) -> Result<()> {
        let (from_dir, from) = self.parent(from)?;
        let (to_dir, to) = self.parent(to)?;
        let flags = match mode {
            Mode::Replace => RenameFlags::empty(),
            Mode::NoReplace => RenameFlags::NOREPLACE,
            Mode::Exchange => RenameFlags::EXCHANGE,
        };
        rustix::fs::renameat_with(from_dir, from, to_dir, to, flags)
    }

    fn link(&self, from: &str, to: &str) -> Result<()> {
        self.lstat(from)?;
        let (from_dir, from) = self.parent(from)?;
        let (to_dir, to) = self.parent(to)?;
        rustix::fs::linkat(from_dir, from, to_dir, to, AtFlags::empty())
    }

    fn set_mtime(&self, path: &str, seconds: i64, nanos: u32) -> Result<()> {
        let (_fd, place) = self.place(path)?;
        let time = rustix::fs::Timespec {
            tv_sec: seconds,
            tv_nsec: nanos.into(),
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        rustix::fs::utimensat(rustix::fs::CWD, place, &times, AtFlags::empty())
    }

    fn names(&self, path: &str) -> Result<Vec<(String, FileKind)>> {
        let fd = self.open(path, OFlags::RDONLY | OFlags::DIRECTORY, 0)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(fd)? {
            let entry = entry?;
            let name = entry.file_name().to_str().unwrap().to_owned();
            if name != "." && name != ".." {
                names.push((name, kind(FileType::as_raw_mode(entry.file_type()))));
            }
        }
        names.sort();
        Ok(names)
    }

    fn read_all(fd: impl AsFd) -> Result<Vec<u8>> {
        let mut out = vec![0; 1 << 20];
        let mut len = 0;
        loop {
            match rustix::io::pread(&fd, &mut out[len..], len as u64)? {
                0 => break,
                got => len += got,
            }
            if len == out.len() {
                out.resize(len * 2, 0);
            }
        }
        out.truncate(len);
        Ok(out)
    }

    fn write_all(fd: impl AsFd, bytes: &[u8], mut at: u64) -> Result<()> {
        let mut rest = bytes;
        loop {
            let got = rustix::io::pwrite(&fd, rest, at)?;
            rest = &rest[got..];
            at += got as u64;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn append_to(fd: impl AsFd, bytes: &[u8]) -> Result<()> {
        let end = rustix::fs::fstat(&fd)?.st_size;
        Self::write_all(fd, bytes, u64::try_from(end).unwrap())
    }

    fn get_xattr(place: &str, name: impl AsRef<OsStr>) -> Result<Vec<u8>> {
        let mut value = vec![0; 4096];
        let name: &Path = name.as_ref().as_ref();
        let len = rustix::fs::getxattr(place, name, &mut value)?;
        value.truncate(len);
        Ok(value)
    }

    pub fn has_handles(&self) -> bool {
        !self.handles.is_empty()
    }

    pub fn apply(&mut self, op: &Op) -> Answer {
        self.answer(op)
            .unwrap_or_else(|error| Answer::Failed(error.raw_os_error()))
    }

    fn answer(&mut self, op: &Op) -> Result<Answer> {
        let on_file = |fd: Option<OwnedFd>, work: &dyn Fn(OwnedFd) -> Result<Answer>| match fd {
            Some(fd) => work(fd),
            None => Ok(Answer::Special),
        };
        Ok(match op {
            Op::Mkdir(path, mode) => {
                let (dir, name) = self.parent(path)?;
                rustix::fs::mkdirat(dir, name, Bits::from_raw_mode(*mode))?;
                Answer::Done
            }
            Op::Mkfifo(path) => {
                let (dir, name) = self.parent(path)?;
                rustix::fs::mknodat(dir, name, FileType::Fifo, Bits::from_raw_mode(0o644), 0)?;
                Answer::Done
            }
            Op::CreateNew(path, mode) => {
                let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
                self.open(path, flags, *mode)?;
                Answer::Done
            }
            Op::Write(path, bytes) => {
                let fd = self.file(path, OFlags::WRONLY | OFlags::CREATE)?;
                on_file(fd, &|fd| {
                    rustix::fs::ftruncate(&fd, 0)?;
                    Self::write_all(fd, bytes, 0)?;
                    Ok(Answer::Done)
                })?
            }
            Op::Append(path, bytes) => {
                let fd = self.file(path, OFlags::WRONLY | OFlags::CREATE)?;
                on_file(fd, &|fd| Self::append_to(fd, bytes).map(|()| Answer::Done))?
            }
            Op::Truncate(path, size) => {
                let fd = self.file(path, OFlags::WRONLY)?;
                on_file(fd, &|fd| {
                    rustix::fs::ftruncate(fd, *size).map(|()| Answer::Done)
                })?
            }
            Op::Unlink(path) => {
                let (dir, name) = self.parent(path)?;
                rustix::fs::unlinkat(dir, name, AtFlags::empty())?;
                Answer::Done
            }
            Op::Rmdir(path) => {
                let (dir, name) = self.parent(path)?;
                rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)?;
                Answer::Done
            }
            Op::Rename(from, to, mode) => {
                self.rename(from, to, *mode)?;
                Answer::Done
            }
            Op::Symlink(target, path) => {
                let (dir, name) = self.parent(path)?;
                rustix::fs::symlinkat(target.as_str(), dir, name)?;
                Answer::Done
            }
            Op::Link(from, to) => {
                self.link(from, to)?;
                Answer::Done
            }
            Op::Chmod(path, mode) => {
                let (_fd, place) = self.place(path)?;
                rustix::fs::chmod(place, Bits::from_raw_mode(*mode))?;
                Answer::Done
            }
            Op::Chown(path, uid, gid) => {
                let (_fd, place) = self.place(path)?;
                let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
                rustix::fs::chown(place, uid, gid)?;
                Answer::Done
            }
            Op::SetMtime(path, seconds, nanos) => {
                self.set_mtime(path, *seconds, *nanos)?;
                Answer::Done
            }
            Op::SetXattr(path, name, value) => {
                let (_fd, place) = self.place(path)?;
                rustix::fs::setxattr(place, *name, value, XattrFlags::empty())?;
                Answer::Done
            }
            Op::RemoveXattr(path, name) => {
                let (_fd, place) = self.place(path)?;
                rustix::fs::removexattr(place, *name)?;
                Answer::Done
            }
            Op::GetXattr(path, name) => {
                let (_fd, place) = self.place(path)?;
                Answer::Bytes(Self::get_xattr(&place, name)?)
            }
            Op::Read(path) => {
                let fd = self.file(path, OFlags::RDONLY)?;
                on_file(fd, &|fd| Self::read_all(fd).map(Answer::Bytes))?
            }
            Op::Stat(path) => {
                let fd = self.open(path, OFlags::PATH, 0)?;
                Answer::Stat(stat(&rustix::fs::fstat(fd)?))
            }
            Op::Lstat(path) => Answer::Stat(stat(&self.lstat(path)?)),
            Op::List(path) => Answer::Names(self.names(path)?),
            Op::ReadLink(path) => {
                let (dir, name) = self.parent(path)?;
                let target = rustix::fs::readlinkat(dir, name, Vec::new())?;
                Answer::Text(target.into_string().unwrap())
            }
            Op::RemoveAll(path) => {
                self.remove_all(path)?;
                Answer::Done
            }
            Op::ListXattrs(path) => {
                let (_fd, place) = self.place(path)?;
                let mut names = vec![0; 4096];
                let len = rustix::fs::listxattr(place, &mut names)?;
                let names = String::from_utf8(names[..len].to_vec()).unwrap();
                let mut names: Vec<&str> = names.split_terminator('\0').collect();
                names.retain(|name| name.starts_with("user."));
                names.sort_unstable();
                Answer::Text(names.join(" "))
            }
            Op::Open(slot, path, how) => {
                let flags = match how {
                    How::ReadWrite => OFlags::RDWR,
                    How::Read => OFlags::RDONLY,
                    How::Write => OFlags::WRONLY,
                    How::Truncate => OFlags::RDWR | OFlags::TRUNC,
                    How::Create => OFlags::RDWR | OFlags::CREATE,
                    How::CreateNew => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
                };
                match self.file(path, flags)? {
                    Some(fd) => {
                        self.handles.insert(*slot, (fd, *how));
                        Answer::Done
                    }
                    None => Answer::Special,
                }
            }
            Op::Close(slot) => {
                self.handles.remove(slot);
                Answer::Done
            }
            Op::WriteAt(slot, ..)
            | Op::AppendTo(slot, _)
            | Op::ReadAt(slot, ..)
            | Op::SetLen(slot, _)
            | Op::PunchHole(slot, ..)
            | Op::ChmodOpen(slot, _)
            | Op::StatOpen(slot) => match self.handles.get(slot) {
                // ftruncate(2) says EINVAL where everything else says EBADF; we have one answer.
                Some((_, How::Read)) if matches!(op, Op::SetLen(..)) => return Err(Errno::BADF),
                Some((fd, _)) => Self::on_handle(fd, op)?,
                None => Answer::NoHandle,
            },
        })
    }

    fn on_handle(fd: &OwnedFd, op: &Op) -> Result<Answer> {
        Ok(match op {
            Op::WriteAt(_, at, bytes) => {
                Self::write_all(fd, bytes, *at)?;
                Answer::Done
            }
            Op::AppendTo(_, bytes) => {
                Self::append_to(fd, bytes)?;
                Answer::Done
            }
            Op::ReadAt(_, at, len) => {
                let mut into = vec![0; *len];
                let got = rustix::io::pread(fd, &mut into[..], *at)?;
                into.truncate(got);
                Answer::Bytes(into)
            }
            Op::SetLen(_, size) => {
                rustix::fs::ftruncate(fd, *size)?;
                Answer::Done
            }
            Op::PunchHole(_, at, len) => {
                let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                rustix::fs::fallocate(fd, flags, *at, *len)?;
                Answer::Done
            }
            Op::ChmodOpen(_, mode) => {
                rustix::fs::fchmod(fd, Bits::from_raw_mode(*mode))?;
                Answer::Done
            }
            _ => Answer::Stat(stat(&rustix::fs::fstat(fd)?)),
        })
    }

    /// As `rm -r`: a link is removed itself.
    fn remove_all(&self, path: &str) -> Result<()> {
        if kind(self.lstat(path)?.st_mode) != FileKind::Directory {
            return Err(Errno::NOTDIR);
        }
        for (name, kind) in self.names(path)? {
            let inside = format!("{path}/{name}");
            if kind == FileKind::Directory {
                self.remove_all(&inside)?;
            } else {
                let (dir, name) = self.parent(&inside)?;
                rustix::fs::unlinkat(dir, name, AtFlags::empty())?;
            }
        }
        let (dir, name) = self.parent(path)?;
        rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)
    }

    /// Everything there is, in order.
    pub fn tree(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        let mut first: HashMap<u64, String> = HashMap::new();
        let mut pending = vec![String::new()];
        while let Some(dir) = pending.pop() {
            for (name, kind) in self.names(&dir).unwrap() {
                let path = format!("{dir}/{name}");
                let raw = self.lstat(&path).unwrap();
                let (parent, name) = self.parent(&path).unwrap();
                let content = match kind {
                    FileKind::File => Answer::Bytes(
                        Self::read_all(self.open(&path, OFlags::RDONLY, 0).unwrap()).unwrap(),
                    ),
                    FileKind::Symlink => {
                        let target = rustix::fs::readlinkat(&parent, name, Vec::new()).unwrap();
                        Answer::Text(target.into_string().unwrap())
                    }
                    _ => Answer::Done,
                };
                let mut xattrs = Vec::new();
                if matches!(kind, FileKind::File | FileKind::Directory) {
                    let (_fd, place) = self.place(&path).unwrap();
                    for name in ["user.a", "user.b"] {
                        if let Ok(value) = Self::get_xattr(&place, name) {
                            xattrs.push((name.to_owned(), value));
                        }
                    }
                }
                if kind == FileKind::Directory {
                    pending.push(path.clone());
                }
                let same_as = first
                    .entry(raw.st_ino)
                    .or_insert_with(|| path.clone())
                    .clone();
                leaves.push(Leaf {
                    path,
                    stat: stat(&raw),
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
