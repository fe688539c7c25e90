//! The contents of a vault too damaged to open.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fs_core::maintenance::DamageKind;
use fs_core::{Control, Result, Time};

use super::layout::{INDEX_MAX, Layout, content_of, rows};
use super::open::chunk_bytes;
use crate::catalog::{Format, PLAIN_PAGE_BYTES, Wreck, damage};
use crate::salvage::Read;
use crate::salvage::found::{FIRST_STRAY, Found, FoundContent, Piece, Stray, gap};
use crate::virtual_fs::{Inode, NodeRecord};

/// Bytes of content in a row of the first plain vaults.
const OLD_CHUNK_BYTES: u32 = 64 << 10;

/// Reads what there is of the vault at `path`. Errors: those of [`Wreck::read`].
pub(crate) fn read(path: &Path, password: Option<&str>, control: &Control) -> Result<Read> {
    let mut wreck = Wreck::read(path, Format::Vault, password, control)?;
    wreck.missing_tables(Format::Vault);
    let known = wreck.meta_number("chunk_bytes").and_then(|bytes| {
        let bytes = u32::try_from(bytes).ok()?;
        (512..=1 << 20).contains(&bytes).then_some(bytes)
    });
    let chunk_bytes = known.unwrap_or_else(|| likely_chunk_bytes(&wreck));
    let sums = match wreck.is_encrypted() {
        true => vec![None],
        false => wreck.chunk_sums().into_iter().map(Some).collect(),
    };
    let layouts = sums.into_iter().map(|sum| Layout { chunk_bytes, sum });
    let mut found = std::mem::take(&mut wreck.found);
    let mut damages = std::mem::take(&mut wreck.damages);
    let content = Chunks {
        layouts: layouts.collect(),
        wreck,
    };
    // Content that nothing names is of files only where rows are lost.
    if !damages.is_empty() {
        let strays = content.find_strays(path, chunk_bytes, &mut found);
        if strays > 0 {
            let detail = format!("the bytes of {strays} files belong to no file that is left");
            damages.push(damage(DamageKind::Unreachable, detail));
        }
    }
    Ok(Read {
        found,
        damages,
        content: Box::new(content),
        moments: Vec::new(),
    })
}

/// Into what pieces content was cut, where the vault does not say it any more.
fn likely_chunk_bytes(wreck: &Wreck) -> u32 {
    if wreck.is_encrypted() {
        return chunk_bytes(u32::try_from(wreck.page_bytes()).unwrap_or(0));
    }
    let usual = chunk_bytes(PLAIN_PAGE_BYTES);
    let longest = wreck.chunks(0, i64::MAX).map(|(_, length, _)| length).max();
    match longest.is_some_and(|length| length > u64::from(usual)) {
        true => OLD_CHUNK_BYTES,
        false => usual,
    }
}

struct Chunks {
    wreck: Wreck,
    /// How pieces may be cut and summed.
    layouts: Vec<Layout>,
}

impl Chunks {
    /// Makes a file without a name of each content that no node names; answers how many.
    fn find_strays(&self, path: &Path, chunk_bytes: u32, found: &mut Found) -> u64 {
        let used: HashSet<u64> = found.nodes.values().map(|node| node.content.0).collect();
        let vault = std::fs::metadata(path).ok();
        let time = vault
            .as_ref()
            .map_or_else(Time::now, |vault| Time::from_parts(vault.mtime(), 0));
        let (uid, gid) = vault.map_or((0, 0), |vault| (vault.uid(), vault.gid()));
        let (mut strays, mut next) = (0, Some(0));
        while let Some(row) = next.and_then(|row| self.wreck.first_chunk(row)) {
            let content = content_of(row);
            let Ok((first, last)) = rows(content, &(0..=INDEX_MAX)) else {
                break;
            };
            next = last.checked_add(1);
            if used.contains(&content.0) || self.wreck.released.contains(&content.0) {
                continue;
            }
            let mut end = 0;
            for (id, length, _) in self.wreck.chunks(first, last) {
                end = u64::try_from(id - first).unwrap_or(0) * u64::from(chunk_bytes) + length;
            }
            // What is missing lies between the pieces, or behind them.
            let stored = self.wreck.stored_bytes(content.0).unwrap_or(0);
            let stray = Stray {
                label: format!("content {}", content.0).into(),
                content,
                size_bytes: end.max(stored),
                uid,
                gid,
                time,
            };
            found.add_stray(FIRST_STRAY + strays, stray);
            strays += 1;
        }
        strays
    }
}

impl FoundContent for Chunks {
    fn pieces(
        &self,
        ino: Inode,
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
        let stored = self.wreck.stored_bytes(node.content.0);
        let has_all = stored == Some(bytes);
        // Neither a node nor a record tells how long it was.
        let has_end = ino < FIRST_STRAY || stored.is_some();
        let mut end = 0;
        for (id, _, doubtful) in found() {
            control.check()?;
            let start = u64::try_from(id - first).unwrap_or(0) * u64::from(layout.chunk_bytes);
            if start >= node.size {
                break;
            }
            gap((end, start), has_all, each)?;
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
                    each(match doubtful || !has_end {
                        true => Piece::Unproven(start, bytes),
                        false => Piece::Bytes(start, bytes),
                    })?;
                }
                None => each(Piece::Lost(start, end))?,
            }
        }
        gap((end, node.size), has_all, each)
    }
}
