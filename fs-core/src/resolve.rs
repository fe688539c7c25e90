//! From raw paths to places: the only code that gives `.`, `..` and links in a path a meaning.
//!
//! A raw path is what a user types or a link contains. [`PosixResolver`] walks it component by component with `lstat` and `read_link`
//! (`path_resolution(7)`): `..` applies to what a link points to, missing intermediates are `NotFound`, `..` at the root stays there, and
//! 40 links are followed in total, so the walk is short whatever the links say. [`NoOpResolver`] leaves the work to a backend that
//! resolves by itself.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;

use crate::backend::{At, Backend, Follow};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{FileKind, Metadata};
use crate::path::{Name, VPath, check_name, split};

/// Most symbolic links followed for one path, as in Linux (`path_resolution(7)`).
pub const LINKS_MAX: usize = 40;

/// What to do with the last component of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// Follow it; it must exist.
    Follow,
    /// Leave it as it is, link or not; it need not exist. A path that ends in `/` and names no directory is `NotADirectory`.
    Keep,
    /// Follow it; the end of the way need not exist, its parent must.
    Create,
}

/// Where a raw path leads.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The place.
    pub path: VPath,
    /// Whether the backend has to follow what is left of the links.
    pub follow: Follow,
    /// What stands there, when the way showed it; `None` says nothing.
    pub metadata: Option<Metadata>,
}

impl Resolved {
    /// The place, for a call to the backend.
    pub fn at(&self) -> At<'_> {
        At {
            dir: None,
            path: &self.path,
            follow: self.follow,
        }
    }
}

/// Turns raw paths into places.
pub trait PathResolver: Send + Sync {
    /// Resolves the absolute path `raw`. Errors: `InvalidPath` (empty, relative), `InvalidName`, `NameTooLong`, `NotFound`, `NotADirectory`,
    /// `SymlinkLoop`, and what the backend reports.
    fn resolve(&self, backend: &dyn Backend, raw: &Path, last: Last) -> Result<Resolved>;
}

impl<T: PathResolver + ?Sized> PathResolver for Box<T> {
    fn resolve(&self, backend: &dyn Backend, raw: &Path, last: Last) -> Result<Resolved> {
        (**self).resolve(backend, raw, last)
    }
}

/// Marks a backend that can follow links itself (capability `SELF_RESOLVING`): the system below does it better.
pub trait SelfResolving: Backend {}

/// Resolves with the backend's `stat` and `read_link`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PosixResolver;

impl PathResolver for PosixResolver {
    fn resolve(&self, backend: &dyn Backend, raw: &Path, last: Last) -> Result<Resolved> {
        let raw = raw.as_os_str();
        match at_once(backend, raw, last)? {
            Some(resolved) => Ok(resolved),
            None => Walk::new(backend, &VPath::root(), raw, Missing::Refused)?.run(last),
        }
    }
}

impl PosixResolver {
    /// The path with every link resolved; all of it must exist (`realpath(3)`).
    pub fn canonicalize(&self, backend: &dyn Backend, raw: &Path) -> Result<VPath> {
        let walk = Walk::new(backend, &VPath::root(), raw.as_os_str(), Missing::Refused)?;
        Ok(walk.run(Last::Follow)?.path)
    }

    /// As [`canonicalize`](Self::canonicalize), but the way may leave what exists; from there on `..` is taken by text.
    pub fn soft_canonicalize(&self, backend: &dyn Backend, raw: &Path) -> Result<VPath> {
        self.anchored_canonicalize(backend, &VPath::root(), raw)
    }

    /// As [`soft_canonicalize`](Self::soft_canonicalize) with `anchor` (which must hold no link) as the root: neither `..` nor a link leaves it.
    pub fn anchored_canonicalize(
        &self,
        backend: &dyn Backend,
        anchor: &VPath,
        raw: &Path,
    ) -> Result<VPath> {
        let walk = Walk::new(backend, anchor, raw.as_os_str(), Missing::ByText)?;
        Ok(walk.run(Last::Follow)?.path)
    }
}

/// Passes paths on to a self-resolving backend, which follows links by itself.
///
/// What a [`VPath`] cannot say (`.`, `..`, a slash at the end) is resolved here first, by the same rules the system has. Over a backend that does
/// not resolve by itself it is the same as [`PosixResolver`].
#[derive(Clone, Copy, Debug, Default)]
pub struct NoOpResolver;

impl PathResolver for NoOpResolver {
    fn resolve(&self, backend: &dyn Backend, raw: &Path, last: Last) -> Result<Resolved> {
        if !resolves_itself(backend) || !is_plain(raw.as_os_str()) {
            return PosixResolver.resolve(backend, raw, last);
        }
        Ok(Resolved {
            path: VPath::new(raw)?,
            follow: match last {
                Last::Keep => Follow::Never,
                Last::Follow | Last::Create => Follow::ByBackend,
            },
            metadata: None,
        })
    }
}

fn resolves_itself(backend: &dyn Backend) -> bool {
    let root = VPath::root();
    backend
        .capabilities(At::path(&root))
        .contains(Capabilities::SELF_RESOLVING)
}

/// Does the path name its end without `.`, `..` or a slash behind it?
fn is_plain(raw: &OsStr) -> bool {
    (raw == "/" || !ends_in_slash(raw)) && split(raw).all(|part| part != "." && part != "..")
}

/// Does the path end in a slash, so that it can only mean a directory?
pub(crate) fn ends_in_slash(raw: &OsStr) -> bool {
    raw.as_encoded_bytes().ends_with(b"/")
}

/// The common case in one or two calls: where no component is a link, the whole path can be asked for, because a backend that does not resolve by
/// itself answers `NotADirectory` for a link on the way. `None`: it needs the walk.
fn at_once(backend: &dyn Backend, raw: &OsStr, last: Last) -> Result<Option<Resolved>> {
    if !is_plain(raw) || resolves_itself(backend) {
        return Ok(None);
    }
    let found = |path, metadata| {
        Ok(Some(Resolved {
            path,
            follow: Follow::Never,
            metadata,
        }))
    };
    let path = VPath::new(raw)?;
    match backend.stat(At::path(&path)) {
        Ok(metadata) if !metadata.is_symlink() || last == Last::Keep => found(path, Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound && last != Last::Follow => {
            let parent = path.parent().map(|parent| backend.stat(At::path(&parent)));
            match parent {
                Some(Ok(parent)) if parent.is_dir() => found(path, None),
                _ => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// Does the link at `link` lead out of a filesystem that refuses that? (Only one with the capability `CONFINED` does.)
pub fn leaves_root(backend: &dyn Backend, link: &VPath) -> bool {
    is_confined(backend) && escapes(backend, link)
}

fn is_confined(backend: &dyn Backend) -> bool {
    let root = VPath::root();
    backend
        .capabilities(At::path(&root))
        .contains(Capabilities::CONFINED)
}

/// The backend decides, as it would when it follows the link itself: there is one truth, and no race with it.
fn escapes(backend: &dyn Backend, link: &VPath) -> bool {
    let end = backend.stat(At::path(link).following());
    end.is_err_and(|error| error.kind() == ErrorKind::EscapesRoot)
}

/// What happens where the way leaves what exists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Refused,
    ByText,
}

/// A walk in progress. `at` is always a directory without links on the way to it.
struct Walk<'a> {
    backend: &'a dyn Backend,
    raw: &'a OsStr,
    root: VPath,
    at: VPath,
    known: Option<Metadata>,
    /// Components still to go, the next one last.
    pending: Vec<OsString>,
    links: usize,
    /// Links may lead out of the backend, which is refused; asked for at the first link.
    confined: Option<bool>,
    /// The end must be a directory: the path, or a link it ends in, ends in a slash.
    directory: bool,
    missing: Missing,
}

impl<'a> Walk<'a> {
    fn new(
        backend: &'a dyn Backend,
        root: &VPath,
        raw: &'a OsStr,
        missing: Missing,
    ) -> Result<Self> {
        if !raw.as_encoded_bytes().starts_with(b"/") {
            return Err(Error::new(ErrorKind::InvalidPath, "resolve").with_path(raw));
        }
        let mut walk = Self {
            backend,
            raw,
            root: root.clone(),
            at: root.clone(),
            known: None,
            pending: Vec::new(),
            links: 0,
            confined: None,
            directory: ends_in_slash(raw),
            missing,
        };
        walk.enter(raw);
        Ok(walk)
    }

    fn enter(&mut self, path: &OsStr) {
        let start = self.pending.len();
        self.pending.extend(split(path).map(OsStr::to_os_string));
        if let Some(added) = self.pending.get_mut(start..) {
            added.reverse();
        }
    }

    fn run(mut self, last: Last) -> Result<Resolved> {
        while let Some(part) = self.pending.pop() {
            if part == "." {
                continue;
            }
            if part == ".." {
                self.up();
                continue;
            }
            let name = Name::new(&part).map_err(|error| error.with_path(self.raw))?;
            let path = self.at.join(&name);
            let is_end = self.pending.is_empty();
            match self.backend.stat(At::path(&path)) {
                Ok(found) if found.is_symlink() => {
                    if is_end && last == Last::Keep {
                        return self.end(path, found);
                    }
                    self.follow(&path, is_end)?;
                }
                Ok(found) if found.is_dir() => {
                    self.at = path;
                    self.known = Some(found);
                }
                Ok(_) if !is_end => return Err(self.error(ErrorKind::NotADirectory)),
                Ok(found) => return self.end(path, found),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return self.leave(path, last, is_end);
                }
                Err(error) => return Err(error.with_path(self.raw)),
            }
        }
        Ok(self.here())
    }

    fn up(&mut self) {
        if self.at != self.root
            && let Some(parent) = self.at.parent()
        {
            self.at = parent;
        }
        self.known = None;
    }

    fn follow(&mut self, link: &VPath, is_end: bool) -> Result<()> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(self.error(ErrorKind::SymlinkLoop));
        }
        let target = self
            .backend
            .read_link(At::path(link))
            .map_err(|error| error.with_path(self.raw))?;
        if target.is_empty() {
            return Err(self.error(ErrorKind::NotFound));
        }
        let backend = self.backend;
        // A walk with an anchor takes that for `/`, wherever it is.
        if self.root.is_root()
            && *self.confined.get_or_insert_with(|| is_confined(backend))
            && escapes(backend, link)
        {
            return Err(self.error(ErrorKind::EscapesRoot));
        }
        if target.as_encoded_bytes().starts_with(b"/") {
            self.at = self.root.clone();
            self.known = None;
        }
        self.directory |= is_end && ends_in_slash(&target);
        self.enter(&target);
        Ok(())
    }

    /// The way ends at a node that is no directory.
    fn end(self, path: VPath, found: Metadata) -> Result<Resolved> {
        if self.directory {
            return Err(self.error(ErrorKind::NotADirectory));
        }
        Ok(Resolved {
            path,
            follow: Follow::Never,
            metadata: Some(found),
        })
    }

    /// `path` does not exist.
    fn leave(mut self, path: VPath, last: Last, is_end: bool) -> Result<Resolved> {
        if self.missing == Missing::ByText {
            let below = path.components().skip(self.root.depth());
            let mut parts: Vec<OsString> = below.map(OsStr::to_os_string).collect();
            while let Some(part) = self.pending.pop() {
                if part == ".." {
                    parts.pop();
                } else if part != "." {
                    check_name(&part).map_err(|error| error.with_path(self.raw))?;
                    parts.push(part);
                }
            }
            let parts = parts.iter().map(OsString::as_os_str);
            self.at = VPath::of_parts(self.root.components().chain(parts), self.raw.len());
            self.known = None;
            return Ok(self.here());
        }
        match last {
            Last::Keep if is_end => {}
            Last::Create if is_end && self.directory => {
                return Err(self.error(ErrorKind::IsADirectory));
            }
            Last::Create if is_end => {}
            _ => return Err(self.error(ErrorKind::NotFound)),
        }
        Ok(Resolved {
            path,
            follow: Follow::Never,
            metadata: None,
        })
    }

    fn here(self) -> Resolved {
        debug_assert!(
            self.known
                .is_none_or(|known| known.kind == FileKind::Directory)
        );
        Resolved {
            path: self.at,
            follow: Follow::Never,
            metadata: self.known,
        }
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, "resolve").with_path(self.raw)
    }
}
