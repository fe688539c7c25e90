//! Listing a directory of two layers: two sorted streams become one.
//!
//! No entry costs a lookup, except what only a lookup can tell: where copied-up entries may be, the number of each of the upper's entries; and whether a
//! character device is a whiteout when metadata was not asked for.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use super::core::Core;
use super::lookup::{Dir, MERGED_LINKS};
use super::names::{self, Kept};
use super::upper::absent;
use super::xattr;
use crate::backend::{At, Want};
use crate::capabilities::Capabilities;
use crate::error::Result;
use crate::listing::{EntryBatch, EntryRef, Listing, collect};
use crate::metadata::{FileId, FileKind, Metadata};
use crate::path::{Name, VPath};

/// Entries per call of `next`, at most.
const BATCH_ENTRIES: usize = 1024;

impl Core {
    /// Lists `dir`, which consists of `here`.
    pub(super) fn list_dir(
        self: &Arc<Self>,
        dir: &VPath,
        here: Dir,
        want: &Want,
    ) -> Result<Box<dyn Listing>> {
        let mut hidden = HashSet::new();
        let upper = if !here.upper {
            Source::default()
        } else if self.marks_are_files()? {
            let all = collect(self.upper.list(dir, &unpaged(want))?)?;
            Source::sorted(read_names(&all, &mut hidden))
        } else {
            let sorted = self.upper.has(Capabilities::SORTED_LISTING);
            Source::new(sorted, want, |want| self.upper.list(dir, want))?
        };
        let base = if here.base {
            let sorted = self
                .base
                .capabilities(dir)
                .contains(Capabilities::SORTED_LISTING);
            Source::new(sorted, want, |want| self.base.list(dir, want))?
        } else {
            Source::default()
        };
        Ok(Box::new(Merge {
            core: self.clone(),
            dir: dir.clone(),
            here,
            want: want.clone(),
            hidden,
            upper,
            base,
        }))
    }

    /// Has the visible directory `dir` no entries?
    pub(super) fn is_empty_dir(self: &Arc<Self>, dir: &VPath, here: Dir) -> Result<bool> {
        let mut listing = self.list_dir(dir, here, &Want::names())?;
        let mut batch = EntryBatch::new();
        while listing.next(&mut batch)? && batch.is_empty() {}
        Ok(batch.is_empty())
    }
}

/// Entries of one layer, in byte order.
#[derive(Default)]
struct Source {
    listing: Option<Box<dyn Listing>>,
    batch: EntryBatch,
    next: usize,
}

impl Source {
    fn new(
        sorted: bool,
        want: &Want,
        list: impl Fn(&Want) -> Result<Box<dyn Listing>>,
    ) -> Result<Self> {
        if sorted {
            return Ok(Self {
                listing: Some(list(want)?),
                ..Self::default()
            });
        }
        Ok(Self::sorted(collect(list(&unpaged(want))?)?))
    }

    fn sorted(unsorted: EntryBatch) -> Self {
        let mut order: Vec<EntryRef<'_>> = unsorted.iter().collect();
        order.sort_unstable_by_key(|entry| entry.name.as_encoded_bytes());
        let mut batch = EntryBatch::new();
        for entry in order {
            batch.push(entry.name, entry.kind, entry.ino, entry.metadata.copied());
        }
        Self {
            listing: None,
            batch,
            next: 0,
        }
    }

    /// Makes sure that [`Source::peek`] has the next entry, if there is one.
    fn fill(&mut self) -> Result<()> {
        while self.next >= self.batch.len()
            && let Some(listing) = &mut self.listing
        {
            self.batch.clear();
            self.next = 0;
            if !listing.next(&mut self.batch)? {
                self.listing = None;
            }
        }
        Ok(())
    }

    fn peek(&self) -> Option<EntryRef<'_>> {
        self.batch.get(self.next)
    }
}

/// The same wish for a layer whose order is not the one `after` counts in.
fn unpaged(want: &Want) -> Want {
    Want {
        after: None,
        ..want.clone()
    }
}

/// The entries among names kept in form `Files`, and what they hide.
fn read_names(kept: &EntryBatch, hidden: &mut HashSet<OsString>) -> EntryBatch {
    let mut batch = EntryBatch::new();
    for entry in kept.iter() {
        match names::read(entry.name) {
            Kept::Entry(name) => batch.push(
                name.as_os_str(),
                entry.kind,
                entry.ino,
                entry.metadata.copied(),
            ),
            Kept::Gone(name) => {
                hidden.insert(name.as_os_str().to_os_string());
            }
            Kept::Opaque | Kept::Own => {}
        }
    }
    batch
}

struct Merge {
    core: Arc<Core>,
    dir: VPath,
    here: Dir,
    want: Want,
    hidden: HashSet<OsString>,
    upper: Source,
    base: Source,
}

impl Listing for Merge {
    fn next(&mut self, into: &mut EntryBatch) -> Result<bool> {
        let enough = into.len() + BATCH_ENTRIES;
        while into.len() < enough {
            self.upper.fill()?;
            self.base.fill()?;
            let order = match (self.upper.peek(), self.base.peek()) {
                (None, None) => return Ok(false),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(upper), Some(base)) => upper
                    .name
                    .as_encoded_bytes()
                    .cmp(base.name.as_encoded_bytes()),
            };
            if order.is_gt() {
                if !self.take_base_run(into, enough - into.len())? {
                    self.take_base(into)?;
                    self.base.next += 1;
                }
                continue;
            }
            self.take_upper(into, order.is_eq())?;
            self.upper.next += 1;
            self.base.next += usize::from(order.is_eq());
        }
        Ok(true)
    }
}

impl Merge {
    fn passed(&self, name: &OsStr) -> bool {
        self.want
            .after
            .as_ref()
            .is_some_and(|after| name.as_encoded_bytes() <= after.as_bytes())
    }

    /// Takes up to `limit` entries of the base at once, as far as the upper has none among them. `false`: each must be looked at by itself.
    fn take_base_run(&mut self, into: &mut EntryBatch, limit: usize) -> Result<bool> {
        let passed = self.base.peek().is_some_and(|base| self.passed(base.name));
        if passed || !self.hidden.is_empty() {
            return Ok(false);
        }
        let from = self.base.next;
        let until = match self.upper.peek() {
            Some(upper) => self.base.batch.first_not_before(upper.name, from),
            None => self.base.batch.len(),
        };
        let until = until.min(from + limit);
        let ids = self.core.ids()?;
        let start = into.len();
        into.extend_from(&self.base.batch, from..until);
        into.change_from(start, |ino, metadata| match metadata {
            Some(metadata) => {
                metadata.id = ids.base(metadata.id);
                *ino = metadata.id.ino;
            }
            None => *ino = ids.base_ino(*ino),
        });
        self.base.next = until;
        Ok(true)
    }

    fn take_base(&self, into: &mut EntryBatch) -> Result<()> {
        let Some(entry) = self.base.peek() else {
            return Ok(());
        };
        if self.passed(entry.name) || self.hidden.contains(entry.name) {
            return Ok(());
        }
        let ids = self.core.ids()?;
        let metadata = entry.metadata.map(|metadata| Metadata {
            id: ids.base(metadata.id),
            ..*metadata
        });
        let ino = metadata.map_or_else(|| ids.base_ino(entry.ino), |metadata| metadata.id.ino);
        into.push(entry.name, entry.kind, ino, metadata);
        Ok(())
    }

    fn take_upper(&self, into: &mut EntryBatch, in_both: bool) -> Result<()> {
        let Some(entry) = self.upper.peek() else {
            return Ok(());
        };
        if self.passed(entry.name) || self.is_whiteout(&entry)? {
            return Ok(());
        }
        let ids = self.core.ids()?;
        let id = match entry.metadata {
            Some(metadata) => self.number_of(entry.name, metadata)?,
            None => self.number(entry.name, ids.upper_node(entry.ino))?,
        };
        let mut metadata = entry.metadata.map(|metadata| Metadata { id, ..*metadata });
        if let Some(metadata) = &mut metadata
            && metadata.is_dir()
            && in_both
            && self
                .base
                .peek()
                .is_some_and(|base| base.kind == FileKind::Directory)
            && !self.hidden.contains(entry.name)
            && absent(self.core.upper.facts(&self.path(entry.name)?))?
                .is_some_and(|facts| !facts.opaque)
        {
            metadata.nlink = MERGED_LINKS;
        }
        into.push(entry.name, entry.kind, id.ino, metadata);
        Ok(())
    }

    /// As [`Merge::number`], without a look at what has not changed since the last.
    fn number_of(&self, name: &OsStr, metadata: &Metadata) -> Result<FileId> {
        let ids = self.core.ids()?;
        if !self.here.facts.impure {
            return Ok(ids.upper(metadata.id));
        }
        let look = || {
            let kept = self.core.upper.kept(&self.path(name)?)?;
            absent(self.core.origin(At::path(&kept), metadata.id)).map(Option::flatten)
        };
        let origin = ids.known_origin(metadata, look)?;
        Ok(origin.map_or_else(|| ids.upper(metadata.id), |origin| ids.base(origin)))
    }

    fn number(&self, name: &OsStr, node: FileId) -> Result<FileId> {
        if !self.here.facts.impure {
            return Ok(self.core.ids()?.upper(node));
        }
        let kept = self.core.upper.kept(&self.path(name)?)?;
        match absent(self.core.upper_id(At::path(&kept), node))? {
            Some(id) => Ok(id),
            None => Ok(self.core.ids()?.upper(node)),
        }
    }

    fn is_whiteout(&self, entry: &EntryRef<'_>) -> Result<bool> {
        let odd = self.here.facts.file_whiteouts;
        if entry.kind != FileKind::CharDevice && !(odd && entry.kind == FileKind::File) {
            return Ok(false);
        }
        let kept = self.core.upper.kept(&self.path(entry.name)?)?;
        let metadata = match entry.metadata {
            Some(metadata) => Some(*metadata),
            None => absent(self.core.upper.backend().stat(At::path(&kept)))?,
        };
        Ok(match metadata {
            None => true,
            Some(metadata) if metadata.is_whiteout() => !self.core.marks_are_files()?,
            Some(metadata) if odd && metadata.is_file() && metadata.size == 0 => {
                absent(self.core.upper.own_xattr(&kept, xattr::WHITEOUT))?
                    .flatten()
                    .is_some()
            }
            Some(_) => false,
        })
    }

    fn path(&self, name: &OsStr) -> Result<VPath> {
        Ok(self.dir.join(&Name::new(name)?))
    }
}
