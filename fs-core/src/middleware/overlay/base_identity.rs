//! Which base an upper belongs to.
//!
//! Deletions, copies and opaque directories of an upper make sense over one base only; over another they hide and show the wrong things. So the first
//! change writes down in the upper what identifies the base, and whoever opens the overlay again is told when it is another one ([`ErrorKind::WrongBase`]).
//! The kernel keeps a file handle of the lower root for the same purpose (`index=on`).
//!
//! A base is known by the inode number and the birth time of its root: both outlive restarts and mounts (a device number does not), and a copy of a folder
//! has others. A copy of a vault is the same base as long as it is one. Of a base made of layers only the number counts, because its root is born again when
//! its own upper copies it. An upper that keeps marks as device nodes but has no extended attributes remembers no base.

use super::base::Base;
use super::core::Core;
use super::upper::{Form, Upper, absent, refused};
use super::{names, xattr};
use crate::backend::{At, Change, Want};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::file::OpenOptions;
use crate::listing::EntryBatch;
use crate::metadata::Time;
use crate::path::{Name, VPath};

/// Longest text that is read as an identity.
const TEXT_MAX_BYTES: usize = 64;

/// What identifies a base. In text `INODE` or `INODE@BIRTH`, the birth in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BaseIdentity {
    root_ino: u64,
    born: Option<Time>,
}

impl BaseIdentity {
    /// May both be the same base? A birth time that one of them does not know is no difference.
    fn agrees(&self, other: &Self) -> bool {
        self.root_ino == other.root_ino
            && match (self.born, other.born) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            }
    }

    fn text(&self) -> String {
        match self.born {
            Some(born) => format!("{}@{}", self.root_ino, born.nanos()),
            None => self.root_ino.to_string(),
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (ino, born) = match text.split_once('@') {
            Some((ino, born)) => (ino, Some(Time::from_nanos(born.parse().ok()?))),
            None => (text, None),
        };
        Some(Self {
            root_ino: ino.parse().ok()?,
            born,
        })
    }

    /// A number that tells origins of one base from those of another (FNV-1a, Fowler, Noll, Vo).
    pub fn tag(&self) -> u32 {
        self.text().bytes().fold(0x811c_9dc5, |hash: u32, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        })
    }
}

impl Base {
    /// `None`: nothing in it could be mistaken, as it is empty and in memory, new each time.
    pub fn identity(&self) -> Result<Option<BaseIdentity>> {
        let root = VPath::root();
        if self.capabilities(&root).contains(Capabilities::VOLATILE) {
            let mut listing = self.list(&root, &Want::names())?;
            let mut batch = EntryBatch::new();
            while listing.next(&mut batch)? && batch.is_empty() {}
            if batch.is_empty() {
                return Ok(None);
            }
        }
        let metadata = self.stat(At::path(&root))?;
        Ok(Some(BaseIdentity {
            root_ino: metadata.id.ino,
            born: metadata
                .btime
                .filter(|_| self.extensions().layers.is_none()),
        }))
    }
}

impl Upper {
    /// The base this upper was used over; `None`: none yet, or it can't say.
    pub fn recorded_base(&self) -> Result<Option<BaseIdentity>> {
        let root = VPath::root();
        if self.has(Capabilities::XATTRS) {
            let value = self.own_xattr(&root, xattr::BASE)?;
            return Ok(value.and_then(|value| BaseIdentity::parse(&value)));
        }
        if self.form()? != Form::Files {
            return Ok(None);
        }
        let Some(file) = absent(
            self.backend()
                .open(At::path(&format_file()?), &OpenOptions::read()),
        )?
        else {
            return Ok(None);
        };
        let mut text = [0; TEXT_MAX_BYTES];
        let len = file.read_at(&mut text, 0)?;
        Ok(BaseIdentity::parse(text.get(..len).unwrap_or_default()))
    }

    /// Writes down which base this upper belongs to.
    fn record_base(&self, base: &BaseIdentity) -> Result<()> {
        let text = base.text();
        if self.has(Capabilities::XATTRS) {
            let name = std::ffi::OsStr::new(xattr::BASE);
            let root = VPath::root();
            return match self.change(&Change::SetXattr(
                At::path(&root),
                name,
                Some(text.as_bytes()),
            )) {
                Err(error) if refused(&error) => Ok(()),
                other => other,
            };
        }
        if self.form()? != Form::Files {
            return Ok(());
        }
        let how = OpenOptions {
            truncate: true,
            create: true,
            ..OpenOptions::read_write()
        };
        let file = self.backend().open(At::path(&format_file()?), &how)?;
        file.write_at(text.as_bytes(), 0)
    }
}

/// The file that says in which form marks are kept says the base, too.
fn format_file() -> Result<VPath> {
    Ok(VPath::root().join(&Name::new(names::FORMAT_FILE)?))
}

impl Core {
    /// The identity that origins in the upper refer to. `WrongBase`, unless another base was accepted.
    pub(super) fn check_base(&self, accepted: bool) -> Result<Option<BaseIdentity>> {
        let Some(now) = self.base.identity()? else {
            return Ok(None);
        };
        match self.upper.recorded_base()? {
            Some(before) if before.agrees(&now) => Ok(Some(before)),
            Some(_) if !accepted => Err(Error::new(ErrorKind::WrongBase, "overlay").with_detail(
                "what it deleted and copied belongs to the base it was used over before",
            )),
            _ => Ok(Some(now)),
        }
    }

    /// Before the first change: the upper says over which base it is used.
    pub(super) fn record_base(&self) -> Result<()> {
        let Some(now) = self.base.identity()? else {
            return Ok(());
        };
        match self.upper.recorded_base()? {
            Some(before) if before.agrees(&now) => Ok(()),
            _ => self.upper.record_base(&now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_as_it_was_written() {
        for born in [None, Some(Time::from_nanos(-5)), Some(Time::now())] {
            let identity = BaseIdentity { root_ino: 7, born };
            assert_eq!(
                BaseIdentity::parse(identity.text().as_bytes()),
                Some(identity)
            );
        }
        assert_eq!(BaseIdentity::parse(b""), None);
        assert_eq!(BaseIdentity::parse(b"7@"), None);
    }
}
