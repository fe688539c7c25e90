//! Directories by path: who looks up many names in one folder walks there once.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::hash::{BuildHasher as _, RandomState};

use parking_lot::RwLock;

use super::store::{Inode, NodeRead};

/// Most paths that are remembered; then all are forgotten.
const PATHS_MAX: usize = 16 * 1024;

/// What is known of one moment. A later moment takes it over when no name that leads there changed in between, so nothing here is ever older than what
/// is read beside it.
#[derive(Default)]
pub(super) struct Paths(RwLock<Known>);

#[derive(Default)]
struct Known {
    moment: u64,
    directories: HashMap<Box<OsStr>, Inode>,
    /// Hashes of the names, with their folders, that lead to them. Two names with one hash cost a walk, not an error.
    steps: HashSet<u64>,
    hasher: RandomState,
}

impl Known {
    /// Brings it to `moment`. `false`: it is of a later one.
    fn advance(&mut self, moment: u64, read: &dyn NodeRead) -> bool {
        if moment <= self.moment {
            return moment == self.moment;
        }
        let mut same = true;
        let known = read.changes_since(self.moment, &mut |changes| {
            same = same
                && !changes.names.iter().any(|(dir, name)| {
                    let step = self.hasher.hash_one((dir, name.as_os_str()));
                    self.steps.contains(&step)
                });
        });
        if !known || !same {
            self.forget();
        }
        self.moment = moment;
        true
    }

    fn forget(&mut self) {
        self.directories.clear();
        self.steps.clear();
    }
}

impl Paths {
    /// The directory that has this path from the root at `moment`.
    pub(super) fn get(&self, moment: u64, path: &OsStr, read: &dyn NodeRead) -> Option<Inode> {
        {
            let known = self.0.read();
            if known.moment == moment {
                return known.directories.get(path).copied();
            }
        }
        let mut known = self.0.write();
        match known.advance(moment, read) {
            true => known.directories.get(path).copied(),
            false => None,
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.0.write() = Known::default();
    }

    /// Remembers that at `moment` the names in `steps`, each with the folder it is in, lead to `directory`.
    pub(super) fn put(
        &self,
        moment: u64,
        path: &OsStr,
        directory: Inode,
        steps: &[(Inode, &OsStr)],
        read: &dyn NodeRead,
    ) {
        let mut known = self.0.write();
        if !known.advance(moment, read) {
            return;
        }
        if known.directories.is_empty() {
            read.keep_changes();
        } else if known.directories.len() >= PATHS_MAX {
            known.forget();
        }
        known.directories.insert(path.into(), directory);
        for step in steps {
            let step = known.hasher.hash_one(step);
            known.steps.insert(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use fs_core::{At, Backend as _, Change, NewNode, RenameMode, VPath};

    use super::super::tests::{create, path, rename};
    use super::*;
    use crate::MemoryBackend;
    use crate::virtual_fs::NodeStore as _;

    /// What is known of the way to `folder`.
    fn known(fs: &MemoryBackend, folder: &VPath) -> Option<Inode> {
        let paths = &fs.shared.paths;
        let get = |read: &dyn NodeRead| {
            let moment = read.moment().unwrap();
            Ok(paths.get(moment, folder.as_os_str(), read))
        };
        fs.store().read(get).unwrap()
    }

    #[test]
    fn a_way_is_known_until_a_name_on_it_changes() {
        let fs = MemoryBackend::new();
        for folder in ["/a", "/a/b", "/other"] {
            create(&fs, folder, &NewNode::directory());
        }
        create(&fs, "/a/b/file", &NewNode::file());
        let (folder, file) = (path("/a/b"), path("/a/b/file"));
        let walk = || fs.stat(At::path(&file)).is_ok();
        assert!(walk() && known(&fs, &folder).is_some());
        // Elsewhere, in the folder, of the folder's own attributes.
        create(&fs, "/other/b", &NewNode::directory());
        create(&fs, "/a/b/new", &NewNode::file());
        fs.change(&Change::SetAttr(
            At::path(&folder),
            &fs_core::SetAttr::mode(0o700),
        ))
        .unwrap();
        assert!(known(&fs, &folder).is_some());
        rename(&fs, "/a", "/moved", RenameMode::NoReplace).unwrap();
        assert!(known(&fs, &folder).is_none() && !walk());
        rename(&fs, "/moved", "/a", RenameMode::NoReplace).unwrap();
        assert!(walk() && known(&fs, &folder).is_some());
        rename(&fs, "/a", "/other", RenameMode::Exchange).unwrap();
        assert!(known(&fs, &folder).is_none() && !walk());
    }

    #[test]
    fn who_was_slow_does_not_bring_an_old_moment_back() {
        let fs = MemoryBackend::new();
        create(&fs, "/a", &NewNode::directory());
        let (paths, folder) = (Paths::default(), OsStr::new("/a"));
        let (old, new) = (1, 2);
        let look = |read: &dyn NodeRead| {
            paths.put(new, folder, 2, &[(1, OsStr::new("a"))], read);
            paths.put(old, folder, 3, &[(1, OsStr::new("a"))], read);
            Ok((paths.get(old, folder, read), paths.get(new, folder, read)))
        };
        assert_eq!(fs.store().read(look).unwrap(), (None, Some(2)));
    }
}
