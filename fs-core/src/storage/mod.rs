//! The front door: a filesystem used as one uses `std::fs`.
//!
//! [`FileStorage`] takes raw paths, resolves them with a [`PathResolver`] and speaks to the [`Backend`]. Names and meanings are those of
//! `std::fs`; where a virtual filesystem can do better (a `write` that readers see whole or not at all), it does.

mod attributes;
mod content;
mod directory;
mod remove;
mod stream;

use std::path::{Path, PathBuf};

use crate::backend::{At, Backend, Change, RenameMode, Scope};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::Space;
use crate::metadata::{Metadata, NewNode};
use crate::path::VPath;
use crate::resolve::{Last, PathResolver, PosixResolver, Resolved, ends_in_slash};

pub use directory::{DirEntry, ReadDir};
pub use stream::{ReadStream, WriteStream};

/// When a change is made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before the call returns; on a self-resolving (host) backend as `std::fs` does it: when the system gets to it.
    #[default]
    EachCall,
    /// At [`FileStorage::sync`] or [`FileStorage::fsync`]. What returned is visible and survives a kill all the same.
    OnSync,
}

/// A backend behind the interface of `std::fs`. Paths are absolute; `..` stays inside.
#[derive(Clone, Debug)]
pub struct FileStorage<B, R = PosixResolver> {
    backend: B,
    resolver: R,
    durability: Durability,
}

impl<B: Backend> FileStorage<B> {
    /// A storage whose paths are resolved here, the same for every backend.
    pub fn new(backend: B) -> Self {
        Self::with_resolver(backend, PosixResolver)
    }
}

impl<B: Backend, R: PathResolver> FileStorage<B, R> {
    /// A storage with another resolver, such as [`NoOpResolver`](crate::NoOpResolver) over a host backend.
    pub fn with_resolver(backend: B, resolver: R) -> Self {
        Self {
            backend,
            resolver,
            durability: Durability::default(),
        }
    }

    /// The same storage with another durability.
    #[must_use]
    pub fn with_durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// The backend below.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// Gives the backend back.
    pub fn into_backend(self) -> B {
        self.backend
    }

    /// What can be done at the root.
    pub fn capabilities(&self) -> Capabilities {
        self.backend.capabilities(At::path(&VPath::root()))
    }

    /// Everything done so far survives a power cut.
    pub fn sync(&self) -> Result<()> {
        self.backend.sync(Scope::All)
    }

    /// Content and metadata of one file survive a power cut. `NotFound`.
    pub fn fsync(&self, path: impl AsRef<Path>) -> Result<()> {
        let place = self.existing(path.as_ref())?;
        self.backend.sync(Scope::Node(place.at()))
    }

    /// How full it is. `Unsupported` where nobody counts.
    pub fn statfs(&self) -> Result<Space> {
        match self.backend.extensions().space {
            Some(space) => space.space(At::path(&VPath::root())),
            None => Err(Error::new(ErrorKind::Unsupported, "statfs")),
        }
    }

    /// Makes everything durable and closes the backend.
    pub fn close(self) -> Result<()> {
        self.backend.close()
    }

    /// Metadata of what `path` leads to, links followed.
    pub fn metadata(&self, path: impl AsRef<Path>) -> Result<Metadata> {
        let place = self.existing(path.as_ref())?;
        match place.metadata {
            Some(metadata) => Ok(metadata),
            None => self.backend.stat(place.at()),
        }
    }

    /// Metadata of `path` itself, be it a link.
    pub fn symlink_metadata(&self, path: impl AsRef<Path>) -> Result<Metadata> {
        let path = path.as_ref();
        let last = if ends_in_slash(path.as_os_str()) {
            Last::Follow
        } else {
            Last::Keep
        };
        let place = self.resolver.resolve(&self.backend, path, last)?;
        match place.metadata {
            Some(metadata) => Ok(metadata),
            None => self.backend.stat(place.at()),
        }
    }

    /// Does `path`, links followed, lead to something? A dangling link does not; a loop is an error.
    pub fn exists(&self, path: impl AsRef<Path>) -> Result<bool> {
        match self.metadata(path) {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Renames a file or folder; a file at `to` is replaced, so is an empty folder by a folder. Links are renamed themselves.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
        self.rename_with(from, to, RenameMode::Replace)
    }

    /// Renames with a choice of what happens to the target.
    pub fn rename_with(
        &self,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
        mode: RenameMode,
    ) -> Result<()> {
        let (source, target) = (self.name(from.as_ref())?, self.name(to.as_ref())?);
        if ends_in_slash(to.as_ref().as_os_str()) && !self.backend.stat(source.at())?.is_dir() {
            return Err(Error::new(ErrorKind::NotADirectory, "rename").with_path(to.as_ref()));
        }
        self.backend.change(&Change::Rename {
            from: source.at(),
            to: target.at(),
            mode,
        })?;
        self.persist_names(&[&source.path, &target.path])
    }

    /// Removes a name of anything but a folder; of a link the link.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> Result<()> {
        let place = self.name(path.as_ref())?;
        self.backend.change(&Change::Unlink(place.at()))?;
        self.persist_names(&[&place.path])
    }

    /// Makes a symbolic link at `link` with `target` as its content, verbatim.
    pub fn symlink(&self, target: impl AsRef<Path>, link: impl AsRef<Path>) -> Result<()> {
        self.create(link.as_ref(), &NewNode::symlink(target.as_ref()))
    }

    /// Gives the file `original` a second name. A link is linked itself.
    pub fn hard_link(&self, original: impl AsRef<Path>, link: impl AsRef<Path>) -> Result<()> {
        let from = self.kept(original.as_ref())?;
        // The old name is looked at first, as `link(2)` does.
        let to = self
            .kept(link.as_ref())
            .map_err(|error| self.backend.stat(from.at()).err().unwrap_or(error))?;
        self.backend.change(&Change::Link {
            from: from.at(),
            to: to.at(),
        })?;
        self.persist_names(&[&to.path])
    }

    /// The target of a symbolic link, verbatim. `NotASymlink`.
    pub fn read_link(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let place = self.kept(path.as_ref())?;
        self.backend.read_link(place.at()).map(PathBuf::from)
    }

    /// The path with every link resolved; all of it must exist.
    pub fn canonicalize(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = PosixResolver.canonicalize(&self.backend, path.as_ref())?;
        Ok(path.as_path().to_path_buf())
    }

    /// The path with every link resolved as far as it exists; the rest is taken by text.
    pub fn soft_canonicalize(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = PosixResolver.soft_canonicalize(&self.backend, path.as_ref())?;
        Ok(path.as_path().to_path_buf())
    }

    /// The path resolved as if the folder `anchor` were the root: neither `..` nor a link leads out of it. The result is below `anchor`.
    pub fn anchored_canonicalize(
        &self,
        path: impl AsRef<Path>,
        anchor: impl AsRef<Path>,
    ) -> Result<PathBuf> {
        let anchor = PosixResolver.canonicalize(&self.backend, anchor.as_ref())?;
        let path = PosixResolver.anchored_canonicalize(&self.backend, &anchor, path.as_ref())?;
        Ok(path.as_path().to_path_buf())
    }

    fn existing(&self, path: &Path) -> Result<Resolved> {
        self.resolver.resolve(&self.backend, path, Last::Follow)
    }

    fn kept(&self, path: &Path) -> Result<Resolved> {
        self.resolver.resolve(&self.backend, path, Last::Keep)
    }

    /// A name to remove or rename: never `.`, `..` or the root.
    fn name(&self, path: &Path) -> Result<Resolved> {
        let place = self.kept(path)?;
        let last = crate::path::split(path.as_os_str()).last();
        let kind = if place.path.is_root() {
            ErrorKind::IsRoot
        } else if last.is_some_and(|last| last == "." || last == "..") {
            ErrorKind::InvalidPath
        } else {
            return Ok(place);
        };
        Err(Error::new(kind, "resolve").with_path(path))
    }

    fn create(&self, path: &Path, node: &NewNode) -> Result<()> {
        let place = self.kept(path)?;
        if place.path.is_root() {
            return Err(Error::new(ErrorKind::AlreadyExists, "create").with_path(path));
        }
        self.backend.change(&Change::Create(place.at(), node))?;
        self.persist_names(&[&place.path])
    }

    /// Does a change have to be durable before the call returns?
    fn persists(&self) -> bool {
        self.durability == Durability::EachCall
            && !self.capabilities().contains(Capabilities::SELF_RESOLVING)
    }

    /// Names at these paths were made, changed or removed.
    fn persist_names(&self, paths: &[&VPath]) -> Result<()> {
        if !self.persists() {
            return Ok(());
        }
        let mut parents: Vec<VPath> = paths.iter().filter_map(|path| path.parent()).collect();
        parents.dedup();
        parents
            .iter()
            .try_for_each(|parent| self.persist(At::path(parent)))
    }

    /// The node itself was changed.
    fn persist_node(&self, at: At<'_>) -> Result<()> {
        if self.persists() {
            self.persist(at)?;
        }
        Ok(())
    }

    /// A name that someone else removed in between needs no saving.
    fn persist(&self, at: At<'_>) -> Result<()> {
        match self.backend.sync(Scope::Node(at)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}
