//! Opening a blob's file: one that is complete, one that a kill left in the middle, one of which anything may be damaged.

use std::fs::File;

use fs_core::Result;
use rustix::fs::SeekFrom;
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{
    BASE, HEAD_BYTES, Layout, Piece, RECORD, RecordFile, SLOT, SLOT_BYTES, StoreKey, TAG_BYTES, io,
    slot_at,
};
use crate::indexed::name::BlobName;
use crate::indexed::runs::Runs;
use std::os::unix::fs::FileExt as _;

impl RecordFile {
    /// A complete blob. `Corrupted`: its map is missing or changed.
    pub(in super::super) fn open_sealed(
        file: File,
        name: &BlobName,
        key: &StoreKey,
    ) -> Result<Self> {
        let blob = Self::create(file, name, key);
        let Some((layout, _)) = blob.read_map()? else {
            return Err(blob.wrong("its end is not what was written"));
        };
        *blob.layout.write() = layout;
        Ok(blob)
    }

    /// A blob that was still written to when the program ended: the index knew of `known_bytes` of it. Puts a record that a kill tore right again.
    pub(in super::super) fn open_unsealed(
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

    /// A blob of which anything may be damaged, only to read; and whether it has its map, without which it is not known what is missing.
    pub(in super::super) fn open_damaged(
        file: File,
        name: &BlobName,
        key: &StoreKey,
    ) -> Result<(Self, bool)> {
        let blob = Self::create(file, name, key);
        let map = blob.read_map()?;
        let has_map = map.is_some();
        let layout = match map {
            Some((layout, _)) => layout,
            None => {
                let stored = blob.find_records()?;
                let length = stored.last().map_or(0, |last| (last + 1) * RECORD);
                Layout {
                    stored,
                    length,
                    spare: false,
                }
            }
        };
        *blob.layout.write() = layout;
        Ok((blob, has_map))
    }

    /// What the spare slot holds: a whole record, and its number.
    pub(super) fn spare(&self) -> Result<Option<(u64, Vec<u8>)>> {
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
    pub(super) fn restore(&self, index: u64) -> Result<bool> {
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

    /// Which slots hold something, in a file without a map.
    pub(super) fn find_records(&self) -> Result<Runs> {
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
