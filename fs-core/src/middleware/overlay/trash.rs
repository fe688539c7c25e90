//! The trash of an overlay is its upper's.
//!
//! What only the base has is copied up on its way there, so that restoring it never depends on the base. A folder in the trash shows nothing of a base, so
//! that it may come back where one has a folder. Both ways are one step of the upper where it can: a whiteout comes or goes with the item.

use std::sync::Arc;

use super::change::parent_first;
use super::copy_up::Content;
use super::core::{Core, Outcome};
use super::names::{self, Kept};
use super::xattr;
use crate::backend::{At, Change, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::{Trash, TrashId, TrashItem};
use crate::metadata::{Metadata, NewNode};
use crate::path::VPath;

impl Core {
    fn trash(&self) -> Result<&dyn Trash> {
        let trash = self.upper.backend().extensions().trash;
        trash.ok_or_else(|| Error::new(ErrorKind::Unsupported, "trash"))
    }

    pub(super) fn discard(self: &Arc<Self>, path: &VPath) -> Result<TrashId> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::IsRoot, "move to trash"));
        }
        let id = self.mutate(|| {
            let entry = self.look_full(path)?;
            if entry.found()?.is_dir() && entry.as_dir()?.base {
                let opaque_is_kept =
                    !self.marks_are_files()? && self.upper.has(Capabilities::XATTRS);
                if opaque_is_kept || entry.upper.is_none() || !self.missing_below(path)?.is_empty()
                {
                    return Ok(Outcome::CopyUpTree(path.clone()));
                }
            } else if entry.upper.is_none() {
                return Ok(Outcome::CopyUp(path.clone(), Content::All));
            }
            let place = self.place_after(path, &entry);
            let (kept, files) = (self.upper.kept(path)?, self.marks_are_files()?);
            let hide = entry.base.is_some();
            if files && hide {
                self.put_mark(path)?;
            }
            self.dirs.forget_all();
            if !files && entry.found()?.is_dir() {
                self.mark(&kept, xattr::OPAQUE, b"y")?;
            }
            let id = if hide && !files {
                self.discard_hidden(&kept)?
            } else {
                self.trash()?.discard(&kept)?
            };
            self.pins.removed(path, place);
            Ok(Outcome::Done(id))
        })?;
        self.watchers.changed(path);
        Ok(id)
    }

    /// Discards what the upper keeps at `kept`, and leaves a whiteout there.
    fn discard_hidden(&self, kept: &VPath) -> Result<TrashId> {
        let trash = self.trash()?;
        if self.upper.has(Capabilities::RENAME_WHITEOUT) {
            match trash.discard_leaving_whiteout(kept) {
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                discarded => return discarded,
            }
        }
        // Two steps, where the upper has no one step for it.
        let id = trash.discard(kept)?;
        self.upper
            .change(&Change::Create(At::path(kept), &NewNode::whiteout()))?;
        Ok(id)
    }

    pub(super) fn restore(
        self: &Arc<Self>,
        id: &TrashId,
        to: &VPath,
        mode: RenameMode,
    ) -> Result<()> {
        self.mutate(|| {
            let entry = self.look_full(to)?;
            if entry.visible().is_some() {
                if mode == RenameMode::NoReplace {
                    return Err(Error::new(ErrorKind::AlreadyExists, "restore"));
                }
                if entry.upper.is_none() || entry.merged() {
                    return Ok(match entry.found()?.is_dir() {
                        true => Outcome::CopyUpTree(to.clone()),
                        false => Outcome::CopyUp(to.clone(), Content::All),
                    });
                }
            }
            if !entry.parent.upper {
                return Ok(parent_first(to));
            }
            let kept = self.upper.kept(to)?;
            self.dirs.forget_all();
            if entry.whiteout {
                self.restore_shown(id, &kept, mode)?;
            } else {
                if entry.visible().is_some_and(Metadata::is_dir)
                    && self.is_empty_dir(to, entry.as_dir()?)?
                {
                    self.clear(to, &entry)?;
                }
                self.trash()?.restore(id, &kept, mode)?;
            }
            if entry.base.is_some_and(|base| base.is_dir())
                && !self.marks_are_files()?
                && self.look(to)?.merged()
            {
                self.hide_base(to, to)?;
            }
            Ok(Outcome::Done(()))
        })?;
        self.watchers.changed(to);
        Ok(())
    }

    /// Restores where a whiteout is, which goes.
    fn restore_shown(&self, id: &TrashId, kept: &VPath, mode: RenameMode) -> Result<()> {
        let trash = self.trash()?;
        match trash.restore_over_whiteout(id, kept) {
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            restored => return restored,
        }
        // Two steps, where the upper has no one step for it.
        self.upper.change(&Change::Unlink(At::path(kept)))?;
        let restored = trash.restore(id, kept, mode);
        if restored.is_err() {
            self.upper
                .change(&Change::Create(At::path(kept), &NewNode::whiteout()))?;
        }
        restored
    }

    pub(super) fn trash_items(&self) -> Result<Vec<TrashItem>> {
        let files = self.marks_are_files()?;
        let mut items = self.trash()?.items()?;
        if files {
            for item in &mut items {
                let mut original = VPath::root();
                for name in item.original.names() {
                    original = match names::read(name.as_os_str()) {
                        Kept::Entry(name) | Kept::Gone(name) => original.join(&name),
                        Kept::Opaque | Kept::Own => original.join(&name),
                    };
                }
                item.original = original;
            }
        }
        Ok(items)
    }

    pub(super) fn purge(&self, id: &TrashId) -> Result<()> {
        self.trash()?.purge(id)
    }
}
