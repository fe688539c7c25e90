//! Before an interrupted operation goes on: finds out what became of the steps that were announced last, and completes those that are half done.

use super::take_back::look;
use super::{GROUP, Run};
use crate::backend::{At, Backend, Change, RenameMode};
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::TrashId;
use crate::ops::journal::{Act, Outcome, Stamp};
use crate::ops::place::Place;
use crate::path::VPath;

impl Run<'_, '_> {
    /// Settles every step whose outcome the journal does not know.
    pub(in crate::ops) fn settle(&mut self) -> Result<()> {
        let steps = self.writer.entry().unconfirmed().to_vec();
        let mut outcomes = Vec::with_capacity(steps.len().min(GROUP));
        for (index, act) in steps.iter().enumerate() {
            outcomes.push(self.outcome(act, steps.get(index + 1))?);
        }
        self.writer.confirm(outcomes)?;
        self.own = super::made(&self.writer.entry().acts);
        Ok(())
    }

    fn outcome(&self, act: &Act, next: Option<&Act>) -> Result<Outcome> {
        let here = |place: &Place| look(&*self.backend(place)?, place);
        let done = |yes: bool| if yes { Outcome::Done } else { Outcome::Failed };
        Ok(match act {
            Act::Remove { at, stamp } | Act::Conceal { at, stamp } => match here(at)? {
                Some(now) if stamp.matches(&now) => Outcome::Made(Stamp::of(&now)),
                _ => Outcome::Failed,
            },
            Act::Restore { at, stamp, .. } => self.trashed(at, stamp, next)?,
            Act::Replaced {
                at,
                new,
                old,
                aside,
                ..
            } => self.replaced(at, new, old, aside)?,
            Act::Rename { from, stamp, .. } => {
                done(here(from)?.is_some_and(|now| stamp.matches(&now)))
            }
            // As long as the source is there, it was not removed.
            Act::MoveBack { to, .. } => done(here(to)?.is_none()),
            Act::MakeFolder { at, .. } => done(here(at)?.is_none()),
            Act::SetAttr { .. } => Outcome::Done,
            // Going there once more changes nothing; what was there before is not known.
            Act::GoBack { .. } => Outcome::Failed,
        })
    }

    fn trashed(&self, at: &Place, stamp: &Stamp, next: Option<&Act>) -> Result<Outcome> {
        let backend = self.backend(at)?;
        if let Some(Act::Rename {
            from,
            to,
            stamp: came,
        }) = next
            && from == at
            && let (Some(now), Some(old)) = (look(&*backend, at)?, look(&*backend, to)?)
            && came.matches(&now)
            && stamp.matches(&old)
        {
            // The names were exchanged: what was replaced still lies where the source was.
            return Ok(Outcome::Trashed(discard(&*backend, &to.path, &at.path)?));
        }
        if look(&*backend, at)?.is_some_and(|now| stamp.matches(&now)) {
            return Ok(Outcome::Failed);
        }
        Ok(match find(&*backend, &[&at.path])? {
            Some(id) => {
                if look(&*backend, at)?.is_none()
                    && matches!(next, Some(Act::Rename { from, .. }) if from == at)
                {
                    self.restore_discarded(&*backend, at, &id)?;
                    return Ok(Outcome::Failed);
                }
                Outcome::Trashed(id)
            }
            None => Outcome::Failed,
        })
    }

    /// The old file went and the new one did not come: the old one comes back, and the step is done anew.
    fn restore_discarded(&self, backend: &dyn Backend, at: &Place, id: &TrashId) -> Result<()> {
        match backend.extensions().trash {
            Some(trash) => trash.restore(id, &at.path, RenameMode::NoReplace),
            None => Ok(()),
        }
    }

    fn replaced(&self, at: &Place, new: &Stamp, old: &Stamp, aside: &Place) -> Result<Outcome> {
        let backend = self.backend(at)?;
        if aside != at
            && let Some(lying) = look(&*backend, aside)?
        {
            // Whoever has it open may have written to it since.
            if old.is_node(&lying) {
                return Ok(Outcome::Trashed(discard(&*backend, &aside.path, &at.path)?));
            }
            clear_aside(&*backend, aside, at, new)?;
            return Ok(Outcome::Failed);
        }
        let now = look(&*backend, at)?;
        if now.is_some_and(|now| old.is_node(&now)) {
            return Ok(Outcome::Failed);
        }
        let id = find(&*backend, &[&aside.path, &at.path])?;
        Ok(match (now, id) {
            (Some(now), Some(id)) if new.matches(&now) => Outcome::Trashed(id),
            (None, Some(id)) => {
                self.restore_discarded(&*backend, at, &id)?;
                Outcome::Failed
            }
            _ => Outcome::Failed,
        })
    }
}

fn discard(backend: &dyn Backend, path: &VPath, original: &VPath) -> Result<TrashId> {
    let trash = backend.extensions().trash;
    let trash = trash.ok_or_else(|| Error::new(ErrorKind::Unsupported, "trash").with_path(path))?;
    trash.discard_as(path, original)
}

/// What lies aside goes: for good only if it is the copy that was made, as it was made.
pub(super) fn clear_aside(
    backend: &dyn Backend,
    aside: &Place,
    at: &Place,
    new: &Stamp,
) -> Result<()> {
    match look(backend, aside)? {
        None => Ok(()),
        Some(lying) if new.matches(&lying) => {
            backend.change(&Change::Unlink(At::path(&aside.path)))
        }
        Some(_) => discard(backend, &aside.path, &at.path).map(drop),
    }
}

/// What went to the trash last under one of these names.
pub(super) fn find(backend: &dyn Backend, originals: &[&VPath]) -> Result<Option<TrashId>> {
    let Some(trash) = backend.extensions().trash else {
        return Ok(None);
    };
    let items = trash.items()?.into_iter();
    let found = items
        .filter(|item| originals.contains(&&item.original))
        .max_by_key(|item| item.deleted);
    Ok(found.map(|item| item.id))
}
