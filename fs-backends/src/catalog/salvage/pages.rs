//! The pages of a database as they lie in its file and its log, without SQLite: one that is damaged keeps no other from being read.

use std::path::Path;

use fs_core::{Error, ErrorKind, Result};

use super::btree::TreePage;
use crate::catalog::holder;
use crate::catalog::key::{Authenticator, Key, PLAIN_HEADER, RESERVED_BYTES, SALT_BYTES};
use crate::catalog::lock::{FileLock, opening};
use crate::catalog::log::Committed;
use crate::live_files;

/// Sizes of pages that our databases are made with.
const PAGE_BYTES: [usize; 2] = [16_384, 4096];
/// Pages looked at to find out what the file is.
const SAMPLE: u32 = 64;
/// SQLite locks bytes from here on, so the page that holds them is never written.
const LOCK_BYTE: u64 = 1 << 30;

/// What a page is for, as the database keeps a note of (<https://www.sqlite.org/fileformat2.html>, 1.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Part of a B-tree.
    Tree,
    /// Nothing: what is on it is old.
    Free,
    /// The rest of a long row.
    Overflow,
    /// The note itself is not what was written.
    Unknown,
}

/// Is what lies behind the first page plain, of which nothing tells what it is? One page of noise in ten million holds together as one of a tree; two that
/// do are none.
pub(in crate::catalog) fn is_plain_behind(lock: &FileLock, bytes: u64) -> bool {
    PAGE_BYTES.into_iter().any(|page_bytes| {
        let count = u32::try_from(bytes / page_bytes as u64).unwrap_or(u32::MAX);
        let mut likely = (2..=count.min(SAMPLE)).filter(|&number| {
            let at = u64::from(number - 1) * page_bytes as u64;
            lock.read_at(at, page_bytes)
                .is_ok_and(|page| is_likely(&page, number))
        });
        likely.nth(1).is_some()
    })
}

/// Does it look like a page of a tree that holds rows?
fn is_likely(page: &[u8], number: u32) -> bool {
    let tree = TreePage::parse(page, number, page.len());
    tree.is_some_and(|tree| number == 1 || !tree.cells.is_empty())
}

/// The pages of a database nobody has open.
pub(crate) struct Pages {
    lock: FileLock,
    _live: live_files::Guard,
    log: Option<Committed>,
    cipher: Option<(Key, Authenticator)>,
    page_bytes: usize,
    count: u32,
    /// Pages without the log.
    in_file: u32,
}

impl Pages {
    /// Opens the file at `path`, whatever it is.
    ///
    /// Errors: `InUse`, `PasswordNeeded`, `WrongPassword` (or nothing of it is what was written), `UnknownFormat` (too short to hold anything).
    pub(crate) fn open(path: &Path, password: Option<&str>) -> Result<Self> {
        let fail = |error| Error::from_io(error, "open").with_path(path);
        let wrong = |kind, detail: &'static str| {
            Error::new(kind, "open").with_detail(detail).with_path(path)
        };
        let real = path.canonicalize().map_err(fail)?;
        let turn = opening();
        let lock = FileLock::acquire(&real, false, &turn).map_err(|error| error.with_path(path))?;
        if !lock.is_alone() {
            let held = Error::new(ErrorKind::InUse, "open").with_detail(holder::clause(&real));
            return Err(held.with_path(path));
        }
        let live = live_files::register(&real)?;
        drop(turn);
        let bytes = lock.len().map_err(fail)?;
        let header = lock.read_at(0, SALT_BYTES).map_err(fail)?;
        let Ok(salt) = <[u8; SALT_BYTES]>::try_from(header) else {
            return Err(wrong(ErrorKind::UnknownFormat, "the file is too short"));
        };
        let mut pages = Self {
            lock,
            _live: live,
            // What can't be read is left out.
            log: Committed::beside(&real).ok().flatten(),
            cipher: None,
            page_bytes: 0,
            count: 0,
            in_file: 0,
        };
        if let Some(page_bytes) = pages.plain_page_bytes(salt == *PLAIN_HEADER, bytes) {
            pages.set_size(page_bytes, bytes);
            return Ok(pages);
        }
        let Some(password) = password else {
            return Err(wrong(
                ErrorKind::PasswordNeeded,
                "encrypted, or no database at all",
            ));
        };
        let key = Key::derive(password, salt);
        let authenticator = key.authenticator();
        for page_bytes in PAGE_BYTES {
            pages.set_size(page_bytes, bytes);
            let in_log = pages.log.iter().flat_map(|log| log.numbers().take(64));
            let authenticates = (1..=pages.count.min(SAMPLE)).chain(in_log).any(|number| {
                let page = pages.raw(number);
                page.is_some_and(|page| authenticator.authenticates(&page, number))
            });
            if authenticates {
                pages.cipher = Some((key, authenticator));
                return Ok(pages);
            }
        }
        let detail = "or nothing of it is what was written";
        Err(wrong(ErrorKind::WrongPassword, detail))
    }

    fn set_size(&mut self, page_bytes: usize, bytes: u64) {
        self.page_bytes = page_bytes;
        let log = self.log.as_ref().filter(|log| log.page_bytes == page_bytes);
        let in_file = u32::try_from(bytes / page_bytes as u64).unwrap_or(u32::MAX - 1);
        self.count = log.map_or(in_file, |log| log.pages);
        self.in_file = in_file;
    }

    /// Page size of a plain database; `None`: it is not plain. What its header says counts for no more than what its pages look like.
    fn plain_page_bytes(&mut self, named: bool, bytes: u64) -> Option<usize> {
        let told = self.lock.read_at(16, 2).unwrap_or_default();
        let told = match told.as_slice() {
            [0, 1] => Some(65_536),
            &[high, low] => Some(usize::from(u16::from_be_bytes([high, low])))
                .filter(|size| size.is_power_of_two() && *size >= 512),
            _ => None,
        };
        let likely = |pages: &mut Self, page_bytes: usize| {
            pages.set_size(page_bytes, bytes);
            let sample = 1..=pages.count.min(SAMPLE);
            sample
                .filter(|&number| {
                    let page = pages.raw(number);
                    page.is_some_and(|page| is_likely(&page, number))
                })
                .count()
        };
        let sizes = told.filter(|_| named).into_iter().chain(PAGE_BYTES);
        let best = sizes
            .map(|size| (likely(self, size), size))
            .rev()
            .max_by_key(|(likely, _)| *likely);
        match best {
            Some((0, _)) | None => told.filter(|_| named),
            Some((_, size)) => Some(size),
        }
    }

    /// Is there a log whose pages were written with another key?
    pub(super) fn has_foreign_log(&self) -> bool {
        let (Some(log), Some((_, authenticator))) = (&self.log, &self.cipher) else {
            return false;
        };
        let ours = log.page_bytes == self.page_bytes
            && log.numbers().take(SAMPLE as usize).any(|number| {
                let page = log.page(number).ok().flatten();
                page.is_some_and(|page| authenticator.authenticates(&page, number))
            });
        !ours
    }

    /// The pages that the log has, if they are of the size of the others.
    pub(super) fn log_pages(&self) -> Vec<u32> {
        let log = self.log.as_ref();
        let log = log.filter(|log| log.page_bytes == self.page_bytes);
        log.map_or_else(Vec::new, |log| log.numbers().collect())
    }

    /// Goes on without the log.
    pub(super) fn drop_log(&mut self) -> Option<Committed> {
        let log = self.log.take();
        self.count = self.in_file;
        log
    }

    /// Goes on with it.
    pub(super) fn set_log(&mut self, log: Option<Committed>) {
        self.log = log;
        if let Some(log) = self
            .log
            .as_ref()
            .filter(|log| log.page_bytes == self.page_bytes)
        {
            self.count = log.pages;
        }
    }

    /// Is it encrypted?
    pub(crate) fn is_encrypted(&self) -> bool {
        self.cipher.is_some()
    }

    /// Size of a page.
    pub(crate) fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// Bytes of a page that hold rows.
    pub(super) fn usable(&self) -> usize {
        match self.cipher {
            Some(_) => self.page_bytes - RESERVED_BYTES,
            None => self.page_bytes,
        }
    }

    /// The pages that there are, in order. What the log says of their number counts for no more: anybody can write a log.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        let log = self.log.as_ref();
        let log = log.filter(|log| log.page_bytes == self.page_bytes);
        let beyond = log.map_or_else(Vec::new, |log| log.beyond(self.in_file));
        (1..=self.count.min(self.in_file)).chain(beyond)
    }

    fn raw(&self, number: u32) -> Option<Vec<u8>> {
        let log = self.log.as_ref();
        if let Some(page) = log
            .filter(|log| log.page_bytes == self.page_bytes)
            .and_then(|log| log.page(number).ok().flatten())
        {
            return Some(page);
        }
        let offset = u64::from(number.checked_sub(1)?) * self.page_bytes as u64;
        let page = self.lock.read_at(offset, self.page_bytes).ok()?;
        (page.len() == self.page_bytes).then_some(page)
    }

    /// Page `number` in clear; `None`: it is not there, or not what was written.
    pub(super) fn read(&self, number: u32) -> Option<Vec<u8>> {
        let mut page = self.raw(number)?;
        if let Some((key, authenticator)) = &self.cipher {
            if !authenticator.authenticates(&page, number) {
                return None;
            }
            key.decrypt(&mut page, number)?;
        }
        Some(page)
    }

    /// May this page be anything: because nothing is ever on it, or was never written?
    pub(super) fn is_no_page(&self, number: u32) -> bool {
        let lock_page = LOCK_BYTE / self.page_bytes as u64;
        u64::from(number) == lock_page + 1
            || self
                .raw(number)
                .is_some_and(|page| page.iter().all(|byte| *byte == 0))
    }

    /// The page with the note about page `number`, and where on it; `None`: the page is itself one of notes, or the first.
    pub(super) fn note_of(&self, number: u32) -> Option<(u32, usize)> {
        let notes = u32::try_from(self.usable() / 5).ok()?;
        let beyond = number.checked_sub(2)?;
        let mut page = beyond / (notes + 1) * (notes + 1) + 2;
        if u64::from(page) == LOCK_BYTE / self.page_bytes as u64 + 1 {
            page += 1;
        }
        let at = number.checked_sub(page + 1)?;
        Some((page, at as usize * 5))
    }
}

/// What a page of notes says at `at`.
pub(super) fn use_at(notes: Option<&[u8]>, at: usize) -> Use {
    match notes.and_then(|notes| notes.get(at)) {
        Some(1 | 5) => Use::Tree,
        Some(2) => Use::Free,
        Some(3 | 4) => Use::Overflow,
        _ => Use::Unknown,
    }
}
