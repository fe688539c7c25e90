//! A read seen as a window: chunks that fall into it, partly or wholly.

use std::ops::RangeInclusive;

use fs_core::Result;
use rusqlite::Connection;

use crate::sqlite::layout::Layout;
use crate::virtual_fs::ContentId;

/// Fills `into` with what the database holds of these chunks, the first of which begins at or before `offset`. Answers whether one is not there.
pub(super) fn fill(
    layout: Layout,
    db: &Connection,
    content: ContentId,
    into: &mut [u8],
    offset: u64,
    chunks: RangeInclusive<u32>,
) -> Result<bool> {
    let (mut filled, mut gap) = (0, false);
    let (mut next, last) = (*chunks.start(), *chunks.end());
    layout.read(db, content, chunks, &mut |index, data| {
        gap |= index != next;
        next = index.saturating_add(1);
        let start = layout.start(index);
        let from = usize::try_from(start.saturating_sub(offset)).unwrap_or(usize::MAX);
        into.get_mut(filled..from).unwrap_or_default().fill(0);
        copy_into(into, offset, start, data);
        let end = (start + data.len() as u64).saturating_sub(offset);
        filled = usize::try_from(end).unwrap_or(usize::MAX).max(filled);
        Ok(())
    })?;
    into.get_mut(filled..).unwrap_or_default().fill(0);
    Ok(gap || next <= last)
}

/// Copies the part of a chunk, which starts at `start`, that falls into the window of a read at `offset`.
pub(super) fn copy_into(into: &mut [u8], offset: u64, start: u64, data: &[u8]) {
    let (skip, at) = if start < offset {
        ((offset - start) as usize, 0)
    } else {
        (0, (start - offset) as usize)
    };
    let (Some(data), Some(into)) = (data.get(skip..), into.get_mut(at..)) else {
        return;
    };
    let length = data.len().min(into.len());
    if let (Some(to), Some(from)) = (into.get_mut(..length), data.get(..length)) {
        to.copy_from_slice(from);
    }
}

/// Zeros what falls of `[start, end)` into the window of a read at `offset`.
pub(super) fn zero(into: &mut [u8], offset: u64, start: u64, end: u64) {
    let clip = |at: u64| {
        usize::try_from(at.saturating_sub(offset))
            .unwrap_or(usize::MAX)
            .min(into.len())
    };
    let (from, to) = (clip(start), clip(end));
    if let Some(part) = into.get_mut(from..to) {
        part.fill(0);
    }
}
