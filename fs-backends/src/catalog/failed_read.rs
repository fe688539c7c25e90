//! Reads of a database that the host could not do.
//!
//! SQLite calls some of them damage (`SQLITE_IOERR_CORRUPTFS`), SQLCipher does so with all: it decrypts what was not read. Neither tells which error it
//! was. A loose cable is no reason to take a sound file for a damaged one, so SQLite is given a `pread` that remembers how it failed.

use std::cell::Cell;
use std::io;
use std::sync::Once;

use fs_core::{Error, ErrorKind, Result};
use rusqlite::ffi::{SQLITE_OK, sqlite3_syscall_ptr, sqlite3_vfs_find};

thread_local! {
    static ERRNO: Cell<i32> = const { Cell::new(0) };
}

/// From now on reads that fail are remembered. To be called before the first connection.
pub(super) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Otherwise damage is told as before.
        replace().unwrap_or_default();
    });
}

#[expect(
    unsafe_code,
    reason = "SQLite's own way to replace a system call has no safe wrapper"
)]
fn replace() -> Option<()> {
    type Pread = unsafe extern "C" fn(i32, *mut libc::c_void, usize, libc::off_t) -> isize;
    type Any = unsafe extern "C" fn();
    // SAFETY: the default filesystem layer of SQLite lives as long as the process; its entry `pread` is called with what `pread(2)` takes, and
    // `pread` is the only one of this name it has.
    unsafe {
        let host = sqlite3_vfs_find(std::ptr::null());
        let set = host.as_ref()?.xSetSystemCall?;
        let ours: sqlite3_syscall_ptr = Some(std::mem::transmute::<Pread, Any>(pread));
        (set(host, c"pread".as_ptr(), ours) == SQLITE_OK).then_some(())
    }
}

/// `pread(2)` that remembers an error. It goes by a name that SQLite takes for an error and not for damage.
#[expect(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn pread(
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

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a variable of C")]
fn set_errno(errno: i32) {
    // SAFETY: it is this thread's own.
    unsafe { *libc::__errno_location() = errno };
}

#[cfg(not(target_os = "linux"))]
fn set_errno(_errno: i32) {}

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
