//! What is known about directories, so that looking up a name does not walk the whole path in both layers each time.
//!
//! Only directories that exist are remembered, and every change through the overlay forgets what it makes wrong. What others change in a layer meanwhile is
//! noticed when an entry is [`LIFETIME`] old.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::lookup::Dir;
use crate::path::VPath;

const LIFETIME: Duration = Duration::from_secs(1);
const MOST_ENTRIES: usize = 4096;

/// Directories by path. Filled while the tree is held for reading, emptied while it is held for writing.
#[derive(Default)]
pub(super) struct Dirs(Mutex<HashMap<VPath, (Instant, Dir)>>);

impl Dirs {
    pub fn get(&self, path: &VPath) -> Option<Dir> {
        let all = self.0.lock();
        let (since, dir) = all.get(path)?;
        (since.elapsed() < LIFETIME).then_some(*dir)
    }

    pub fn put(&self, path: VPath, dir: Dir) {
        let mut all = self.0.lock();
        if all.len() >= MOST_ENTRIES {
            all.clear();
        }
        all.insert(path, (Instant::now(), dir));
    }

    /// This directory came, went or changed; what is below it did not.
    pub fn forget(&self, path: &VPath) {
        self.0.lock().remove(path);
    }

    /// Directories moved, or the base shows in other places.
    pub fn forget_all(&self) {
        self.0.lock().clear();
    }
}
