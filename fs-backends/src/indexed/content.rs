//! One open blob.

use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use fs_core::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

use super::blocks::{Blocks, Running};
use super::file::{BlobFile, Opening};
use super::name::BlobName;
use super::store::Shared;
use crate::catalog::corrupted;
use crate::virtual_fs::{Content, ContentId};

/// Blobs up to this size are checked against their hash whenever they are opened; larger ones by `check` only.
const CHECKED_BYTES: u64 = 4 << 20;
const BUFFER_BYTES: usize = 1 << 20;

/// An open blob.
pub(super) struct BlobContent {
    id: ContentId,
    shared: Arc<Shared>,
    name: BlobName,
    file: BlobFile,
    state: Mutex<State>,
}

/// What changes in the life of a blob.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Complete: never written again.
    pub(super) sealed: Option<Seal>,
    /// A handle may write to it.
    pub(super) writing: bool,
    /// The hash so far, while it is written from start to end.
    hasher: Option<Box<Running>>,
}

/// What the index knows of a complete blob.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    /// Length of its file.
    pub(super) size_bytes: u64,
    /// BLAKE3 of its bytes.
    pub(super) hash: [u8; 32],
    /// What proves a part of it; stores made before format 3 have none.
    pub(super) blocks: Option<Arc<Blocks>>,
}

fn io(error: impl Into<std::io::Error>, operation: &'static str) -> Error {
    Error::from_io(error.into(), operation)
}

impl BlobContent {
    /// A new blob to write.
    pub(super) fn create(id: ContentId, shared: Arc<Shared>, name: BlobName) -> Result<Self> {
        let file = BlobFile::create(&shared.folder, &name, shared.key.as_ref())?;
        let state = State {
            sealed: None,
            writing: true,
            hasher: Some(Box::new(Running::new(0))),
        };
        Ok(Self {
            id,
            shared,
            name,
            file,
            state: Mutex::new(state),
        })
    }

    /// A blob the index knows, with `known_bytes` bytes. `Corrupted`: missing, too short or (small ones) changed.
    pub(super) fn open(
        id: ContentId,
        shared: Arc<Shared>,
        name: BlobName,
        sealed: Option<Seal>,
        known_bytes: u64,
    ) -> Result<Self> {
        let key = shared.key.as_ref();
        let opening = match sealed {
            Some(_) => Opening::Complete,
            None if shared.database.is_read_only() => Opening::Beside,
            None => Opening::Unfinished { known_bytes },
        };
        // What a kill left of records is put right.
        let repairs = matches!(opening, Opening::Unfinished { .. });
        let writing = repairs.then(|| shared.folder.writing(&name));
        let file = BlobFile::open(&shared.folder, &name, key, opening)?;
        drop(writing);
        let content = Self {
            id,
            shared,
            name,
            file,
            state: Mutex::new(State {
                sealed: sealed.clone(),
                writing: false,
                hasher: None,
            }),
        };
        if let Some(seal) = sealed {
            let length = content.length()?;
            if length != seal.size_bytes {
                return Err(corrupted(
                    "open blob",
                    format!(
                        "blob {} has {length} bytes instead of {}",
                        content.name, seal.size_bytes
                    ),
                ));
            }
            if seal.blocks.is_none() && length <= CHECKED_BYTES && content.hash()?.0 != seal.hash {
                return Err(corrupted(
                    "open blob",
                    format!("blob {} is not what was written", content.name),
                ));
            }
        }
        Ok(content)
    }

    pub(super) fn name(&self) -> &BlobName {
        &self.name
    }

    pub(super) fn state(&self) -> parking_lot::MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Length of its bytes.
    pub(super) fn length(&self) -> Result<u64> {
        self.file.length()
    }

    /// Hashes the whole file.
    pub(super) fn hash(&self) -> Result<([u8; 32], Option<Blocks>)> {
        let file = match &self.file {
            BlobFile::Plain(file) => file,
            BlobFile::Sealed(records) => return Ok((records.hash()?, None)),
        };
        let length = self.length()?;
        let mut running = Running::new(length);
        // To clear a whole buffer costs more than to hash a small blob.
        let wanted = usize::try_from(length).unwrap_or(BUFFER_BYTES);
        let mut buffer = vec![0; wanted.clamp(1, BUFFER_BYTES)];
        loop {
            match file
                .read_at(&mut buffer, running.next)
                .map_err(|error| io(error, "read blob"))?
            {
                0 => return Ok(running.finish()),
                read => running.update(buffer.get(..read).unwrap_or_default()),
            }
        }
    }

    /// Completes the blob: hashed, then under its final name. Does nothing while it is written, or when it is complete. `true`: it was sealed now.
    pub(super) fn seal(&self, state: &mut State) -> Result<bool> {
        if state.sealed.is_some() || state.writing {
            return Ok(false);
        }
        let size_bytes = self.length()?;
        let (hash, blocks) = match state.hasher.take() {
            Some(running) if running.next == size_bytes => match running.finish() {
                (_, None) => self.hash()?,
                finished => finished,
            },
            _ => self.hash()?,
        };
        let writing = self.shared.folder.writing(&self.name);
        self.file.complete()?;
        self.shared.folder.seal(&self.name)?;
        drop(writing);
        state.sealed = Some(Seal {
            size_bytes,
            hash,
            // Records prove themselves.
            blocks: blocks.filter(|_| self.file.is_plain()).map(Arc::new),
        });
        Ok(true)
    }

    /// Copies the first `size_bytes` bytes into `to`, sharing them where the host can, keeping holes. `Corrupted`: they are not what was written, and a
    /// copy of them, with a checksum of its own, would say they were.
    pub(super) fn copy_to(&self, to: &Self, size_bytes: u64) -> Result<()> {
        self.copy_bytes(to, size_bytes)?;
        match (&self.file, &self.state.lock().sealed) {
            (
                BlobFile::Plain(_),
                Some(Seal {
                    blocks: Some(_), ..
                }),
            ) => {}
            // Records prove themselves; what is not sealed has nothing to be compared with.
            _ => return Ok(()),
        }
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut at = 0;
        while let Some((start, end)) = self.next_data(at)?.filter(|(start, _)| *start < size_bytes)
        {
            at = start;
            let end = end.min(size_bytes);
            while at < end {
                let wanted = (end - at).min(BUFFER_BYTES as u64);
                self.read_at(buffer.get_mut(..wanted as usize).unwrap_or_default(), at)?;
                at += wanted;
            }
        }
        Ok(())
    }

    fn copy_bytes(&self, to: &Self, size_bytes: u64) -> Result<()> {
        let fail = |errno: Errno| io(errno, "copy blob");
        to.state.lock().hasher = None;
        let writing = || self.shared.folder.writing(&to.name);
        let pair = match (&self.file, &to.file) {
            (BlobFile::Plain(from), BlobFile::Plain(into)) => Some((from, into)),
            // Records are bound to their blob.
            _ => None,
        };
        if let Some((from, into)) = pair {
            let _writing = writing();
            if rustix::fs::ioctl_ficlone(into, from).is_ok() {
                return to.cut(size_bytes);
            }
        }
        let mut at = 0;
        while let Some((start, end)) = self.next_data(at)?.filter(|(start, _)| *start < size_bytes)
        {
            let end = end.min(size_bytes);
            let Some((file, to_file)) = pair else {
                self.copy_range(to, start, end)?;
                at = end;
                continue;
            };
            let (mut from, mut into) = (start, start);
            while from < end {
                let length = usize::try_from(end - from)
                    .unwrap_or(usize::MAX)
                    .min(1 << 30);
                let held = writing();
                let copied = rustix::fs::copy_file_range(
                    file,
                    Some(&mut from),
                    to_file,
                    Some(&mut into),
                    length,
                );
                drop(held);
                match copied {
                    Ok(0) => {
                        let detail = format!("blob {} ends too early", self.name);
                        return Err(corrupted("copy blob", detail));
                    }
                    Ok(_) => {}
                    Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                        self.copy_range(to, from, end)?;
                        break;
                    }
                    Err(errno) => return Err(fail(errno)),
                }
            }
            at = end;
        }
        Ok(())
    }

    fn copy_range(&self, to: &Self, mut from: u64, end: u64) -> Result<()> {
        let mut buffer = Vec::new();
        while from < end {
            buffer.resize((end - from).min(BUFFER_BYTES as u64) as usize, 0);
            self.read_at(&mut buffer, from)?;
            match &to.file {
                BlobFile::Plain(file) => file
                    .write_all_at(&buffer, from)
                    .map_err(|error| io(error, "copy blob"))?,
                BlobFile::Sealed(records) => records.write_at(&buffer, from)?,
            }
            from += buffer.len() as u64;
        }
        Ok(())
    }

    /// Cuts the file, never extends it.
    fn cut(&self, len_bytes: u64) -> Result<()> {
        if self.length()? > len_bytes {
            self.state.lock().hasher = None;
            if !self.shared.is_new(self.id) {
                // A power cut must not bring back the larger size without the bytes.
                self.shared.database.barrier()?;
            }
            let _writing = self.shared.folder.writing(&self.name);
            match &self.file {
                BlobFile::Plain(file) => file
                    .set_len(len_bytes)
                    .map_err(|error| io(error, "truncate blob"))?,
                BlobFile::Sealed(records) => records.truncate(len_bytes)?,
            }
        }
        Ok(())
    }

    /// Reads as many bytes as there are, with zeros after them.
    fn fill(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        let file = self.file.on_host();
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset + filled as u64) {
                Ok(0) => {
                    rest.fill(0);
                    break;
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io(error, "read blob")),
            }
        }
        Ok(filled)
    }

    fn check_writable(&self) -> Result<()> {
        if self.state.lock().sealed.is_some() {
            return Err(Error::new(ErrorKind::BadHandle, "write blob").with_detail("it is sealed"));
        }
        Ok(())
    }
}

impl Content for BlobContent {
    fn id(&self) -> ContentId {
        self.id
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<()> {
        if let BlobFile::Sealed(records) = &self.file {
            return records.read_at(into, offset);
        }
        let filled = self.fill(into, offset)?;
        let end = offset + filled as u64;
        let Some(seal) = self.state.lock().sealed.clone() else {
            return Ok(());
        };
        if filled < into.len() && end < seal.size_bytes {
            let detail = format!("blob {} ends too early", self.name);
            return Err(corrupted("read blob", detail));
        }
        let Some(blocks) = seal.blocks else {
            return Ok(());
        };
        let read = into.get(..filled).unwrap_or_default();
        match blocks.prove(read, offset, |into, at| self.fill(into, at).map(drop))? {
            true => Ok(()),
            false => {
                let detail = format!("blob {} is not what was written", self.name);
                Err(corrupted("read blob", detail))
            }
        }
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        self.check_writable()?;
        self.shared.make_room();
        if !self.shared.database.has_room(from.len() as u64) {
            // The index needs the rest: what is removed is noted there first.
            return Err(Error::new(ErrorKind::NoSpace, "write blob"));
        }
        // Written from start to end it is as long as what was hashed.
        let hashed = self.state.lock().hasher.as_ref().map(|it| it.next);
        let length = match hashed {
            Some(next) if next == offset => offset,
            _ => self.length()?,
        };
        let _writing = self.shared.folder.writing(&self.name);
        let written = match &self.file {
            BlobFile::Plain(file) => file
                .write_all_at(from, offset)
                .map_err(|error| io(error, "write blob")),
            BlobFile::Sealed(records) => records.write_at(from, offset),
        };
        if written.is_ok() {
            self.file.write_back(offset, from.len());
        }
        let mut state = self.state.lock();
        match &mut state.hasher {
            Some(running) if running.next == offset && written.is_ok() => {
                running.update(from);
            }
            _ => state.hasher = None,
        }
        drop(state);
        written.inspect_err(|_| {
            // What was added before the disk was full is taken away again; failing that, it lies beyond the size of the node.
            if let BlobFile::Plain(file) = &self.file {
                file.set_len(length).unwrap_or_default();
            }
        })
    }

    fn truncate(&self, len_bytes: u64) -> Result<()> {
        if self.length()? <= len_bytes {
            return Ok(());
        }
        self.check_writable()?;
        self.cut(len_bytes)
    }

    fn punch_hole(&self, offset: u64, len_bytes: u64) -> Result<()> {
        self.check_writable()?;
        self.state.lock().hasher = None;
        let _writing = self.shared.folder.writing(&self.name);
        let file = match &self.file {
            BlobFile::Plain(file) => file,
            BlobFile::Sealed(records) => return records.punch(offset, len_bytes),
        };
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(file, flags, offset, len_bytes) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                let end = offset.saturating_add(len_bytes).min(self.length()?);
                let zeros = vec![0; BUFFER_BYTES];
                let mut at = offset;
                while at < end {
                    let part = zeros
                        .get(..((end - at).min(BUFFER_BYTES as u64) as usize))
                        .unwrap_or_default();
                    file.write_all_at(part, at)
                        .map_err(|error| io(error, "punch hole"))?;
                    at += part.len() as u64;
                }
                Ok(())
            }
            Err(errno) => Err(io(errno, "punch hole")),
        }
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        let fail = |errno| io(errno, "seek in blob");
        let file = match &self.file {
            BlobFile::Plain(file) => file,
            BlobFile::Sealed(records) => return Ok(records.next_data(offset)),
        };
        // The position of the descriptor is used by nothing else.
        let start = match rustix::fs::seek(file, SeekFrom::Data(offset)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Ok(None),
            Err(Errno::INVAL) => {
                let length = self.length()?;
                return Ok((offset < length).then_some((offset, length)));
            }
            Err(errno) => return Err(fail(errno)),
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start)).map_err(fail)?;
        Ok(Some((start, end)))
    }

    fn allocated(&self) -> Result<u64> {
        use std::os::unix::fs::MetadataExt as _;
        Ok(self
            .file
            .on_host()
            .metadata()
            .map_err(|error| io(error, "stat blob"))?
            .blocks()
            * 512)
    }

    fn sync(&self) -> Result<()> {
        // Only of this one it can be told when it is done.
        self.shared.folder.syncs().begin();
        rustix::fs::fdatasync(self.file.on_host()).map_err(|errno| {
            self.shared.folder.distrust(&self.name);
            io(errno, "sync blob")
        })
    }
}

impl Drop for BlobContent {
    fn drop(&mut self) {
        self.shared.forget(self.id);
    }
}
