//! What a node is born with, and what becomes of its attributes: groups and set-id bits as `inode(7)`, `mkdir(2)`, `chown(2)` and `write(2)` have them.
//!
//! Owners and modes are kept, not enforced: whoever holds the filesystem may change all of it, as with `CAP_CHOWN` and `CAP_FOWNER`.

use std::ffi::OsString;
use std::sync::OnceLock;

use fs_core::path::TARGET_MAX_BYTES;
use fs_core::{Error, ErrorKind, FileKind, NewKind, NewNode, Result, SetAttr, Time};

use super::resolve::fail;
use super::store::{ContentId, Inode, NodeRecord};

const SET_USER_ID: u32 = libc::S_ISUID;
const SET_GROUP_ID: u32 = libc::S_ISGID;
const GROUP_EXECUTE: u32 = libc::S_IXGRP;

/// The record of a new node in `parent` (`None`: outside the tree).
pub(super) fn new_record(
    new: &NewNode,
    parent: Option<(Inode, &NodeRecord)>,
    now: Time,
) -> Result<NodeRecord> {
    let kind = new.kind.kind();
    let target = match &new.kind {
        NewKind::Symlink(target) => Some(check_target(target)?),
        _ => None,
    };
    let rdev = match new.kind {
        NewKind::CharDevice(number) | NewKind::BlockDevice(number) => number,
        _ => 0,
    };
    let directory = kind == FileKind::Directory;
    let mut mode = match kind {
        FileKind::Symlink => 0o777,
        _ => new.mode & 0o7777,
    };
    let (uid, mut gid) = new.owner.unwrap_or_else(own_ids);
    if let Some((_, parent)) = parent
        && new.owner.is_none()
        && parent.mode & SET_GROUP_ID != 0
    {
        gid = parent.gid;
        if directory {
            mode |= SET_GROUP_ID;
        }
    }
    Ok(NodeRecord {
        kind,
        mode,
        uid,
        gid,
        nlink: if directory { 2 } else { 1 },
        size: target.as_ref().map_or(0, |target| target.len() as u64),
        allocated: 0,
        rdev,
        mtime: now,
        ctime: now,
        atime: now,
        btime: now,
        content: ContentId::EMPTY,
        target,
        parent: match parent {
            Some((ino, _)) if directory => ino,
            _ => 0,
        },
    })
}

/// Whoever runs the program; asked once, because it is two system calls for every new file.
fn own_ids() -> (u32, u32) {
    static IDS: OnceLock<(u32, u32)> = OnceLock::new();
    *IDS.get_or_init(|| {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        (uid.as_raw(), gid.as_raw())
    })
}

fn check_target(target: &OsString) -> Result<OsString> {
    let bytes = target.as_encoded_bytes();
    if bytes.is_empty() {
        // As symlink(2) answers.
        return Err(Error::new(ErrorKind::NotFound, "").with_detail("a link needs a target"));
    }
    if bytes.len() > TARGET_MAX_BYTES {
        return fail(ErrorKind::NameTooLong);
    }
    if bytes.contains(&0) {
        return fail(ErrorKind::InvalidInput);
    }
    Ok(target.clone())
}

/// Applies everything but the size. The mode of a symbolic link can't be changed and is left as it is.
pub(super) fn apply(attr: &SetAttr, record: &mut NodeRecord, now: Time) {
    if let Some(mode) = attr.mode.filter(|_| record.kind != FileKind::Symlink) {
        record.mode = mode & 0o7777;
    }
    record.uid = attr.uid.unwrap_or(record.uid);
    record.gid = attr.gid.unwrap_or(record.gid);
    record.mtime = attr.mtime.map_or(record.mtime, |time| time.resolve(now));
    record.atime = attr.atime.map_or(record.atime, |time| time.resolve(now));
    record.btime = attr.btime.unwrap_or(record.btime);
    record.ctime = now;
}

/// As [`apply`], to a node that has a name: a change of owner, whoever makes it, takes the set-id bits of anything but a directory (`chown(2)`), unless
/// the mode is set with it. What is staged is still being made, and keeps them.
pub(super) fn apply_to_named(attr: &SetAttr, record: &mut NodeRecord, now: Time) {
    if (attr.uid.is_some() || attr.gid.is_some()) && record.kind != FileKind::Directory {
        clear_set_ids(record);
    }
    apply(attr, record, now);
}

/// The content of a file that has a name was written or cut: its set-id bits go, unless root did it (`write(2)`, `CAP_FSETID` in `capabilities(7)`).
pub(super) fn written(record: &mut NodeRecord) {
    if own_ids().0 != 0 {
        clear_set_ids(record);
    }
}

/// Set-group-ID without group execute means mandatory locking, not privileges, and stays.
fn clear_set_ids(record: &mut NodeRecord) {
    record.mode &= !SET_USER_ID;
    if record.mode & GROUP_EXECUTE != 0 {
        record.mode &= !SET_GROUP_ID;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_group_id_without_group_execute_is_no_privilege() {
        let cleared = |mode| {
            let mut record = new_record(&NewNode::file(), None, Time::now()).unwrap();
            record.mode = mode;
            clear_set_ids(&mut record);
            record.mode
        };
        for (before, after) in [
            (0o6755, 0o755),
            (0o2710, 0o710),
            (0o2767, 0o2767),
            (0o6644, 0o2644),
            (0o1777, 0o1777),
        ] {
            assert_eq!(cleared(before), after, "{before:o}");
        }
    }
}
