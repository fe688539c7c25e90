//! One thing that is wrong with a database, and what would put it right.

use fs_core::VPath;
use fs_core::maintenance::{Damage, DamageKind};
use rusqlite::types::Value;

/// What a finding is about; a path is looked up later, all together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum About {
    /// No file in particular.
    Whole,
    /// A node.
    Node(i64),
    /// A name in a folder.
    Name(i64, Value),
    /// The files that use a content.
    Content(i64),
}

/// A change that puts something right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fix {
    /// Sets the number of links of a node.
    SetLinks(i64, i64),
    /// Notes where a folder is.
    SetParent(i64, i64),
    /// Notes in a name what kind of thing it stands for.
    SetEntryKind(i64, Value, i64),
    /// Takes a name away that stands for nothing.
    RemoveName(i64, Value),
    /// Gives a thing with an impossible name another one.
    Rename(i64, Value, i64),
    /// Gives a thing that nothing leads to a name in `/lost+found`.
    Adopt(i64),
    /// Sets how many nodes use a content.
    SetReferences(i64, i64),
    /// Sets how many bytes of a content are stored.
    SetStored(i64, i64),
    /// Removes the rows of a table for a number that nothing has.
    RemoveRows(Leftover, i64),
    /// Lets a counter go on from here.
    SetCounter(&'static str, i64),
    /// Believes what is there.
    Accept(Accepted),
}

/// What to believe although it is not what was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Accepted {
    /// A row: its table and its key.
    Row(&'static str, Vec<Value>),
    /// That a folder has the names it has.
    Names(i64),
    /// That a node has the attributes it has.
    Attrs(i64),
    /// That the trash has the items it has.
    Trash,
}

/// Rows that belong to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leftover {
    /// Extended attributes of a node.
    Xattr,
    /// The mark of a nameless node.
    Nameless,
    /// An item in the trash.
    Trash,
    /// Pieces of a content.
    Chunk,
    /// A content that nothing names and that has no blob.
    Content,
    /// The blob of a content.
    Blob,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) kind: DamageKind,
    pub(crate) about: About,
    pub(crate) detail: String,
    pub(crate) fix: Option<Fix>,
}

impl Finding {
    pub(crate) fn new(kind: DamageKind, about: About, detail: impl Into<String>) -> Self {
        Self {
            kind,
            about,
            detail: detail.into(),
            fix: None,
        }
    }

    /// As it was, and `fix` would put it right.
    #[must_use]
    pub(crate) fn fixed_by(self, fix: Fix) -> Self {
        Self {
            fix: Some(fix),
            ..self
        }
    }

    /// As the person who asked sees it.
    pub(super) fn damage(&self, path: Option<VPath>) -> Damage {
        Damage {
            kind: self.kind,
            path,
            detail: self.detail.clone(),
            repair: self.fix.as_ref().map(Fix::sentence),
        }
    }
}

impl Fix {
    fn sentence(&self) -> String {
        match self {
            Self::SetLinks(_, links) => format!("set the number of links to {links}"),
            Self::SetParent(..) => "note in the folder where it is".to_owned(),
            Self::SetEntryKind(..) => "note in the name what it stands for".to_owned(),
            Self::RemoveName(..) => "remove the name".to_owned(),
            Self::Rename(_, _, ino) => format!("rename it to “#{ino}”"),
            Self::Adopt(ino) => format!("put it into /lost+found as “#{ino}”"),
            Self::SetReferences(_, refs) => format!("set the number of its users to {refs}"),
            Self::SetStored(_, bytes) => format!("set its stored size to {bytes}"),
            Self::RemoveRows(..) => "remove it".to_owned(),
            Self::SetCounter(_, next) => format!("go on counting from {next}"),
            Self::Accept(Accepted::Row(..)) => "believe what it says now".to_owned(),
            Self::Accept(Accepted::Names(_)) => "believe the names that are there".to_owned(),
            Self::Accept(Accepted::Attrs(_)) => "believe the attributes that are there".to_owned(),
            Self::Accept(Accepted::Trash) => "believe the items that are there".to_owned(),
        }
    }
}
