//! A vault or index too damaged for SQLite, read page by page and row by row.
//!
//! | module | what it owns |
//! |---|---|
//! | `pages` | pages of file and log, decrypted and authenticated |
//! | `btree` | the cells of a page |
//! | `foreign` | whether the log beside it is of this database |
//! | `row` | which table a row is of, and whether it is what was written |
//!
//! No way through the tree is needed: an SQLite database with `auto_vacuum` notes for each page what it is for, so pages in use are known from freed ones,
//! whose rows are old. Where that note is damaged, a page counts that a page in use leads to; what is left is taken where nothing else is there, and said
//! to be doubtful.

mod btree;
mod foreign;
mod pages;
mod row;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use fs_core::maintenance::{Damage, DamageKind};
use fs_core::{Control, Result};

use super::schema::{ChunkSum, Format};
use crate::salvage::found::Found;
use crate::virtual_fs::Inode;
use btree::{Cell, PageKind, TreePage};
pub(super) use pages::is_plain_behind;
use pages::{Pages, Use, use_at};
pub(crate) use row::BlobRow;
use row::{MetaValue, Row};

/// Where a row lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    page: u32,
    cell: usize,
}

/// A piece of content that was found.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    place: Place,
    length: u64,
    doubtful: bool,
}

/// What a damaged database still tells.
pub(crate) struct Wreck {
    pages: Pages,
    /// Do its rows have sums?
    sums: bool,
    pub(crate) found: Found,
    pub(crate) damages: Vec<Damage>,
    meta: HashMap<String, MetaValue>,
    /// By number of the row.
    chunks: BTreeMap<i64, Chunk>,
    /// Stored bytes of each content.
    stored: HashMap<u64, u64>,
    /// Contents that no node named any more.
    pub(crate) released: HashSet<u64>,
    pub(crate) blobs: HashMap<u64, BlobRow>,
    /// Exclusive or of the sums of names and of attributes, by folder and by node.
    names: HashMap<Inode, i64>,
    attrs: HashMap<Inode, i64>,
    /// What each node says these must be.
    told: HashMap<Inode, (i64, i64)>,
    /// Pages that could not be read.
    pub(crate) lost_pages: u64,
}

/// A finding about the whole database.
pub(crate) fn damage(kind: DamageKind, detail: impl Into<String>) -> Damage {
    Damage {
        kind,
        path: None,
        detail: detail.into(),
        repair: None,
    }
}

impl Wreck {
    /// Reads every page of the database at `path`. Errors: those of [`Pages::open`], `Cancelled`.
    pub(crate) fn read(
        path: &Path,
        format: Format,
        password: Option<&str>,
        control: &Control,
    ) -> Result<Self> {
        let mut pages = Pages::open(path, password)?;
        let log = foreign::leave_out(&mut pages);
        let mut wreck = Self {
            sums: false,
            pages,
            found: Found::default(),
            damages: Vec::new(),
            meta: HashMap::new(),
            chunks: BTreeMap::new(),
            stored: HashMap::new(),
            released: HashSet::new(),
            blobs: HashMap::new(),
            names: HashMap::new(),
            attrs: HashMap::new(),
            told: HashMap::new(),
            lost_pages: 0,
        };
        wreck.damages.extend(log);
        wreck.header(format);
        wreck.collect(control)?;
        wreck.compare();
        Ok(wreck)
    }

    fn note(&mut self, kind: DamageKind, detail: impl Into<String>) {
        self.damages.push(damage(kind, detail));
    }

    /// What the first page says the file is.
    fn header(&mut self, format: Format) {
        let first = self.pages.read(1);
        let number = |at: usize| {
            let bytes = first.as_ref()?.get(at..at + 4)?.try_into().ok()?;
            Some(i64::from(u32::from_be_bytes(bytes)))
        };
        let (version, application) = (number(60), number(68));
        let is_header = first
            .as_ref()
            .is_some_and(|page| page.starts_with(super::key::PLAIN_HEADER));
        if !is_header {
            self.note(
                DamageKind::Database,
                "the header of the database is not what was written",
            );
        } else if application != Some(format.application_id()) {
            let detail = format!("the header does not say that it is a {}", format.name());
            self.note(DamageKind::Database, detail);
        }
        // Older rows are told by their shape.
        let old = is_header
            && version.is_some_and(|version| (1..super::schema::WITH_SUMS).contains(&version));
        self.sums = !self.pages.is_encrypted() && !old;
    }

    fn collect(&mut self, control: &Control) -> Result<()> {
        let mut notes: (u32, Option<Vec<u8>>) = (0, None);
        let mut led_to: HashSet<u32> = HashSet::from([1]);
        let mut unsure = Vec::new();
        for number in self.pages.numbers() {
            control.check()?;
            control.add_bytes(self.pages.page_bytes() as u64);
            let Some((of, at)) = self.pages.note_of(number) else {
                if number == 1 {
                    self.page(number, false, &mut led_to);
                } else {
                    notes = (number, self.pages.read(number));
                    if notes.1.is_none() {
                        self.lose(number);
                    }
                }
                continue;
            };
            let notes = notes.1.as_deref().filter(|_| notes.0 == of);
            match use_at(notes, at) {
                Use::Tree => self.page(number, false, &mut led_to),
                // What is on it is wanted by nobody, or when the row is read that it is part of.
                Use::Free => {}
                Use::Overflow => {
                    if self.pages.read(number).is_none() {
                        self.lose(number);
                    }
                }
                Use::Unknown => unsure.push(number),
            }
        }
        // Without the note: what pages in use lead to, and what those lead to.
        loop {
            let before = unsure.len();
            let mut left = Vec::new();
            for number in std::mem::take(&mut unsure) {
                control.check()?;
                match led_to.contains(&number) {
                    true => self.page(number, false, &mut led_to),
                    false => left.push(number),
                }
            }
            unsure = left;
            if unsure.len() == before {
                break;
            }
        }
        for number in unsure {
            control.check()?;
            self.page(number, true, &mut HashSet::new());
        }
        Ok(())
    }

    fn lose(&mut self, number: u32) {
        if self.pages.is_no_page(number) {
            return;
        }
        self.lost_pages += 1;
        self.note(
            DamageKind::Page,
            format!("page {number} of the database is not what was written"),
        );
    }

    /// Takes the rows of a page. One that is `doubtful` may be no page of a tree at all.
    fn page(&mut self, number: u32, doubtful: bool, led_to: &mut HashSet<u32>) {
        let Some(page) = self.pages.read(number) else {
            self.lose(number);
            return;
        };
        let Some(tree) = TreePage::parse(&page, number, self.pages.usable()) else {
            if !doubtful {
                self.lose(number);
            }
            return;
        };
        led_to.extend(&tree.children);
        for (at, cell) in tree.cells.iter().enumerate() {
            let place = Place {
                page: number,
                cell: at,
            };
            match self.row_of(tree.kind, cell) {
                Ok(row) => self.take(row, place, doubtful, led_to),
                Err(error) if !doubtful => {
                    let what = error.detail().unwrap_or("a row can't be read").to_owned();
                    self.note(DamageKind::Record, format!("page {number}: {what}"));
                }
                Err(_) => {}
            }
        }
    }

    fn row_of(&self, kind: PageKind, cell: &Cell<'_>) -> Result<Row> {
        if let Some(row) = row::row(kind, cell.rowid, cell.local(), self.sums)? {
            return Ok(row);
        }
        let gone = || super::error::corrupted("read", "a long row is not whole");
        let payload = cell.payload(&self.pages).ok_or_else(gone)?;
        row::row(kind, cell.rowid, &payload, self.sums)?.ok_or_else(gone)
    }

    fn take(&mut self, row: Row, place: Place, doubtful: bool, led_to: &mut HashSet<u32>) {
        let found = &mut self.found;
        match row {
            Row::Meta(key, value) => {
                self.meta.entry(key).or_insert(value);
            }
            Row::Node(ino, record, told) => {
                match found.nodes.get(&ino) {
                    // The same row twice is no page of ours; the first stays, and what it says is not believed.
                    Some(known) if *known != record && !doubtful => {
                        found.doubtful.insert(ino);
                    }
                    Some(_) => {}
                    None => {
                        found.nodes.insert(ino, record);
                        self.told.extend(told.map(|told| (ino, told)));
                        if doubtful {
                            found.doubtful.insert(ino);
                        }
                    }
                }
            }
            Row::Name(parent, name, ino, kind, sum) => {
                let names = found.names.entry(parent).or_default();
                if let std::collections::btree_map::Entry::Vacant(entry) = names.entry(name) {
                    entry.insert((ino, kind));
                    *self.names.entry(parent).or_default() ^= sum;
                    if doubtful {
                        found.doubtful.insert(parent);
                    }
                }
            }
            Row::Xattr(ino, name, value, sum) => {
                let attrs = found.xattrs.entry(ino).or_default();
                if !attrs.iter().any(|(known, _)| *known == name) {
                    attrs.push((name, value));
                    *self.attrs.entry(ino).or_default() ^= sum;
                }
            }
            Row::Nameless(ino) if !doubtful => {
                found.nameless.insert(ino);
            }
            Row::Trash(ino, original) if !doubtful => found.trash.push((ino, original)),
            Row::Content(id, refs, stored) if !doubtful => {
                self.stored.insert(id, stored);
                if refs == 0 {
                    self.released.insert(id);
                }
            }
            Row::Blob(content, blob) => {
                self.blobs.entry(content).or_insert(blob);
            }
            Row::Chunk(id, length) => {
                self.chunks.entry(id).or_insert(Chunk {
                    place,
                    length,
                    doubtful,
                });
            }
            Row::Root(page) => {
                led_to.insert(page);
            }
            Row::Nameless(_) | Row::Trash(..) | Row::Content(..) | Row::Other => {}
        }
    }

    /// Compares what was found with what the nodes say there must be.
    fn compare(&mut self) {
        for (ino, (names, attrs)) in std::mem::take(&mut self.told) {
            let seen = self.names.get(&ino).copied().unwrap_or(0);
            if names != seen {
                self.found.lacks_names.insert(ino);
            } else if seen != 0 {
                // Its names are proven to be those it has, wherever they lay.
                self.found.doubtful.remove(&ino);
            }
            if attrs != self.attrs.get(&ino).copied().unwrap_or(0) {
                self.found.lacks_attrs.insert(ino);
            }
        }
    }

    /// What the database says of itself in bytes.
    pub(crate) fn meta_bytes(&self, key: &str) -> Option<&[u8]> {
        match self.meta.get(key)? {
            MetaValue::Bytes(bytes) => Some(bytes),
            MetaValue::Number(_) => None,
        }
    }

    /// What the database says of itself as a number.
    pub(crate) fn meta_number(&self, key: &str) -> Option<i64> {
        match self.meta.get(key)? {
            MetaValue::Number(number) => Some(*number),
            MetaValue::Bytes(_) => None,
        }
    }

    /// Is it encrypted?
    pub(crate) fn is_encrypted(&self) -> bool {
        self.pages.is_encrypted()
    }

    /// Size of a page.
    pub(crate) fn page_bytes(&self) -> usize {
        self.pages.page_bytes()
    }

    /// Stored bytes of a content, as its record says.
    pub(crate) fn stored_bytes(&self, content: u64) -> Option<u64> {
        self.stored.get(&content).copied()
    }

    /// The numbers and lengths of the pieces of contents whose rows are numbered from `first` to `last`.
    pub(crate) fn chunks(&self, first: i64, last: i64) -> impl Iterator<Item = (i64, u64, bool)> {
        self.chunks
            .range(first..=last)
            .map(|(id, chunk)| (*id, chunk.length, chunk.doubtful))
    }

    /// The number of the first piece from `row` on.
    pub(crate) fn first_chunk(&self, row: i64) -> Option<i64> {
        let (id, _) = self.chunks.range(row..).next()?;
        Some(*id)
    }

    /// The stored sum and the bytes of a piece; `None`: a page of it is not what was written.
    pub(crate) fn chunk(&self, id: i64) -> Option<(i64, Vec<u8>)> {
        let Place { page, cell } = self.chunks.get(&id)?.place;
        let bytes = self.pages.read(page)?;
        let tree = TreePage::parse(&bytes, page, self.pages.usable())?;
        let payload = tree.cells.get(cell)?.payload(&self.pages)?;
        row::chunk(&payload)
    }

    /// How pieces of content are summed; of a description that is gone, both ways there are.
    pub(crate) fn chunk_sums(&self) -> Vec<ChunkSum> {
        let named = self.meta_bytes("chunk_sum").map(String::from_utf8_lossy);
        match named.and_then(|name| ChunkSum::of_name(&name)) {
            Some(sum) => vec![sum],
            None => vec![ChunkSum::Xxh3, ChunkSum::Blake3],
        }
    }

    /// The finding for each table of which nothing was found.
    pub(crate) fn missing_tables(&mut self, format: Format) {
        let found = &self.found;
        let content = match format {
            Format::Vault => ("chunk", self.chunks.is_empty() && !self.stored.is_empty()),
            Format::Index => ("blob", self.blobs.is_empty() && !self.stored.is_empty()),
        };
        let tables = [
            ("meta", self.meta.is_empty()),
            ("node", found.nodes.is_empty()),
            ("dentry", found.names.is_empty() && found.nodes.len() > 1),
            content,
        ];
        for (table, is_missing) in tables {
            if is_missing {
                let detail = format!("nothing of the table {table} is left");
                self.note(DamageKind::Database, detail);
            }
        }
    }
}
