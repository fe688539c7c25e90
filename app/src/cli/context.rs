//! What all commands share: the filesystems that locations name, opened once, closed and saved at the end.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use fs_backends::location::{Kind, Location, OpenHow, Opened, Root};
use fs_core::ops::{Engine, Filesystems, FsRef, Operation, Place};
use fs_core::resolve::Last;
use fs_core::{Backend, Error, ErrorKind, PathResolver as _, PosixResolver, Result};
use parking_lot::Mutex;

use super::Access;
use super::outcome::{Misuse, tell};
use super::password::Keys;
use crate::background::Folders;
use crate::background::seen::Seen;

/// Open filesystems, shared with the engine.
#[derive(Default)]
pub struct Mounts(Mutex<Vec<(FsRef, Opened)>>);

/// What a command works with.
pub struct Context {
    here: PathBuf,
    keys: Keys,
    accept_base: bool,
    seen: Option<Seen>,
    mounts: Arc<Mounts>,
    engine: OnceCell<Engine>,
}

impl Filesystems for Mounts {
    fn backend(&self, fs: &FsRef) -> Result<Arc<dyn Backend>> {
        let open = self.0.lock();
        let found = open.iter().find(|(name, _)| name == fs);
        found
            .map(|(_, opened)| opened.backend.clone())
            .ok_or_else(|| Error::new(ErrorKind::Closed, "use").with_path(fs.as_str()))
    }

    fn is_gone(&self, fs: &FsRef) -> bool {
        let location = Location::parse(fs.as_str(), Path::new("/"));
        let in_memory =
            location.is_ok_and(|location| matches!(location.root(), Root::Memory { .. }));
        in_memory && self.backend(fs).is_err()
    }
}

impl Context {
    /// Nothing is open yet.
    pub fn new(access: &Access) -> anyhow::Result<Self> {
        let here = std::env::current_dir().context("the current folder is gone")?;
        Ok(Self {
            keys: Keys::new(&access.passwords, &here)?,
            here,
            accept_base: access.accept_base,
            seen: Folders::of_user().map(|folders| Seen::of(&folders.state)),
            mounts: Arc::default(),
            engine: OnceCell::new(),
        })
    }

    /// Where passwords come from.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Refuses to go on where a password was given that nothing opened so far asked for: what comes into it would not be encrypted.
    pub fn refuse_unwanted_passwords(&self) -> anyhow::Result<()> {
        self.keys.unwanted().map_or(Ok(()), |unwanted| {
            let text = format!(
                "{unwanted}: it is not encrypted, and nothing was changed; leave the password away to go on"
            );
            Err(Misuse(text).into())
        })
    }

    /// The location a text names.
    pub fn location(&self, text: &OsStr) -> anyhow::Result<Location> {
        Location::parse(text, &self.here).with_context(|| text.display().to_string())
    }

    /// Opens a whole filesystem, only to read it or for changes as well.
    pub fn whole(&self, location: &Location, read_only: bool) -> anyhow::Result<Arc<dyn Backend>> {
        Ok(self.open_as(location, read_only)?.1)
    }

    /// Opens what `text` names; of the place in it much may be missing.
    pub fn place_to_make(&self, text: &OsStr) -> anyhow::Result<Place> {
        let location = self.location(text)?;
        let make = || {
            let (place, backend) = self.open(&location)?;
            let path = Path::new(place.path.as_os_str());
            let path = PosixResolver.soft_canonicalize(&*backend, path)?;
            anyhow::Ok(place.with_path(path))
        };
        make().with_context(|| text.display().to_string())
    }

    /// Opens what `text` names and resolves the place in it; `last` says what happens to a link at its end.
    pub fn place(&self, text: &OsStr, last: Last) -> anyhow::Result<Place> {
        let location = self.location(text)?;
        self.place_of(&location, last)
            .with_context(|| text.display().to_string())
    }

    /// As [`Context::place`], for a command that only reads: a vault, store or memory is opened so that nothing in it can be changed, and another
    /// program may have it open.
    pub fn place_to_read(&self, text: &OsStr, last: Last) -> anyhow::Result<Place> {
        let location = self.location(text)?;
        let read = || {
            let kind = location.settled().map(|settled| settled.kind());
            if let Ok(Kind::Vault | Kind::Store | Kind::Memory) = kind {
                resolved(self.open_as(&location, true)?, last)
            } else {
                self.place_beside(&location, last)
            }
        };
        read().with_context(|| text.display().to_string())
    }

    /// As [`Context::place`], for what is read by a command that changes something elsewhere: what another program has open is only read.
    pub fn place_to_copy(&self, text: &OsStr, last: Last) -> anyhow::Result<Place> {
        let location = self.location(text)?;
        self.place_beside(&location, last)
            .with_context(|| text.display().to_string())
    }

    fn place_beside(&self, location: &Location, last: Last) -> anyhow::Result<Place> {
        match self.open_as(location, false) {
            Err(error) if is_in_use(&error) => resolved(self.open_as(location, true)?, last),
            opened => resolved(opened?, last),
        }
    }

    fn place_of(&self, location: &Location, last: Last) -> anyhow::Result<Place> {
        resolved(self.open(location)?, last)
    }

    /// The filesystem, opened once for changes, and the place in it that was written.
    fn open(&self, location: &Location) -> anyhow::Result<(Place, Arc<dyn Backend>)> {
        self.open_as(location, false)
    }

    fn open_as(
        &self,
        location: &Location,
        read_only: bool,
    ) -> anyhow::Result<(Place, Arc<dyn Backend>)> {
        let open_already = |wanted: &Location| {
            let open = self.mounts.0.lock();
            let found = open.iter().find(|(_, opened)| opened.location == *wanted);
            found.map(|(_, opened)| opened.backend.clone())
        };
        let opened = location.open(&OpenHow {
            password: &|vault| self.keys.of(vault),
            open_already: &open_already,
            read_only,
            accept_base: self.accept_base,
            ..OpenHow::default()
        })?;
        let fs = FsRef::new(opened.location.to_string());
        let (backend, at) = (opened.backend.clone(), opened.at.clone());
        let network = opened.location.network_filesystem();
        let mut open = self.mounts.0.lock();
        let is_new = !open.iter().any(|(name, _)| *name == fs);
        if let (true, Some(seen)) = (is_new, &self.seen) {
            for older in seen.meet(&opened.parts) {
                let is_itself = older.location == opened.location;
                let named = if is_itself { location } else { &older.location };
                tell(older.sentence(&named.to_string()));
            }
        }
        if is_new {
            open.push((fs.clone(), opened));
        }
        drop(open);
        if let (true, Some(kind)) = (is_new, network) {
            tell(format_args!(
                "{location}: it lies on a network filesystem ({kind}), which may let another computer write to it at the same time: that destroys it"
            ));
        }
        if let (true, Some(engine)) = (is_new, self.engine.get()) {
            engine.adopt(&fs)?;
        }
        Ok((Place::new(fs, at), backend))
    }

    /// Opens what an operation of the past touched. What can't be opened is told when the operation goes on.
    pub fn open_again(&self, operation: &Operation) {
        for fs in operation.filesystems() {
            let location = Location::parse(fs.as_str(), &self.here);
            let gone = self.mounts.is_gone(&fs);
            if let Some(location) = location.ok().filter(|_| !gone)
                && let Err(e) = self.open(&location)
            {
                tell(format_args!("{}: {e:#}", fs.as_str()));
            }
        }
    }

    /// The open filesystem of a place.
    pub fn backend(&self, place: &Place) -> Result<Arc<dyn Backend>> {
        self.mounts.backend(&place.fs)
    }

    /// The engine, with the journals that the window reads as well: those of the user, and those inside what is open.
    pub fn engine(&self) -> anyhow::Result<&Engine> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        let journal = Folders::of_user().map(|folders| folders.state.join("journal"));
        let engine = Engine::open(self.mounts.clone(), journal.as_deref())?;
        let open: Vec<FsRef> = self.mounts.0.lock().iter().map(|it| it.0.clone()).collect();
        for fs in &open {
            engine.adopt(fs)?;
        }
        Ok(self.engine.get_or_init(|| engine))
    }

    /// Tells of what a crash interrupted, as far as this command could see it.
    pub fn tell_interrupted(&self) -> anyhow::Result<()> {
        let secret = |opened: &Opened| opened.is_private;
        let unlocked = self
            .mounts
            .0
            .lock()
            .iter()
            .any(|(_, opened)| secret(opened));
        if !unlocked && self.engine.get().is_none() {
            return Ok(());
        }
        for pending in self.engine()?.pending() {
            let name = pending.operation.name();
            let inside = pending.inside.as_ref();
            let location = inside.map_or_else(String::new, |fs| format!(" {}", fs.as_str()));
            tell(format_args!(
                "interrupted earlier: {name}; see lamina recover{location}"
            ));
        }
        Ok(())
    }

    /// Saves what changed in memory whenever it is made durable, from now on.
    #[cfg(all(feature = "mount", target_os = "linux"))]
    pub fn save_on_sync(&self) {
        for (_, opened) in &*self.mounts.0.lock() {
            opened.save_on_sync();
        }
    }

    /// Saves what changed in memory.
    #[cfg(all(feature = "mount", target_os = "linux"))]
    pub fn save(&self) -> anyhow::Result<()> {
        let open = self.mounts.0.lock();
        let saved = open
            .iter()
            .map(|(fs, opened)| opened.save().with_context(|| fs.as_str().to_owned()));
        saved.collect()
    }

    /// Saves what changed in memory and closes everything.
    pub fn finish(&self) -> anyhow::Result<()> {
        let mut first_error = None;
        for (fs, opened) in self.mounts.0.lock().drain(..) {
            if let Some(seen) = &self.seen {
                seen.leave(&opened.parts);
            }
            let closed = opened.save().and_then(|()| opened.backend.close());
            if let Err(e) = closed {
                first_error.get_or_insert(anyhow::Error::new(e).context(fs.as_str().to_owned()));
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

fn resolved((place, backend): (Place, Arc<dyn Backend>), last: Last) -> anyhow::Result<Place> {
    let path = Path::new(place.path.as_os_str());
    let resolved = PosixResolver.resolve(&*backend, path, last)?;
    Ok(place.with_path(resolved.path))
}

/// Has another program it open?
pub fn is_in_use(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::InUse)
}
