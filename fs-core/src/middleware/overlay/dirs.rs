//! What is known about directories, so that looking up a name does not walk the whole path in both layers each time.
//!
//! Only directories that exist are remembered, and every change through the overlay forgets what it makes wrong. What others change in a layer meanwhile is
//! noticed when an entry is [`LIFETIME`] old, or at once where the layers tell of it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::lookup::Dir;
use crate::path::{Name, VPath};

const LIFETIME: Duration = Duration::from_secs(1);
const MOST_ENTRIES: usize = 4096;

/// Directories by path. Filled while the tree is held for reading, emptied while it is held for writing, and when a layer was changed by others.
#[derive(Default)]
pub(super) struct Dirs(Mutex<Known>);

#[derive(Default)]
struct Known {
    by_path: HashMap<VPath, (Instant, Dir)>,
    /// Their last names, and perhaps others.
    names: HashSet<Name>,
    moment: Moment,
}

/// Between two times at which everything was forgotten.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moment(u64);

impl Known {
    fn clear(&mut self) {
        self.by_path.clear();
        self.names.clear();
        self.moment.0 += 1;
    }
}

impl Dirs {
    pub fn get(&self, path: &VPath) -> Option<Dir> {
        let known = self.0.lock();
        let (since, dir) = known.by_path.get(path)?;
        (since.elapsed() < LIFETIME).then_some(*dir)
    }

    /// Now; to be asked before the layers are.
    pub fn moment(&self) -> Moment {
        self.0.lock().moment
    }

    /// Remembers what was found, unless everything was forgotten since `moment`.
    pub fn put(&self, path: VPath, dir: Dir, moment: Moment) {
        let mut known = self.0.lock();
        if known.moment != moment {
            return;
        }
        if known.by_path.len() >= MOST_ENTRIES {
            known.by_path.clear();
            known.names.clear();
        }
        known.names.extend(path.split_last().map(|(_, name)| name));
        known.by_path.insert(path, (Instant::now(), dir));
    }

    /// This directory came, went or changed; what is below it did not.
    pub fn forget(&self, path: &VPath) {
        self.0.lock().by_path.remove(path);
    }

    /// A layer's directory of this name may have come or gone somewhere, with all below it.
    pub fn forget_named(&self, name: &Name) {
        let mut known = self.0.lock();
        if known.names.contains(name) {
            known.clear();
        }
    }

    /// Directories moved, or the base shows in other places.
    pub fn forget_all(&self) {
        self.0.lock().clear();
    }
}
