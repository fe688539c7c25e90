//! The host's own files: [`StdFsBackend`], and what it shares with the sandbox of [`crate::vroot_fs`].
//!
//! One idea: [`reach`] turns a place into a descriptor (and, for names, a directory descriptor and one component); everything after
//! that is the same `*at` call for both. The host resolves paths, so both are self-resolving: with `Follow::Never` links in the middle
//! of a path are followed by the system, the last component never is.
//!
//! Needs Linux 4.16 or later and a mounted `/proc`.

mod attr;
mod capabilities;
mod change;
mod copy;
mod elsewhere;
mod file;
mod list;
mod open;
pub(crate) mod reach;
mod stage;
mod staging_name;
mod sync;
mod trash;
mod tree;
mod watch;
mod xattr;

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::{
    At, Backend, Capabilities, Change, Error, ErrorKind, Extensions, File, Listing, Metadata,
    NewNode, Node, OpenOptions, Result, Scope, Staged, VPath, Want,
};
use rustix::fs::{Mode, OFlags};

use reach::{Doing as _, Pin, Reach, WholeHost};

pub(crate) use attr::{stat_at, stat_fd};
pub use staging_name::STAGING_PREFIX;
pub use trash::name_on_medium as trash_name;
pub(crate) use xattr::copy as copy_xattrs;

/// The whole host: `/` is `/`. No isolation whatsoever; see [`crate::vroot_fs::VRootFsBackend`] for that.
pub type StdFsBackend = HostFs<WholeHost>;

/// A filesystem of host files, reached by `R`. Clones share everything.
pub struct HostFs<R: Reach>(Arc<Shared<R>>);

/// What a backend, its open files and its staged nodes have in common.
pub(crate) struct Shared<R> {
    reach: R,
    closed: AtomicBool,
    written: sync::Written,
    watching: watch::Watching,
    /// The desktop's trash; `None` below a folder, which has its own, and for a user without a home.
    home_trash: Option<VPath>,
}

impl<R: Reach> fs_core::SelfResolving for HostFs<R> {}

impl<R: Reach> Clone for HostFs<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl StdFsBackend {
    /// The host as this process sees it.
    pub fn new() -> Self {
        Self::reaching(WholeHost, trash::home_trash())
    }

    /// The host, with another folder than the desktop's as the home trash.
    pub fn with_home_trash(trash: VPath) -> Self {
        Self::reaching(WholeHost, Some(trash))
    }
}

impl Default for StdFsBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Reach> HostFs<R> {
    /// A filesystem of what `reach` reaches.
    pub(crate) fn reaching(reach: R, home_trash: Option<VPath>) -> Self {
        Self(Arc::new(Shared {
            reach,
            closed: AtomicBool::new(false),
            written: sync::Written::default(),
            watching: watch::Watching::default(),
            home_trash,
        }))
    }

    /// The way to places; `Closed` after [`Backend::close`].
    pub(crate) fn reach(&self) -> Result<&R> {
        self.0.reach()
    }
}

impl<R: Reach> Shared<R> {
    fn reach(&self) -> Result<&R> {
        if self.closed.load(Ordering::Relaxed) {
            Err(Error::new(ErrorKind::Closed, "open"))
        } else {
            Ok(&self.reach)
        }
    }
}

impl<R: Reach> Backend for HostFs<R> {
    fn capabilities(&self, at: At<'_>) -> Capabilities {
        capabilities::of(&self.0.reach, at)
    }

    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        let target = || -> Result<Metadata> {
            let target = self.reach()?.target(at)?;
            attr::stat(&target).map_err(|e| reach::failed(e, "stat"))
        };
        target().doing("stat", at.path)
    }

    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
        let reach = self.reach().doing("list", at.path)?;
        let dir = reach
            .open(at, flags, Mode::empty())
            .doing("list", at.path)?;
        // Whoever lists goes on to read, copy or remove.
        change::refuse_in_live(dir.as_fd()).doing("list", at.path)?;
        if elsewhere::may_be_blobs(at) {
            elsewhere::refuse_blobs(dir.as_fd()).doing("list", at.path)?;
        }
        let hidden = reach.hidden(dir.as_fd());
        let path = at.path.clone();
        Ok(Box::new(list::HostListing::new(
            dir,
            path,
            want.metadata,
            hidden,
        )))
    }

    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        let file = self.open_file(at, how).doing("open", at.path)?;
        Ok(Box::new(file))
    }

    fn change(&self, change: &Change<'_>) -> Result<()> {
        self.make_change(change)
            .doing(change.operation(), change.at().path)
    }

    fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        let staged = stage::HostStaged::new(&self.0, at, new).doing("stage", at.path)?;
        Ok(Box::new(staged))
    }

    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        match scope {
            Scope::All => self.0.written.sync(),
            Scope::Node(at) => self.sync_node(at).doing("sync", at.path),
        }
    }

    fn pin(&self, at: At<'_>) -> Result<Node> {
        let fd = self
            .reach()
            .and_then(|reach| reach.open(at, OFlags::PATH, Mode::empty()))
            .doing("open", at.path)?;
        let metadata = attr::stat_fd(&fd).doing("open", at.path)?;
        let may_belong = metadata.is_file() && elsewhere::may_be(at, fd.as_fd());
        Ok(Node::new(metadata.id, Pin::new(fd, may_belong)))
    }

    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        let read = || -> Result<OsString> {
            let target = self.reach()?.target(At {
                follow: at.follow.keeping_last(),
                ..at
            })?;
            match rustix::fs::readlinkat(target.dir.as_fd(), target.path, Vec::new()) {
                Ok(link) => Ok(OsString::from_vec(link.into_bytes())),
                // What the call answers to an empty path (of a descriptor) that is no link is ENOENT.
                Err(e) => match attr::stat(&target) {
                    Ok(m) if !m.is_symlink() => Err(Error::new(ErrorKind::NotASymlink, "")),
                    _ => Err(reach::failed(e, "")),
                },
            }
        };
        read().doing("read link", at.path)
    }

    fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        let operation = "get extended attribute";
        let node = self.reach().and_then(|reach| reach::access(reach, at));
        xattr::get(&node.doing(operation, at.path)?, name).doing(operation, at.path)
    }

    fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        let operation = "list extended attributes";
        let node = self.reach().and_then(|reach| reach::access(reach, at));
        xattr::list(&node.doing(operation, at.path)?).doing(operation, at.path)
    }

    fn extensions(&self) -> Extensions<'_> {
        let mut extensions = Extensions::default();
        extensions.space = Some(self);
        extensions.trash = Some(self);
        extensions.watch = Some(self);
        extensions
    }

    fn close(&self) -> Result<()> {
        self.0.written.sync()?;
        self.0.closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}
