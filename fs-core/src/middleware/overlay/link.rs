//! Second names for a file: what is linked is in the upper first, and a whiteout gives way in one step.

use std::sync::Arc;

use super::change::parent_first;
use super::copy_up::Content;
use super::core::{Core, Outcome};
use super::lookup::Entry;
use super::upper::absent;
use super::xattr;
use crate::backend::{At, Change, Follow, RenameMode};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{FileId, NewNode};
use crate::path::{Name, VPath};

impl Core {
    pub(super) fn link(self: &Arc<Self>, from: At<'_>, to: At<'_>) -> Result<()> {
        let changed = self.mutate(|| {
            let (from_node, from) = self.changeable(from)?;
            let (to_node, to) = self.changeable(to)?;
            let kept = match (&from_node, &to_node) {
                (None, None) => return Ok(self.link_in_tree(&from, &to)?.map(|()| Some(to))),
                (Some(outside), None) => {
                    let from = At::in_dir(outside, &from);
                    return Ok(self.link_again(from, &to)?.map(|()| Some(to)));
                }
                (Some(_), Some(_)) => from,
                (None, Some(_)) if self.look(&from)?.upper.is_none() => {
                    return Ok(Outcome::CopyUp(from, Content::All));
                }
                (None, Some(_)) => self.upper.kept(&from)?,
            };
            let at = |dir, path| At {
                dir,
                path,
                follow: Follow::Never,
            };
            self.upper.change(&Change::Link {
                from: at(from_node.as_ref(), &kept),
                to: at(to_node.as_ref(), &to),
            })?;
            Ok(Outcome::Done(None))
        })?;
        if let Some(to) = changed {
            self.watchers.changed(&to);
        }
        Ok(())
    }

    fn link_in_tree(&self, from: &VPath, to: &VPath) -> Result<Outcome<()>> {
        let source = self.look(from)?;
        source.found()?;
        let entry = self.look(to)?;
        if entry.visible().is_some() {
            return Err(Error::new(ErrorKind::AlreadyExists, "link"));
        }
        if source.found()?.is_dir() {
            return Err(Error::new(ErrorKind::NotPermitted, "link"));
        }
        let Some(upper) = source.upper else {
            return Ok(Outcome::CopyUp(from.clone(), Content::All));
        };
        let kept_from = self.upper.kept(from)?;
        self.place_link(At::path(&kept_from), upper.id, to, &entry)
    }

    /// Links a node of the upper that lost the name it was known by, but has others (`NotFound` without any).
    fn link_again(&self, from: At<'_>, to: &VPath) -> Result<Outcome<()>> {
        let source = absent(self.upper.backend().stat(from))?
            .filter(|source| source.nlink > 0)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "link"))?;
        let entry = self.look(to)?;
        if entry.visible().is_some() {
            return Err(Error::new(ErrorKind::AlreadyExists, "link"));
        }
        if source.is_dir() {
            return Err(Error::new(ErrorKind::NotPermitted, "link"));
        }
        self.place_link(from, source.id, to, &entry)
    }

    /// Gives the upper's node `id` at `from` a name at `to`, where nothing is visible.
    fn place_link(
        &self,
        from: At<'_>,
        id: FileId,
        to: &VPath,
        entry: &Entry,
    ) -> Result<Outcome<()>> {
        if !entry.parent.upper {
            return Ok(parent_first(to));
        }
        let kept_to = self.upper.kept(to)?;
        self.carry_origin(from, id, entry, &kept_to)?;
        if !entry.whiteout {
            let to = At::path(&kept_to);
            self.upper.change(&Change::Link { from, to })?;
            return Ok(Outcome::Done(()));
        }
        // Linked where nobody sees it, then over the whiteout in one step.
        let workplace = self.upper.stage(to, &NewNode::directory())?;
        let node = workplace.node()?;
        let name = VPath::root().join(&Name::new("link")?);
        let staged = At::in_dir(&node, &name);
        self.upper.change(&Change::Link { from, to: staged })?;
        self.upper.change(&Change::Rename {
            from: staged,
            to: At::path(&kept_to),
            mode: RenameMode::Replace,
        })?;
        drop(workplace);
        Ok(Outcome::Done(()))
    }

    /// A node that may have an origin gets a name at `to`: its new directory must say that such nodes are in it.
    pub(super) fn carry_origin(
        &self,
        node: At<'_>,
        id: FileId,
        to: &Entry,
        kept_to: &VPath,
    ) -> Result<()> {
        if !to.parent.facts.impure
            && self.origin(node, id)?.is_some()
            && let Some(parent) = kept_to.parent()
        {
            self.mark(&parent, xattr::IMPURE, b"y")?;
        }
        Ok(())
    }
}
