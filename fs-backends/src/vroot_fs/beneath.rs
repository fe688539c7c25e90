//! Reaching places below one folder and nowhere else.
//!
//! On Linux the kernel decides, at every single call and without a race: `openat2(2)` with `RESOLVE_BENEATH` follows links only as long
//! as no step leaves the folder. Where that call is missing, strict-path resolves and judges the path first; somebody who swaps folders
//! between its judgement and the call that follows can then win (its documentation says so).

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use fs_core::{At, Error, ErrorKind, FileId, Follow, Result, VPath};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use strict_path::{PathBoundary, StrictPathError};

use crate::std_fs::reach::{self, Reach, failed, follow_flag, pinned, relative, reopen};
use crate::std_fs::stat_fd;

/// How often a walk is repeated when renames elsewhere disturb it (`EAGAIN`).
const RETRIES: usize = 1000;

/// Reaches what is below a folder.
#[derive(Debug)]
pub struct Beneath {
    root: OwnedFd,
    id: FileId,
    path: PathBuf,
    judge: Judge,
}

#[derive(Debug)]
enum Judge {
    Kernel,
    StrictPath(PathBoundary),
}

impl Beneath {
    pub(super) fn new(root: &Path) -> Result<Self> {
        let reached = Self::judged_by_strict_path(root)?;
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        match beneath(
            reached.root.as_fd(),
            OsStr::new("."),
            Follow::Never,
            flags,
            Mode::empty(),
        ) {
            // An old kernel, or a container that filters the call.
            Err(Errno::NOSYS | Errno::PERM) => Ok(reached),
            _ => Ok(Self {
                judge: Judge::Kernel,
                ..reached
            }),
        }
    }

    /// As on a system without `openat2`.
    pub(super) fn judged_by_strict_path(root: &Path) -> Result<Self> {
        let path = root
            .canonicalize()
            .map_err(|e| Error::from_io(e, "open sandbox"))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd =
            rustix::fs::open(&path, flags, Mode::empty()).map_err(|e| failed(e, "open sandbox"))?;
        let id = stat_fd(&fd).map_err(|e| failed(e, "open sandbox"))?.id;
        let boundary = PathBoundary::try_new(&path).map_err(judged)?;
        Ok(Self {
            root: fd,
            id,
            path,
            judge: Judge::StrictPath(boundary),
        })
    }

    /// The place inside that the descriptor of a folder has now.
    fn inside(&self, fd: BorrowedFd<'_>) -> Result<VPath> {
        let root = reach::path_of(self.root.as_fd())?;
        let path = reach::path_of(fd)?;
        let rest = path
            .strip_prefix(&root)
            .map_err(|_| Error::new(ErrorKind::EscapesRoot, "open"))?;
        VPath::new(Path::new("/").join(rest))
    }

    fn open_judged(
        &self,
        boundary: &PathBoundary,
        path: &VPath,
        follow: Follow,
        flags: OFlags,
        mode: Mode,
    ) -> Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW;
        let host = |path: &VPath| {
            let joined = boundary.strict_join(relative(path)).map_err(judged)?;
            Ok::<_, Error>(PathBuf::from(joined.interop_path()))
        };
        let (dir, name) = match (follow, path.split_last()) {
            (Follow::Never | Follow::Nowhere, Some((parent, name))) => {
                (host(&parent)?, name.as_os_str().to_owned())
            }
            _ => {
                let whole = host(path)?;
                match (whole.parent(), whole.file_name()) {
                    (Some(dir), Some(name)) if whole != self.path => (dir.into(), name.to_owned()),
                    _ => (whole, OsString::from(".")),
                }
            }
        };
        let parent = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(dir, parent, Mode::empty()).map_err(|e| failed(e, "open"))?;
        rustix::fs::openat(dir, name, flags, mode).map_err(|e| failed(e, "open"))
    }
}

/// One `openat2(2)` that cannot leave `dir`.
fn beneath(
    dir: BorrowedFd<'_>,
    path: &OsStr,
    follow: Follow,
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<OwnedFd> {
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    if follow == Follow::Nowhere {
        resolve |= ResolveFlags::NO_SYMLINKS;
    }
    for _ in 0..RETRIES {
        match rustix::fs::openat2(dir, path, flags, mode, resolve) {
            Err(Errno::AGAIN) => {}
            // Then a link on the way is no directory.
            Err(Errno::LOOP) if follow == Follow::Nowhere => return Err(Errno::NOTDIR),
            opened => return opened,
        }
    }
    Err(Errno::BUSY)
}

/// The error for what strict-path refuses, without the host path in it.
fn judged(error: StrictPathError) -> Error {
    match error {
        StrictPathError::PathEscapesBoundary { .. } => Error::new(ErrorKind::EscapesRoot, "open"),
        StrictPathError::InvalidRestriction { source, .. }
        | StrictPathError::PathResolutionError { source, .. } => Error::new(
            match Error::from_io(source, "open").kind() {
                // Links in a circle come as an error of its own making; the path itself was valid before.
                ErrorKind::Io | ErrorKind::InvalidInput => ErrorKind::SymlinkLoop,
                kind => kind,
            },
            "open",
        ),
    }
}

impl Reach for Beneath {
    fn open(&self, at: At<'_>, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let start = pinned(at)?;
        if let (Some(fd), true) = (start, at.path.is_root()) {
            return reopen(fd, flags);
        }
        let flags = flags | OFlags::CLOEXEC | follow_flag(at.follow);
        if let Judge::StrictPath(boundary) = &self.judge {
            let path = match start {
                Some(fd) => &self.inside(fd)?.append(at.path),
                None => at.path,
            };
            return self.open_judged(boundary, path, at.follow, flags, mode);
        }
        let path = relative(at.path);
        let opened = match start {
            None => beneath(self.root.as_fd(), path, at.follow, flags, mode),
            // A link may lead out of the pinned folder and still stay inside the root.
            Some(fd) => match beneath(fd, path, at.follow, flags, mode) {
                Err(Errno::XDEV) => {
                    let path = self.inside(fd)?.append(at.path);
                    beneath(self.root.as_fd(), relative(&path), at.follow, flags, mode)
                }
                opened => opened,
            },
        };
        opened.map_err(|e| match e {
            Errno::XDEV => Error::new(ErrorKind::EscapesRoot, "open"),
            e => failed(e, "open"),
        })
    }

    fn refuses_links(&self) -> bool {
        matches!(self.judge, Judge::Kernel)
    }

    fn root(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn hidden(&self, dir: BorrowedFd<'_>) -> Option<OsString> {
        if stat_fd(dir).ok()?.id != self.id {
            return None;
        }
        let name = crate::std_fs::trash_name();
        let owned = |path: &OsStr| {
            let metadata =
                crate::std_fs::stat_at(self.root.as_fd(), path, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            (metadata.is_dir() && metadata.uid == rustix::process::geteuid().as_raw()).then_some(())
        };
        owned(&name)?;
        for part in ["info", "files"] {
            let path = [name.as_bytes(), b"/", part.as_bytes()].concat();
            owned(OsStr::from_bytes(&path))?;
        }
        Some(name)
    }
}
