//! Extended attributes of the node behind a descriptor (`xattr(7)`), through `/proc` because the `f*xattr` calls refuse `O_PATH`.

use std::ffi::{OsStr, OsString};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{XattrFlags, getxattr, listxattr, removexattr, setxattr};
use rustix::io::{Errno, Result};

use super::reach::proc_path;

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
pub fn get(fd: BorrowedFd<'_>, name: &OsStr) -> Result<Vec<u8>> {
    let path = proc_path(fd);
    whole(|into| getxattr(&*path, name, into)).map_err(of_name)
}

/// All names; none where the filesystem has no extended attributes.
pub fn list(fd: BorrowedFd<'_>) -> Result<Vec<OsString>> {
    let path = proc_path(fd);
    let names = match whole(|into| listxattr(&*path, into)) {
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        names => names?,
    };
    Ok(names
        .split(|&b| b == 0)
        .filter(|name| !name.is_empty())
        .map(|name| OsStr::from_bytes(name).to_os_string())
        .collect())
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
