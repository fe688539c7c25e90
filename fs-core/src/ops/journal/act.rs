//! How to take one change back: the inverse of each step, as data.

use crate::extensions::TrashId;
use crate::metadata::{FileKind, Metadata, Time};
use crate::ops::operation::Attributes;
use crate::ops::place::Place;
use crate::snapshots::SnapshotId;

/// What a thing looked like when it was made, to tell later whether it is still that.
///
/// The number of the filesystem is left out: it may differ the next time the same filesystem is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stamp {
    /// Inode number; `None` before it is known.
    pub ino: Option<u64>,
    /// Type.
    pub kind: FileKind,
    /// Content length.
    pub size: u64,
    /// Last change of the content.
    pub mtime: Time,
}

impl Stamp {
    /// Of something that is there.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            ino: Some(metadata.id.ino),
            ..Self::copy_of(metadata)
        }
    }

    /// Of a copy that will be made of something.
    pub fn copy_of(metadata: &Metadata) -> Self {
        Self {
            ino: None,
            kind: metadata.kind,
            size: metadata.size,
            mtime: metadata.mtime,
        }
    }

    /// Is it the same thing with the same content? Folders: the same folder, whatever it holds now.
    pub fn matches(&self, now: &Metadata) -> bool {
        let identity = self.ino.is_none_or(|ino| ino == now.id.ino) && self.kind == now.kind;
        identity && (self.kind != FileKind::File || self.same_content(now))
    }

    /// Is it the same thing, whatever has become of its content?
    pub fn is_node(&self, now: &Metadata) -> bool {
        self.ino == Some(now.id.ino) && self.kind == now.kind
    }

    /// Is a copy with this stamp one of that source, as it is now?
    pub fn same_as_source(&self, source: &Metadata) -> bool {
        Self { ino: None, ..*self }.matches(source)
    }

    fn same_content(&self, now: &Metadata) -> bool {
        self.size == now.size && self.mtime == now.mtime
    }
}

/// The inverse of one step. Applied in the opposite order of the steps; applying one that never happened, or twice, changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Act {
    /// Something was made: remove it. A folder only when nothing else is left in it.
    Remove {
        /// Where.
        at: Place,
        /// What.
        stamp: Stamp,
    },
    /// Something went to the trash: put it back.
    Restore {
        /// Where it was.
        at: Place,
        /// What it was.
        stamp: Stamp,
        /// Its id there; `None` when the program ended before it was known.
        trash: Option<TrashId>,
    },
    /// A file was replaced: the new one goes, the old one comes back.
    Replaced {
        /// Where.
        at: Place,
        /// What came.
        new: Stamp,
        /// What was there.
        old: Stamp,
        /// The name the new one was made under and the old one had on its way to the trash.
        aside: Place,
        /// Its id there; `None` when the program ended before it was known.
        trash: Option<TrashId>,
    },
    /// Something was renamed: give the old name back.
    Rename {
        /// Its name now.
        from: Place,
        /// Its name before.
        to: Place,
        /// What.
        stamp: Stamp,
    },
    /// A source was removed after it had been copied: bring it back.
    MoveBack {
        /// Where the copy is.
        from: Place,
        /// Where the source was.
        to: Place,
        /// The copy.
        stamp: Stamp,
        /// Where another name of the same source was, if it had several.
        brother: Option<Place>,
    },
    /// A folder was removed after what it held had been moved: make it again.
    MakeFolder {
        /// Where.
        at: Place,
        /// With these attributes.
        attr: Attributes,
    },
    /// A deletion in the top layer of a stack was taken back: delete again what lies below.
    Conceal {
        /// Where.
        at: Place,
        /// What shows there.
        stamp: Stamp,
    },
    /// Something else was put in place of all there was: go back to that.
    GoBack {
        /// The root of the filesystem.
        at: Place,
        /// The snapshot that holds what was there; `None` before it is known.
        to: Option<SnapshotId>,
    },
    /// Attributes were changed.
    SetAttr {
        /// Of what.
        at: Place,
        /// What it was then.
        kind: FileKind,
        /// The values before.
        attr: Attributes,
    },
}

/// What became of a step that had been announced.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Outcome {
    /// Nothing happened.
    Failed,
    /// It happened.
    Done,
    /// It happened, and this came of it.
    Made(Stamp),
    /// It happened, and what went to the trash has this id.
    Trashed(TrashId),
    /// It happened, and what was there before is this snapshot.
    Kept(SnapshotId),
}

impl Act {
    /// Adds what is known afterwards; `false`: the step did not happen, there is nothing to take back.
    pub fn settle(&mut self, outcome: &Outcome) -> bool {
        match (outcome, self) {
            (Outcome::Failed, _) => return false,
            (Outcome::Made(made), Self::Remove { stamp, .. } | Self::Conceal { stamp, .. }) => {
                *stamp = *made;
            }
            (Outcome::Trashed(id), Self::Restore { trash, .. } | Self::Replaced { trash, .. }) => {
                *trash = Some(id.clone());
            }
            (Outcome::Kept(id), Self::GoBack { to, .. }) => *to = Some(*id),
            _ => {}
        }
        true
    }

    /// The place it is about.
    pub fn place(&self) -> &Place {
        match self {
            Self::Remove { at, .. }
            | Self::Restore { at, .. }
            | Self::Replaced { at, .. }
            | Self::MakeFolder { at, .. }
            | Self::Conceal { at, .. }
            | Self::GoBack { at, .. }
            | Self::SetAttr { at, .. } => at,
            Self::Rename { to, .. } | Self::MoveBack { to, .. } => to,
        }
    }

    /// Every place in it.
    pub fn each_place(&mut self, f: &mut impl FnMut(&mut Place)) {
        match self {
            Self::Remove { at, .. }
            | Self::Conceal { at, .. }
            | Self::Restore { at, .. }
            | Self::MakeFolder { at, .. }
            | Self::GoBack { at, .. }
            | Self::SetAttr { at, .. } => f(at),
            Self::Replaced { at, aside, .. } => {
                f(at);
                f(aside);
            }
            Self::Rename { from, to, .. } => {
                f(from);
                f(to);
            }
            Self::MoveBack {
                from, to, brother, ..
            } => {
                f(from);
                f(to);
                if let Some(brother) = brother {
                    f(brother);
                }
            }
        }
    }
}
