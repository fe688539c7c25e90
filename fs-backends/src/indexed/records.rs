//! The file of an encrypted blob: records of 16 KiB, each encrypted and authenticated by itself, so that any part is read and written without the rest.
//!
//! `FORMAT.md` describes it. A record never changes in place before a copy of what it becomes is in the spare slot at the start of the file: after a kill
//! one of the two is whole. A complete blob ends in a map, which tells its length and which records there are: so none can be cut off or emptied.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use fs_core::{Error, Result};
use parking_lot::{Mutex, RwLock};
use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;
use zeroize::Zeroizing;

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
        }
    }

    /// A complete blob. `Corrupted`: its map is missing or changed.
    pub(super) fn open_sealed(file: File, name: &BlobName, key: &StoreKey) -> Result<Self> {
        let blob = Self::create(file, name, key);
        let Some((layout, _)) = blob.read_map()? else {
            return Err(blob.wrong("its end is not what was written"));
        };
        *blob.layout.write() = layout;
        Ok(blob)
    }

    /// A blob that was still written to when the program ended: the index knew of `known_bytes` of it. Puts a record that a kill tore right again.
    pub(super) fn open_unsealed(
        file: File,
        name: &BlobName,
        key: &StoreKey,
        known_bytes: u64,
    ) -> Result<Self> {
        let blob = Self::create(file, name, key);
        if let Some((layout, map_at)) = blob.read_map()? {
            blob.file
                .set_len(map_at)
                .map_err(|error| io(error, "open blob"))?;
            *blob.layout.write() = layout;
            return Ok(blob);
        }
        let stored = blob.find_records()?;
        let mut layout = blob.layout.write();
        layout.stored = stored;
        // What came after the last commit may be half there, and is nobody's.
        let mut is_torn = false;
        while let Some(last) = layout.stored.last() {
            match blob.read_record(last) {
                Ok(plain) => {
                    layout.length = last * RECORD + plain.len() as u64;
                    break;
                }
                Err(_) if last * RECORD >= known_bytes => layout.stored.remove(last, last + 1),
                Err(_) if blob.restore(last)? => {}
                // Whoever reads it is told; the others are whole.
                Err(_) => {
                    layout.length = known_bytes;
                    is_torn = true;
                    break;
                }
            }
        }
        if !is_torn {
            blob.file
                .set_len(blob.end_of(&layout)?)
                .map_err(|error| io(error, "open blob"))?;
        }
        let spare = blob.spare()?;
        layout.spare = spare.is_some();
        if let Some((index, _)) = spare
            && layout.stored.contains(index)
            && blob.read_record(index).is_err()
        {
            blob.restore(index)?;
        }
        drop(layout);
        Ok(blob)
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

    /// What the spare slot holds: a whole record, and its number.
    fn spare(&self) -> Result<Option<(u64, Vec<u8>)>> {
        let mut slot = vec![0; 8 + SLOT_BYTES];
        let got = self.raw(&mut slot, 0)?;
        slot.truncate(got);
        let Some((index, sealed)) = slot.split_first_chunk() else {
            return Ok(None);
        };
        let index = u64::from_le_bytes(*index);
        let mut plain = Zeroizing::new(Vec::new());
        let whole = self.open_piece(Piece::Record(index), sealed, &mut plain)?;
        let end = HEAD_BYTES + plain.len() + TAG_BYTES;
        Ok(sealed
            .get(..end)
            .filter(|_| whole)
            .map(|it| (index, it.to_vec())))
    }

    /// Puts a torn record right from the spare slot, if that has it.
    fn restore(&self, index: u64) -> Result<bool> {
        match self.spare()? {
            Some((of, sealed)) if of == index => {
                let written = self.file.write_all_at(&sealed, slot_at(index));
                written
                    .map(|()| true)
                    .map_err(|error| io(error, "open blob"))
            }
            _ => Ok(false),
        }
    }

    /// Writes a record over itself.
    fn rewrite(&self, layout: &mut Layout, index: u64, plain: &[u8]) -> Result<()> {
        let mut out = Vec::with_capacity(8 + SLOT_BYTES);
        out.extend_from_slice(&index.to_le_bytes());
        self.seal_piece(Piece::Record(index), plain, &mut out)?;
        let fail = |error| io(error, "write blob");
        layout.spare = true;
        self.file.write_all_at(&out, 0).map_err(fail)?;
        let sealed = out.get(8..).unwrap_or_default();
        self.file.write_all_at(sealed, slot_at(index)).map_err(fail)
    }

    /// Empties the spare slot, so that it never puts back what was taken away on purpose.
    fn clear_spare(&self, layout: &mut Layout) -> Result<()> {
        if layout.spare {
            let written = self.file.write_all_at(&[0; 8 + HEAD_BYTES], 0);
            written.map_err(|error| io(error, "write blob"))?;
            layout.spare = false;
        }
        Ok(())
    }

    /// Length of the content.
    pub(super) fn length(&self) -> u64 {
        self.layout.read().length
    }

    /// Fills all of `into`; what is not stored is zeros.
    pub(super) fn read_at(&self, into: &mut [u8], offset: u64) -> Result<()> {
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
            let found = plain.get(part.start..).unwrap_or_default();
            let (from_record, zeros) = into.split_at_mut(found.len().min(part.len));
            from_record.copy_from_slice(found.get(..from_record.len()).unwrap_or_default());
            zeros.fill(0);
        }
        Ok(())
    }

    /// Writes all of `from`. What is new is written first: when there is no room, the old bytes are as they were.
    pub(super) fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        let mut layout = self.layout.write();
        let old_end = self.raw_length()?;
        let mut over = Vec::new();
        let mut batch = Vec::new();
        let mut fresh: Option<std::ops::Range<u64>> = None;
        let mut all_fresh: Vec<std::ops::Range<u64>> = Vec::new();
        let mut write_fresh = |fresh: &mut Option<std::ops::Range<u64>>, batch: &mut Vec<u8>| {
            if let Some(range) = fresh.take() {
                let written = self.file.write_all_at(batch, slot_at(range.start));
                batch.clear();
                all_fresh.push(range);
                written.map_err(|error| io(error, "write blob"))?;
            }
            Ok::<(), Error>(())
        };
        let mut write_new = || {
            for part in parts(offset, from.len()) {
                let bytes = from.get(part.at..part.at + part.len).unwrap_or_default();
                if layout.stored.contains(part.index) {
                    over.push(part);
                    continue;
                }
                let full = fresh.as_ref().is_some_and(|range| {
                    range.end != part.index || range.end - range.start >= BATCH
                });
                if full {
                    write_fresh(&mut fresh, &mut batch)?;
                }
                // A record that began short, in a batch, is followed by none.
                let start = fresh.as_ref().map_or(part.index, |range| range.start);
                batch.resize((part.index - start) as usize * SLOT_BYTES, 0);
                if part.start == 0 {
                    self.seal_piece(Piece::Record(part.index), bytes, &mut batch)?;
                } else {
                    let mut plain = Zeroizing::new(vec![0; part.start]);
                    plain.extend_from_slice(bytes);
                    self.seal_piece(Piece::Record(part.index), &plain, &mut batch)?;
                }
                fresh = Some(start..part.index + 1);
            }
            write_fresh(&mut fresh, &mut batch)
        };
        if let Err(error) = write_new() {
            // What can't be taken away now is nobody's: it lies where the blob has nothing.
            for range in &all_fresh {
                self.empty(&layout, range).unwrap_or_default();
            }
            self.file.set_len(old_end).unwrap_or_default();
            return Err(error);
        }
        for part in over {
            let bytes = from.get(part.at..part.at + part.len).unwrap_or_default();
            if part.len == RECORD_BYTES {
                self.rewrite(&mut layout, part.index, bytes)?;
                continue;
            }
            let mut plain = self.read_record(part.index)?;
            let end = part.start + part.len;
            if plain.len() < end {
                plain.resize(end, 0);
            }
            if let Some(place) = plain.get_mut(part.start..end) {
                place.copy_from_slice(bytes);
            }
            self.rewrite(&mut layout, part.index, &plain)?;
        }
        for range in all_fresh {
            layout.stored.insert(range.start, range.end);
        }
        layout.length = layout.length.max(offset + from.len() as u64);
        Ok(())
    }

    /// Where the file ends when nothing lies behind the last record.
    fn end_of(&self, layout: &Layout) -> Result<u64> {
        Ok(match layout.stored.last() {
            Some(last) => {
                let plain = self.read_record(last)?.len();
                slot_at(last) + (HEAD_BYTES + plain + TAG_BYTES) as u64
            }
            None => BASE.min(self.raw_length()?),
        })
    }

    /// Forgets everything from `len_bytes` on.
    pub(super) fn truncate(&self, len_bytes: u64) -> Result<()> {
        let mut layout = self.layout.write();
        if layout.length <= len_bytes {
            return Ok(());
        }
        let (cut, keep) = (len_bytes / RECORD, (len_bytes % RECORD) as usize);
        self.clear_spare(&mut layout)?;
        if keep > 0 && layout.stored.contains(cut) {
            let plain = self.read_record(cut)?;
            if let Some(plain) = plain.get(..keep) {
                self.rewrite(&mut layout, cut, plain)?;
            }
        }
        layout.stored.remove(cut + u64::from(keep > 0), u64::MAX);
        layout.length = len_bytes;
        let end = self.end_of(&layout)?;
        self.file
            .set_len(end)
            .map_err(|error| io(error, "truncate blob"))
    }

    /// Zeros a range; records wholly inside it are given back.
    pub(super) fn punch(&self, offset: u64, len_bytes: u64) -> Result<()> {
        let mut layout = self.layout.write();
        let end = offset.saturating_add(len_bytes).min(layout.length);
        if offset >= end {
            return Ok(());
        }
        self.clear_spare(&mut layout)?;
        let (first, last) = (offset / RECORD, (end - 1) / RECORD);
        let length = layout.length;
        let whole =
            |index: u64| offset <= index * RECORD && end >= ((index + 1) * RECORD).min(length);
        let inner = (first + u64::from(!whole(first)))..(last + u64::from(whole(last)));
        for index in [first, last] {
            if whole(index) || !layout.stored.contains(index) {
                continue;
            }
            let base = index * RECORD;
            let (from, to) = (offset.max(base) - base, end.min(base + RECORD) - base);
            let mut plain = self.read_record(index)?;
            let to = plain.len().min(to as usize);
            if let Some(zeros) = plain.get_mut(from as usize..to) {
                zeros.fill(0);
                self.rewrite(&mut layout, index, &plain)?;
            }
        }
        if !inner.is_empty() {
            self.empty(&layout, &inner)?;
            layout.stored.remove(inner.start, inner.end);
        }
        Ok(())
    }

    /// Makes the slots of records read as never written.
    fn empty(&self, layout: &Layout, records: &std::ops::Range<u64>) -> Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let (at, len) = (slot_at(records.start), (records.end - records.start) * SLOT);
        match rustix::fs::fallocate(&self.file, flags, at, len) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                let stored = records
                    .clone()
                    .filter(|index| layout.stored.contains(*index));
                for index in stored {
                    let written = self.file.write_all_at(&[0; HEAD_BYTES], slot_at(index));
                    written.map_err(|error| io(error, "punch hole"))?;
                }
                Ok(())
            }
            Err(errno) => Err(io(errno, "punch hole")),
        }
    }

    /// The next stored range at or after `offset`.
    pub(super) fn next_data(&self, offset: u64) -> Option<(u64, u64)> {
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
        let mut buffer = vec![0; 64 * RECORD_BYTES];
        let (mut at, length) = (0, self.length());
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

    /// Completes the blob: writes the map.
    pub(super) fn complete(&self) -> Result<()> {
        let layout = self.layout.write();
        let mut plain = layout.length.to_le_bytes().to_vec();
        for (start, end) in layout.stored.iter() {
            plain.extend_from_slice(&start.to_le_bytes());
            plain.extend_from_slice(&end.to_le_bytes());
        }
        let at = layout.stored.last().map_or(BASE, |last| slot_at(last + 1));
        let mut out = Vec::with_capacity(plain.len() + HEAD_BYTES + TAG_BYTES + 8);
        self.seal_piece(Piece::Map, &plain, &mut out)?;
        out.extend_from_slice(&at.to_le_bytes());
        // Behind the last record may lie what was emptied; the map is the end.
        self.file
            .set_len(at)
            .and_then(|()| self.file.write_all_at(&out, at))
            .map_err(|error| io(error, "seal blob"))
    }

    /// The map at the end of the file, and where it begins; `None`: there is none.
    fn read_map(&self) -> Result<Option<(Layout, u64)>> {
        let length = self.raw_length()?;
        let mut footer = [0; 8];
        let Some(end) = length.checked_sub(8) else {
            return Ok(None);
        };
        if self.raw(&mut footer, end)? < footer.len() {
            return Ok(None);
        }
        let at = u64::from_le_bytes(footer);
        let Some(size) = end.checked_sub(at).filter(|size| *size <= MAP_BYTES_MAX) else {
            return Ok(None);
        };
        let mut sealed = vec![0; size as usize];
        let got = self.raw(&mut sealed, at)?;
        sealed.truncate(got);
        let mut plain = Vec::new();
        if !self.open_piece(Piece::Map, &sealed, &mut plain)? {
            return Ok(None);
        }
        let numbers: Vec<u64> = plain
            .chunks_exact(8)
            .filter_map(|bytes| bytes.try_into().ok().map(u64::from_le_bytes))
            .collect();
        let Some((length, runs)) = numbers.split_first() else {
            return Ok(None);
        };
        let mut stored = Runs::default();
        for run in runs.chunks_exact(2) {
            if let [start, end] = run {
                stored.insert(*start, *end);
            }
        }
        let layout = Layout {
            stored,
            length: *length,
            spare: false,
        };
        Ok(Some((layout, at)))
    }

    /// Which slots hold something, in a file without a map.
    fn find_records(&self) -> Result<Runs> {
        let mut stored = Runs::default();
        let length = self.raw_length()?;
        let mut at = BASE;
        while at < length {
            let data = match rustix::fs::seek(&self.file, SeekFrom::Data(at)) {
                Ok(data) => data,
                Err(Errno::NXIO) => break,
                Err(Errno::INVAL) => at,
                Err(errno) => return Err(io(errno, "open blob")),
            };
            let index = (data.max(BASE) - BASE) / SLOT;
            let mut head = [0; HEAD_BYTES];
            self.raw(&mut head, slot_at(index))?;
            if head != [0; HEAD_BYTES] {
                stored.insert(index, index + 1);
            }
            at = slot_at(index + 1);
        }
        Ok(stored)
    }
}
