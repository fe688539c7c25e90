//! Changing a blob that is not complete: what is written over goes to the spare slot first.

use std::os::unix::fs::FileExt as _;

use fs_core::{Error, Result};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::order::Order;
use super::{
    BASE, BATCH, HEAD_BYTES, Layout, Piece, RECORD, RECORD_BYTES, RecordFile, SLOT, SLOT_BYTES,
    TAG_BYTES, io, parts, slot_at,
};

impl RecordFile {
    /// Writes a record over itself.
    pub(super) fn rewrite(&self, layout: &mut Layout, index: u64, plain: &[u8]) -> Result<()> {
        let mut out = Vec::with_capacity(8 + SLOT_BYTES);
        out.extend_from_slice(&index.to_le_bytes());
        self.seal_piece(Piece::Record(index), plain, &mut out)?;
        let fail = |error| io(error, "write blob");
        let mut order = self.order.lock();
        self.settle(&mut order)?;
        layout.spare = true;
        self.file.write_all_at(&out, 0).map_err(fail)?;
        if order.place_waits(index) {
            self.make_durable(&mut order)?;
        }
        order.place_written(index);
        let sealed = out.get(8..).unwrap_or_default();
        self.file.write_all_at(sealed, slot_at(index)).map_err(fail)
    }

    /// Makes durable what the spare slot still stands for.
    fn settle(&self, order: &mut Order) -> Result<()> {
        match order.spare_waits() {
            true => self.make_durable(order),
            false => Ok(()),
        }
    }

    fn make_durable(&self, order: &mut Order) -> Result<()> {
        self.file
            .sync_data()
            .map_err(|error| io(error, "write blob"))?;
        order.is_durable();
        Ok(())
    }

    /// Empties the spare slot, so that it never puts back what was taken away on purpose.
    pub(super) fn clear_spare(&self, layout: &mut Layout) -> Result<()> {
        if layout.spare {
            self.settle(&mut self.order.lock())?;
            let written = self.file.write_all_at(&[0; 8 + HEAD_BYTES], 0);
            written.map_err(|error| io(error, "write blob"))?;
            layout.spare = false;
        }
        Ok(())
    }

    /// Writes all of `from`. What is new is written first: when there is no room, the old bytes are as they were.
    pub(in super::super) fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        let mut layout = self.layout.write();
        let old_end = self.raw_length()?;
        let mut over = Vec::new();
        let mut batch = Vec::new();
        let mut fresh: Option<std::ops::Range<u64>> = None;
        let mut all_fresh: Vec<std::ops::Range<u64>> = Vec::new();
        let mut write_fresh = |fresh: &mut Option<std::ops::Range<u64>>, batch: &mut Vec<u8>| {
            if let Some(range) = fresh.take() {
                self.order.lock().first_written(&range);
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
    pub(super) fn end_of(&self, layout: &Layout) -> Result<u64> {
        Ok(match layout.stored.last() {
            Some(last) => {
                let plain = self.read_record(last)?.len();
                slot_at(last) + (HEAD_BYTES + plain + TAG_BYTES) as u64
            }
            None => BASE.min(self.raw_length()?),
        })
    }

    /// Forgets everything from `len_bytes` on.
    pub(in super::super) fn truncate(&self, len_bytes: u64) -> Result<()> {
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
    pub(in super::super) fn punch(&self, offset: u64, len_bytes: u64) -> Result<()> {
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
    pub(super) fn empty(&self, layout: &Layout, records: &std::ops::Range<u64>) -> Result<()> {
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
}
