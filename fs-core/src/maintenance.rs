//! Looking after a filesystem that is kept in files of its own: what it is made of, what is damaged, what can be put right.
//!
//! Reached through [`Extensions`](crate::Extensions). All of it works while the filesystem is in use, tells its progress
//! through a [`Control`] and stops when that is cancelled.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::control::Control;
use crate::error::Result;
use crate::path::VPath;

/// What a filesystem is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Info {
    /// "vault" or "store".
    pub kind: &'static str,
    /// Number of its format.
    pub format: u32,
    /// Its identity, which a copy of it shares.
    pub uuid: String,
    /// When it was made, in nanoseconds since 1970.
    pub created_ns: i64,
    /// Grows whenever it was changed: of two copies the one with the smaller number is older.
    pub generation: u64,
    /// How it is encrypted; `None`: it is not.
    pub cipher: Option<Cipher>,
    /// How it notices bits that change by themselves.
    pub integrity: &'static str,
    /// Bytes of a page of its database.
    pub page_bytes: u64,
    /// Bytes of content in a row of its database (a store: 0).
    pub chunk_bytes: u64,
    /// How many of what.
    pub counts: Counts,
    /// How large what is.
    pub sizes: Sizes,
}

/// Which filesystem it is, and how far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// As [`Info::uuid`].
    pub uuid: String,
    /// As [`Info::generation`].
    pub generation: u64,
}

/// How a filesystem is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cipher {
    /// Cipher and mode.
    pub cipher: &'static str,
    /// What authenticates each page.
    pub authentication: &'static str,
    /// How the key comes from the password.
    pub key_derivation: &'static str,
}

/// How many of what a filesystem holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Regular files.
    pub files: u64,
    /// Folders, the root included.
    pub folders: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Fifos, sockets and devices.
    pub special: u64,
    /// Names of all of them.
    pub names: u64,
    /// Extended attributes.
    pub xattrs: u64,
    /// Items in its trash.
    pub trash: u64,
    /// Runs of bytes; files that are copies of each other share one.
    pub contents: u64,
    /// Runs of bytes that wait to be removed.
    pub unnamed_contents: u64,
    /// Blob files the index knows (a vault: 0).
    pub blobs: u64,
}

/// How large what is, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// The files inside, as their owner sees them.
    pub content_bytes: u64,
    /// What is really stored of them.
    pub stored_bytes: u64,
    /// The database on the host.
    pub database_bytes: u64,
    /// Pages of the database that hold nothing: `compact` gives them back.
    pub free_bytes: u64,
    /// The log beside the database.
    pub log_bytes: u64,
    /// Blob files (a vault: 0).
    pub blob_bytes: u64,
    /// Room left on the host.
    pub host_available_bytes: u64,
}

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DamageKind {
    /// The database itself does not hold together.
    Database,
    /// A page is not what was written.
    Page,
    /// A row that the format forbids.
    Record,
    /// A name no file can have.
    Name,
    /// A name without a file.
    DanglingName,
    /// A file or folder nothing leads to.
    Unreachable,
    /// A folder that is inside itself.
    Cycle,
    /// A folder with two places, or that does not know its own.
    FolderPlace,
    /// A wrong number of links.
    LinkCount,
    /// A wrong number of files that use a content, or a wrong note of its size.
    ContentCount,
    /// The bytes of a file are gone.
    ContentMissing,
    /// The bytes of a file are not what was written.
    ContentChanged,
    /// A blob has another length than the index says.
    BlobLength,
    /// A blob is no regular file of its own, or has an impossible name.
    BlobFile,
    /// Rows or files that belong to nothing: space lost, nothing else.
    Leftover,
    /// A number that would be given out twice.
    Counter,
}

impl DamageKind {
    /// Is nothing wrong but some space lost?
    pub fn is_harmless(self) -> bool {
        self == Self::Leftover
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Damage {
    /// What kind of thing.
    pub kind: DamageKind,
    /// The file it is about, where one can be named.
    #[serde(serialize_with = "path_text")]
    pub path: Option<VPath>,
    /// What exactly.
    pub detail: String,
    /// What [`Maintenance::repair`] would do; `None`: nothing can be done.
    pub repair: Option<String>,
}

fn path_text<S: serde::Serializer>(path: &Option<VPath>, to: S) -> Result<S::Ok, S::Error> {
    path.as_ref()
        .map(|path| path.display().into_owned())
        .serialize(to)
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&self.detail)
    }
}

/// What a check has looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Files, folders and so on.
    pub nodes: u64,
    /// Bytes of content whose checksum was computed.
    pub content_bytes: u64,
    /// Contents that have no checksum yet: they are being written, or were when the program was killed.
    pub unproved: u64,
    /// Pages whose checksum was computed.
    pub pages: u64,
    /// Things found wrong, harmless ones included.
    pub damages: u64,
}

/// What [`Maintenance::compact`] and [`Maintenance::collect`] gave back to the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reclaimed {
    /// Files removed.
    pub files: u64,
    /// Bytes of the host.
    pub bytes: u64,
}

/// What a filesystem in files of its own can do for itself.
pub trait Maintenance: Send + Sync {
    /// What it is made of.
    fn info(&self) -> Result<Info>;

    /// Which it is, and how far; unlike [`Maintenance::info`], at once.
    fn identity(&self) -> Result<Identity>;

    /// Reads everything, compares it with every checksum and every rule of the format, and calls `found` with what is wrong, as soon as it is
    /// known. Changes nothing. Errors: `Cancelled`, `Closed`; damage is no error.
    fn check(&self, control: &Control, found: &mut dyn FnMut(Damage)) -> Result<Checked>;

    /// Does what `plan`, from a check, says in [`Damage::repair`], and nothing else; what is no longer so is left alone. All of it is one
    /// transaction. Answers how many were repaired.
    fn repair(&self, plan: &[Damage], control: &Control) -> Result<u64>;

    /// Gives unused space inside its files back to the host.
    fn compact(&self, control: &Control) -> Result<Reclaimed>;

    /// Writes a copy of this moment to the host path `to`, which must not exist; encrypted stays encrypted, with the same password. The copy
    /// exists whole or not at all.
    ///
    /// Errors: `AlreadyExists`, `Cancelled`, and those of the host.
    fn backup(&self, to: &Path, control: &Control) -> Result<()>;

    /// Encrypts it with another password. A kill in between leaves the old or the new one, never neither.
    ///
    /// Errors: `WrongPassword`, `InvalidInput` (the new one is empty), `Unsupported` (it is not encrypted), `Busy` (a reader never ended).
    fn change_password(&self, old: &str, new: &str) -> Result<()>;

    /// Removes files that belong to nothing and are older than `grace_seconds`.
    fn collect(&self, grace_seconds: u64, control: &Control) -> Result<Reclaimed>;
}
