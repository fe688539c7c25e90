//! Making staged nodes appear, one or many in one step of the upper.

use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;

use super::core::Core;
use super::lookup::Entry;
use super::pins::{Pin, Place};
use super::stage::OverlayStaged;
use crate::backend::{At, RenameMode};
use crate::error::{Error, ErrorKind, Result};
use crate::file::Staged;
use crate::metadata::{FileId, FileKind, Metadata, Time};
use crate::path::{Name, VPath};

/// What remains to be done once the upper has committed a node.
struct Rest {
    path: VPath,
    dir: VPath,
    target: Entry,
    /// Where a pin finds the node that is replaced.
    place: Place,
    dir_mtime: Time,
    kept_number: bool,
    put_mark: bool,
    pin: Option<Arc<Pin>>,
}

impl OverlayStaged {
    /// The caller holds the lock.
    pub(super) fn publish(self, dir: &VPath, name: &Name, mode: RenameMode) -> Result<FileId> {
        let core = self.core.clone();
        let (inner, mode, rest) = self.prepare(dir, name, mode)?;
        let id = inner.commit(mode)?;
        core.finish(rest, id)
    }

    /// Checks the rules and readies the node; gives the upper's node, the mode it is committed in, and what is to be done after.
    fn prepare(
        self,
        dir: &VPath,
        name: &Name,
        mode: RenameMode,
    ) -> Result<(Box<dyn Staged>, RenameMode, Rest)> {
        let Self {
            core,
            mut inner,
            kind,
            pin,
            given,
            ..
        } = self;
        let path = dir.join(name);
        let target = core.look_full(&path)?;
        core.check_commit(&path, kind, &target, mode)?;
        let is_dir = kind == FileKind::Directory;
        if is_dir || target.found().is_ok_and(Metadata::is_dir) {
            core.dirs.forget_all();
        }
        let files = core.marks_are_files()?;
        let kept_number = core.keep_number(&path, kind, &target, &mut *inner, &given)?;
        if is_dir && target.upper.is_some() && mode != RenameMode::Exchange {
            core.clear(&path, &target)?;
        }
        let base_dir = target.base.is_some_and(|base| base.is_dir());
        if is_dir && !files && (target.whiteout || base_dir) {
            core.hide_base_in(&mut *inner, &path)?;
        }
        let over_node = target.upper.is_some() || target.whiteout;
        if !over_node && target.base.is_some() {
            // To the upper it is just a new name, but it hides the base's bytes.
            inner.secure()?;
        }
        let mode = match mode {
            RenameMode::Exchange if !over_node => RenameMode::NoReplace,
            RenameMode::Exchange => RenameMode::Exchange,
            _ if target.whiteout && is_dir => RenameMode::Exchange,
            // The base's entry is replaced by being hidden.
            _ if over_node => RenameMode::Replace,
            _ => RenameMode::NoReplace,
        };
        let rest = Rest {
            place: core.place_after(&path, &target),
            dir_mtime: core.dir_times(dir)?,
            path,
            dir: dir.clone(),
            target,
            kept_number,
            put_mark: files && is_dir && base_dir,
            pin: pin.into_inner(),
        };
        Ok((inner, mode, rest))
    }
}

impl Core {
    fn finish(self: &Arc<Self>, rest: Rest, id: FileId) -> Result<FileId> {
        let replaced = rest.target.upper;
        if rest.kept_number && replaced.is_none() {
            // The directory has the entries it had before.
            self.reset_dir_times(&rest.dir, rest.dir_mtime)?;
        }
        if rest.put_mark {
            self.put_mark(&rest.path)?;
        }
        if !rest.kept_number {
            self.pins.removed(&rest.path, rest.place);
            if let Some(replaced) = &replaced {
                self.ids()?.forget(replaced);
            }
        }
        if let Some(pin) = &rest.pin {
            self.pins.settle(pin, &rest.path);
        }
        let id = self.upper_id(At::path(&self.upper.kept(&rest.path)?), id)?;
        self.told.aside(id);
        Ok(id)
    }

    /// Commits many nodes, those that do not depend on each other in one step of the upper.
    pub(super) fn commit_all(
        self: &Arc<Self>,
        staged: Vec<(Box<dyn Staged>, RenameMode)>,
    ) -> Vec<Result<FileId>> {
        let mut batch = Batch::default();
        let mut results = Vec::with_capacity(staged.len());
        {
            let _tree = self.tree.write();
            for (staged, mode) in staged {
                results.push(Err(Error::new(ErrorKind::InvalidInput, "commit")));
                let index = results.len() - 1;
                let staged: Box<dyn Any> = staged;
                let Ok(own) = staged.downcast::<OverlayStaged>() else {
                    continue;
                };
                if !Arc::ptr_eq(&own.core, self) {
                    continue;
                }
                let Some((pin, name)) = own.place.clone() else {
                    self.flush(&mut batch, &mut results);
                    set(&mut results, index, self.commit_loose(*own, mode));
                    continue;
                };
                let Place::Tree(dir) = pin.place() else {
                    set(
                        &mut results,
                        index,
                        Err(Error::new(ErrorKind::NotFound, "commit")),
                    );
                    continue;
                };
                // A replacement puts the time of its directory back, which must not undo what others of its batch did.
                let alone = mode != RenameMode::NoReplace;
                if alone || batch.paths.contains(&dir.join(&name)) {
                    self.flush(&mut batch, &mut results);
                }
                batch.paths.insert(dir.join(&name));
                match own.prepare(&dir, &name, mode) {
                    Ok((inner, mode, rest)) => {
                        batch.staged.push((inner, mode));
                        batch.rests.push((index, rest));
                    }
                    Err(error) => set(&mut results, index, Err(error)),
                }
                if alone {
                    self.flush(&mut batch, &mut results);
                }
            }
            self.flush(&mut batch, &mut results);
        }
        for path in batch.changed {
            self.watchers.changed(&path);
        }
        results
    }

    fn flush(self: &Arc<Self>, batch: &mut Batch, results: &mut [Result<FileId>]) {
        let staged = std::mem::take(&mut batch.staged);
        batch.paths.clear();
        if staged.is_empty() {
            return;
        }
        let committed = self.upper.backend().commit_all(staged);
        for ((index, rest), committed) in batch.rests.drain(..).zip(committed) {
            let path = rest.path.clone();
            let finished = committed.and_then(|id| self.finish(rest, id));
            set(results, index, finished);
            batch.changed.push(path);
        }
    }

    /// A node inside another staged directory.
    fn commit_loose(&self, staged: OverlayStaged, mode: RenameMode) -> Result<FileId> {
        let id = staged.inner.commit(mode)?;
        self.ids().map(|ids| ids.upper(id))
    }
}

/// Nodes to be committed together, under names that differ.
#[derive(Default)]
struct Batch {
    staged: Vec<(Box<dyn Staged>, RenameMode)>,
    rests: Vec<(usize, Rest)>,
    paths: HashSet<VPath>,
    changed: Vec<VPath>,
}

fn set(results: &mut [Result<FileId>], index: usize, result: Result<FileId>) {
    if let Some(slot) = results.get_mut(index) {
        *slot = result;
    }
}
