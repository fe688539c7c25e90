//! Moves within one filesystem: names change, content stays where it is.

use super::Run;
use super::put::Goal;
use super::transfer::Way;
use crate::backend::{At, Change, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::Metadata;
use crate::ops::fate::Fate;
use crate::ops::journal::{Act, Outcome, Stamp};
use crate::ops::names::Style;
use crate::ops::place::Place;
use crate::ops::stage::rename_to_free;
use crate::ops::tree::AtTarget;

/// A name to give.
struct Step {
    source: Place,
    target: Place,
    metadata: Metadata,
}

impl Step {
    fn act(&self) -> Act {
        Act::Rename {
            from: self.target.clone(),
            to: self.source.clone(),
            stamp: Stamp::of(&self.metadata),
        }
    }
}

impl Run<'_, '_> {
    /// Renames every item that goes as a whole; returns those that lie on another device, with their targets.
    pub(super) fn rename_wholes(&mut self, way: &Way<'_>) -> Result<Vec<(Place, Place)>> {
        let mut crossing = Vec::new();
        let mut group = Vec::new();
        for (index, item) in way.tree.items.iter().enumerate() {
            let fate = way.fate(index);
            if !item.whole || !fate.goes() {
                continue;
            }
            let (Some(source), Some(mut target)) = (way.tree.source(index), way.tree.target(index))
            else {
                continue;
            };
            if fate == Fate::MakeBeside {
                // The name chosen must not be one that is about to be given.
                self.rename_group(&way.goal, &mut group, &mut crossing)?;
                let kind = item.metadata.kind;
                match self.free_name(&way.goal, &target.path, kind, Style::Numbered) {
                    Some(path) => target.path = path,
                    None => continue,
                }
            }
            let step = Step {
                source,
                target,
                metadata: item.metadata,
            };
            match item.at_target {
                AtTarget::Taken(old) if fate == Fate::Replace => {
                    self.reporter.check()?;
                    let done = self.rename_over(&way.goal, &step, &old)?;
                    self.renamed(step, done, &mut crossing);
                }
                _ => group.push(step),
            }
            if group.len() >= super::GROUP {
                self.rename_group(&way.goal, &mut group, &mut crossing)?;
            }
        }
        self.rename_group(&way.goal, &mut group, &mut crossing)?;
        Ok(crossing)
    }

    fn rename_group(
        &mut self,
        goal: &Goal,
        group: &mut Vec<Step>,
        crossing: &mut Vec<(Place, Place)>,
    ) -> Result<()> {
        let group = std::mem::take(group);
        if group.is_empty() {
            return Ok(());
        }
        self.reporter.check()?;
        let acts = group.iter().map(Step::act).collect();
        let results = if goal.capabilities.contains(Capabilities::RENAME_NO_REPLACE) {
            let changes: Vec<_> = group
                .iter()
                .map(|step| Change::Rename {
                    from: At::path(&step.source.path),
                    to: At::path(&step.target.path),
                    mode: RenameMode::NoReplace,
                })
                .collect();
            self.announced(&*goal.backend, acts, &changes)?
        } else {
            self.writer.intend(acts)?;
            let results: Vec<_> = group
                .iter()
                .map(|step| rename_to_free(&*goal.backend, &step.source.path, &step.target.path))
                .collect();
            let outcomes = results.iter().map(|result| match result {
                Ok(()) => Outcome::Done,
                Err(_) => Outcome::Failed,
            });
            self.writer.confirm(outcomes.collect())?;
            results
        };
        for (step, result) in group.into_iter().zip(results) {
            self.renamed(step, result, crossing);
        }
        Ok(())
    }

    fn renamed(&mut self, step: Step, result: Result<()>, crossing: &mut Vec<(Place, Place)>) {
        match result {
            Ok(()) => {
                self.report.items += 1;
                self.reporter.done(1, 0);
                self.report.results.push(step.target);
            }
            Err(e) if e.kind() == ErrorKind::CrossDevice => {
                crossing.push((step.source, step.target));
            }
            Err(e) => self.fail(step.source, e),
        }
    }

    /// Takes the place of a file, which goes to the trash. The outer error ends the operation, the inner one this item.
    fn rename_over(&mut self, goal: &Goal, step: &Step, old: &Metadata) -> Result<Result<()>> {
        let backend = &*goal.backend;
        let rename = |mode| {
            backend.change(&Change::Rename {
                from: At::path(&step.source.path),
                to: At::path(&step.target.path),
                mode,
            })
        };
        match backend.stat(At::path(&step.target.path)) {
            Ok(now) if Stamp::of(old).matches(&now) => {}
            Ok(_) => {
                return Ok(Err(Error::new(ErrorKind::Busy, "replace")
                    .with_path(&step.target.path)
                    .with_detail("it changed after you decided")));
            }
            Err(e) => return Ok(Err(e)),
        }
        let Some(trash) = backend.extensions().trash else {
            self.writer.intend(vec![step.act()])?;
            let done = rename(RenameMode::Replace);
            let outcome = if done.is_ok() {
                Outcome::Done
            } else {
                Outcome::Failed
            };
            self.writer.confirm(vec![outcome])?;
            return Ok(done);
        };
        let restore = Act::Restore {
            at: step.target.clone(),
            stamp: Stamp::of(old),
            trash: None,
        };
        self.writer.intend(vec![restore, step.act()])?;
        let done = if goal.capabilities.contains(Capabilities::RENAME_EXCHANGE) {
            rename(RenameMode::Exchange).and_then(|()| {
                trash
                    .discard_as(&step.source.path, &step.target.path)
                    .or_else(|e| rename(RenameMode::Exchange).and(Err(e)))
            })
        } else {
            trash.discard(&step.target.path).and_then(|id| {
                rename_to_free(backend, &step.source.path, &step.target.path)
                    .or_else(|e| {
                        trash.restore(&id, &step.target.path, RenameMode::NoReplace)?;
                        Err(e)
                    })
                    .map(|()| id)
            })
        };
        let (outcomes, done) = match done {
            Ok(id) => (vec![Outcome::Trashed(id), Outcome::Done], Ok(())),
            Err(e) => (vec![Outcome::Failed, Outcome::Failed], Err(e)),
        };
        self.writer.confirm(outcomes)?;
        Ok(done)
    }
}
