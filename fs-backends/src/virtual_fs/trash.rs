//! The trash: hidden names outside the tree, kept by the store. No name is reserved, no export or comparison shows it.

use fs_core::extensions::{Trash, TrashId, TrashItem};
use fs_core::{At, Error, ErrorKind, FileKind, RenameMode, Result, VPath};

use super::VirtualFs;
use super::resolve::{fail, tell};
use super::rules::{Rules, subdirs};
use super::store::{NodeStore, TrashRecord};

/// What takes the name of something that goes to the trash.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leave {
    Nothing,
    Whiteout,
}

impl Rules<'_> {
    fn discard(&mut self, path: &VPath, original: &VPath, leave: Leave) -> Result<u64> {
        let (dir, name) = self.place(At::path(path), ErrorKind::IsRoot)?;
        let Some((ino, mut record)) = self.find(dir, &name)? else {
            return fail(ErrorKind::NotFound);
        };
        let id = (self.new_ino)()?;
        self.write.unlink(dir, name.as_os_str())?;
        self.touch_dir(dir, -subdirs(&record), &name)?;
        record.ctime = self.now;
        record.parent = 0;
        self.write.update(ino, &record)?;
        self.write.insert_trash(&TrashRecord {
            id,
            ino,
            original: original.clone(),
            deleted: self.now,
        })?;
        if leave == Leave::Whiteout {
            self.leave_whiteout(&(dir, name))?;
        }
        Ok(id)
    }

    fn restore(&mut self, id: u64, to: &VPath, mode: RenameMode) -> Result<()> {
        let item = self.take_trash(id)?;
        let record = self.node(item.ino)?;
        let place = self.place(At::path(to), ErrorKind::IsRoot)?;
        let old = self.find(place.0, &place.1)?;
        match (mode, &old) {
            (RenameMode::NoReplace, Some(_)) => return fail(ErrorKind::AlreadyExists),
            (RenameMode::Exchange, _) => return fail(ErrorKind::Unsupported),
            // Another name of the same file is there: the trash's name goes.
            (_, Some((ino, _))) if *ino == item.ino => return self.drop_link(item.ino, record),
            _ => {}
        }
        self.check_replace(&record, old.as_ref()).or_else(fail)?;
        self.put(&place, (item.ino, record), old)
    }

    fn restore_over_whiteout(&mut self, id: u64, to: &VPath) -> Result<()> {
        let item = self.take_trash(id)?;
        let record = self.node(item.ino)?;
        let place = self.place(At::path(to), ErrorKind::IsRoot)?;
        match self.find(place.0, &place.1)? {
            Some((ino, old)) if old.kind == FileKind::CharDevice && old.rdev == 0 => {
                self.write.unlink(place.0, place.1.as_os_str())?;
                self.drop_link(ino, old)?;
            }
            _ => return fail(ErrorKind::NotFound),
        }
        self.put(&place, (item.ino, record), None)
    }

    /// Takes an item out for good; a directory is left nameless, to be removed piece by piece.
    fn purge(&mut self, id: u64) -> Result<Option<u64>> {
        let item = self.take_trash(id)?;
        let record = self.node(item.ino)?;
        if record.kind == FileKind::Directory {
            self.write.set_nameless(item.ino, true)?;
            return Ok(Some(item.ino));
        }
        self.drop_link(item.ino, record)?;
        Ok(None)
    }
}

fn number(id: &TrashId) -> Result<u64> {
    id.0.parse().map_err(|_| {
        Error::new(ErrorKind::NotFound, "trash").with_detail(format!("no item {}", id.0))
    })
}

impl<S: NodeStore> VirtualFs<S> {
    fn move_to_trash(&self, path: &VPath, original: &VPath, leave: Leave) -> Result<TrashId> {
        let id = self
            .shared
            .transact(|rules| rules.discard(path, original, leave))
            .map_err(|error| tell(error, "move to trash", path))?;
        Ok(TrashId(id.to_string()))
    }
}

impl<S: NodeStore> Trash for VirtualFs<S> {
    fn discard(&self, path: &VPath) -> Result<TrashId> {
        self.discard_as(path, path)
    }

    fn discard_as(&self, path: &VPath, original: &VPath) -> Result<TrashId> {
        self.move_to_trash(path, original, Leave::Nothing)
    }

    fn discard_leaving_whiteout(&self, path: &VPath) -> Result<TrashId> {
        self.move_to_trash(path, path, Leave::Whiteout)
    }

    fn restore_over_whiteout(&self, id: &TrashId, to: &VPath) -> Result<()> {
        let id = number(id)?;
        self.shared
            .transact(|rules| rules.restore_over_whiteout(id, to))
            .map_err(|error| tell(error, "restore from trash", to))
    }

    fn restore(&self, id: &TrashId, to: &VPath, mode: RenameMode) -> Result<()> {
        let id = number(id)?;
        self.shared
            .transact(|rules| rules.restore(id, to, mode))
            .map_err(|error| tell(error, "restore from trash", to))
    }

    fn items(&self) -> Result<Vec<TrashItem>> {
        let items = self.shared.store.read(|read| read.trash())?;
        Ok(items
            .into_iter()
            .map(|item| TrashItem {
                id: TrashId(item.id.to_string()),
                original: item.original,
                deleted: item.deleted,
            })
            .collect())
    }

    fn purge(&self, id: &TrashId) -> Result<()> {
        let id = number(id)?;
        let tree = self
            .shared
            .transact(|rules| rules.purge(id))
            .map_err(|error| tell(error, "empty trash", &VPath::root()))?;
        tree.map_or(Ok(()), |ino| self.shared.reap_tree(ino))
    }
}
