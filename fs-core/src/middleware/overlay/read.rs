//! Reading metadata, links, attributes and directories, and holding on to nodes.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use super::core::{Core, Target};
use super::upper::visible_xattrs;
use super::xattr;
use crate::backend::{At, Node, Scope, Want};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::Space;
use crate::listing::Listing;
use crate::metadata::{FileId, Metadata};
use crate::path::VPath;

/// The layer a node is read from, with the place there.
enum Layer {
    Upper,
    Base,
}

/// The number of the pinned node itself, when `at` means that; a removed node may have lost its attributes.
pub(super) fn itself(at: At<'_>) -> Option<FileId> {
    at.dir.filter(|_| at.path.is_root()).map(Node::id)
}

impl Core {
    pub(super) fn stat(&self, at: At<'_>) -> Result<Metadata> {
        let _tree = self.tree.read();
        match self.target(at)? {
            Target::Tree(path) => self.describe(&path, &self.look(&path)?),
            Target::Upper(node, path) => {
                let place = At::in_dir(&node, &path);
                let mut metadata = self.upper.backend().stat(place)?;
                metadata.id = match itself(at) {
                    Some(id) => id,
                    None => self.upper_id(place, metadata.id)?,
                };
                Ok(metadata)
            }
            Target::Base(node) => {
                let root = VPath::root();
                let mut metadata = self.base.stat(At::in_dir(&node, &root))?;
                metadata.id = self.ids()?.base(metadata.id);
                metadata.nlink = metadata.nlink.saturating_sub(1);
                Ok(metadata)
            }
        }
    }

    pub(super) fn list(self: &Arc<Self>, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        let _tree = self.tree.read();
        match self.target(at)? {
            Target::Tree(path) => {
                let here = self.look(&path)?.as_dir()?;
                self.list_dir(&path, here, want)
            }
            Target::Upper(node, path) => {
                // A staged directory holds no marks; its entries' numbers are those of the upper until it is committed.
                self.upper.backend().list(At::in_dir(&node, &path), want)
            }
            Target::Base(_) => Err(Error::new(ErrorKind::NotFound, "list")),
        }
    }

    /// Reads something from the layer that has the visible node.
    fn read<T>(&self, at: At<'_>, read: impl FnOnce(Layer, At<'_>) -> Result<T>) -> Result<T> {
        let root = VPath::root();
        let _tree = self.tree.read();
        match self.target(at)? {
            Target::Upper(node, path) => read(Layer::Upper, At::in_dir(&node, &path)),
            Target::Base(node) => read(Layer::Base, At::in_dir(&node, &root)),
            Target::Tree(path) => {
                let entry = self.look(&path)?;
                entry.found()?;
                match &entry.upper {
                    Some(upper) if !path.is_root() || self.root_is_ours(upper)? => {
                        read(Layer::Upper, At::path(&self.upper.kept(&path)?))
                    }
                    _ => read(Layer::Base, At::path(&path)),
                }
            }
        }
    }

    pub(super) fn read_link(&self, at: At<'_>) -> Result<OsString> {
        self.read(at, |layer, at| match layer {
            Layer::Upper => self.upper.backend().read_link(at),
            Layer::Base => self.base.read_link(at),
        })
    }

    pub(super) fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        self.read(at, |layer, at| match layer {
            Layer::Upper => {
                let stored = xattr::stored(name);
                if xattr::visible(&stored).is_none() {
                    return Err(Error::new(ErrorKind::XattrNotFound, "get attribute"));
                }
                self.upper.backend().get_xattr(at, &stored)
            }
            Layer::Base => self.base.get_xattr(at, name),
        })
    }

    pub(super) fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        self.read(at, |layer, at| match layer {
            Layer::Upper if !self.upper.has(Capabilities::XATTRS) => Ok(Vec::new()),
            Layer::Upper => Ok(visible_xattrs(self.upper.backend().list_xattrs(at)?)),
            Layer::Base => self.base.list_xattrs(at),
        })
    }

    pub(super) fn pin(&self, at: At<'_>) -> Result<Node> {
        let _tree = self.tree.read();
        let target = self.target(at)?;
        if let (Some(node), true) = (at.dir, at.path.is_root()) {
            return Ok(node.clone());
        }
        match target {
            Target::Tree(path) => {
                let id = self.describe(&path, &self.look(&path)?)?.id;
                Ok(Node::shared(id, self.pins.pin(&path)))
            }
            Target::Upper(node, path) => {
                let at = At::in_dir(&node, &path);
                let node = self.upper.backend().pin(at)?;
                let id = self.upper_id(at, node.id())?;
                Ok(Node::shared(id, self.pins.loose(node)))
            }
            Target::Base(_) => Err(Error::new(ErrorKind::NotFound, "pin")),
        }
    }

    /// What is in the base only needs no syncing.
    pub(super) fn sync_node(&self, at: At<'_>) -> Result<()> {
        let upper = self.upper.backend();
        // Nobody waits for the lock while a disk writes, unless the upper can't hold on to what is meant.
        let node = self.read(at, |layer, at| match layer {
            Layer::Base => Ok(None),
            Layer::Upper => match upper.pin(at) {
                Ok(node) => Ok(Some(node)),
                Err(_) => upper.sync(Scope::Node(at)).map(|()| None),
            },
        })?;
        let root = VPath::root();
        node.map_or(Ok(()), |node| {
            upper.sync(Scope::Node(At::in_dir(&node, &root)))
        })
    }

    pub(super) fn space(&self) -> Result<Space> {
        let Some(space) = self.upper.backend().extensions().space else {
            return Err(Error::new(ErrorKind::Unsupported, "space"));
        };
        space.space(At::path(&VPath::root()))
    }

    /// What the upper can, within the rules of an overlay.
    pub(super) fn capabilities(&self) -> Capabilities {
        let root = VPath::root();
        let upper = self.upper.capabilities();
        let base = self.base.capabilities(&root);
        // The system would follow links inside one layer; whiteouts of a user would be deletions; two layers are no snapshot.
        let mut can = upper
            - Capabilities::SELF_RESOLVING
            - Capabilities::REFUSES_LINKS
            - Capabilities::CONFINED
            - Capabilities::RENAME_WHITEOUT
            - Capabilities::SNAPSHOTS;
        can |= Capabilities::SORTED_LISTING;
        if !upper.contains(Capabilities::XATTRS) {
            can -= Capabilities::ATOMIC_KEEPS_INODE;
        }
        if !upper.contains(Capabilities::STAGE) {
            can -= Capabilities::WRITE;
        }
        let of_both =
            Capabilities::CASE_SENSITIVE | Capabilities::PIN | Capabilities::OPEN_UNLINKED;
        (can - (of_both - base)) | (base & Capabilities::ENCRYPTED)
    }
}
