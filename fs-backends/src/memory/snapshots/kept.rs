//! The snapshots a memory filesystem keeps, and how much memory they take beyond what the tree has.

use fs_core::snapshots::{Snapshot, SnapshotId};
use fs_core::{Error, ErrorKind, Result, Time};

use super::super::content::Contents;
use super::super::store::Image;
use super::usage::usage;

/// Most snapshots of a filesystem.
pub(in super::super) const SNAPSHOTS_MAX: usize = 4096;

/// A kept moment.
pub(in super::super) struct Taken {
    pub(in super::super) snapshot: Snapshot,
    pub(in super::super) image: Image,
}

/// All of them, oldest first.
#[derive(Default)]
pub(in super::super) struct Kept {
    taken: Vec<Taken>,
    last_id: u64,
    /// A generation of the filesystem, and the snapshot that holds the same.
    same: Option<(u64, SnapshotId)>,
    bytes: KeptBytes,
}

/// How much memory only snapshots hold.
#[derive(Clone, Copy, Default)]
struct KeptBytes {
    at_most: u64,
    is_exact: bool,
}

impl Kept {
    /// Those of a saved file, oldest first.
    pub(in super::super) fn loaded(taken: Vec<Taken>, last_id: u64) -> Self {
        let bytes = KeptBytes {
            at_most: if taken.is_empty() { 0 } else { u64::MAX },
            is_exact: taken.is_empty(),
        };
        Self {
            taken,
            last_id,
            same: None,
            bytes,
        }
    }

    pub(in super::super) fn all(&self) -> &[Taken] {
        &self.taken
    }

    pub(in super::super) fn last_id(&self) -> u64 {
        self.last_id
    }

    pub(in super::super) fn is_any(&self) -> bool {
        !self.taken.is_empty()
    }

    pub(super) fn get(&self, id: SnapshotId) -> Result<&Taken> {
        let found = self.taken.iter().find(|taken| taken.snapshot.id == id);
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "snapshot"))
    }

    /// Keeps `image` under `name`, which was checked.
    pub(super) fn keep(&mut self, name: &str, image: Image) -> Result<Snapshot> {
        if self.taken.iter().any(|taken| taken.snapshot.name == name) {
            let detail = format!("there is a snapshot {name:?} already");
            return Err(Error::new(ErrorKind::AlreadyExists, "take snapshot").with_detail(detail));
        }
        if self.taken.len() >= SNAPSHOTS_MAX {
            let detail = format!("it has {SNAPSHOTS_MAX} snapshots already");
            return Err(Error::new(ErrorKind::NoSpace, "take snapshot").with_detail(detail));
        }
        self.last_id += 1;
        let snapshot = Snapshot {
            id: SnapshotId(self.last_id),
            name: name.to_owned(),
            taken: Time::now(),
        };
        self.taken.push(Taken {
            snapshot: snapshot.clone(),
            image,
        });
        Ok(snapshot)
    }

    /// A name like `wanted` that no snapshot has.
    pub(super) fn free_name(&self, wanted: &str) -> String {
        let is_taken = |name: &str| self.taken.iter().any(|taken| taken.snapshot.name == name);
        let numbered = (2..).map(|number| format!("{wanted} ({number})"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        names
            .find(|name| !is_taken(name))
            .unwrap_or_else(|| wanted.to_owned())
    }

    pub(super) fn forget(&mut self, id: SnapshotId) -> Result<()> {
        self.get(id)?;
        self.taken.retain(|taken| taken.snapshot.id != id);
        self.same = self.same.filter(|(_, same)| *same != id);
        self.bytes.is_exact = false;
        if self.taken.is_empty() {
            self.bytes = KeptBytes::default();
        }
        Ok(())
    }

    /// The snapshot that holds what the filesystem holds at `generation`, if one is known.
    pub(super) fn same_as(&self, generation: u64) -> Option<&Snapshot> {
        let (_, id) = self.same.filter(|(known, _)| *known == generation)?;
        self.get(id).ok().map(|taken| &taken.snapshot)
    }

    pub(super) fn set_same(&mut self, generation: u64, id: SnapshotId) {
        self.same = Some((generation, id));
    }

    /// Chunks of this many bytes left the tree; snapshots may hold them still.
    pub(in super::super) fn left_behind(&mut self, bytes: u64) {
        if self.is_any() && bytes > 0 {
            self.bytes.at_most = self.bytes.at_most.saturating_add(bytes);
            self.bytes.is_exact = false;
        }
    }

    /// The tree became another one: nothing is known.
    pub(in super::super) fn replaced(&mut self) {
        self.left_behind(u64::MAX);
    }

    /// What snapshots hold beyond the tree is no more than this.
    pub(in super::super) fn at_most_bytes(&self) -> u64 {
        self.bytes.at_most
    }

    /// What snapshots hold beyond `now`, counted anew when something changed since it was counted last.
    pub(in super::super) fn bytes(&mut self, now: &Contents) -> u64 {
        if self.is_any() && !self.bytes.is_exact {
            let snapshots = self.taken.iter().map(|taken| &taken.image.contents);
            let (all, total_bytes) = usage(snapshots.chain([now]));
            let now_bytes = all.last().map_or(0, |now| now.content_bytes);
            self.bytes = KeptBytes {
                at_most: total_bytes - now_bytes,
                is_exact: true,
            };
        }
        self.bytes.at_most
    }
}
