//! How a place on the host is reached: the only thing in which the whole host and a sandboxed folder differ.
//!
//! Everything after that (the `*at` calls on a descriptor and a single name) is common.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fs_core::{At, Error, ErrorKind, Follow, Result, VPath};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// What a [`fs_core::Node`] of the host holds: an `O_PATH` descriptor, and one to read by once there was one.
pub struct Pin {
    fd: OwnedFd,
    readable: OnceLock<OwnedFd>,
    /// Its name says that it may be of a vault or store.
    pub(super) may_belong: bool,
}

impl Pin {
    /// Holds the node behind an `O_PATH` descriptor.
    pub fn new(fd: OwnedFd, may_belong: bool) -> Self {
        Self {
            fd,
            readable: OnceLock::new(),
            may_belong,
        }
    }

    /// The same node was opened for reading: what follows needs no way through `/proc`, which costs several times as much.
    pub fn keep_readable(&self, fd: OwnedFd) {
        // One is enough.
        self.readable.set(fd).ok();
    }
}

/// A way to places on the host. Its errors name no path; the caller adds the one it was given.
pub trait Reach: Send + Sync + 'static {
    /// Opens what `at` names (`open(2)`; `O_CLOEXEC` is added, and `O_NOFOLLOW` as `at.follow` says).
    fn open(&self, at: At<'_>, flags: OFlags, mode: Mode) -> Result<OwnedFd>;

    /// What `at` names, for calls that need no descriptor of it.
    fn target<'a>(&'a self, at: At<'a>) -> Result<Target<'a>> {
        opened(self, at)
    }

    /// Is `Follow::Nowhere` honoured?
    fn refuses_links(&self) -> bool;

    /// The host path of the root, when everything is below a folder.
    fn root(&self) -> Option<&Path>;

    /// The name in `dir` that listings leave out: the trash of a sandbox, in its root.
    fn hidden(&self, _dir: BorrowedFd<'_>) -> Option<OsString> {
        None
    }
}

/// What `at` names, opened.
fn opened<'a>(reach: &(impl Reach + ?Sized), at: At<'_>) -> Result<Target<'a>> {
    let opened = reach.open(at, OFlags::PATH, Mode::empty())?;
    Ok(Target {
        dir: Dir::Opened(opened),
        path: OsStr::new(""),
        flags: AtFlags::EMPTY_PATH,
    })
}

/// One `openat2(2)` that goes through no link. One on the way is no directory, as in a filesystem that does not resolve by itself.
fn open_without_links(
    dir: BorrowedFd<'_>,
    path: &OsStr,
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<OwnedFd> {
    // Anything else than a new file must have no mode.
    let mode = if flags.contains(OFlags::CREATE) {
        mode
    } else {
        Mode::empty()
    };
    match rustix::fs::openat2(dir, path, flags, mode, ResolveFlags::NO_SYMLINKS) {
        Err(Errno::LOOP) => Err(Errno::NOTDIR),
        opened => opened,
    }
}

/// A descriptor that paths count from.
pub enum Dir<'a> {
    /// One that lives elsewhere.
    Borrowed(BorrowedFd<'a>),
    /// One opened for this call.
    Opened(OwnedFd),
}

impl AsFd for Dir<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Borrowed(fd) => *fd,
            Self::Opened(fd) => fd.as_fd(),
        }
    }
}

impl Dir<'_> {
    /// A descriptor of its own.
    pub fn into_owned(self) -> Result<OwnedFd> {
        match self {
            Self::Borrowed(fd) => fd
                .try_clone_to_owned()
                .map_err(|e| Error::from_io(e, "open")),
            Self::Opened(fd) => Ok(fd),
        }
    }
}

/// An existing node: descriptor, path from it (empty: the descriptor itself) and the flags of `*at` calls.
pub struct Target<'a> {
    /// Where the path starts.
    pub dir: Dir<'a>,
    /// The way from there.
    pub path: &'a OsStr,
    /// `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH`.
    pub flags: AtFlags,
}

/// A name, taken or free, in an open directory.
pub struct Slot<'a> {
    /// The directory.
    pub dir: Dir<'a>,
    /// One component.
    pub name: fs_core::Name,
}

/// The name `at` stands for, its parent opened. Errors: `IsRoot` when it has none.
pub fn slot<'a>(reach: &impl Reach, at: At<'a>) -> Result<Slot<'a>> {
    let Some((parent, name)) = at.path.split_last() else {
        return Err(Error::new(ErrorKind::IsRoot, "open"));
    };
    let dir = match pinned(at)? {
        Some(fd) if parent.is_root() => Dir::Borrowed(fd),
        _ => Dir::Opened(reach.open(
            At {
                path: &parent,
                follow: at.follow.on_the_way(),
                ..at
            },
            OFlags::PATH | OFlags::DIRECTORY,
            Mode::empty(),
        )?),
    };
    Ok(Slot { dir, name })
}

/// The descriptor of `at.dir`. Error: `InvalidInput` when the node is of another backend.
pub fn pinned(at: At<'_>) -> Result<Option<BorrowedFd<'_>>> {
    Ok(pin(at)?.map(|pin| pin.fd.as_fd()))
}

fn pin(at: At<'_>) -> Result<Option<&Pin>> {
    let Some(node) = at.dir else {
        return Ok(None);
    };
    match node.pin::<Pin>() {
        Some(pin) => Ok(Some(pin)),
        None => Err(Error::new(ErrorKind::InvalidInput, "open")
            .with_detail("the folder belongs to another filesystem")),
    }
}

/// What `at` names as an `O_PATH` descriptor; of a pinned node that is the pin itself.
pub fn node<'a>(reach: &impl Reach, at: At<'a>) -> Result<Dir<'a>> {
    match pinned(at)? {
        Some(fd) if at.path.is_root() => Ok(Dir::Borrowed(fd)),
        _ => Ok(Dir::Opened(reach.open(at, OFlags::PATH, Mode::empty())?)),
    }
}

/// The pin of `at`, when it names the pinned node itself.
pub fn pin_itself(at: At<'_>) -> Result<Option<&Pin>> {
    Ok(pin(at)?.filter(|_| at.path.is_root()))
}

/// As [`node`], for calls that take no `O_PATH` descriptor: the descriptor to read by, if there is one, otherwise the path of the other in `/proc`.
pub fn access<'a>(reach: &impl Reach, at: At<'a>) -> Result<Access<'a>> {
    let readable = pin_itself(at)?.and_then(|pin| pin.readable.get());
    Ok(match readable {
        Some(fd) => Access::Readable(fd.as_fd()),
        None => Access::Path(node(reach, at)?),
    })
}

/// See [`access`].
pub enum Access<'a> {
    /// Open for reading.
    Readable(BorrowedFd<'a>),
    /// `O_PATH`.
    Path(Dir<'a>),
}

/// `path` without its leading slash, for calls relative to a descriptor; `.` for the root.
pub fn relative(path: &VPath) -> &OsStr {
    match path.as_os_str().as_bytes().get(1..) {
        None | Some([]) => OsStr::new("."),
        Some(rest) => OsStr::from_bytes(rest),
    }
}

/// `O_NOFOLLOW`, unless links are to be followed.
pub fn follow_flag(follow: Follow) -> OFlags {
    match follow {
        Follow::Never | Follow::Nowhere => OFlags::NOFOLLOW,
        Follow::ByBackend => OFlags::empty(),
    }
}

/// The path under which the kernel shows an open descriptor; calls on it act on the very node (`proc_pid_fd(5)`).
pub fn proc_path(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// The same node opened another way. Works for `O_PATH` descriptors; no name is looked up, so no race.
pub fn reopen(fd: BorrowedFd<'_>, flags: OFlags) -> Result<OwnedFd> {
    if flags.contains(OFlags::PATH) {
        return fd
            .try_clone_to_owned()
            .map_err(|e| Error::from_io(e, "open"));
    }
    let flags = (flags - OFlags::NOFOLLOW) | OFlags::CLOEXEC;
    rustix::fs::open(proc_path(fd), flags, Mode::empty()).map_err(|e| failed(e, "open"))
}

/// The host path an open descriptor has now, as the kernel tells it.
pub fn path_of(fd: BorrowedFd<'_>) -> Result<PathBuf> {
    rustix::fs::readlink(proc_path(fd), Vec::new())
        .map(|path| PathBuf::from(OsString::from_vec(path.into_bytes())))
        .map_err(|e| failed(e, "open"))
}

/// The error of a system call.
pub fn failed(errno: Errno, operation: &'static str) -> Error {
    Error::from_errno(errno.raw_os_error(), operation)
}

/// Says what was being done, and to what.
pub trait Doing<T> {
    /// Names the operation and, if none is known yet, the path.
    fn doing(self, operation: &'static str, path: &VPath) -> Result<T>;
}

impl<T> Doing<T> for rustix::io::Result<T> {
    fn doing(self, operation: &'static str, path: &VPath) -> Result<T> {
        self.map_err(|e| failed(e, operation).with_path(path))
    }
}

impl<T> Doing<T> for Result<T> {
    fn doing(self, operation: &'static str, path: &VPath) -> Result<T> {
        self.map_err(|e| e.with_operation(operation).or_path(path))
    }
}

/// The whole host: paths go to the system as they are.
#[derive(Debug, Default)]
pub struct WholeHost;

impl Reach for WholeHost {
    fn open(&self, at: At<'_>, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC | follow_flag(at.follow);
        let opened = match pinned(at)? {
            Some(fd) if at.path.is_root() => return reopen(fd, flags),
            Some(fd) if at.follow == Follow::Nowhere => {
                open_without_links(fd, relative(at.path), flags, mode)
            }
            None if at.follow == Follow::Nowhere => {
                open_without_links(CWD, at.path.as_os_str(), flags, mode)
            }
            Some(fd) => rustix::fs::openat(fd, relative(at.path), flags, mode),
            None => rustix::fs::openat(CWD, at.path.as_os_str(), flags, mode),
        };
        opened.map_err(|e| failed(e, "open"))
    }

    fn refuses_links(&self) -> bool {
        static KNOWN: OnceLock<bool> = OnceLock::new();
        *KNOWN.get_or_init(|| {
            let here = OsStr::new("/");
            open_without_links(CWD, here, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).is_ok()
        })
    }

    fn target<'a>(&'a self, at: At<'a>) -> Result<Target<'a>> {
        let (dir, path) = match pinned(at)? {
            Some(fd) if at.path.is_root() => (fd, OsStr::new("")),
            _ if at.follow == Follow::Nowhere => return opened(self, at),
            Some(fd) => (fd, relative(at.path)),
            None => (CWD, at.path.as_os_str()),
        };
        Ok(Target {
            dir: Dir::Borrowed(dir),
            path,
            flags: AtFlags::EMPTY_PATH
                | match at.follow {
                    Follow::Never | Follow::Nowhere => AtFlags::SYMLINK_NOFOLLOW,
                    Follow::ByBackend => AtFlags::empty(),
                },
        })
    }

    fn root(&self) -> Option<&Path> {
        None
    }
}
