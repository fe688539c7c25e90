//! The one trait a filesystem implements.

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::Extensions;
use crate::file::{File, OpenOptions, Staged};
use crate::listing::Listing;
use crate::metadata::{FileId, Metadata, NewNode, SetAttr};
use crate::path::VPath;

/// A node that stays the same file while names change: an `O_PATH` descriptor, or a counted inode.
#[derive(Clone)]
pub struct Node {
    id: FileId,
    pin: Arc<dyn Any + Send + Sync>,
}

impl Node {
    /// For backends: `pin` is what the backend gets back through [`Node::pin`].
    pub fn new(id: FileId, pin: impl Any + Send + Sync) -> Self {
        Self {
            id,
            pin: Arc::new(pin),
        }
    }

    /// As [`Node::new`], of a `pin` the backend holds as well and gets back through [`Node::shared_pin`].
    pub fn shared(id: FileId, pin: Arc<dyn Any + Send + Sync>) -> Self {
        Self { id, pin }
    }

    /// Which file it is.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// The backend's own part, if it is a `T`.
    pub fn pin<T: Any>(&self) -> Option<&T> {
        self.pin.downcast_ref()
    }

    /// The backend's own part of a [`Node::shared`], if it is a `T`.
    pub fn shared_pin<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.pin).downcast().ok()
    }

    /// Do both hold on to the same place by the same [`Node::shared`] pin? Two pins of one node may be different all the same.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pin, &other.pin)
    }
}

/// Where: a path, from the root or from a pinned directory (as the `*at` calls do). An empty (root) path with `dir` is the pinned node itself.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// The directory the path starts from; `None`: the root.
    pub dir: Option<&'a Node>,
    /// The way from there.
    pub path: &'a VPath,
    /// Whether a link in the last (and any other) component is followed.
    pub follow: Follow,
}

impl<'a> At<'a> {
    /// A path from the root, following nothing.
    pub fn path(path: &'a VPath) -> Self {
        Self {
            dir: None,
            path,
            follow: Follow::Never,
        }
    }

    /// A path from a pinned directory, following nothing.
    pub fn in_dir(dir: &'a Node, path: &'a VPath) -> Self {
        Self {
            dir: Some(dir),
            path,
            follow: Follow::Never,
        }
    }

    /// The same place, links followed by the backend.
    #[must_use]
    pub fn following(self) -> Self {
        Self {
            follow: Follow::ByBackend,
            ..self
        }
    }
}

/// Who follows symbolic links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Nobody here: the path was resolved before. A link in the middle is `NotADirectory`, as the last component it is itself.
    /// (Self-resolving backends let the system walk the middle; only the last component is certain not to be followed.)
    Never,
    /// Nobody, in no component: a link in the middle is `NotADirectory` on self-resolving backends too. Honoured by those only with capability
    /// `REFUSES_LINKS`.
    Nowhere,
    /// The backend, all of them. Honoured only with capability `SELF_RESOLVING`.
    ByBackend,
}

impl Follow {
    /// The same for all but the last component, which is kept.
    #[must_use]
    pub fn keeping_last(self) -> Self {
        match self {
            Self::ByBackend => Self::Never,
            kept => kept,
        }
    }

    /// How the folders on the way to the last component are reached.
    #[must_use]
    pub fn on_the_way(self) -> Self {
        match self {
            Self::Never => Self::ByBackend,
            way => way,
        }
    }
}

/// What happens to the target name of a rename or a staged commit (`rename(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameMode {
    /// A file replaces what is no directory, a directory an empty directory.
    Replace,
    /// `AlreadyExists` when the name is taken.
    NoReplace,
    /// Source and target swap; both must exist.
    Exchange,
    /// As `Replace`, and a whiteout takes the source's name. (For a staged node: as `Replace`.)
    LeaveWhiteout,
}

/// A change, as data, so that middleware, journal and undo wrap one method.
#[derive(Clone, Copy)]
pub enum Change<'a> {
    /// A new node; `AlreadyExists` when the name is taken.
    Create(At<'a>, &'a NewNode),
    /// A second name (`to`) for a file (`from`); a link is linked itself. Directories: `NotPermitted`.
    Link {
        /// The file.
        from: At<'a>,
        /// Its new name.
        to: At<'a>,
    },
    /// Renames (`rename(2)`): two links of one inode are left alone; a directory into itself is `IntoItself`.
    Rename {
        /// Old name.
        from: At<'a>,
        /// New name.
        to: At<'a>,
        /// What happens to the target.
        mode: RenameMode,
    },
    /// Removes a name of anything but a directory (`IsADirectory`).
    Unlink(At<'a>),
    /// Removes an empty directory.
    Rmdir(At<'a>),
    /// Changes attributes.
    SetAttr(At<'a>, &'a SetAttr),
    /// Sets an extended attribute, or removes it (`None`; `XattrNotFound` when absent).
    SetXattr(At<'a>, &'a OsStr, Option<&'a [u8]>),
}

impl<'a> Change<'a> {
    /// Its name in errors and logs.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Create(_, new) => match new.kind.kind() {
                crate::FileKind::Directory => "create folder",
                crate::FileKind::Symlink => "create link",
                _ => "create",
            },
            Self::Link { .. } => "link",
            Self::Rename { .. } => "rename",
            Self::Unlink(_) => "remove",
            Self::Rmdir(_) => "remove folder",
            Self::SetAttr(..) => "set attributes",
            Self::SetXattr(..) => "set extended attribute",
        }
    }

    /// The place it changes (of a rename the source, of a link the new name).
    pub fn at(&self) -> At<'a> {
        match *self {
            Self::Create(at, _)
            | Self::Unlink(at)
            | Self::Rmdir(at)
            | Self::SetAttr(at, _)
            | Self::SetXattr(at, ..) => at,
            Self::Link { to, .. } => to,
            Self::Rename { from, .. } => from,
        }
    }
}

/// What a listing shall contain.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// Metadata with each entry.
    pub metadata: bool,
    /// Only names after this one in byte order (needs `SORTED_LISTING`).
    pub after: Option<crate::path::Name>,
}

impl Want {
    /// Names and kinds.
    pub fn names() -> Self {
        Self::default()
    }

    /// Names, kinds and metadata.
    pub fn metadata() -> Self {
        Self {
            metadata: true,
            after: None,
        }
    }
}

/// What to make durable.
#[derive(Clone, Copy)]
pub enum Scope<'a> {
    /// Everything.
    All,
    /// One file or directory.
    Node(At<'a>),
}

/// A filesystem.
///
/// Every method may be called from any thread at any time; each is atomic by itself. A call that returned is visible to every reader and survives a
/// kill of the process; it survives a power cut after [`Backend::sync`]. Errors carry the path given here.
///
/// `capabilities`, `stat`, `list` and `open` make a readable filesystem; `change` makes it writable; the rest has defaults that answer `Unsupported`
/// or do the work one piece at a time.
pub trait Backend: Send + Sync {
    /// What can be done at `at` (a host folder may hold a read-only mount).
    fn capabilities(&self, at: At<'_>) -> Capabilities;

    /// Metadata (`lstat(2)`).
    fn stat(&self, at: At<'_>) -> Result<Metadata>;

    /// The entries of a directory, without `.` and `..`. Links are listed as links. `NotADirectory`, `NotFound`.
    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>>;

    /// Opens a regular file. `IsADirectory`; `SymlinkLoop` when the last component is a link that is not to be followed; never blocks on a fifo.
    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>>;

    /// Makes one change.
    fn change(&self, change: &Change<'_>) -> Result<()> {
        Err(Error::new(ErrorKind::ReadOnly, change.operation()).with_path(change.at().path))
    }

    /// Prepares a node that appears at `at` when it is committed. Its parent must exist.
    fn stage(&self, at: At<'_>, _new: &NewNode) -> Result<Box<dyn Staged>> {
        Err(Error::new(ErrorKind::Unsupported, "stage").with_path(at.path))
    }

    /// Makes changes in order, where possible in one durable step; one failing does not undo or stop the others.
    fn change_all(&self, changes: &[Change<'_>]) -> Vec<Result<()>> {
        changes.iter().map(|change| self.change(change)).collect()
    }

    /// Commits staged nodes, where possible in one durable step.
    fn commit_all(&self, staged: Vec<(Box<dyn Staged>, RenameMode)>) -> Vec<Result<FileId>> {
        staged
            .into_iter()
            .map(|(staged, mode)| staged.commit(mode))
            .collect()
    }

    /// Returns when all that was returned before would survive a power cut. The default is for content that can't survive one anyway.
    fn sync(&self, _scope: Scope<'_>) -> Result<()> {
        Ok(())
    }

    /// Holds on to a node.
    fn pin(&self, at: At<'_>) -> Result<Node> {
        Err(Error::new(ErrorKind::Unsupported, "pin").with_path(at.path))
    }

    /// The target of a symbolic link, verbatim. `NotASymlink`.
    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        Err(Error::new(ErrorKind::Unsupported, "read link").with_path(at.path))
    }

    /// The value of an extended attribute. `XattrNotFound`.
    fn get_xattr(&self, at: At<'_>, _name: &OsStr) -> Result<Vec<u8>> {
        Err(Error::new(ErrorKind::Unsupported, "get extended attribute").with_path(at.path))
    }

    /// The names of the extended attributes.
    fn list_xattrs(&self, _at: At<'_>) -> Result<Vec<OsString>> {
        Ok(Vec::new())
    }

    /// Powers only some filesystems have.
    fn extensions(&self) -> Extensions<'_> {
        Extensions::default()
    }

    /// Makes everything durable and lets go of files and locks; later calls answer `Closed`. Dropping does the same but can't report errors.
    fn close(&self) -> Result<()> {
        self.sync(Scope::All)
    }
}

macro_rules! forward {
    ($($ty:ty),*) => {$(
        impl<T: Backend + ?Sized> Backend for $ty {
            fn capabilities(&self, at: At<'_>) -> Capabilities {
                (**self).capabilities(at)
            }
            fn stat(&self, at: At<'_>) -> Result<Metadata> {
                (**self).stat(at)
            }
            fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
                (**self).list(at, want)
            }
            fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
                (**self).open(at, how)
            }
            fn change(&self, change: &Change<'_>) -> Result<()> {
                (**self).change(change)
            }
            fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
                (**self).stage(at, new)
            }
            fn change_all(&self, changes: &[Change<'_>]) -> Vec<Result<()>> {
                (**self).change_all(changes)
            }
            fn commit_all(&self, staged: Vec<(Box<dyn Staged>, RenameMode)>) -> Vec<Result<FileId>> {
                (**self).commit_all(staged)
            }
            fn sync(&self, scope: Scope<'_>) -> Result<()> {
                (**self).sync(scope)
            }
            fn pin(&self, at: At<'_>) -> Result<Node> {
                (**self).pin(at)
            }
            fn read_link(&self, at: At<'_>) -> Result<OsString> {
                (**self).read_link(at)
            }
            fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
                (**self).get_xattr(at, name)
            }
            fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
                (**self).list_xattrs(at)
            }
            fn extensions(&self) -> Extensions<'_> {
                (**self).extensions()
            }
            fn close(&self) -> Result<()> {
                (**self).close()
            }
        }
    )*};
}

forward!(&T, Box<T>, Arc<T>);
