//! The bytes of one file in memory: 64 KiB chunks that snapshots share, with holes where nothing was written.

use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

/// Bytes in a full chunk. A write after a snapshot copies one of these.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;

const CHUNK: u64 = CHUNK_BYTES as u64;

/// One chunk: what was written from its start on; the rest, up to [`CHUNK_BYTES`], is zeros. Equal chunks are one chunk that is shared.
#[derive(Clone, Default)]
pub(super) struct Chunk(Arc<Vec<u8>>);

impl std::ops::Deref for Chunk {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl Chunk {
    /// Tells a chunk from all others that are there at the same time.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// A chunk number, and the chunk before and after.
pub(super) type ChunkChange<'a> = (u64, Option<&'a Chunk>, Option<&'a Chunk>);

/// Chunks by their number. The first stands apart because most files have no other.
#[derive(Clone, Default)]
pub(super) struct Bytes {
    first: Option<Chunk>,
    rest: OrdMap<u64, Chunk>,
    allocated: u64,
}

/// The part of a range that falls into one chunk.
struct Piece {
    index: u64,
    /// Where in the chunk.
    start: usize,
    /// Where in the buffer.
    at: usize,
    len: usize,
}

fn pieces(offset: u64, len: usize) -> impl Iterator<Item = Piece> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let position = offset.checked_add(at as u64)?;
        let start = (position % CHUNK) as usize;
        let len = (len - at).min(CHUNK_BYTES - start);
        let piece = Piece {
            index: position / CHUNK,
            start,
            at,
            len,
        };
        at += len;
        (len > 0).then_some(piece)
    })
}

impl Bytes {
    /// Bytes in all chunks.
    pub(super) fn allocated(&self) -> u64 {
        self.allocated
    }

    /// The chunks that hold something, in order.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (u64, &Chunk)> {
        self.first
            .iter()
            .map(|chunk| (0, chunk))
            .chain(self.rest.iter().map(|(index, chunk)| (*index, chunk)))
    }

    /// Is all of it shared with `other`? Costs nothing where it is.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.diff(other).next().is_none()
    }

    /// Which chunks are others in `new`, in order; what both share is passed over.
    pub(super) fn diff<'a>(&'a self, new: &'a Self) -> impl Iterator<Item = ChunkChange<'a>> {
        let first =
            (self.first != new.first).then_some((0, self.first.as_ref(), new.first.as_ref()));
        first
            .into_iter()
            .chain(self.rest.diff(&new.rest).map(|item| match item {
                DiffItem::Add(index, chunk) => (*index, None, Some(chunk)),
                DiffItem::Remove(index, chunk) => (*index, Some(chunk), None),
                DiffItem::Update { old, new } => (*old.0, Some(old.1), Some(new.1)),
            }))
    }

    /// Bytes stored in the chunks that `[offset, end)` touches.
    pub(super) fn touched(&self, offset: u64, end: u64) -> u64 {
        if offset >= end {
            return 0;
        }
        let first = self.first.as_ref().filter(|_| offset < CHUNK);
        let rest = self.rest.range(offset / CHUNK..=(end - 1) / CHUNK);
        let rest: u64 = rest.map(|(_, chunk)| chunk.len() as u64).sum();
        first.map_or(0, |chunk| chunk.len() as u64) + rest
    }

    pub(super) fn get(&self, index: u64) -> Option<&Chunk> {
        if index == 0 {
            self.first.as_ref()
        } else {
            self.rest.get(&index)
        }
    }

    /// Puts a chunk in its place; for the reader of a saved file.
    pub(super) fn insert(&mut self, index: u64, chunk: Chunk) {
        self.remove(index);
        self.allocated += chunk.len() as u64;
        if index == 0 {
            self.first = Some(chunk);
        } else {
            self.rest.insert(index, chunk);
        }
    }

    /// Makes a hole of a chunk.
    pub(super) fn remove(&mut self, index: u64) {
        let old = if index == 0 {
            self.first.take()
        } else {
            self.rest.remove(&index)
        };
        self.allocated -= old.map_or(0, |chunk| chunk.len() as u64);
    }

    /// Lets `change` change a chunk (a hole is an empty one), copying it first when a snapshot shares it.
    fn change(&mut self, index: u64, change: impl FnOnce(&mut Vec<u8>)) {
        let chunk = if index == 0 {
            self.first.get_or_insert_default()
        } else {
            self.rest.entry(index).or_default()
        };
        let before = chunk.len() as u64;
        let bytes = Arc::make_mut(&mut chunk.0);
        change(bytes);
        let after = bytes.len() as u64;
        self.allocated = self.allocated - before + after;
        if after == 0 {
            self.remove(index);
        }
    }

    /// Fills `into`; holes and everything behind the last byte are zeros.
    pub(super) fn read(&self, into: &mut [u8], offset: u64) {
        for piece in pieces(offset, into.len()) {
            let Some(into) = into.get_mut(piece.at..piece.at + piece.len) else {
                return;
            };
            let stored = self
                .get(piece.index)
                .and_then(|chunk| chunk.get(piece.start..))
                .unwrap_or_default();
            let (from_store, zeros) = into.split_at_mut(stored.len().min(piece.len));
            from_store.copy_from_slice(stored.get(..from_store.len()).unwrap_or_default());
            zeros.fill(0);
        }
    }

    /// How much larger a write of `len` bytes at `offset` would make it.
    pub(super) fn growth(&self, offset: u64, len: usize) -> u64 {
        pieces(offset, len)
            .map(|piece| {
                let stored = self.get(piece.index).map_or(0, |chunk| chunk.len());
                (piece.start + piece.len).saturating_sub(stored) as u64
            })
            .sum()
    }

    /// Writes all of `from` at `offset`.
    pub(super) fn write(&mut self, from: &[u8], offset: u64) {
        for piece in pieces(offset, from.len()) {
            let Some(from) = from.get(piece.at..piece.at + piece.len) else {
                return;
            };
            self.change(piece.index, |chunk| {
                let kept = chunk.len().min(piece.start);
                let overwritten = (chunk.len() - kept).min(piece.len);
                if chunk.len() < piece.start {
                    chunk.resize(piece.start, 0);
                }
                let (over, new) = from.split_at(overwritten);
                if let Some(old) = chunk.get_mut(piece.start..piece.start + overwritten) {
                    old.copy_from_slice(over);
                }
                chunk.extend_from_slice(new);
            });
        }
    }

    /// Forgets everything from `len` on.
    pub(super) fn truncate(&mut self, len: u64) {
        let (last, keep) = (len / CHUNK, (len % CHUNK) as usize);
        let beyond: Vec<u64> = self
            .rest
            .range(last + 1..)
            .map(|(index, _)| *index)
            .collect();
        beyond.into_iter().for_each(|index| self.remove(index));
        if self.get(last).is_some_and(|chunk| chunk.len() > keep) {
            self.change(last, |chunk| {
                chunk.truncate(keep);
                chunk.shrink_to_fit();
            });
        }
    }

    /// Zeros a range; chunks wholly inside it become holes.
    pub(super) fn punch(&mut self, offset: u64, len: u64) {
        let end = offset.saturating_add(len);
        let held: Vec<u64> = self
            .chunks()
            .map(|(index, _)| index)
            .filter(|index| index * CHUNK < end && (index + 1) * CHUNK > offset)
            .collect();
        for index in held {
            let base = index * CHUNK;
            let from = (offset.max(base) - base) as usize;
            let to = (end.min(base + CHUNK) - base) as usize;
            self.change(index, |chunk| {
                if to >= chunk.len() {
                    chunk.truncate(from);
                } else if let Some(range) = chunk.get_mut(from..to) {
                    range.fill(0);
                }
            });
        }
    }

    /// The next stored range at or after `offset`; neighbouring chunks are one range.
    pub(super) fn next_data(&self, offset: u64) -> Option<(u64, u64)> {
        let wanted = offset / CHUNK;
        let mut range: Option<(u64, u64)> = None;
        for (index, chunk) in self.chunks().filter(|(index, _)| *index >= wanted) {
            let (start, end) = (index * CHUNK, index * CHUNK + chunk.len() as u64);
            range = match range {
                None if end <= offset => None,
                None => Some((start.max(offset), end)),
                Some((from, to)) if to == start => Some((from, end)),
                found => return found,
            };
        }
        range
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u64, Vec<u8>),
        Truncate(u64),
        Punch(u64, u64),
        Snapshot,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // Offsets around chunk borders, where the mistakes are.
        let offset = || {
            (0u64..4, -3i64..4).prop_map(|(chunk, by)| (chunk * CHUNK).saturating_add_signed(by))
        };
        let bytes = (
            1u8..,
            prop_oneof![0usize..9, CHUNK_BYTES - 2..CHUNK_BYTES * 2],
        )
            .prop_map(|(byte, len)| vec![byte; len]);
        prop::collection::vec(
            prop_oneof![
                4 => (offset(), bytes).prop_map(|(at, bytes)| Step::Write(at, bytes)),
                2 => offset().prop_map(Step::Truncate),
                2 => (offset(), 0..CHUNK * 2).prop_map(|(at, len)| Step::Punch(at, len)),
                1 => Just(Step::Snapshot),
            ],
            1..12,
        )
    }

    fn apply(step: &Step, bytes: &mut Bytes, model: &mut Vec<u8>) {
        match step {
            Step::Write(at, from) => {
                let grown = bytes.allocated() + bytes.growth(*at, from.len());
                bytes.write(from, *at);
                assert_eq!(bytes.allocated(), grown);
                let end = *at as usize + from.len();
                model.resize(model.len().max(end), 0);
                model[*at as usize..end].copy_from_slice(from);
            }
            Step::Truncate(len) => {
                bytes.truncate(*len);
                model.truncate(*len as usize);
            }
            Step::Punch(at, len) => {
                bytes.punch(*at, *len);
                let end = model.len().min((at + len) as usize);
                if let Some(range) = model.get_mut(*at as usize..end) {
                    range.fill(0);
                }
            }
            Step::Snapshot => {}
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn behaves_as_a_plain_vector_and_snapshots_never_change(steps in steps()) {
            let (mut bytes, mut model) = (Bytes::default(), Vec::new());
            let mut snapshots = Vec::new();
            for step in &steps {
                if matches!(step, Step::Snapshot) {
                    snapshots.push((bytes.clone(), model.clone()));
                }
                apply(step, &mut bytes, &mut model);
            }
            snapshots.push((bytes, model));
            for (bytes, model) in snapshots {
                let mut read = vec![1; model.len() + 10];
                bytes.read(&mut read, 0);
                prop_assert!(read[..model.len()] == model[..] && read[model.len()..].iter().all(|b| *b == 0));
                prop_assert_eq!(bytes.allocated(), bytes.chunks().map(|(_, c)| c.len() as u64).sum::<u64>());
                // Whatever is not in a data range is zeros.
                let (mut at, mut covered) = (0, vec![false; model.len()]);
                while let Some((start, end)) = bytes.next_data(at) {
                    prop_assert!(start >= at && end > start);
                    covered.iter_mut().take(end as usize).skip(start as usize).for_each(|c| *c = true);
                    at = end;
                }
                prop_assert!(model.iter().zip(&covered).all(|(byte, covered)| *covered || *byte == 0));
            }
        }
    }
}
