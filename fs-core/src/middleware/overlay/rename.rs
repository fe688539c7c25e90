//! Renaming across layers.
//!
//! What moves is brought into the upper first (a directory with all below it), which nobody can see; then one rename in the upper makes the change. It leaves
//! a whiteout exactly where the base has the old name, and a directory that comes to a name the base has is opaque before it comes.

use std::sync::Arc;

use super::change::parent_first;
use super::copy_up::Content;
use super::core::{Core, Outcome};
use super::lookup::Entry;
use crate::backend::{At, Change, Follow, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::NewNode;
use crate::path::VPath;

fn fail<T>(kind: ErrorKind) -> Result<T> {
    Err(Error::new(kind, "rename"))
}

impl Core {
    pub(super) fn rename(
        self: &Arc<Self>,
        from: At<'_>,
        to: At<'_>,
        mode: RenameMode,
    ) -> Result<()> {
        let changed = self.mutate(|| {
            let (from_node, from) = self.changeable(from)?;
            let (to_node, to) = self.changeable(to)?;
            match (from_node, to_node) {
                (None, None) => {
                    let done = self.rename_in_tree(&from, &to, mode)?;
                    Ok(done.map(|()| Some((from, to))))
                }
                (Some(a), Some(b)) => {
                    let at = |dir, path| At {
                        dir: Some(dir),
                        path,
                        follow: Follow::Never,
                    };
                    self.upper.change(&Change::Rename {
                        from: at(&a, &from),
                        to: at(&b, &to),
                        mode,
                    })?;
                    Ok(Outcome::Done(None))
                }
                (Some(outside), None) | (None, Some(outside)) => {
                    self.refuse_outside("rename", &outside)
                }
            }
        })?;
        if let Some((from, to)) = changed {
            self.watchers.changed(&from);
            self.watchers.changed(&to);
        }
        Ok(())
    }

    fn rename_in_tree(
        self: &Arc<Self>,
        from: &VPath,
        to: &VPath,
        mode: RenameMode,
    ) -> Result<Outcome<()>> {
        if from.is_root() || to.is_root() {
            return fail(ErrorKind::IsRoot);
        }
        if mode == RenameMode::LeaveWhiteout {
            return fail(ErrorKind::Unsupported);
        }
        // Both directories first, as the kernel looks.
        let source = self.look_full(from)?;
        let target = self.look_full(to)?;
        source.found()?;
        if from == to {
            return match mode {
                RenameMode::NoReplace => fail(ErrorKind::AlreadyExists),
                _ => Ok(Outcome::Done(())),
            };
        }
        if !self.permitted(from, to, &source, &target, mode)? {
            return Ok(Outcome::Done(()));
        }
        if let Some(first) = self.needed(from, to, &source, &target, mode)? {
            return Ok(first);
        }
        self.dirs.forget_all();
        if mode == RenameMode::Exchange {
            self.exchange(from, to, &source, &target)?;
            self.pins.exchanged(from, to);
        } else {
            let place = self.place_after(to, &target);
            self.publish_rename(from, to, &source, &target)?;
            self.pins.removed(to, place);
            self.pins.renamed(from, to);
        }
        Ok(Outcome::Done(()))
    }

    /// The rules of `rename(2)`. `false`: nothing is to be done, both names are one file.
    fn permitted(
        self: &Arc<Self>,
        from: &VPath,
        to: &VPath,
        source: &Entry,
        target: &Entry,
        mode: RenameMode,
    ) -> Result<bool> {
        match (mode, target.visible()) {
            (RenameMode::Exchange, None) => return fail(ErrorKind::NotFound),
            (RenameMode::NoReplace, Some(_)) => return fail(ErrorKind::AlreadyExists),
            _ => {}
        }
        if to.starts_with(from) {
            return fail(ErrorKind::IntoItself);
        }
        let Some(replaced) = target.visible() else {
            return Ok(true);
        };
        if from.starts_with(to) {
            return fail(match mode {
                RenameMode::Exchange => ErrorKind::IntoItself,
                _ => ErrorKind::DirectoryNotEmpty,
            });
        }
        if source.is_same_node(target) {
            return Ok(false);
        }
        if mode == RenameMode::Exchange {
            return Ok(true);
        }
        match (source.found()?.is_dir(), replaced.is_dir()) {
            (true, false) => fail(ErrorKind::NotADirectory),
            (false, true) => fail(ErrorKind::IsADirectory),
            (true, true) if !self.is_empty_dir(to, target.as_dir()?)? => {
                fail(ErrorKind::DirectoryNotEmpty)
            }
            _ => Ok(true),
        }
    }

    /// What must be in the upper before.
    fn needed(
        self: &Arc<Self>,
        from: &VPath,
        to: &VPath,
        source: &Entry,
        target: &Entry,
        mode: RenameMode,
    ) -> Result<Option<Outcome<()>>> {
        // The size of the tree is looked at before anything is copied.
        for (path, entry) in [(from, source), (to, target)] {
            if path == to && mode != RenameMode::Exchange {
                continue;
            }
            if entry.found()?.is_dir() && entry.as_dir()?.base {
                let whole = !self.opaque_is_known()? && self.missing_below(path)?.is_empty();
                if entry.upper.is_none() || !whole {
                    return Ok(Some(Outcome::CopyUpTree(path.clone())));
                }
            } else if entry.upper.is_none() {
                return Ok(Some(Outcome::CopyUp(path.clone(), Content::All)));
            }
        }
        if !source.parent.upper {
            return Ok(Some(parent_first(from)));
        }
        if !target.parent.upper {
            return Ok(Some(parent_first(to)));
        }
        Ok(None)
    }

    /// Does a directory that was copied up whole say so?
    fn opaque_is_known(&self) -> Result<bool> {
        Ok(!self.marks_are_files()? && self.upper.has(Capabilities::XATTRS))
    }

    /// The base has a directory at this name that would show in one that comes here.
    fn base_would_show(entry: &Entry) -> bool {
        entry.base.is_some_and(|base| base.is_dir())
    }

    fn exchange(
        self: &Arc<Self>,
        from: &VPath,
        to: &VPath,
        source: &Entry,
        target: &Entry,
    ) -> Result<()> {
        let files = self.marks_are_files()?;
        for (coming, over, there) in [(source, to, target), (target, from, source)] {
            if coming.found()?.is_dir() && Self::base_would_show(there) {
                if files {
                    self.put_mark(over)?;
                } else {
                    let dir = if over == to { from } else { to };
                    self.hide_base(dir, over)?;
                }
            }
        }
        let (kept_from, kept_to) = (self.upper.kept(from)?, self.upper.kept(to)?);
        for (node, kept, entry, kept_there) in [
            (source, &kept_from, target, &kept_to),
            (target, &kept_to, source, &kept_from),
        ] {
            if let Some(upper) = &node.upper {
                self.carry_origin(At::path(kept), upper.id, entry, kept_there)?;
            }
        }
        self.upper.change(&Change::Rename {
            from: At::path(&kept_from),
            to: At::path(&kept_to),
            mode: RenameMode::Exchange,
        })
    }

    fn publish_rename(
        self: &Arc<Self>,
        from: &VPath,
        to: &VPath,
        source: &Entry,
        target: &Entry,
    ) -> Result<()> {
        let (kept_from, kept_to) = (self.upper.kept(from)?, self.upper.kept(to)?);
        let is_dir = source.found()?.is_dir();
        let files = self.marks_are_files()?;
        let leave_mark = source.base.is_some();
        if let Some(upper) = &source.upper {
            self.carry_origin(At::path(&kept_from), upper.id, target, &kept_to)?;
        }
        if let Some(replaced) = &target.upper {
            self.ids()?.forget(replaced);
            if is_dir {
                self.clear(to, target)?;
            }
        }
        let hides = is_dir && Self::base_would_show(target);
        if hides && !files {
            self.hide_base(from, to)?;
        }
        if files {
            if leave_mark {
                self.put_mark(from)?;
            }
            self.rename_kept(&kept_from, &kept_to, RenameMode::Replace)?;
            // The base's directory is empty or marked already: nothing shows meanwhile.
            return if hides { self.put_mark(to) } else { Ok(()) };
        }
        if is_dir && target.whiteout {
            // The whiteout goes where the directory was, which is where one is due, or does no harm until it is gone.
            self.rename_kept(&kept_from, &kept_to, RenameMode::Exchange)?;
            return if leave_mark {
                Ok(())
            } else {
                self.upper.change(&Change::Unlink(At::path(&kept_from)))
            };
        }
        if !leave_mark {
            return self.rename_kept(&kept_from, &kept_to, RenameMode::Replace);
        }
        if self.upper.has(Capabilities::RENAME_WHITEOUT) {
            return self.rename_kept(&kept_from, &kept_to, RenameMode::LeaveWhiteout);
        }
        // Two steps, where the upper has no one step for it.
        self.rename_kept(&kept_from, &kept_to, RenameMode::Replace)?;
        self.upper
            .change(&Change::Create(At::path(&kept_from), &NewNode::whiteout()))
    }

    fn rename_kept(&self, from: &VPath, to: &VPath, mode: RenameMode) -> Result<()> {
        self.upper.change(&Change::Rename {
            from: At::path(from),
            to: At::path(to),
            mode,
        })
    }
}
