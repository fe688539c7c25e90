//! What became of each file.

use fs_core::VPath;
use serde::Serialize;

/// How much of a file or folder there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// All of it is what was written.
    #[default]
    Whole,
    /// All of it is there, and nothing proves that it is what was written last.
    Unproven,
    /// Part of it is missing.
    Part,
    /// Nothing of it is left, or the target can't hold it.
    Lost,
}

/// A file or folder that is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Where it was in the damaged filesystem.
    #[serde(serialize_with = "text")]
    pub from: VPath,
    /// Where it is now.
    #[serde(serialize_with = "some_text")]
    pub saved_as: Option<VPath>,
    /// How much of it there is.
    pub state: State,
    /// Length of a file, in bytes.
    pub size_bytes: Option<u64>,
    /// The ranges of a file that are missing, in bytes: from, to.
    pub lost: Vec<(u64, u64)>,
    /// What is wrong.
    pub detail: String,
}

fn text<S: serde::Serializer>(path: &VPath, to: S) -> Result<S::Ok, S::Error> {
    path.display().serialize(to)
}

fn some_text<S: serde::Serializer>(path: &Option<VPath>, to: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(VPath::display).serialize(to)
}

/// What became of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Files that are whole.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Links, fifos, sockets and devices.
    pub others: u64,
    /// Files and folders that nothing proves.
    pub unproven: u64,
    /// Files and folders of which part is missing.
    pub part: u64,
    /// Of which nothing is left but the name.
    pub lost: u64,
    /// Bytes of files that were read and are what was written.
    pub bytes: u64,
    /// Bytes of files that are missing.
    pub lost_bytes: u64,
    /// Owners, attributes and hard links that the target could not hold.
    pub not_kept: u64,
    /// Snapshots; what is in them is counted too.
    pub snapshots: u64,
    /// Everything that is not whole.
    pub items: Vec<Item>,
}

impl Report {
    /// Is nothing missing or in doubt?
    pub fn is_whole(&self) -> bool {
        self.unproven + self.part + self.lost == 0
    }

    /// Counts what became of another part.
    pub(super) fn add(&mut self, other: Self) {
        self.files += other.files;
        self.folders += other.folders;
        self.others += other.others;
        self.unproven += other.unproven;
        self.part += other.part;
        self.lost += other.lost;
        self.bytes += other.bytes;
        self.lost_bytes += other.lost_bytes;
        self.not_kept += other.not_kept;
        self.snapshots += other.snapshots;
        self.items.extend(other.items);
    }
}
