//! System calls that SQLite makes through functions of ours.

use std::ffi::CStr;
use std::sync::Once;

use rusqlite::ffi::{SQLITE_OK, sqlite3_syscall_ptr, sqlite3_vfs_find};

use super::failed_read;

type Pread = unsafe extern "C" fn(i32, *mut libc::c_void, usize, libc::off_t) -> isize;
type Pwrite = unsafe extern "C" fn(i32, *const libc::c_void, usize, libc::off_t) -> isize;
type Any = unsafe extern "C" fn();

/// SQLite makes room in the index of a log (`-shm`) by a byte at the end of each of so many.
const INDEX_PAGE: libc::off_t = 4096;

/// To be called before the first connection.
pub(super) fn replace() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(unsafe_code, reason = "functions of C have no types")]
        // SAFETY: SQLite calls each with what the system call of its name takes, and knows no other signature of it.
        let (read, write) = unsafe {
            (
                std::mem::transmute::<Pread, Any>(failed_read::pread),
                std::mem::transmute::<Pwrite, Any>(pwrite),
            )
        };
        // Where there are no such entries it calls the host itself.
        set(c"pread", Some(read));
        set(c"pwrite", Some(write));
    });
}

#[expect(
    unsafe_code,
    reason = "SQLite's own way to replace a system call has no safe wrapper"
)]
fn set(name: &CStr, call: sqlite3_syscall_ptr) -> bool {
    // SAFETY: the default filesystem layer of SQLite lives as long as the process, and so do the name and the function.
    unsafe {
        let host = sqlite3_vfs_find(std::ptr::null());
        let set = host.as_ref().and_then(|host| host.xSetSystemCall);
        set.is_some_and(|set| set(host, name.as_ptr(), call) == SQLITE_OK)
    }
}

/// `pwrite(2)` that allocates all of a page of which only the last byte is written. The host would leave the rest a hole where its blocks are smaller;
/// touched through a mapping on a full disk, a hole ends the process (`SIGBUS`).
#[expect(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn pwrite(
    file: i32,
    buffer: *const libc::c_void,
    length: usize,
    offset: libc::off_t,
) -> isize {
    if length == 1 && offset % INDEX_PAGE == INDEX_PAGE - 1 {
        // SAFETY: it takes numbers only.
        let errno = unsafe { libc::posix_fallocate(file, offset + 1 - INDEX_PAGE, INDEX_PAGE) };
        // Where it can't be done the byte is all there is.
        if matches!(errno, libc::ENOSPC | libc::EDQUOT) {
            set_errno(errno);
            return -1;
        }
    }
    // SAFETY: what SQLite passes on is what the call takes.
    unsafe { libc::pwrite(file, buffer, length, offset) }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a variable of C")]
pub(super) fn set_errno(errno: i32) {
    // SAFETY: it is this thread's own.
    unsafe { *libc::__errno_location() = errno };
}

#[cfg(not(target_os = "linux"))]
pub(super) fn set_errno(_errno: i32) {}
