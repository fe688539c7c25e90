//! A large read of an encrypted vault in two halves at once: a page takes far longer to decipher and authenticate than to fetch, and each stands alone.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use crossbeam_channel::bounded;
use fs_core::{Error, ErrorKind, Result};
use scheduled_thread_pool::ScheduledThreadPool;

use super::window::fill;
use crate::sqlite::store::Shared;
use crate::virtual_fs::ContentId;

/// Threads that read second halves. They live as long as the process, because OpenSSL cleans up after threads that end.
static HELPERS: LazyLock<ScheduledThreadPool> = LazyLock::new(|| {
    let threads = ScheduledThreadPool::builder().num_threads(helpers());
    threads.thread_name_pattern("reader-{}").build()
});

/// How many of them are at work.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// As many as there are other processors, but no more than leave readers to others.
fn helpers() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors - 1).min(2)
}

/// A helper's time, given back when it is dropped.
struct Turn;

impl Turn {
    /// `None`: all are at work, or there are none.
    fn take() -> Option<Self> {
        let free = |busy: usize| (busy < helpers()).then(|| busy + 1);
        let taken = BUSY.fetch_update(Ordering::AcqRel, Ordering::Acquire, free);
        taken.ok().map(|_| Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        BUSY.fetch_sub(1, Ordering::AcqRel);
    }
}

/// As [`fill`], in halves. `None`: what was read, if anything, is not of one moment, or nobody is free to help.
pub(super) fn read(
    shared: &Arc<Shared>,
    content: ContentId,
    into: &mut [u8],
    offset: u64,
    chunks: &RangeInclusive<u32>,
) -> Result<Option<bool>> {
    let (first, last) = (*chunks.start(), *chunks.end());
    let middle = first.midpoint(last) + 1;
    let start = shared.layout.start(middle);
    let at = usize::try_from(start.saturating_sub(offset)).unwrap_or(usize::MAX);
    let Some((head, tail)) = into.split_at_mut_checked(at).filter(|_| middle <= last) else {
        return Ok(None);
    };
    let Some(turn) = Turn::take() else {
        return Ok(None);
    };
    let (sender, receiver) = bounded(1);
    let (helped, length) = (Arc::clone(shared), tail.len());
    HELPERS.execute(move || {
        let mut bytes = vec![0; length];
        let half = helped.database.read_at(|db, moment| {
            let chunks = middle..=last;
            let gap = fill(helped.layout, db, content, &mut bytes, start, chunks)?;
            Ok((gap, moment))
        });
        drop(turn);
        // Nobody waits any more when the other half failed.
        sender
            .send(half.map(|half| (half, bytes)))
            .unwrap_or_default();
    });
    let (gap, moment) = shared.database.read_at(|db, moment| {
        let chunks = first..=middle - 1;
        let gap = fill(shared.layout, db, content, head, offset, chunks)?;
        Ok((gap, moment))
    })?;
    let ((other_gap, other_moment), bytes) = receiver
        .recv()
        .map_err(|_| Error::new(ErrorKind::Io, "read"))??;
    // A write that was committed between the two would be seen in one half only.
    if moment.is_none() || moment != other_moment {
        return Ok(None);
    }
    tail.copy_from_slice(&bytes);
    Ok(Some(gap | other_gap))
}
