//! The second half of a move: sources go, once everything of them is durable at the target.

use super::Run;
use super::transfer::Way;
use crate::backend::{At, Backend, Change, Scope};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::journal::{Act, Outcome, Stamp};
use crate::ops::operation::Attributes;
use crate::ops::place::Place;
use crate::ops::tree::Root;

/// A name to remove at the source.
struct Leaving {
    place: Place,
    folder: bool,
    act: Act,
}

impl Run<'_, '_> {
    /// Removes of each root what has arrived. Whatever failed, was skipped or has changed since stays, with the folders it is in.
    pub(super) fn remove_sources(&mut self, way: &Way<'_>, roots: &[&Root]) -> Result<()> {
        if !way.moving || roots.is_empty() {
            return Ok(());
        }
        if let Err(e) = way.goal.backend.sync(Scope::All) {
            for root in roots {
                self.fail(root.source.clone(), e.clone());
            }
            return Ok(());
        }
        let mut group = Vec::new();
        let mut at_fs = None;
        for root in roots {
            let backend = self.backend(&root.source)?;
            if volatile(&*way.goal.backend, &root.target) && !volatile(&*backend, &root.source) {
                self.trash_source(way, root, &*backend)?;
                continue;
            }
            if at_fs.as_ref() != Some(&root.source.fs) {
                self.leave(&mut group)?;
                at_fs = Some(root.source.fs.clone());
            }
            for index in root.items.clone().rev() {
                if let Some(leaving) = self.leaving(way, index, &*backend) {
                    group.push(leaving);
                }
                if group.len() >= super::GROUP {
                    self.leave(&mut group)?;
                }
            }
        }
        self.leave(&mut group)
    }

    /// What has to be removed of an item, and how to bring it back.
    fn leaving(&mut self, way: &Way<'_>, index: usize, backend: &dyn Backend) -> Option<Leaving> {
        let place = way.tree.source(index)?;
        if way.folders.contains_key(&index) {
            let metadata = way.tree.items.get(index)?.metadata;
            let attr = Attributes {
                mode: Some(metadata.mode),
                uid: Some(metadata.uid),
                gid: Some(metadata.gid),
                mtime: Some(metadata.mtime),
                atime: Some(metadata.atime),
            };
            let act = Act::MakeFolder {
                at: place.clone(),
                attr,
            };
            return Some(Leaving {
                place,
                folder: true,
                act,
            });
        }
        let arrived = way.arrived.get(&index)?;
        match backend.stat(At::path(&place.path)) {
            Ok(now) if now.id == arrived.seen.id && Stamp::of(&arrived.seen).matches(&now) => {
                let act = Act::MoveBack {
                    from: way.goal.place(&arrived.target),
                    to: place.clone(),
                    stamp: arrived.stamp,
                    brother: way.brother(index),
                };
                Some(Leaving {
                    place,
                    folder: false,
                    act,
                })
            }
            Ok(_) => {
                let error = Error::new(ErrorKind::Busy, "move")
                    .with_path(&place.path)
                    .with_detail("it changed while it was being moved; both are kept");
                self.fail(place, error);
                None
            }
            Err(e) => {
                self.fail(place, e);
                None
            }
        }
    }

    fn leave(&mut self, group: &mut Vec<Leaving>) -> Result<()> {
        let group = std::mem::take(group);
        let Some(first) = group.first() else {
            return Ok(());
        };
        let backend = self.backend(&first.place)?;
        let acts = group.iter().map(|leaving| leaving.act.clone()).collect();
        let changes: Vec<_> = group
            .iter()
            .map(|leaving| {
                let at = At::path(&leaving.place.path);
                if leaving.folder {
                    Change::Rmdir(at)
                } else {
                    Change::Unlink(at)
                }
            })
            .collect();
        let results = self.announced(&*backend, acts, &changes)?;
        drop(changes);
        for (leaving, result) in group.into_iter().zip(results) {
            match result {
                Ok(()) => {}
                // Something stayed in it, which has been told.
                Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty && self.left_something() => {}
                Err(e) => self.fail(leaving.place, e),
            }
        }
        Ok(())
    }

    /// Did anything stay at its source?
    pub(super) fn left_something(&self) -> bool {
        !self.report.failed.is_empty() || !self.report.skipped.is_empty()
    }

    /// A move into a filesystem that forgets: the source goes to its trash if it arrived whole, otherwise it stays.
    fn trash_source(&mut self, way: &Way<'_>, root: &Root, backend: &dyn Backend) -> Result<()> {
        let all = root
            .items
            .clone()
            .all(|index| way.folders.contains_key(&index) || way.arrived.contains_key(&index));
        let metadata = way.tree.items.get(root.items.start).map(|i| i.metadata);
        let (Some(trash), Some(metadata), true) = (backend.extensions().trash, metadata, all)
        else {
            self.report.skipped.push(root.source.clone());
            return Ok(());
        };
        self.writer.intend(vec![Act::Restore {
            at: root.source.clone(),
            stamp: Stamp::of(&metadata),
            trash: None,
        }])?;
        let outcome = match trash.discard(&root.source.path) {
            Ok(id) => Outcome::Trashed(id),
            Err(e) => {
                self.fail(root.source.clone(), e);
                Outcome::Failed
            }
        };
        self.writer.confirm(vec![outcome])
    }
}

fn volatile(backend: &dyn Backend, place: &Place) -> bool {
    let capabilities = backend.capabilities(At::path(&place.path));
    capabilities.contains(Capabilities::VOLATILE)
}
