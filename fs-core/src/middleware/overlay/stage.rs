//! Nodes that appear in the overlay whole or not at all: staged in the upper, published by its one step.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::sync::{Arc, OnceLock};

use super::change::{parent_first, refuse_whiteout};
use super::core::{Core, Outcome, Target};
use super::identity::Ids;
use super::lookup::Entry;
use super::pins::{Pin, Place};
use super::{attributes, xattr};
use crate::backend::{At, Follow, Node, RenameMode};
use crate::capabilities::Capabilities;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{File, Staged};
use crate::metadata::{FileId, FileKind, Metadata, NewNode, SetAttr};
use crate::path::{Name, VPath};

/// A staged node of an overlay.
pub(super) struct OverlayStaged {
    pub(super) core: Arc<Core>,
    pub(super) inner: Box<dyn Staged>,
    pub(super) kind: FileKind,
    /// Its future directory, which may be renamed meanwhile, and name; `None`: inside another staged directory, where there are no marks.
    pub(super) place: Option<(Arc<Pin>, Name)>,
    /// Given out while it is staged; finds its path at the commit.
    pub(super) pin: OnceLock<Arc<Pin>>,
    pub(super) given: Given,
}

/// What the caller set; the rest stays as it is when a file replaces another under its inode.
#[derive(Default)]
pub(super) struct Given {
    owner: bool,
    xattrs: HashSet<OsString>,
}

impl Core {
    pub(super) fn stage(self: &Arc<Self>, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        refuse_whiteout(new)?;
        let (inner, place) = self.mutate(|| match self.target(at)? {
            Target::Upper(node, path) => {
                let at = At::in_dir(&node, &path);
                let inner = self.upper.backend().stage(at, new)?;
                Ok(Outcome::Done((inner, None)))
            }
            Target::Base(_) => Err(Error::new(ErrorKind::NotFound, "stage")),
            Target::Tree(path) => {
                let (dir, name) = path
                    .split_last()
                    .ok_or_else(|| Error::new(ErrorKind::IsRoot, "stage"))?;
                if !self.look(&path)?.parent.upper {
                    return Ok(parent_first(&path));
                }
                let inner = self.upper.stage(&path, new)?;
                Ok(Outcome::Done((inner, Some((self.pins.pin(&dir), name)))))
            }
        })?;
        Ok(Box::new(OverlayStaged {
            core: self.clone(),
            inner,
            kind: new.kind.kind(),
            place,
            pin: OnceLock::new(),
            given: Given {
                owner: new.owner.is_some(),
                ..Given::default()
            },
        }))
    }

    /// The rules of the commit modes. The caller holds the lock.
    pub(super) fn check_commit(
        self: &Arc<Self>,
        path: &VPath,
        kind: FileKind,
        target: &Entry,
        mode: RenameMode,
    ) -> Result<()> {
        let fail = |kind| Err(Error::new(kind, "commit"));
        let Some(replaced) = target.visible() else {
            return match mode {
                RenameMode::Exchange => fail(ErrorKind::NotFound),
                _ => Ok(()),
            };
        };
        match (mode, kind == FileKind::Directory, replaced.is_dir()) {
            (RenameMode::NoReplace, ..) => fail(ErrorKind::AlreadyExists),
            (RenameMode::Exchange, ..) | (_, false, false) => Ok(()),
            (_, true, false) => fail(ErrorKind::NotADirectory),
            (_, false, true) => fail(ErrorKind::IsADirectory),
            (_, true, true) if !self.is_empty_dir(path, target.as_dir()?)? => {
                fail(ErrorKind::DirectoryNotEmpty)
            }
            _ => Ok(()),
        }
    }

    /// A staged file that replaces another keeps its number where the upper says that replacing does.
    pub(super) fn keep_number(
        &self,
        path: &VPath,
        kind: FileKind,
        target: &Entry,
        staged: &mut dyn Staged,
        given: &Given,
    ) -> Result<bool> {
        let keeps = Capabilities::ATOMIC_KEEPS_INODE | Capabilities::XATTRS;
        let replaces = kind == FileKind::File && target.visible().is_some_and(|m| m.is_file());
        if !replaces || !self.upper.has(keeps) {
            return Ok(false);
        }
        let origin = match (&target.upper, &target.base) {
            (Some(upper), _) => {
                let kept = self.upper.kept(path)?;
                self.origin(At::path(&kept), upper.id)?
            }
            (None, Some(base)) => {
                self.inherit(path, base, staged, given)?;
                Ids::keeps(base).then_some(base.id)
            }
            (None, None) => None,
        };
        let Some(origin) = origin else {
            return Ok(target.upper.is_some());
        };
        let value = self.ids()?.origin_value(origin);
        staged.set_xattr(OsStr::new(xattr::ORIGIN), &value)?;
        if !target.parent.facts.impure
            && let Some(parent) = self.upper.kept(path)?.parent()
        {
            self.mark(&parent, xattr::IMPURE, b"y")?;
        }
        Ok(true)
    }

    /// What a file of the upper would keep when it is replaced: birth, and where not given anew owner and extended attributes.
    fn inherit(
        &self,
        path: &VPath,
        base: &Metadata,
        staged: &mut dyn Staged,
        given: &Given,
    ) -> Result<()> {
        for name in self.base.list_xattrs(At::path(path))? {
            if !given.xattrs.contains(&name) {
                let value = self.base.get_xattr(At::path(path), &name)?;
                attributes::tolerate(staged.set_xattr(&xattr::stored(&name), &value))?;
            }
        }
        let owner = |id| if given.owner { None } else { Some(id) };
        attributes::tolerate(staged.set_attr(&SetAttr {
            uid: owner(base.uid),
            gid: owner(base.gid),
            btime: base.btime,
            ..SetAttr::default()
        }))
    }
}

impl Staged for OverlayStaged {
    fn file(&mut self) -> Option<&mut dyn File> {
        self.inner.file()
    }

    fn set_attr(&mut self, attr: &SetAttr) -> Result<()> {
        self.given.owner |= attr.uid.is_some() || attr.gid.is_some();
        self.inner.set_attr(attr)
    }

    fn set_xattr(&mut self, name: &OsStr, value: &[u8]) -> Result<()> {
        self.inner.set_xattr(&xattr::stored(name), value)?;
        self.given.xattrs.insert(name.to_os_string());
        Ok(())
    }

    /// Only what is in the upper can be copied without passing through the caller.
    fn fill_from(&mut self, source: At<'_>, control: &Control) -> Result<bool> {
        let core = &self.core;
        let root = VPath::root();
        let held = {
            let _tree = core.tree.read();
            let (node, path) = match core.target(source)? {
                Target::Upper(node, path) => (Some(node), path),
                Target::Base(_) => return Ok(false),
                Target::Tree(path) if core.look(&path)?.upper.is_none() => return Ok(false),
                Target::Tree(path) => (None, core.upper.kept(&path)?),
            };
            let at = At {
                dir: node.as_ref(),
                path: &path,
                follow: Follow::Never,
            };
            match core.upper.backend().pin(at) {
                Ok(held) => held,
                Err(_) => return self.inner.fill_from(at, control),
            }
        };
        // Nobody waits for the lock while content is copied, unless the upper can't hold on to what is.
        self.inner.fill_from(At::in_dir(&held, &root), control)
    }

    fn secure(&mut self) -> Result<()> {
        self.inner.secure()
    }

    fn node(&self) -> Result<Node> {
        let node = self.inner.node()?;
        let id = self.core.ids()?.upper(node.id());
        let pin = self.pin.get_or_init(|| self.core.pins.loose(node));
        Ok(Node::shared(id, pin.clone()))
    }

    fn commit(self: Box<Self>, mode: RenameMode) -> Result<FileId> {
        let core = self.core.clone();
        let Some((dir, name)) = self.place.clone() else {
            let _tree = core.tree.write();
            let id = self.inner.commit(mode)?;
            return core.ids().map(|ids| ids.upper(id));
        };
        let done = {
            let _tree = core.tree.write();
            match dir.place() {
                Place::Tree(dir) => (*self).publish(&dir, &name, mode).map(|id| (id, dir)),
                _ => Err(Error::new(ErrorKind::NotFound, "commit")),
            }
        };
        let (id, dir) = done?;
        core.watchers.changed(&dir.join(&name));
        Ok(id)
    }
}
