//! From a place to a node. Nothing here follows a link: a link in the middle of a path is no directory.

use std::any::Any;
use std::ffi::OsStr;
use std::sync::Arc;

use fs_core::{At, Error, ErrorKind, FileKind, Name, Result, VPath};

use super::paths::Paths;
use super::store::{Inode, NodeRead, NodeRecord, ROOT, missing};

/// What a [`fs_core::Node`] of a virtual filesystem holds.
pub(super) struct Pin {
    pub(super) ino: Inode,
    /// Keeps an open file (and its content) when its last name goes.
    pub(super) file: Option<Arc<dyn Any + Send + Sync>>,
}

/// An error that learns its operation and path at the border of the filesystem.
pub(super) fn fail<T>(kind: ErrorKind) -> Result<T> {
    Err(Error::new(kind, ""))
}

/// Adds what a rule did not know.
pub(super) fn tell(error: Error, operation: &'static str, path: &VPath) -> Error {
    let error = error.or_path(path);
    if error.operation().is_empty() {
        error.with_operation(operation)
    } else {
        error
    }
}

/// The pin behind `at`, if there is one. `InvalidInput` when it belongs to another filesystem.
pub(super) fn pin_of<'a>(at: At<'a>, fs: u64) -> Result<Option<&'a Pin>> {
    match at.dir {
        None => Ok(None),
        Some(node) => match node.pin::<Pin>() {
            Some(pin) if node.id().fs == fs => Ok(Some(pin)),
            _ => Err(Error::new(ErrorKind::InvalidInput, "")
                .with_detail("a pinned folder of another filesystem")),
        },
    }
}

fn start(at: At<'_>, fs: u64) -> Result<Inode> {
    Ok(pin_of(at, fs)?.map_or(ROOT, |pin| pin.ino))
}

/// What `name` in `dir` stands for. `NotFound`, `NotADirectory`.
fn step(read: &dyn NodeRead, dir: Inode, name: &OsStr) -> Result<Inode> {
    match read.lookup(dir, name)? {
        Some(ino) => Ok(ino),
        None => {
            check_directory(read, dir)?;
            fail(ErrorKind::NotFound)
        }
    }
}

/// The directory `dir` if it is one. `NotFound`, `NotADirectory`.
pub(super) fn check_directory(read: &dyn NodeRead, dir: Inode) -> Result<NodeRecord> {
    match read.node(dir)? {
        Some(record) if record.kind == FileKind::Directory => Ok(record),
        Some(_) => fail(ErrorKind::NotADirectory),
        None => fail(ErrorKind::NotFound),
    }
}

/// The directory that holds the name `name` of `at`; `None` when `at` is the start itself.
pub(super) fn parent_of<'a>(
    read: &dyn NodeRead,
    at: At<'a>,
    fs: u64,
    known: Option<&Paths>,
) -> Result<Option<(Inode, &'a OsStr)>> {
    let Some((parent, name)) = at.path.as_split_last() else {
        return Ok(None);
    };
    let from = start(at, fs)?;
    if parent.len() == 1 {
        return Ok(Some((from, name)));
    }
    let known = known.zip(read.moment()).filter(|_| at.dir.is_none());
    if let Some(dir) = known.and_then(|(paths, moment)| paths.get(moment, parent, read)) {
        return Ok(Some((dir, name)));
    }
    let mut above = at.path.components();
    above.next_back();
    let (mut dir, mut steps) = (from, Vec::new());
    for name in above {
        steps.push((dir, name));
        dir = step(read, dir, name)?;
    }
    if let Some((paths, moment)) = known {
        paths.put(moment, parent, dir, &steps, read);
    }
    Ok(Some((dir, name)))
}

/// The node at `at`. The way there is looked up in `known` where that helps.
pub(super) fn node_at(
    read: &dyn NodeRead,
    at: At<'_>,
    fs: u64,
    known: Option<&Paths>,
) -> Result<(Inode, NodeRecord)> {
    let Some((dir, name)) = parent_of(read, at, fs, known)? else {
        let ino = start(at, fs)?;
        return match read.node(ino)? {
            Some(record) => Ok((ino, record)),
            // What is pinned may be gone; what has a name may not.
            None if at.dir.is_some() => fail(ErrorKind::NotFound),
            None => Err(missing(ino)),
        };
    };
    match read.find(dir, name)? {
        // In two places, or inside itself: whoever walks the tree would never end.
        Some((ino, record))
            if record.kind == FileKind::Directory && (record.parent != dir || ino == ROOT) =>
        {
            let detail = format!("folder {ino} is not where it says");
            Err(Error::new(ErrorKind::Corrupted, "").with_detail(detail))
        }
        Some(found) => Ok(found),
        None => {
            check_directory(read, dir)?;
            fail(ErrorKind::NotFound)
        }
    }
}

/// The directory and name that `at` stands for, whether something has that name or not; `None` when `at` is the start itself.
pub(super) fn place_of(read: &dyn NodeRead, at: At<'_>, fs: u64) -> Result<Option<(Inode, Name)>> {
    Ok(place_and_dir(read, at, fs, None)?.map(|(place, _)| place))
}

/// As [`place_of`], with the record of the directory.
pub(super) fn place_and_dir(
    read: &dyn NodeRead,
    at: At<'_>,
    fs: u64,
    known: Option<&Paths>,
) -> Result<Option<((Inode, Name), NodeRecord)>> {
    let Some((dir, name)) = parent_of(read, at, fs, known)? else {
        return Ok(None);
    };
    let record = check_directory(read, dir)?;
    Ok(Some(((dir, Name::new(name)?), record)))
}
