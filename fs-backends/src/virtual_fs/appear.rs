//! Making staged nodes appear: many in one transaction, each by the rename table.

use std::any::Any;
use std::sync::Arc;

use fs_core::ErrorKind;
use fs_core::{FileId, FileKind, RenameMode, Result, Staged};

use super::Shared;
use super::open_file::Xattrs;
use super::rename::Place;
use super::resolve::{fail, tell};
use super::rules::Rules;
use super::staged::{Body, Draft};
use super::store::{ContentStore as _, Inode, NodeRecord, NodeStore};

/// What a transaction needs of a draft.
struct Ready<'a> {
    place: &'a Place,
    ino: Inode,
    /// `None`: a directory that is in the store.
    record: Option<NodeRecord>,
    xattrs: &'a Xattrs,
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
        match self.try_commit(&drafts) {
            // What does not fit together may fit in part: one by one those that do appear.
            Err(error) if error.kind() == ErrorKind::NoSpace && drafts.len() > 1 => drafts
                .into_iter()
                .flat_map(|draft| self.commit(vec![draft]))
                .collect(),
            Err(error) => drafts
                .iter()
                .map(|(draft, _)| Err(tell(error.clone(), "commit", &draft.path)))
                .collect(),
            Ok(results) => results
                .into_iter()
                .zip(drafts.iter_mut())
                .map(|(result, (draft, _))| match result {
                    Ok(appeared) => Ok(draft.appeared(appeared)),
                    Err(error) => Err(tell(error, "commit", &draft.path)),
                })
                .collect(),
        }
    }

    /// The transaction; an error says that none of them appeared.
    fn try_commit(
        self: &Arc<Self>,
        drafts: &[(Box<Draft<S>>, RenameMode)],
    ) -> Result<Vec<Result<Appeared>>> {
        self.publish(drafts)?;
        let ready: Vec<_> = drafts
            .iter()
            .map(|(draft, mode)| (draft.ready(), *mode))
            .collect();
        self.transact_each(&ready, |rules, (ready, mode)| rules.appear(ready, *mode))
    }
}

impl Rules<'_> {
    fn appear(&mut self, ready: &Ready<'_>, mode: RenameMode) -> Result<Appeared> {
        let (dir, name) = ready.place;
        self.check_directory(*dir)?;
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
            record.ctime = self.now;
            self.adopt(record.content)?;
            self.write.insert(ready.ino, &record)?;
            self.write.link(*dir, name, ready.ino, record.kind)?;
            self.touch_dir(*dir, 0, name)?;
            if let Some((ino, old)) = old {
                self.drop_link(ino, old)?;
            }
        } else {
            self.write.set_nameless(ready.ino, false)?;
            self.put(ready.place, (ready.ino, record), old)?;
            record = self.node(ready.ino)?;
        }
        self.set_xattrs(ready.ino, ready.xattrs)?;
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

    fn set_xattrs(&mut self, ino: Inode, xattrs: &Xattrs) -> Result<()> {
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
