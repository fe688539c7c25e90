//! What is known before anything is touched, and what has to be asked, once.

use std::collections::{BTreeMap, HashMap};

use super::place::Place;
use crate::error::{Error, ErrorKind};
use crate::metadata::Metadata;

/// The result of looking before doing.
#[derive(Clone, Debug, Default)]
pub struct Preflight {
    /// Files, folders and links that will be handled.
    pub items: u64,
    /// Bytes that have to be copied; 0 for what is renamed in place.
    pub bytes: u64,
    /// Room at the target, where it is known and limited.
    pub free_bytes: Option<u64>,
    /// Names that are taken at the target. Folders that meet folders merge and are not among them.
    pub conflicts: Vec<Conflict>,
    /// Items that can't be handled as asked; each stays where it is.
    pub problems: Vec<Problem>,
    /// What the target can't keep, and of how many items.
    pub losses: BTreeMap<Loss, u64>,
    /// Symbolic links that will lead out of the target's root; they are copied verbatim.
    pub escaping_links: Vec<Place>,
    /// It can't be undone: there is no trash, or it was asked for.
    pub for_good: bool,
    /// Files that are replaced can't be brought back: the target has no trash.
    pub replaces_for_good: bool,
}

impl Preflight {
    /// Does a person have to decide something before it runs?
    pub fn asks(&self) -> bool {
        !self.conflicts.is_empty()
            || !self.problems.is_empty()
            || self.losses.keys().any(|loss| loss.matters())
            || !self.fits()
    }

    /// Is there room, as far as known?
    pub fn fits(&self) -> bool {
        self.free_bytes.is_none_or(|free| self.bytes <= free)
    }
}

/// A name that is taken.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// What would come.
    pub source: Place,
    /// Its metadata.
    pub source_metadata: Metadata,
    /// What is there.
    pub target: Place,
    /// Its metadata.
    pub target_metadata: Metadata,
}

impl Conflict {
    /// May the target be replaced? Never when either side is a folder.
    pub fn replaceable(&self) -> bool {
        !self.source_metadata.is_dir() && !self.target_metadata.is_dir()
    }

    /// Is the source the younger one?
    pub fn source_is_newer(&self) -> bool {
        self.source_metadata.mtime > self.target_metadata.mtime
    }
}

/// What to do about a conflict.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Decision {
    /// The item stays where it is, the target too.
    #[default]
    Skip,
    /// The target goes to the trash, the item takes its name. Of a folder: as `Skip`.
    Replace,
    /// The item gets another name, "report (2).pdf".
    KeepBoth,
    /// `Replace` if the source was changed later than the target, otherwise `Skip`.
    ReplaceIfNewer,
}

/// The answers to all conflicts of one preflight.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Decisions {
    /// For every conflict without an answer of its own ("apply to the rest").
    pub rest: Decision,
    /// Answers of their own, by target.
    #[serde(with = "as_list")]
    pub each: HashMap<Place, Decision>,
}

impl Decisions {
    /// One answer for all.
    pub fn all(rest: Decision) -> Self {
        Self {
            rest,
            each: HashMap::new(),
        }
    }

    /// The answer for `conflict`, with what is not allowed turned into `Skip` and `ReplaceIfNewer` settled: `Skip`, `Replace` or `KeepBoth`.
    pub fn of(&self, conflict: &Conflict) -> Decision {
        let wanted = self.each.get(&conflict.target).unwrap_or(&self.rest);
        match wanted {
            Decision::KeepBoth => Decision::KeepBoth,
            Decision::Replace if conflict.replaceable() => Decision::Replace,
            Decision::ReplaceIfNewer if conflict.replaceable() && conflict.source_is_newer() => {
                Decision::Replace
            }
            _ => Decision::Skip,
        }
    }
}

/// Maps with keys that are no strings, as lists.
mod as_list {
    use super::{Decision, HashMap, Place};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(
        map: &HashMap<Place, Decision>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<HashMap<Place, Decision>, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}

/// An item that can't be handled as asked.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The item.
    pub source: Place,
    /// Why.
    pub kind: ProblemKind,
}

/// Why an item can't be handled.
#[derive(Clone, Debug)]
pub enum ProblemKind {
    /// The target can't hold its name.
    IllegalName(Error),
    /// Two sources would get one name at the target (which, for instance, ignores case).
    TwinName,
    /// Source and target are the same file, perhaps seen through two filesystems.
    SameFile,
    /// A folder can't go into itself.
    IntoItself,
    /// The target can't hold this kind of file.
    UnsupportedKind,
    /// It can't be looked at.
    Unreadable(Error),
}

impl ProblemKind {
    /// The same as an error of the item.
    pub fn error(&self, source: &Place) -> Error {
        let kind = match self {
            Self::IllegalName(error) | Self::Unreadable(error) => {
                return error.clone().or_path(&source.path);
            }
            Self::TwinName => ErrorKind::AlreadyExists,
            Self::SameFile => ErrorKind::SameFile,
            Self::IntoItself => ErrorKind::IntoItself,
            Self::UnsupportedKind => ErrorKind::Unsupported,
        };
        Error::new(kind, "copy").with_path(&source.path)
    }
}

impl std::fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::IllegalName(error) => write!(
                f,
                "the target can't hold this name: {}",
                error.kind().text()
            ),
            Self::TwinName => f.write_str("another item gets the same name there"),
            Self::SameFile => f.write_str("source and target are the same file"),
            Self::IntoItself => f.write_str("a folder can't go into itself"),
            Self::UnsupportedKind => f.write_str("the target can't hold this kind of file"),
            Self::Unreadable(error) => write!(f, "{error}"),
        }
    }
}

/// Something a target can't keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Loss {
    /// Owner and group become those of whoever runs the program.
    Owner,
    /// Permission bits.
    Mode,
    /// Times become those of the copy.
    Times,
    /// Extended attributes.
    Xattrs,
    /// Names of one file become separate files.
    HardLinks,
    /// Holes take space.
    Holes,
}

impl Loss {
    /// Is it worth a question? An owner that can't be kept or a hole that is filled is only reported.
    pub fn matters(self) -> bool {
        !matches!(self, Self::Owner | Self::Holes)
    }

    /// What a sentence calls it: "… can't be kept there".
    pub fn text(self) -> &'static str {
        match self {
            Self::Owner => "owner and group",
            Self::Mode => "permissions",
            Self::Times => "times",
            Self::Xattrs => "extended attributes",
            Self::HardLinks => "hard links",
            Self::Holes => "holes",
        }
    }
}
