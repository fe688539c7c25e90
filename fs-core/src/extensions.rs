//! Powers only some filesystems have, each a small trait reached through [`Backend::extensions`](crate::Backend::extensions).

use std::any::Any;
use std::sync::Arc;

use crate::backend::{At, RenameMode};
use crate::error::Result;
use crate::metadata::Time;
use crate::path::{Name, VPath};

/// What a backend has beyond the common trait; `None`: it has not.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct Extensions<'a> {
    /// How full it is.
    pub space: Option<&'a dyn SpaceInfo>,
    /// Tells of changes.
    pub watch: Option<&'a dyn Watch>,
    /// Keeps what was deleted.
    pub trash: Option<&'a dyn Trash>,
    /// Is made of layers.
    pub layers: Option<&'a dyn Layers>,
}

/// Space of a filesystem, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it; `None`: no limit of its own.
    pub total_bytes: Option<u64>,
    /// Room for more.
    pub available_bytes: Option<u64>,
    /// Taken by content.
    pub used_bytes: u64,
    /// Files, where counted.
    pub used_inodes: Option<u64>,
    /// Preferred size of reads and writes.
    pub block_size_bytes: u32,
    /// Longest name.
    pub name_max_bytes: u32,
}

/// `statfs(2)`.
pub trait SpaceInfo: Send + Sync {
    /// Space of the filesystem that holds `at`.
    fn space(&self, at: At<'_>) -> Result<Space>;
}

/// Something happened in a watched directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// Entries appeared, vanished or changed; the names when they are known.
    Changed(Vec<Name>),
    /// Too much happened to tell: list anew.
    Rescan,
    /// The directory itself is gone.
    Gone,
}

/// Where events go; called from any thread, must return quickly.
pub type WatchSink = Arc<dyn Fn(WatchEvent) + Send + Sync>;

/// Change events.
pub trait Watch: Send + Sync {
    /// Tells `sink` what changes directly in `dir`, until the returned guard is dropped.
    fn watch(&self, dir: &VPath, sink: WatchSink) -> Result<Box<dyn Any + Send>>;
}

/// Names an item in a trash, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct TrashId(pub String);

/// An item in a trash.
#[derive(Clone, Debug)]
pub struct TrashItem {
    /// Its id.
    pub id: TrashId,
    /// Where it was.
    pub original: VPath,
    /// When it was deleted.
    pub deleted: Time,
}

/// A place where deleted things stay until they are purged. Never part of the visible tree of a virtual filesystem.
pub trait Trash: Send + Sync {
    /// Moves the node at `path`, with all below it, into the trash.
    fn discard(&self, path: &VPath) -> Result<TrashId>;
    /// The same for something that lies at `path` only on its way here, and is to be remembered as `original`.
    fn discard_as(&self, path: &VPath, _original: &VPath) -> Result<TrashId> {
        self.discard(path)
    }
    /// Puts an item back at `to`, whose parent must exist (`Replace` or `NoReplace`).
    fn restore(&self, id: &TrashId, to: &VPath, mode: RenameMode) -> Result<()>;
    /// What is in it.
    fn items(&self) -> Result<Vec<TrashItem>>;
    /// Removes an item for good.
    fn purge(&self, id: &TrashId) -> Result<()>;
}

/// Which layer an entry is seen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Only a lower layer has it; the number counts from the bottom.
    Base(usize),
    /// Only the top layer has it.
    Upper,
    /// The top layer has its own version of a lower one.
    Changed,
    /// A directory of several layers.
    Merged,
}

/// A layered filesystem.
pub trait Layers: Send + Sync {
    /// How many layers, the writable one included.
    fn count(&self) -> usize;
    /// Where the entry at `path` comes from.
    fn origin(&self, path: &VPath) -> Result<Origin>;
    /// Names in `dir` that a lower layer has and the top layer deleted.
    fn deleted(&self, dir: &VPath) -> Result<Vec<Name>>;
}
