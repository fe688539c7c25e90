//! Powers only some filesystems have, each a small trait reached through [`Backend::extensions`](crate::Backend::extensions).

use std::any::Any;
use std::ffi::OsStr;
use std::sync::Arc;

use crate::backend::{At, RenameMode};
use crate::control::Control;
use crate::error::Result;
use crate::maintenance::Maintenance;
use crate::metadata::{FileId, FileKind, Metadata, Time};
use crate::path::{Name, VPath};
use crate::snapshots::Snapshots;

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
    /// Keeps deletions as marks that can be taken away.
    pub deletions: Option<&'a dyn Deletions>,
    /// Keeps notes for programs.
    pub notes: Option<&'a dyn Notes>,
    /// Finds by name without listing folder after folder.
    pub search: Option<&'a dyn Search>,
    /// Is kept in files of its own, and can look after them.
    pub maintenance: Option<&'a dyn Maintenance>,
    /// Keeps named moments of itself.
    pub snapshots: Option<&'a dyn Snapshots>,
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

/// What changed, by identity: for who keeps copies of what a filesystem said, of all of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TreeEvent {
    /// Attributes, extended attributes or content of a node; or it is gone.
    Node(FileId),
    /// The same, of a node that was changed only because of a change elsewhere: who asked for that one does not know.
    Aside(FileId),
    /// What a name in a directory stands for.
    Entry(FileId, Name),
    /// Anything may have changed.
    All,
}

/// Where events of a whole filesystem go. Called by the thread that makes the change, after the change can be seen and before the call that made it
/// returns, and while locks are held: it must be quick and must not enter the filesystem.
pub type TreeSink = Arc<dyn Fn(TreeEvent) + Send + Sync>;

/// Change events.
pub trait Watch: Send + Sync {
    /// Tells `sink` what changes directly in `dir`, until the returned guard is dropped.
    fn watch(&self, dir: &VPath, sink: WatchSink) -> Result<Box<dyn Any + Send>>;

    /// Tells `sink` of every change anywhere, until the returned guard is dropped. `Unsupported` where not all of them are known here: others change
    /// what lies below, or nodes have no identity that lasts.
    fn watch_all(&self, _sink: TreeSink) -> Result<Box<dyn Any + Send>> {
        Err(crate::Error::new(crate::ErrorKind::Unsupported, "watch"))
    }
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
    /// As [`Trash::discard`], and a whiteout takes the name in the same step, so that a layer below does not show at any moment. `Unsupported` where that
    /// can't be one step.
    fn discard_leaving_whiteout(&self, path: &VPath) -> Result<TrashId> {
        let kind = crate::ErrorKind::Unsupported;
        Err(crate::Error::new(kind, "move to trash").with_path(path))
    }
    /// Puts an item back at `to`, whose parent must exist (`Replace` or `NoReplace`).
    fn restore(&self, id: &TrashId, to: &VPath, mode: RenameMode) -> Result<()>;
    /// Puts an item, a folder too, in the place of the whiteout at `to`, in one step. `NotFound` when there is no whiteout; `Unsupported` as above.
    fn restore_over_whiteout(&self, _id: &TrashId, to: &VPath) -> Result<()> {
        let kind = crate::ErrorKind::Unsupported;
        Err(crate::Error::new(kind, "restore from trash").with_path(to))
    }
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

/// A name that a layer deleted, and no layer above it made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The name.
    pub name: Name,
    /// The layer that deleted it, counted from the bottom.
    pub layer: usize,
    /// What the layers below it have there.
    pub below: Metadata,
}

/// What the top layer did to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Difference {
    /// Only the top layer has it.
    Added,
    /// The top layer has its own instead of what lies below.
    Changed,
    /// A directory of several layers: what is in it is seen together, its attributes are the top layer's.
    Merged,
    /// It is hidden.
    Deleted,
}

/// A name the top layer tells something about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerChange {
    /// The name.
    pub name: Name,
    /// What the top layer did.
    pub difference: Difference,
    /// What is seen now; `None` for `Deleted`.
    pub now: Option<Metadata>,
    /// What the layers below have; `None` for `Added`.
    pub below: Option<Metadata>,
}

/// A layered filesystem.
pub trait Layers: Send + Sync {
    /// How many layers, the writable one included.
    fn count(&self) -> usize;
    /// Where the entry at `path` comes from.
    fn origin(&self, path: &VPath) -> Result<Origin>;
    /// What layers deleted directly in `dir`, by name. What is missing in a directory that replaced another one was not deleted in it.
    fn deleted(&self, dir: &VPath) -> Result<Vec<Deletion>>;
    /// What the top layer has or hides directly in `dir`, by name.
    fn changes(&self, dir: &VPath) -> Result<Vec<LayerChange>>;
}

/// Deletions that are marks over what lies below, and can be taken away again.
pub trait Deletions: Send + Sync {
    /// Takes the mark at `path` away: what lies below shows again. `AlreadyExists` when something is seen there, `NotFound` when nothing is hidden.
    fn reveal(&self, path: &VPath) -> Result<()>;
    /// Marks what only lower layers have at `path`, with all below it, as deleted, in one step. `NotFound`; `AlreadyExists` when the top layer has
    /// something of its own there.
    fn conceal(&self, path: &VPath) -> Result<()>;
}

/// What a search is for.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Every name that fits contains these bytes; empty when no such are known. The more there are, the faster it is.
    pub contains: &'a [u8],
    /// Does an entry fit?
    pub fits: &'a dyn Fn(&OsStr, FileKind) -> bool,
}

/// Finding by name, much faster than by listing folder after folder.
pub trait Search: Send + Sync {
    /// Calls `found` with path and kind of everything below the folder `dir` that fits, as of one moment, in no particular order. `Cancelled`; the
    /// first error of `found` ends it too.
    fn search(
        &self,
        dir: &VPath,
        wanted: &Wanted<'_>,
        control: &Control,
        found: &mut dyn FnMut(VPath, FileKind) -> Result<()>,
    ) -> Result<()>;
}

/// Notes that programs keep in a filesystem beside its tree: no path leads to them, no listing, export or comparison shows them, and they do not
/// count as used space. In an encrypted filesystem they are as secret as everything else.
pub trait Notes: Send + Sync {
    /// Adds `bytes` to the end of a note, which is made when it is missing: all of them or none. Committed when it returns, before any later change of
    /// this filesystem; with `durable` it would survive a power cut as well.
    fn append(&self, name: &str, bytes: &[u8], durable: bool) -> Result<()>;
    /// All of a note; `None`: there is none with this name.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;
    /// Name and length in bytes of every note, sorted by name.
    fn list(&self) -> Result<Vec<(String, u64)>>;
    /// Removes a note, if it is there.
    fn remove(&self, name: &str) -> Result<()>;
}

/// The notes of `all` whose names begin with `prefix`, without it: how a filesystem made of others keeps its own apart from theirs.
pub(crate) fn notes_below(all: &dyn Notes, prefix: &str) -> Result<Vec<(String, u64)>> {
    let mut own = all.list()?;
    own.retain_mut(|(name, _)| match name.strip_prefix(prefix) {
        Some(rest) => {
            *name = rest.to_owned();
            true
        }
        None => false,
    });
    Ok(own)
}
