//! Writing to an open file: the bytes first, then the node, in one transaction for a store that keeps both.

use std::sync::Arc;

use fs_core::{ErrorKind, Result, SetAttr, SetTime, Time};
use parking_lot::RwLockWriteGuard;

use super::hold::Hold;
use super::open_file::{OpenFile, State};
use super::record::{apply, apply_to_named, written};
use super::resolve::fail;
use super::store::{Content, ContentId, ContentStore as _, NodeRecord, NodeStore};

/// What a host usually allocates at least.
const BLOCK_BYTES: u64 = 4096;

impl<S: NodeStore> OpenFile<S> {
    /// Writes at `offset`, or (`None`) at the end, then sets `attr` in the same step; answers where.
    pub(super) fn write_at(
        &self,
        from: &[u8],
        offset: Option<u64>,
        attr: Option<&SetAttr>,
    ) -> Result<u64> {
        let mut state = self.state.write();
        let offset = offset.unwrap_or(state.record.size);
        if from.is_empty() {
            return Ok(offset);
        }
        let end = self.check_size(offset.checked_add(from.len() as u64))?;
        let size = state.record.size.max(end);
        self.with_content(&mut state, size, attr, |content| {
            content.write_at(from, offset)
        })?;
        Ok(offset)
    }

    /// Zeros a range without changing the size.
    pub(super) fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        let mut state = self.state.write();
        let size = state.record.size;
        if len == 0 {
            return Ok(());
        }
        let len = len.min(size.saturating_sub(offset));
        if len == 0 {
            // Nothing lies behind the end; as on ext4, xfs and tmpfs it is a change all the same.
            let attr = SetAttr {
                mtime: Some(SetTime::Now),
                ..SetAttr::default()
            };
            let edit = Edit {
                content: None,
                attr: Some(&attr),
                now: Time::now(),
            };
            return self.store_change(&mut state, None, &edit);
        }
        if state.record.content.is_empty() {
            return self.store_change(&mut state, None, &Edit::content(size, 0));
        }
        self.with_content(&mut state, size, None, |content| {
            content.punch_hole(offset, len)
        })
    }

    /// Sets attributes, the size among them.
    pub(super) fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        let mut state = self.state.write();
        let Some(size) = attr.size else {
            let edit = Edit {
                content: None,
                attr: Some(attr),
                now: Time::now(),
            };
            return self.store_change(&mut state, None, &edit);
        };
        self.check_size(Some(size))?;
        let now = Time::now();
        let edit = |allocated| Edit {
            content: Some((size, allocated)),
            attr: Some(attr),
            now,
        };
        if size == 0 {
            let empty = Hold::existing(&self.shared, ContentId::EMPTY);
            return self.store_change(&mut state, Some(empty), &edit(0));
        }
        if state.record.content.is_empty() {
            return self.store_change(&mut state, None, &edit(0));
        }
        let (content, new) = self.writable(&mut state)?;
        let cuts = size < state.record.size;
        let late = cuts && new.is_none() && self.shared.store.content().cuts_late();
        if !late {
            let cut = match cuts {
                true => content.truncate(size),
                false => Ok(()),
            };
            let stored = cut
                .and_then(|()| content.allocated())
                .and_then(|allocated| self.store_change(&mut state, new, &edit(allocated)));
            return stored.inspect_err(|_| state.take_back(&*content));
        }
        let allocated = content.allocated()?.min(size.next_multiple_of(BLOCK_BYTES));
        self.store_change(&mut state, None, &edit(allocated))?;
        // Failing that, whoever writes next cuts them off first.
        state.writable = content.truncate(size).is_ok();
        Ok(())
    }

    fn check_size(&self, end: Option<u64>) -> Result<u64> {
        match end {
            Some(end) if end <= self.shared.store.content().max_size_bytes() => Ok(end),
            _ => fail(ErrorKind::FileTooLarge),
        }
    }

    /// Changes content in place, then the node.
    fn with_content(
        &self,
        state: &mut RwLockWriteGuard<'_, State<S>>,
        size: u64,
        attr: Option<&SetAttr>,
        change: impl FnOnce(&dyn Content) -> Result<()>,
    ) -> Result<()> {
        let (content, new) = self.writable(state)?;
        let changed = change(&*content).and_then(|()| content.allocated());
        let stored = changed.and_then(|allocated| {
            let edit = Edit {
                attr,
                ..Edit::content(size, allocated)
            };
            self.store_change(state, new, &edit)
        });
        stored.inspect_err(|_| state.take_back(&*content))
    }

    /// Content to write in place, and its hold when it is not the one the node names.
    #[expect(clippy::type_complexity, reason = "a pair that is taken apart at once")]
    fn writable(&self, state: &mut State<S>) -> Result<(Arc<dyn Content>, Option<Hold<S>>)> {
        let store = self.shared.store.content();
        let id = state.record.content;
        if id.is_empty() {
            let content = store.create()?;
            let hold = Hold::orphan(&self.shared, Arc::clone(&content));
            return Ok((content, Some(hold)));
        }
        if state.writable
            && let Some(content) = state.content()?
        {
            return Ok((content, None));
        }
        let own = u64::from(state.attached);
        // Holders first: a copy holds the content from before this file was locked until its commit counts. Asked the other way round, one that
        // commits and is closed in between would be seen by neither.
        let is_held = self.shared.open.held.is_shared(id);
        let references = self.shared.store.read(|read| read.references(id))?;
        let shared = is_held || references > own;
        let content = store.writable(id, state.record.size, shared)?;
        if content.id() != id {
            let hold = Hold::orphan(&self.shared, Arc::clone(&content));
            return Ok((content, Some(hold)));
        }
        // Bytes beyond the size are left from a crash; they must not come back when the file grows.
        content.truncate(state.record.size)?;
        if let Some(hold) = &state.hold {
            hold.reopen(&content);
        }
        state.writable = true;
        Ok((content, None))
    }

    /// Brings the node to what the content is now (`new`: it has another), in one transaction.
    fn store_change(
        &self,
        state: &mut State<S>,
        new: Option<Hold<S>>,
        edit: &Edit<'_>,
    ) -> Result<()> {
        let old = state.record.content;
        let content = new.as_ref().map_or(old, Hold::id);
        if state.attached {
            let stored = self.shared.transact(|rules| {
                let record = rules.write.node(self.ino)?;
                let Some(mut record) = record.filter(|record| record.content == old) else {
                    return Ok(None);
                };
                edit.apply(&mut record, true);
                record.content = content;
                if content != old {
                    rules.adopt(content)?;
                    rules.dismiss(old)?;
                } else if edit.content.is_some() && !content.is_empty() {
                    rules.write.flush_content(content)?;
                }
                rules.write.update(self.ino, &record)?;
                Ok(Some(record))
            })?;
            match stored {
                Some(record) => state.record = record,
                None => state.detach(state.record.clone()),
            }
        }
        if !state.attached {
            edit.apply(&mut state.record, false);
            state.record.content = content;
        }
        if let Some(new) = new {
            state.writable = !content.is_empty();
            state.hold = Some(new);
        }
        state.dirty |= edit.content.is_some();
        Ok(())
    }
}

/// What a change through a handle does to the record.
struct Edit<'a> {
    /// New size and allocated bytes.
    content: Option<(u64, u64)>,
    attr: Option<&'a SetAttr>,
    now: Time,
}

impl Edit<'_> {
    fn content(size: u64, allocated: u64) -> Self {
        Self {
            content: Some((size, allocated)),
            attr: None,
            now: Time::now(),
        }
    }

    /// `named`: the file has a name, and is not one that is being staged.
    fn apply(&self, record: &mut NodeRecord, named: bool) {
        if let Some((size, allocated)) = self.content {
            record.size = size;
            record.allocated = allocated;
            record.mtime = self.now;
            record.ctime = self.now;
            if named {
                written(record);
            }
        }
        match self.attr {
            Some(attr) if named => apply_to_named(attr, record, self.now),
            Some(attr) => apply(attr, record, self.now),
            None => {}
        }
    }
}
