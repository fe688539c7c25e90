//! How a filesystem is named in text: what a tab shows, a session stores, a shell passes and a stack file lists.
//!
//! | text | means |
//! |---|---|
//! | `/x`, `./x` | what is there: a folder, or a filesystem kept in that file or folder |
//! | `host:/x` | the host, at `/x` |
//! | `vroot:/x` | the folder `/x` as `/` |
//! | `memory:NAME`, `memory:NAME:512M` | an empty filesystem in memory; what its content may take (bytes, or K, M, G, T of 1024) |
//! | `memory:/x/y.mem`, `memory:y.mem` | one loaded from its saved file |
//! | `snapshot:NAME:/x/y.mem` | a snapshot of a filesystem in memory, which is named as after `memory:` |
//! | `vault:/x.db` | a vault |
//! | `store:/x` | a store |
//! | `stack:/x.stack.ron` | a stack of layers |
//! | any of these, then `::/inner/path` | a place inside |
//!
//! `text` holds the rules of writing; `ground` tells which layers of a stack may not stand together; `medium` on what a filesystem lies; [`mod@probe`] tells what a host path is, `store` whether a folder is one; [`stack`] reads and writes stack files.

mod ground;
mod medium;
mod open;
pub mod probe;
pub mod stack;
mod store;
mod text;

use std::path::{Path, PathBuf};

use fs_core::{Result, VPath};

pub use open::{OpenHow, Opened, Part};
pub use probe::{HostItem, probe};
pub use stack::{StackFile, StackLayer};
pub use text::parse_size;

/// Which of the six kinds a location names (or a stack of them).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Kind {
    /// The host.
    Host,
    /// A sandboxed folder of the host.
    VRoot,
    /// In memory.
    Memory,
    /// A vault: one database file.
    Vault,
    /// A store: an index and blobs.
    Store,
    /// A stack of layers.
    Stack,
}

/// The filesystem a location names. Paths are absolute host paths without `.`; `..` stays where only the host can tell what it means.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// A bare path: what is there decides ([`Location::settled`]).
    Path(PathBuf),
    /// The host at a path.
    Host(PathBuf),
    /// A folder as `/`.
    VRoot(PathBuf),
    /// An empty filesystem in memory.
    Memory {
        /// What tells it from others.
        name: String,
        /// What its content may take; `None`: [what the machine gives](crate::memory::default_limit_bytes).
        limit_bytes: Option<u64>,
    },
    /// A filesystem in memory, loaded from its saved file.
    Saved(PathBuf),
    /// A vault file.
    Vault(PathBuf),
    /// A store folder.
    Store(PathBuf),
    /// A stack file.
    Stack(PathBuf),
    /// A snapshot of a filesystem in memory, to be read.
    Snapshot {
        /// Its name.
        name: String,
        /// The filesystem: [`Root::Memory`] or [`Root::Saved`].
        of: Box<Root>,
    },
}

impl Root {
    /// An empty filesystem in memory, without a limit of its own.
    pub fn memory(name: impl Into<String>) -> Self {
        Self::Memory {
            name: name.into(),
            limit_bytes: None,
        }
    }

    fn host_path(&self) -> Option<&Path> {
        match self {
            Self::Memory { .. } => None,
            Self::Snapshot { of, .. } => of.host_path(),
            Self::Path(path)
            | Self::Host(path)
            | Self::VRoot(path)
            | Self::Saved(path)
            | Self::Vault(path)
            | Self::Store(path)
            | Self::Stack(path) => Some(path),
        }
    }

    /// The same with `resolved` as its host path.
    fn with_host_path(&self, resolved: PathBuf) -> Result<Self> {
        Ok(match self {
            Self::Path(_) => probe::settle(resolved)?,
            Self::Host(_) => Self::Host(resolved),
            Self::VRoot(_) => Self::VRoot(resolved),
            Self::Saved(_) => Self::Saved(resolved),
            Self::Vault(_) => Self::Vault(resolved),
            Self::Store(_) => Self::Store(resolved),
            Self::Stack(_) => Self::Stack(resolved),
            Self::Memory { .. } => self.clone(),
            Self::Snapshot { name, of } => Self::Snapshot {
                name: name.clone(),
                of: Box::new(of.with_host_path(resolved)?),
            },
        })
    }
}

/// A filesystem, and a place inside it. Text form: [`std::fmt::Display`] and [`Location::parse`] are inverse.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    root: Root,
    inner: VPath,
}

impl Location {
    /// The root of a filesystem.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            inner: VPath::root(),
        }
    }

    /// The host at `path`, which must be absolute.
    pub fn host(path: impl Into<PathBuf>) -> Self {
        Self::new(Root::Host(path.into()))
    }

    /// Reads `text`; relative host paths count from `base`. No file is touched.
    ///
    /// Errors: `InvalidPath` for what no location can be (empty, a second `::`, NUL), `NameTooLong` for inner names.
    pub fn parse(text: impl AsRef<std::ffi::OsStr>, base: &Path) -> Result<Self> {
        text::parse(text.as_ref(), base)
    }

    /// Does a separator in `text` say that what follows is inside of what is before?
    pub fn leads_inside(text: impl AsRef<std::ffi::OsStr>) -> bool {
        text::leads_inside(text.as_ref())
    }

    /// The same filesystem, at `inner`.
    #[must_use]
    pub fn at(&self, inner: VPath) -> Self {
        Self {
            root: self.root.clone(),
            inner,
        }
    }

    /// The filesystem.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The place inside it.
    pub fn inner(&self) -> &VPath {
        &self.inner
    }

    /// The host path it is kept at; `None` for an empty filesystem in memory.
    pub fn host_path(&self) -> Option<&Path> {
        self.root.host_path()
    }

    /// Which kind it is; of a bare path what its name says (a store looks like a folder until it is [settled](Self::settled)).
    pub fn kind(&self) -> Kind {
        match &self.root {
            Root::Path(path) => probe::kind_by_name(path).unwrap_or(Kind::Host),
            Root::Host(_) => Kind::Host,
            Root::VRoot(_) => Kind::VRoot,
            Root::Memory { .. } | Root::Saved(_) | Root::Snapshot { .. } => Kind::Memory,
            Root::Vault(_) => Kind::Vault,
            Root::Store(_) => Kind::Store,
            Root::Stack(_) => Kind::Stack,
        }
    }

    /// What a tab is called: the last name of the path inside, or else that of the file or folder it is kept in.
    pub fn title(&self) -> String {
        if let Some(name) = self.inner.file_name() {
            return name.display().into_owned();
        }
        match (&self.root, self.host_path()) {
            (Root::Memory { name, .. } | Root::Snapshot { name, .. }, _) => name.clone(),
            (_, Some(path)) => path
                .file_name()
                .map_or_else(|| "/".into(), |name| name.to_string_lossy().into_owned()),
            (_, None) => String::new(),
        }
    }

    /// This location with its kind decided by what is on the disk, and the host's `..` resolved. Touches the disk.
    ///
    /// Nothing there: the name decides (`.db`, `.mem`, `.stack.ron`), so that it can be created. The inner path of a host location
    /// becomes part of its host path. Errors: those of `stat(2)` other than `NotFound`.
    pub fn settled(&self) -> Result<Self> {
        let resolved = match self.host_path() {
            Some(path) => probe::resolve_dots(path)?,
            None => return Ok(self.clone()),
        };
        let root = self.root.with_host_path(resolved)?;
        Ok(match root {
            Root::Host(path) if !self.inner.is_root() => {
                Self::host(VPath::new(path)?.append(&self.inner).as_path())
            }
            root => Self::new(root).at(self.inner.clone()),
        })
    }
}

impl serde::Serialize for Location {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Location {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        Self::parse(&*text, Path::new("/")).map_err(serde::de::Error::custom)
    }
}
