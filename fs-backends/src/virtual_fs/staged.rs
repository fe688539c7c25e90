//! Nodes that appear whole or not at all.
//!
//! A staged file is a detached open file: nothing of it is in the node store before the commit, so staging costs no transaction. A staged
//! directory is a node already, marked nameless, because it can be filled before it appears.

use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use fs_core::{
    At, Control, Error, ErrorKind, File, FileId, FileKind, NewNode, Node, RenameMode, Result,
    SetAttr, Staged, Time, VPath,
};

use super::Shared;
use super::handle::Handle;
use super::hold::Hold;
use super::open_file::OpenFile;
use super::rename::Place;
use super::resolve::{Pin, check_directory, fail, node_at, place_of, tell};
use super::rules::{Rules, apply, check_xattr, new_record};
use super::store::{ContentStore as _, Inode, NodeRecord, NodeStore};

/// A node being prepared.
pub(super) struct Draft<S: NodeStore> {
    shared: Arc<Shared<S>>,
    path: VPath,
    place: Place,
    ino: Inode,
    body: Body<S>,
    xattrs: BTreeMap<OsString, Vec<u8>>,
    /// Otherwise a replaced file keeps its owner.
    owner_given: bool,
    committed: bool,
}

enum Body<S: NodeStore> {
    File(Handle<S>),
    Directory,
    Other(NodeRecord),
}

/// What a transaction needs of a draft.
struct Ready<'a> {
    place: &'a Place,
    ino: Inode,
    /// `None`: a directory that is in the store.
    record: Option<NodeRecord>,
    xattrs: &'a BTreeMap<OsString, Vec<u8>>,
    owner_given: bool,
}

/// What came of it.
struct Appeared {
    ino: Inode,
    record: NodeRecord,
    /// A directory that was swapped out, to be removed with all below it.
    old_tree: Option<Inode>,
}

impl<S: NodeStore> Shared<S> {
    pub(super) fn stage(self: &Arc<Self>, at: At<'_>, new: &NewNode) -> Result<Draft<S>> {
        let now = Time::now();
        let record = new_record(new, 0, now)?;
        let place = self.store.read(|read| place_of(read, at, self.fs))?;
        let Some(place) = place else {
            return fail(ErrorKind::IsRoot);
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
            xattrs: BTreeMap::new(),
            owner_given: new.owner.is_some(),
            committed: false,
        })
    }

    /// Makes the contents of drafts safe before a transaction names them.
    fn publish(self: &Arc<Self>, drafts: &[(Box<Draft<S>>, RenameMode)]) -> Result<()> {
        let mut contents = Vec::new();
        for (draft, _) in drafts {
            let Body::File(handle) = &draft.body else {
                continue;
            };
            let mut content = handle.file.read().record.content;
            let (dir, name) = &draft.place;
            // An empty file in the place of another needs content of its own, so that the handles of the old one can tell.
            if content.is_empty()
                && self
                    .store
                    .read(|read| read.lookup(*dir, name.as_os_str()))?
                    .is_some()
            {
                content = handle.file.give_content()?;
            }
            if !content.is_empty() {
                contents.push(content);
            }
        }
        match contents.is_empty() {
            true => Ok(()),
            false => self.store.content().publish(&contents),
        }
    }

    /// Commits drafts of this filesystem in one transaction; each succeeds or fails by itself.
    pub(super) fn commit(
        self: &Arc<Self>,
        mut drafts: Vec<(Box<Draft<S>>, RenameMode)>,
    ) -> Vec<Result<FileId>> {
        let result = self.publish(&drafts).and_then(|()| {
            let ready: Vec<_> = drafts
                .iter()
                .map(|(draft, mode)| (draft.ready(), *mode))
                .collect();
            self.transact(|rules| {
                let items = ready
                    .iter()
                    .map(|(ready, mode)| rules.item(|rules| rules.appear(ready, *mode)));
                Ok(items.collect::<Vec<_>>())
            })
        });
        let results = match result {
            Ok(results) => results,
            Err(error) => drafts.iter().map(|_| Err(error.clone())).collect(),
        };
        results
            .into_iter()
            .zip(drafts.iter_mut())
            .map(|(result, (draft, _))| match result {
                Ok(appeared) => Ok(draft.appeared(appeared)),
                Err(error) => Err(tell(error, "commit", &draft.path)),
            })
            .collect()
    }
}

impl Rules<'_> {
    fn appear(&mut self, ready: &Ready<'_>, mode: RenameMode) -> Result<Appeared> {
        let (dir, name) = ready.place;
        check_directory(&*self.write, *dir)?;
        let mut record = match &ready.record {
            Some(record) => record.clone(),
            None => self.node(ready.ino)?,
        };
        let old = self.find(*dir, name)?;
        match (mode, &old) {
            (RenameMode::NoReplace, Some(_)) => return fail(ErrorKind::AlreadyExists),
            (RenameMode::Exchange, None) => return fail(ErrorKind::NotFound),
            _ => {}
        }
        if ready.record.is_none() && self.holds(ready.ino, *dir)? {
            return fail(ErrorKind::IntoItself);
        }
        if mode != RenameMode::Exchange {
            self.check_replace(&record, old.as_ref()).or_else(fail)?;
        }
        let mut old_tree = None;
        let old = match old {
            Some((ino, old)) if record.kind == FileKind::File && old.kind == FileKind::File => {
                return self.replace_content(ready, record, ino, old);
            }
            Some((ino, old)) if old.kind == FileKind::Directory => {
                self.write.unlink(*dir, name.as_os_str())?;
                self.touch_dir(*dir, -1, name)?;
                self.write.set_nameless(ino, true)?;
                self.write.update(ino, &NodeRecord { parent: 0, ..old })?;
                old_tree = Some(ino);
                None
            }
            old => old,
        };
        if ready.record.is_some() {
            record.nlink = 1;
            self.adopt(record.content)?;
            self.write.insert(ready.ino, &record)?;
        } else {
            self.write.set_nameless(ready.ino, false)?;
        }
        self.put(ready.place, (ready.ino, record), old)?;
        self.set_xattrs(ready.ino, ready.xattrs)?;
        let record = self.node(ready.ino)?;
        Ok(Appeared {
            ino: ready.ino,
            record,
            old_tree,
        })
    }

    /// A staged file over a file: the inode, its other names, its birth, owner and extended attributes stay (unless given anew).
    /// (A copy in the place of its own unchanged source has the same content: then open handles have nothing old to keep.)
    fn replace_content(
        &mut self,
        ready: &Ready<'_>,
        new: NodeRecord,
        ino: Inode,
        old: NodeRecord,
    ) -> Result<Appeared> {
        self.adopt(new.content)?;
        self.dismiss(old.content)?;
        let (uid, gid) = match ready.owner_given {
            true => (new.uid, new.gid),
            false => (old.uid, old.gid),
        };
        let record = NodeRecord {
            nlink: old.nlink,
            btime: old.btime,
            ctime: self.now,
            uid,
            gid,
            ..new
        };
        self.write.update(ino, &record)?;
        self.set_xattrs(ino, ready.xattrs)?;
        self.effects.touched.push(ready.place.clone());
        Ok(Appeared {
            ino,
            record,
            old_tree: None,
        })
    }

    fn set_xattrs(&mut self, ino: Inode, xattrs: &BTreeMap<OsString, Vec<u8>>) -> Result<()> {
        xattrs
            .iter()
            .try_for_each(|(name, value)| self.write.set_xattr(ino, name, Some(value)))
    }
}

impl<S: NodeStore> Draft<S> {
    fn ready(&self) -> Ready<'_> {
        Ready {
            place: &self.place,
            ino: self.ino,
            record: match &self.body {
                Body::File(handle) => Some(handle.file.read().record.clone()),
                Body::Other(record) => Some(record.clone()),
                Body::Directory => None,
            },
            xattrs: &self.xattrs,
            owner_given: self.owner_given,
        }
    }

    fn appeared(&mut self, appeared: Appeared) -> FileId {
        self.committed = true;
        if let Body::File(handle) = &self.body
            && appeared.ino == self.ino
        {
            handle.file.attach(appeared.record);
        }
        if let Some(tree) = appeared.old_tree {
            // It is out of the tree; what stays behind is swept at the next start.
            self.shared.reap_tree(tree).ok();
        }
        FileId {
            fs: self.shared.fs,
            ino: appeared.ino,
        }
    }

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
            .read(|read| node_at(read, source, self.shared.fs))?;
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

/// The drafts of this filesystem behind `staged`; all of them, or all handed back.
#[expect(
    clippy::type_complexity,
    reason = "the type of Backend::commit_all, sorted"
)]
pub(super) fn own_drafts<S: NodeStore>(
    shared: &Arc<Shared<S>>,
    staged: Vec<(Box<dyn Staged>, RenameMode)>,
) -> Result<Vec<(Box<Draft<S>>, RenameMode)>, Vec<(Box<dyn Staged>, RenameMode)>> {
    let own = |staged: &dyn Staged| {
        let any: &dyn Any = staged;
        any.downcast_ref::<Draft<S>>()
            .is_some_and(|draft| Arc::ptr_eq(&draft.shared, shared))
    };
    if !staged.iter().all(|(staged, _)| own(&**staged)) {
        return Err(staged);
    }
    Ok(staged
        .into_iter()
        .filter_map(|(staged, mode)| {
            let any: Box<dyn Any> = staged;
            any.downcast().ok().map(|draft| (draft, mode))
        })
        .collect())
}
