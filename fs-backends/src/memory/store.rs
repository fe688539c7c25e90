//! Nodes and contents of a memory filesystem together, and snapshots of both at one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fs_core::extensions::Space;
use fs_core::path::NAME_MAX_BYTES;
use fs_core::{Capabilities, Error, ErrorKind, Result, Time};
use parking_lot::RwLock;

use super::bytes::CHUNK_BYTES;
use super::content::{Contents, MemoryContent, Shared};
use super::nodes::{Nodes, View};
use super::transaction::Transaction;
use crate::virtual_fs::{ContentId, Inode, NodeRead, NodeStore, NodeWrite, ROOT};

/// Where a memory filesystem keeps everything.
///
/// Locks are taken in the order nodes, contents; content in place takes only the second.
pub struct MemoryStore {
    nodes: RwLock<Nodes>,
    content: MemoryContent,
    next_ino: AtomicU64,
    fs_id: u64,
    closed: AtomicBool,
    /// Generation that was saved or loaded last.
    saved_generation: AtomicU64,
}

/// All of a filesystem at one moment.
pub(super) struct Image {
    pub(super) nodes: Nodes,
    pub(super) contents: Contents,
    pub(super) next_ino: Inode,
}

impl MemoryStore {
    pub(super) fn empty(limit_bytes: Option<u64>) -> Self {
        let image = Image {
            nodes: Nodes::new(Time::now()),
            contents: Contents::default(),
            next_ino: ROOT + 1,
        };
        Self::from_image(image, limit_bytes)
    }

    /// A filesystem of its own: never the same as the one the image was taken from.
    pub(super) fn from_image(image: Image, limit_bytes: Option<u64>) -> Self {
        Self {
            saved_generation: AtomicU64::new(image.nodes.generation),
            nodes: RwLock::new(image.nodes),
            content: MemoryContent(Arc::new(Shared {
                contents: RwLock::new(image.contents),
                limit_bytes,
            })),
            next_ino: AtomicU64::new(image.next_ino),
            fs_id: uuid::Uuid::new_v4().as_u64_pair().0,
            closed: AtomicBool::new(false),
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
    pub(super) fn replace(&self, image: Image, open: &[ContentId]) {
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
        self.next_ino.fetch_max(image.next_ino, Ordering::Relaxed);
    }

    pub(super) fn limit_bytes(&self) -> Option<u64> {
        self.content.0.limit_bytes
    }

    pub(super) fn generation(&self) -> u64 {
        self.nodes.read().generation
    }

    pub(super) fn set_saved(&self, generation: u64) {
        self.saved_generation.store(generation, Ordering::Relaxed);
    }

    pub(super) fn saved_generation(&self) -> u64 {
        self.saved_generation.load(Ordering::Relaxed)
    }

    fn check_open(&self) -> Result<()> {
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
        Capabilities::posix() | Capabilities::VOLATILE | Capabilities::SNAPSHOTS
    }

    fn new_ino(&self) -> Result<Inode> {
        Ok(self.next_ino.fetch_add(1, Ordering::Relaxed))
    }

    fn read<T>(&self, f: impl FnOnce(&dyn NodeRead) -> Result<T>) -> Result<T> {
        self.check_open()?;
        f(&View {
            nodes: &self.nodes.read(),
            contents: &self.content.0,
        })
    }

    fn write<T: Send>(&self, f: impl FnOnce(&mut dyn NodeWrite) -> Result<T> + Send) -> Result<T> {
        self.check_open()?;
        let mut nodes = self.nodes.write();
        let mut transaction = Transaction::new(&mut nodes, &self.content.0);
        let done = f(&mut transaction)?;
        transaction.commit();
        Ok(done)
    }

    fn barrier(&self) -> Result<()> {
        self.check_open()
    }

    fn space(&self) -> Result<Space> {
        self.check_open()?;
        let used_inodes = self.nodes.read().nodes.len() as u64;
        let used_bytes = self.content.0.contents.read().used_bytes();
        Ok(Space {
            total_bytes: self.content.0.limit_bytes,
            available_bytes: self
                .content
                .0
                .limit_bytes
                .map(|limit| limit.saturating_sub(used_bytes)),
            used_bytes,
            used_inodes: Some(used_inodes),
            block_size_bytes: CHUNK_BYTES as u32,
            name_max_bytes: NAME_MAX_BYTES as u32,
        })
    }

    fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}
