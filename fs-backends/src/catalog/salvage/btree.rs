//! The cells of a page of a B-tree, believing nothing (<https://www.sqlite.org/fileformat2.html>, 1.6).

use super::pages::Pages;

/// No payload of ours is longer: a row holds a chunk, an attribute or the blocks of a blob.
const PAYLOAD_BYTES_MAX: u64 = 64 << 20;
const PAGE_HEADER_BYTES: usize = 100;

/// What kind of page it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    /// Rows of a table, by number.
    TableLeaf,
    /// Only the way to them.
    TableInterior,
    /// Rows of an index, or of a table without numbers.
    IndexLeaf,
    /// Such rows, and the way to others.
    IndexInterior,
}

/// A page of a B-tree, parsed.
pub(super) struct TreePage<'a> {
    pub(super) kind: PageKind,
    /// Pages below it.
    pub(super) children: Vec<u32>,
    pub(super) cells: Vec<Cell<'a>>,
}

/// A row, as far as it lies on its page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'a> {
    /// Its number (a table with numbers; otherwise 0).
    pub(super) rowid: i64,
    length: usize,
    local: &'a [u8],
    overflow: u32,
}

fn short(page: &[u8], at: usize) -> Option<usize> {
    let bytes = page.get(at..at + 2)?.try_into().ok()?;
    Some(usize::from(u16::from_be_bytes(bytes)))
}

fn long(page: &[u8], at: usize) -> Option<u32> {
    let bytes = page.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}

/// A number of variable length at the start of `bytes`, and how long it is.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for at in 0..8 {
        let byte = *bytes.get(at)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, at + 1));
        }
    }
    Some((value << 8 | u64::from(*bytes.get(8)?), 9))
}

impl<'a> TreePage<'a> {
    /// Parses page `number`; `None`: it is none, or does not hold together.
    pub(super) fn parse(page: &'a [u8], number: u32, usable: usize) -> Option<Self> {
        let start = if number == 1 { PAGE_HEADER_BYTES } else { 0 };
        let kind = match page.get(start)? {
            2 => PageKind::IndexInterior,
            5 => PageKind::TableInterior,
            10 => PageKind::IndexLeaf,
            13 => PageKind::TableLeaf,
            _ => return None,
        };
        let interior = matches!(kind, PageKind::IndexInterior | PageKind::TableInterior);
        let pointers = start + if interior { 12 } else { 8 };
        let count = short(page, start + 3)?;
        if pointers + 2 * count > usable {
            return None;
        }
        let mut tree = Self {
            kind,
            children: Vec::new(),
            cells: Vec::with_capacity(count),
        };
        for at in 0..count {
            let offset = short(page, pointers + 2 * at)?;
            if offset < pointers + 2 * count {
                return None;
            }
            let mut cell = page.get(offset..usable)?;
            if interior {
                tree.children.push(long(cell, 0)?);
                cell = cell.get(4..)?;
            }
            if kind == PageKind::TableInterior {
                varint(cell)?;
                continue;
            }
            tree.cells.push(Cell::parse(cell, kind, usable)?);
        }
        if interior {
            tree.children.push(long(page, start + 8)?);
        }
        Some(tree)
    }
}

impl<'a> Cell<'a> {
    fn parse(cell: &'a [u8], kind: PageKind, usable: usize) -> Option<Self> {
        let (length, read) = varint(cell)?;
        let mut rest = cell.get(read..)?;
        let mut rowid = 0;
        if kind == PageKind::TableLeaf {
            let (number, read) = varint(rest)?;
            rowid = number.cast_signed();
            rest = rest.get(read..)?;
        }
        if length > PAYLOAD_BYTES_MAX {
            return None;
        }
        let length = length as usize;
        let most = match kind {
            PageKind::TableLeaf => usable - 35,
            _ => (usable - 12) * 64 / 255 - 23,
        };
        let least = (usable - 12) * 32 / 255 - 23;
        if length <= most {
            let local = rest.get(..length)?;
            return Some(Self {
                rowid,
                length,
                local,
                overflow: 0,
            });
        }
        let fitting = least + (length - least) % (usable - 4);
        let local = if fitting <= most { fitting } else { least };
        Some(Self {
            rowid,
            length,
            local: rest.get(..local)?,
            overflow: long(rest, local)?,
        })
    }

    /// The part of the row that lies on its page.
    pub(super) fn local(&self) -> &'a [u8] {
        self.local
    }

    /// The whole row, with what lies on other pages; `None`: one of them is not what was written.
    pub(super) fn payload(&self, pages: &Pages) -> Option<Vec<u8>> {
        let mut payload = Vec::with_capacity(self.length);
        payload.extend_from_slice(self.local);
        let mut next = self.overflow;
        // Each page adds something, so a circle ends too.
        while payload.len() < self.length {
            let page = pages.read(next)?;
            let wanted = (self.length - payload.len()).min(pages.usable() - 4);
            payload.extend_from_slice(page.get(4..4 + wanted)?);
            next = long(&page, 0)?;
        }
        Some(payload)
    }
}
