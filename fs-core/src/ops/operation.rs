//! What a person asks for, as data.

use std::ffi::OsString;

use super::place::Place;
use crate::metadata::{SetAttr, SetTime, Time};
use crate::path::Name;
use crate::snapshots::SnapshotId;

/// Names an operation in the history, rising with time, never used again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct EntryId(pub u64);

/// Something to do with files. Places are resolved when it is made (no row numbers, no links to follow); nothing is touched until it runs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Operation {
    /// Copies each source, with all below it, into a folder. Folders merge.
    Copy(Transfer),
    /// Moves each source, with all below it, into a folder. Folders merge.
    Move(Transfer),
    /// Copies each item into its own folder under a new name, "report (copy).pdf".
    Duplicate(Vec<Place>),
    /// Moves to the trash of their filesystem; where there is none, `Preflight::for_good` says so.
    Trash(Vec<Place>),
    /// Removes with all below, for good.
    Delete(Vec<Place>),
    /// Gives another name in the same folder. Changing only case works everywhere.
    Rename {
        /// What.
        item: Place,
        /// Its new name; `AlreadyExists` when taken.
        name: Name,
    },
    /// Makes an empty folder; its parent must exist.
    CreateFolder(Place),
    /// Makes an empty file; its parent must exist.
    CreateFile(Place),
    /// Makes a link at a place.
    Link {
        /// Where the link appears.
        at: Place,
        /// What it is.
        to: LinkTo,
    },
    /// Changes permissions, owner or times.
    SetAttr {
        /// What.
        items: Vec<Place>,
        /// How.
        change: AttrChange,
        /// Of all below, too.
        recursive: bool,
    },
    /// Brings back what the top layer of a stack deleted, as the layers below have it.
    Reveal(Vec<Place>),
    /// Takes back what the top layer of a stack changed: what it added goes to the trash, what it changed too, and the layers below show again; a folder
    /// of several layers only gets their attributes back. What is not changed stays.
    Revert(Vec<Place>),
    /// Puts what a snapshot holds in place of all that is there now, which becomes a snapshot itself.
    GoBack {
        /// The root of the filesystem.
        at: Place,
        /// Which snapshot.
        to: SnapshotId,
        /// What it is called.
        name: String,
    },
    /// Undoes an entry of the history.
    Undo(EntryId),
    /// Does an undone entry of the history again.
    Redo(EntryId),
    /// Goes on with an entry that a crash interrupted, in the direction it had.
    Finish(EntryId),
}

/// Sources and where they go.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Transfer {
    /// What; may come from several filesystems.
    pub sources: Vec<Place>,
    /// The folder they go into.
    pub into: Place,
    /// Another name, for a single source.
    pub name: Option<Name>,
    /// Only what is in the sources, which are folders, goes; each source itself becomes `into` (made when it is missing).
    pub contents: bool,
}

/// What a new link is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LinkTo {
    /// A symbolic link with this target, verbatim.
    Symbolic(#[serde(with = "crate::path_text")] OsString),
    /// A second name of this file, which must be in the same filesystem.
    Hard(Place),
}

/// How attributes change; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AttrChange {
    /// Permission bits. A symbolic link has none of its own and is passed over.
    pub mode: Option<ModeChange>,
    /// Owner; of a symbolic link: of the link itself.
    pub uid: Option<u32>,
    /// Group; likewise.
    pub gid: Option<u32>,
    /// Last change of the content.
    pub mtime: Option<Time>,
    /// Last read.
    pub atime: Option<Time>,
}

/// Permission bits to set and to clear, out of 0o7777; one in neither stays as each item has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModeChange {
    /// Bits that will be set.
    pub set: u32,
    /// Bits that will be cleared.
    pub clear: u32,
}

impl ModeChange {
    /// These bits and no others.
    pub fn exactly(mode: u32) -> Self {
        Self {
            set: mode & 0o7777,
            clear: !mode & 0o7777,
        }
    }

    /// The bits of an item it was asked for, which has `old`.
    pub fn of_item(self, old: u32) -> u32 {
        (old & !self.clear) | self.set
    }

    /// The bits of something below such an item, as with `X` of `chmod(1)`: folders can be entered by whom it says, files become
    /// executable only if someone may execute them already. Set-id and sticky bits stay: they mean something else on each kind.
    pub fn of_content(self, old: u32, is_folder: bool) -> u32 {
        let executable = is_folder || old & 0o111 != 0;
        let kept = 0o7000 | if executable { 0 } else { 0o111 };
        Self {
            set: self.set & !kept,
            clear: self.clear & !0o7000,
        }
        .of_item(old)
    }
}

/// Attributes something had; `None` is one that is of no interest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attributes {
    /// Permission bits, 0o7777.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Last change of the content.
    pub mtime: Option<Time>,
    /// Last read.
    pub atime: Option<Time>,
}

impl From<Attributes> for SetAttr {
    fn from(attr: Attributes) -> Self {
        Self {
            mode: attr.mode,
            uid: attr.uid,
            gid: attr.gid,
            size: None,
            mtime: attr.mtime.map(SetTime::To),
            atime: attr.atime.map(SetTime::To),
            btime: None,
        }
    }
}

impl Operation {
    /// Copies `sources` into the folder `into`.
    pub fn copy(sources: Vec<Place>, into: Place) -> Self {
        Self::Copy(Transfer {
            sources,
            into,
            name: None,
            contents: false,
        })
    }

    /// Moves `sources` into the folder `into`.
    pub fn move_into(sources: Vec<Place>, into: Place) -> Self {
        Self::Move(Transfer {
            sources,
            into,
            name: None,
            contents: false,
        })
    }

    /// The places it was asked to act on.
    pub fn subjects(&self) -> &[Place] {
        match self {
            Self::Copy(transfer) | Self::Move(transfer) => &transfer.sources,
            Self::Duplicate(items)
            | Self::Trash(items)
            | Self::Delete(items)
            | Self::Reveal(items)
            | Self::Revert(items)
            | Self::SetAttr { items, .. } => items,
            Self::Rename { item, .. } => std::slice::from_ref(item),
            Self::GoBack { at, .. } => std::slice::from_ref(at),
            Self::CreateFolder(at) | Self::CreateFile(at) | Self::Link { at, .. } => {
                std::slice::from_ref(at)
            }
            Self::Undo(_) | Self::Redo(_) | Self::Finish(_) => &[],
        }
    }

    /// Every filesystem it touches, each once, the one it writes to first.
    pub fn filesystems(&self) -> Vec<super::FsRef> {
        let target = match self {
            Self::Copy(transfer) | Self::Move(transfer) => Some(&transfer.into),
            _ => None,
        };
        let mut all = Vec::new();
        for place in target.into_iter().chain(self.subjects()) {
            if !all.contains(&place.fs) {
                all.push(place.fs.clone());
            }
        }
        all
    }

    /// Every filesystem it changes, each once.
    pub fn written(&self) -> Vec<super::FsRef> {
        match self {
            Self::Copy(transfer) => vec![transfer.into.fs.clone()],
            _ => self.filesystems(),
        }
    }

    /// The entry of the history it is about: of undo, redo and finish.
    pub fn subject_entry(&self) -> Option<EntryId> {
        match self {
            Self::Undo(id) | Self::Redo(id) | Self::Finish(id) => Some(*id),
            _ => None,
        }
    }

    /// Every place in it.
    pub(super) fn each_place(&mut self, f: &mut impl FnMut(&mut Place)) {
        match self {
            Self::Copy(transfer) | Self::Move(transfer) => {
                transfer.sources.iter_mut().for_each(&mut *f);
                f(&mut transfer.into);
            }
            Self::Duplicate(items)
            | Self::Trash(items)
            | Self::Delete(items)
            | Self::Reveal(items)
            | Self::Revert(items)
            | Self::SetAttr { items, .. } => items.iter_mut().for_each(f),
            Self::Rename { item, .. } => f(item),
            Self::CreateFolder(at) | Self::CreateFile(at) | Self::GoBack { at, .. } => f(at),
            Self::Link { at, to } => {
                f(at);
                if let LinkTo::Hard(file) = to {
                    f(file);
                }
            }
            Self::Undo(_) | Self::Redo(_) | Self::Finish(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_in_neither_mask_stay() {
        let change = ModeChange {
            set: 0o040,
            clear: 0o007,
        };
        assert_eq!(change.of_item(0o604), 0o640);
        assert_eq!(change.of_item(0o4711), 0o4750);
        assert_eq!(ModeChange::exactly(0o2755).of_item(0o4600), 0o2755);
    }

    #[test]
    fn content_becomes_executable_only_where_that_makes_sense() {
        let change = ModeChange::exactly(0o2755);
        assert_eq!(change.of_content(0o700, true), 0o755);
        assert_eq!(change.of_content(0o600, false), 0o644);
        assert_eq!(change.of_content(0o700, false), 0o755);
        assert_eq!(
            change.of_content(0o4700, false),
            0o4755,
            "set-id bits belong to the file"
        );
        assert_eq!(ModeChange::exactly(0o600).of_content(0o755, false), 0o600);
    }
}
