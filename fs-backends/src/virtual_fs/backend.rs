//! [`VirtualFs`] as a backend: resolves places, runs rules, adds operation and path to errors.

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use fs_core::extensions::{Search, Space, SpaceInfo, Wanted};
use fs_core::{
    At, Backend, Capabilities, Change, Control, Error, ErrorKind, Extensions, File, FileId,
    FileKind, Listing, Metadata, Name, NewNode, Node, OpenOptions, RenameMode, Result, Scope,
    SetAttr, Staged, VPath, Want,
};

use super::appear::own_drafts;
use super::handle::{Handle, check_openable, metadata};
use super::listing::Pages;
use super::open_file::{OpenFile, Xattrs};
use super::resolve::{Pin, check_directory, fail, node_at, parent_of, pin_of, place_of, tell};
use super::store::{Inode, NodeRead, NodeRecord, NodeStore};
use super::{Shared, VirtualFs};

impl<S: NodeStore> VirtualFs<S> {
    /// The node at `at`.
    fn node_at(&self, read: &dyn NodeRead, at: At<'_>) -> Result<(Inode, NodeRecord)> {
        node_at(read, at, self.shared.fs, Some(&self.shared.paths))
    }

    /// What `stat` says of the node at `at`, from what was looked up before if it can.
    fn metadata_at(&self, read: &dyn NodeRead, at: At<'_>) -> Result<Metadata> {
        let Shared {
            fs,
            paths,
            looked_up,
            ..
        } = &*self.shared;
        let place = match (read.moment(), at.dir) {
            (Some(moment), None) => {
                parent_of(read, at, *fs, Some(paths))?.map(|place| (moment, place))
            }
            _ => None,
        };
        if let Some((moment, place)) = place
            && let Some(known) = looked_up.get(moment, place, read)
        {
            return Ok(known);
        }
        let (ino, record) = self.node_at(read, at)?;
        let metadata = metadata(*fs, ino, &record);
        if let Some((moment, place)) = place {
            looked_up.put(moment, place, &metadata, read);
        }
        Ok(metadata)
    }

    /// Reads the node at `at` and more of it, at one moment.
    fn read_node<T>(
        &self,
        operation: &'static str,
        at: At<'_>,
        f: impl FnOnce(&dyn NodeRead, Inode, NodeRecord) -> Result<T>,
    ) -> Result<T> {
        self.shared
            .store
            .read(|read| {
                let (ino, record) = self.node_at(read, at)?;
                f(read, ino, record)
            })
            .map_err(|error| tell(error, operation, at.path))
    }

    /// The pinned file, when that is what `at` means and it has no node (any more): unlinked, or staged. To be asked for when no node was found: while
    /// there is one, its last name may go at any moment.
    fn pinned_file(&self, at: At<'_>) -> Result<Option<Arc<OpenFile<S>>>> {
        if at.dir.is_none() || !at.path.is_root() {
            return Ok(None);
        }
        let Some(Pin {
            ino,
            file: Some(file),
        }) = pin_of(at, self.shared.fs)?
        else {
            return Ok(None);
        };
        match self.shared.store.read(|read| read.node(*ino))? {
            Some(_) => Ok(None),
            None => Ok(Arc::clone(file).downcast().ok()),
        }
    }

    /// The pinned file, when that is what `at` means and it was unlinked.
    fn unlinked_file(&self, at: At<'_>) -> Result<Option<Arc<OpenFile<S>>>> {
        let file = self.pinned_file(at)?;
        Ok(file.filter(|file| file.is_unlinked()))
    }

    /// As [`OpenFile::xattrs_of_unlinked`], of the pinned file.
    fn xattrs_of_unlinked<T>(&self, at: At<'_>, f: impl FnOnce(&Xattrs) -> T) -> Result<Option<T>> {
        let file = self.pinned_file(at)?;
        Ok(file.and_then(|file| file.xattrs_of_unlinked(f)))
    }

    fn file_to_open(&self, at: At<'_>, how: &OpenOptions) -> Result<Arc<OpenFile<S>>> {
        if (how.truncate || how.create || how.create_new) && !how.write {
            return fail(ErrorKind::InvalidInput);
        }
        let new = NewNode::file().with_mode(how.mode);
        if how.create_new && !at.path.is_root() {
            // Making it finds out what is there.
            return self.create_open(at, &new);
        }
        let may_create = how.create && !at.path.is_root();
        loop {
            let look = |read: &dyn NodeRead| Ok((self.node_at(read, at)?, read.moment()));
            let found = match self.shared.store.read(look) {
                Ok(_) if how.create_new => return fail(ErrorKind::AlreadyExists),
                Ok(((ino, record), moment)) => {
                    check_openable(&record)?;
                    self.shared.open_node(ino, record, moment)
                }
                Err(error) => Err(error),
            };
            match found {
                Err(error) if error.kind() == ErrorKind::NotFound => match self.pinned_file(at)? {
                    Some(_) if how.create_new => return fail(ErrorKind::AlreadyExists),
                    Some(file) => return Ok(file),
                    None if !may_create => return Err(error),
                    None => {}
                },
                found => return found,
            }
            match self.create_open(at, &new) {
                // Someone else was faster.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                created => return created,
            }
        }
    }

    /// Makes a file and opens it in one step: whoever removes the name at once finds it open.
    fn create_open(&self, at: At<'_>, new: &NewNode) -> Result<Arc<OpenFile<S>>> {
        let shared = &self.shared;
        shared.transact(|rules| {
            let ino = rules.create(at, new)?;
            Ok(OpenFile::created(shared, ino, rules.node(ino)?))
        })
    }

    fn open_handle(&self, at: At<'_>, how: &OpenOptions) -> Result<Handle<S>> {
        let file = self.file_to_open(at, how)?;
        let place = match how.write {
            true => self.place_for_watchers(at),
            false => None,
        };
        let access = (how.read, how.write);
        let handle = Handle::new(&self.shared, file, at.path, access, place);
        if how.truncate {
            handle.set_len(0)?;
        }
        Ok(handle)
    }

    /// Sets attributes where the open file must take part: the size, or anything of a pinned file.
    fn set_attr_of_file(&self, at: At<'_>, attr: &SetAttr) -> Result<()> {
        let file = match self.pinned_file(at)? {
            Some(file) => file,
            None => {
                let (ino, record) = self.shared.store.read(|read| self.node_at(read, at))?;
                match record.kind {
                    FileKind::File => self.shared.open_file(ino)?,
                    FileKind::Directory => return fail(ErrorKind::IsADirectory),
                    _ => return fail(ErrorKind::InvalidInput),
                }
            }
        };
        file.add_writer();
        let result = file.set_attr(attr);
        file.remove_writer();
        result?;
        let place = self.place_for_watchers(at);
        self.shared.watchers.tell(place.into_iter().collect(), []);
        Ok(())
    }

    /// The name at `at`; gone meanwhile, there is nothing to tell of it.
    fn place_for_watchers(&self, at: At<'_>) -> Option<(Inode, Name)> {
        let place = |read: &dyn NodeRead| place_of(read, at, self.shared.fs);
        self.shared.store.read(place).ok().flatten()
    }

    /// Changes that an open file must take part in are made outside the common transaction.
    fn needs_file(&self, change: &Change<'_>) -> bool {
        match change {
            Change::SetAttr(at, attr) => {
                attr.size.is_some() || matches!(self.pinned_file(*at), Ok(Some(_)))
            }
            Change::SetXattr(at, ..) => matches!(self.unlinked_file(*at), Ok(Some(_))),
            _ => false,
        }
    }

    fn change_one(&self, change: &Change<'_>) -> Result<()> {
        match change {
            Change::SetAttr(at, attr) if self.needs_file(change) => {
                self.set_attr_of_file(*at, attr)
            }
            Change::SetXattr(at, name, value) if let Some(file) = self.unlinked_file(*at)? => {
                file.set_xattr(name, *value)
            }
            _ => self.shared.transact(|rules| rules.change(change)),
        }
    }
}

/// What was found; when that is nothing, what `pinned` says.
fn found_or<T>(found: Result<T>, pinned: impl FnOnce() -> Result<Option<T>>) -> Result<T> {
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => pinned()?.ok_or(error),
        found => found,
    }
}

fn tell_change(error: Error, change: &Change<'_>) -> Error {
    tell(error, change.operation(), change.at().path)
}

impl<S: NodeStore> Backend for VirtualFs<S> {
    fn capabilities(&self, _at: At<'_>) -> Capabilities {
        self.shared.store.capabilities() | Capabilities::SERVER_SIDE_COPY
    }

    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        let pinned = || {
            let file = self.pinned_file(at)?;
            let fs = self.shared.fs;
            file.map(|file| Ok(metadata(fs, file.ino, &file.record()?)))
                .transpose()
        };
        let found = self.shared.store.read(|read| self.metadata_at(read, at));
        found_or(found, pinned).map_err(|error| tell(error, "stat", at.path))
    }

    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        let dir = self.read_node("list", at, |read, ino, _| {
            check_directory(read, ino).map(|_| ino)
        })?;
        Ok(Box::new(Pages::new(&self.shared, dir, at.path, want)))
    }

    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        match self.open_handle(at, how) {
            Ok(handle) => Ok(Box::new(handle)),
            Err(error) => Err(tell(error, "open", at.path)),
        }
    }

    fn change(&self, change: &Change<'_>) -> Result<()> {
        self.change_one(change)
            .map_err(|error| tell_change(error, change))
    }

    fn change_all(&self, changes: &[Change<'_>]) -> Vec<Result<()>> {
        let mut results = Vec::with_capacity(changes.len());
        for run in changes.chunk_by(|a, b| !self.needs_file(a) && !self.needs_file(b)) {
            match run {
                [one] => results.push(self.change(one)),
                run => {
                    let done = self.shared.transact_each(run, |rules, change| {
                        rules
                            .change(change)
                            .map_err(|error| tell_change(error, change))
                    });
                    match done {
                        Ok(done) => results.extend(done),
                        Err(error) => results.extend(run.iter().map(|_| Err(error.clone()))),
                    }
                }
            }
        }
        results
    }

    fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        match self.shared.stage(at, new) {
            Ok(draft) => Ok(Box::new(draft)),
            Err(error) => Err(tell(error, "stage", at.path)),
        }
    }

    fn commit_all(&self, staged: Vec<(Box<dyn Staged>, RenameMode)>) -> Vec<Result<FileId>> {
        match own_drafts(&self.shared, staged) {
            Ok(drafts) => self.shared.commit(drafts),
            Err(staged) => {
                let commits = staged.into_iter().map(|(staged, mode)| staged.commit(mode));
                commits.collect()
            }
        }
    }

    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        if let Scope::Node(at) = scope {
            let told = |error| tell(error, "sync", at.path);
            let kind = self.stat(at).map_err(told)?.kind;
            if kind == FileKind::File {
                let file = self.open(at, &OpenOptions::read()).map_err(told)?;
                return file.sync(false).map_err(told);
            }
        }
        self.shared.store.barrier()
    }

    fn pin(&self, at: At<'_>) -> Result<Node> {
        if let (Some(node), true) = (at.dir, at.path.is_root()) {
            return Ok(node.clone());
        }
        let (ino, kind) = self.read_node("pin", at, |_, ino, record| Ok((ino, record.kind)))?;
        let file: Option<Arc<dyn Any + Send + Sync>> = match kind {
            FileKind::File => {
                let file = self.shared.open_file(ino);
                Some(file.map_err(|error| tell(error, "pin", at.path))?)
            }
            _ => None,
        };
        let id = FileId {
            fs: self.shared.fs,
            ino,
        };
        Ok(Node::new(id, Pin { ino, file }))
    }

    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        self.read_node("read link", at, |_, _, record| match record.target {
            Some(target) => Ok(target),
            None => fail(ErrorKind::NotASymlink),
        })
    }

    fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        let operation = "get extended attribute";
        let value =
            |value: Option<Vec<u8>>| value.map_or_else(|| fail(ErrorKind::XattrNotFound), Ok);
        let found = self.read_node(operation, at, |read, ino, _| value(read.xattr(ino, name)?));
        let gone = || {
            let found = self.xattrs_of_unlinked(at, |xattrs| xattrs.get(name).cloned())?;
            found.map(value).transpose()
        };
        found_or(found, gone).map_err(|error| tell(error, operation, at.path))
    }

    fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        let operation = "list extended attributes";
        let found = self.read_node(operation, at, |read, ino, _| read.xattrs(ino));
        let gone = || self.xattrs_of_unlinked(at, |xattrs| xattrs.keys().cloned().collect());
        found_or(found, gone).map_err(|error| tell(error, operation, at.path))
    }

    fn extensions(&self) -> Extensions<'_> {
        let mut extensions = Extensions::default();
        extensions.space = Some(self);
        extensions.watch = Some(self);
        extensions.trash = Some(self);
        extensions.search = Some(self);
        extensions.notes = self.shared.store.notes();
        extensions.maintenance = self.shared.store.maintenance();
        extensions.snapshots = S::snapshots(self);
        extensions
    }

    fn close(&self) -> Result<()> {
        let closed = self.shared.store.close();
        self.shared.paths.clear();
        self.shared.looked_up.clear();
        self.shared.listed.clear();
        self.shared.name_index.clear();
        closed
    }
}

impl<S: NodeStore> Search for VirtualFs<S> {
    fn search(
        &self,
        dir: &VPath,
        wanted: &Wanted<'_>,
        control: &Control,
        found: &mut dyn FnMut(VPath, FileKind) -> Result<()>,
    ) -> Result<()> {
        let (index, top) = self.read_node("search", At::path(dir), |read, ino, _| {
            check_directory(read, ino)?;
            Ok((self.shared.name_index.of(read, control)?, ino))
        })?;
        index.search((top, dir), wanted, control, found)
    }
}

impl<S: NodeStore> SpaceInfo for VirtualFs<S> {
    fn space(&self, _at: At<'_>) -> Result<Space> {
        self.shared.store.space()
    }
}
