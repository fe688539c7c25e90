//! Change events: those of both layers, and those of changes made through the overlay itself.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::core::Core;
use super::names::{self, Kept};
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::{WatchEvent, WatchSink};
use crate::path::{Name, VPath};

/// Who is told of changes made through the overlay: these come without a watch of the upper too, whose directory may not exist yet.
#[derive(Default)]
pub(super) struct Watchers {
    next: AtomicU64,
    all: Mutex<Vec<(u64, VPath, WatchSink)>>,
}

impl Watchers {
    /// The entry at `path` appeared, vanished or changed.
    pub fn changed(&self, path: &VPath) {
        let Some((dir, name)) = path.split_last() else {
            return;
        };
        for (watched, sink) in self.sinks() {
            if watched == dir {
                sink(WatchEvent::Changed(vec![name.clone()]));
            } else if watched == *path {
                // A change of the directory itself, or its end.
                sink(WatchEvent::Rescan);
            }
        }
    }

    fn sinks(&self) -> Vec<(VPath, WatchSink)> {
        let all = self.all.lock();
        all.iter()
            .map(|(_, dir, sink)| (dir.clone(), sink.clone()))
            .collect()
    }
}

struct Guard {
    watchers: Arc<Watchers>,
    id: u64,
    _layers: Vec<Box<dyn Any + Send>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.watchers.all.lock().retain(|(id, ..)| *id != self.id);
    }
}

impl Core {
    pub(super) fn watch(&self, dir: &VPath, sink: WatchSink) -> Result<Box<dyn Any + Send>> {
        let here = {
            let _tree = self.tree.read();
            self.look(dir)?.as_dir()?
        };
        let mut layers = Vec::new();
        if here.base
            && let Some(watch) = self.base.extensions().watch
        {
            layers.extend(ignore_unsupported(watch.watch(dir, sink.clone()))?);
        }
        if here.upper
            && let Some(watch) = self.upper.backend().extensions().watch
        {
            let sink = self.translated(sink.clone())?;
            layers.extend(ignore_unsupported(
                watch.watch(&self.upper.kept(dir)?, sink),
            )?);
        }
        let id = self.watchers.next.fetch_add(1, Ordering::Relaxed);
        self.watchers.all.lock().push((id, dir.clone(), sink));
        Ok(Box::new(Guard {
            watchers: self.watchers.clone(),
            id,
            _layers: layers,
        }))
    }

    /// A sink that hears the upper's names and tells the user's.
    fn translated(&self, sink: WatchSink) -> Result<WatchSink> {
        if !self.marks_are_files()? {
            return Ok(sink);
        }
        Ok(Arc::new(move |event| match event {
            WatchEvent::Changed(kept) => {
                let names: Vec<Name> = kept
                    .iter()
                    .filter_map(|name| match names::read(name.as_os_str()) {
                        Kept::Entry(name) | Kept::Gone(name) => Some(name),
                        Kept::Opaque | Kept::Own => None,
                    })
                    .collect();
                sink(WatchEvent::Changed(names));
            }
            other => sink(other),
        }))
    }
}

fn ignore_unsupported<T>(result: Result<T, Error>) -> Result<Option<T>> {
    match result {
        Ok(guard) => Ok(Some(guard)),
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(error),
    }
}
