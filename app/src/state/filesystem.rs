//! What the window knows about a filesystem. The filesystem itself lives in the background.

use std::path::Path;

use fs_backends::location::{Kind, Location, Root};
use fs_core::ops::{FsRef, Place};
use fs_core::{Capabilities, Error, VPath};

/// An open filesystem, or one that should be.
#[derive(Clone, Debug)]
pub struct FsInfo {
    /// How it is named.
    pub location: Location,
    /// Which kind it is.
    pub kind: Kind,
    /// What tabs, chips and sentences call it.
    pub name: String,
    /// What can be done at its root; nothing until it is open.
    pub capabilities: Capabilities,
    /// Whether it can be used.
    pub status: FsStatus,
    /// Does it hold anything that is lost when it is closed?
    pub unsaved: bool,
    /// Is it encrypted, so that it can be locked?
    pub encrypted: bool,
    /// Names of the layers, bottom first, when it is a stack.
    pub layers: Vec<String>,
    /// Filesystems of other tabs it is made of; they stay open as long as it does.
    pub made_of: Vec<FsRef>,
}

/// Whether a filesystem can be used.
#[derive(Clone, Debug)]
pub enum FsStatus {
    /// A worker is opening it.
    Opening,
    /// It waits for a password; `message` says why the last one did not do.
    Locked {
        /// A sentence under the field.
        message: Option<String>,
    },
    /// It can be used.
    Open,
    /// It could not be opened.
    Failed(Error),
    /// What it held was in memory only and is gone.
    Gone,
}

impl FsInfo {
    /// Can it be used?
    pub fn is_open(&self) -> bool {
        matches!(self.status, FsStatus::Open)
    }

    /// Does it wait for a password?
    pub fn is_locked(&self) -> bool {
        matches!(self.status, FsStatus::Locked { .. })
    }

    /// Can anything be written to it now?
    pub fn is_writable(&self) -> bool {
        self.is_open() && self.capabilities.contains(Capabilities::WRITE)
    }
}

/// All folders of this computer are one filesystem, so that moving within it is renaming.
pub const HOST: &str = "host:/";

/// The filesystem that is there at the first start, to try things in.
pub const SAMPLE: &str = "memory:sample";

/// The place a settled location names: host paths are places in the one host filesystem.
pub fn place_of(location: &Location) -> Place {
    match location.root() {
        Root::Host(path) => {
            let path = VPath::lexical(path).unwrap_or_default();
            Place::new(FsRef::new(HOST), path.append(location.inner()))
        }
        _ => Place::new(
            FsRef::new(location.at(VPath::root()).to_string()),
            location.inner().clone(),
        ),
    }
}

/// The location a place stands for: what the path field shows and a session stores.
pub fn location_of(place: &Place) -> Option<Location> {
    if place.fs.as_str() == HOST {
        return Some(Location::host(place.path.as_path()));
    }
    let root = Location::parse(place.fs.as_str(), Path::new("/")).ok()?;
    Some(root.at(place.path.clone()))
}

/// The path on this computer of a place in the host filesystem.
pub fn host_path(place: &Place) -> Option<&Path> {
    (place.fs.as_str() == HOST).then(|| place.path.as_path())
}

/// What a tab at `place` is called.
pub fn title_of(place: &Place) -> String {
    match place.path.file_name() {
        Some(name) => name.display().into_owned(),
        None if place.fs.as_str() == HOST => "This computer".to_owned(),
        None => place.fs.label().to_owned(),
    }
}
