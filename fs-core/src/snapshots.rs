//! Named moments of a filesystem that it keeps, shows, compares and goes back to.
//!
//! Reached through [`Extensions`](crate::Extensions).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Metadata, Time};
use crate::path::VPath;

/// Longest name of a snapshot, in characters.
pub const SNAPSHOT_NAME_MAX_CHARS: usize = 100;

/// Number of a snapshot, never used again within its filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SnapshotId(pub u64);

/// A kept moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Which.
    pub id: SnapshotId,
    /// Its name; no two of a filesystem have the same.
    pub name: String,
    /// When it was taken.
    pub taken: Time,
}

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// As it is.
    Now,
    /// As it was.
    Snapshot(SnapshotId),
}

/// What became of an entry between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Only the later moment has it.
    Added,
    /// Only the earlier moment has it.
    Removed,
    /// Content, attributes or the kind of it differ.
    Changed,
    /// The same node under another name; what is below a folder went with it and is not told again.
    Moved,
}

/// An entry that differs between two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotChange {
    /// Where it is; of what was removed, where it was.
    pub path: VPath,
    /// Where it was, when it moved.
    pub moved_from: Option<VPath>,
    /// As it was; `None`: it was not there.
    pub before: Option<Metadata>,
    /// As it became; `None`: it is gone.
    pub after: Option<Metadata>,
}

impl SnapshotChange {
    /// What became of it.
    pub fn kind(&self) -> ChangeKind {
        match (&self.moved_from, &self.before, &self.after) {
            (Some(_), ..) => ChangeKind::Moved,
            (None, None, _) => ChangeKind::Added,
            (None, Some(_), None) => ChangeKind::Removed,
            (None, Some(_), Some(_)) => ChangeKind::Changed,
        }
    }
}

/// What one moment takes, in bytes of stored content; what files or moments share counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SnapshotUsage {
    /// All of it.
    pub content_bytes: u64,
    /// What no other moment has: it would be given back if this one were not.
    pub own_bytes: u64,
    /// What others have too.
    pub shared_bytes: u64,
}

/// What a filesystem and its snapshots take together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SnapshotsUsage {
    /// The filesystem as it is.
    pub now: SnapshotUsage,
    /// Its snapshots, oldest first.
    pub snapshots: Vec<(SnapshotId, SnapshotUsage)>,
    /// All of them; what several have counts once.
    pub total_bytes: u64,
}

/// A filesystem that keeps named moments of itself. A snapshot never changes.
pub trait Snapshots: Send + Sync {
    /// All snapshots, oldest first.
    fn list(&self) -> Result<Vec<Snapshot>>;

    /// Keeps this moment. What is staged, or open without a name, is no part of it.
    ///
    /// Errors: `AlreadyExists` (a snapshot has that name), `InvalidInput` (see [`check_name`]), `NoSpace` (there are too many).
    fn take(&self, name: &str) -> Result<Snapshot>;

    /// Puts what a snapshot holds in place of what is there now, in one step, and answers the snapshot that holds what was there: restoring that
    /// one takes it back. It is a new one, unless one with the same content is there. Handles of files that are gone keep what they had.
    ///
    /// Errors: `NotFound`.
    fn restore(&self, id: SnapshotId) -> Result<Snapshot>;

    /// Forgets a snapshot. Those who have it open keep what they see. `NotFound`.
    fn delete(&self, id: SnapshotId) -> Result<()>;

    /// What a snapshot holds, as a filesystem of its own that can only be read. `NotFound`.
    fn open(&self, id: SnapshotId) -> Result<Arc<dyn Backend>>;

    /// What differs between two moments, by path. Costs as much as the difference is large, whatever else there is. Not compared: times of access and of
    /// changes to attributes, numbers of links, the times of folders.
    ///
    /// Errors: `NotFound`, `Cancelled`.
    fn diff(&self, from: Moment, to: Moment, control: &Control) -> Result<Vec<SnapshotChange>>;

    /// What each of them takes.
    fn usage(&self) -> Result<SnapshotsUsage>;

    /// Counts changes of the filesystem and of its snapshots: while it answers the same number, so do all other questions. `None`: it doesn't count.
    fn changes(&self) -> Option<u64> {
        None
    }

    /// The snapshot with this name. `NotFound`.
    fn find(&self, name: &str) -> Result<Snapshot> {
        let found = self.list()?.into_iter().find(|it| it.name == name);
        found.ok_or_else(|| {
            let detail = format!("there is no snapshot {name:?}");
            Error::new(ErrorKind::NotFound, "snapshot").with_detail(detail)
        })
    }
}

/// Can a snapshot have this name? `InvalidInput`: it is empty, longer than [`SNAPSHOT_NAME_MAX_CHARS`], or holds a slash, a colon or a control
/// character (locations name snapshots).
pub fn check_name(name: &str) -> Result<()> {
    let forbidden = |c: char| c == '/' || c == ':' || c.is_control();
    let detail = if name.trim().is_empty() {
        "a snapshot needs a name"
    } else if name.chars().count() > SNAPSHOT_NAME_MAX_CHARS {
        "the name is too long"
    } else if name.contains(forbidden) {
        "names of snapshots hold no slash, colon or control character"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::InvalidInput, "take snapshot").with_detail(detail))
}
