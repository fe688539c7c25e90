//! A filesystem that makes one mistake on purpose, so that the tests which compare filesystems can show that they find mistakes.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::sync::Mutex;

use fs_backends::MemoryBackend;
use fs_core::extensions::Extensions;
use fs_core::listing::{Ready, collect};
use fs_core::{
    At, Backend, Capabilities, Change, EntryBatch, Error, ErrorKind, File, FileId, FileKind,
    Listing, Metadata, NewNode, Node, OpenOptions, RenameMode, Result, Scope, SetAttr, SetTime,
    Staged, Time, Want,
};

/// What it does wrong; each was a bug of some filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// None.
    Nothing,
    /// A rename sets the time of what it moved.
    RenameTouches,
    /// A rename between two names of one file takes one of them.
    RenameTakesALink,
    /// A rename that may not replace does.
    RenameReplacesAnyway,
    /// A swap loses what was at the source.
    SwapReplaces,
    /// A listing leaves its third entry out.
    ListingForgets,
    /// What lies between the end and a write beyond it is not zeroed.
    GapsHoldRubbish,
    /// What a file grows by is not zeroed.
    GrowthHoldsRubbish,
    /// An append begins one byte early.
    AppendOverlaps,
    /// A long read ends one byte early.
    ReadEndsEarly,
    /// A hole begins where its block begins.
    HoleTakesMore,
    /// A file without a name is empty to whoever has it open.
    UnlinkEmpties,
    /// A second name does not count.
    LinksAreNotCounted,
    /// A folder goes with what is in it.
    RmdirTakesAll,
    /// Set-id and sticky bits do not survive `chmod`.
    ModeIsCut,
    /// An extended attribute that is set again keeps its first value.
    XattrIsKept,
    /// A file on the way is "not there" rather than "no folder".
    WrongError,
    /// Another name of a removed file does not show that it changed (`ctime`).
    UnlinkIsNotNoted,
    /// `chmod` does not show as a change (`ctime`).
    ChmodIsNotNoted,
}

/// A memory filesystem with a mistake.
pub struct Mistaken {
    inner: MemoryBackend,
    mistake: Mistake,
    /// Files whose time of change stands still, and where.
    unnoted: Mutex<HashMap<FileId, Time>>,
}

impl Mistaken {
    /// An empty one.
    pub fn new(mistake: Mistake) -> Self {
        Self {
            inner: MemoryBackend::new(),
            mistake,
            unnoted: Mutex::default(),
        }
    }

    fn is(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    fn wrong(&self, mut found: Metadata) -> Metadata {
        if self.is(Mistake::LinksAreNotCounted) && found.kind == FileKind::File {
            found.nlink = 1;
        }
        if let Some(ctime) = self.unnoted.lock().unwrap().get(&found.id) {
            found.ctime = *ctime;
        }
        found
    }

    fn error(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotADirectory if self.is(Mistake::WrongError) => {
                Error::new(ErrorKind::NotFound, error.operation())
            }
            _ => error,
        }
    }

    fn keep_ctime(&self, at: At<'_>) {
        if let Ok(found) = self.inner.stat(at) {
            let mut unnoted = self.unnoted.lock().unwrap();
            unnoted.entry(found.id).or_insert(found.ctime);
        }
    }

    fn is_one_file(&self, a: At<'_>, b: At<'_>) -> bool {
        let (a, b) = (self.inner.stat(a), self.inner.stat(b));
        a.is_ok_and(|a| b.is_ok_and(|b| a.id == b.id && a.kind != FileKind::Directory))
    }

    fn rename(&self, from: At<'_>, to: At<'_>, mode: RenameMode) -> Result<()> {
        if self.is(Mistake::RenameTakesALink)
            && mode == RenameMode::Replace
            && from.path != to.path
            && self.is_one_file(from, to)
        {
            return self.inner.change(&Change::Unlink(from));
        }
        let mode = match (self.mistake, mode) {
            (Mistake::RenameReplacesAnyway, RenameMode::NoReplace)
            | (Mistake::SwapReplaces, RenameMode::Exchange) => RenameMode::Replace,
            (_, mode) => mode,
        };
        self.inner.change(&Change::Rename { from, to, mode })?;
        if self.is(Mistake::RenameTouches) {
            let touched = SetAttr {
                mtime: Some(SetTime::Now),
                ..SetAttr::default()
            };
            self.inner.change(&Change::SetAttr(to, &touched))?;
        }
        Ok(())
    }

    fn altered(&self, change: &Change<'_>) -> Result<()> {
        match (self.mistake, *change) {
            (_, Change::Rename { from, to, mode }) => self.rename(from, to, mode),
            (Mistake::RmdirTakesAll, Change::Rmdir(at)) => match self.inner.change(change) {
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                    let fs = fs_core::FileStorage::new(&self.inner);
                    fs.remove_dir_all(at.path.as_path())
                }
                done => done,
            },
            (Mistake::ModeIsCut, Change::SetAttr(at, attr)) => {
                let cut = SetAttr {
                    mode: attr.mode.map(|mode| mode & 0o777),
                    ..*attr
                };
                self.inner.change(&Change::SetAttr(at, &cut))
            }
            (Mistake::XattrIsKept, Change::SetXattr(at, name, Some(_)))
                if self.inner.get_xattr(at, name).is_ok() =>
            {
                Ok(())
            }
            (Mistake::UnlinkIsNotNoted, Change::Unlink(at)) => {
                self.keep_ctime(at);
                self.inner.change(change)
            }
            (Mistake::ChmodIsNotNoted, Change::SetAttr(at, attr)) if attr.mode.is_some() => {
                self.keep_ctime(at);
                self.inner.change(change)
            }
            _ => self.inner.change(change),
        }
    }
}

impl Backend for Mistaken {
    fn capabilities(&self, at: At<'_>) -> Capabilities {
        self.inner.capabilities(at)
    }

    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        let found = self.inner.stat(at).map_err(|error| self.error(error))?;
        Ok(self.wrong(found))
    }

    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        let all = collect(self.inner.list(at, want)?)?;
        let mut shown = EntryBatch::new();
        for (number, entry) in all.iter().enumerate() {
            if number != 2 || !self.is(Mistake::ListingForgets) {
                let metadata = entry.metadata.cloned().map(|found| self.wrong(found));
                shown.push(entry.name, entry.kind, entry.ino, metadata);
            }
        }
        Ok(Box::new(Ready::new(shown)))
    }

    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        let opened = self.inner.open(at, how);
        let file = opened.map_err(|error| self.error(error))?;
        Ok(Box::new(MistakenFile {
            file,
            mistake: self.mistake,
        }))
    }

    fn change(&self, change: &Change<'_>) -> Result<()> {
        self.altered(change).map_err(|error| self.error(error))
    }

    fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        self.inner.stage(at, new).map_err(|error| self.error(error))
    }

    fn commit_all(&self, staged: Vec<(Box<dyn Staged>, RenameMode)>) -> Vec<Result<FileId>> {
        self.inner.commit_all(staged)
    }

    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        self.inner.sync(scope)
    }

    fn pin(&self, at: At<'_>) -> Result<Node> {
        self.inner.pin(at)
    }

    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        self.inner.read_link(at).map_err(|error| self.error(error))
    }

    fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        self.inner.get_xattr(at, name)
    }

    fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        self.inner.list_xattrs(at)
    }

    fn extensions(&self) -> Extensions<'_> {
        self.inner.extensions()
    }

    fn close(&self) -> Result<()> {
        self.inner.close()
    }
}

struct MistakenFile {
    file: Box<dyn File>,
    mistake: Mistake,
}

/// What was in memory before.
const RUBBISH: u8 = 0xa5;

impl MistakenFile {
    /// Fills what is between the end and `to` with what should not be there.
    fn spoil(&self, to: u64) -> Result<()> {
        let size = self.file.metadata()?.size;
        let gap = usize::try_from(to.saturating_sub(size)).unwrap();
        self.file.write_at(&vec![RUBBISH; gap], size)
    }

    fn is(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }
}

impl File for MistakenFile {
    fn metadata(&self) -> Result<Metadata> {
        self.file.metadata()
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        if self.is(Mistake::UnlinkEmpties) && self.file.metadata()?.nlink == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(into, offset)?;
        Ok(match self.mistake {
            Mistake::ReadEndsEarly if read > 64 && read == into.len() => read - 1,
            _ => read,
        })
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        if self.is(Mistake::GapsHoldRubbish) && !from.is_empty() {
            self.spoil(offset)?;
        }
        self.file.write_at(from, offset)
    }

    fn append(&self, from: &[u8]) -> Result<u64> {
        let size = self.file.metadata()?.size;
        if self.is(Mistake::AppendOverlaps) && size > 0 {
            self.file.write_at(from, size - 1)?;
            return Ok(size - 1);
        }
        self.file.append(from)
    }

    fn set_len(&self, size_bytes: u64) -> Result<()> {
        if self.is(Mistake::GrowthHoldsRubbish) && size_bytes < 1 << 20 {
            self.spoil(size_bytes)?;
        }
        self.file.set_len(size_bytes)
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        self.file.set_attr(attr)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        if self.is(Mistake::HoleTakesMore) {
            let block = offset / 4096 * 4096;
            return self.file.punch_hole(block, len + offset - block);
        }
        self.file.punch_hole(offset, len)
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        self.file.next_data(offset)
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        self.file.sync(data_only)
    }
}
