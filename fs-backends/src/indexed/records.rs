//! The file of an encrypted blob: records of 16 KiB, each encrypted and authenticated by itself, so that any part is read and written without the rest.
//!
//! `FORMAT.md` describes it. A record never changes in place before a copy of what it becomes is in the spare slot at the start of the file: after a kill
//! one of the two is whole, and ([`Order`]) after a power cut too. A complete blob ends in a map, which tells its length and which records there are: so none can be cut off or emptied.

mod beside;
mod map;
mod open;
mod order;
mod write;

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use fs_core::{Error, Result};
use parking_lot::{Mutex, RwLock};
use zeroize::Zeroizing;

pub(super) use map::{content_that_fits, ends_in_map};
pub(super) use order::Syncs;

use order::Order;

use super::name::BlobName;
use super::runs::Runs;
use crate::catalog::corrupted;
use crate::seal::{NONCE_BYTES, SealKey, Sealer, TAG_BYTES, random};

/// Bytes of content in a record.
pub(super) const RECORD_BYTES: usize = 16 * 1024;
const RECORD: u64 = RECORD_BYTES as u64;
/// Nonce and length before the encrypted bytes.
const HEAD_BYTES: usize = NONCE_BYTES + 4;
const SLOT_BYTES: usize = HEAD_BYTES + RECORD_BYTES + TAG_BYTES;
const SLOT: u64 = SLOT_BYTES as u64;
/// Where the first record lies; before it is the spare slot.
const BASE: u64 = 20_480;
/// Records read or written at once.
const BATCH: u64 = 64;
/// Most runs of a map; a forged one must not take all memory.
const MAP_BYTES_MAX: u64 = 64 << 20;
const CONTEXT: &str = "Lamina 2026-11 blob of an encrypted store, version 1";

/// The key of all blobs of a store. It lies in the encrypted index and stays when the password changes.
pub(super) struct StoreKey(SealKey);

impl StoreKey {
    pub(super) fn new(key: &SealKey) -> Self {
        Self(key.clone())
    }

    fn of_blob(&self, name: &BlobName) -> SealKey {
        let mut material = Zeroizing::new(self.0.to_vec());
        material.extend_from_slice(name.to_string().as_bytes());
        SealKey::from(blake3::derive_key(CONTEXT, &material))
    }
}

/// What a piece of the file is; bound to it.
#[derive(Clone, Copy)]
enum Piece {
    Record(u64),
    Map,
}

impl Piece {
    fn bound(self, len: u32) -> [u8; 13] {
        let (kind, number) = match self {
            Self::Record(index) => (0, index),
            Self::Map => (1, u64::MAX),
        };
        let mut bound = [kind; 13];
        let (_, rest) = bound.split_at_mut(1);
        let (of_number, of_len) = rest.split_at_mut(8);
        of_number.copy_from_slice(&number.to_le_bytes());
        of_len.copy_from_slice(&len.to_le_bytes());
        bound
    }
}

/// An open encrypted blob.
pub(super) struct RecordFile {
    file: File,
    name: BlobName,
    key: SealKey,
    sealers: Mutex<Vec<Sealer>>,
    /// Held while records are read or written: nobody reads one that is half written.
    layout: RwLock<Layout>,
    /// Of what is written, which holding `layout` allows.
    order: Mutex<Order>,
    /// Another program may be writing to it.
    is_beside: bool,
}

/// What is stored where.
struct Layout {
    stored: Runs,
    /// End of the content.
    length: u64,
    /// The spare slot holds something.
    spare: bool,
}

fn slot_at(index: u64) -> u64 {
    BASE + index * SLOT
}

fn io(error: impl Into<std::io::Error>, operation: &'static str) -> Error {
    Error::from_io(error.into(), operation)
}

/// A record's own share of a range of content.
struct Part {
    index: u64,
    /// Where in the record.
    start: usize,
    /// Where in the caller's bytes.
    at: usize,
    len: usize,
}

impl Part {
    /// Copies its share of a record's content to the caller's bytes; what the record does not have is zeros.
    fn copy(&self, record: &[u8], into: &mut [u8]) {
        let found = record.get(self.start..).unwrap_or_default();
        let (from_record, zeros) = into.split_at_mut(found.len().min(into.len()));
        from_record.copy_from_slice(found.get(..from_record.len()).unwrap_or_default());
        zeros.fill(0);
    }
}

fn parts(offset: u64, len: usize) -> impl Iterator<Item = Part> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let position = offset + at as u64;
        let start = (position % RECORD) as usize;
        let part = Part {
            index: position / RECORD,
            start,
            at,
            len: (len - at).min(RECORD_BYTES - start),
        };
        at += part.len;
        (part.len > 0).then_some(part)
    })
}

impl RecordFile {
    /// A new, empty blob.
    pub(super) fn create(file: File, name: &BlobName, key: &StoreKey) -> Self {
        Self::new(
            file,
            name,
            key,
            Layout {
                stored: Runs::default(),
                length: 0,
                spare: false,
            },
        )
    }

    fn new(file: File, name: &BlobName, key: &StoreKey, layout: Layout) -> Self {
        Self {
            file,
            name: name.clone(),
            key: key.of_blob(name),
            sealers: Mutex::default(),
            layout: RwLock::new(layout),
            order: Mutex::default(),
            is_beside: false,
        }
    }

    /// It is made durable with the others that `syncs` counts; `is_new`: nothing is in it yet.
    pub(super) fn counted_by(mut self, syncs: &Arc<Syncs>, is_new: bool) -> Self {
        let order = match is_new {
            true => Order::with(Arc::clone(syncs)),
            false => Order::after_a_crash(Arc::clone(syncs)),
        };
        self.order = Mutex::new(order);
        self
    }

    /// Is there a record for the byte at `offset`?
    pub(super) fn has_record_at(&self, offset: u64) -> bool {
        self.layout.read().stored.contains(offset / RECORD)
    }

    fn wrong(&self, what: &str) -> Error {
        corrupted("read blob", format!("blob {}: {what}", self.name))
    }

    fn with_sealer<T>(&self, f: impl FnOnce(&mut Sealer) -> Result<T>) -> Result<T> {
        let known = self.sealers.lock().pop();
        let mut sealer = match known {
            Some(sealer) => sealer,
            None => Sealer::new(&self.key)?,
        };
        let done = f(&mut sealer);
        self.sealers.lock().push(sealer);
        done
    }

    /// Puts a piece, encrypted, at the end of `out`.
    fn seal_piece(&self, piece: Piece, plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce)?;
        let len = u32::try_from(plain.len()).map_err(|_| self.wrong("a piece is too long"))?;
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&len.to_le_bytes());
        self.with_sealer(|sealer| sealer.seal(&nonce, &piece.bound(len), plain, out))
    }

    /// Opens a piece at the start of `sealed` into `into`, as far as it goes; `None`: it is not what was written.
    fn open_piece(&self, piece: Piece, sealed: &[u8], into: &mut Vec<u8>) -> Result<bool> {
        let Some((head, rest)) = sealed.split_first_chunk::<HEAD_BYTES>() else {
            return Ok(false);
        };
        let (nonce, len) = head.split_at(NONCE_BYTES);
        let (Ok(nonce), Ok(len)) = (nonce.try_into(), len.try_into()) else {
            return Ok(false);
        };
        let len = u32::from_le_bytes(len);
        let Some(body) = rest.get(..len as usize + TAG_BYTES) else {
            return Ok(false);
        };
        into.clear();
        into.resize(len as usize, 0);
        self.with_sealer(|sealer| Ok(sealer.open(nonce, &piece.bound(len), body, into)))
    }

    /// Fills as much of `into` as the file has from `offset` on; answers how much.
    fn raw(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io(error, "read blob")),
            }
        }
        Ok(filled)
    }

    fn raw_length(&self) -> Result<u64> {
        let metadata = self.file.metadata();
        Ok(metadata.map_err(|error| io(error, "stat blob"))?.len())
    }

    /// The content of a stored record.
    fn read_record(&self, index: u64) -> Result<Zeroizing<Vec<u8>>> {
        let mut slot = vec![0; SLOT_BYTES];
        let got = self.raw(&mut slot, slot_at(index))?;
        slot.truncate(got);
        let mut plain = Zeroizing::new(Vec::new());
        match self.open_piece(Piece::Record(index), &slot, &mut plain)? {
            true => Ok(plain),
            false => Err(self.wrong(&format!("record {index} is not what was written"))),
        }
    }

    /// Length of the content.
    pub(super) fn length(&self) -> u64 {
        self.layout.read().length
    }

    /// Fills all of `into`; what is not stored is zeros.
    pub(super) fn read_at(&self, into: &mut [u8], offset: u64) -> Result<()> {
        if self.is_beside {
            return self.read_at_beside(into, offset);
        }
        let layout = self.layout.read();
        let mut raw = Vec::new();
        let mut plain = Zeroizing::new(Vec::new());
        // The records in `raw`.
        let mut ready = 0..0;
        let end = offset.saturating_add(into.len() as u64);
        for part in parts(offset, into.len()) {
            let Some(into) = into.get_mut(part.at..part.at + part.len) else {
                break;
            };
            if !layout.stored.contains(part.index) {
                into.fill(0);
                continue;
            }
            if !ready.contains(&part.index) {
                let run = layout.stored.end_of_run(part.index);
                let wanted = end.div_ceil(RECORD).min(run).min(part.index + BATCH);
                ready = part.index..wanted;
                raw.resize((wanted - part.index) as usize * SLOT_BYTES, 0);
                let got = self.raw(&mut raw, slot_at(part.index))?;
                raw.truncate(got);
            }
            let at = (part.index - ready.start) as usize * SLOT_BYTES;
            let slot = raw
                .get(at..raw.len().min(at + SLOT_BYTES))
                .unwrap_or_default();
            if !self.open_piece(Piece::Record(part.index), slot, &mut plain)? {
                let what = format!("record {} is not what was written", part.index);
                return Err(self.wrong(&what));
            }
            part.copy(&plain, into);
        }
        Ok(())
    }

    /// The next stored range at or after `offset`.
    pub(super) fn next_data(&self, offset: u64) -> Option<(u64, u64)> {
        if self.is_beside {
            return self.next_data_beside(offset);
        }
        let layout = self.layout.read();
        let (start, end) = layout.stored.next_run(offset / RECORD)?;
        let range = (
            (start * RECORD).max(offset),
            end.saturating_mul(RECORD).min(layout.length),
        );
        (range.0 < range.1).then_some(range)
    }

    /// BLAKE3 of the content.
    pub(super) fn hash(&self) -> Result<[u8; 32]> {
        let mut hasher = blake3::Hasher::new();
        let (mut at, length) = (0, self.length());
        let most = 64 * RECORD_BYTES;
        let mut buffer = vec![0; usize::try_from(length).map_or(most, |length| length.min(most))];
        while at < length {
            let wanted = (length - at).min(buffer.len() as u64) as usize;
            let piece = buffer.get_mut(..wanted).unwrap_or_default();
            self.read_at(piece, at)?;
            hasher.update(piece);
            at += wanted as u64;
        }
        Ok(*hasher.finalize().as_bytes())
    }

    /// The file, to make it durable.
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}
