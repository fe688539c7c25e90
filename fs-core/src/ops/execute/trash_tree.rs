//! Taking back what was made: a folder with all that was made in it goes to the trash as one, if nothing in it has changed.

use std::collections::HashMap;

use super::take_back::{Left, changed, look};
use super::{GROUP, Run};
use crate::backend::{At, Backend, Change, Want};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::listing::EntryBatch;
use crate::metadata::FileKind;
use crate::ops::journal::{Act, Stamp};
use crate::ops::place::{FsRef, Place};
use crate::path::{Name, VPath};

/// What was made in one filesystem.
type Made = HashMap<VPath, Stamp>;

impl Run<'_, '_> {
    /// Takes back a run of `Remove` acts.
    pub(super) fn remove_made(&mut self, group: &[Act], to_trash: bool, left: &mut Left) {
        let mut by_fs: Vec<(FsRef, Vec<(&Place, &Stamp)>)> = Vec::new();
        for act in group.iter().rev() {
            let Act::Remove { at, stamp } = act else {
                continue;
            };
            if left.keeps(at) {
                left.acts_push(act);
                continue;
            }
            match by_fs.iter_mut().find(|(fs, _)| *fs == at.fs) {
                Some((_, list)) => list.push((at, stamp)),
                None => by_fs.push((at.fs.clone(), vec![(at, stamp)])),
            }
        }
        for (fs, made) in by_fs {
            let to_trash = to_trash && self.may_trash(&fs);
            let done = self
                .filesystems
                .backend(&fs)
                .and_then(|backend| self.remove_in(&*backend, &made, to_trash, left));
            if let Err(e) = done {
                for (at, stamp) in made {
                    self.give_up(at, stamp, e.clone(), left);
                }
            }
        }
    }

    /// What came out of an encrypted filesystem is not left behind in clear in the trash of another one when that is taken back.
    pub(super) fn may_trash(&self, fs: &FsRef) -> bool {
        let is_encrypted = |fs: &FsRef| {
            self.filesystems.backend(fs).is_ok_and(|backend| {
                let root = VPath::root();
                let able = backend.capabilities(At::path(&root));
                able.contains(Capabilities::ENCRYPTED)
            })
        };
        let operation = &self.writer.entry().operation;
        is_encrypted(fs) || !operation.filesystems().iter().any(is_encrypted)
    }

    fn give_up(&mut self, at: &Place, stamp: &Stamp, error: Error, left: &mut Left) {
        self.fail(at.clone(), error);
        left.acts_push(&Act::Remove {
            at: at.clone(),
            stamp: *stamp,
        });
    }

    fn remove_in(
        &mut self,
        backend: &dyn Backend,
        made: &[(&Place, &Stamp)],
        to_trash: bool,
        left: &mut Left,
    ) -> Result<()> {
        let all: Made = made.iter().map(|(at, s)| (at.path.clone(), **s)).collect();
        let trash = backend.extensions().trash.filter(|_| to_trash);
        let mut gone: Vec<VPath> = Vec::new();
        if let Some(trash) = trash {
            // Parents were made first, so they come last here.
            for (at, stamp) in made.iter().rev() {
                let topmost = at.path.parent().is_none_or(|p| !all.contains_key(&p));
                let folder = stamp.kind == FileKind::Directory;
                if topmost
                    && folder
                    && untouched(backend, &at.path, &all)?
                    && trash.discard(&at.path).is_ok()
                {
                    gone.push(at.path.clone());
                }
            }
        }
        gone.sort();
        let (in_gone, rest): (Vec<_>, Vec<_>) = made
            .iter()
            .copied()
            .partition(|(at, _)| below_any(&gone, &at.path));
        self.report.items += in_gone.len() as u64;
        for (at, stamp) in rest.iter().filter(|_| trash.is_some()) {
            let done = match look(backend, at)? {
                None => Ok(()),
                Some(now) if !stamp.matches(&now) => Err(changed(at)),
                Some(now) if now.is_dir() => backend.change(&Change::Rmdir(At::path(&at.path))),
                Some(_) => match trash {
                    Some(trash) => trash.discard(&at.path).map(drop),
                    None => Ok(()),
                },
            };
            match done {
                Ok(()) => self.report.items += 1,
                Err(e) => self.give_up(at, stamp, e, left),
            }
        }
        if trash.is_none() {
            self.remove_for_good(backend, &rest, left)?;
        }
        Ok(())
    }

    fn remove_for_good(
        &mut self,
        backend: &dyn Backend,
        made: &[(&Place, &Stamp)],
        left: &mut Left,
    ) -> Result<()> {
        for group in made.chunks(GROUP) {
            let mut steps = Vec::new();
            for (at, stamp) in group {
                match look(backend, at)? {
                    None => {}
                    Some(now) if stamp.matches(&now) => steps.push((*at, *stamp, now.is_dir())),
                    Some(_) => self.give_up(at, stamp, changed(at), left),
                }
            }
            let changes: Vec<_> = steps
                .iter()
                .map(|(at, _, folder)| {
                    if *folder {
                        Change::Rmdir(At::path(&at.path))
                    } else {
                        Change::Unlink(At::path(&at.path))
                    }
                })
                .collect();
            let results = backend.change_all(&changes);
            for ((at, stamp, _), result) in steps.iter().zip(results) {
                match result {
                    Ok(()) => self.report.items += 1,
                    Err(e) => self.give_up(at, stamp, e, left),
                }
            }
        }
        Ok(())
    }
}

/// Does the folder hold nothing but what was made, as it was made?
fn untouched(backend: &dyn Backend, folder: &VPath, made: &Made) -> Result<bool> {
    match backend.stat(At::path(folder)) {
        Ok(now) if now.is_dir() => {}
        Ok(_) => return Ok(false),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    }
    let mut stack = vec![folder.clone()];
    let mut batch = EntryBatch::new();
    while let Some(folder) = stack.pop() {
        let mut listing = backend.list(At::path(&folder), &Want::metadata())?;
        loop {
            let more = listing.next(&mut batch)?;
            for entry in batch.iter() {
                let path = folder.join(&Name::new(entry.name)?);
                let now = match entry.metadata {
                    Some(metadata) => *metadata,
                    None => backend.stat(At::path(&path))?,
                };
                if !made.get(&path).is_some_and(|stamp| stamp.matches(&now)) {
                    return Ok(false);
                }
                if now.is_dir() {
                    stack.push(path);
                }
            }
            batch.clear();
            if !more {
                break;
            }
        }
    }
    Ok(true)
}

/// Is `path` one of these folders (in tree order), or in one?
fn below_any(folders: &[VPath], path: &VPath) -> bool {
    let after = folders.partition_point(|folder| folder <= path);
    after
        .checked_sub(1)
        .and_then(|index| folders.get(index))
        .is_some_and(|folder| path.starts_with(folder))
}
