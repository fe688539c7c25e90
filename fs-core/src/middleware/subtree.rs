//! A folder of a filesystem as a filesystem of its own.

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use crate::backend::{At, Backend, Change, Follow, Node, RenameMode, Scope, Want};
use crate::capabilities::Capabilities;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::{
    Deletion, Deletions, Extensions, LayerChange, Layers, Notes, Origin, Search, Space, SpaceInfo,
    Trash, TrashId, TrashItem, TreeSink, Wanted, Watch, WatchSink, notes_below,
};
use crate::file::{File, OpenOptions, Staged};
use crate::listing::Listing;
use crate::metadata::{FileId, FileKind, Metadata, NewNode, SetAttr};
use crate::path::VPath;
use crate::path_text;
use crate::resolve::PosixResolver;

/// One folder of a backend as the root. Nothing outside can be reached: links and `..` are resolved inside, and a link on the way is never
/// left to the system below.
pub struct Subtree<B> {
    backend: Arc<B>,
    folder: VPath,
    /// The folder itself, where it can be held on to: it may be renamed.
    pin: Option<Node>,
    /// Who keeps links on the way from being followed.
    way: Way,
}

impl<B> Clone for Subtree<B> {
    fn clone(&self) -> Self {
        Self {
            backend: Arc::clone(&self.backend),
            folder: self.folder.clone(),
            pin: self.pin.clone(),
            way: self.way,
        }
    }
}

/// How the backend below is kept from following links.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It follows none, or is told not to.
    Told(Follow),
    /// It would walk through them by itself, so we walk.
    Walked,
}

/// A place as the inner backend sees it.
struct Inner {
    dir: Option<Node>,
    path: VPath,
    follow: Follow,
}

impl Inner {
    fn at(&self) -> At<'_> {
        At {
            dir: self.dir.as_ref(),
            path: &self.path,
            follow: self.follow,
        }
    }
}

impl<B: Backend> Subtree<B> {
    /// The folder at `path` of `backend` as a root. `NotFound`, `NotADirectory`.
    pub fn new(backend: B, path: &VPath) -> Result<Self> {
        let folder = PosixResolver.canonicalize(&backend, path.as_path())?;
        let capabilities = backend.capabilities(At::path(&folder));
        if !backend.stat(At::path(&folder))?.is_dir() {
            return Err(Error::new(ErrorKind::NotADirectory, "open folder").with_path(path));
        }
        let pin = capabilities
            .contains(Capabilities::PIN)
            .then(|| backend.pin(At::path(&folder)))
            .transpose()?;
        Ok(Self {
            way: if !capabilities.contains(Capabilities::SELF_RESOLVING) {
                Way::Told(Follow::Never)
            } else if capabilities.contains(Capabilities::REFUSES_LINKS) {
                Way::Told(Follow::Nowhere)
            } else {
                Way::Walked
            },
            backend: Arc::new(backend),
            folder,
            pin,
        })
    }

    /// The backend below.
    pub fn inner(&self) -> &B {
        &self.backend
    }

    /// The folder that is the root.
    pub fn folder(&self) -> &VPath {
        &self.folder
    }

    fn inner_at(&self, at: At<'_>) -> Result<Inner> {
        let start = at.dir.cloned().or_else(|| self.pin.clone());
        let Way::Told(follow) = self.way else {
            return self.walk(start, at.path);
        };
        let path = match start {
            Some(_) => at.path.clone(),
            None => self.folder.append(at.path),
        };
        Ok(Inner {
            dir: start,
            path,
            follow,
        })
    }

    /// Steps from folder to folder. A pinned link is no folder, so the next step fails with `NotADirectory`.
    fn walk(&self, start: Option<Node>, path: &VPath) -> Result<Inner> {
        let place = |dir, path| Inner {
            dir,
            path,
            follow: Follow::Never,
        };
        let Some((parent, last)) = path.split_last() else {
            return Ok(match start {
                Some(_) => place(start, VPath::root()),
                None => place(None, self.folder.clone()),
            });
        };
        if let Some(mut dir) = start {
            for name in parent.names() {
                let step = VPath::root().join(&name);
                dir = self.backend.pin(At::in_dir(&dir, &step))?;
            }
            return Ok(place(Some(dir), VPath::root().join(&last)));
        }
        let mut at = self.folder.clone();
        for name in parent.names() {
            at = at.join(&name);
            if !self.backend.stat(At::path(&at))?.is_dir() {
                return Err(Error::new(ErrorKind::NotADirectory, "walk"));
            }
        }
        Ok(place(None, at.join(&last)))
    }

    /// Does something with the place below; errors tell the path of the caller.
    fn with<T>(&self, at: At<'_>, f: impl FnOnce(At<'_>) -> Result<T>) -> Result<T> {
        self.inner_at(at)
            .and_then(|inner| f(inner.at()))
            .map_err(|error| error.with_path(at.path))
    }

    /// The path below, for extensions.
    fn below(&self, path: &VPath) -> VPath {
        self.folder.append(path)
    }
}

fn is_root(at: At<'_>) -> bool {
    at.dir.is_none() && at.path.is_root()
}

impl<B: Backend + 'static> Backend for Subtree<B> {
    fn capabilities(&self, at: At<'_>) -> Capabilities {
        let inner = self.inner_at(at);
        let inner = inner.unwrap_or_else(|_| Inner {
            dir: None,
            path: self.folder.clone(),
            follow: Follow::Never,
        });
        self.backend.capabilities(inner.at())
            - Capabilities::SELF_RESOLVING
            - Capabilities::REFUSES_LINKS
            - Capabilities::CONFINED
    }

    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        self.with(at, |at| self.backend.stat(at))
    }

    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        self.with(at, |at| self.backend.list(at, want))
    }

    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        self.with(at, |at| self.backend.open(at, how))
    }

    fn change(&self, change: &Change<'_>) -> Result<()> {
        let at = change.at();
        let refused = match change {
            Change::Create(..) if is_root(at) => Some(ErrorKind::AlreadyExists),
            Change::Link { .. } if is_root(at) => Some(ErrorKind::AlreadyExists),
            Change::Unlink(_) if is_root(at) => Some(ErrorKind::IsADirectory),
            Change::Rmdir(_) if is_root(at) => Some(ErrorKind::IsRoot),
            Change::Rename { to, .. } if is_root(at) || is_root(*to) => Some(ErrorKind::IsRoot),
            _ => None,
        };
        if let Some(kind) = refused {
            return Err(Error::new(kind, change.operation()).with_path(at.path));
        }
        self.with(at, |inner| match *change {
            Change::Create(_, new) => self.backend.change(&Change::Create(inner, new)),
            Change::Unlink(_) => self.backend.change(&Change::Unlink(inner)),
            Change::Rmdir(_) => self.backend.change(&Change::Rmdir(inner)),
            Change::SetAttr(_, attr) => self.backend.change(&Change::SetAttr(inner, attr)),
            Change::SetXattr(_, name, value) => {
                self.backend.change(&Change::SetXattr(inner, name, value))
            }
            Change::Link { from, .. } => {
                let from = self.inner_at(from)?;
                let (from, to) = (from.at(), inner);
                self.backend.change(&Change::Link { from, to })
            }
            Change::Rename { to, mode, .. } => {
                let to = self.inner_at(to)?;
                let (from, to) = (inner, to.at());
                self.backend.change(&Change::Rename { from, to, mode })
            }
        })
    }

    fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        if is_root(at) {
            return Err(Error::new(ErrorKind::IsRoot, "stage").with_path(at.path));
        }
        let staged = self.with(at, |at| self.backend.stage(at, new))?;
        Ok(Box::new(StagedBelow {
            subtree: self.clone(),
            staged,
        }))
    }

    fn commit_all(&self, staged: Vec<(Box<dyn Staged>, RenameMode)>) -> Vec<Result<FileId>> {
        let below = staged.into_iter().map(|(staged, mode)| {
            let any: Box<dyn Any> = staged;
            let ours = any.downcast::<StagedBelow<B>>();
            ours.map(|ours| (ours.staged, mode))
        });
        let (ours, foreign): (Vec<_>, Vec<_>) = below.partition(|item| item.is_ok());
        if !foreign.is_empty() {
            // Dropped as a whole: nothing of it appears.
            let refused = || Err(Error::new(ErrorKind::BadHandle, "commit"));
            return (0..ours.len() + foreign.len()).map(|_| refused()).collect();
        }
        self.backend
            .commit_all(ours.into_iter().flatten().collect())
    }

    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        match scope {
            Scope::All => self.backend.sync(Scope::All),
            Scope::Node(at) => self.with(at, |at| self.backend.sync(Scope::Node(at))),
        }
    }

    fn pin(&self, at: At<'_>) -> Result<Node> {
        self.with(at, |at| self.backend.pin(at))
    }

    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        self.with(at, |at| self.backend.read_link(at))
    }

    fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        self.with(at, |at| self.backend.get_xattr(at, name))
    }

    fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        self.with(at, |at| self.backend.list_xattrs(at))
    }

    fn extensions(&self) -> Extensions<'_> {
        let inner = self.backend.extensions();
        Extensions {
            space: inner.space.map(|_| self as &dyn SpaceInfo),
            watch: inner.watch.map(|_| self as &dyn Watch),
            trash: inner.trash.map(|_| self as &dyn Trash),
            layers: inner.layers.map(|_| self as &dyn Layers),
            deletions: inner.deletions.map(|_| self as &dyn Deletions),
            notes: inner.notes.map(|_| self as &dyn Notes),
            search: inner.search.map(|_| self as &dyn Search),
            // A part can't be looked after, or go back in time, without the rest.
            maintenance: None,
            snapshots: None,
        }
    }

    fn close(&self) -> Result<()> {
        self.backend.close()
    }
}

/// A staged node below. Only a place to copy from has to be translated.
struct StagedBelow<B> {
    subtree: Subtree<B>,
    staged: Box<dyn Staged>,
}

impl<B: Backend + 'static> Staged for StagedBelow<B> {
    fn file(&mut self) -> Option<&mut dyn File> {
        self.staged.file()
    }

    fn set_attr(&mut self, attr: &SetAttr) -> Result<()> {
        self.staged.set_attr(attr)
    }

    fn set_xattr(&mut self, name: &OsStr, value: &[u8]) -> Result<()> {
        self.staged.set_xattr(name, value)
    }

    fn fill_from(&mut self, source: At<'_>, control: &Control) -> Result<bool> {
        let Self { subtree, staged } = self;
        subtree.with(source, |source| staged.fill_from(source, control))
    }

    fn secure(&mut self) -> Result<()> {
        self.staged.secure()
    }

    fn node(&self) -> Result<Node> {
        self.staged.node()
    }

    fn commit(self: Box<Self>, mode: RenameMode) -> Result<FileId> {
        self.staged.commit(mode)
    }
}

fn absent(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation)
}

impl<B: Backend + 'static> SpaceInfo for Subtree<B> {
    fn space(&self, at: At<'_>) -> Result<Space> {
        let space = self.backend.extensions().space;
        let space = space.ok_or_else(|| absent("statfs"))?;
        self.with(at, |at| space.space(at))
    }
}

impl<B: Backend + 'static> Watch for Subtree<B> {
    fn watch(&self, dir: &VPath, sink: WatchSink) -> Result<Box<dyn Any + Send>> {
        let watch = self.backend.extensions().watch;
        let watch = watch.ok_or_else(|| absent("watch"))?;
        watch.watch(&self.below(dir), sink)
    }

    /// Of more than the folder: what changes outside it concerns nobody here.
    fn watch_all(&self, sink: TreeSink) -> Result<Box<dyn Any + Send>> {
        let watch = self.backend.extensions().watch;
        let watch = watch.ok_or_else(|| absent("watch"))?;
        watch.watch_all(sink)
    }
}

impl<B: Backend> Subtree<B> {
    fn trash(&self) -> Result<&dyn Trash> {
        let trash = self.backend.extensions().trash;
        trash.ok_or_else(|| absent("trash"))
    }

    fn layers(&self) -> Result<&dyn Layers> {
        let layers = self.backend.extensions().layers;
        layers.ok_or_else(|| absent("layers"))
    }

    fn deletions(&self) -> Result<&dyn Deletions> {
        let deletions = self.backend.extensions().deletions;
        deletions.ok_or_else(|| absent("deletions"))
    }

    fn notes(&self) -> Result<&dyn Notes> {
        let notes = self.backend.extensions().notes;
        notes.ok_or_else(|| absent("notes"))
    }

    /// What the names of notes about this folder begin with below. Paths in them are relative to it.
    fn notes_prefix(&self) -> String {
        format!("{}\n", path_text::escape(self.folder.as_os_str()))
    }
}

impl<B: Backend + 'static> Notes for Subtree<B> {
    fn append(&self, name: &str, bytes: &[u8], durable: bool) -> Result<()> {
        let name = self.notes_prefix() + name;
        self.notes()?.append(&name, bytes, durable)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.notes()?.read(&(self.notes_prefix() + name))
    }

    fn list(&self) -> Result<Vec<(String, u64)>> {
        notes_below(self.notes()?, &self.notes_prefix())
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.notes()?.remove(&(self.notes_prefix() + name))
    }
}

/// The trash of the whole backend, as far as its items come from the folder.
impl<B: Backend + 'static> Trash for Subtree<B> {
    fn discard(&self, path: &VPath) -> Result<TrashId> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::IsRoot, "trash").with_path(path));
        }
        self.trash()?.discard(&self.below(path))
    }

    fn discard_as(&self, path: &VPath, original: &VPath) -> Result<TrashId> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::IsRoot, "trash").with_path(path));
        }
        self.trash()?
            .discard_as(&self.below(path), &self.below(original))
    }

    fn discard_leaving_whiteout(&self, path: &VPath) -> Result<TrashId> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::IsRoot, "trash").with_path(path));
        }
        self.trash()?.discard_leaving_whiteout(&self.below(path))
    }

    fn restore(&self, id: &TrashId, to: &VPath, mode: RenameMode) -> Result<()> {
        self.trash()?.restore(id, &self.below(to), mode)
    }

    fn restore_over_whiteout(&self, id: &TrashId, to: &VPath) -> Result<()> {
        self.trash()?.restore_over_whiteout(id, &self.below(to))
    }

    fn items(&self) -> Result<Vec<TrashItem>> {
        let items = self.trash()?.items()?.into_iter();
        Ok(items
            .filter_map(|item| {
                let original = item.original.strip_prefix(&self.folder)?;
                Some(TrashItem { original, ..item })
            })
            .collect())
    }

    fn purge(&self, id: &TrashId) -> Result<()> {
        self.trash()?.purge(id)
    }
}

impl<B: Backend + 'static> Layers for Subtree<B> {
    fn count(&self) -> usize {
        self.layers().map_or(1, Layers::count)
    }

    fn origin(&self, path: &VPath) -> Result<Origin> {
        self.layers()?.origin(&self.below(path))
    }

    fn deleted(&self, dir: &VPath) -> Result<Vec<Deletion>> {
        self.layers()?.deleted(&self.below(dir))
    }

    fn changes(&self, dir: &VPath) -> Result<Vec<LayerChange>> {
        self.layers()?.changes(&self.below(dir))
    }
}

impl<B: Backend + 'static> Search for Subtree<B> {
    fn search(
        &self,
        dir: &VPath,
        wanted: &Wanted<'_>,
        control: &Control,
        found: &mut dyn FnMut(VPath, FileKind) -> Result<()>,
    ) -> Result<()> {
        let search = self.backend.extensions().search;
        let search = search.ok_or_else(|| absent("search"))?;
        let mut below = |path: VPath, kind| match path.strip_prefix(&self.folder) {
            Some(path) => found(path, kind),
            None => Ok(()),
        };
        search.search(&self.below(dir), wanted, control, &mut below)
    }
}

impl<B: Backend + 'static> Deletions for Subtree<B> {
    fn reveal(&self, path: &VPath) -> Result<()> {
        self.deletions()?.reveal(&self.below(path))
    }

    fn conceal(&self, path: &VPath) -> Result<()> {
        self.deletions()?.conceal(&self.below(path))
    }
}
