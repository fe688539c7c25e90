//! Attributes as they are carried from one layer to the other.

use super::upper::refused;
use crate::error::Result;
use crate::metadata::{Metadata, SetAttr, SetTime};

/// Owner and group: set first, because setting them clears the set-id bits.
pub(super) fn owner(from: &Metadata) -> SetAttr {
    SetAttr {
        uid: Some(from.uid),
        gid: Some(from.gid),
        ..SetAttr::default()
    }
}

/// Mode and times.
pub(super) fn all_but_owner(from: &Metadata) -> SetAttr {
    SetAttr {
        mode: (!from.is_symlink()).then_some(from.mode),
        mtime: Some(SetTime::To(from.mtime)),
        atime: Some(SetTime::To(from.atime)),
        btime: from.btime,
        ..SetAttr::default()
    }
}

/// What the upper cannot hold or the user may not set is left out, as every copy between two filesystems does.
pub(super) fn tolerate(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if refused(&error) => Ok(()),
        other => other,
    }
}
