//! Moving bytes: from any file to any file, holes kept.

use crate::error::Result;
use crate::file::File;
use crate::ops::meter::Reporter;

/// One read and one write.
pub(super) const BUFFER_BYTES: usize = 1 << 20;

/// One read of a file that says it is empty, as nearly every one is that says so.
const UNTOLD_BYTES: usize = 64 << 10;

/// Copies all of `from` into the empty `to`, telling the reporter, stopping at a cancel.
pub(super) fn copy(
    from: &dyn File,
    to: &dyn File,
    buffer: &mut Vec<u8>,
    reporter: &mut Reporter<'_>,
) -> Result<()> {
    let size = from.metadata()?.size;
    if size == 0 {
        return copy_untold(from, to, buffer, reporter);
    }
    buffer.resize(
        BUFFER_BYTES.min(usize::try_from(size).unwrap_or(BUFFER_BYTES)),
        0,
    );
    let mut at = 0;
    let mut written_to = 0;
    while at < size {
        reporter.check()?;
        let Some((start, end)) = from.next_data(at)? else {
            break;
        };
        let (start, end) = (start.max(at), end.min(size));
        reporter.done(0, start.min(size).saturating_sub(at));
        at = start;
        while at < end {
            reporter.check()?;
            let want = usize::try_from(end - at)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            let part = buffer.get_mut(..want).unwrap_or_default();
            let read = from.read_at(part, at)?;
            if read == 0 {
                // Cut off while we read: what is left is the file.
                return to.set_len(at);
            }
            to.write_at(part.get(..read).unwrap_or_default(), at)?;
            at += read as u64;
            written_to = at;
            reporter.done(0, read as u64);
        }
        if start >= end {
            break;
        }
    }
    reporter.done(0, size.saturating_sub(at));
    if written_to < size {
        to.set_len(size)?;
    }
    Ok(())
}

/// What is made up as it is read (procfs, some FUSE filesystems) says it is empty: it ends where reading does.
fn copy_untold(
    from: &dyn File,
    to: &dyn File,
    buffer: &mut Vec<u8>,
    reporter: &mut Reporter<'_>,
) -> Result<()> {
    buffer.resize(UNTOLD_BYTES, 0);
    let mut at = 0;
    loop {
        reporter.check()?;
        let read = from.read_at(buffer, at)?;
        if read == 0 {
            return Ok(());
        }
        to.write_at(buffer.get(..read).unwrap_or_default(), at)?;
        at += read as u64;
        reporter.done(0, read as u64);
    }
}
