//! Change events of host folders, through `notify`: names gathered for a moment, reads left out.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use fs_core::extensions::{Watch, WatchEvent, WatchSink};
use fs_core::{At, Error, ErrorKind, FileId, Name, Result, VPath};
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::Mutex;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::reach::{Doing as _, Reach, path_of};
use super::{HostFs, attr};

/// How long events are gathered before they are told, from the first on.
const GATHER: Duration = Duration::from_millis(100);

/// Events waiting to be gathered; when more come at once, every watcher lists anew.
const QUEUE_EVENTS: usize = 4096;

/// More names than this are told as "list anew".
const NAMES_MAX: usize = 1000;

/// The watcher of a backend: one `inotify` instance and one gathering thread, made when first needed.
#[derive(Default)]
pub(crate) struct Watching(Mutex<Option<Arc<Watcher>>>);

struct Watcher {
    notify: Mutex<RecommendedWatcher>,
    folders: Arc<Mutex<Folders>>,
    next_id: AtomicU64,
}

type Folders = HashMap<PathBuf, Folder>;

struct Folder {
    id: FileId,
    sinks: Vec<(u64, WatchSink)>,
}

/// What happened in one folder.
#[derive(Default)]
struct Gathered {
    names: BTreeSet<OsString>,
    /// Something happened to the folder itself.
    itself: bool,
}

impl Watching {
    fn get(&self) -> Result<Arc<Watcher>> {
        let mut watcher = self.0.lock();
        if let Some(watcher) = &*watcher {
            return Ok(Arc::clone(watcher));
        }
        let new = Arc::new(Watcher::start()?);
        *watcher = Some(Arc::clone(&new));
        Ok(new)
    }
}

fn failed(error: notify::Error) -> Error {
    match error.kind {
        notify::ErrorKind::Io(error) => Error::from_io(error, "watch"),
        notify::ErrorKind::PathNotFound => Error::new(ErrorKind::NotFound, "watch"),
        notify::ErrorKind::MaxFilesWatch => Error::new(ErrorKind::TooManyOpenFiles, "watch")
            .with_detail("the system's limit of watched folders is reached"),
        _ => Error::new(ErrorKind::Io, "watch").with_source(error),
    }
}

impl Watcher {
    fn start() -> Result<Self> {
        let folders = Arc::<Mutex<Folders>>::default();
        let (to_gather, events) = bounded(QUEUE_EVENTS);
        let lost = Arc::new(AtomicBool::new(false));
        let notify =
            notify::recommended_watcher(forward(to_gather, Arc::clone(&lost))).map_err(failed)?;
        let gathering = Arc::clone(&folders);
        std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || gather(&events, &gathering, &lost))
            .map_err(|e| Error::from_io(e, "watch"))?;
        Ok(Self {
            notify: Mutex::new(notify),
            folders,
            next_id: AtomicU64::new(0),
        })
    }

    fn add(self: Arc<Self>, path: PathBuf, id: FileId, sink: WatchSink) -> Result<WatchGuard> {
        let number = self.next_id.fetch_add(1, Ordering::Relaxed);
        // Taken first and together with the watch itself, so that adding and removing the same folder can't cross.
        let mut notify = self.notify.lock();
        let is_new = {
            let mut folders = self.folders.lock();
            let folder = folders.entry(path.clone()).or_insert_with(|| Folder {
                id,
                sinks: Vec::new(),
            });
            let is_new = folder.sinks.is_empty() || folder.id != id;
            folder.id = id;
            folder.sinks.push((number, sink));
            is_new
        };
        let watched = if is_new {
            notify.watch(&path, RecursiveMode::NonRecursive)
        } else {
            Ok(())
        };
        drop(notify);
        let guard = WatchGuard {
            watcher: self,
            path,
            number,
        };
        watched.map(|()| guard).map_err(failed)
    }
}

/// Ends the watch when dropped.
struct WatchGuard {
    watcher: Arc<Watcher>,
    path: PathBuf,
    number: u64,
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        let mut notify = self.watcher.notify.lock();
        let unused = {
            let mut folders = self.watcher.folders.lock();
            let Some(folder) = folders.get_mut(&self.path) else {
                return;
            };
            folder.sinks.retain(|(number, _)| *number != self.number);
            let unused = folder.sinks.is_empty();
            if unused {
                folders.remove(&self.path);
            }
            unused
        };
        if unused {
            // A folder that is gone is not watched any more anyway.
            let _ = notify.unwatch(&self.path);
        }
    }
}

/// Takes events from the system's thread, which must not wait.
fn forward(
    to_gather: Sender<notify::Event>,
    lost: Arc<AtomicBool>,
) -> impl FnMut(notify::Result<notify::Event>) {
    move |event| {
        let event = match event {
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return,
            Ok(event) if !event.need_rescan() => Some(event),
            _ => None,
        };
        let told = event.is_some_and(|event| to_gather.try_send(event).is_ok());
        if !told {
            lost.store(true, Ordering::Relaxed);
            // Wakes the gathering thread; when the queue is full it is awake.
            let _ = to_gather.try_send(notify::Event::new(EventKind::Other));
        }
    }
}

/// Tells each folder's sinks what happened in it, until the watcher is gone.
fn gather(events: &Receiver<notify::Event>, folders: &Mutex<Folders>, lost: &AtomicBool) {
    while let Ok(first) = events.recv() {
        let end = Instant::now() + GATHER;
        let mut gathered = HashMap::<PathBuf, Gathered>::new();
        sort_in(first, folders, &mut gathered);
        loop {
            match events.recv_deadline(end) {
                Ok(event) => sort_in(event, folders, &mut gathered),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        if lost.swap(false, Ordering::Relaxed) {
            let all: Vec<_> = folders.lock().keys().cloned().collect();
            for folder in all {
                tell(&folder, &WatchEvent::Rescan, folders);
            }
            continue;
        }
        for (folder, what) in gathered {
            if let Some(event) = what.into_event(&folder, folders) {
                tell(&folder, &event, folders);
            }
        }
    }
}

/// Puts an event to the folders it concerns.
fn sort_in(
    event: notify::Event,
    folders: &Mutex<Folders>,
    gathered: &mut HashMap<PathBuf, Gathered>,
) {
    let folders = folders.lock();
    let may_be_gone = matches!(
        event.kind,
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
    );
    for path in event.paths {
        if may_be_gone && folders.contains_key(&path) {
            gathered.entry(path.clone()).or_default().itself = true;
        }
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && folders.contains_key(parent)
        {
            let names = &mut gathered.entry(parent.to_owned()).or_default().names;
            names.insert(name.to_owned());
        }
    }
}

impl Gathered {
    fn into_event(self, folder: &Path, folders: &Mutex<Folders>) -> Option<WatchEvent> {
        if self.itself {
            let watched = folders.lock().get(folder).map(|folder| folder.id);
            let now = attr::stat_at(CWD, folder, AtFlags::SYMLINK_NOFOLLOW).map(|m| m.id);
            if now.ok() != watched {
                return Some(WatchEvent::Gone);
            }
        }
        if self.names.is_empty() {
            return None;
        }
        if self.names.len() > NAMES_MAX {
            return Some(WatchEvent::Rescan);
        }
        let names = self.names.iter().filter_map(|name| Name::new(name).ok());
        Some(WatchEvent::Changed(names.collect()))
    }
}

fn tell(folder: &Path, event: &WatchEvent, folders: &Mutex<Folders>) {
    // Called without the lock: a sink may end its watch.
    let sinks: Vec<_> = match folders.lock().get(folder) {
        Some(folder) => folder.sinks.iter().map(|(_, sink)| sink.clone()).collect(),
        None => return,
    };
    for sink in sinks {
        sink(event.clone());
    }
}

impl<R: Reach> Watch for HostFs<R> {
    fn watch(&self, dir: &VPath, sink: WatchSink) -> Result<Box<dyn Any + Send>> {
        let watch = || {
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            let fd = self
                .reach()?
                .open(At::path(dir).following(), flags, Mode::empty())?;
            let id = attr::stat_fd(&fd)
                .map_err(|e| super::reach::failed(e, "watch"))?
                .id;
            self.0.watching.get()?.add(path_of(fd.as_fd())?, id, sink)
        };
        let guard = watch().doing("watch", dir)?;
        Ok(Box::new(guard))
    }
}
