//! Folders of a copy: made first, all together; given their attributes last, from the innermost out, when nothing changes them any more.

use super::Run;
use super::attributes::{Origin, There};
use super::transfer::Way;
use crate::backend::{At, Change};
use crate::error::{ErrorKind, Result};
use crate::metadata::{FileKind, NewNode};
use crate::ops::fate::Fate;
use crate::ops::journal::{Act, Stamp};
use crate::ops::tree::Root;

/// While it is being filled, nobody else looks in.
const MODE_MEANWHILE: u32 = 0o700;

impl Run<'_, '_> {
    /// Makes the folders of a root that are missing.
    pub(super) fn make_folders(&mut self, way: &mut Way<'_>, root: &Root) -> Result<()> {
        let mut missing = Vec::new();
        for index in root.items.clone() {
            let Some(item) = way.tree.items.get(index) else {
                continue;
            };
            let fate = way.fate(index);
            if !item.metadata.is_dir() || item.whole || !fate.goes() {
                continue;
            }
            if let Some(target) = self.target(way, index) {
                way.folders.insert(index, target);
                if fate == Fate::Merge {
                    self.report.items += 1;
                    self.reporter.done(1, 0);
                } else {
                    missing.push(index);
                }
            }
        }
        for group in missing.chunks(super::GROUP) {
            self.reporter.check()?;
            self.make_group(way, group)?;
        }
        Ok(())
    }

    fn make_group(&mut self, way: &mut Way<'_>, group: &[usize]) -> Result<()> {
        let new = NewNode::directory().with_mode(MODE_MEANWHILE);
        let steps: Vec<_> = group
            .iter()
            .filter_map(|index| Some((*index, way.folders.get(index)?.clone())))
            .collect();
        let acts = steps.iter().filter_map(|(index, target)| {
            let mut stamp = Stamp::copy_of(&way.tree.items.get(*index)?.metadata);
            stamp.kind = FileKind::Directory;
            Some(Act::Remove {
                at: way.goal.place(target),
                stamp,
            })
        });
        let changes: Vec<_> = steps
            .iter()
            .map(|(_, target)| Change::Create(At::path(target), &new))
            .collect();
        let backend = way.goal.backend.clone();
        let results = self.announced(&*backend, acts.collect(), &changes)?;
        for ((index, target), result) in steps.iter().zip(results) {
            let Err(e) = result else {
                self.report.items += 1;
                self.reporter.done(1, 0);
                continue;
            };
            let appeared = e.kind() == ErrorKind::AlreadyExists
                && backend.stat(At::path(target)).is_ok_and(|m| m.is_dir());
            if appeared {
                continue;
            }
            way.folders.remove(index);
            let parent = way.tree.items.get(*index).and_then(|item| item.parent);
            // Below a folder that failed, only that one is told.
            let first = parent.is_none_or(|parent| way.folders.contains_key(&parent));
            if let Some(source) = way.tree.source(*index).filter(|_| first) {
                self.fail(source, e);
            }
        }
        Ok(())
    }

    /// Gives the folders that were made their attributes.
    pub(super) fn finish_folders(&mut self, way: &Way<'_>, root: &Root) -> Result<()> {
        for index in root.items.clone().rev() {
            let (Some(item), Some(target)) = (way.tree.items.get(index), way.folders.get(&index))
            else {
                continue;
            };
            if way.fate(index) == Fate::Merge && !self.is_own(&way.goal, target) {
                continue;
            }
            let Some(source) = way.tree.source(index) else {
                continue;
            };
            let from = self.backend(&source)?;
            let origin = Origin {
                backend: &*from,
                at: At::path(&source.path),
                path: &source.path,
                metadata: &item.metadata,
            };
            let mut there = There(&*way.goal.backend, target);
            match self
                .carrier
                .carry(origin, &mut there, way.goal.capabilities)
            {
                Ok(losses) => losses.into_iter().for_each(|loss| self.lose(loss)),
                Err(e) => self.fail(source, e),
            }
        }
        Ok(())
    }
}
