//! Nodes that appear whole or not at all.
//!
//! A staged file is a detached open file: nothing of it is in the node store before the commit, so staging costs no transaction. A staged
//! directory is a node already, marked nameless, because it can be filled before it appears.

use std::any::Any;
use std::ffi::OsStr;
use std::sync::Arc;

use fs_core::{
    At, Control, Error, ErrorKind, File, FileId, FileKind, NewNode, Node, RenameMode, Result,
    SetAttr, Staged, Time, VPath,
};

use super::Shared;
use super::handle::Handle;
use super::hold::Hold;
use super::open_file::{OpenFile, Xattrs};
use super::record::{apply, new_record};
use super::rename::Place;
use super::resolve::{Pin, fail, node_at, place_and_dir, tell};
use super::rules::check_xattr;
use super::store::{Inode, NodeRecord, NodeStore};

/// A node being prepared.
pub(super) struct Draft<S: NodeStore> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) path: VPath,
    pub(super) place: Place,
    pub(super) ino: Inode,
    pub(super) body: Body<S>,
    pub(super) xattrs: Xattrs,
    /// Otherwise a replaced file keeps its owner.
    pub(super) owner_given: bool,
    pub(super) committed: bool,
}

/// What a draft is made of.
pub(super) enum Body<S: NodeStore> {
    File(Handle<S>),
    Directory,
    Other(NodeRecord),
}

impl<S: NodeStore> Shared<S> {
    pub(super) fn stage(self: &Arc<Self>, at: At<'_>, new: &NewNode) -> Result<Draft<S>> {
        let now = Time::now();
        let place = self
            .store
            .read(|read| place_and_dir(read, at, self.fs, Some(&self.paths)))?;
        let Some((place, dir)) = place else {
            return fail(ErrorKind::IsRoot);
        };
        let record = NodeRecord {
            parent: 0,
            ..new_record(new, Some((place.0, &dir)), now)?
        };
        let ino = self.store.new_ino()?;
        let body = match record.kind {
            FileKind::File => {
                let file = OpenFile::staged(self, ino, record);
                Body::File(Handle::new(self, file, at.path, (true, true), None))
            }
            FileKind::Directory => {
                self.transact(|rules| {
                    rules.write.insert(ino, &record)?;
                    rules.write.set_nameless(ino, true)
                })?;
                Body::Directory
            }
            _ => Body::Other(record),
        };
        Ok(Draft {
            shared: Arc::clone(self),
            path: at.path.clone(),
            place,
            ino,
            body,
            xattrs: Xattrs::new(),
            owner_given: new.owner.is_some(),
            committed: false,
        })
    }
}

impl<S: NodeStore> Draft<S> {
    fn kind(&self) -> FileKind {
        match &self.body {
            Body::File(_) => FileKind::File,
            Body::Directory => FileKind::Directory,
            Body::Other(record) => record.kind,
        }
    }

    fn set(&mut self, attr: &SetAttr) -> Result<()> {
        self.owner_given |= attr.uid.is_some() || attr.gid.is_some();
        match &mut self.body {
            Body::File(handle) => handle.set_attr(attr),
            _ if attr.size.is_some() => fail(ErrorKind::InvalidInput),
            Body::Other(record) => {
                apply(attr, record, Time::now());
                Ok(())
            }
            Body::Directory => {
                let ino = self.ino;
                self.shared.transact(|rules| {
                    let mut record = rules.node(ino)?;
                    apply(attr, &mut record, rules.now);
                    rules.write.update(ino, &record)
                })
            }
        }
    }

    /// Takes the content of another file without copying it.
    fn share_content(&self, handle: &Handle<S>, source: At<'_>) -> Result<bool> {
        let (ino, record) = self
            .shared
            .store
            .read(|read| node_at(read, source, self.shared.fs, Some(&self.shared.paths)))?;
        match record.kind {
            FileKind::File => {}
            FileKind::Directory => return fail(ErrorKind::IsADirectory),
            _ => return fail(ErrorKind::InvalidInput),
        }
        let file = self.shared.open_file(ino)?;
        let mut state = file.state.write();
        state.share();
        let NodeRecord {
            content,
            size,
            allocated,
            ..
        } = state.record;
        let hold = Hold::existing(&self.shared, content);
        drop(state);
        handle.file.fill(hold, size, allocated);
        Ok(true)
    }
}

impl<S: NodeStore> Drop for Draft<S> {
    fn drop(&mut self) {
        if !self.committed && matches!(self.body, Body::Directory) {
            // Nobody to tell; what stays behind is swept at the next start.
            self.shared.reap_tree(self.ino).ok();
        }
    }
}

impl<S: NodeStore> Staged for Draft<S> {
    fn file(&mut self) -> Option<&mut dyn File> {
        match &mut self.body {
            Body::File(handle) => Some(handle),
            _ => None,
        }
    }

    fn set_attr(&mut self, attr: &SetAttr) -> Result<()> {
        let path = self.path.clone();
        self.set(attr)
            .map_err(|error| tell(error, "set attributes", &path))
    }

    fn set_xattr(&mut self, name: &OsStr, value: &[u8]) -> Result<()> {
        check_xattr(self.kind(), name, Some(value))
            .map_err(|error| tell(error, "set extended attribute", &self.path))?;
        self.xattrs.insert(name.to_owned(), value.to_vec());
        Ok(())
    }

    fn fill_from(&mut self, source: At<'_>, control: &Control) -> Result<bool> {
        control.check()?;
        match &self.body {
            Body::File(handle) => self
                .share_content(handle, source)
                .map_err(|error| tell(error, "copy", source.path)),
            _ => Err(tell(
                Error::new(ErrorKind::InvalidInput, "copy"),
                "copy",
                &self.path,
            )),
        }
    }

    /// No commit is durable before the content it names.
    fn secure(&mut self) -> Result<()> {
        Ok(())
    }

    fn node(&self) -> Result<Node> {
        let file: Option<Arc<dyn Any + Send + Sync>> = match &self.body {
            Body::File(handle) => Some(Arc::clone(&handle.file) as _),
            Body::Directory => None,
            Body::Other(_) => {
                return Err(Error::new(ErrorKind::Unsupported, "pin staged").with_path(&self.path));
            }
        };
        let id = FileId {
            fs: self.shared.fs,
            ino: self.ino,
        };
        Ok(Node::new(
            id,
            Pin {
                ino: self.ino,
                file,
            },
        ))
    }

    fn commit(self: Box<Self>, mode: RenameMode) -> Result<FileId> {
        let (shared, path) = (Arc::clone(&self.shared), self.path.clone());
        let mut results = shared.commit(vec![(self, mode)]);
        results
            .pop()
            .unwrap_or_else(|| Err(Error::new(ErrorKind::Io, "commit").with_path(&path)))
    }
}
