//! The nodes of the model, and how a path leads to one (path_resolution(7)).

use std::collections::BTreeMap;

use fs_core::{FileKind, Time};
use rustix::io::Errno;

use super::Result;
use crate::answer::Stat;

pub type Id = usize;

pub const ROOT: Id = 0;
/// So many links are followed (path_resolution(7)).
const LINKS_MAX: u32 = 40;

/// What a node is.
#[derive(Clone)]
pub enum What {
    File(Vec<u8>),
    Directory {
        names: BTreeMap<String, Id>,
        parent: Id,
    },
    Symlink(String),
    Fifo,
}

#[derive(Clone)]
pub struct Node {
    pub what: What,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Set to a moment long past; `None`: changed since.
    pub mtime: Option<Time>,
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// Where a path leads.
pub enum Place {
    There(Id),
    /// Only the last name is missing in this directory.
    Missing(Id, String),
}

/// All nodes there ever were: who removes a name leaves the node to open handles.
pub struct Tree {
    pub nodes: Vec<Node>,
    uid: u32,
    gid: u32,
}

impl Tree {
    pub fn new() -> Self {
        let mut tree = Self {
            nodes: Vec::new(),
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        };
        tree.nodes.push(Node {
            what: What::Directory {
                names: BTreeMap::new(),
                parent: ROOT,
            },
            mode: 0o755,
            uid: tree.uid,
            gid: tree.gid,
            mtime: None,
            xattrs: BTreeMap::new(),
        });
        tree
    }

    pub fn kind(&self, id: Id) -> FileKind {
        match self.nodes[id].what {
            What::File(_) => FileKind::File,
            What::Directory { .. } => FileKind::Directory,
            What::Symlink(_) => FileKind::Symlink,
            What::Fifo => FileKind::Fifo,
        }
    }

    /// The names in a directory.
    pub fn names(&self, dir: Id) -> Result<&BTreeMap<String, Id>> {
        match &self.nodes[dir].what {
            What::Directory { names, .. } => Ok(names),
            _ => Err(Errno::NOTDIR),
        }
    }

    pub fn parent_of(&self, dir: Id) -> Id {
        match self.nodes[dir].what {
            What::Directory { parent, .. } => parent,
            _ => unreachable!("only directories are asked"),
        }
    }

    /// Is `dir` the same as `other`, or somewhere in it?
    pub fn is_in(&self, dir: Id, other: Id) -> bool {
        dir == other || (dir != ROOT && self.is_in(self.parent_of(dir), other))
    }

    /// Where `path` leads; `follow`: also when its last name is a link.
    pub fn find(&self, path: &str, follow: bool) -> Result<Place> {
        self.walk(ROOT, path, follow, &mut 0)
    }

    fn walk(&self, from: Id, path: &str, follow: bool, links: &mut u32) -> Result<Place> {
        let mut at = if path.starts_with('/') { ROOT } else { from };
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        for (index, name) in names.iter().enumerate() {
            let is_last = index + 1 == names.len();
            let here = self.names(at)?;
            at = match *name {
                "." => at,
                ".." => self.parent_of(at),
                name => match here.get(name) {
                    None if is_last => return Ok(Place::Missing(at, name.to_owned())),
                    None => return Err(Errno::NOENT),
                    Some(&found) => match &self.nodes[found].what {
                        What::Symlink(target) if !is_last || follow => {
                            *links += 1;
                            if *links > LINKS_MAX {
                                return Err(Errno::LOOP);
                            }
                            match self.walk(at, target, true, links)? {
                                Place::There(id) => id,
                                missing if is_last => return Ok(missing),
                                Place::Missing(..) => return Err(Errno::NOENT),
                            }
                        }
                        _ => found,
                    },
                },
            };
        }
        Ok(Place::There(at))
    }

    /// The node a path leads to.
    pub fn node(&self, path: &str, follow: bool) -> Result<Id> {
        match self.find(path, follow)? {
            Place::There(id) => Ok(id),
            Place::Missing(..) => Err(Errno::NOENT),
        }
    }

    /// The directory of a path, and its last name.
    pub fn parent<'a>(&self, path: &'a str) -> Result<(Id, &'a str)> {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let dir = self.node(parent, true)?;
        self.names(dir)?;
        Ok((dir, name))
    }

    /// Gives a node a name. A directory learns where it is.
    pub fn put(&mut self, dir: Id, name: &str, id: Id) {
        if let What::Directory { parent, .. } = &mut self.nodes[id].what {
            *parent = dir;
        }
        self.change(dir).insert(name.to_owned(), id);
    }

    /// Takes a name away.
    pub fn take(&mut self, dir: Id, name: &str) {
        self.change(dir).remove(name);
    }

    fn change(&mut self, dir: Id) -> &mut BTreeMap<String, Id> {
        let node = &mut self.nodes[dir];
        node.mtime = None;
        match &mut node.what {
            What::Directory { names, .. } => names,
            _ => unreachable!("names are only in directories"),
        }
    }

    /// A new node. In a set-group-ID directory it has that group, and a directory the bit too (inode(7)).
    pub fn add(&mut self, dir: Id, name: &str, what: What, mode: u32) -> Id {
        let around = &self.nodes[dir];
        let (mut mode, mut gid) = (mode, self.gid);
        if around.mode & 0o2000 != 0 {
            gid = around.gid;
            if matches!(what, What::Directory { .. }) {
                mode |= 0o2000;
            }
        }
        self.nodes.push(Node {
            what,
            mode,
            uid: self.uid,
            gid,
            mtime: None,
            xattrs: BTreeMap::new(),
        });
        let id = self.nodes.len() - 1;
        self.put(dir, name, id);
        id
    }

    /// How many names lead to it; of a directory, `.` and the `..` of each in it too.
    fn links(&self, id: Id) -> u64 {
        if let Ok(names) = self.names(id) {
            let inside = names.values();
            let folders = inside.filter(|&&id| self.kind(id) == FileKind::Directory);
            return 2 + folders.count() as u64;
        }
        let all = (0..self.nodes.len()).filter_map(|dir| self.names(dir).ok());
        all.flat_map(BTreeMap::values)
            .filter(|&&named| named == id)
            .count() as u64
    }

    pub fn stat(&self, id: Id) -> Stat {
        let node = &self.nodes[id];
        let size = match &node.what {
            What::File(bytes) => bytes.len(),
            What::Symlink(target) => target.len(),
            What::Directory { .. } | What::Fifo => 0,
        };
        Stat {
            kind: self.kind(id),
            mode: node.mode,
            owner: (node.uid, node.gid),
            nlink: self.links(id),
            size: size as u64,
            mtime: node.mtime,
        }
    }
}
