//! The map at the end of a complete blob: its length, and which records there are.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use fs_core::Result;

use super::{
    BASE, HEAD_BYTES, Layout, MAP_BYTES_MAX, Piece, RECORD, RecordFile, SLOT, TAG_BYTES, io,
    slot_at,
};
use crate::indexed::runs::Runs;

impl RecordFile {
    /// Completes the blob: writes the map.
    pub(in super::super) fn complete(&self) -> Result<()> {
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
    pub(super) fn read_map(&self) -> Result<Option<(Layout, u64)>> {
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
}

/// Bytes of content that fit into a file of so many, whatever its map.
pub(in super::super) fn content_that_fits(file_bytes: u64) -> u64 {
    let around = BASE + MAP_BYTES_MAX + (HEAD_BYTES + TAG_BYTES + 8) as u64;
    file_bytes.saturating_sub(around) / SLOT * RECORD
}

/// Does this file end as a complete encrypted blob does? Asked where nothing else tells.
pub(in super::super) fn ends_in_map(file: &File) -> bool {
    let Ok(metadata) = file.metadata() else {
        return false;
    };
    let mut footer = [0; 8];
    let Some(end) = metadata.len().checked_sub(8) else {
        return false;
    };
    if file.read_exact_at(&mut footer, end).is_err() {
        return false;
    }
    let at = u64::from_le_bytes(footer);
    (BASE..end).contains(&at) && (at - BASE).is_multiple_of(SLOT)
}
