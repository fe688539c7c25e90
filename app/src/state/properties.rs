//! What the properties dialog shows and asks for. Facts arrive one after the other; what is being typed is in the drafts of the UI.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::ops::{ModeChange, Place};
use fs_core::{Metadata, Result};

use super::Generation;

/// The dialog.
#[derive(Clone, Debug)]
pub struct Properties {
    /// The entries.
    pub items: Vec<Place>,
    /// The facts, when they are there; one per item.
    pub facts: Option<Vec<Result<Facts>>>,
    /// Bytes and items in all, counted while the dialog is open.
    pub usage: Usage,
    /// The checksum of the one file, once it was asked for.
    pub checksum: Option<Checksum>,
    /// Why what was asked for last can't be done.
    pub refused: Option<String>,
    /// The question these are the answers to.
    pub generation: Generation,
    /// Set when counting shall stop.
    pub stop_counting: Arc<AtomicBool>,
    /// Set when the dialog is closed.
    pub closed: Arc<AtomicBool>,
}

impl Properties {
    /// Stops all that works for the dialog.
    pub fn close(&self) {
        self.stop_counting.store(true, Ordering::Relaxed);
        self.closed.store(true, Ordering::Relaxed);
    }
}

/// What is known about one entry.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What `lstat` says.
    pub metadata: Metadata,
    /// Where a link points.
    pub link_target: Option<String>,
    /// Extended attributes.
    pub xattrs: Vec<Xattr>,
    /// What this computer calls the owner.
    pub owner: Option<String>,
    /// What this computer calls the group.
    pub group: Option<String>,
    /// What can be done with its attributes.
    pub grants: Grants,
}

/// An extended attribute, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xattr {
    /// Its name, with its namespace.
    pub name: String,
    /// Its value, when it is short text; otherwise how long it is.
    pub value: String,
}

/// What can be done with the attributes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grants {
    /// Permission bits.
    pub mode: Grant,
    /// Owner.
    pub owner: Grant,
    /// Group.
    pub group: Grant,
}

/// What can be done with an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// Nothing: the filesystem keeps none.
    Absent,
    /// It can be looked at.
    Look,
    /// It can be changed.
    Change,
}

/// Bytes and items below some entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Folders.
    pub folders: u64,
    /// Anything else.
    pub files: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Entries that could not be read.
    pub unreadable: u64,
    /// Whether more will come.
    pub count: Count,
}

/// How far counting is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// It goes on.
    #[default]
    Running,
    /// The user stopped it: there is at least so much.
    Stopped,
    /// Everything is counted.
    Complete,
}

/// A SHA-256 on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// So many bytes have been read.
    Running(u64),
    /// In hex.
    Done(String),
    /// Why there is none.
    Failed(String),
}

/// Attributes as a person asks for them; owner and group are names or numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttrWish {
    /// Of what.
    pub items: Vec<Place>,
    /// Permission bits to set and to clear.
    pub mode: Option<ModeChange>,
    /// The new owner.
    pub owner: Option<String>,
    /// The new group.
    pub group: Option<String>,
    /// Of all below, too.
    pub recursive: bool,
}
