//! Mounting, waiting, unmounting.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fs_core::{At, Backend, Capabilities, Error, Result, VPath};
use fuser::{Config, Session, SessionACL};
use parking_lot::{Condvar, Mutex};

use super::caches::{Caching, Changes, Teller};
use super::device::{self, Label};
use super::durable::{Activity, Listener, Syncer};
use super::gathered::Settler;
use super::place;
use super::server::Server;
use super::watchdog::Watchdog;

/// Threads that answer requests: enough that a slow one (a big write into a vault) does not hold up the others.
const THREADS: usize = 8;

/// For how long the kernel may still hold on to what is unmounted.
const LINGERS: Duration = Duration::from_secs(1);

/// How to mount.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is mounted, for `/proc/mounts`; "lamina" when empty.
    pub source: String,
    /// Nothing can be changed through the folder.
    pub read_only: bool,
    /// Nothing changes but through the folder: the kernel may keep what it was told. Otherwise, and of layers in any case, it may where the backend tells
    /// of every change ([`watch_all`](fs_core::extensions::Watch::watch_all)).
    pub exclusive: bool,
    /// Another process may change it, of which nobody tells: the kernel keeps nothing.
    pub shared: bool,
    /// Host folders that are mounted, or are layers of what is.
    pub host_folders: Vec<PathBuf>,
    /// Is told what happens.
    pub listener: Option<Listener>,
}

/// A mounted filesystem. Dropped it is unmounted, lazily where programs still use it.
pub struct Mounted {
    dir: PathBuf,
    connection: u32,
    /// The folder is an ordinary one again.
    is_off: AtomicBool,
    activity: Arc<Activity>,
    ended: Arc<Ended>,
    thread: Option<JoinHandle<()>>,
    settler: Option<Settler>,
    /// Dropped before the watchdog is called off.
    syncer: Option<Syncer>,
    _teller: Teller,
    _watchdog: Watchdog,
}

/// How far the session is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Runs,
    /// The kernel has let go of it.
    Over,
    /// Nobody waits for it any more.
    Abandoned,
}

/// Tells when it is over.
#[derive(Default)]
struct Ended(Mutex<Stage>, Condvar);

impl Ended {
    fn set(&self, stage: Stage) {
        let mut now = self.0.lock();
        if *now != Stage::Over {
            *now = stage;
        }
        self.1.notify_all();
    }
}

/// Mounts `backend` at the empty folder `dir`.
///
/// Errors: `NotFound`, `NotADirectory`, `DirectoryNotEmpty`, `Busy` (something is mounted there), `IntoItself`, `PermissionDenied`; `Unsupported` when the
/// backend can't hold on to nodes (`PIN`). Each says in a sentence what to do.
pub fn mount(backend: Arc<dyn Backend>, dir: &Path, options: &Options) -> Result<Mounted> {
    let dir = place::check(dir, &options.host_folders)?;
    let root = VPath::root();
    let capabilities = backend.capabilities(At::path(&root));
    let activity = Arc::new(Activity::new(options.listener.clone()));
    let changes = Arc::new(Changes::default());
    // A change of one node in layers may change others, which only they can tell.
    let changes_aside = backend.extensions().layers.is_some();
    let watch = match options.shared || options.exclusive && !changes_aside {
        true => None,
        false => changes.of(&*backend),
    };
    let caching = match (options.exclusive, &watch) {
        (true, None) if changes_aside => Caching::Nothing,
        (true, _) => Caching::Alone,
        (false, Some(_)) => Caching::Told,
        (false, None) => Caching::Nothing,
    };
    let server = Server::new(
        Arc::clone(&backend),
        Arc::clone(&activity),
        caching,
        (Arc::clone(&changes), watch.is_some()),
    )?;
    let (inodes, gathering) = (server.inodes(), server.gathering());
    let label = Label {
        source: match options.source.as_str() {
            "" => "lamina".to_owned(),
            source => source.to_owned(),
        },
        read_only: options.read_only || !capabilities.contains(Capabilities::WRITE),
    };
    let told = |error| Error::from_io(error, "mount").with_path(&dir);
    let device = device::attach(&dir, &label)?;
    let start = || {
        let watchdog = Watchdog::over(&dir)?;
        let mut config = Config::default();
        config.n_threads = Some(THREADS);
        config.clone_fd = true;
        // The kernel itself lets nobody else in where only one user may.
        let session = Session::from_fd(server, device, SessionACL::All, config)?;
        let notifier = session.notifier();
        let teller = Teller::start(changes, watch, inodes, notifier)?;
        let syncer = Syncer::start(backend, Arc::clone(&activity), Arc::clone(&gathering))?;
        let settler = Settler::start(gathering)?;
        let ended = Arc::new(Ended::default());
        let thread = std::thread::Builder::new()
            .name("mount".to_owned())
            .spawn({
                let (ended, activity) = (Arc::clone(&ended), Arc::clone(&activity));
                move || {
                    if let Err(error) = session.run() {
                        tracing::error!("the mounted filesystem stopped: {error}");
                    }
                    ended.set(Stage::Over);
                    activity.tell();
                }
            })?;
        Ok(Mounted {
            connection: device::connection(&dir).map_err(std::io::Error::from)?,
            is_off: AtomicBool::new(false),
            dir: dir.clone(),
            activity,
            ended,
            thread: Some(thread),
            settler: Some(settler),
            syncer: Some(syncer),
            _teller: teller,
            _watchdog: watchdog,
        })
    };
    start().map_err(|error| {
        // Half mounted is not mounted.
        device::detach(&dir, true).ok();
        told(error)
    })
}

impl Mounted {
    /// The folder, absolute.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How many files programs hold open in it.
    pub fn open_files(&self) -> usize {
        self.activity.open_files()
    }

    /// How often something was changed through it.
    pub fn changes(&self) -> u64 {
        self.activity.changes()
    }

    /// Names of programs that use it: have files open in it, run from it or stand in it. Only those this user may know of.
    pub fn users(&self) -> Vec<String> {
        super::users::of(&self.dir)
    }

    /// Has it been unmounted, from here or elsewhere?
    pub fn is_over(&self) -> bool {
        *self.ended.0.lock() == Stage::Over
    }

    /// Unmounts, unless programs still use the folder: then it is `Busy` and stays as it is.
    pub fn unmount(&self) -> Result<()> {
        if self.is_over() {
            return Ok(());
        }
        device::detach(&self.dir, false)?;
        self.is_off.store(true, Ordering::Release);
        if !self.wait(Some(LINGERS)) {
            self.end_elsewhere();
        }
        Ok(())
    }

    /// Nobody used it here, but a mount namespace that began meanwhile (a container, a service) has it as well.
    fn end_elsewhere(&self) {
        if let Err(error) = device::abort(self.connection) {
            tracing::warn!("a container or service still has the folder: {error}");
        } else if self.wait(Some(LINGERS)) {
            return;
        }
        self.abandon();
    }

    /// Takes the folder away from who does not use it yet; it ends when the last program lets go of it. What mappings hold is written first.
    pub fn detach(&self) -> Result<()> {
        if self.is_over() || self.is_off.load(Ordering::Acquire) {
            return Ok(());
        }
        let flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
        if let Ok(dir) = rustix::fs::open(&self.dir, flags, rustix::fs::Mode::empty())
            && let Err(errno) = rustix::fs::syncfs(&dir)
        {
            tracing::error!("what was mapped could not be written: {errno}");
        }
        device::detach(&self.dir, true)
    }

    /// Lets nobody wait for it any more: when this process ends, programs that still have files open get errors.
    pub fn abandon(&self) {
        self.ended.set(Stage::Abandoned);
    }

    /// Waits until it is unmounted (or abandoned), for at most `limit`; `false` when it still is not.
    pub fn wait(&self, limit: Option<Duration>) -> bool {
        let until = limit.map(|limit| Instant::now() + limit);
        let mut stage = self.ended.0.lock();
        while *stage == Stage::Runs {
            match until {
                Some(until) if self.ended.1.wait_until(&mut stage, until).timed_out() => {
                    return *stage != Stage::Runs;
                }
                Some(_) => {}
                None => self.ended.1.wait(&mut stage),
            }
        }
        true
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = self.detach() {
            tracing::error!("can't unmount: {error}");
        }
        // Who still has files open keeps the session; its thread ends with them.
        self.wait(Some(Duration::from_secs(1)));
        if self.is_over()
            && let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the mounted filesystem broke");
        }
        drop(self.settler.take());
        drop(self.syncer.take());
    }
}
