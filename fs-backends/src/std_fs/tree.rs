//! Removing a whole tree by descriptors, never through a link.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use fs_core::{EntryBatch, FileKind, Listing as _, Result, VPath};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::attr;
use super::list::HostListing;
use super::reach::failed;
use super::staging_name::staging_name;

/// Folders deeper than this are moved up first, so that neither the stack nor the descriptors run out.
const DEPTH_MAX: usize = 32;

/// Removes `name` in `dir` with all below it. What is gone already is no error.
pub fn remove(dir: BorrowedFd<'_>, name: &OsStr) -> Result<()> {
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM | Errno::ACCESS) => {}
        Err(e) => return Err(failed(e, "remove")),
    }
    let top = open_dir(dir, name)?;
    while !empty(&top, &top, 0)? {}
    remove_empty(dir, name)
}

/// Removes what is in `dir`. `false`: there is more in `top` now.
fn empty(dir: &OwnedFd, top: &OwnedFd, depth: usize) -> Result<bool> {
    let mut done = true;
    for (name, kind) in entries(dir)? {
        if kind != FileKind::Directory {
            match rustix::fs::unlinkat(dir, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(e) => return Err(failed(e, "remove")),
            }
        } else if depth < DEPTH_MAX {
            done &= empty(&open_dir(dir.as_fd(), &name)?, top, depth + 1)?;
            remove_empty(dir.as_fd(), &name)?;
        } else {
            rustix::fs::renameat(dir, &name, top, staging_name())
                .map_err(|e| failed(e, "remove"))?;
            done = false;
        }
    }
    Ok(done)
}

fn entries(dir: &OwnedFd) -> Result<Vec<(OsString, FileKind)>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(dir, ".", flags, Mode::empty()).map_err(|e| failed(e, "list"))?;
    let mut listing = HostListing::new(dir, VPath::root(), false, None).with_staged();
    let mut batch = EntryBatch::new();
    while listing.next(&mut batch)? {}
    Ok(batch
        .iter()
        .map(|entry| (entry.name.to_os_string(), entry.kind))
        .collect())
}

/// Opens a folder that is to be emptied; its owner may always do so.
fn open_dir(dir: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd> {
    const OWNER_ALL: u32 = 0o700;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd =
        rustix::fs::openat(dir, name, flags, Mode::empty()).map_err(|e| failed(e, "remove"))?;
    let metadata = attr::stat_fd(&fd).map_err(|e| failed(e, "remove"))?;
    if metadata.mode & OWNER_ALL != OWNER_ALL {
        attr::set_mode(fd.as_fd(), metadata.mode | OWNER_ALL).map_err(|e| failed(e, "remove"))?;
    }
    Ok(fd)
}

fn remove_empty(dir: BorrowedFd<'_>, name: &OsStr) -> Result<()> {
    match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(e) => Err(failed(e, "remove")),
    }
}
