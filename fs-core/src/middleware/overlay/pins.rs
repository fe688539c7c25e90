//! Pinned nodes and open base files follow their path while it is renamed, and keep their node when it is removed.
//!
//! The overlay addresses everything by path in both layers, so a pin is a path that every rename through the overlay rewrites. When the path is removed, the
//! pin falls back to the pinned node of the layer that had it.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::file::BaseFile;
use crate::backend::Node;
use crate::path::VPath;

/// Where a pinned node is now.
#[derive(Clone)]
pub(super) enum Place {
    /// In the visible tree.
    Tree(VPath),
    /// In the upper, without a name the overlay knows: staged, or removed while pinned.
    Upper(Node),
    /// In the base, removed while pinned.
    Base(Node),
    /// Removed, and its layer could not hold on to it.
    Lost,
}

/// One pinned path.
pub(super) struct Pin {
    place: Mutex<Place>,
    /// Open files that still read the base's content.
    files: Mutex<Vec<Weak<BaseFile>>>,
    pins: Weak<Pins>,
}

impl Pin {
    pub fn place(&self) -> Place {
        self.place.lock().clone()
    }

    /// An open file that wants to know when its node is copied up.
    pub fn attach(&self, file: &Arc<BaseFile>) {
        let mut files = self.files.lock();
        files.retain(|file| file.strong_count() > 0);
        files.push(Arc::downgrade(file));
    }

    /// The open files, which now need no telling any more.
    pub fn take_files(&self) -> Vec<Arc<BaseFile>> {
        std::mem::take(&mut *self.files.lock())
            .into_iter()
            .filter_map(|file| file.upgrade())
            .collect()
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let Place::Tree(path) = self.place.get_mut() else {
            return;
        };
        if let Some(pins) = self.pins.upgrade() {
            let mut by_path = pins.by_path.lock();
            if by_path.get(path).is_some_and(|pin| pin.strong_count() == 0) {
                by_path.remove(path);
            }
        }
    }
}

/// All pins whose node has a path.
#[derive(Default)]
pub(super) struct Pins {
    by_path: Mutex<BTreeMap<VPath, Weak<Pin>>>,
}

impl Pins {
    /// The pin of `path`; one per path.
    pub fn pin(self: &Arc<Self>, path: &VPath) -> Arc<Pin> {
        let mut by_path = self.by_path.lock();
        if let Some(pin) = by_path.get(path).and_then(Weak::upgrade) {
            return pin;
        }
        let pin = Arc::new(Pin {
            place: Mutex::new(Place::Tree(path.clone())),
            files: Mutex::default(),
            pins: Arc::downgrade(self),
        });
        by_path.insert(path.clone(), Arc::downgrade(&pin));
        pin
    }

    /// A pin of a node that has no path yet.
    pub fn loose(self: &Arc<Self>, node: Node) -> Arc<Pin> {
        Arc::new(Pin {
            place: Mutex::new(Place::Upper(node)),
            files: Mutex::default(),
            pins: Arc::downgrade(self),
        })
    }

    /// The pin of `path`, if there is one.
    pub fn get(&self, path: &VPath) -> Option<Arc<Pin>> {
        self.by_path.lock().get(path).and_then(Weak::upgrade)
    }

    /// A loose pin got a path.
    pub fn settle(&self, pin: &Arc<Pin>, path: &VPath) {
        *pin.place.lock() = Place::Tree(path.clone());
        self.by_path
            .lock()
            .insert(path.clone(), Arc::downgrade(pin));
    }

    /// The node at `path` lost its name; `place` is where its pin finds it from now on.
    pub fn removed(&self, path: &VPath, place: Place) {
        let removed = self.by_path.lock().remove(path);
        if let Some(pin) = removed.and_then(|pin| pin.upgrade()) {
            *pin.place.lock() = place;
        }
    }

    /// The node at `from`, with all below it, is at `to` now.
    pub fn renamed(&self, from: &VPath, to: &VPath) {
        let moved = self.take(from);
        self.put(moved, from, to);
    }

    /// The nodes at `a` and `b` changed places.
    pub fn exchanged(&self, a: &VPath, b: &VPath) {
        let (from_a, from_b) = (self.take(a), self.take(b));
        self.put(from_a, a, b);
        self.put(from_b, b, a);
    }

    fn take(&self, root: &VPath) -> Vec<(VPath, Arc<Pin>)> {
        let mut by_path = self.by_path.lock();
        let paths: Vec<VPath> = by_path
            .range(root.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(root))
            .cloned()
            .collect();
        paths
            .into_iter()
            .filter_map(|path| {
                let pin = by_path.remove(&path)?.upgrade()?;
                Some((path, pin))
            })
            .collect()
    }

    fn put(&self, moved: Vec<(VPath, Arc<Pin>)>, from: &VPath, to: &VPath) {
        for (path, pin) in moved {
            let path = path
                .strip_prefix(from)
                .map_or_else(|| to.clone(), |rest| to.append(&rest));
            *pin.place.lock() = Place::Tree(path.clone());
            self.by_path.lock().insert(path, Arc::downgrade(&pin));
            // Dropped here, outside both locks: the last owner's drop takes them itself.
        }
    }
}
