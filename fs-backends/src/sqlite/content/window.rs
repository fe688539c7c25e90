//! A read seen as a window: chunks that fall into it, partly or wholly.

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
