//! Changing chunks in memory: read what a change needs, keep account of what it takes.

use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

use fs_core::Result;

use super::super::pending::{Pending, overwrite};
use super::ChunkContent;

/// Bytes one content may keep in memory before they go to the database on their own.
const EARLY_BYTES: usize = 8 << 20;

impl ChunkContent {
    /// A copy of a chunk as it is now; empty when it is a hole.
    pub(super) fn load(&self, pending: &Pending, index: u32) -> Result<Vec<u8>> {
        if let Some(data) = pending.chunk(index) {
            return Ok(data.to_vec());
        }
        let mut chunk = Vec::new();
        if self.reaches(index) && !pending.is_hole(index) {
            self.shared.database.read(|db| {
                self.layout()
                    .read(db, self.id, index..=index, &mut |_, data| {
                        chunk = data.to_vec();
                        Ok(())
                    })
            })?;
        }
        Ok(chunk)
    }

    /// Puts `from` into chunk `index` at `at`.
    pub(super) fn put_part(
        &self,
        pending: &mut Pending,
        index: u32,
        at: usize,
        from: &[u8],
    ) -> Result<()> {
        if !pending.overwrite(index, at, from) {
            let mut chunk = self.load(pending, index)?;
            overwrite(&mut chunk, at, from);
            pending.put(index, chunk);
        }
        Ok(())
    }

    /// Changes what is pending of `chunks` by at most `more_bytes`, and keeps account of memory and of the bytes stored.
    ///
    /// What goes to the database on its own goes before the change: the change itself belongs to the transaction that brings the node to it, and an error
    /// leaves the old bytes.
    pub(super) fn change(
        &self,
        chunks: RangeInclusive<u32>,
        more_bytes: usize,
        f: impl FnOnce(&mut Pending) -> Result<()>,
    ) -> Result<()> {
        let waiting = self.pending.read().bytes();
        if waiting > 0
            && (waiting + more_bytes > EARLY_BYTES || self.shared.keeps_too_much(more_bytes))
        {
            self.flush_early()?;
        }
        let mut pending = self.pending.write();
        let (in_memory, stored) = (pending.bytes(), self.measure(&pending, &chunks)?);
        let result = f(&mut pending);
        let grown = self.measure(&pending, &chunks).unwrap_or(stored) - stored;
        self.growth.fetch_add(grown, Ordering::Relaxed);
        self.shared.account(in_memory, pending.bytes());
        result
    }

    /// Bytes `chunks` will take once everything is flushed.
    fn measure(&self, pending: &Pending, chunks: &RangeInclusive<u32>) -> Result<i64> {
        let mut bytes: u64 = pending
            .chunks(chunks.clone())
            .map(|(_, data)| data.len() as u64)
            .sum();
        if self.reaches(*chunks.start()) {
            self.shared.database.read(|db| {
                self.layout()
                    .stored_from(db, self.id, *chunks.start(), &mut |chunk| {
                        let inside = chunks.contains(&chunk.index);
                        if inside
                            && pending.chunk(chunk.index).is_none()
                            && !pending.is_hole(chunk.index)
                        {
                            bytes += chunk.length;
                        }
                        inside
                    })
            })?;
        }
        Ok(bytes.cast_signed())
    }

    /// Zeros part of a chunk, if it holds anything there.
    pub(super) fn zero_part(
        &self,
        pending: &mut Pending,
        index: u32,
        from: usize,
        to: usize,
    ) -> Result<()> {
        let mut chunk = self.load(pending, index)?;
        let to = to.min(chunk.len());
        if from < to {
            if to == chunk.len() {
                chunk.truncate(from);
            } else if let Some(part) = chunk.get_mut(from..to) {
                part.fill(0);
            }
            if chunk.is_empty() {
                pending.remove(index..=index)
            } else {
                pending.put(index, chunk)
            }
        }
        Ok(())
    }

    /// Does the database hold nothing at or after this place?
    pub(super) fn ends_before(&self, index: u32, at: usize) -> Result<bool> {
        if !self.reaches(index) {
            return Ok(true);
        }
        let last = self
            .shared
            .database
            .read(|db| self.layout().last(db, self.id))?;
        Ok(last.is_none_or(|last| {
            last.index < index || (last.index == index && last.length <= at as u64)
        }))
    }
}
