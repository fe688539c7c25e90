//! Listing a directory in pages, each read at one moment; nothing is locked between two.

use std::ffi::OsString;
use std::sync::Arc;

use fs_core::{EntryBatch, Listing, Result, VPath, Want};

use super::Shared;
use super::handle::metadata;
use super::listed::Recording;
use super::resolve::tell;
use super::store::{Inode, NodeRead, NodeStore};

/// The first page is what a window shows at once; the next are larger.
const FIRST_PAGE: usize = 256;
/// So few that a page is still in the processor's cache when it is copied on.
const LARGEST_PAGE: usize = 1024;

/// A listing that remembers the last name it gave out.
pub(super) struct Pages<S: NodeStore> {
    shared: Arc<Shared<S>>,
    dir: Inode,
    path: VPath,
    metadata: bool,
    after: Option<OsString>,
    page: usize,
    state: State,
}

enum State {
    /// Nothing was given out yet.
    Start,
    /// The folder as it was listed before, at this moment, and how many entries of it were given out.
    Known(u64, Arc<EntryBatch>, usize),
    /// From the store, perhaps to be remembered.
    Reading(Option<Recording>),
    Done,
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
            state: match want.after {
                None => State::Start,
                Some(_) => State::Reading(None),
            },
        }
    }

    /// Gives out a page of what is known, as long as its moment lasts.
    fn next_known(&mut self, into: &mut EntryBatch) -> Option<bool> {
        let State::Known(moment, known, given) = &mut self.state else {
            return None;
        };
        let until = *given + self.page;
        if !self.shared.store.is_now(*moment) {
            let last = given.checked_sub(1).and_then(|last| known.get(last));
            self.after = last.map(|entry| entry.name.to_owned());
            self.state = State::Reading(None);
            return None;
        }
        into.extend_from(known, *given..until);
        *given = until;
        let more = until < known.len();
        if !more {
            self.state = State::Done;
        }
        Some(more)
    }

    /// Reads a page; `None`: the whole folder is known.
    fn read(&mut self, into: &mut EntryBatch) -> Result<Option<bool>> {
        let (shared, dir, with_metadata) = (&self.shared, self.dir, self.metadata);
        let (fs, page, start) = (shared.fs, self.page, into.len());
        let mut last: Option<OsString> = None;
        let (state, after) = (&mut self.state, self.after.as_deref());
        let read = |read: &dyn NodeRead| {
            let moment = read.moment();
            if let (State::Start, Some(moment)) = (&*state, moment) {
                if let Some(known) = shared.listed.get(read, (fs, dir, with_metadata))? {
                    *state = State::Known(moment, known, 0);
                    return Ok(None);
                }
                *state = State::Reading(Recording::new(read));
            }
            let mut seen = 0;
            let more = read.entries(dir, after, page, with_metadata, &mut |row| {
                seen += 1;
                if seen == page {
                    last = Some(row.name.to_owned());
                }
                let node = row.node.map(|record| metadata(fs, row.ino, record));
                into.push(row.name, row.kind, row.ino, node);
            })?;
            Ok(Some((more, moment)))
        };
        let Some((more, moment)) = shared.store.read(read)? else {
            return Ok(None);
        };
        let more = more && last.is_some();
        let state = std::mem::replace(&mut self.state, State::Done);
        let recording = match state {
            State::Reading(Some(recording)) => recording.with(moment, into, start..into.len()),
            _ => None,
        };
        if more {
            self.after = last;
            self.state = State::Reading(recording);
        } else if let Some(recording) = recording {
            recording.finish(&shared.listed, dir, with_metadata);
        }
        Ok(Some(more))
    }
}

impl<S: NodeStore> Listing for Pages<S> {
    fn next(&mut self, into: &mut EntryBatch) -> Result<bool> {
        loop {
            let more = match &self.state {
                State::Done => Some(false),
                State::Known(..) => self.next_known(into),
                State::Start | State::Reading(_) => {
                    let read = self.read(into);
                    read.map_err(|error| tell(error, "list", &self.path))?
                }
            };
            if let Some(more) = more {
                self.page = (self.page * 2).min(LARGEST_PAGE);
                return Ok(more);
            }
        }
    }
}
