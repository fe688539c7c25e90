//! Change events to whoever watches a directory.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fs_core::extensions::{TreeEvent, TreeSink, Watch, WatchEvent, WatchSink};
use fs_core::{At, Capabilities, Error, ErrorKind, Name, Result, VPath};
use parking_lot::{Mutex, RwLock};

use super::VirtualFs;
use super::resolve::{check_directory, node_at, tell};
use super::store::{Inode, NodeStore};

/// More names than this in one event say no more than "list anew".
const NAMES_MAX: usize = 1000;

/// Who watches which directory, each with a number of its own.
type Sinks = HashMap<Inode, Vec<(u64, WatchSink)>>;

/// Who hears of everything.
type TreeSinks = Vec<(u64, TreeSink)>;

/// All watchers: by directory, and of everything.
#[derive(Default)]
pub(super) struct Watchers(Arc<Mutex<Sinks>>, Arc<RwLock<TreeSinks>>);

impl Watchers {
    /// Tells of entries that changed and of directories that are gone. No lock is held while a sink runs.
    pub(super) fn tell(&self, touched: Vec<(Inode, Name)>, gone: impl IntoIterator<Item = Inode>) {
        let mut events = Vec::new();
        {
            let watchers = self.0.lock();
            if watchers.is_empty() {
                return;
            }
            let mut names: HashMap<Inode, Vec<Name>> = HashMap::new();
            for (dir, name) in touched
                .into_iter()
                .filter(|(dir, _)| watchers.contains_key(dir))
            {
                names.entry(dir).or_default().push(name);
            }
            let changed = names.into_iter().map(|(dir, mut names)| {
                names.sort();
                names.dedup();
                let event = if names.len() > NAMES_MAX {
                    WatchEvent::Rescan
                } else {
                    WatchEvent::Changed(names)
                };
                (dir, event)
            });
            let gone = gone.into_iter().map(|dir| (dir, WatchEvent::Gone));
            for (dir, event) in changed.chain(gone) {
                for (_, sink) in watchers.get(&dir).into_iter().flatten() {
                    events.push((Arc::clone(sink), event.clone()));
                }
            }
        }
        events.into_iter().for_each(|(sink, event)| sink(event));
    }

    /// Does anybody want to hear of all changes?
    pub(super) fn hear_all(&self) -> bool {
        !self.1.read().is_empty()
    }

    /// Tells who hears of everything.
    pub(super) fn tell_all_of(&self, events: Vec<TreeEvent>) {
        if events.is_empty() {
            return;
        }
        let sinks = self.1.read();
        for event in events {
            for (_, sink) in sinks.iter() {
                sink(event.clone());
            }
        }
    }

    /// Everything may have changed.
    pub(super) fn tell_all(&self) {
        self.tell_all_of(vec![TreeEvent::All]);
        let sinks: Vec<WatchSink> = {
            let watchers = self.0.lock();
            watchers
                .values()
                .flatten()
                .map(|(_, sink)| Arc::clone(sink))
                .collect()
        };
        sinks.into_iter().for_each(|sink| sink(WatchEvent::Rescan));
    }
}

/// Ends a watch when it is dropped.
struct Guard {
    watchers: Arc<Mutex<Sinks>>,
    dir: Inode,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut watchers = self.watchers.lock();
        if let Some(sinks) = watchers.get_mut(&self.dir) {
            sinks.retain(|(id, _)| *id != self.id);
            if sinks.is_empty() {
                watchers.remove(&self.dir);
            }
        }
    }
}

/// Ends a watch of everything when it is dropped.
struct TreeGuard {
    sinks: Arc<RwLock<TreeSinks>>,
    id: u64,
}

impl Drop for TreeGuard {
    fn drop(&mut self) {
        self.sinks.write().retain(|(id, _)| *id != self.id);
    }
}

static NEXT_WATCH: AtomicU64 = AtomicU64::new(0);

impl<S: NodeStore> Watch for VirtualFs<S> {
    fn watch(&self, dir: &VPath, sink: WatchSink) -> Result<Box<dyn Any + Send>> {
        let fs = self.shared.fs;
        let ino = self
            .shared
            .store
            .read(|read| {
                let (ino, _) = node_at(read, At::path(dir), fs, None)?;
                check_directory(read, ino).map(|_| ino)
            })
            .map_err(|error| tell(error, "watch", dir))?;
        let id = NEXT_WATCH.fetch_add(1, Ordering::Relaxed);
        let watchers = Arc::clone(&self.shared.watchers.0);
        watchers.lock().entry(ino).or_default().push((id, sink));
        Ok(Box::new(Guard {
            watchers,
            dir: ino,
            id,
        }))
    }

    /// Not where it was opened for reading only: another process may change it.
    fn watch_all(&self, sink: TreeSink) -> Result<Box<dyn Any + Send>> {
        let writes = self.shared.store.capabilities();
        if !writes.contains(Capabilities::WRITE) {
            return Err(Error::new(ErrorKind::Unsupported, "watch"));
        }
        let id = NEXT_WATCH.fetch_add(1, Ordering::Relaxed);
        let sinks = Arc::clone(&self.shared.watchers.1);
        sinks.write().push((id, sink));
        Ok(Box::new(TreeGuard { sinks, id }))
    }
}
