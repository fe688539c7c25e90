//! The layers of a stack, and what its top layer changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fs_backends::location::{Kind, StackLayer};
use fs_core::extensions::Difference;
use fs_core::ops::FsRef;
use fs_core::{Error, VPath};

use super::Generation;

/// A layer, as the strip of its stack shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerInfo {
    /// What the stack file calls it.
    pub name: String,
    /// Which kind of filesystem it is.
    pub kind: Kind,
    /// Where it is, as the stack file says it.
    pub location: String,
    /// Its number in the stack file, from the bottom; `None`: it belongs to a stack that is a layer itself.
    pub at: Option<usize>,
    /// It is left out just now.
    pub hidden: bool,
}

/// Another order of layers, more of them or fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayersEdit {
    /// Puts a layer on top (`true`: it is written from now on) or right below the top.
    Add(NewLayer, bool),
    /// Takes one out. What it holds stays where it is.
    Remove(usize),
    /// Exchanges one with the one above it.
    Raise(usize),
    /// These and no others.
    Put(Vec<StackLayer>),
}

/// What becomes a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewLayer {
    /// An open filesystem, by its name and place.
    Open(String, FsRef),
    /// What is at this path: a folder, of which nothing leads out, or the file or folder of a filesystem.
    At(PathBuf),
}

/// How much the top layer changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries only it has; a folder with all in it is one.
    pub added: usize,
    /// Entries it has its own version of.
    pub changed: usize,
    /// Entries it hides.
    pub deleted: usize,
    /// There are no more than these.
    pub is_complete: bool,
}

impl Tally {
    /// All together.
    pub fn total(&self) -> usize {
        self.added + self.changed + self.deleted
    }

    /// Counts changes.
    pub fn of(changes: &Changes) -> Self {
        let mut tally = Self {
            is_complete: changes.is_complete,
            ..Self::default()
        };
        for change in &changes.list {
            match change.difference {
                Difference::Added => tally.added += 1,
                Difference::Changed | Difference::Merged => tally.changed += 1,
                Difference::Deleted => tally.deleted += 1,
            }
        }
        tally
    }
}

/// One thing the top layer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerChange {
    /// To what.
    pub path: VPath,
    /// What. `Merged`: only the attributes of a folder are others.
    pub difference: Difference,
    /// It is a folder.
    pub is_folder: bool,
    /// Bytes now, of a folder with all in it; `None`: there is nothing now, or nothing to count.
    pub bytes: Option<u64>,
    /// Bytes of the file below.
    pub bytes_below: Option<u64>,
    /// Entries in it, when it is a folder that is new.
    pub items: u64,
}

/// What the top layer did, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// One after the other, as far as they were counted.
    pub list: Vec<LayerChange>,
    /// There are no more than these.
    pub is_complete: bool,
}

/// The dialog that reviews what the top layer of a stack changed.
#[derive(Clone, Debug)]
pub struct Review {
    /// The stack.
    pub fs: FsRef,
    /// What changed, once it is known.
    pub changes: Option<Arc<Changes>>,
    /// Why it could not be found out.
    pub error: Option<Error>,
    /// The question whose answer it waits for.
    pub generation: Generation,
    /// Set when the dialog is closed.
    pub cancel: Arc<AtomicBool>,
}
