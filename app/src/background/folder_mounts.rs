//! Filesystems that are mounted as folders. Each is served by threads of its own; one more waits for what happens to it and tells the window, at most ten
//! times a second and only when something did.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use fs_backends::location::{Kind, Location, Root, StackFile};
use fs_core::middleware::ReadOnly;
use fs_core::ops::FsRef;
use fs_core::{At, Backend, Capabilities, Error, ErrorKind, Result, VPath};
use parking_lot::Mutex;

use super::message::Event;
use super::mounts::Mounts;
use super::outbox::Outbox;
use crate::mount::{Listener, Mounted, Options, mount};
use crate::state::Generation;
use crate::state::folder_mount::{FolderNews, FolderWish};

/// What happens in so short a time is told together.
const TOGETHER: Duration = Duration::from_millis(100);
/// Leaving waits so long for programs to let go.
const PATIENCE: Duration = Duration::from_secs(1);

/// The filesystems that are mounted.
#[derive(Clone, Default)]
pub struct FolderMounts(Arc<Mutex<HashMap<Generation, Folder>>>);

#[derive(Clone)]
struct Folder {
    mounted: Arc<Mounted>,
    /// Closed when nothing of it is left.
    gone: Receiver<()>,
}

/// Folders that were made for a mount go with it, if they are empty.
struct Made(Option<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(dir) = &self.0
            && let Err(error) = std::fs::remove_dir(dir)
        {
            tracing::info!("{} stays: {error}", dir.display());
        }
    }
}

/// Tells the window what happens to one mounted folder.
pub struct Teller {
    /// The filesystem.
    pub fs: FsRef,
    /// Which mount of it.
    pub id: Generation,
    /// The way.
    pub outbox: Outbox,
}

impl Teller {
    fn tell(&self, news: FolderNews) {
        self.outbox
            .send(Event::Folder(self.fs.clone(), self.id, news));
    }
}

impl FolderMounts {
    /// Mounts a filesystem and tells what becomes of it, until it is over.
    pub fn mount(&self, mounts: &Mounts, location: &Location, wish: &FolderWish, teller: Teller) {
        let backend = mounts.get(&teller.fs).map(|mount| mount.backend);
        let mounted = backend.and_then(|backend| start(backend, location, wish));
        match mounted {
            Ok(started) => self.follow(started, teller),
            Err(error) => teller.tell(FolderNews::Refused(error)),
        }
    }

    /// Keeps a folder that was just mounted, and waits in a thread of its own for what happens to it.
    fn follow(&self, started: Started, teller: Teller) {
        let (gone, is_gone) = bounded::<()>(0);
        let mounted = started.mounted.clone();
        let folder = Folder {
            mounted: mounted.clone(),
            gone: is_gone,
        };
        self.0.lock().insert(teller.id, folder);
        teller.tell(FolderNews::Mounted(mounted.dir().to_path_buf()));
        let all = self.clone();
        super::start_thread("mounted folder", move || {
            let Started {
                mounted,
                made,
                happened,
            } = started;
            watch(&mounted, &happened, &teller);
            all.0.lock().remove(&teller.id);
            // Whoever unmounted it lets go of it; then what was changed last is made durable, and the folder goes.
            while Arc::strong_count(&mounted) > 1 {
                std::thread::sleep(Duration::from_millis(1));
            }
            drop(mounted);
            drop(made);
            teller.tell(FolderNews::Over);
            drop(gone);
        });
    }

    fn get(&self, id: Generation) -> Option<Folder> {
        self.0.lock().get(&id).cloned()
    }

    /// Unmounts a filesystem unless programs use it; its end is told by who follows it.
    pub fn unmount(&self, teller: &Teller) {
        let Some(folder) = self.get(teller.id) else {
            return;
        };
        match folder.mounted.unmount() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Busy => {
                teller.tell(FolderNews::Busy(folder.mounted.users()));
            }
            Err(error) => teller.tell(FolderNews::Stuck(error)),
        }
    }

    /// Takes the folder away; programs that use it go on until they are done.
    pub fn leave(&self, teller: &Teller) {
        let Some(folder) = self.get(teller.id) else {
            return;
        };
        if let Err(error) = folder.mounted.detach() {
            teller.tell(FolderNews::Stuck(error));
        }
    }

    /// Unmounts all, lazily where programs don't let go. The last call.
    pub fn shut_down(&self) {
        let all: Vec<Folder> = self.0.lock().values().cloned().collect();
        for Folder { mounted, gone } in all {
            if let Err(error) = mounted.unmount().or_else(|_| mounted.detach()) {
                tracing::error!("can't unmount: {error}");
            }
            drop(mounted);
            gone.recv_timeout(PATIENCE).ok();
        }
    }
}

/// What was just mounted.
struct Started {
    mounted: Arc<Mounted>,
    made: Made,
    /// Something happened to it.
    happened: Receiver<()>,
}

fn start(mut backend: Arc<dyn Backend>, location: &Location, wish: &FolderWish) -> Result<Started> {
    let root = VPath::root();
    let writable = backend
        .capabilities(At::path(&root))
        .contains(Capabilities::WRITE);
    if wish.read_only {
        backend = Arc::new(ReadOnly::new(backend)) as Arc<dyn Backend>;
    }
    let made = make(&wish.dir)?;
    let (something, happened) = bounded(1);
    let options = Options {
        source: location.to_string(),
        read_only: wish.read_only,
        // The tab changes it as well.
        exclusive: false,
        // Who may not change it does not know who does.
        shared: !writable,
        host_folders: host_folders(location),
        listener: Some(Listener::new(move || {
            // Full: it will be looked at anyway.
            something.try_send(()).ok();
        })),
    };
    let mounted = Arc::new(mount(backend, &wish.dir, &options)?);
    Ok(Started {
        mounted,
        made,
        happened,
    })
}

/// Tells what happens to a mounted folder until it is over.
fn watch(mounted: &Mounted, happened: &Receiver<()>, teller: &Teller) {
    let mut told = (0, 0);
    while !mounted.is_over() && happened.recv().is_ok() {
        let now = (mounted.open_files(), mounted.changes());
        if now != told {
            teller.tell(FolderNews::Used {
                open_files: now.0,
                changed: now.1 != told.1,
            });
            told = now;
            std::thread::sleep(TOGETHER);
        }
    }
}

/// The folder, made for this user alone where it is missing.
fn make(dir: &Path) -> Result<Made> {
    use std::os::unix::fs::DirBuilderExt as _;
    match dir.symlink_metadata() {
        Ok(_) => return Ok(Made(None)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        // Perhaps what a killed program left there: the library knows.
        Err(_) => return Ok(Made(None)),
    }
    let mut builder = std::fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| Error::from_io(error, "mount").with_path(dir))?;
    Ok(Made(Some(dir.to_path_buf())))
}

/// The folders of this computer that a filesystem shows: nothing is mounted inside of them.
fn host_folders(location: &Location) -> Vec<PathBuf> {
    match location.root() {
        Root::Stack(path) => {
            let layers = StackFile::read(path)
                .and_then(|stack| stack.locations(path.parent().unwrap_or(Path::new("/"))));
            layers.map_or_else(
                |_| Vec::new(),
                |layers| {
                    let settled = layers
                        .into_iter()
                        .map(|layer| layer.settled().unwrap_or(layer))
                        .filter(|layer| layer != location);
                    settled.flat_map(|layer| host_folders(&layer)).collect()
                },
            )
        }
        _ if matches!(location.kind(), Kind::Host | Kind::VRoot) => {
            Vec::from_iter(location.host_path().map(Path::to_path_buf))
        }
        _ => Vec::new(),
    }
}
