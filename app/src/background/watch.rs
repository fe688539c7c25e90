//! Watching the folders of tabs, and what was found below them. A watch only notes that something changed; the logic decides when to look again.

use std::any::Any;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use fs_core::extensions::WatchEvent;
use fs_core::ops::{FsRef, Place};
use fs_core::{Backend, VPath};
use parking_lot::Mutex;

use super::outbox::Outbox;
use crate::state::TabId;

/// No more folders are watched for one search: each costs the system something.
const MOST_FOLDERS: usize = 1000;
/// When more names than these changed, all is looked at again.
const MOST_NAMES: usize = 1000;

/// What tabs watch, and in which of them something changed.
#[derive(Clone, Default)]
pub struct Watchers {
    guards: Arc<Mutex<HashMap<TabId, Guard>>>,
    finds: Arc<Mutex<HashMap<TabId, Arc<FindWatch>>>>,
    changed: Arc<Mutex<BTreeSet<TabId>>>,
}

struct Guard {
    place: Place,
    _watch: Option<Box<dyn Any + Send>>,
}

impl Watchers {
    /// Watches `place` for `tab` instead of what it watched before. Where nothing can be watched, nothing is told.
    pub fn watch(&self, tab: TabId, place: &Place, backend: &dyn Backend, outbox: &Outbox) {
        let found = self.finds.lock().remove(&tab);
        drop(found);
        if let Some(guard) = self.guards.lock().get(&tab)
            && guard.place == *place
        {
            return;
        }
        let sink = {
            let (changed, outbox) = (self.changed.clone(), outbox.clone());
            Arc::new(move |_| {
                if changed.lock().insert(tab) {
                    outbox.wake();
                }
            })
        };
        let watch = backend
            .extensions()
            .watch
            .and_then(|watch| watch.watch(&place.path, sink).ok());
        let guard = Guard {
            place: place.clone(),
            _watch: watch,
        };
        let old = self.guards.lock().insert(tab, guard);
        drop(old);
    }

    /// Watches what a search of `tab` will find below `folder`, instead of what the tab watched before.
    pub(super) fn begin_find(
        &self,
        tab: TabId,
        fs: &FsRef,
        folder: &VPath,
        backend: &dyn Backend,
        outbox: &Outbox,
    ) -> Arc<FindWatch> {
        let find = Arc::new(FindWatch {
            tab,
            fs: fs.clone(),
            folder: folder.clone(),
            noted: Arc::default(),
            changed: self.changed.clone(),
            outbox: outbox.clone(),
            held: Mutex::default(),
        });
        find.watch_all(backend);
        find.watch_folder(backend, folder);
        let guard = self.guards.lock().remove(&tab);
        let old = self.finds.lock().insert(tab, find.clone());
        drop((guard, old));
        find
    }

    /// What watches what a search of `tab` found.
    pub(super) fn find_of(&self, tab: TabId) -> Option<Arc<FindWatch>> {
        self.finds.lock().get(&tab).cloned()
    }

    /// Anything may be other than what was found for `tab`.
    pub fn all_changed(&self, tab: TabId) {
        if let Some(find) = self.find_of(tab) {
            find.noted.lock().all = true;
        }
    }

    /// The tab is gone.
    pub fn forget(&self, tab: TabId) {
        let old = self.guards.lock().remove(&tab);
        let found = self.finds.lock().remove(&tab);
        drop((old, found));
    }

    /// Lets go of everything watched in a filesystem that is being closed.
    pub fn forget_filesystem(&self, fs: &FsRef) {
        let old: Vec<_> = self
            .guards
            .lock()
            .extract_if(|_, guard| guard.place.fs == *fs)
            .collect();
        let found: Vec<_> = self
            .finds
            .lock()
            .extract_if(|_, find| find.fs == *fs)
            .collect();
        drop((old, found));
    }

    /// The tabs in which something changed since the last call.
    pub fn take_changed(&self) -> BTreeSet<TabId> {
        std::mem::take(&mut self.changed.lock())
    }
}

/// What changed since it was looked at.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Anything may have.
    pub all: bool,
    /// What stands, or stood, here.
    pub paths: HashSet<VPath>,
}

/// Watches what one search finds: all of its filesystem where that tells of every change, else the folders it goes through, as many as are allowed.
pub(super) struct FindWatch {
    tab: TabId,
    fs: FsRef,
    folder: VPath,
    noted: Arc<Mutex<Noted>>,
    changed: Arc<Mutex<BTreeSet<TabId>>>,
    outbox: Outbox,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    whole: bool,
    /// Of changes in some folder nobody tells.
    misses: bool,
    folders: HashSet<VPath>,
    watches: Vec<Box<dyn Any + Send>>,
}

impl FindWatch {
    /// Takes what changed since it was taken last.
    pub fn take(&self) -> Noted {
        std::mem::take(&mut self.noted.lock())
    }

    fn watch_all(&self, backend: &dyn Backend) {
        let extensions = backend.extensions();
        // Only where finding all of it again costs little.
        let (Some(watch), Some(_)) = (extensions.watch, extensions.search) else {
            return;
        };
        let note = self.noting(|noted, ()| noted.all = true);
        if let Ok(guard) = watch.watch_all(Arc::new(move |_| note(()))) {
            let mut held = self.held.lock();
            held.whole = true;
            held.watches.push(guard);
        }
    }

    /// Watches a folder that is searched, nearest first, until half of what may be watched is.
    pub fn pass(&self, backend: &dyn Backend, folder: &VPath) {
        let mut held = self.held.lock();
        if held.folders.len() < MOST_FOLDERS / 2 {
            drop(held);
            self.watch_folder(backend, folder);
        } else if !held.folders.contains(folder) {
            held.misses |= !held.whole;
        }
    }

    /// Was a folder looked into that is not watched? What changes there is not told.
    pub fn misses(&self) -> bool {
        self.held.lock().misses
    }

    /// Watches every folder on the way to something that was found.
    pub fn hit(&self, backend: &dyn Backend, path: &VPath) {
        let mut folder = path.parent();
        while let Some(dir) = folder.filter(|dir| *dir != self.folder) {
            if !self.watch_folder(backend, &dir) {
                return;
            }
            folder = dir.parent();
        }
    }

    /// `false`: it is watched already, or none may be watched any more.
    fn watch_folder(&self, backend: &dyn Backend, folder: &VPath) -> bool {
        {
            let mut held = self.held.lock();
            if held.whole || held.folders.contains(folder) {
                return false;
            }
            if held.folders.len() >= MOST_FOLDERS {
                held.misses = true;
                return false;
            }
            held.folders.insert(folder.clone());
        }
        let (dir, is_first) = (folder.clone(), *folder == self.folder);
        let note = self.noting(move |noted, event| match event {
            WatchEvent::Changed(names) => {
                noted.paths.extend(names.iter().map(|name| dir.join(name)));
                noted.all |= noted.paths.len() > MOST_NAMES;
            }
            WatchEvent::Rescan => noted.all = true,
            // Of another one its parent tells, which is watched too.
            WatchEvent::Gone => noted.all |= is_first,
        });
        let watch = backend.extensions().watch;
        let guard = watch.map(|watch| watch.watch(folder, Arc::new(note)));
        let mut held = self.held.lock();
        match guard {
            Some(Ok(guard)) => held.watches.push(guard),
            // The system may have no more watches to give.
            _ => held.misses = true,
        }
        true
    }

    /// Notes an event and tells the logic.
    fn noting<E, F>(&self, note: F) -> impl Fn(E) + Send + Sync + use<E, F>
    where
        F: Fn(&mut Noted, E) + Send + Sync,
    {
        let (noted, changed) = (self.noted.clone(), self.changed.clone());
        let (tab, outbox) = (self.tab, self.outbox.clone());
        move |event| {
            note(&mut noted.lock(), event);
            if changed.lock().insert(tab) {
                outbox.wake();
            }
        }
    }
}
