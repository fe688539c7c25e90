//! Reads of a database that the host could not do.
//!
//! SQLite calls some of them damage (`SQLITE_IOERR_CORRUPTFS`), SQLCipher does so with all: it decrypts what was not read. Neither tells which error it
//! was. A loose cable is no reason to take a sound file for a damaged one, so SQLite is given a `pread` that remembers how it failed.

use std::cell::Cell;
use std::io;

use fs_core::{Error, ErrorKind, Result};

use super::host_calls::set_errno;

thread_local! {
    static ERRNO: Cell<i32> = const { Cell::new(0) };
}

/// `pread(2)` that remembers an error. It goes by a name that SQLite takes for an error and not for damage.
#[expect(unsafe_code, reason = "called by SQLite")]
pub(super) unsafe extern "C" fn pread(
    file: i32,
    buffer: *mut libc::c_void,
    length: usize,
    offset: libc::off_t,
) -> isize {
    // SAFETY: what SQLite passes on is what the call takes.
    let read = unsafe { libc::pread(file, buffer, length, offset) };
    if read >= 0 {
        return read;
    }
    let errno = io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::EIO);
    if errno != libc::EINTR {
        ERRNO.set(errno);
    }
    if matches!(errno, libc::EIO | libc::ENXIO | libc::ERANGE) {
        set_errno(libc::EBADF);
    }
    read
}

/// What failed on this thread before is another matter.
pub(super) fn forget() {
    ERRNO.set(0);
}

/// `Io`: a read failed on this thread since [`forget`], so what was found means nothing, nor what was not.
pub(super) fn none(operation: &'static str) -> Result<()> {
    match ERRNO.get() {
        0 => Ok(()),
        errno => {
            let source = io::Error::from_raw_os_error(errno);
            Err(Error::new(ErrorKind::Io, operation).with_source(source))
        }
    }
}
