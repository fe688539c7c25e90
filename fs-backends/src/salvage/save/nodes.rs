//! One node: a file, a link or a special node, with its attributes, its further names and the name that says how whole it is.

use std::ffi::OsStr;

use fs_core::{
    At, Backend, Change, ErrorKind, FileKind, Name, NewKind, NewNode, OpenOptions, RenameMode,
    Result, SetAttr, SetTime, VPath,
};

use super::{TRIES, Walk, is_of_one, numbered, words};
use crate::salvage::found::Piece;
use crate::salvage::report::{Item, State};
use crate::salvage::tree::altered;
use crate::virtual_fs::{Inode, NodeRecord};

/// The end of the name of a file while it is written.
const UNFINISHED: &str = ".unfinished";

impl Walk<'_> {
    pub(super) fn other(
        &mut self,
        from: &VPath,
        into: &VPath,
        name: &OsStr,
        (ino, node): (Inode, &NodeRecord),
    ) -> Result<()> {
        if self.linked(from, into, name, ino)? {
            return Ok(());
        }
        let kind = match node.kind {
            FileKind::Symlink => NewKind::Symlink(node.target.clone().unwrap_or_default()),
            FileKind::Fifo => NewKind::Fifo,
            FileKind::Socket => NewKind::Socket,
            FileKind::CharDevice => NewKind::CharDevice(node.rdev),
            FileKind::BlockDevice => NewKind::BlockDevice(node.rdev),
            FileKind::File | FileKind::Directory => return Ok(()),
        };
        let new = NewNode {
            kind,
            mode: node.mode & 0o777,
            owner: None,
        };
        match self.make(into, name, &new)? {
            Ok(at) => {
                self.reached.insert(ino);
                self.attributes(ino, node, &at)?;
                let is_doubtful = self.read.found.doubtful.contains(&ino);
                let item = Item {
                    from: from.clone(),
                    saved_as: Some(at),
                    state: match is_doubtful {
                        true => State::Unproven,
                        false => State::Whole,
                    },
                    size_bytes: None,
                    lost: Vec::new(),
                    detail: "it may be older than it was last".to_owned(),
                };
                self.report.others += u64::from(!is_doubtful);
                self.saved.insert(ino, item.clone());
                self.note(item);
            }
            Err(detail) => self.lost(from, detail),
        }
        Ok(())
    }

    /// Gives what was saved before a second name. `false`: it was not, or the target has no such names.
    pub(super) fn linked(
        &mut self,
        from: &VPath,
        into: &VPath,
        name: &OsStr,
        ino: Inode,
    ) -> Result<bool> {
        let Some(first) = self.saved.get(&ino) else {
            return Ok(false);
        };
        let mut again = Item {
            from: from.clone(),
            ..first.clone()
        };
        let (Some((to, _)), Some(saved)) = (self.to, &first.saved_as) else {
            self.note(again);
            return Ok(true);
        };
        // A file that is not whole says so under each name.
        for tried in 0..TRIES {
            let name = numbered(&altered(name, ending(first.state)), tried);
            let at = into.join(&Name::new(&name)?);
            let link = Change::Link {
                from: At::path(saved),
                to: At::path(&at),
            };
            match to.change(&link) {
                Ok(()) => {
                    again.saved_as = Some(at);
                    self.note(again);
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) if is_of_one(&error) => break,
                Err(error) => return Err(error),
            }
        }
        self.report.not_kept += 1;
        Ok(false)
    }

    pub(super) fn file(
        &mut self,
        from: &VPath,
        into: &VPath,
        name: &OsStr,
        (ino, node): (Inode, &NodeRecord),
    ) -> Result<()> {
        if self.linked(from, into, name, ino)? {
            return Ok(());
        }
        self.reached.insert(ino);
        let unfinished = into.join(&Name::new(altered(name, UNFINISHED))?);
        let written = self.write(&unfinished, ino, node);
        let (mut state, lost) = match written {
            Ok(written) => written,
            Err(error) => {
                self.discard(&unfinished);
                if !is_of_one(&error) {
                    return Err(error);
                }
                self.lost(from, words(&error));
                return Ok(());
            }
        };
        let read = self.read;
        let found = &read.found;
        let mut detail = match state {
            State::Part => "part of its bytes are not what was written",
            State::Lost => "none of its bytes are what was written",
            State::Unproven => "nothing proves that its bytes are what was written",
            State::Whole => "",
        };
        if state == State::Whole && found.lacks_attrs.contains(&ino) {
            (state, detail) = (State::Part, "attributes are missing");
        }
        if state == State::Whole && found.doubtful.contains(&ino) {
            (state, detail) = (State::Unproven, "it may be older than it was last");
        }
        let lost_bytes: u64 = lost.iter().map(|(from, to)| to - from).sum();
        self.report.lost_bytes += lost_bytes;
        self.report.bytes += node.size.saturating_sub(lost_bytes);
        let saved_as = match (state, self.to) {
            (State::Lost, _) => {
                // An empty shell would only look like the file.
                self.discard(&unfinished);
                None
            }
            (_, None) => None,
            (_, Some((to, _))) => {
                self.attributes(ino, node, &unfinished)?;
                let at = name_for_good(to, into, name, state, &unfinished)?;
                Some(at)
            }
        };
        if state == State::Whole {
            self.report.files += 1;
        }
        let item = Item {
            from: from.clone(),
            saved_as,
            state,
            size_bytes: Some(node.size),
            lost,
            detail: detail.to_owned(),
        };
        if self.to.is_none() || item.saved_as.is_some() {
            self.saved.insert(ino, item.clone());
        }
        self.note(item);
        Ok(())
    }

    /// Takes a file that was not finished away.
    fn discard(&self, at: &VPath) {
        if let Some((to, _)) = self.to {
            // It says in its name that it is none.
            to.change(&Change::Unlink(At::path(at))).unwrap_or_default();
        }
    }

    /// Writes the bytes of a file to a new one; answers how much of it there is, and what is missing.
    fn write(
        &mut self,
        at: &VPath,
        ino: Inode,
        node: &NodeRecord,
    ) -> Result<(State, Vec<(u64, u64)>)> {
        let file = match self.to {
            Some((to, _)) => Some(to.open(At::path(at), &OpenOptions::create_new(0o600))?),
            None => None,
        };
        let mut lost: Vec<(u64, u64)> = Vec::new();
        let (mut is_unproven, mut has_bytes) = (false, false);
        self.read
            .content
            .pieces(ino, node, self.control, &mut |piece| {
                let (offset, bytes) = match piece {
                    Piece::Lost(from, to) => {
                        match lost.last_mut() {
                            Some(last) if last.1 == from => last.1 = to,
                            _ => lost.push((from, to)),
                        }
                        return Ok(());
                    }
                    Piece::Unproven(offset, bytes) => {
                        is_unproven = true;
                        (offset, bytes)
                    }
                    Piece::Bytes(offset, bytes) => (offset, bytes),
                };
                has_bytes |= !bytes.is_empty();
                match &file {
                    // Holes stay holes.
                    Some(file) if bytes.iter().any(|byte| *byte != 0) => {
                        file.write_at(bytes, offset)
                    }
                    _ => Ok(()),
                }
            })?;
        if let Some(file) = &file {
            file.set_len(node.size)?;
        }
        let gone: u64 = lost.iter().map(|(from, to)| to - from).sum();
        let state = match (lost.is_empty(), is_unproven) {
            (false, _) if gone >= node.size && !has_bytes => State::Lost,
            (false, _) => State::Part,
            (true, true) => State::Unproven,
            (true, false) => State::Whole,
        };
        Ok((state, lost))
    }

    /// Gives what is at `at` the attributes it had, as far as the target takes them.
    pub(super) fn attributes(&mut self, ino: Inode, node: &NodeRecord, at: &VPath) -> Result<()> {
        let Some((to, _)) = self.to else {
            return Ok(());
        };
        let place = At::path(at);
        let mut not_kept = 0;
        let mut kept = |done: Result<()>| match done {
            Err(error) if is_of_one(&error) => {
                not_kept += 1;
                Ok(false)
            }
            done => done.map(|()| true),
        };
        for (name, value) in self.read.found.xattrs.get(&ino).into_iter().flatten() {
            kept(to.change(&Change::SetXattr(place, name, Some(value))))?;
        }
        let owner = SetAttr {
            uid: Some(node.uid),
            gid: Some(node.gid),
            ..SetAttr::default()
        };
        let has_owner = kept(to.change(&Change::SetAttr(place, &owner)))?;
        if node.kind != FileKind::Symlink {
            // Rights to become somebody are not given to somebody else's file.
            let mode = if has_owner {
                node.mode
            } else {
                node.mode & 0o777
            };
            kept(to.change(&Change::SetAttr(place, &SetAttr::mode(mode))))?;
        }
        let times = SetAttr {
            mtime: Some(SetTime::To(node.mtime)),
            atime: Some(SetTime::To(node.atime)),
            ..SetAttr::default()
        };
        kept(to.change(&Change::SetAttr(place, &times)))?;
        self.report.not_kept += not_kept;
        Ok(())
    }
}

fn ending(state: State) -> &'static str {
    match state {
        State::Whole => "",
        State::Unproven => ".unproven",
        State::Part | State::Lost => ".damaged",
    }
}

/// Gives a finished file the name that says how much of it there is.
fn name_for_good(
    to: &dyn Backend,
    into: &VPath,
    name: &OsStr,
    state: State,
    unfinished: &VPath,
) -> Result<VPath> {
    let wanted = altered(name, ending(state));
    let mut tried = 0;
    loop {
        let at = into.join(&Name::new(numbered(&wanted, tried))?);
        let rename = Change::Rename {
            from: At::path(unfinished),
            to: At::path(&at),
            mode: RenameMode::NoReplace,
        };
        match to.change(&rename) {
            Ok(()) => return Ok(at),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tried < TRIES => tried += 1,
            Err(error) => return Err(error),
        }
    }
}
