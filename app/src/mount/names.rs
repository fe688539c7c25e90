//! Names: looking up, making, linking, renaming, removing; and attributes of what has a name.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fs_core::{
    At, Capabilities, Change, ErrorKind, FileId, FileKind, Metadata, Name, NewKind, NewNode, Node,
    RenameMode, Scope, SetAttr, Time, VPath,
};
use fuser::{FileHandle, INodeNo, RenameFlags};

use super::attributes::{Answer, Failure, without_set_id};
use super::caches::Caching;
use super::inodes::{Inode, ROOT};
use super::server::{Caller, Server};

/// A name in a pinned folder.
pub struct Place {
    dir: Node,
    path: VPath,
}

impl Place {
    /// For the backend.
    pub fn at(&self) -> At<'_> {
        At::in_dir(&self.dir, &self.path)
    }
}

impl Server {
    /// The pinned node itself.
    pub(super) fn here(&self, inode: &Inode) -> Place {
        Place {
            dir: inode.node(),
            path: VPath::root(),
        }
    }

    pub(super) fn place(&self, parent: INodeNo, name: &OsStr) -> Answer<Place> {
        let dir = self.inodes.get(parent.0)?.node();
        let path = VPath::root().join(&Name::new(name)?);
        Ok(Place { dir, path })
    }

    /// Attributes of nothing, for answers that need some.
    pub(super) fn nothing(&self) -> Metadata {
        Metadata::new(FileId { fs: 0, ino: 0 }, FileKind::File, 0, Time::default())
    }

    /// What is known of a node now, with all that was written of it.
    pub(super) fn stat(&self, inode: &Inode) -> Answer<Metadata> {
        self.gathering.settle(inode);
        self.look(inode)
    }

    /// What the backend knows of a node now. One without a name that its filesystem no longer knows (an open folder that was removed) is what it was last.
    fn look(&self, inode: &Inode) -> Answer<Metadata> {
        match self.backend.stat(self.here(inode).at()) {
            Ok(metadata) => {
                self.note(inode, &metadata);
                Ok(metadata)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Metadata {
                nlink: 0,
                ..inode.last()
            }),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn lookup_name(
        &self,
        parent: INodeNo,
        name: &OsStr,
    ) -> Answer<(Arc<Inode>, Metadata)> {
        let place = self.place(parent, name)?;
        let stored = self.gathering.stored();
        if !self.repin {
            let metadata = self.backend.stat(place.at())?;
            if let Some(inode) = self.inodes.again(&metadata) {
                let metadata = self.with_what_waited(&inode, metadata, stored)?;
                return Ok((inode, metadata));
            }
        }
        let pinned = Place {
            dir: self.backend.pin(place.at())?,
            path: VPath::root(),
        };
        // Asked of what is held: the name may have another node since.
        let metadata = self.backend.stat(pinned.at())?;
        let apart = self.others(&pinned.dir, &metadata);
        let inode = self.inodes.enter(pinned.dir, &metadata, &apart);
        let metadata = self.with_what_waited(&inode, metadata, stored)?;
        Ok((inode, metadata))
    }

    /// Numbers of other nodes of the same identity: of layers, a node of the base that shows again and one that was copied from it and moved have one.
    fn others(&self, node: &Node, metadata: &Metadata) -> Vec<u64> {
        if !self.repin {
            return Vec::new();
        }
        let state = |of: &Metadata| (of.ctime, of.mtime, of.size, of.nlink, of.mode);
        let itself = VPath::root();
        let is_other = |inode: &Arc<Inode>| {
            if inode.number() == ROOT || inode.node().is(node) {
                return false;
            }
            let mut here = state(metadata);
            loop {
                match self.backend.stat(self.here(inode).at()) {
                    // Another name of one node, also when the first is gone, shows the same state; a copy has another time of change.
                    Ok(there) if there.id != metadata.id || state(&there) == here => return false,
                    Ok(_) => {}
                    // It can't be found any more where it was, but here.
                    Err(_) => return false,
                }
                // Unless it changed between the looks: with two numbers the kernel would keep under one what is written through the other.
                match self.backend.stat(At::in_dir(node, &itself)) {
                    Ok(again) if state(&again) != here => here = state(&again),
                    _ => return true,
                }
            }
        };
        let known = self.inodes.known(&metadata.id).into_iter();
        known.filter(is_other).map(|inode| inode.number()).collect()
    }

    /// `metadata`, unless it is from before something that was written of the node: it waits, or was `stored` since then, and the kernel would keep a size
    /// that is none any more.
    fn with_what_waited(&self, inode: &Inode, metadata: Metadata, stored: u64) -> Answer<Metadata> {
        match inode.slot().is_empty() && self.gathering.stored() == stored {
            true => Ok(metadata),
            false => self.stat(inode),
        }
    }

    pub(super) fn make(
        &self,
        caller: Caller,
        parent: INodeNo,
        name: &OsStr,
        kind: NewKind,
        mode: u32,
    ) -> Answer<(Arc<Inode>, Metadata)> {
        let place = self.place(parent, name)?;
        let new = self.new_node(caller, parent, kind, mode)?;
        self.change(&Change::Create(place.at(), &new))?;
        self.lookup_name(parent, name)
    }

    /// A node as the caller makes it: its own, except that a set-group-id folder hands its group down, and to folders the bit too (`inode(7)`).
    pub(super) fn new_node(
        &self,
        caller: Caller,
        parent: INodeNo,
        kind: NewKind,
        mode: u32,
    ) -> Answer<NewNode> {
        let inode = self.inodes.get(parent.0)?;
        let folder = if self.caching == Caching::Alone {
            inode.last()
        } else {
            self.stat(&inode)?
        };
        let inherits = folder.mode & libc::S_ISGID != 0;
        let owner = (caller.uid, if inherits { folder.gid } else { caller.gid });
        let bit = match kind {
            NewKind::Directory if inherits => libc::S_ISGID,
            _ => 0,
        };
        Ok(NewNode {
            kind,
            mode: (mode & 0o7777) | bit,
            owner: (owner != self.activity.own_ids()).then_some(owner),
        })
    }

    pub(super) fn add_link(
        &self,
        ino: INodeNo,
        parent: INodeNo,
        name: &OsStr,
    ) -> Answer<(Arc<Inode>, Metadata)> {
        let inode = self.inodes.get(ino.0)?;
        let (from, to) = (self.here(&inode), self.place(parent, name)?);
        self.gathering.settle_all();
        self.change(&Change::Link {
            from: from.at(),
            to: to.at(),
        })?;
        self.lookup_name(parent, name)
    }

    pub(super) fn remove(&self, parent: INodeNo, name: &OsStr, folder: bool) -> Answer<()> {
        let place = self.place(parent, name)?;
        let at = place.at();
        self.gathering.settle_all();
        self.change(&if folder {
            Change::Rmdir(at)
        } else {
            Change::Unlink(at)
        })?;
        Ok(())
    }

    pub(super) fn rename_name(
        &self,
        from: (INodeNo, &OsStr),
        to: (INodeNo, &OsStr),
        flags: RenameFlags,
    ) -> Answer<()> {
        let (mode, needs) = match flags {
            f if f.is_empty() => (RenameMode::Replace, Capabilities::empty()),
            RenameFlags::RENAME_NOREPLACE => {
                (RenameMode::NoReplace, Capabilities::RENAME_NO_REPLACE)
            }
            RenameFlags::RENAME_EXCHANGE => (RenameMode::Exchange, Capabilities::RENAME_EXCHANGE),
            RenameFlags::RENAME_WHITEOUT => {
                (RenameMode::LeaveWhiteout, Capabilities::RENAME_WHITEOUT)
            }
            _ => return Err(Failure(libc::EINVAL)),
        };
        let (from, to) = (self.place(from.0, from.1)?, self.place(to.0, to.1)?);
        if !self.backend.capabilities(from.at()).contains(needs) {
            return Err(Failure(libc::EINVAL));
        }
        self.gathering.settle_all();
        self.change(&Change::Rename {
            from: from.at(),
            to: to.at(),
            mode,
        })?;
        Ok(())
    }

    pub(super) fn read_target(&self, ino: INodeNo) -> Answer<OsString> {
        let inode = self.inodes.get(ino.0)?;
        Ok(self.backend.read_link(self.here(&inode).at())?)
    }

    /// Changes attributes; answers them, and for how long they may be believed. A change of owner takes the set-id bits and the capabilities of a file away, and so does one of its size unless root makes it.
    pub(super) fn set_attributes(
        &self,
        caller: Caller,
        ino: INodeNo,
        mut attr: SetAttr,
        handle: Option<FileHandle>,
    ) -> Answer<(Metadata, Duration)> {
        let inode = self.inodes.get(ino.0)?;
        if let Some(metadata) = self.set_gathered(&inode, attr)? {
            // Blocks and times are what the backend makes of it.
            return Ok((metadata, Duration::ZERO));
        }
        let valid = self.caching.attributes();
        self.gathering.settle(&inode);
        let before = inode.last();
        if attr == SetAttr::default() {
            // The kernel asks for nothing in two cases. `chown(2)` to the owner it has: a new ctime, and no set-id bits, which not everybody may take. And
            // before a write that takes the bits away, which may be anybody's who has the file open, and which takes them itself.
            let now = self.stat(&inode)?;
            let set_id = now.mode & (libc::S_ISUID | libc::S_ISGID) != 0;
            if set_id && now.is_file() && caller.uid != 0 && caller.uid != now.uid {
                return match inode.writers().load(Ordering::Acquire) {
                    0 => Err(Failure(libc::EPERM)),
                    _ => Ok((now, valid)),
                };
            }
            attr.uid = Some(now.uid);
        }
        let owner = attr.uid.is_some() || attr.gid.is_some();
        if (owner || attr.size.is_some()) && !before.is_dir() && !before.is_symlink() {
            if before.is_file() {
                self.drop_capability(&inode)?;
            }
            if attr.mode.is_none() && (owner || caller.uid != 0) {
                let mode = self.stat(&inode)?.mode;
                attr.mode = Some(without_set_id(mode)).filter(|&less| less != mode);
            }
        }
        let here = self.here(&inode);
        let writable = match handle.filter(|_| attr.size.is_some()) {
            Some(handle) => self.files.get(handle).ok().filter(|open| open.writes()),
            None => None,
        };
        match writable {
            // By the descriptor, which may write where its name no longer may.
            Some(open) => self.changing(|| open.set_attributes(&attr))?,
            None => self.change(&Change::SetAttr(here.at(), &attr))?,
        }
        Ok((self.stat(&inode)?, valid))
    }

    /// As [`Server::set_attributes`], of a file that waits to be written, with what waits. `None`: nothing waits, or more is asked for.
    fn set_gathered(&self, inode: &Inode, attr: SetAttr) -> Answer<Option<Metadata>> {
        if attr == SetAttr::default() || attr.size.is_some() || inode.slot().is_empty() {
            return Ok(None);
        }
        let owner = attr.uid.is_some() || attr.gid.is_some();
        if owner {
            self.drop_capability(inode)?;
        }
        let look = || self.look(inode);
        let alone = self.caching == Caching::Alone;
        let metadata = self.gathering.set_attributes(inode, alone, look, |now| {
            let less = without_set_id(now.mode);
            let mode = Some(less).filter(|&less| owner && less != now.mode);
            SetAttr {
                mode: attr.mode.or(mode),
                ..attr
            }
        })?;
        if let Some(metadata) = &metadata {
            self.note(inode, metadata);
        }
        Ok(metadata)
    }

    pub(super) fn sync_folder(&self, ino: INodeNo) -> Answer<()> {
        let inode = self.inodes.get(ino.0)?;
        self.gathering.settle_all();
        Ok(self.backend.sync(Scope::Node(self.here(&inode).at()))?)
    }
}
