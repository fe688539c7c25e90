//! What the window knows about a filesystem. The filesystem itself lives in the background.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_backends::location::{Kind, Location, Root};
use fs_core::ops::{FsRef, Place};
use fs_core::{Capabilities, Error, ErrorKind, VPath};

use super::care::Care;
use super::folder_mount::FolderMount;
use super::layers::{LayerInfo, Tally};
use super::snapshots::Snapshots;

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
    /// Of a memory filesystem: the file it was saved to last.
    pub saved: Option<SavedFile>,
    /// Is it encrypted, so that it can be locked?
    pub encrypted: bool,
    /// It was opened so that nothing can be changed.
    pub read_only: bool,
    /// How many wrong passwords were tried, while another one is.
    pub wrong_passwords: u32,
    /// Its layers, bottom first, when it is a stack.
    pub layers: Vec<LayerInfo>,
    /// The numbers, in the stack file, of layers that are left out; then nothing can be changed.
    pub hidden: Vec<usize>,
    /// How much its top layer changed, once that is known.
    pub tally: Option<Tally>,
    /// Filesystems of other tabs it is made of; they stay open as long as it does.
    pub made_of: Vec<FsRef>,
    /// Where it is mounted as a folder, if it is.
    pub folder: Option<FolderMount>,
    /// The moments it keeps, if it can.
    pub snapshots: Option<Snapshots>,
    /// What is known of it as something to look after.
    pub care: Care,
}

/// The file of a memory filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFile {
    /// Where.
    pub path: PathBuf,
    /// With a password.
    pub encrypted: bool,
}

/// Whether a filesystem can be used.
#[derive(Clone, Debug)]
pub enum FsStatus {
    /// A worker is opening it.
    Opening,
    /// It waits for a password.
    Locked(Locked),
    /// It can be used.
    Open,
    /// It could not be opened.
    Failed(Error),
    /// What it held was in memory only and is gone.
    Gone,
}

/// What a lock screen tells.
#[derive(Clone, Debug, Default)]
pub struct Locked {
    /// Why the last password did not do.
    pub message: Option<String>,
    /// Wrong passwords so far.
    pub wrong: u32,
    /// No other password is tried before this.
    pub wait_until: Option<Instant>,
    /// It shall be opened so that nothing can be changed, unless something else is asked for.
    pub read_only: bool,
}

impl Locked {
    /// After one more wrong password: the more there were, the longer the wait.
    pub fn after_wrong(kind: Kind, wrong: u32, now: Instant) -> Self {
        let what = match kind {
            Kind::Memory => "file",
            Kind::Store => "store",
            Kind::Stack => "stack",
            _ => "vault",
        };
        let wait = Duration::from_secs(1 << wrong.saturating_sub(1).min(5)).min(LONGEST_WAIT);
        Self {
            message: Some(format!("That password doesn't open this {what}")),
            wrong,
            wait_until: (wrong > FREE_TRIES).then(|| now + wait),
            read_only: false,
        }
    }

    /// Do so many wrong passwords look like a right one for something damaged?
    pub fn is_doubtful(&self) -> bool {
        self.wrong >= DOUBTFUL
    }

    /// Whole seconds until the next password may be tried; 0: now.
    pub fn seconds_left(&self, now: Instant) -> u64 {
        let left = self
            .wait_until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        left.as_secs() + u64::from(left.subsec_nanos() > 0)
    }
}

/// So many wrong passwords are more than a slip.
const DOUBTFUL: u32 = 2;
/// So many wrong passwords cost no wait: everybody mistypes.
const FREE_TRIES: u32 = 1;
/// The wait grows no longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl FsInfo {
    /// Can it be used?
    pub fn is_open(&self) -> bool {
        matches!(self.status, FsStatus::Open)
    }

    /// Does it wait for a password?
    pub fn is_locked(&self) -> bool {
        matches!(self.status, FsStatus::Locked(_))
    }

    /// Is it kept in files that can be read although they are damaged?
    pub fn is_kept_in_files(&self) -> bool {
        let root = self.location.root();
        matches!(root, Root::Vault(_) | Root::Store(_) | Root::Saved(_))
    }

    /// Is it damaged, as far as is known by now? What is in memory was read whole.
    pub fn is_damaged(&self) -> bool {
        match &self.status {
            FsStatus::Open => self.kind != Kind::Memory && self.care.is_damaged(),
            FsStatus::Failed(error) => {
                let known = [ErrorKind::Corrupted, ErrorKind::UnknownFormat];
                known.contains(&error.kind())
            }
            FsStatus::Locked(locked) => locked.is_doubtful(),
            FsStatus::Opening | FsStatus::Gone => false,
        }
    }

    /// Is it damaged, and kept in files from which what can be read can be saved?
    pub fn is_salvageable(&self) -> bool {
        self.is_kept_in_files() && self.is_damaged()
    }

    /// Is it closed only while what can be read of it is saved?
    pub fn is_being_saved(&self) -> bool {
        !self.is_open() && self.care.job.as_ref().is_some_and(|job| job.reopens)
    }

    /// Is it a stack of several layers?
    pub fn is_layered(&self) -> bool {
        self.layers.len() > 1
    }

    /// The layers that are not left out, bottom first.
    pub fn shown_layers(&self) -> impl Iterator<Item = &LayerInfo> {
        self.layers.iter().filter(|layer| !layer.hidden)
    }

    /// The number of the layer that is written, counted from the bottom.
    pub fn top_layer(&self) -> usize {
        self.layers.len().saturating_sub(1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_after_wrong_passwords_grows_and_ends() {
        let now = Instant::now();
        let waits: Vec<_> = (1..9)
            .map(|wrong| Locked::after_wrong(Kind::Vault, wrong, now).seconds_left(now))
            .collect();
        assert_eq!(waits, [0, 2, 4, 8, 16, 30, 30, 30]);
        let later = Locked::after_wrong(Kind::Vault, 3, now);
        assert_eq!(later.seconds_left(now + Duration::from_millis(3500)), 1);
        assert_eq!(later.seconds_left(now + Duration::from_secs(4)), 0);
    }
}
