//! Open files, and nodes that appear whole or not at all.

use std::any::Any;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::backend::{At, Node, RenameMode};
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{FileId, Metadata, SetAttr};

/// How to open a file (`open(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// Reads are allowed.
    pub read: bool,
    /// Writes are allowed.
    pub write: bool,
    /// Cut to nothing; needs `write`.
    pub truncate: bool,
    /// Make it when nothing has the name.
    pub create: bool,
    /// Make it, and fail with `AlreadyExists` when anything (a dangling link too) has the name.
    pub create_new: bool,
    /// Permission bits of a file this call makes.
    pub mode: u32,
}

impl OpenOptions {
    /// For reading.
    pub fn read() -> Self {
        Self {
            read: true,
            write: false,
            truncate: false,
            create: false,
            create_new: false,
            mode: 0o644,
        }
    }

    /// For reading and writing an existing file.
    pub fn read_write() -> Self {
        Self {
            write: true,
            ..Self::read()
        }
    }

    /// For reading and writing a file that does not exist yet.
    pub fn create_new(mode: u32) -> Self {
        Self {
            write: true,
            create_new: true,
            mode,
            ..Self::read()
        }
    }
}

/// An open regular file. Stays usable when its name is removed or renamed (capability `OPEN_UNLINKED`).
///
/// All methods take `&self`; calls from several threads are atomic each.
pub trait File: Send + Sync {
    /// Metadata of the open file, whatever happened to its name.
    fn metadata(&self) -> Result<Metadata>;

    /// Reads at `offset` into `into`; returns the bytes read, fewer than asked only at the end, 0 past it.
    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize>;

    /// Writes all of `from` at `offset`; a gap before it reads as zeros.
    fn write_at(&self, from: &[u8], offset: u64) -> Result<()>;

    /// Writes all of `from` at the end, atomically with finding the end; returns the offset it landed at.
    fn append(&self, from: &[u8]) -> Result<u64>;

    /// Writes all of `from` at `offset` (`None`: at the end), then sets `attr`, which leaves the size alone; in one step where the filesystem can.
    fn write_with(&self, from: &[u8], offset: Option<u64>, attr: &SetAttr) -> Result<()> {
        match offset {
            Some(offset) => self.write_at(from, offset)?,
            None => drop(self.append(from)?),
        }
        if *attr == SetAttr::default() {
            return Ok(());
        }
        self.set_attr(attr)
    }

    /// Cuts or extends (with zeros) to `size_bytes`.
    fn set_len(&self, size_bytes: u64) -> Result<()>;

    /// Changes attributes of the open file, whatever happened to its name.
    fn set_attr(&self, _attr: &SetAttr) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "set attributes"))
    }

    /// Zeros `len` bytes at `offset` and gives their space back; never changes the size.
    fn punch_hole(&self, _offset: u64, _len: u64) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "punch hole"))
    }

    /// The next stored range at or after `offset`, `[start, end)`; `None` when only a hole follows. Without knowledge of holes: the rest of the file.
    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        let size = self.metadata()?.size;
        Ok((offset < size).then_some((offset, size)))
    }

    /// Returns when content (and, unless `data_only`, metadata) would survive a power cut.
    fn sync(&self, data_only: bool) -> Result<()>;
}

/// A node being prepared outside the visible tree. Dropped without commit it leaves nothing behind.
/// (`Any`: so that [`Backend::commit_all`](crate::Backend::commit_all) can know its own.)
pub trait Staged: Any + Send {
    /// The content to write; `None` when the node is no regular file.
    fn file(&mut self) -> Option<&mut dyn File>;

    /// Sets attributes the node will have when it appears.
    fn set_attr(&mut self, attr: &SetAttr) -> Result<()>;

    /// Sets an extended attribute the node will have when it appears.
    fn set_xattr(&mut self, name: &std::ffi::OsStr, value: &[u8]) -> Result<()>;

    /// Fills the content from a file of the same backend without passing it through the caller (sharing, reflink, `copy_file_range`).
    /// `false`: not possible here, nothing was done, the caller copies.
    fn fill_from(&mut self, _source: At<'_>, _control: &Control) -> Result<bool> {
        Ok(false)
    }

    /// Returns when no power cut after the commit could leave the name without the content. For who commits over what this backend does not know (a lower
    /// layer): old content of its own it keeps until then by itself.
    fn secure(&mut self) -> Result<()> {
        self.file().map_or(Ok(()), |file| file.sync(true))
    }

    /// The node, so that a staged directory can be filled before it appears (`At::in_dir`).
    fn node(&self) -> Result<Node> {
        Err(Error::new(ErrorKind::Unsupported, "pin staged"))
    }

    /// Makes it appear under the name given to `stage`, in one step. On error the name is as before and nothing stays behind.
    ///
    /// `Replace` over an existing regular file keeps the inode of the target where the backend has `ATOMIC_KEEPS_INODE`: content and attributes change
    /// under it, other hard links see the new content, open handles keep the old.
    fn commit(self: Box<Self>, mode: RenameMode) -> Result<FileId>;
}

/// A file whose content is in memory: what a backend that unpacks or makes up content can hand out. Clones share the content.
#[derive(Clone, Debug)]
pub struct Buffer {
    metadata: Metadata,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Buffer {
    /// A file with this content; `metadata.size` need not be right.
    pub fn new(metadata: Metadata, bytes: Vec<u8>) -> Self {
        Self {
            metadata,
            bytes: Arc::new(Mutex::new(bytes)),
        }
    }
}

/// The largest content a buffer takes is what the address space does.
fn index(offset: u64) -> Result<usize> {
    usize::try_from(offset).map_err(|_| Error::new(ErrorKind::FileTooLarge, "write"))
}

impl File for Buffer {
    fn metadata(&self) -> Result<Metadata> {
        let size = self.bytes.lock().len() as u64;
        Ok(Metadata {
            size,
            allocated: size,
            ..self.metadata
        })
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        let bytes = self.bytes.lock();
        let mut rest = index(offset)
            .ok()
            .and_then(|start| bytes.get(start..))
            .unwrap_or_default();
        std::io::Read::read(&mut rest, into).map_err(|error| Error::from_io(error, "read"))
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        if from.is_empty() {
            return Ok(());
        }
        let start = index(offset)?;
        let end = index(offset.saturating_add(from.len() as u64))?;
        let mut bytes = self.bytes.lock();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        if let Some(into) = bytes.get_mut(start..end) {
            into.copy_from_slice(from);
        }
        Ok(())
    }

    fn append(&self, from: &[u8]) -> Result<u64> {
        let mut bytes = self.bytes.lock();
        let end = bytes.len() as u64;
        bytes.extend_from_slice(from);
        Ok(end)
    }

    fn set_len(&self, size_bytes: u64) -> Result<()> {
        let size = index(size_bytes)?;
        self.bytes.lock().resize(size, 0);
        Ok(())
    }

    fn sync(&self, _data_only: bool) -> Result<()> {
        Ok(())
    }
}
