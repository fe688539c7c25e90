//! Watching the folders of tabs. A watch only notes that something changed; the logic decides when to list again.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use fs_core::Backend;
use fs_core::ops::Place;
use parking_lot::Mutex;

use super::outbox::Outbox;
use crate::state::TabId;

/// What tabs watch, and in which of them something changed.
#[derive(Clone, Default)]
pub struct Watchers {
    guards: Arc<Mutex<HashMap<TabId, Guard>>>,
    changed: Arc<Mutex<BTreeSet<TabId>>>,
}

struct Guard {
    place: Place,
    _watch: Option<Box<dyn Any + Send>>,
}

impl Watchers {
    /// Watches `place` for `tab` instead of what it watched before. Where nothing can be watched, nothing is told.
    pub fn watch(&self, tab: TabId, place: &Place, backend: &dyn Backend, outbox: &Outbox) {
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

    /// The tab is gone.
    pub fn forget(&self, tab: TabId) {
        let old = self.guards.lock().remove(&tab);
        drop(old);
    }

    /// Lets go of everything watched in a filesystem that is being closed.
    pub fn forget_filesystem(&self, fs: &fs_core::ops::FsRef) {
        let old: Vec<_> = self
            .guards
            .lock()
            .extract_if(|_, guard| guard.place.fs == *fs)
            .collect();
        drop(old);
    }

    /// The tabs in which something changed since the last call.
    pub fn take_changed(&self) -> BTreeSet<TabId> {
        std::mem::take(&mut self.changed.lock())
    }
}
