//! Nodes and contents of a memory filesystem together, and snapshots of both at one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fs_core::extensions::Space;
use fs_core::path::NAME_MAX_BYTES;
use fs_core::snapshots::Snapshots;
use fs_core::{Capabilities, Error, ErrorKind, Result, Time};
use parking_lot::{Mutex, MutexGuard, RwLock};

use super::MemoryBackend;
use super::bytes::CHUNK_BYTES;
use super::content::{Contents, Limits, MemoryContent, Shared};
use super::nodes::{Nodes, View};
use super::saved::{Home, PasswordKey};
use super::snapshots::Kept;
use super::transaction::Transaction;
use crate::virtual_fs::{
    ChangeLog, Changes, ContentId, Inode, NodeRead, NodeStore, NodeWrite, ROOT,
};

/// Where a memory filesystem keeps everything.
///
/// Locks are taken in the order nodes, contents, snapshots; content in place takes only the last two.
pub struct MemoryStore {
    nodes: RwLock<Nodes>,
    /// What changed from generation to generation. Locked after `nodes`, and nothing is locked in it.
    log: Mutex<ChangeLog>,
    content: MemoryContent,
    next_ino: AtomicU64,
    fs_id: u64,
    closed: AtomicBool,
    /// Of the files it is saved to.
    password: Mutex<Option<PasswordKey>>,
    /// The file it is kept in. Locked before everything else.
    home: Mutex<Option<Home>>,
    /// What [`MemoryStore::changes`] said when it was saved or loaded last.
    saved_changes: AtomicU64,
    snapshot_changes: AtomicU64,
    saves_on_sync: AtomicBool,
}

/// All of a filesystem at one moment.
#[derive(Clone)]
pub(super) struct Image {
    pub(super) nodes: Nodes,
    pub(super) contents: Contents,
    pub(super) next_ino: Inode,
}

impl MemoryStore {
    pub(super) fn empty(limits: Limits) -> Self {
        let image = Image {
            nodes: Nodes::new(Time::now()),
            contents: Contents::default(),
            next_ino: ROOT + 1,
        };
        Self::from_image(image, limits)
    }

    /// A filesystem of its own: never the same as the one the image was taken from.
    pub(super) fn from_image(image: Image, limits: Limits) -> Self {
        Self::loaded(image, Kept::default(), limits)
    }

    /// As [`MemoryStore::from_image`], with snapshots.
    pub(super) fn loaded(image: Image, kept: Kept, limits: Limits) -> Self {
        Self {
            saved_changes: AtomicU64::new(image.nodes.generation),
            snapshot_changes: AtomicU64::new(0),
            saves_on_sync: AtomicBool::new(false),
            nodes: RwLock::new(image.nodes),
            log: Mutex::default(),
            content: MemoryContent(Arc::new(Shared::new(image.contents, kept, limits))),
            next_ino: AtomicU64::new(image.next_ino),
            fs_id: uuid::Uuid::new_v4().as_u64_pair().0,
            closed: AtomicBool::new(false),
            password: Mutex::default(),
            home: Mutex::default(),
        }
    }

    /// Everything that has a name, at this moment (staged directories are left out by whoever opens the image).
    pub(super) fn image(&self) -> Image {
        let nodes = self.nodes.read();
        Image {
            nodes: nodes.clone(),
            contents: self.content.0.contents.read().snapshot(),
            next_ino: self.next_ino.load(Ordering::Relaxed),
        }
    }

    /// Puts an image in place of what is here. Content of files in `open` that the image does not have stays readable.
    /// Answers the generation it is.
    pub(super) fn replace(&self, image: Image, open: &[ContentId]) -> u64 {
        let mut nodes = self.nodes.write();
        let mut contents = self.content.0.contents.write();
        let mut new = image.contents;
        new.adopt_open(&contents, open);
        *contents = new;
        let generation = nodes.generation.max(image.nodes.generation) + 1;
        *nodes = Nodes {
            generation,
            ..image.nodes
        };
        self.log.lock().push(generation, Changes::all());
        self.next_ino.fetch_max(image.next_ino, Ordering::Relaxed);
        generation
    }

    pub(super) fn limits(&self) -> Limits {
        *self.content.0.limits.lock()
    }

    pub(super) fn limits_mut(&self) -> MutexGuard<'_, Limits> {
        self.content.0.limits.lock()
    }

    /// The key of the files it is saved to.
    pub(super) fn password(&self) -> MutexGuard<'_, Option<PasswordKey>> {
        self.password.lock()
    }

    /// The file it is kept in.
    pub(super) fn home(&self) -> MutexGuard<'_, Option<Home>> {
        self.home.lock()
    }

    /// The snapshots. No other lock of the store is taken while this one is held.
    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.content.0.kept.lock()
    }

    /// Snapshots came or went: what was saved is no longer all there is.
    pub(super) fn snapshots_changed(&self) {
        self.snapshot_changes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn id(&self) -> u64 {
        self.fs_id
    }

    pub(super) fn generation(&self) -> u64 {
        self.nodes.read().generation
    }

    /// Counts changes of the tree and of the snapshots.
    pub(super) fn changes(&self) -> u64 {
        self.generation() + self.snapshot_changes.load(Ordering::Relaxed)
    }

    pub(super) fn set_saved(&self, changes: u64) {
        self.saved_changes.store(changes, Ordering::Relaxed);
    }

    pub(super) fn is_modified(&self) -> bool {
        self.changes() != self.saved_changes.load(Ordering::Relaxed)
    }

    /// Each sync saves what changed.
    pub(super) fn save_on_sync(&self) {
        self.saves_on_sync.store(true, Ordering::Relaxed);
    }

    pub(super) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Closed, "memory"));
        }
        Ok(())
    }
}

impl NodeStore for MemoryStore {
    type Content = MemoryContent;

    fn content(&self) -> &MemoryContent {
        &self.content
    }

    fn fs_id(&self) -> u64 {
        self.fs_id
    }

    fn capabilities(&self) -> Capabilities {
        let mut all = Capabilities::posix() | Capabilities::VOLATILE | Capabilities::SNAPSHOTS;
        all.set(Capabilities::ENCRYPTED, self.password().is_some());
        all
    }

    fn new_ino(&self) -> Result<Inode> {
        Ok(self.next_ino.fetch_add(1, Ordering::Relaxed))
    }

    fn read<T>(&self, f: impl FnOnce(&dyn NodeRead) -> Result<T>) -> Result<T> {
        self.check_open()?;
        f(&View {
            nodes: &self.nodes.read(),
            contents: &self.content.0,
            log: Some(&self.log),
        })
    }

    fn is_now(&self, moment: u64) -> bool {
        !self.closed.load(Ordering::Relaxed) && self.nodes.read().generation == moment
    }

    fn write<T: Send>(&self, f: impl FnOnce(&mut dyn NodeWrite) -> Result<T> + Send) -> Result<T> {
        self.check_open()?;
        let mut nodes = self.nodes.write();
        let mut transaction = Transaction::new(&mut nodes, &self.content.0);
        let done = f(&mut transaction)?;
        if let Some((generation, changes)) = transaction.commit() {
            self.log.lock().push(generation, changes);
        }
        Ok(done)
    }

    fn barrier(&self) -> Result<()> {
        self.check_open()?;
        match self.saves_on_sync.load(Ordering::Relaxed) {
            true => self.save_changes().map_err(as_of_sync),
            false => Ok(()),
        }
    }

    fn space(&self) -> Result<Space> {
        self.check_open()?;
        let used_inodes = self.nodes.read().nodes.len() as u64;
        let contents = self.content.0.contents.read();
        let used_bytes = contents.used_bytes() + self.kept().bytes(&contents);
        drop(contents);
        let limit_bytes = self.limits().bytes();
        Ok(Space {
            total_bytes: limit_bytes,
            available_bytes: limit_bytes.map(|limit| limit.saturating_sub(used_bytes)),
            used_bytes,
            used_inodes: Some(used_inodes),
            block_size_bytes: CHUNK_BYTES as u32,
            name_max_bytes: NAME_MAX_BYTES as u32,
        })
    }

    fn snapshots(fs: &MemoryBackend) -> Option<&dyn Snapshots> {
        Some(fs)
    }

    fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        *self.home.lock() = None;
        Ok(())
    }
}

/// `fsync(2)` has no answer for a file that another program changed.
fn as_of_sync(error: Error) -> Error {
    match (error.kind(), error.detail().map(ToOwned::to_owned)) {
        (ErrorKind::AlreadyExists, Some(detail)) => {
            Error::new(ErrorKind::Io, "save").with_detail(detail)
        }
        _ => error,
    }
}
