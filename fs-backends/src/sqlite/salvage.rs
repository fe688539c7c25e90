//! The contents of a vault too damaged to open.

use std::path::Path;

use fs_core::{Control, Result};

use super::layout::{INDEX_MAX, Layout, rows};
use super::open::{CIPHER_PAGE_OVERHEAD_BYTES, PLAIN_CHUNK_BYTES};
use crate::catalog::{Format, Wreck};
use crate::salvage::Read;
use crate::salvage::found::{FoundContent, Piece};
use crate::virtual_fs::{Inode, NodeRecord};

/// Reads what there is of the vault at `path`. Errors: those of [`Wreck::read`].
pub(crate) fn read(path: &Path, password: Option<&str>, control: &Control) -> Result<Read> {
    let mut wreck = Wreck::read(path, Format::Vault, password, control)?;
    wreck.missing_tables(Format::Vault);
    let known = wreck.meta_number("chunk_bytes").and_then(|bytes| {
        let bytes = u32::try_from(bytes).ok()?;
        (512..=1 << 20).contains(&bytes).then_some(bytes)
    });
    let chunk_bytes = known.unwrap_or(match wreck.is_encrypted() {
        true => u32::try_from(wreck.page_bytes()).unwrap_or(0) - CIPHER_PAGE_OVERHEAD_BYTES,
        false => PLAIN_CHUNK_BYTES,
    });
    let sums = match wreck.is_encrypted() {
        true => vec![None],
        false => wreck.chunk_sums().into_iter().map(Some).collect(),
    };
    let layouts = sums.into_iter().map(|sum| Layout { chunk_bytes, sum });
    let found = std::mem::take(&mut wreck.found);
    let damages = std::mem::take(&mut wreck.damages);
    let content = Chunks {
        layouts: layouts.collect(),
        wreck,
    };
    Ok(Read {
        found,
        damages,
        content: Box::new(content),
    })
}

struct Chunks {
    wreck: Wreck,
    /// How pieces may be cut and summed.
    layouts: Vec<Layout>,
}

impl FoundContent for Chunks {
    fn pieces(
        &self,
        _ino: Inode,
        node: &NodeRecord,
        control: &Control,
        each: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        if node.content.is_empty() {
            return Ok(());
        }
        let Some(layout) = self.layouts.first() else {
            return Ok(());
        };
        let Ok((first, last)) = rows(node.content, &(0..=INDEX_MAX)) else {
            return each(Piece::Lost(0, node.size));
        };
        let found = || self.wreck.chunks(first, last);
        let bytes: u64 = found().map(|(_, length, _)| length).sum();
        // With all that was stored there is nothing missing between the pieces but zeros.
        let has_all = self.wreck.stored_bytes(node.content.0) == Some(bytes);
        let gap = |from: u64, to: u64, each: &mut dyn FnMut(Piece<'_>) -> Result<()>| match from
            < to
            && !has_all
        {
            true => each(Piece::Lost(from, to)),
            false => Ok(()),
        };
        let mut end = 0;
        for (id, _, doubtful) in found() {
            control.check()?;
            let start = u64::try_from(id - first).unwrap_or(0) * u64::from(layout.chunk_bytes);
            if start >= node.size {
                break;
            }
            gap(end, start, each)?;
            end = (start + u64::from(layout.chunk_bytes)).min(node.size);
            let right = |(sum, data): &(i64, Vec<u8>)| {
                data.len() <= layout.chunk_bytes as usize
                    && self
                        .layouts
                        .iter()
                        .any(|layout| layout.sum.is_none() || layout.checksum(id, data) == *sum)
            };
            match self.wreck.chunk(id).filter(right) {
                Some((_, data)) => {
                    let wanted = (data.len() as u64).min(end - start) as usize;
                    let bytes = data.get(..wanted).unwrap_or_default();
                    control.add_bytes(bytes.len() as u64);
                    each(match doubtful {
                        true => Piece::Unproven(start, bytes),
                        false => Piece::Bytes(start, bytes),
                    })?;
                }
                None => each(Piece::Lost(start, end))?,
            }
        }
        gap(end, node.size, each)
    }
}
