//! Copy and move: folder by folder into any target.
//!
//! Of each source: its folders are made, then its files arrive in batches, then hard links, then the folders get their attributes; of a move only
//! then, when all that is durable, the source goes. A cancel takes back the source that was half there and leaves those that were whole.

use std::collections::HashMap;

use super::Run;
use super::put::{Batch, Goal, How, Job};
use crate::backend::At;
use crate::capabilities::Capabilities;
use crate::error::{ErrorKind, Result};
use crate::metadata::{FileId, FileKind, Metadata};
use crate::ops::fate::{self, Fate};
use crate::ops::journal::{Act, Stamp};
use crate::ops::names::{self, Style};
use crate::ops::place::Place;
use crate::ops::preflight::Decisions;
use crate::ops::scan::Scanner;
use crate::ops::tree::{AtTarget, Root, Tree};
use crate::path::VPath;

/// Sources of a move are removed when so much has been copied since the last time.
const REMOVE_AFTER_BYTES: u64 = 256 << 20;
const REMOVE_AFTER_ITEMS: usize = 4096;

/// A tree on its way.
pub(super) struct Way<'t> {
    pub(super) tree: &'t Tree,
    pub(super) fates: Vec<Fate>,
    pub(super) goal: Goal,
    pub(super) moving: bool,
    /// Where folders are at the target.
    pub(super) folders: HashMap<usize, VPath>,
    /// What arrived.
    pub(super) arrived: HashMap<usize, Arrived>,
    /// The first name of each file with several.
    firsts: HashMap<FileId, usize>,
    /// Further names, with the first one's item.
    links: Vec<(usize, usize)>,
}

/// Something that is no folder, at the target.
#[derive(Clone)]
pub(super) struct Arrived {
    pub(super) target: VPath,
    /// The source as it was when it was read.
    pub(super) seen: Metadata,
    pub(super) stamp: Stamp,
}

impl Way<'_> {
    /// Is it made anew, and not renamed as a whole?
    fn copies(&self, index: usize) -> bool {
        let whole = self.tree.items.get(index).is_none_or(|item| item.whole);
        !whole && self.fates.get(index).is_some_and(|fate| fate.goes())
    }

    /// Where the first name of the same file is, if this is a further one.
    pub(super) fn brother(&self, index: usize) -> Option<Place> {
        let id = self.tree.items.get(index)?.metadata.id;
        let first = *self.firsts.get(&id)?;
        (first != index).then(|| self.tree.source(first)).flatten()
    }

    pub(super) fn fate(&self, index: usize) -> Fate {
        self.fates.get(index).copied().unwrap_or(Fate::Refuse)
    }
}

impl Run<'_, '_> {
    pub(super) fn transfer(
        &mut self,
        tree: &Tree,
        decisions: &Decisions,
        moving: bool,
    ) -> Result<()> {
        let Some(first) = tree.roots.first() else {
            return Ok(());
        };
        let mut way = Way {
            tree,
            fates: fate::fates(tree, decisions),
            goal: self.goal(&first.target)?,
            moving,
            folders: HashMap::new(),
            arrived: HashMap::new(),
            firsts: HashMap::new(),
            links: Vec::new(),
        };
        for (index, fate) in way.fates.iter().enumerate() {
            if *fate == Fate::Skip {
                self.report.skipped.extend(tree.source(index));
            }
        }
        if moving {
            let crossing = self.rename_wholes(&way)?;
            self.cross(crossing, decisions)?;
        }
        let done = self.copy_roots(&mut way);
        self.select(&way);
        done
    }

    /// What can't be renamed because it lies on another device after all: looked into, then copied and removed.
    pub(super) fn cross(
        &mut self,
        pairs: Vec<(Place, Place)>,
        decisions: &Decisions,
    ) -> Result<()> {
        if pairs.is_empty() {
            return Ok(());
        }
        let mut scanner = Scanner::new(self.filesystems, &mut self.reporter);
        scanner.pairs(&pairs)?;
        let (tree, problems) = (scanner.tree, scanner.preflight.problems);
        for problem in problems {
            let error = problem.kind.error(&problem.source);
            self.fail(problem.source, error);
        }
        self.transfer(&tree, decisions, true)
    }

    /// Notes the topmost things that appeared.
    fn select(&mut self, way: &Way<'_>) {
        for root in &way.tree.roots {
            let index = root.items.start;
            let at = way.folders.get(&index).cloned();
            let at = at.or_else(|| Some(way.arrived.get(&index)?.target.clone()));
            self.report.results.extend(at.map(|at| way.goal.place(&at)));
        }
    }

    fn copy_roots(&mut self, way: &mut Way<'_>) -> Result<()> {
        let mut batch = Batch::new(way.goal.clone(), true);
        let mut whole = Vec::new();
        let (mut items, mut bytes) = (0, 0);
        for root in &way.tree.roots {
            let single = root.items.len() == 1
                && way
                    .tree
                    .items
                    .get(root.items.start)
                    .is_some_and(|i| !i.metadata.is_dir());
            if !single {
                self.arrive(way, &mut batch)?;
            }
            let begun = self.writer.entry().acts.len();
            if let Err(stop) = self.copy_root(way, &mut batch, root, single) {
                batch.abandon();
                if !single {
                    self.roll_back(begun)?;
                    way.folders.remove(&root.items.start);
                }
                self.remove_sources(way, &whole)?;
                return Err(stop);
            }
            whole.push(root);
            items += root.items.len();
            bytes += way.tree.items.get(root.items.clone()).map_or(0, |items| {
                items.iter().map(|item| item.metadata.size).sum::<u64>()
            });
            if way.moving && (items >= REMOVE_AFTER_ITEMS || bytes >= REMOVE_AFTER_BYTES) {
                self.arrive(way, &mut batch)?;
                self.remove_sources(way, &whole)?;
                whole.clear();
                (items, bytes) = (0, 0);
            }
        }
        self.arrive(way, &mut batch)?;
        self.make_links(way, &mut batch)?;
        self.remove_sources(way, &whole)
    }

    /// Commits what is staged and notes where it is.
    fn arrive(&mut self, way: &mut Way<'_>, batch: &mut Batch) -> Result<()> {
        self.flush(batch)?;
        for arrival in batch.arrivals.drain(..) {
            let arrived = Arrived {
                target: arrival.target,
                seen: arrival.seen,
                stamp: arrival.stamp,
            };
            way.arrived.insert(arrival.tag, arrived);
        }
        Ok(())
    }

    fn copy_root(
        &mut self,
        way: &mut Way<'_>,
        batch: &mut Batch,
        root: &Root,
        single: bool,
    ) -> Result<()> {
        if !single {
            self.make_folders(way, root)?;
        }
        for index in root.items.clone() {
            let Some(item) = way.tree.items.get(index) else {
                continue;
            };
            if item.metadata.is_dir() || !way.copies(index) {
                continue;
            }
            if self.is_there(way, index) {
                way.firsts.entry(item.metadata.id).or_insert(index);
                continue;
            }
            if item.metadata.nlink > 1 {
                let first = *way.firsts.entry(item.metadata.id).or_insert(index);
                let links = way.goal.capabilities.contains(Capabilities::HARD_LINKS);
                if first != index && links {
                    way.links.push((index, first));
                    continue;
                }
            }
            self.send(way, batch, index)?;
        }
        if !single {
            self.arrive(way, batch)?;
            self.make_links(way, batch)?;
            self.finish_folders(way, root)?;
        }
        Ok(())
    }

    /// Did it arrive before the operation was interrupted?
    fn is_there(&mut self, way: &mut Way<'_>, index: usize) -> bool {
        if self.own.is_empty() {
            return false;
        }
        let (Some(item), Some(target)) = (way.tree.items.get(index), self.target(way, index))
        else {
            return false;
        };
        let (seen, place) = (item.metadata, way.goal.place(&target));
        let Some(stamp) = self.own.get(&place).copied() else {
            return false;
        };
        let there = stamp.same_as_source(&seen) && self.is_own(&way.goal, &target);
        if there {
            self.report.items += 1;
            self.reporter
                .done(1, if seen.is_file() { seen.size } else { 0 });
            let arrived = Arrived {
                target,
                seen,
                stamp,
            };
            way.arrived.insert(index, arrived);
        }
        there
    }

    /// Puts one item into the batch.
    fn send(&mut self, way: &mut Way<'_>, batch: &mut Batch, index: usize) -> Result<()> {
        if way.fate(index) == Fate::MakeBeside {
            // The name chosen must not be that of something staged.
            self.arrive(way, batch)?;
        }
        match self.job(way, index)? {
            Some(job) => self.put(batch, job),
            None => Ok(()),
        }
    }

    /// What has to be done to bring an item; `None`: the folder it belongs into is not there.
    fn job(&mut self, way: &Way<'_>, index: usize) -> Result<Option<Job>> {
        let (Some(source), Some(target)) = (way.tree.source(index), self.target(way, index)) else {
            return Ok(None);
        };
        let there = way.tree.items.get(index).map(|item| &item.at_target);
        let how = match (way.fate(index), there) {
            _ if self.is_own(&way.goal, &target) => How::Over,
            (Fate::Replace, Some(AtTarget::Taken(old))) => How::Replace(*old),
            _ => How::New,
        };
        let from = self.backend(&source)?;
        Ok(Some(Job {
            tag: index,
            source,
            from,
            target,
            how,
        }))
    }

    /// Puts a further name of a file that has arrived into the batch; it takes the place of another file.
    fn send_link(
        &mut self,
        way: &mut Way<'_>,
        batch: &mut Batch,
        index: usize,
        first: &Arrived,
    ) -> Result<()> {
        match self.job(way, index)? {
            Some(job) if matches!(job.how, How::Replace(_)) => {
                self.put_link(batch, job, &first.target, first.seen)
            }
            Some(job) => self.put(batch, job),
            None => Ok(()),
        }
    }

    /// Was what is at `path` made by this very operation, before it was interrupted, and not touched since?
    pub(super) fn is_own(&self, goal: &Goal, path: &VPath) -> bool {
        let own = self.own.get(&goal.place(path));
        own.is_some_and(|stamp| {
            let now = goal.backend.stat(At::path(path));
            now.is_ok_and(|now| stamp.matches(&now))
        })
    }

    /// Where an item goes; `None`: the folder it belongs into is not there.
    pub(super) fn target(&self, way: &Way<'_>, index: usize) -> Option<VPath> {
        let item = way.tree.items.get(index)?;
        let root = way.tree.root_of(index)?;
        let wanted = match item.parent {
            None => root.target.path.clone(),
            Some(parent) => way.folders.get(&parent)?.join(item.name.as_ref()?),
        };
        if way.fate(index) != Fate::MakeBeside {
            return Some(wanted);
        }
        let style = if root.beside {
            Style::Copy
        } else {
            Style::Numbered
        };
        self.free_name(&way.goal, &wanted, item.metadata.kind, style)
    }

    /// A name beside `wanted` that nothing has. `None`: thousands are taken.
    pub(super) fn free_name(
        &self,
        goal: &Goal,
        wanted: &VPath,
        kind: FileKind,
        style: Style,
    ) -> Option<VPath> {
        let (folder, name) = wanted.split_last()?;
        (1..10_000)
            .map(|attempt| folder.join(&names::beside(&name, kind, style, attempt)))
            .find(|path| {
                let there = goal.backend.stat(At::path(path));
                there.is_err_and(|e| e.kind() == ErrorKind::NotFound) || self.is_own(goal, path)
            })
    }

    /// Further names of files that have arrived; where that can't be, a file of its own.
    fn make_links(&mut self, way: &mut Way<'_>, batch: &mut Batch) -> Result<()> {
        let links = std::mem::take(&mut way.links);
        for group in links.chunks(super::GROUP) {
            self.reporter.check()?;
            let mut steps = Vec::new();
            let mut alone = Vec::new();
            for &(index, first) in group {
                match (way.arrived.get(&first).cloned(), self.target(way, index)) {
                    (Some(arrived), Some(_)) if way.fate(index) == Fate::Replace => {
                        self.send_link(way, batch, index, &arrived)?;
                    }
                    (Some(arrived), Some(target)) => steps.push((index, arrived, target)),
                    _ => alone.push(index),
                }
            }
            let acts = steps.iter().map(|(_, arrived, target)| Act::Remove {
                at: way.goal.place(target),
                stamp: arrived.stamp,
            });
            let changes: Vec<_> = steps
                .iter()
                .map(|(_, arrived, target)| crate::Change::Link {
                    from: At::path(&arrived.target),
                    to: At::path(target),
                })
                .collect();
            let backend = way.goal.backend.clone();
            let results = self.announced(&*backend, acts.collect(), &changes)?;
            drop(changes);
            for ((index, arrived, target), result) in steps.into_iter().zip(results) {
                if result.is_err() {
                    alone.push(index);
                    continue;
                }
                self.report.items += 1;
                self.reporter.done(1, arrived.seen.size);
                way.arrived.insert(index, Arrived { target, ..arrived });
            }
            for index in alone {
                self.send(way, batch, index)?;
            }
        }
        self.arrive(way, batch)
    }
}
