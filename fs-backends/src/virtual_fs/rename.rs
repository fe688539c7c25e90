//! The rename table of `rename(2)`: what may take whose place. Staged nodes appear by the same table.

use fs_core::{At, Error, ErrorKind, FileKind, Name, NewNode, RenameMode, Result};

use super::record::new_record;
use super::resolve::fail;
use super::rules::{Rules, subdirs};
use super::store::{Inode, NodeRecord};

/// A directory and a name in it.
pub(super) type Place = (Inode, Name);

impl Rules<'_> {
    pub(super) fn rename(&mut self, from: At<'_>, to: At<'_>, mode: RenameMode) -> Result<()> {
        let source = self.place(from, ErrorKind::IsRoot)?;
        let target = self
            .place(to, ErrorKind::IsRoot)
            .map_err(|error| error.or_path(to.path))?;
        let Some((ino, record)) = self.find(source.0, &source.1)? else {
            return fail(ErrorKind::NotFound);
        };
        let at_target = |kind| Err(Error::new(kind, "").with_path(to.path));
        let old = self.find(target.0, &target.1)?;
        match (mode, &old) {
            (RenameMode::NoReplace, Some(_)) => return at_target(ErrorKind::AlreadyExists),
            (RenameMode::Exchange, None) => return at_target(ErrorKind::NotFound),
            _ => {}
        }
        if record.kind == FileKind::Directory && self.holds(ino, target.0)? {
            return at_target(ErrorKind::IntoItself);
        }
        if let Some((old_ino, old)) = &old
            && old.kind == FileKind::Directory
            && self.holds(*old_ino, source.0)?
        {
            return at_target(match mode {
                RenameMode::Exchange => ErrorKind::IntoItself,
                _ => ErrorKind::DirectoryNotEmpty,
            });
        }
        match old {
            // One inode under two names, or one name: nothing to do.
            Some((old_ino, _)) if old_ino == ino => Ok(()),
            Some(old) if mode == RenameMode::Exchange => {
                self.exchange((source, (ino, record)), (target, old))
            }
            old => {
                self.check_replace(&record, old.as_ref())
                    .or_else(at_target)?;
                self.write.unlink(source.0, source.1.as_os_str())?;
                self.touch_dir(source.0, -subdirs(&record), &source.1)?;
                self.put(&target, (ino, record), old)?;
                if mode == RenameMode::LeaveWhiteout {
                    self.leave_whiteout(&source)?;
                }
                Ok(())
            }
        }
    }

    /// May a node take the place of `old`? The error is the kind alone.
    pub(super) fn check_replace(
        &self,
        record: &NodeRecord,
        old: Option<&(Inode, NodeRecord)>,
    ) -> Result<(), ErrorKind> {
        let Some((old_ino, old)) = old else {
            return Ok(());
        };
        match (record.kind, old.kind) {
            (FileKind::Directory, FileKind::Directory) => match self.is_empty(*old_ino) {
                Ok(true) => Ok(()),
                Ok(false) => Err(ErrorKind::DirectoryNotEmpty),
                Err(error) => Err(error.kind()),
            },
            (FileKind::Directory, _) => Err(ErrorKind::NotADirectory),
            (_, FileKind::Directory) => Err(ErrorKind::IsADirectory),
            _ => Ok(()),
        }
    }

    /// Gives a node, which has left its old place, the name `place`, instead of `old`.
    pub(super) fn put(
        &mut self,
        place: &Place,
        (ino, record): (Inode, NodeRecord),
        old: Option<(Inode, NodeRecord)>,
    ) -> Result<()> {
        let (dir, name) = place;
        let came = subdirs(&record);
        self.write.link(*dir, name, ino, record.kind)?;
        self.enter(ino, record, *dir)?;
        let went = old.as_ref().map_or(0, |(_, old)| subdirs(old));
        self.touch_dir(*dir, came - went, name)?;
        match old {
            Some((ino, old)) => self.drop_link(ino, old),
            None => Ok(()),
        }
    }

    /// A node is in `dir` now.
    fn enter(&mut self, ino: Inode, mut record: NodeRecord, dir: Inode) -> Result<()> {
        record.ctime = self.now;
        if record.kind == FileKind::Directory {
            record.parent = dir;
        }
        self.write.update(ino, &record)
    }

    fn exchange(
        &mut self,
        (source, (ino, record)): (Place, (Inode, NodeRecord)),
        (target, (old_ino, old)): (Place, (Inode, NodeRecord)),
    ) -> Result<()> {
        let moved = subdirs(&record) - subdirs(&old);
        self.write.link(target.0, &target.1, ino, record.kind)?;
        self.write.link(source.0, &source.1, old_ino, old.kind)?;
        self.enter(ino, record, target.0)?;
        self.enter(old_ino, old, source.0)?;
        self.touch_dir(target.0, moved, &target.1)?;
        self.touch_dir(source.0, -moved, &source.1)
    }

    pub(super) fn leave_whiteout(&mut self, place: &Place) -> Result<()> {
        let record = new_record(&NewNode::whiteout(), None, self.now)?;
        let ino = (self.new_ino)()?;
        self.write.insert(ino, &record)?;
        self.write.link(place.0, &place.1, ino, record.kind)
    }
}
