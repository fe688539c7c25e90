//! The dialog in front of the window, if any. Text that is being typed into it is in the drafts of the UI.

use std::path::PathBuf;
use std::sync::Arc;

use fs_backends::location::Kind;
use fs_core::ops::{FsRef, Place, Preflight};

use super::layers::Review;
use super::properties::Properties;
use super::{After, AtStake, OpId, TabId};

/// A dialog.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// An operation asks before it touches anything.
    Preflight {
        /// The operation.
        op: OpId,
        /// What it found.
        preflight: Arc<Preflight>,
    },
    /// Deleting for good has to be confirmed.
    Delete(Vec<Place>),
    /// What failed in an operation.
    Report(OpId),
    /// Opening a filesystem of a kind.
    Open(Kind),
    /// Making a filesystem of a kind.
    Create(Kind),
    /// Where a memory filesystem is saved.
    Save(FsRef),
    /// A memory filesystem would be saved over what is there.
    Replace(FsRef, PathBuf),
    /// The file that something in memory is saved to was changed by another program.
    ChangedOutside(FsRef, PathBuf),
    /// Which files are copied into a folder.
    AddFiles(Place),
    /// Closing a tab would lose what its filesystem holds.
    CloseUnsaved(TabId),
    /// Locking a memory filesystem would lose what was not saved.
    LockUnsaved(FsRef),
    /// Leaving while operations run, or something is unsaved or mounted.
    Quit(AtStake),
    /// Looking after a vault or store.
    Care(FsRef),
    /// Where what can be read of a damaged filesystem is saved.
    Salvage(FsRef),
    /// What becomes a layer of a stack.
    AddLayer(FsRef),
    /// A stack's layers, used over another base, would be used over this one.
    AcceptBase(FsRef),
    /// Where a filesystem is mounted as a folder.
    MountFolder(FsRef),
    /// A folder other programs may use would be unmounted.
    UnmountFolder {
        /// The filesystem.
        fs: FsRef,
        /// What it is unmounted for.
        then: After,
        /// It could not be: these programs use it. `None`: it was not tried yet.
        users: Option<Vec<String>>,
    },
    /// Operations that a crash interrupted, [`Operations::unfinished`](super::Operations).
    Unfinished,
    /// What the top layer of a stack changed.
    Review(Review),
    /// What is known about entries.
    Properties(Properties),
    /// All shortcuts.
    Shortcuts,
    /// What this program is.
    About,
}

/// What a dialog asks to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewFilesystem {
    /// A memory filesystem with this name.
    Memory(String),
    /// A memory filesystem that is kept in this file.
    Saved(PathBuf),
    /// A vault in this file.
    Vault(PathBuf),
    /// A store in this folder.
    Store(PathBuf),
    /// A stack file with these layers, bottom first.
    Stack {
        /// The stack file.
        file: PathBuf,
        /// Open filesystems and places in them.
        layers: Vec<Layer>,
    },
}

/// A layer of a stack that is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What the strip calls it.
    pub name: String,
    /// Where it is.
    pub fs: FsRef,
}
