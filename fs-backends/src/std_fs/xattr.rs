//! Extended attributes of the node behind a descriptor (`xattr(7)`), through `/proc` because the `f*xattr` calls refuse `O_PATH`, unless it is open for reading too.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{
    XattrFlags, fgetxattr, flistxattr, fsetxattr, getxattr, listxattr, removexattr, setxattr,
};
use rustix::io::{Errno, Result};

use super::reach::{Access, proc_path};

/// Sets a value, or removes the attribute.
pub fn set(fd: BorrowedFd<'_>, name: &OsStr, value: Option<&[u8]>) -> Result<()> {
    match value {
        Some(value) => setxattr(proc_path(fd), name, value, XattrFlags::empty()),
        None => removexattr(proc_path(fd), name),
    }
    .map_err(of_name)
}

/// `ERANGE` is what the kernel says of a name longer than `XATTR_NAME_MAX`.
fn of_name(error: Errno) -> Errno {
    match error {
        Errno::RANGE => Errno::NAMETOOLONG,
        error => error,
    }
}

/// The value.
pub fn get(node: &Access<'_>, name: &OsStr) -> Result<Vec<u8>> {
    match node {
        Access::Readable(fd) => whole(|into| fgetxattr(fd, name, into)),
        Access::Path(fd) => {
            let path = proc_path(fd.as_fd());
            whole(|into| getxattr(&*path, name, into))
        }
    }
    .map_err(of_name)
}

/// All names; none where the filesystem has no extended attributes.
pub fn list(node: &Access<'_>) -> Result<Vec<OsString>> {
    let names = match node {
        Access::Readable(fd) => whole(|into| flistxattr(fd, into)),
        Access::Path(fd) => {
            let path = proc_path(fd.as_fd());
            whole(|into| listxattr(&*path, into))
        }
    };
    let names = match names {
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        names => names?,
    };
    Ok(names
        .split(|&b| b == 0)
        .filter(|name| !name.is_empty())
        .map(|name| OsStr::from_bytes(name).to_os_string())
        .collect())
}

/// Gives a file the extended attributes of another, as far as it may have them.
pub fn copy(from: &File, to: &File) {
    let from = Access::Readable(from.as_fd());
    for name in list(&from).unwrap_or_default() {
        if let Ok(value) = get(&from, &name) {
            fsetxattr(to, &name, &value, XattrFlags::empty()).unwrap_or_default();
        }
    }
}

/// Calls `read` with more and more room until the answer fits.
fn whole(mut read: impl FnMut(&mut [u8]) -> Result<usize>) -> Result<Vec<u8>> {
    let mut buffer = vec![0; 256];
    loop {
        match read(&mut buffer) {
            Ok(len) => {
                buffer.truncate(len);
                return Ok(buffer);
            }
            // 64 KiB is the most the kernel returns (XATTR_SIZE_MAX, XATTR_LIST_MAX).
            Err(Errno::RANGE) if buffer.len() < 1 << 16 => buffer.resize(buffer.len() * 4, 0),
            Err(e) => return Err(e),
        }
    }
}
