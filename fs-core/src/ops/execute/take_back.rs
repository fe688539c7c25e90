//! Undo: applies the inverse acts of an operation, the last one first.
//!
//! Each act first looks whether things still are as the operation left them. What has changed since is left alone and told; what was taken back
//! already, or never happened, is passed over: so an undo that was interrupted can simply be done again.

use std::collections::HashSet;

use super::attributes::There;
use super::{GROUP, Run};
use crate::backend::{At, Backend, Change, RenameMode};
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::TrashId;
use crate::metadata::{Metadata, NewNode, SetAttr};
use crate::ops::journal::{Act, Entry, Record, Stamp};
use crate::ops::operation::Attributes;
use crate::ops::place::Place;
use crate::ops::progress::Phase;
use crate::ops::report::Report;
use crate::ops::stage::rename_to_free;

/// What came of taking acts back.
#[derive(Default)]
pub(super) struct Left {
    /// Acts that could not be taken back.
    pub(super) acts: Vec<Act>,
    /// Copies whose source could not be brought back: they must stay.
    pub(super) keep: HashSet<Place>,
    /// Folders that were made again, to get their times when they are full.
    folders: Vec<(Place, Attributes)>,
}

impl Left {
    pub(super) fn keeps(&self, at: &Place) -> bool {
        self.keep.contains(at)
    }

    pub(super) fn acts_push(&mut self, act: &Act) {
        self.acts.push(act.clone());
    }
}

impl Run<'_, '_> {
    /// Takes the whole entry back.
    pub(in crate::ops) fn undo(mut self) -> (Report, Entry) {
        self.reporter.enter(Phase::Running);
        let operation = self.writer.entry().operation.clone();
        let total = self.writer.entry().acts.len();
        self.reporter.found(total as u64, 0);
        let mut left = Left::default();
        let done = self
            .writer
            .append(&Record::Undo)
            .and_then(|()| self.take_back(0, true, &mut left));
        self.finish_made_folders(&left);
        self.reporter.enter(Phase::Finishing);
        if let Err(e) = done {
            // What was not reached stays in the entry.
            let mut acts = self.writer.entry().acts.clone();
            acts.append(&mut left.acts);
            left.acts = acts;
            self.stopped(e, &operation);
        }
        self.sync_written(&operation);
        left.acts.reverse();
        if let Err(e) = self.writer.append(&Record::Undone(left.acts)) {
            self.stopped(e, &operation);
        }
        (self.report, self.writer.finish())
    }

    /// Removes what was made since the act at index `begun`: copies nobody has seen whole, so not to the trash.
    pub(super) fn roll_back(&mut self, begun: usize) -> Result<()> {
        let mut left = Left::default();
        // The cancel has been heard; cleaning up must not stop at it.
        let acts = self.writer.entry().acts.clone();
        let mut at = acts.len();
        while at > begun {
            let start = self.run_of(&acts, begun, at);
            let group = acts.get(start..at).unwrap_or_default();
            self.apply(group, false, &mut left);
            at = start;
        }
        self.writer.append(&Record::RolledBack(begun))?;
        if !left.acts.is_empty() {
            left.acts.reverse();
            self.writer.append(&Record::Intent(left.acts))?;
        }
        Ok(())
    }

    fn take_back(&mut self, from: usize, to_trash: bool, left: &mut Left) -> Result<()> {
        loop {
            self.reporter.check()?;
            let acts = &self.writer.entry().acts;
            let end = acts.len();
            if end <= from {
                return Ok(());
            }
            let start = self.run_of(acts, from, end);
            let group = acts.get(start..end).unwrap_or_default().to_vec();
            self.apply(&group, to_trash, left);
            self.reporter.done(group.len() as u64, 0);
            self.writer.append(&Record::TakenBack(group.len()))?;
        }
    }

    /// Start of the acts before `end` that are taken back together: of one kind; of what was made all, for folders go with what is in them.
    fn run_of(&self, acts: &[Act], from: usize, end: usize) -> usize {
        let kind = |index: usize| acts.get(index).map(std::mem::discriminant);
        let made = matches!(acts.get(end - 1), Some(Act::Remove { .. }));
        let mut start = end - 1;
        while start > from && kind(start - 1) == kind(end - 1) && (made || end - start < GROUP) {
            start -= 1;
        }
        // Exchanged names need their neighbour: a rename after the restore of what it replaced.
        start
    }

    fn apply(&mut self, group: &[Act], to_trash: bool, left: &mut Left) {
        let gone = |act: &&Act| self.filesystems.is_gone(&act.place().fs);
        let (gone, there): (Vec<_>, Vec<_>) = group.iter().partition(gone);
        if !gone.is_empty() {
            for act in gone {
                self.forgo(act, left);
            }
            let there: Vec<_> = there.into_iter().cloned().collect();
            return self.apply(&there, to_trash, left);
        }
        match group.first() {
            Some(Act::Remove { .. }) => self.remove_made(group, to_trash, left),
            Some(Act::MoveBack { .. }) => self.move_back(group, left),
            _ => {
                for act in group.iter().rev() {
                    if let Err(e) = self.apply_one(act, left) {
                        self.fail(act.place().clone(), e);
                        left.acts.push(act.clone());
                    } else {
                        self.report.items += 1;
                    }
                }
            }
        }
    }

    /// An act on a filesystem that is gone is as good as taken back; but what can't go back there must not go from where it is now.
    fn forgo(&mut self, act: &Act, left: &mut Left) {
        if let Act::MoveBack { from, to, .. } = act {
            left.keep.insert(from.clone());
            let error = Error::new(ErrorKind::NotFound, "undo")
                .with_path(&to.path)
                .with_detail("where it came from was in memory and is gone, so it stays");
            self.fail(from.clone(), error);
        }
    }

    fn apply_one(&mut self, act: &Act, left: &mut Left) -> Result<()> {
        match act {
            Act::Restore { at, stamp, trash } => self.restore(at, stamp, trash.as_ref(), at),
            Act::Replaced { .. } => self.put_old_back(act),
            Act::Rename { from, to, stamp } => self.rename_back(from, to, stamp),
            Act::MakeFolder { at, attr } => {
                let backend = self.backend(at)?;
                match backend.change(&Change::Create(At::path(&at.path), &NewNode::directory())) {
                    Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                    done => {
                        done?;
                        left.folders.push((at.clone(), *attr));
                    }
                }
                Ok(())
            }
            Act::SetAttr { at, kind, attr } => {
                let backend = self.backend(at)?;
                if backend.stat(At::path(&at.path))?.kind != *kind {
                    return Err(changed(at));
                }
                let set = SetAttr::from(*attr);
                backend.change(&Change::SetAttr(At::path(&at.path), &set))
            }
            Act::Conceal { at, stamp } => self.conceal_again(at, stamp),
            Act::GoBack { at, to } => self.return_to(at, *to),
            // Taken back in groups.
            Act::Remove { .. } | Act::MoveBack { .. } => Ok(()),
        }
    }

    /// Out of the trash to where it was.
    fn restore(
        &self,
        at: &Place,
        stamp: &Stamp,
        id: Option<&TrashId>,
        remembered: &Place,
    ) -> Result<()> {
        let backend = self.backend(at)?;
        if let Some(now) = look(&*backend, at)? {
            let there = stamp.matches(&now);
            return if there {
                Ok(())
            } else {
                Err(Error::new(ErrorKind::AlreadyExists, "restore").with_path(&at.path))
            };
        }
        let trash = backend
            .extensions()
            .trash
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, "restore").with_path(&at.path))?;
        let found = match id {
            Some(id) => Some(id.clone()),
            None => super::halves::find(&*backend, &[&remembered.path, &at.path])?,
        };
        let id = found.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "restore")
                .with_path(&at.path)
                .with_detail("it is not in the trash any more")
        })?;
        trash.restore(&id, &at.path, RenameMode::NoReplace)
    }

    /// The new file to the trash, the old one out of it.
    fn put_old_back(&self, act: &Act) -> Result<()> {
        let Act::Replaced {
            at,
            new,
            old,
            aside,
            trash: id,
        } = act
        else {
            return Ok(());
        };
        let backend = self.backend(at)?;
        let trash = backend
            .extensions()
            .trash
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, "restore").with_path(&at.path))?;
        if aside != at
            && let Some(lying) = look(&*backend, aside)?
        {
            // Interrupted on the way: one of the two lies aside.
            if old.is_node(&lying) {
                backend.change(&Change::Rename {
                    from: At::path(&aside.path),
                    to: At::path(&at.path),
                    mode: RenameMode::Exchange,
                })?;
            }
            return super::halves::clear_aside(&*backend, aside, at, new);
        }
        // Before another thing of that name goes there.
        let id = match id {
            Some(id) => Some(id.clone()),
            None => super::halves::find(&*backend, &[&aside.path, &at.path])?,
        };
        match look(&*backend, at)? {
            Some(now) if old.is_node(&now) => return Ok(()),
            Some(now) if new.matches(&now) => {
                if self.may_trash(&at.fs) {
                    trash.discard(&at.path)?;
                } else {
                    backend.change(&Change::Unlink(At::path(&at.path)))?;
                }
            }
            Some(_) => return Err(changed(at)),
            None => {}
        }
        self.restore(at, old, id.as_ref(), aside)
    }

    fn rename_back(&self, from: &Place, to: &Place, stamp: &Stamp) -> Result<()> {
        let backend = self.backend(to)?;
        let (here, there) = (look(&*backend, from)?, look(&*backend, to)?);
        match (here, there) {
            (Some(here), None) if stamp.matches(&here) => {
                rename_to_free(&*backend, &from.path, &to.path)
            }
            // Never happened, or taken back already.
            (_, Some(there)) if stamp.matches(&there) => {
                if here.is_some_and(|here| here.id == there.id) && from != to {
                    // One file that a filesystem blind to case shows under both names.
                    return backend.change(&Change::Rename {
                        from: At::path(&from.path),
                        to: At::path(&to.path),
                        mode: RenameMode::Replace,
                    });
                }
                Ok(())
            }
            // The replaced file still has the old name: interrupted between the exchange and the trash.
            (Some(here), Some(there)) if stamp.matches(&here) && self.awaits(from, &there) => {
                backend.change(&Change::Rename {
                    from: At::path(&from.path),
                    to: At::path(&to.path),
                    mode: RenameMode::Exchange,
                })
            }
            (Some(_), _) => Err(changed(from)),
            (None, _) => Err(Error::new(ErrorKind::NotFound, "undo").with_path(&from.path)),
        }
    }

    /// Is there an act that will put exactly this back at `at`?
    fn awaits(&self, at: &Place, there: &Metadata) -> bool {
        self.writer.entry().acts.iter().any(|act| {
            matches!(act, Act::Restore { at: place, stamp, .. } if place == at && stamp.matches(there))
        })
    }

    /// Times and modes of folders that were made again, from the innermost out.
    fn finish_made_folders(&mut self, left: &Left) {
        for (at, attr) in left.folders.iter().rev() {
            let set = SetAttr::from(*attr);
            let done = self.backend(at).and_then(|backend| {
                use super::attributes::Settable as _;
                let mut there = There(&*backend, &at.path);
                there.set_attr(&set).or_else(|_| {
                    there.set_attr(&SetAttr {
                        uid: None,
                        gid: None,
                        ..set
                    })
                })
            });
            if let Err(e) = done {
                self.fail(at.clone(), e);
            }
        }
    }
}

/// What has the name; `None`: nothing.
pub(super) fn look(backend: &dyn Backend, at: &Place) -> Result<Option<Metadata>> {
    match backend.stat(At::path(&at.path)) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(e),
    }
}

pub(super) fn changed(at: &Place) -> Error {
    Error::new(ErrorKind::Busy, "undo")
        .with_path(&at.path)
        .with_detail("it was changed since, so it is left as it is")
}
