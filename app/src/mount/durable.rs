//! What happens on a mounted filesystem, and a thread that makes it durable at most a few seconds late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use fs_core::{Backend, Scope};

use super::gathered::Gathering;

/// As late as the kernel's own filesystems write what no program asked to be durable (`dirty_writeback_centisecs`).
const LATEST: Duration = Duration::from_secs(5);
/// So many times as long as making all durable took it rests: a memory filesystem is saved whole each time.
const RESTS: u32 = 10;

/// Counts and flags of one mount.
pub struct Activity {
    open_files: AtomicUsize,
    dirty: AtomicBool,
    changes: AtomicU64,
    own_ids: (u32, u32),
    listener: Option<Listener>,
}

/// Is called when the number of open files changes, at every change of what is in it, and when the mount is over; from any thread, and must not wait.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn() + Send + Sync>);

impl Listener {
    /// Calls `tell`.
    pub fn new(tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

impl Activity {
    /// Nothing has happened yet; what does is told to `listener`.
    pub fn new(listener: Option<Listener>) -> Self {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        Self {
            open_files: AtomicUsize::new(0),
            dirty: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            own_ids: (uid.as_raw(), gid.as_raw()),
            listener,
        }
    }

    /// Calls the listener.
    pub fn tell(&self) {
        if let Some(Listener(tell)) = &self.listener {
            tell();
        }
    }

    /// Something was changed.
    pub fn changed(&self) {
        self.dirty.store(true, Ordering::Release);
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.tell();
    }

    /// How often something was changed.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// A file was opened.
    pub fn opened(&self) {
        self.open_files.fetch_add(1, Ordering::AcqRel);
        self.tell();
    }

    /// A file was closed.
    pub fn closed(&self) {
        self.open_files.fetch_sub(1, Ordering::AcqRel);
        self.tell();
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
    pub fn start(
        backend: Arc<dyn Backend>,
        activity: Arc<Activity>,
        gathering: Arc<Gathering>,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = bounded::<()>(0);
        let thread = std::thread::Builder::new()
            .name("mount-sync".to_owned())
            .spawn(move || {
                let mut rest = LATEST;
                let mut told = String::new();
                loop {
                    let ended = stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout);
                    gathering.settle_all();
                    let began = Instant::now();
                    if activity.dirty.swap(false, Ordering::AcqRel)
                        && let Err(error) = backend.sync(Scope::All)
                    {
                        // Told to whoever syncs next, and tried again.
                        activity.dirty.store(true, Ordering::Release);
                        let error = error.to_string();
                        if error != told {
                            tracing::error!(
                                "the mounted filesystem can't be made durable: {error}"
                            );
                            told = error;
                        }
                    }
                    rest = LATEST.max(began.elapsed() * RESTS);
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
