//! Copying content inside the kernel: sharing blocks where the filesystem can, otherwise range by range, holes left out.

use std::os::fd::AsFd as _;

use fs_core::{At, Control, File as _, Metadata, Result};
use rustix::io::Errno;

use super::file::HostFile;
use super::reach::{self, Reach, failed};
use super::{Shared, open};
use crate::write_back::write_back;

/// Looking for holes costs as much as copying so much.
const SMALL_BYTES: u64 = 64 << 10;
/// Between two looks at the control.
const STEP_BYTES: u64 = 8 << 20;

/// Fills `into`, which is empty, from the file at `source`; tells `control` the bytes done, holes included. `false`: not possible here,
/// nothing was done.
pub(super) fn fill<R: Reach>(
    shared: &Shared<R>,
    source: At<'_>,
    into: &HostFile,
    control: &Control,
) -> Result<bool> {
    control.check()?;
    let (from, metadata) = open::to_read(shared.reach()?, source)?;
    let filled = fill_open(&from, &metadata, into, control);
    if let Some(pin) = reach::pin_itself(source)? {
        pin.keep_readable(from.into_fd());
    }
    filled
}

fn fill_open(
    from: &HostFile,
    metadata: &Metadata,
    into: &HostFile,
    control: &Control,
) -> Result<bool> {
    let Metadata {
        size, allocated, ..
    } = *metadata;
    // Files that the kernel makes up as they are read (procfs) say they are empty.
    if size == 0 {
        return Ok(false);
    }
    if rustix::fs::ioctl_ficlone(into.as_fd(), from.as_fd()).is_ok() {
        control.add_bytes(size);
        return Ok(true);
    }
    let mut done = 0;
    // In a small file with as many blocks as bytes there is no hole worth a search.
    let data_after = |done| match size <= SMALL_BYTES && allocated >= size {
        true => Ok((done < size).then_some((done, size))),
        false => from.next_data(done),
    };
    while let Some((start, end)) = data_after(done)? {
        control.add_bytes(start - done);
        done = start;
        while done < end {
            control.check()?;
            match copy_range(from, into, done, (end - done).min(STEP_BYTES)) {
                // The file got shorter.
                Ok(0) => return Ok(true),
                Ok(copied) => {
                    write_back(into.as_fd(), done, copied);
                    done += copied;
                    control.add_bytes(copied);
                }
                Err(Errno::INTR) => {}
                Err(Errno::XDEV | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::BADF)
                    if done == start && into.metadata()?.size == 0 =>
                {
                    return Ok(false);
                }
                Err(e) => return Err(failed(e, "copy")),
            }
        }
    }
    if done < size {
        into.set_len(size)?;
        control.add_bytes(size - done);
    }
    Ok(true)
}

fn copy_range(from: &HostFile, into: &HostFile, at: u64, len: u64) -> rustix::io::Result<u64> {
    let (mut read, mut write) = (at, at);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    rustix::fs::copy_file_range(
        from.as_fd(),
        Some(&mut read),
        into.as_fd(),
        Some(&mut write),
        len,
    )
    .map(|copied| copied as u64)
}
