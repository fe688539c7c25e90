//! Directories by path: who looks up many names in one folder walks there once.

use std::collections::HashMap;
use std::ffi::OsStr;

use parking_lot::RwLock;

use super::store::Inode;

/// Most paths that are remembered; then all are forgotten.
const PATHS_MAX: usize = 16 * 1024;

/// What is known of one moment. Whatever is committed makes another moment, so nothing here is ever older than what is read beside it.
#[derive(Default)]
pub(super) struct Paths(RwLock<Known>);

#[derive(Default)]
struct Known {
    moment: u64,
    directories: HashMap<Box<OsStr>, Inode>,
}

impl Paths {
    /// The directory that has this path from the root at `moment`.
    pub(super) fn get(&self, moment: u64, path: &OsStr) -> Option<Inode> {
        let known = self.0.read();
        match known.moment == moment {
            true => known.directories.get(path).copied(),
            false => None,
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.0.write() = Known::default();
    }

    /// Remembers it.
    pub(super) fn put(&self, moment: u64, path: &OsStr, directory: Inode) {
        let mut known = self.0.write();
        if moment < known.moment {
            return;
        }
        if moment > known.moment || known.directories.len() >= PATHS_MAX {
            known.directories.clear();
            known.moment = moment;
        }
        known.directories.insert(path.into(), directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_moment_knows_nothing_of_it() {
        let (paths, path) = (Paths::default(), OsStr::new("/a/b"));
        paths.put(7, path, 2);
        assert_eq!(paths.get(7, path), Some(2));
        assert_eq!((paths.get(6, path), paths.get(8, path)), (None, None));
        paths.put(8, OsStr::new("/c"), 3);
        assert_eq!(paths.get(8, path), None);
        // Who was slow does not bring an old moment back.
        paths.put(7, path, 2);
        assert_eq!((paths.get(7, path), paths.get(8, path)), (None, None));
    }
}
