//! What names stood for when they were looked up last, as a kernel remembers entries.
//!
//! Only nodes with one name are kept, so that a change of a node ends what is known of its name.

use std::ffi::OsStr;
use std::hash::BuildHasher as _;

use foldhash::HashMap;
use foldhash::fast::RandomState;
use fs_core::{FileKind, Metadata};
use parking_lot::RwLock;

use super::store::{Inode, NodeRead};

/// Most names that are remembered; then all are forgotten.
const NAMES_MAX: usize = 1 << 16;

/// What is known of one moment, and brought to the next by taking out what changed.
#[derive(Default)]
pub(super) struct LookedUp(RwLock<Known>);

#[derive(Default)]
struct Known {
    moment: u64,
    /// By hash of folder and name; of two with one hash the later is kept.
    names: HashMap<u64, Found>,
    /// The hashes of the names of nodes.
    nodes: HashMap<Inode, u64>,
    hasher: RandomState,
}

struct Found {
    dir: Inode,
    name: Box<OsStr>,
    metadata: Metadata,
}

impl Known {
    fn hash(&self, dir: Inode, name: &OsStr) -> u64 {
        self.hasher.hash_one((dir, name))
    }

    fn get(&self, dir: Inode, name: &OsStr) -> Option<Metadata> {
        let found = self.names.get(&self.hash(dir, name))?;
        (found.dir == dir && *found.name == *name).then_some(found.metadata)
    }

    fn remove(&mut self, hash: u64) {
        if let Some(found) = self.names.remove(&hash) {
            self.nodes.remove(&found.metadata.id.ino);
        }
    }

    /// Brings it to `moment`. `false`: it is of a later one.
    fn advance(&mut self, moment: u64, read: &dyn NodeRead) -> bool {
        if moment <= self.moment {
            return moment == self.moment;
        }
        // What is in a folder whose names go by the set has no path any more.
        let known = read.changes_since(self.moment, &mut |changes| {
            for (dir, name) in &changes.names {
                let hash = self.hash(*dir, name);
                self.remove(hash);
            }
            for ino in &changes.nodes {
                if let Some(hash) = self.nodes.get(ino).copied() {
                    self.remove(hash);
                }
            }
        });
        if !known {
            self.forget();
        }
        self.moment = moment;
        true
    }

    fn forget(&mut self) {
        self.names.clear();
        self.nodes.clear();
    }
}

impl LookedUp {
    /// What `name` in the folder `dir`, which has a path, stands for at `moment`.
    pub(super) fn get(
        &self,
        moment: u64,
        (dir, name): (Inode, &OsStr),
        read: &dyn NodeRead,
    ) -> Option<Metadata> {
        {
            let known = self.0.read();
            if known.moment == moment {
                return known.get(dir, name);
            }
        }
        let mut known = self.0.write();
        match known.advance(moment, read) {
            true => known.get(dir, name),
            false => None,
        }
    }

    /// Remembers it.
    pub(super) fn put(
        &self,
        moment: u64,
        (dir, name): (Inode, &OsStr),
        metadata: &Metadata,
        read: &dyn NodeRead,
    ) {
        if metadata.kind != FileKind::Directory && metadata.nlink != 1 {
            return;
        }
        let mut known = self.0.write();
        if !known.advance(moment, read) {
            return;
        }
        if known.names.is_empty() {
            read.keep_changes();
        } else if known.names.len() >= NAMES_MAX {
            known.forget();
        }
        let hash = known.hash(dir, name);
        known.remove(hash);
        let found = Found {
            dir,
            name: name.into(),
            metadata: *metadata,
        };
        known.names.insert(hash, found);
        known.nodes.insert(metadata.id.ino, hash);
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.0.write() = Known::default();
    }
}

#[cfg(test)]
mod tests {
    use fs_core::{At, Backend as _, Change, NewNode, SetAttr};

    use super::super::store::ROOT;
    use super::super::tests::{create, path};
    use super::*;
    use crate::MemoryBackend;
    use crate::virtual_fs::NodeStore as _;

    fn is_known(fs: &MemoryBackend, name: &str) -> bool {
        let known = &fs.shared.looked_up;
        let get = |read: &dyn NodeRead| {
            let moment = read.moment().unwrap();
            Ok(known.get(moment, (ROOT, OsStr::new(name)), read).is_some())
        };
        fs.store().read(get).unwrap()
    }

    #[test]
    fn a_name_is_known_until_it_or_its_node_changes() {
        let fs = MemoryBackend::new();
        let names = ["a", "b", "c", "d"];
        let paths = names.map(|name| path(&format!("/{name}")));
        for place in ["/a", "/b", "/c", "/d"] {
            create(&fs, place, &NewNode::file());
            fs.stat(At::path(&path(place))).unwrap();
        }
        assert!(names.iter().all(|name| is_known(&fs, name)));
        fs.change(&Change::SetAttr(At::path(&paths[0]), &SetAttr::mode(0o600)))
            .unwrap();
        fs.change(&Change::Unlink(At::path(&paths[1]))).unwrap();
        // With two names it is not kept: a change through one would be one of the other too.
        let second = path("/second");
        fs.change(&Change::Link {
            from: At::path(&paths[2]),
            to: At::path(&second),
        })
        .unwrap();
        assert_eq!(
            names.map(|name| is_known(&fs, name)),
            [false, false, false, true]
        );
        assert_eq!(fs.stat(At::path(&paths[0])).unwrap().mode, 0o600);
        assert!(fs.stat(At::path(&paths[1])).is_err());
        assert_eq!(fs.stat(At::path(&paths[2])).unwrap().nlink, 2);
        assert!(is_known(&fs, "a") && !is_known(&fs, "c") && !is_known(&fs, "second"));
    }
}
