//! Where things are, across filesystems.

use std::fmt;
use std::sync::Arc;

use crate::backend::Backend;
use crate::error::Result;
use crate::path::{Name, VPath};

/// Names an open filesystem by the text of its location. Cheap to clone.
///
/// One filesystem must always be named by the same text (all host folders by one), for a move within one `FsRef` is a rename.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct FsRef(Arc<str>);

impl FsRef {
    /// Named by `location`.
    pub fn new(location: impl Into<Arc<str>>) -> Self {
        Self(location.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A short name for sentences: the last component of the location, `taxes.db` of `vault:/x/taxes.db`.
    pub fn label(&self) -> &str {
        let trimmed = self.0.trim_end_matches('/');
        match trimmed.rsplit(['/', ':']).next() {
            Some(last) if !last.is_empty() => last,
            _ => &self.0,
        }
    }
}

impl fmt::Debug for FsRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path in a filesystem.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// The filesystem.
    pub fs: FsRef,
    /// The path in it.
    pub path: VPath,
}

impl Place {
    /// `path` in `fs`.
    pub fn new(fs: FsRef, path: VPath) -> Self {
        Self { fs, path }
    }

    /// The place of `name` in this folder.
    #[must_use]
    pub fn join(&self, name: &Name) -> Self {
        Self::new(self.fs.clone(), self.path.join(name))
    }

    /// Another path in the same filesystem.
    #[must_use]
    pub fn with_path(&self, path: VPath) -> Self {
        Self::new(self.fs.clone(), path)
    }

    /// The folder it is in; `None` for a root.
    pub fn parent(&self) -> Option<Self> {
        Some(self.with_path(self.path.parent()?))
    }

    /// What a sentence calls it: its name, or of a root the label of the filesystem.
    pub fn label(&self) -> String {
        match self.path.file_name() {
            Some(name) => name.display().into_owned(),
            None => self.fs.label().to_owned(),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.fs.as_str(), self.path.display())
    }
}

/// Gives out the open filesystems that places name.
pub trait Filesystems: Send + Sync {
    /// The open filesystem; may open it. Errors: whatever opening says (`NotFound`, `PasswordNeeded`, `Closed`, ...).
    fn backend(&self, fs: &FsRef) -> Result<Arc<dyn Backend>>;

    /// Is its content gone for good, with the program that held it in memory? What was done there is then as good as taken back.
    fn is_gone(&self, _fs: &FsRef) -> bool {
        false
    }
}
