//! Handing what was written to a large file to the disk while more is written.

use std::os::fd::BorrowedFd;

/// So much is handed over at a time; a smaller file is not.
const STEP_BYTES: u64 = 8 << 20;

/// Lets the disk begin with the whole steps that end in what was just written at `offset`: whoever makes the file durable waits for the rest only.
/// A hint: whether it worked is told when the file is made durable.
pub(crate) fn write_back(file: BorrowedFd<'_>, offset: u64, length: u64) {
    let step = |at: u64| at - at % STEP_BYTES;
    let (from, to) = (step(offset), step(offset.saturating_add(length)));
    if from < to {
        begin(file, from, to - from);
    }
}

#[cfg(target_os = "linux")]
fn begin(file: BorrowedFd<'_>, offset: u64, length: u64) {
    use std::os::fd::AsRawFd as _;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    #[expect(unsafe_code, reason = "a system call without a safe wrapper")]
    // SAFETY: it takes numbers only, and the descriptor is open as long as `file`.
    unsafe {
        libc::sync_file_range(
            file.as_raw_fd(),
            signed(offset),
            signed(length),
            libc::SYNC_FILE_RANGE_WRITE,
        );
    }
}

#[cfg(not(target_os = "linux"))]
fn begin(_file: BorrowedFd<'_>, _offset: u64, _length: u64) {}
