//! Calls to a backend seen one by one: the common ground of [`Trace`](super::Trace) and [`Fault`](super::Fault).

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backend::{At, Backend, Change, Node, RenameMode, Scope, Want};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::Extensions;
use crate::file::{File, OpenOptions, Staged};
use crate::listing::{EntryBatch, Listing};
use crate::metadata::{FileId, Metadata, NewNode};
use crate::path::VPath;

use super::intercept_file::{HookedFile, HookedStaged};

/// What is called. Reading and writing mean open files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the call of its name")]
pub enum Op {
    Stat,
    List,
    ListNext,
    Open,
    Read,
    Write,
    SetLen,
    FileSync,
    Create,
    Link,
    Rename,
    Unlink,
    Rmdir,
    SetAttr,
    SetXattr,
    Stage,
    FillFrom,
    Commit,
    Sync,
    Pin,
    ReadLink,
    GetXattr,
    ListXattrs,
    Close,
}

impl Op {
    /// Does it change the filesystem?
    pub fn is_change(self) -> bool {
        matches!(
            self,
            Self::Write
                | Self::SetLen
                | Self::Create
                | Self::Link
                | Self::Rename
                | Self::Unlink
                | Self::Rmdir
                | Self::SetAttr
                | Self::SetXattr
                | Self::FillFrom
                | Self::Commit
        )
    }

    fn of(change: &Change<'_>) -> Self {
        match change {
            Change::Create(..) => Self::Create,
            Change::Link { .. } => Self::Link,
            Change::Rename { .. } => Self::Rename,
            Change::Unlink(_) => Self::Unlink,
            Change::Rmdir(_) => Self::Rmdir,
            Change::SetAttr(..) => Self::SetAttr,
            Change::SetXattr(..) => Self::SetXattr,
        }
    }
}

/// One call: what, on which path (as the caller gave it), and for how many bytes of content.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What is called.
    pub op: Op,
    /// The path given to the backend; of an open file the one it was opened by.
    pub path: &'a VPath,
    /// Bytes to read or write, otherwise 0.
    pub bytes: usize,
}

/// What becomes of a call.
pub enum Verdict {
    /// It goes on.
    Go,
    /// It moves at most so many bytes; a write then fails with the error, a read is just short.
    Short(usize, Error),
    /// It does not happen.
    Fail(Error),
}

/// Sees calls before and after.
pub trait Hook: Send + Sync + 'static {
    /// Before the call.
    fn before(&self, _call: &Call<'_>) -> Verdict {
        Verdict::Go
    }

    /// After it.
    fn after(&self, _call: &Call<'_>, _outcome: Result<(), ErrorKind>, _took: Duration) {}
}

/// A backend whose calls pass through a [`Hook`].
pub struct Intercept<B, H> {
    backend: B,
    hook: Arc<H>,
}

impl<B: Backend, H: Hook> Intercept<B, H> {
    pub(super) fn wrap(backend: B, hook: Arc<H>) -> Self {
        Self { backend, hook }
    }

    /// The backend below.
    pub fn inner(&self) -> &B {
        &self.backend
    }

    /// What sees the calls.
    pub fn hook(&self) -> &H {
        &self.hook
    }

    fn call<T>(&self, op: Op, path: &VPath, call: impl FnOnce(&B) -> Result<T>) -> Result<T> {
        let backend = &self.backend;
        around(&*self.hook, op, path, || call(backend))
    }
}

/// Makes a call that moves no content through the hook.
pub(super) fn around<T>(
    hook: &dyn Hook,
    op: Op,
    path: &VPath,
    call: impl FnOnce() -> Result<T>,
) -> Result<T> {
    through(hook, Call { op, path, bytes: 0 }, |verdict| match verdict {
        Verdict::Go => call(),
        Verdict::Short(_, error) | Verdict::Fail(error) => Err(error.or_path(path)),
    })
}

/// Makes a call through the hook; `act` does what the verdict says.
pub(super) fn through<T>(
    hook: &dyn Hook,
    call: Call<'_>,
    act: impl FnOnce(Verdict) -> Result<T>,
) -> Result<T> {
    let start = Instant::now();
    let result = act(hook.before(&call));
    hook.after(&call, outcome(&result), start.elapsed());
    result
}

fn outcome<T>(result: &Result<T>) -> Result<(), ErrorKind> {
    result.as_ref().map(|_| ()).map_err(Error::kind)
}

impl<B: Backend, H: Hook> Backend for Intercept<B, H> {
    fn capabilities(&self, at: At<'_>) -> Capabilities {
        self.backend.capabilities(at)
    }

    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        self.call(Op::Stat, at.path, |inner| inner.stat(at))
    }

    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        let listing = self.call(Op::List, at.path, |inner| inner.list(at, want))?;
        Ok(Box::new(HookedListing {
            hook: self.hook.clone(),
            path: at.path.clone(),
            listing,
        }))
    }

    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        let file = self.call(Op::Open, at.path, |inner| inner.open(at, how))?;
        Ok(Box::new(HookedFile {
            hook: self.hook.clone(),
            path: at.path.clone(),
            file,
        }))
    }

    fn change(&self, change: &Change<'_>) -> Result<()> {
        self.call(Op::of(change), change.at().path, |inner| {
            inner.change(change)
        })
    }

    fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        let mut staged = self.call(Op::Stage, at.path, |inner| inner.stage(at, new))?;
        let has_file = staged.file().is_some();
        Ok(Box::new(HookedStaged::new(
            self.hook.clone(),
            at.path.clone(),
            staged,
            has_file,
        )))
    }

    /// One step below, as long as the hook lets every item pass; otherwise item by item.
    fn commit_all(&self, staged: Vec<(Box<dyn Staged>, RenameMode)>) -> Vec<Result<FileId>> {
        let mut results: Vec<Option<Result<FileId>>> = Vec::new();
        let (mut passed, mut paths) = (Vec::new(), Vec::new());
        for (item, mode) in staged {
            let any: Box<dyn Any> = item;
            let (path, inner) = match any.downcast::<HookedStaged<H>>() {
                Ok(hooked) => (*hooked).into_parts(),
                Err(_) => {
                    results.push(Some(Err(Error::new(ErrorKind::BadHandle, "commit"))));
                    continue;
                }
            };
            let call = commit_call(&path);
            match self.hook.before(&call) {
                Verdict::Go => {
                    passed.push((inner, mode));
                    paths.push(path);
                    results.push(None);
                }
                Verdict::Short(_, error) | Verdict::Fail(error) => {
                    let result = Err(error.or_path(&path));
                    self.hook.after(&call, outcome(&result), Duration::ZERO);
                    results.push(Some(result));
                }
            }
        }
        let start = Instant::now();
        let mut done = self.backend.commit_all(passed).into_iter();
        let took = start.elapsed();
        let mut paths = paths.iter();
        results
            .into_iter()
            .map(|result| {
                result.unwrap_or_else(|| {
                    let lost = || Err(Error::new(ErrorKind::Io, "commit"));
                    let result = done.next().unwrap_or_else(lost);
                    if let Some(path) = paths.next() {
                        self.hook.after(&commit_call(path), outcome(&result), took);
                    }
                    result
                })
            })
            .collect()
    }

    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        let root = VPath::root();
        let path = match &scope {
            Scope::All => &root,
            Scope::Node(at) => at.path,
        };
        self.call(Op::Sync, path, |inner| inner.sync(scope))
    }

    fn pin(&self, at: At<'_>) -> Result<Node> {
        self.call(Op::Pin, at.path, |inner| inner.pin(at))
    }

    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        self.call(Op::ReadLink, at.path, |inner| inner.read_link(at))
    }

    fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        self.call(Op::GetXattr, at.path, |inner| inner.get_xattr(at, name))
    }

    fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        self.call(Op::ListXattrs, at.path, |inner| inner.list_xattrs(at))
    }

    fn extensions(&self) -> Extensions<'_> {
        self.backend.extensions()
    }

    fn close(&self) -> Result<()> {
        self.call(Op::Close, &VPath::root(), Backend::close)
    }
}

fn commit_call(path: &VPath) -> Call<'_> {
    Call {
        op: Op::Commit,
        path,
        bytes: 0,
    }
}

struct HookedListing<H> {
    hook: Arc<H>,
    path: VPath,
    listing: Box<dyn Listing>,
}

impl<H: Hook> Listing for HookedListing<H> {
    fn next(&mut self, into: &mut EntryBatch) -> Result<bool> {
        let listing = &mut self.listing;
        around(&*self.hook, Op::ListNext, &self.path, || listing.next(into))
    }
}
