//! Checksums of the blocks of a sealed blob, so that a part of it is proven when it is read, and only once.

use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Bytes of the smallest block.
const BLOCK_BYTES: u64 = 64 << 10;
/// Blocks of a blob at most; beyond that they are larger.
const BLOCKS_MAX: u64 = 1 << 20;

/// Bytes in a block of a blob of `size_bytes`: 64 KiB, or the power of two of it with which there are at most 2^20 blocks.
fn block_bytes(size_bytes: u64) -> u64 {
    let mut bytes = BLOCK_BYTES;
    while size_bytes.div_ceil(bytes) > BLOCKS_MAX {
        bytes *= 2;
    }
    bytes
}

/// XXH3-64 of each block, and which of them were found to be what was written.
#[derive(Debug)]
pub(super) struct Blocks {
    sums: Vec<u64>,
    block_bytes: u64,
    size_bytes: u64,
    proven: Vec<AtomicU64>,
}

impl Blocks {
    fn new(sums: Vec<u64>, size_bytes: u64) -> Option<Self> {
        let block_bytes = block_bytes(size_bytes);
        if sums.len() as u64 != size_bytes.div_ceil(block_bytes) {
            return None;
        }
        let proven = (0..sums.len().div_ceil(64))
            .map(|_| AtomicU64::new(0))
            .collect();
        Some(Self {
            sums,
            block_bytes,
            size_bytes,
            proven,
        })
    }

    /// What the index holds: 8 bytes for each block, little endian. `None`: not for a blob of this size.
    pub(super) fn decode(bytes: &[u8], size_bytes: u64) -> Option<Self> {
        let (sums, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return None;
        }
        Self::new(
            sums.iter().map(|sum| u64::from_le_bytes(*sum)).collect(),
            size_bytes,
        )
    }

    /// Bytes of a block; the last may have fewer.
    pub(super) fn block_bytes(&self) -> u64 {
        self.block_bytes
    }

    /// The inverse of [`Blocks::decode`].
    pub(super) fn encode(&self) -> Vec<u8> {
        self.sums.iter().flat_map(|sum| sum.to_le_bytes()).collect()
    }

    fn word(&self, block: u64) -> Option<(&AtomicU64, u64)> {
        let word = self.proven.get(usize::try_from(block / 64).ok()?)?;
        Some((word, 1 << (block % 64)))
    }

    fn is_proven(&self, block: u64) -> bool {
        self.word(block)
            .is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Compares the blocks that `[offset, offset + read.len())` touches and that nobody has compared yet. `load` fills its buffer from a place in the blob.
    /// `Ok(false)`: one is not what was written.
    pub(super) fn prove<E>(
        &self,
        read: &[u8],
        offset: u64,
        mut load: impl FnMut(&mut [u8], u64) -> Result<(), E>,
    ) -> Result<bool, E> {
        let end = (offset + read.len() as u64).min(self.size_bytes);
        if offset >= end {
            return Ok(true);
        }
        let mut buffer = Vec::new();
        for block in offset / self.block_bytes..end.div_ceil(self.block_bytes) {
            if self.is_proven(block) {
                continue;
            }
            let start = block * self.block_bytes;
            let length = self.block_bytes.min(self.size_bytes - start) as usize;
            let whole = start
                .checked_sub(offset)
                .and_then(|at| read.get(at as usize..(at as usize).checked_add(length)?));
            let sum = match whole {
                Some(bytes) => xxh3_64(bytes),
                None => {
                    buffer.resize(length, 0);
                    load(&mut buffer, start)?;
                    xxh3_64(&buffer)
                }
            };
            let known = usize::try_from(block)
                .ok()
                .and_then(|block| self.sums.get(block));
            if known != Some(&sum) {
                return Ok(false);
            }
            if let Some((word, bit)) = self.word(block) {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        Ok(true)
    }
}

/// Sums a blob that is written, or read, from start to end.
#[derive(Clone)]
pub(super) struct Running {
    whole: blake3::Hasher,
    block: Xxh3,
    sums: Vec<u64>,
    /// Bytes so far.
    pub(super) next: u64,
    block_bytes: u64,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Before the first byte of a blob that will have `size_bytes` (0: nobody knows yet).
    pub(super) fn new(size_bytes: u64) -> Self {
        Self {
            whole: blake3::Hasher::new(),
            block: Xxh3::new(),
            sums: Vec::new(),
            next: 0,
            block_bytes: block_bytes(size_bytes),
        }
    }

    /// The next bytes.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        while !bytes.is_empty() {
            let left = self.block_bytes - self.next % self.block_bytes;
            let part = (bytes.len() as u64).min(left) as usize;
            let (now, later) = bytes.split_at(part);
            self.block.update(now);
            self.next += part as u64;
            if self.next.is_multiple_of(self.block_bytes) {
                self.sums.push(self.block.digest());
                self.block.reset();
            }
            bytes = later;
        }
    }

    /// BLAKE3 of everything, and the sums of the blocks; `None`: they were cut too small for what it became.
    pub(super) fn finish(mut self) -> ([u8; 32], Option<Blocks>) {
        if !self.next.is_multiple_of(self.block_bytes) {
            self.sums.push(self.block.digest());
        }
        let hash = *self.whole.finalize().as_bytes();
        let blocks = match self.block_bytes == block_bytes(self.next) {
            true => Blocks::new(self.sums, self.next),
            false => None,
        };
        (hash, blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_noticed_wherever_it_is_read() {
        for size in [0, 1, 65_535, 65_536, 65_537, 200_000] {
            let bytes: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8).collect();
            let mut running = Running::new(0);
            for piece in bytes.chunks(7001) {
                running.update(piece);
            }
            let (hash, blocks) = running.finish();
            assert_eq!(hash, *blake3::hash(&bytes).as_bytes());
            let encoded = blocks.unwrap().encode();
            let open = || Blocks::decode(&encoded, size.into()).unwrap();
            assert!(Blocks::decode(&encoded, u64::from(size) + 65_536).is_none());
            for changed in (0..bytes.len()).step_by(9973) {
                let mut damaged = bytes.clone();
                damaged[changed] ^= 1;
                let load = |into: &mut [u8], at: u64| {
                    into.copy_from_slice(&damaged[at as usize..at as usize + into.len()]);
                    Ok::<_, ()>(())
                };
                let sound = open();
                assert_eq!(
                    sound.prove(&damaged[changed..=changed], changed as u64, load),
                    Ok(false)
                );
                assert_eq!(sound.prove(&damaged, 0, load), Ok(false));
            }
            let never = |_: &mut [u8], _| Err(());
            let sound = open();
            assert_eq!(sound.prove(&bytes, 0, never), Ok(true));
            if let Some(first) = bytes.first() {
                assert_eq!(sound.prove(&[*first], 0, never), Ok(true), "proven once");
            }
        }
    }

    #[test]
    fn a_huge_blob_has_larger_blocks() {
        assert_eq!(block_bytes(64 << 30), 64 << 10);
        assert_eq!(block_bytes((64 << 30) + 1), 128 << 10);
        assert_eq!(block_bytes(1 << 40), 1 << 20);
    }
}
