//! Reading a blob that another program may be writing just now: nothing is put right, and nothing that was seen before is taken for granted.

use std::fs::File;
use std::time::Duration;

use fs_core::Result;
use zeroize::Zeroizing;

use super::{BASE, HEAD_BYTES, Piece, RECORD, RecordFile, SLOT, StoreKey, parts, slot_at};
use crate::indexed::name::BlobName;

/// A record is looked at so often before it counts as damaged.
const LOOKS: u32 = 20;
/// A writer is done with a record sooner.
const PAUSE: Duration = Duration::from_millis(1);

impl RecordFile {
    /// One of which the index knows that it is not complete.
    pub(in super::super) fn open_beside(
        file: File,
        name: &BlobName,
        key: &StoreKey,
    ) -> Result<Self> {
        let mut blob = Self::create(file, name, key);
        blob.is_beside = true;
        blob.layout.write().length = blob.length_beside()?;
        Ok(blob)
    }

    /// No record lies behind this.
    fn length_beside(&self) -> Result<u64> {
        let slots = self.raw_length()?.saturating_sub(BASE).div_ceil(SLOT);
        Ok(slots * RECORD)
    }

    pub(super) fn read_at_beside(&self, into: &mut [u8], offset: u64) -> Result<()> {
        for part in parts(offset, into.len()) {
            let Some(into) = into.get_mut(part.at..part.at + part.len) else {
                break;
            };
            match self.is_empty_beside(part.index)? {
                true => into.fill(0),
                false => part.copy(&self.read_beside(part.index)?, into),
            }
        }
        Ok(())
    }

    pub(super) fn next_data_beside(&self, offset: u64) -> Option<(u64, u64)> {
        let end = self.length_beside().unwrap_or(u64::MAX);
        (offset < end).then_some((offset, end))
    }

    fn is_empty_beside(&self, index: u64) -> Result<bool> {
        let mut head = [0; HEAD_BYTES];
        self.raw(&mut head, slot_at(index))?;
        Ok(head == [0; HEAD_BYTES])
    }

    /// At any moment the record or its copy in the spare slot is whole; but between a look at one and at the other the writer may have gone on to the next.
    fn read_beside(&self, index: u64) -> Result<Zeroizing<Vec<u8>>> {
        for _ in 0..LOOKS {
            if let Ok(plain) = self.read_record(index) {
                return Ok(plain);
            }
            if let Some((of, sealed)) = self.spare()?
                && of == index
            {
                let mut plain = Zeroizing::new(Vec::new());
                if self.open_piece(Piece::Record(index), &sealed, &mut plain)? {
                    return Ok(plain);
                }
            }
            std::thread::sleep(PAUSE);
        }
        self.read_record(index)
    }
}
