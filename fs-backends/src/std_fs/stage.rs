//! Nodes that appear whole or not at all.
//!
//! A file is an unnamed inode (`O_TMPFILE`) until `linkat(2)` names it. Where that can't be, and for every other kind, it has a name of its own beside its
//! final one until `renameat2(2)`; [`super::staging_name`] tells whose it is, and sweeps what killed processes left.
//! A commit over an existing file is a new inode with the mode, owner and attributes the caller set.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::{
    At, Control, Error, ErrorKind, File, FileId, FileKind, Name, NewNode, Node, RenameMode, Result,
    SetAttr, Staged, VPath,
};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use super::change::{SET_GROUP_ID, make, refuse_live, rename};
use super::file::HostFile;
use super::reach::{Dir, Doing as _, Pin, Reach, Slot, failed, proc_path, slot};
use super::staging_name::{staging_name, sweep_once};
use super::{Shared, attr, copy, elsewhere, tree, xattr};
use crate::live_files;

/// The node behind a staged one.
enum Body {
    File(HostFile),
    Other(OwnedFd),
}

/// See [`Staged`].
pub struct HostStaged<R: Reach> {
    shared: Arc<Shared<R>>,
    dir: OwnedFd,
    name: Name,
    /// For errors.
    path: VPath,
    body: Body,
    id: FileId,
    owner: (u32, u32),
    /// The name it has before it is committed; none yet for an unnamed inode.
    staged_name: Option<OsString>,
    /// Set last: a restrictive mode would be in the way, and every write moves the times.
    last: SetAttr,
    /// The mode it has, where that is known and nothing done since could have changed it.
    mode: Option<u32>,
    /// The value of `security.capability`, which a change of owner clears.
    capability: Option<Vec<u8>>,
}

impl<R: Reach> HostStaged<R> {
    /// Makes the node, under no name or a random one.
    pub(super) fn new(shared: &Arc<Shared<R>>, at: At<'_>, new: &NewNode) -> Result<Self> {
        let slot = slot(shared.reach()?, at)?;
        let dir = slot.dir.into_owned()?;
        let kind = new.kind.kind();
        let unnamed = if kind == FileKind::File {
            make_unnamed(dir.as_fd(), new.mode)?
        } else {
            None
        };
        let (fd, staged_name) = match unnamed {
            Some(fd) => (fd, None),
            None => make_named(dir.as_fd(), new)?,
        };
        let metadata = attr::stat_fd(&fd).map_err(|e| failed(e, "stage"));
        let body = if kind == FileKind::File {
            Body::File(HostFile::new(fd, at.path.clone(), true))
        } else {
            Body::Other(fd)
        };
        let mut staged = Self {
            shared: Arc::clone(shared),
            dir,
            name: slot.name,
            path: at.path.clone(),
            body,
            id: FileId { fs: 0, ino: 0 },
            owner: (u32::MAX, u32::MAX),
            staged_name,
            last: SetAttr {
                mode: (kind != FileKind::Symlink).then_some(new.mode),
                ..SetAttr::default()
            },
            mode: None,
            capability: None,
        };
        // From here on a failure drops what was made.
        let made = metadata?;
        shared.written.note_made(made.id.fs, staged.dir.as_fd());
        if staged.staged_name.is_none() {
            staged.mode = Some(made.mode);
        }
        staged.id = made.id;
        staged.owner = (made.uid, made.gid);
        if kind == FileKind::Directory && new.owner.is_none() {
            // What a set-group-id folder gives its subfolders (mkdir(2)).
            staged.last.mode = Some(new.mode | made.mode & SET_GROUP_ID);
        }
        if let Some((uid, gid)) = new.owner {
            staged.set_attr(&SetAttr {
                uid: Some(uid),
                gid: Some(gid),
                ..SetAttr::default()
            })?;
        }
        Ok(staged)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match &self.body {
            Body::File(file) => file.as_fd(),
            Body::Other(fd) => fd.as_fd(),
        }
    }

    /// Gives an unnamed inode a name in the folder.
    fn link_as(&self, name: &OsStr) -> rustix::io::Result<()> {
        static BY_PROC: AtomicBool = AtomicBool::new(false);
        if !BY_PROC.load(Ordering::Relaxed) {
            match rustix::fs::linkat(self.fd(), "", &self.dir, name, AtFlags::EMPTY_PATH) {
                // Only who may read everything, before Linux 6.10 (or the folder is gone, as the next call will say).
                Err(Errno::NOENT) => {}
                linked => return linked,
            }
        }
        let from = proc_path(self.fd());
        rustix::fs::linkat(CWD, from, &self.dir, name, AtFlags::SYMLINK_FOLLOW)?;
        BY_PROC.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn slot(&self, name: Name) -> Slot<'_> {
        Slot {
            dir: Dir::Borrowed(self.dir.as_fd()),
            name,
        }
    }

    fn publish(&mut self, mode: RenameMode) -> Result<()> {
        let target = self.slot(self.name.clone());
        if mode != RenameMode::NoReplace {
            refuse_live(&target, live_files::is_live)?;
        }
        if self.staged_name.is_none() {
            if mode != RenameMode::Exchange {
                match self.link_as(self.name.as_os_str()) {
                    Err(Errno::EXIST) if mode != RenameMode::NoReplace => {}
                    linked => return linked.map_err(|e| failed(e, "commit")),
                }
            }
            sweep_once(self.dir.as_fd());
            let name = staging_name();
            self.link_as(&name).map_err(|e| failed(e, "commit"))?;
            self.staged_name = Some(name);
        }
        if let (Body::File(file), true) = (&self.body, mode != RenameMode::NoReplace) {
            // New bytes are safe before old bytes go, after a power cut too.
            file.sync(true)?;
        }
        let Some(name) = &self.staged_name else {
            return Ok(());
        };
        let from = self.slot(Name::new(name)?);
        let to = self.slot(self.name.clone());
        // The system's whiteout would take the staging name, which was never visible.
        let mode = match mode {
            RenameMode::LeaveWhiteout => RenameMode::Replace,
            mode => mode,
        };
        rename(&from, &to, mode)?;
        if mode == RenameMode::Exchange {
            // What was there has the staging name now, and goes when this is dropped.
            return Ok(());
        }
        self.staged_name = None;
        Ok(())
    }
}

/// An unnamed file; `None` where the filesystem has none.
///
/// Whoever has no descriptor of it can't reach it, so it may have the mode `wanted` from the start, with what its owner needs to prepare it.
fn make_unnamed(dir: BorrowedFd<'_>, wanted: u32) -> Result<Option<OwnedFd>> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(wanted & 0o777) | Mode::RUSR | Mode::WUSR;
    match rustix::fs::openat(dir, ".", flags, mode) {
        Ok(fd) => Ok(Some(fd)),
        // Unknown to the filesystem, or to the kernel, which then sees a folder opened for writing (open(2)).
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => Ok(None),
        Err(e) => Err(failed(e, "stage")),
    }
}

/// A node under a random name.
fn make_named(dir: BorrowedFd<'_>, new: &NewNode) -> Result<(OwnedFd, Option<OsString>)> {
    let private = match new.kind.kind() {
        FileKind::Directory => 0o700,
        _ => 0o600,
    };
    sweep_once(dir);
    let name = staging_name();
    make(dir, &name, new, private).map_err(|e| failed(e, "stage"))?;
    let access = match new.kind.kind() {
        FileKind::File => OFlags::RDWR,
        _ => OFlags::PATH,
    };
    let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(dir, &name, flags, Mode::empty()) {
        Ok(fd) => Ok((fd, Some(name))),
        Err(e) => {
            tree::remove(dir, &name)?;
            Err(failed(e, "stage"))
        }
    }
}

impl<R: Reach> Staged for HostStaged<R> {
    fn file(&mut self) -> Option<&mut dyn File> {
        // It could be given another mode by it.
        self.mode = None;
        match &mut self.body {
            Body::File(file) => Some(file),
            Body::Other(_) => None,
        }
    }

    fn set_attr(&mut self, attr: &SetAttr) -> Result<()> {
        if let Some(size) = attr.size {
            match &self.body {
                Body::File(file) => file.set_len(size)?,
                Body::Other(_) => {
                    return Err(
                        Error::new(ErrorKind::InvalidInput, "set attributes").with_path(&self.path)
                    );
                }
            }
        }
        let (uid, gid) = self.owner;
        let wanted = (
            attr.uid.filter(|wanted| *wanted != uid),
            attr.gid.filter(|wanted| *wanted != gid),
        );
        if wanted != (None, None) {
            self.mode = None;
        }
        attr::set_owner(self.fd(), wanted.0, wanted.1).doing("set attributes", &self.path)?;
        self.owner = (wanted.0.unwrap_or(uid), wanted.1.unwrap_or(gid));
        self.last = SetAttr {
            mode: attr.mode.or(self.last.mode),
            mtime: attr.mtime.or(self.last.mtime),
            atime: attr.atime.or(self.last.atime),
            ..SetAttr::default()
        };
        Ok(())
    }

    fn set_xattr(&mut self, name: &OsStr, value: &[u8]) -> Result<()> {
        // An access control list is the mode too.
        self.mode = None;
        xattr::set(self.fd(), name, Some(value)).doing("set extended attribute", &self.path)?;
        if name == "security.capability" {
            self.capability = Some(value.to_vec());
        }
        Ok(())
    }

    fn fill_from(&mut self, source: At<'_>, control: &Control) -> Result<bool> {
        let Body::File(file) = &self.body else {
            return Ok(false);
        };
        copy::fill(&self.shared, source, file, control).doing("copy", &self.path)
    }

    fn secure(&mut self) -> Result<()> {
        match &self.body {
            Body::File(file) => file.sync(true),
            Body::Other(_) => Ok(()),
        }
    }

    fn node(&self) -> Result<Node> {
        let fd = self
            .fd()
            .try_clone_to_owned()
            .map_err(|e| Error::from_io(e, "open").with_path(&self.path))?;
        let may_belong = elsewhere::may_belong(self.name.as_os_str());
        Ok(Node::new(self.id, Pin::new(fd, may_belong)))
    }

    fn commit(mut self: Box<Self>, mode: RenameMode) -> Result<FileId> {
        let path = self.path.clone();
        if let Some(capability) = &self.capability {
            let name = OsStr::new("security.capability");
            xattr::set(self.fd(), name, Some(capability)).doing("commit", &path)?;
        }
        let last = SetAttr {
            mode: self.last.mode.filter(|mode| Some(*mode) != self.mode),
            ..self.last
        };
        match &self.body {
            Body::File(file) => attr::set_open(file.as_fd(), &last),
            Body::Other(fd) => attr::set(fd.as_fd(), &last),
        }
        .doing("commit", &path)?;
        let shared = Arc::clone(&self.shared);
        let at_once = shared.written.is_full(self.id.fs);
        if let (Body::File(file), true) = (&self.body, at_once) {
            file.sync(false)?;
        }
        self.publish(mode).doing("commit", &path)?;
        let name = (!at_once).then_some(self.name.as_os_str());
        shared.written.note_named(self.dir.as_fd(), name);
        Ok(self.id)
    }
}

impl<R: Reach> Drop for HostStaged<R> {
    fn drop(&mut self) {
        if let Some(name) = &self.staged_name {
            // Nobody is left to tell; the name says whose it was.
            let _ = tree::remove(self.dir.as_fd(), name);
        }
    }
}
