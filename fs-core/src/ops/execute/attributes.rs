//! Carrying over mode, owner, times and extended attributes, as far as the target can hold them.

use std::collections::HashSet;
use std::ffi::OsStr;

use crate::backend::{At, Backend, Change};
use crate::capabilities::Capabilities;
use crate::error::{ErrorKind, Result};
use crate::file::Staged;
use crate::metadata::{Metadata, SetAttr, SetTime};
use crate::ops::preflight::Loss;
use crate::path::VPath;

/// Bits that give the owner's rights to whoever runs a program: not for another owner.
const SET_ID: u32 = 0o6000;

/// Something attributes can be set on: a staged node, or one that is there.
pub(super) trait Settable {
    fn set_attr(&mut self, attr: &SetAttr) -> Result<()>;
    fn set_xattr(&mut self, name: &OsStr, value: &[u8]) -> Result<()>;
}

impl Settable for Box<dyn Staged> {
    fn set_attr(&mut self, attr: &SetAttr) -> Result<()> {
        (**self).set_attr(attr)
    }
    fn set_xattr(&mut self, name: &OsStr, value: &[u8]) -> Result<()> {
        (**self).set_xattr(name, value)
    }
}

/// A node that has its name already.
pub(super) struct There<'a>(pub(super) &'a dyn Backend, pub(super) &'a VPath);

impl Settable for There<'_> {
    fn set_attr(&mut self, attr: &SetAttr) -> Result<()> {
        self.0.change(&Change::SetAttr(At::path(self.1), attr))
    }
    fn set_xattr(&mut self, name: &OsStr, value: &[u8]) -> Result<()> {
        self.0
            .change(&Change::SetXattr(At::path(self.1), name, Some(value)))
    }
}

/// Remembers which owners were refused, so that each is tried once only.
#[derive(Default)]
pub(super) struct Carrier {
    refused: HashSet<(u32, u32)>,
}

/// Where attributes come from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) backend: &'a dyn Backend,
    pub(super) at: At<'a>,
    /// Its path, for errors.
    pub(super) path: &'a VPath,
    pub(super) metadata: &'a Metadata,
}

impl Carrier {
    /// Sets on `node` what `from` has, except what the target can't hold; tells what was lost.
    pub(super) fn carry(
        &mut self,
        from: Origin<'_>,
        node: &mut dyn Settable,
        target: Capabilities,
    ) -> Result<Vec<Loss>> {
        let mut losses = Vec::new();
        if target.contains(Capabilities::XATTRS) && !carry_xattrs(from, node)? {
            losses.push(Loss::Xattrs);
        }
        let metadata = from.metadata;
        let owner = (metadata.uid, metadata.gid);
        let mut attr = attributes(metadata, target);
        if attr.uid.is_some() && self.refused.contains(&owner) {
            without_owner(&mut attr);
            losses.push(Loss::Owner);
        }
        if attr == SetAttr::default() {
            return Ok(losses);
        }
        match node.set_attr(&attr) {
            Err(e) if refuses(e.kind()) && attr.uid.is_some() => {
                self.refused.insert(owner);
                losses.push(Loss::Owner);
                without_owner(&mut attr);
                node.set_attr(&attr)?;
            }
            done => done?,
        }
        Ok(losses)
    }
}

/// All that is set at once.
fn attributes(metadata: &Metadata, target: Capabilities) -> SetAttr {
    let has = |power, value| target.contains(power).then_some(value);
    SetAttr {
        mode: has(Capabilities::MODE, metadata.mode).filter(|_| !metadata.is_symlink()),
        uid: has(Capabilities::OWNER, metadata.uid),
        gid: has(Capabilities::OWNER, metadata.gid),
        size: None,
        mtime: target
            .contains(Capabilities::TIMES)
            .then_some(SetTime::To(metadata.mtime)),
        atime: target
            .contains(Capabilities::TIMES)
            .then_some(SetTime::To(metadata.atime)),
        btime: metadata
            .btime
            .filter(|_| target.contains(Capabilities::SET_BTIME)),
    }
}

fn without_owner(attr: &mut SetAttr) {
    attr.uid = None;
    attr.gid = None;
    attr.mode = attr.mode.map(|mode| mode & !SET_ID);
}

fn refuses(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotPermitted
            | ErrorKind::PermissionDenied
            | ErrorKind::Unsupported
            | ErrorKind::InvalidInput
    )
}

/// `false`: not all could be kept.
fn carry_xattrs(from: Origin<'_>, node: &mut dyn Settable) -> Result<bool> {
    let names = match from.backend.list_xattrs(from.at) {
        Ok(names) => names,
        Err(e) if refuses(e.kind()) => return Ok(false),
        Err(e) => return Err(e.with_path(from.path)),
    };
    let mut all = true;
    for name in names {
        let value = match from.backend.get_xattr(from.at, &name) {
            Ok(value) => value,
            Err(e) if e.kind() == ErrorKind::XattrNotFound => continue,
            Err(e) if refuses(e.kind()) => {
                all = false;
                continue;
            }
            Err(e) => return Err(e.with_path(from.path)),
        };
        match node.set_xattr(&name, &value) {
            Ok(()) => {}
            Err(e) if refuses(e.kind()) || e.kind() == ErrorKind::NoSpace => all = false,
            Err(e) => return Err(e),
        }
    }
    Ok(all)
}
