//! What happens on a mounted filesystem, and a thread that makes it durable at most a few seconds late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use fs_core::{Backend, Scope};

/// As late as the kernel's own filesystems write what no program asked to be durable (`dirty_writeback_centisecs`).
const LATEST: Duration = Duration::from_secs(5);

/// Counts and flags of one mount.
pub struct Activity {
    open_files: AtomicUsize,
    dirty: AtomicBool,
    own_ids: (u32, u32),
}

impl Default for Activity {
    fn default() -> Self {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        Self {
            open_files: AtomicUsize::new(0),
            dirty: AtomicBool::new(false),
            own_ids: (uid.as_raw(), gid.as_raw()),
        }
    }
}

impl Activity {
    /// Something was changed.
    pub fn changed(&self) {
        self.dirty.store(true, Ordering::Release);
    }

    /// A file was opened.
    pub fn opened(&self) {
        self.open_files.fetch_add(1, Ordering::AcqRel);
    }

    /// A file was closed.
    pub fn closed(&self) {
        self.open_files.fetch_sub(1, Ordering::AcqRel);
    }

    /// Files programs hold open now.
    pub fn open_files(&self) -> usize {
        self.open_files.load(Ordering::Acquire)
    }

    /// User and group of this process, which new nodes get where nobody says otherwise.
    pub fn own_ids(&self) -> (u32, u32) {
        self.own_ids
    }
}

/// Makes changes durable until it is dropped, and once more then.
pub struct Syncer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    /// Errors: no thread can be started.
    pub fn start(backend: Arc<dyn Backend>, activity: Arc<Activity>) -> std::io::Result<Self> {
        let (stop, stopped) = bounded::<()>(0);
        let thread = std::thread::Builder::new()
            .name("mount-sync".to_owned())
            .spawn(move || {
                loop {
                    let ended = stopped.recv_timeout(LATEST) != Err(RecvTimeoutError::Timeout);
                    if activity.dirty.swap(false, Ordering::AcqRel)
                        && let Err(error) = backend.sync(Scope::All)
                    {
                        // Told to whoever syncs next, and tried again.
                        activity.changed();
                        tracing::error!("the mounted filesystem can't be made durable: {error}");
                    }
                    if ended {
                        return;
                    }
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that makes the mounted filesystem durable broke");
        }
    }
}
