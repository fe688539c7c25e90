//! Listing a directory in pages, each read at one moment; nothing is locked between two.

use std::ffi::OsString;
use std::sync::Arc;

use fs_core::{EntryBatch, Listing, Result, VPath, Want};

use super::Shared;
use super::handle::metadata;
use super::resolve::tell;
use super::store::{Inode, NodeStore};

/// The first page is what a window shows at once; the next are larger.
const FIRST_PAGE: usize = 256;
const LARGEST_PAGE: usize = 4096;

/// A listing that remembers the last name it gave out.
pub(super) struct Pages<S: NodeStore> {
    shared: Arc<Shared<S>>,
    dir: Inode,
    path: VPath,
    metadata: bool,
    after: Option<OsString>,
    page: usize,
    done: bool,
}

impl<S: NodeStore> Pages<S> {
    pub(super) fn new(shared: &Arc<Shared<S>>, dir: Inode, path: &VPath, want: &Want) -> Self {
        Self {
            shared: Arc::clone(shared),
            dir,
            path: path.clone(),
            metadata: want.metadata,
            after: want.after.as_ref().map(|name| name.as_os_str().to_owned()),
            page: FIRST_PAGE,
            done: false,
        }
    }
}

impl<S: NodeStore> Listing for Pages<S> {
    fn next(&mut self, into: &mut EntryBatch) -> Result<bool> {
        if self.done {
            return Ok(false);
        }
        let (fs, page, with_metadata) = (self.shared.fs, self.page, self.metadata);
        let mut last: Option<OsString> = None;
        let mut seen = 0;
        let more = self
            .shared
            .store
            .read(|read| {
                read.entries(
                    self.dir,
                    self.after.as_deref(),
                    page,
                    with_metadata,
                    &mut |row| {
                        seen += 1;
                        if seen == page {
                            last = Some(row.name.to_owned());
                        }
                        let node = row.node.map(|record| metadata(fs, row.ino, record));
                        into.push(row.name, row.kind, row.ino, node);
                    },
                )
            })
            .map_err(|error| tell(error, "list", &self.path))?;
        self.page = (page * 2).min(LARGEST_PAGE);
        self.done = !more || last.is_none();
        self.after = last;
        Ok(!self.done)
    }
}
