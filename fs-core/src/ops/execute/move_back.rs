//! Taking a move back: what had gone is copied back, and goes where it had arrived only when that is durable.

use std::collections::HashSet;

use super::Run;
use super::put::{Batch, How, Job};
use super::take_back::{Left, changed, look};
use crate::backend::{At, Change, Scope};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::journal::Act;

impl Run<'_, '_> {
    /// Copies back what a move had taken away, then removes it where it had gone.
    pub(super) fn move_back(&mut self, group: &[Act], left: &mut Left) {
        let mut at = 0;
        while let Some(Act::MoveBack { from, to, .. }) = group.get(at) {
            let pair = (from.fs.clone(), to.fs.clone());
            let rest = group.get(at..).unwrap_or_default();
            let count = rest
                .iter()
                .take_while(|act| matches!(act, Act::MoveBack { from, to, .. } if (&from.fs, &to.fs) == (&pair.0, &pair.1)))
                .count();
            let part = rest.get(..count).unwrap_or_default();
            if let Err(e) = self.move_part_back(part, left) {
                for act in part {
                    self.stay(act, e.clone(), left);
                }
            }
            at += count;
        }
    }

    fn stay(&mut self, act: &Act, error: Error, left: &mut Left) {
        if let Act::MoveBack { from, .. } = act {
            left.keep.insert(from.clone());
        }
        self.fail(act.place().clone(), error);
        left.acts.push(act.clone());
    }

    /// Acts from one filesystem to one other.
    fn move_part_back(&mut self, part: &[Act], left: &mut Left) -> Result<()> {
        let Some(Act::MoveBack { from, to, .. }) = part.first() else {
            return Ok(());
        };
        let (away, goal) = (self.backend(from)?, self.goal(to)?);
        let mut batch = Batch::new(goal.clone(), false);
        let mut back = HashSet::new();
        let mut links = Vec::new();
        for (tag, act) in part.iter().enumerate() {
            let Act::MoveBack {
                from,
                to,
                stamp,
                brother,
            } = act
            else {
                continue;
            };
            match (look(&*away, from)?, look(&*goal.backend, to)?) {
                (here, Some(there)) if stamp.same_as_source(&there) => {
                    back.extend(here.map(|_| tag));
                }
                (Some(here), None) if stamp.matches(&here) => {
                    let job = Job {
                        tag,
                        source: from.clone(),
                        from: away.clone(),
                        target: to.path.clone(),
                        how: How::New,
                    };
                    match brother {
                        Some(brother) => links.push((job, brother, stamp)),
                        None => self.put(&mut batch, job)?,
                    }
                }
                (Some(_), _) => self.stay(act, changed(from), left),
                (None, _) => {
                    let error = Error::new(ErrorKind::NotFound, "undo").with_path(&from.path);
                    self.stay(act, error, left);
                }
            }
        }
        self.flush(&mut batch)?;
        for (job, brother, stamp) in links {
            let there = look(&*goal.backend, brother)?;
            let link = Change::Link {
                from: At::path(&brother.path),
                to: At::path(&job.target),
            };
            if there.is_some_and(|there| stamp.same_as_source(&there))
                && goal.backend.change(&link).is_ok()
            {
                back.insert(job.tag);
            } else {
                self.put(&mut batch, job)?;
            }
        }
        self.flush(&mut batch)?;
        goal.backend.sync(Scope::All)?;
        back.extend(batch.arrivals.iter().map(|arrival| arrival.tag));
        let froms: Vec<_> = part
            .iter()
            .enumerate()
            .filter(|(tag, _)| back.contains(tag))
            .filter_map(|(_, act)| match act {
                Act::MoveBack { from, .. } => Some(from),
                _ => None,
            })
            .collect();
        let changes: Vec<_> = froms
            .iter()
            .map(|from| Change::Unlink(At::path(&from.path)))
            .collect();
        for (from, result) in froms.iter().zip(away.change_all(&changes)) {
            if let Err(e) = result {
                self.fail((*from).clone(), e);
            }
        }
        // What failed on its way was told by the batch; its copy stays.
        for (tag, act) in part.iter().enumerate() {
            if let Act::MoveBack { from, .. } = act
                && !back.contains(&tag)
                && look(&*away, from)?.is_some()
                && left.keep.insert(from.clone())
            {
                if !self
                    .report
                    .failed
                    .iter()
                    .any(|failure| failure.place == *from)
                {
                    let error = Error::new(ErrorKind::Io, "undo").with_path(&from.path);
                    self.fail(from.clone(), error);
                }
                left.acts.push(act.clone());
            }
        }
        Ok(())
    }
}
