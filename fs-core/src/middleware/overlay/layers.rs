//! Which layer an entry comes from, what the top layer changed, and what it deleted.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::change::parent_first;
use super::core::{Core, Outcome};
use super::names::{self, Kept};
use crate::backend::{At, Change, Want};
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::{Deletion, Difference, LayerChange, Origin};
use crate::listing::collect;
use crate::path::{Name, VPath};

impl Core {
    /// Layers of the base and one more.
    pub(super) fn layer_count(&self) -> usize {
        self.base_layer_count() + 1
    }

    fn base_layer_count(&self) -> usize {
        self.base
            .extensions()
            .layers
            .map_or(1, |layers| layers.count())
    }

    pub(super) fn layer_of(&self, path: &VPath) -> Result<Origin> {
        let entry = {
            let _tree = self.tree.read();
            self.look_full(path)?
        };
        entry.found()?;
        Ok(match (entry.upper.is_some(), entry.base.is_some()) {
            (true, true) if entry.merged() => Origin::Merged,
            (true, true) => Origin::Changed,
            (true, false) => Origin::Upper,
            (false, _) => self.layer_in_base(path)?,
        })
    }

    fn layer_in_base(&self, path: &VPath) -> Result<Origin> {
        let Some(layers) = self.base.extensions().layers else {
            return Ok(Origin::Base(0));
        };
        Ok(match layers.origin(path)? {
            Origin::Upper | Origin::Changed => Origin::Base(layers.count().saturating_sub(1)),
            lower @ (Origin::Base(_) | Origin::Merged) => lower,
        })
    }

    pub(super) fn deleted_in(self: &Arc<Self>, dir: &VPath) -> Result<Vec<Deletion>> {
        let (here, listing) = {
            let _tree = self.tree.read();
            let here = self.look(dir)?.as_dir()?;
            if !here.base {
                return Ok(Vec::new());
            }
            (here, self.list_dir(dir, here, &Want::names())?)
        };
        let shown = collect(listing)?;
        let shown: HashSet<_> = shown.iter().map(|entry| entry.name).collect();
        let mut deleted = Vec::new();
        if here.upper {
            let layer = self.base_layer_count();
            for entry in collect(self.base.list(dir, &Want::metadata())?)?.iter() {
                if let Some(below) = entry.metadata.filter(|_| !shown.contains(entry.name)) {
                    deleted.push(Deletion {
                        name: Name::new(entry.name)?,
                        layer,
                        below: *below,
                    });
                }
            }
        }
        if let Some(layers) = self.base.extensions().layers {
            let lower = layers.deleted(dir)?.into_iter();
            deleted.extend(lower.filter(|deletion| !shown.contains(deletion.name.as_os_str())));
        }
        deleted.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(deleted)
    }

    pub(super) fn changes_in(self: &Arc<Self>, dir: &VPath) -> Result<Vec<LayerChange>> {
        let _tree = self.tree.read();
        if !self.look(dir)?.as_dir()?.upper {
            return Ok(Vec::new());
        }
        let files = self.marks_are_files()?;
        let mut names = BTreeSet::new();
        for kept in collect(self.upper.list(dir, &Want::names())?)?.iter() {
            if !files {
                names.insert(Name::new(kept.name)?);
            } else if let Kept::Entry(name) | Kept::Gone(name) = names::read(kept.name) {
                names.insert(name);
            }
        }
        let mut changes = Vec::with_capacity(names.len());
        for name in names {
            let entry = self.look_full(&dir.join(&name))?;
            let difference = match (entry.upper.is_some(), entry.base.is_some()) {
                (true, true) if entry.merged() => Difference::Merged,
                (true, true) => Difference::Changed,
                (true, false) => Difference::Added,
                (false, true) if entry.marked => Difference::Deleted,
                // A mark over nothing.
                (false, _) => continue,
            };
            changes.push(LayerChange {
                name,
                difference,
                now: entry.upper,
                below: entry.base,
            });
        }
        Ok(changes)
    }

    pub(super) fn reveal(self: &Arc<Self>, path: &VPath) -> Result<()> {
        self.mutate(|| {
            let entry = self.look_full(path)?;
            if entry.visible().is_some() {
                return Err(Error::new(ErrorKind::AlreadyExists, "restore"));
            }
            if !entry.marked || entry.base.is_none() {
                return Err(Error::new(ErrorKind::NotFound, "restore"));
            }
            let mark = if entry.whiteout {
                self.upper.kept(path)?
            } else {
                self.upper.mark_of(path)?
            };
            self.dirs.forget_all();
            self.upper.change(&Change::Unlink(At::path(&mark)))?;
            self.revealed.fetch_add(1, Ordering::AcqRel);
            Ok(Outcome::Done(()))
        })?;
        self.watchers.changed(path);
        Ok(())
    }

    pub(super) fn conceal(self: &Arc<Self>, path: &VPath) -> Result<()> {
        self.mutate(|| {
            if path.is_root() {
                return Err(Error::new(ErrorKind::IsRoot, "delete"));
            }
            let entry = self.look_full(path)?;
            entry.found()?;
            if entry.upper.is_some() {
                return Err(Error::new(ErrorKind::AlreadyExists, "delete"));
            }
            if !entry.parent.upper {
                return Ok(parent_first(path));
            }
            let place = self.place_after(path, &entry);
            self.dirs.forget_all();
            self.remove_name(path, &entry)?;
            self.pins.removed(path, place);
            Ok(Outcome::Done(()))
        })?;
        self.watchers.changed(path);
        Ok(())
    }
}
