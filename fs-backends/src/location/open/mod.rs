//! Opening what a location names.

mod stack;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_core::middleware::{ReadOnly, Subtree};
use fs_core::{At, Backend, Capabilities, Error, ErrorKind, Result, VPath};
use zeroize::Zeroizing;

use super::{HostItem, Kind, Location, Root, probe};
use crate::indexed::{BLOBS, StoreOptions};
use crate::sqlite::{Durability, VaultOptions};
use crate::{IndexedBackend, MemoryBackend, SqliteBackend, StdFsBackend, VRootFsBackend};

/// Most layers of a stack, those of stacks in it included.
const LAYERS_MAX: usize = 128;

/// How to open.
#[derive(Clone, Copy)]
pub struct OpenHow<'a> {
    /// Gives the password of an encrypted filesystem; `None`: `PasswordNeeded`, with its path.
    pub password: &'a dyn Fn(&Location) -> Option<Zeroizing<String>>,
    /// Gives a filesystem that is open already (the root of `location`), so that a vault that is shown in a tab can be a layer too.
    pub open_already: &'a dyn Fn(&Location) -> Option<Arc<dyn Backend>>,
    /// Nothing can be changed through what is opened.
    pub read_only: bool,
    /// Makes a vault, store or saved memory filesystem where nothing is.
    pub create: bool,
    /// What the content of a memory filesystem that is made may take, and is saved with it.
    pub memory_limit_bytes: Option<u64>,
    /// A layer that was used over another base is used over this one from now on, with all it deleted and copied; otherwise `WrongBase`.
    pub accept_base: bool,
    /// Layers of the stack, by their number in its file, that are left out. What is opened can only be read then, and which base a layer belongs to
    /// does not count.
    pub without_layers: &'a [usize],
}

impl Default for OpenHow<'_> {
    fn default() -> Self {
        Self {
            password: &|_| None,
            open_already: &|_| None,
            read_only: false,
            create: false,
            memory_limit_bytes: None,
            accept_base: false,
            without_layers: &[],
        }
    }
}

/// An open filesystem.
#[derive(Clone)]
pub struct Opened {
    /// The filesystem.
    pub backend: Arc<dyn Backend>,
    /// Its name: settled, without a place inside; the same for every folder of the host.
    pub location: Location,
    /// The place inside that was asked for.
    pub at: VPath,
    /// Must nothing of it stand in clear outside? (An encrypted vault, or a stack with one.)
    pub is_private: bool,
    /// What was opened for it, which is itself or, of a stack, its layers, lowest first; without what was open already.
    pub parts: Vec<Part>,
    saved: Vec<SavedMemory>,
}

/// A filesystem that was opened, by itself or as a layer.
#[derive(Clone)]
pub struct Part {
    /// Where it is kept.
    pub location: Location,
    /// The filesystem.
    pub backend: Arc<dyn Backend>,
}

/// A memory filesystem and the file it is saved to.
#[derive(Clone)]
struct SavedMemory {
    backend: Arc<MemoryBackend>,
    path: PathBuf,
    /// The file was there when it was opened or has been written since.
    is_on_disk: Arc<std::sync::atomic::AtomicBool>,
}

impl SavedMemory {
    fn is_unsaved(&self) -> bool {
        self.backend.is_modified() || !self.is_on_disk.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({}, at {:?})", self.location, self.at)
    }
}

impl Opened {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.location.kind()
    }

    /// Is there content in memory that [`Opened::save`] would write?
    pub fn is_unsaved(&self) -> bool {
        self.saved.iter().any(SavedMemory::is_unsaved)
    }

    /// Writes what changed in memory to its saved files (of a stack: those of its layers). Errors: those of writing; `AlreadyExists`, with the
    /// path of the file, when somebody else changed one since it was opened or saved here.
    pub fn save(&self) -> Result<()> {
        self.save_each(|memory| memory.backend.save_to(&memory.path))
    }

    /// As [`Opened::save`], whatever somebody else wrote to the file at `changed` meanwhile.
    pub fn save_over(&self, changed: &Path) -> Result<()> {
        self.save_each(|memory| match memory.path == changed {
            true => memory.backend.save_over(&memory.path),
            false => memory.backend.save_to(&memory.path),
        })
    }

    /// Saves what changed in memory at every `sync` of it from now on, for other programs, for whom `fsync` means durable.
    pub fn save_on_sync(&self) {
        for memory in &self.saved {
            memory.backend.save_on_sync();
        }
    }

    fn save_each(&self, save: impl Fn(&SavedMemory) -> Result<()>) -> Result<()> {
        for memory in self.saved.iter().filter(|memory| memory.is_unsaved()) {
            save(memory)?;
            memory
                .is_on_disk
                .store(true, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Location {
    /// Opens it. Touches the disk.
    ///
    /// Errors: `NotFound`, `NotADirectory` (a sandbox that is a file), `UnknownFormat` (a file or folder that is no filesystem of ours),
    /// `PasswordNeeded`, `WrongPassword`, `Corrupted`, `NewerFormat`, `InUse`; `InvalidData` for a stack that names itself or whose top layer is
    /// another one or lies inside another one; `WrongBase` for a layer that was used over another base.
    pub fn open(&self, how: &OpenHow<'_>) -> Result<Opened> {
        let partly = OpenHow {
            read_only: true,
            accept_base: true,
            ..*how
        };
        Opener {
            how: if how.without_layers.is_empty() {
                how
            } else {
                &partly
            },
            stacks: Vec::new(),
            layers: 0,
            only_read: false,
        }
        .open(self)
    }
}

/// One call of [`Location::open`], through all layers of stacks.
struct Opener<'a> {
    how: &'a OpenHow<'a>,
    /// The stack files being opened, outermost first.
    stacks: Vec<PathBuf>,
    layers: usize,
    /// What is opened just now is never written, though it may be opened for changes: a lower layer, or what a snapshot is of.
    only_read: bool,
}

impl Opener<'_> {
    fn open(&mut self, location: &Location) -> Result<Opened> {
        let mut opened = self.open_bare(location)?;
        // A vault or store that was opened to be read refuses changes itself, and still tells about itself.
        let changes = opened
            .backend
            .capabilities(At::path(&VPath::root()))
            .contains(Capabilities::WRITE);
        if self.how.read_only && changes {
            opened.backend = Arc::new(ReadOnly::new(opened.backend));
        }
        Ok(opened)
    }

    fn open_bare(&mut self, location: &Location) -> Result<Opened> {
        let settled = location.settled()?;
        let (root, at) = match settled.root() {
            Root::Host(path) => (
                Root::Host("/".into()),
                VPath::new(path)?.append(settled.inner()),
            ),
            root => (root.clone(), settled.inner().clone()),
        };
        let location = Location::new(root);
        Ok(match (self.how.open_already)(&location) {
            Some(backend) => Opened {
                is_private: backend
                    .capabilities(At::path(&VPath::root()))
                    .contains(Capabilities::ENCRYPTED),
                backend,
                location,
                at,
                parts: Vec::new(),
                saved: Vec::new(),
            },
            None => self.open_root(location)?.at(at),
        })
    }

    fn open_root(&mut self, location: Location) -> Result<Opened> {
        let create = self.how.create && !self.how.read_only;
        match location.root() {
            Root::Path(_) | Root::Host(_) => Ok(Opened::plain(StdFsBackend::new(), location)),
            Root::VRoot(path) => Ok(Opened::plain(VRootFsBackend::new(path)?, location)),
            Root::Memory { limit_bytes, .. } => {
                Ok(Opened::plain(new_memory(*limit_bytes), location))
            }
            Root::Saved(path) => {
                let saved = self.open_saved(path, create, &location)?;
                Ok(Opened {
                    is_private: saved.backend.is_encrypted(),
                    saved: vec![saved.clone()],
                    ..Opened::of(saved.backend, location)
                })
            }
            Root::Snapshot { name, of } => {
                let before = std::mem::replace(&mut self.only_read, true);
                let whole = self.open_bare(&Location::new((**of).clone()));
                self.only_read = before;
                let whole = whole?;
                let Some(snapshots) = whole.backend.extensions().snapshots else {
                    let error = Error::new(ErrorKind::Unsupported, "open snapshot");
                    return Err(error.with_path(location.to_string()));
                };
                let snapshot = snapshots.open(snapshots.find(name)?.id)?;
                Ok(Opened {
                    is_private: whole.is_private,
                    ..Opened::of(snapshot, location)
                })
            }
            Root::Vault(path) => {
                let vault = self.open_vault(path, create, &location)?;
                let is_private = vault.is_encrypted();
                Ok(Opened {
                    is_private,
                    ..Opened::plain(vault, location)
                })
            }
            Root::Store(path) => {
                let store = self.open_store(path, create, &location)?;
                Ok(Opened {
                    is_private: store.is_encrypted(),
                    ..Opened::plain(store, location)
                })
            }
            Root::Stack(path) => self.open_stack(path, location.clone()),
        }
    }

    /// Asks for a password only where one is needed, or may be meant for a new vault. What is written is durable after each `sync`: the operations
    /// that work on locations end with one.
    fn open_vault(&self, path: &Path, create: bool, location: &Location) -> Result<SqliteBackend> {
        let options = VaultOptions::new()
            .durability(Durability::OnSync)
            .read_only(self.how.read_only);
        let with_password = || {
            let password = (self.how.password)(location)?;
            Some(options.clone().password(&password))
        };
        if create && probe(path)? == HostItem::Missing {
            return with_password().unwrap_or(options.clone()).create(path);
        }
        match options.open(path) {
            Err(e) if e.kind() == ErrorKind::PasswordNeeded => match with_password() {
                Some(options) => options.open(path),
                None => Err(e),
            },
            Err(e) if e.kind() == ErrorKind::UnknownFormat => {
                let detail = e.detail().unwrap_or("it is no vault").to_owned();
                Err(e.with_detail(format!(
                    "{detail}; host: before the path means the file itself"
                )))
            }
            opened => opened,
        }
    }

    /// Asks for a password as [`Opener::open_vault`] does.
    fn open_store(&self, path: &Path, create: bool, location: &Location) -> Result<IndexedBackend> {
        let options = StoreOptions::new()
            .durability(Durability::OnSync)
            .read_only(self.how.read_only)
            .create_missing(create);
        let with_password = || {
            let password = (self.how.password)(location)?;
            Some(options.clone().password(&password))
        };
        if create && probe(path)? != HostItem::Store {
            return with_password().unwrap_or(options.clone()).open(path);
        }
        match options.open(path) {
            Err(e) if e.kind() == ErrorKind::PasswordNeeded => match with_password() {
                Some(options) => options.open(path),
                None => Err(e),
            },
            Err(e) if e.kind() == ErrorKind::Corrupted && !path.join(BLOBS).is_dir() => {
                let detail = e.detail().unwrap_or_default().to_owned();
                Err(e.with_detail(format!(
                    "{detail}: nothing is changed; put it back where it was, or save what is left with lamina salvage; host: before the path means the folder itself"
                )))
            }
            opened => opened,
        }
    }

    /// Asks for a password as [`Opener::open_vault`] does.
    fn open_saved(&self, path: &Path, create: bool, location: &Location) -> Result<SavedMemory> {
        let missing = probe(path)? == HostItem::Missing;
        let password = || (self.how.password)(location);
        let backend = if missing && create {
            let new = new_memory(self.how.memory_limit_bytes);
            if let Some(password) = password() {
                new.set_password(Some(&password))?;
            }
            new
        } else {
            let load =
                |password: Option<&str>| match (self.how.read_only || self.only_read, password) {
                    (false, password) => MemoryBackend::open_saved(path, password),
                    (true, Some(password)) => MemoryBackend::load_encrypted(path, password),
                    (true, None) => MemoryBackend::load_from(path),
                };
            let loaded = match load(None) {
                Err(e) if e.kind() == ErrorKind::PasswordNeeded => match password() {
                    Some(password) => load(Some(password.as_str()))?,
                    None => return Err(e),
                },
                loaded => loaded?,
            };
            loaded.within_machine()
        };
        Ok(SavedMemory {
            backend: Arc::new(backend),
            path: path.to_owned(),
            is_on_disk: Arc::new((!missing).into()),
        })
    }
}

impl Opened {
    fn plain(backend: impl Backend + 'static, location: Location) -> Self {
        Self::of(Arc::new(backend), location)
    }

    fn of(backend: Arc<dyn Backend>, location: Location) -> Self {
        let part = Part {
            location: location.clone(),
            backend: backend.clone(),
        };
        Self {
            backend,
            location,
            at: VPath::root(),
            parts: vec![part],
            is_private: false,
            saved: Vec::new(),
        }
    }

    fn at(self, at: VPath) -> Self {
        Self { at, ..self }
    }

    /// The same with the place that was asked for as its root, as a layer needs it.
    fn rooted(self) -> Result<Self> {
        if self.at.is_root() && self.kind() != Kind::Host {
            return Ok(self);
        }
        let subtree = Subtree::new(self.backend, &self.at)?;
        Ok(Self {
            backend: Arc::new(subtree),
            at: VPath::root(),
            ..self
        })
    }
}

fn new_memory(limit_bytes: Option<u64>) -> MemoryBackend {
    match limit_bytes {
        Some(limit) => MemoryBackend::with_limit(limit),
        None => MemoryBackend::new().within_machine(),
    }
}
