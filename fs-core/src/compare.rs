//! The differences of two trees, on any two backends, told as they are found.
//!
//! Both trees are walked side by side in byte order of the names, one folder at a time, without following links. Hard links are compared as groups:
//! two names belong together in one tree exactly when they do in the other. The roots themselves are compared in kind only, when they are folders:
//! they have names of their own.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ffi::OsString;

use crate::backend::{At, Backend, Want};
use crate::capabilities::Capabilities;
use crate::control::Control;
use crate::error::Result;
use crate::file::{File, OpenOptions};
use crate::listing;
use crate::metadata::{FileId, FileKind, Metadata, Time};
use crate::path::{Name, VPath};

/// A tree: a backend and a path in it.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The filesystem.
    pub backend: &'a dyn Backend,
    /// The root of the tree.
    pub root: &'a VPath,
}

/// What is compared besides names, kinds, link targets and content sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aspects {
    /// Bytes.
    pub content: bool,
    /// Permission bits.
    pub modes: bool,
    /// Owner and group.
    pub owners: bool,
    /// Time of the last change, of folders too.
    pub mtimes: bool,
    /// Extended attributes.
    pub xattrs: bool,
    /// Which names are one file.
    pub hard_links: bool,
}

impl Default for Aspects {
    /// All but owners, which only root can give away.
    fn default() -> Self {
        Self {
            content: true,
            modes: true,
            owners: false,
            mtimes: true,
            xattrs: true,
            hard_links: true,
        }
    }
}

impl Aspects {
    /// Those that both filesystems can hold.
    fn held_by(self, first: Capabilities, second: Capabilities) -> Self {
        let both = |power| (first & second).contains(power);
        Self {
            content: self.content,
            modes: self.modes && both(Capabilities::MODE),
            owners: self.owners && both(Capabilities::OWNER),
            mtimes: self.mtimes && both(Capabilities::TIMES),
            xattrs: self.xattrs && both(Capabilities::XATTRS),
            hard_links: self.hard_links && both(Capabilities::HARD_LINKS),
        }
    }
}

/// Something that is not the same in both trees.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// Only the first tree has it (and what is below it).
    OnlyInFirst(FileKind),
    /// Only the second tree has it.
    OnlyInSecond(FileKind),
    /// Of another kind.
    Kind(FileKind, FileKind),
    /// Of another length, in bytes.
    Size(u64, u64),
    /// Other bytes; the offset of the first one.
    Content(u64),
    /// Other permission bits.
    Mode(u32, u32),
    /// Another owner or group.
    Owner((u32, u32), (u32, u32)),
    /// Another link target.
    Target(OsString, OsString),
    /// Another device number.
    Device(u64, u64),
    /// Changed at another time.
    Mtime(Time, Time),
    /// An extended attribute that one has not, or has with another value.
    Xattr(OsString),
    /// In each tree the first name of this file.
    HardLink(VPath, VPath),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OnlyInFirst(_) => f.write_str("only in the first"),
            Self::OnlyInSecond(_) => f.write_str("only in the second"),
            Self::Kind(a, b) => write!(f, "kind {a:?}, {b:?}"),
            Self::Size(a, b) => write!(f, "size {a}, {b}"),
            Self::Content(at) => write!(f, "content differs from byte {at}"),
            Self::Mode(a, b) => write!(f, "mode {a:o}, {b:o}"),
            Self::Owner((ua, ga), (ub, gb)) => write!(f, "owner {ua}:{ga}, {ub}:{gb}"),
            Self::Target(a, b) => write!(f, "link to {}, {}", a.display(), b.display()),
            Self::Device(a, b) => write!(f, "device {a:#x}, {b:#x}"),
            Self::Mtime(a, b) => {
                let ((a, an), (b, bn)) = (a.parts(), b.parts());
                write!(f, "changed at {a}.{an:09}, {b}.{bn:09}")
            }
            Self::Xattr(name) => write!(f, "extended attribute {}", name.display()),
            Self::HardLink(a, b) => {
                write!(f, "hard link of {}, {}", a.display(), b.display())
            }
        }
    }
}

/// Told of each difference with the path below the roots. An error from it ends the comparison.
pub type Sink<'s> = dyn FnMut(&VPath, Result<Difference>) -> Result<()> + 's;

/// Compares two trees. What can't be read is told as an error of its path, and the rest goes on. Errors: a root can't be reached, `Cancelled`, what
/// `sink` returned. Returns whether they are equal.
pub fn diff(
    first: Side<'_>,
    second: Side<'_>,
    aspects: Aspects,
    control: &Control,
    sink: &mut Sink<'_>,
) -> Result<bool> {
    let caps = |side: Side<'_>| side.backend.capabilities(At::path(side.root));
    let mut walk = Walk {
        first,
        second,
        aspects: aspects.held_by(caps(first), caps(second)),
        control,
        sink,
        names: [HashMap::new(), HashMap::new()],
        equal: true,
    };
    let a = first.backend.stat(At::path(first.root))?;
    let b = second.backend.stat(At::path(second.root))?;
    let root = VPath::root();
    if a.is_dir() && b.is_dir() {
        walk.folders(root)?;
    } else {
        walk.pair(&root, &a, &b)?;
    }
    Ok(walk.equal)
}

struct Walk<'a, 's, 'f> {
    first: Side<'a>,
    second: Side<'a>,
    aspects: Aspects,
    control: &'a Control,
    sink: &'f mut Sink<'s>,
    /// In each tree the first name of each file with several.
    names: [HashMap<FileId, VPath>; 2],
    equal: bool,
}

type Entries = Vec<(Name, Metadata)>;

impl Walk<'_, '_, '_> {
    fn tell(&mut self, path: &VPath, difference: Result<Difference>) -> Result<()> {
        self.equal = false;
        (self.sink)(path, difference)
    }

    fn folders(&mut self, start: VPath) -> Result<()> {
        let mut stack = vec![start];
        while let Some(folder) = stack.pop() {
            self.control.check()?;
            let (a, b) = (entries(self.first, &folder), entries(self.second, &folder));
            let (a, b) = match (a, b) {
                (Ok(a), Ok(b)) => (a, b),
                (Err(e), _) | (_, Err(e)) => {
                    self.tell(&folder, Err(e))?;
                    continue;
                }
            };
            let mut below = Vec::new();
            self.merge(&folder, a, b, &mut below)?;
            stack.extend(below.into_iter().rev());
        }
        Ok(())
    }

    /// Two folders, name by name; those in both are left in `below`.
    fn merge(
        &mut self,
        folder: &VPath,
        a: Entries,
        b: Entries,
        below: &mut Vec<VPath>,
    ) -> Result<()> {
        let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
        loop {
            let order = match (a.peek(), b.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((x, _)), Some((y, _))) => x.cmp(y),
            };
            let left = (order != Ordering::Greater).then(|| a.next()).flatten();
            let right = (order != Ordering::Less).then(|| b.next()).flatten();
            match (left, right) {
                (Some((name, x)), Some((_, y))) => {
                    let path = folder.join(&name);
                    self.pair(&path, &x, &y)?;
                    if x.is_dir() && y.is_dir() {
                        below.push(path);
                    }
                }
                (Some((name, x)), None) => {
                    self.tell(&folder.join(&name), Ok(Difference::OnlyInFirst(x.kind)))?;
                }
                (None, Some((name, y))) => {
                    self.tell(&folder.join(&name), Ok(Difference::OnlyInSecond(y.kind)))?;
                }
                (None, None) => {}
            }
        }
    }

    /// Two things of one name.
    fn pair(&mut self, path: &VPath, a: &Metadata, b: &Metadata) -> Result<()> {
        if a.kind != b.kind {
            return self.tell(path, Ok(Difference::Kind(a.kind, b.kind)));
        }
        for difference in self.attributes(a, b) {
            self.tell(path, Ok(difference))?;
        }
        if self.aspects.hard_links && !a.is_dir() && (a.nlink > 1 || b.nlink > 1) {
            let x = first_name(&mut self.names[0], a.id, path);
            let y = first_name(&mut self.names[1], b.id, path);
            if x != y {
                self.tell(path, Ok(Difference::HardLink(x, y)))?;
            }
        }
        match self.inside(path, a) {
            Ok(differences) => {
                for difference in differences {
                    self.tell(path, Ok(difference))?;
                }
                Ok(())
            }
            Err(e) if e.kind() == crate::ErrorKind::Cancelled => Err(e),
            Err(e) => self.tell(path, Err(e)),
        }
    }

    fn attributes(&self, a: &Metadata, b: &Metadata) -> Vec<Difference> {
        let mut found = Vec::new();
        let link = a.is_symlink();
        if self.aspects.modes && !link && a.mode != b.mode {
            found.push(Difference::Mode(a.mode, b.mode));
        }
        if self.aspects.owners && (a.uid, a.gid) != (b.uid, b.gid) {
            found.push(Difference::Owner((a.uid, a.gid), (b.uid, b.gid)));
        }
        if self.aspects.mtimes && a.mtime != b.mtime {
            found.push(Difference::Mtime(a.mtime, b.mtime));
        }
        if matches!(a.kind, FileKind::CharDevice | FileKind::BlockDevice) && a.rdev != b.rdev {
            found.push(Difference::Device(a.rdev, b.rdev));
        }
        if a.is_file() && a.size != b.size {
            found.push(Difference::Size(a.size, b.size));
        }
        found
    }

    /// What has to be read: content, targets, extended attributes.
    fn inside(&self, path: &VPath, a: &Metadata) -> Result<Vec<Difference>> {
        let (first, second) = (self.first.root.append(path), self.second.root.append(path));
        let (x, y) = (At::path(&first), At::path(&second));
        let (left, right) = (self.first.backend, self.second.backend);
        let mut found = Vec::new();
        if a.is_symlink() {
            let (to, other) = (left.read_link(x)?, right.read_link(y)?);
            if to != other {
                found.push(Difference::Target(to, other));
            }
        }
        if a.is_file() && self.aspects.content {
            let how = OpenOptions::read();
            let (from, other) = (left.open(x, &how)?, right.open(y, &how)?);
            found.extend(content(&*from, &*other, self.control)?.map(Difference::Content));
        }
        if self.aspects.xattrs {
            let (mine, other) = (xattrs(left, x)?, xattrs(right, y)?);
            let all = mine
                .keys()
                .chain(other.keys().filter(|k| !mine.contains_key(*k)));
            let different = all.filter(|name| mine.get(*name) != other.get(*name));
            found.extend(different.cloned().map(Difference::Xattr));
        }
        Ok(found)
    }
}

fn first_name(names: &mut HashMap<FileId, VPath>, id: FileId, path: &VPath) -> VPath {
    names.entry(id).or_insert_with(|| path.clone()).clone()
}

/// The entries of a folder with metadata, by name.
fn entries(side: Side<'_>, folder: &VPath) -> Result<Entries> {
    let path = side.root.append(folder);
    let batch = listing::collect(side.backend.list(At::path(&path), &Want::metadata())?)?;
    let mut entries = Vec::with_capacity(batch.len());
    for entry in batch.iter() {
        let name = Name::new(entry.name)?;
        let metadata = match entry.metadata {
            Some(metadata) => *metadata,
            None => side.backend.stat(At::path(&path.join(&name)))?,
        };
        entries.push((name, metadata));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

fn xattrs(
    backend: &dyn Backend,
    at: At<'_>,
) -> Result<std::collections::BTreeMap<OsString, Vec<u8>>> {
    let names = backend.list_xattrs(at)?;
    let with_value = |name: OsString| backend.get_xattr(at, &name).map(|value| (name, value));
    names.into_iter().map(with_value).collect()
}

/// Offset of the first byte that differs, as far as both go.
fn content(a: &dyn File, b: &dyn File, control: &Control) -> Result<Option<u64>> {
    const BUFFER_BYTES: usize = 1 << 20;
    let size = a.metadata()?.size.min(b.metadata()?.size);
    let room = BUFFER_BYTES.min(usize::try_from(size).unwrap_or(BUFFER_BYTES));
    let (mut x, mut y) = (vec![0; room], vec![0; room]);
    let mut at = 0;
    while at < size {
        control.check()?;
        // A hole in both is equal.
        let next =
            |file: &dyn File| Ok(file.next_data(at)?.map_or(size, |(start, _)| start.max(at)));
        let (in_a, in_b): (Result<u64>, Result<u64>) = (next(a), next(b));
        at = in_a?.min(in_b?);
        let (read, other) = (a.read_at(&mut x, at)?, b.read_at(&mut y, at)?);
        let common = read.min(other);
        if common == 0 {
            break;
        }
        if x.get(..common) != y.get(..common) {
            let same = x.iter().zip(&y).take_while(|(a, b)| a == b).count();
            return Ok(Some(at + same as u64));
        }
        at += common as u64;
    }
    Ok(None)
}
