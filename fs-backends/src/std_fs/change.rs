//! Changes of names and attributes.

use std::ffi::OsStr;
use std::os::fd::{AsFd as _, BorrowedFd};

use fs_core::{
    At, Backend as _, Change, Error, ErrorKind, FileKind, Follow, NewKind, NewNode, OpenOptions,
    RenameMode, Result, SetAttr,
};
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

use super::reach::{Reach, Slot, failed, proc_path, slot};
use super::staging_name::sweep;
use super::{HostFs, attr, elsewhere, xattr};
use crate::live_files;

impl<R: Reach> HostFs<R> {
    pub(super) fn make_change(&self, change: &Change<'_>) -> Result<()> {
        let reach = self.reach()?;
        match *change {
            Change::Create(at, new) => self.create(at, new),
            Change::Link { from, to } => self.link(from, to),
            Change::Rename { from, to, mode } => {
                let (from, to) = (slot(reach, from)?, slot(reach, to)?);
                refuse_live(&from, live_files::holds_live)?;
                refuse_live(&to, live_files::is_live)?;
                self.0.written.note(to.dir.as_fd());
                rename(&from, &to, mode)
            }
            Change::Unlink(at) => {
                let slot = slot(reach, at)?;
                refuse_live(&slot, live_files::is_live)?;
                self.0.written.note(slot.dir.as_fd());
                rustix::fs::unlinkat(slot.dir.as_fd(), slot.name.as_os_str(), AtFlags::empty())
                    .map_err(|e| failed(e, "remove"))
            }
            Change::Rmdir(at) => {
                let slot = slot(reach, at)?;
                self.0.written.note(slot.dir.as_fd());
                remove_folder(&slot).map_err(|e| {
                    if e == Errno::EXIST {
                        Error::new(ErrorKind::DirectoryNotEmpty, "remove folder")
                    } else {
                        failed(e, "remove folder")
                    }
                })
            }
            Change::SetAttr(at, new) => self.set_attr(at, new),
            Change::SetXattr(at, name, value) => {
                let fd = reach.open(at, OFlags::PATH, Mode::empty())?;
                self.0.written.note_file(fd.as_fd());
                xattr::set(fd.as_fd(), name, value).map_err(|e| failed(e, ""))
            }
        }
    }

    fn create(&self, at: At<'_>, new: &NewNode) -> Result<()> {
        let slot = match slot(self.reach()?, at) {
            Err(e) if e.kind() == ErrorKind::IsRoot => {
                return Err(Error::new(ErrorKind::AlreadyExists, "create"));
            }
            slot => slot?,
        };
        let (dir, name) = (slot.dir.as_fd(), slot.name.as_os_str());
        self.0.written.note(dir);
        make(dir, name, new, new.mode).map_err(|e| failed(e, "create"))?;
        finish(dir, name, new).map_err(|e| {
            let flags = match new.kind.kind() {
                FileKind::Directory => AtFlags::REMOVEDIR,
                _ => AtFlags::empty(),
            };
            match rustix::fs::unlinkat(dir, name, flags) {
                Ok(()) => failed(e, "create"),
                Err(_) => {
                    failed(e, "create").with_detail("it exists, but not with these attributes")
                }
            }
        })
    }

    fn link(&self, from: At<'_>, to: At<'_>) -> Result<()> {
        let reach = self.reach()?;
        // The kernel looks at the old name first, and so must the error.
        let to = slot(reach, to).map_err(|error| self.stat(from).err().unwrap_or(error))?;
        self.0.written.note(to.dir.as_fd());
        let (dir, name) = (to.dir.as_fd(), to.name.as_os_str());
        let linked = if from.follow != Follow::ByBackend && !from.path.is_root() {
            let from = slot(reach, from)?;
            rustix::fs::linkat(
                from.dir.as_fd(),
                from.name.as_os_str(),
                dir,
                name,
                AtFlags::empty(),
            )
        } else {
            let from = reach.open(from, OFlags::PATH, Mode::empty())?;
            let from = proc_path(from.as_fd());
            rustix::fs::linkat(CWD, from, dir, name, AtFlags::SYMLINK_FOLLOW)
        };
        linked.map_err(|e| failed(e, "link"))
    }

    fn set_attr(&self, at: At<'_>, new: &SetAttr) -> Result<()> {
        let fd = self.reach()?.open(at, OFlags::PATH, Mode::empty())?;
        self.0.written.note_file(fd.as_fd());
        if let Some(size) = new.size {
            // As truncate(2) answers, where opening would speak of pipes and links.
            match attr::stat_fd(fd.as_fd()).map_err(|e| failed(e, ""))?.kind {
                FileKind::File => {}
                FileKind::Directory => return Err(Error::new(ErrorKind::IsADirectory, "")),
                _ => return Err(Error::new(ErrorKind::InvalidInput, "")),
            }
            let how = OpenOptions {
                read: false,
                ..OpenOptions::read_write()
            };
            fs_core::File::set_len(&self.open_file(at, &how)?, size)?;
        }
        attr::set(fd.as_fd(), new).map_err(|e| failed(e, ""))
    }
}

/// `rmdir(2)`. What killed processes left in it, which no listing shows, is no reason to keep it.
fn remove_folder(slot: &Slot<'_>) -> rustix::io::Result<()> {
    let remove =
        || rustix::fs::unlinkat(slot.dir.as_fd(), slot.name.as_os_str(), AtFlags::REMOVEDIR);
    match remove() {
        Err(Errno::NOTEMPTY | Errno::EXIST) => {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let name = slot.name.as_os_str();
            let folder = rustix::fs::openat(slot.dir.as_fd(), name, flags, Mode::empty())?;
            sweep(folder.as_fd());
            remove()
        }
        done => done,
    }
}

/// Refuses to touch the files of an open filesystem.
pub(super) fn refuse_live(slot: &Slot<'_>, is_live: fn(u64, u64) -> bool) -> Result<()> {
    if elsewhere::may_belong(slot.name.as_os_str()) {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = slot.name.as_os_str();
        if let Ok(node) = rustix::fs::openat(slot.dir.as_fd(), name, flags, Mode::empty()) {
            elsewhere::refuse(node.as_fd())?;
        }
    }
    if !live_files::any() {
        return Ok(());
    }
    refuse_in_live(slot.dir.as_fd())?;
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    match attr::stat_at(slot.dir.as_fd(), slot.name.as_os_str(), flags) {
        Ok(m) if is_live(m.id.fs, m.id.ino) => Err(live_files::in_use("change")),
        // What can't be looked at is the business of the call that follows.
        _ => Ok(()),
    }
}

/// Refuses a folder whose files all belong to an open filesystem.
pub(super) fn refuse_in_live(dir: BorrowedFd<'_>) -> Result<()> {
    let live = |m: fs_core::Metadata| live_files::is_live(m.id.fs, m.id.ino);
    match live_files::any() && attr::stat_fd(dir).is_ok_and(live) {
        true => Err(live_files::in_use("change")),
        false => Ok(()),
    }
}

/// Makes a node under a free name, with `mode` as far as the umask lets it.
pub(super) fn make(
    dir: BorrowedFd<'_>,
    name: &OsStr,
    new: &NewNode,
    mode: u32,
) -> rustix::io::Result<()> {
    let mode = Mode::from_raw_mode(mode & 0o7777);
    let node = |kind, device| rustix::fs::mknodat(dir, name, kind, mode, device);
    match &new.kind {
        NewKind::File => node(FileType::RegularFile, 0),
        NewKind::Directory => rustix::fs::mkdirat(dir, name, mode),
        NewKind::Symlink(target) => rustix::fs::symlinkat(target.as_os_str(), dir, name),
        NewKind::Fifo => node(FileType::Fifo, 0),
        NewKind::Socket => node(FileType::Socket, 0),
        NewKind::CharDevice(device) => node(FileType::CharacterDevice, *device),
        NewKind::BlockDevice(device) => node(FileType::BlockDevice, *device),
    }
}

/// `S_ISGID`.
pub(super) const SET_GROUP_ID: u32 = 0o2000;

/// Gives a node just made its owner and its mode. A folder keeps the set-group-id bit it got from its parent (`mkdir(2)`).
fn finish(dir: BorrowedFd<'_>, name: &OsStr, new: &NewNode) -> rustix::io::Result<()> {
    if let Some((uid, gid)) = new.owner {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        rustix::fs::chownat(dir, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    if new.kind.kind() == FileKind::Symlink {
        return Ok(());
    }
    let made = attr::stat_at(dir, name, AtFlags::SYMLINK_NOFOLLOW)?.mode;
    let inherited = match new.kind.kind() {
        FileKind::Directory if new.owner.is_none() => made & SET_GROUP_ID,
        _ => 0,
    };
    if made == new.mode | inherited {
        return Ok(());
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(dir, name, flags, Mode::empty())?;
    attr::set_mode(fd.as_fd(), new.mode | inherited)
}

/// `renameat2(2)`, with what it can't do on this filesystem done another way where that is safe.
pub(super) fn rename(from: &Slot<'_>, to: &Slot<'_>, mode: RenameMode) -> Result<()> {
    let flags = match mode {
        RenameMode::Replace => RenameFlags::empty(),
        RenameMode::NoReplace => RenameFlags::NOREPLACE,
        RenameMode::Exchange => RenameFlags::EXCHANGE,
        RenameMode::LeaveWhiteout => RenameFlags::WHITEOUT,
    };
    let kind = match (rename_with(from, to, flags), mode) {
        (Ok(()), _) => return Ok(()),
        (Err(Errno::INVAL | Errno::NOSYS), RenameMode::NoReplace) => {
            return rename_to_free_name(from, to);
        }
        (Err(Errno::INVAL), RenameMode::Replace) => ErrorKind::IntoItself,
        (Err(Errno::INVAL), _) => {
            // Either the flag is unknown to the filesystem, or one contains the other.
            match rename_with(from, from, flags) {
                Err(Errno::INVAL | Errno::NOSYS) => ErrorKind::Unsupported,
                _ => ErrorKind::IntoItself,
            }
        }
        (Err(Errno::EXIST), RenameMode::Replace | RenameMode::LeaveWhiteout) => {
            ErrorKind::DirectoryNotEmpty
        }
        (Err(e), _) => return Err(failed(e, "rename")),
    };
    Err(Error::new(kind, "rename"))
}

fn rename_with(from: &Slot<'_>, to: &Slot<'_>, flags: RenameFlags) -> rustix::io::Result<()> {
    let (old, new) = (from.name.as_os_str(), to.name.as_os_str());
    if flags.is_empty() {
        rustix::fs::renameat(from.dir.as_fd(), old, to.dir.as_fd(), new)
    } else {
        rustix::fs::renameat_with(from.dir.as_fd(), old, to.dir.as_fd(), new, flags)
    }
}

/// `NoReplace` where the filesystem has no flag for it. A new hard link is refused when the name is taken, so files go that way; a
/// folder is checked first, and could then replace only an empty folder.
fn rename_to_free_name(from: &Slot<'_>, to: &Slot<'_>) -> Result<()> {
    let stat = |slot: &Slot<'_>| {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        attr::stat_at(slot.dir.as_fd(), slot.name.as_os_str(), flags)
    };
    let source = stat(from).map_err(|e| failed(e, "rename"))?;
    match stat(to) {
        Ok(_) => return Err(Error::new(ErrorKind::AlreadyExists, "rename")),
        Err(Errno::NOENT) => {}
        Err(e) => return Err(failed(e, "rename")),
    }
    if !source.is_dir() {
        let (old, new) = (from.name.as_os_str(), to.name.as_os_str());
        let (old_dir, new_dir) = (from.dir.as_fd(), to.dir.as_fd());
        match rustix::fs::linkat(old_dir, old, new_dir, new, AtFlags::empty()) {
            Ok(()) => {
                return rustix::fs::unlinkat(old_dir, old, AtFlags::empty())
                    .map_err(|e| failed(e, "rename"));
            }
            // No hard links here: the check above has to do.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::MLINK) => {}
            Err(e) => return Err(failed(e, "rename")),
        }
    }
    match rename_with(from, to, RenameFlags::empty()) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL) => Err(Error::new(ErrorKind::IntoItself, "rename")),
        Err(Errno::EXIST | Errno::NOTEMPTY) => Err(Error::new(ErrorKind::AlreadyExists, "rename")),
        Err(e) => Err(failed(e, "rename")),
    }
}
