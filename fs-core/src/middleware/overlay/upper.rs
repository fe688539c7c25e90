//! The writable layer: what it holds at a path, with the marks of deletions read and written in whichever form it can hold.
//!
//! Form `Nodes` is the kernel's: a whiteout is the character device 0:0 under the deleted name, an opaque directory carries an attribute (where the upper has
//! no attributes: a whiteout for each name of the base). Form `Files` is for uppers that hold no device nodes, see [`names`](super::names): there a mark
//! stands beside the entry of the same name, so that it stays while the entry comes and goes.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{names, xattr};
use crate::backend::{At, Backend, Change, Want};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::file::Staged;
use crate::listing::Listing;
use crate::metadata::{Metadata, NewNode};
use crate::path::{Name, VPath};

/// In which form marks are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The kernel's.
    Nodes,
    /// `.wh.` files.
    Files,
}

/// What the upper says about a name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The entry.
    pub node: Option<Metadata>,
    /// The base's entry of the name is hidden by a mark (not merely by `node`).
    pub marked: bool,
    /// A whiteout node sits on the name.
    pub whiteout: bool,
}

/// What the upper says about one of its directories beyond its metadata.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// Nothing of the base shows in it.
    pub opaque: bool,
    /// Whiteouts in it may be empty files with an attribute.
    pub file_whiteouts: bool,
    /// Entries in it may have been copied up.
    pub impure: bool,
}

/// The writable layer.
pub(super) struct Upper {
    inner: Arc<dyn Backend>,
    form: AtomicU8,
}

const UNKNOWN: u8 = 0;
const NODES: u8 = 1;
const NODES_PROVED: u8 = 2;
const FILES: u8 = 3;

impl Upper {
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Self {
            inner,
            form: AtomicU8::new(UNKNOWN),
        }
    }

    /// The backend itself, for what needs no marks.
    pub fn backend(&self) -> &dyn Backend {
        &*self.inner
    }

    pub fn capabilities(&self) -> Capabilities {
        self.inner.capabilities(At::path(&VPath::root()))
    }

    pub fn has(&self, wanted: Capabilities) -> bool {
        self.capabilities().contains(wanted)
    }

    pub fn form(&self) -> Result<Form> {
        match self.form.load(Ordering::Acquire) {
            NODES | NODES_PROVED => return Ok(Form::Nodes),
            FILES => return Ok(Form::Files),
            _ => {}
        }
        let files = !self.has(Capabilities::SPECIAL_FILES | Capabilities::STAGE)
            || absent(self.inner.stat(At::path(&format_file()?)))?.is_some();
        self.form
            .store(if files { FILES } else { NODES }, Ordering::Release);
        Ok(if files { Form::Files } else { Form::Nodes })
    }

    /// Before the first change: can whiteout nodes really be made? If not, marks are files from now on and the upper says so.
    pub fn prove(&self) -> Result<()> {
        let probe = format_file()?;
        if self.form()? == Form::Files {
            return self.say_files(&probe);
        }
        if self.form.load(Ordering::Acquire) == NODES_PROVED {
            return Ok(());
        }
        let proved = match self.inner.stage(At::path(&probe), &NewNode::whiteout()) {
            Ok(staged) => {
                drop(staged);
                NODES_PROVED
            }
            Err(error) if refused(&error) => {
                self.say_files(&probe)?;
                FILES
            }
            Err(error) => return Err(error),
        };
        self.form.store(proved, Ordering::Release);
        Ok(())
    }

    /// Also tells, where no attribute can, that this upper is in use.
    fn say_files(&self, format_file: &VPath) -> Result<()> {
        let new = NewNode::file();
        match self
            .inner
            .change(&Change::Create(At::path(format_file), &new))
        {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    /// The path under which the upper keeps `path`.
    pub fn kept(&self, path: &VPath) -> Result<VPath> {
        if self.form()? == Form::Nodes {
            return Ok(path.clone());
        }
        path.names()
            .try_fold(VPath::root(), |at, name| Ok(at.join(&names::kept(&name)?)))
    }

    /// What is at `path`, whose parent is a directory here. `odd`: the parent has [`Facts::file_whiteouts`].
    pub fn look(&self, path: &VPath, odd: bool) -> Result<Seen> {
        let kept = self.kept(path)?;
        let node = absent(self.inner.stat(At::path(&kept)))?;
        if self.form()? == Form::Files {
            let marked = match self.mark_of(path) {
                Ok(mark) => absent(self.inner.stat(At::path(&mark)))?.is_some(),
                Err(error) if error.kind() == ErrorKind::NameTooLong => false,
                Err(error) => return Err(error),
            };
            return Ok(Seen {
                node,
                marked,
                whiteout: false,
            });
        }
        let whiteout = match &node {
            Some(node) if node.is_whiteout() => true,
            Some(node) if odd && node.is_file() && node.size == 0 => {
                self.own_xattr(&kept, xattr::WHITEOUT)?.is_some()
            }
            _ => false,
        };
        Ok(Seen {
            node: node.filter(|_| !whiteout),
            marked: whiteout,
            whiteout,
        })
    }

    /// The file that hides `path` in form `Files`.
    pub fn mark_of(&self, path: &VPath) -> Result<VPath> {
        let (dir, name) = path
            .split_last()
            .ok_or_else(|| Error::new(ErrorKind::IsRoot, "mark"))?;
        Ok(self.kept(&dir)?.join(&names::gone(&name)?))
    }

    /// What is known about the directory at `path`.
    pub fn facts(&self, path: &VPath) -> Result<Facts> {
        let kept = self.kept(path)?;
        let mut facts = Facts::default();
        if self.has(Capabilities::XATTRS) {
            for name in self.inner.list_xattrs(At::path(&kept))? {
                let is = |wanted: &str| name == wanted || name == xattr::trusted(wanted);
                if is(xattr::OPAQUE) {
                    match self.inner.get_xattr(At::path(&kept), &name)?.as_slice() {
                        b"y" => facts.opaque = true,
                        b"x" => facts.file_whiteouts = true,
                        _ => {}
                    }
                } else if is(xattr::IMPURE) {
                    facts.impure = true;
                }
            }
        } else {
            // Origins are kept in memory, where asking costs nothing.
            facts.impure = true;
        }
        if self.form()? == Form::Files && !facts.opaque {
            let mark = kept.join(&Name::new(names::OPAQUE_FILE)?);
            facts.opaque = absent(self.inner.stat(At::path(&mark)))?.is_some();
        }
        Ok(facts)
    }

    /// The value of one of the overlay's own attributes at the kept path, in either namespace.
    pub fn own_xattr(&self, kept: &VPath, name: &str) -> Result<Option<Vec<u8>>> {
        if !self.has(Capabilities::XATTRS) {
            return Ok(None);
        }
        let user = no_xattr(self.inner.get_xattr(At::path(kept), OsStr::new(name)))?;
        if user.is_some() {
            return Ok(user);
        }
        no_xattr(self.inner.get_xattr(At::path(kept), &xattr::trusted(name)))
    }

    /// Entries as the upper keeps them, marks among them.
    pub fn list(&self, path: &VPath, want: &Want) -> Result<Box<dyn Listing>> {
        self.inner.list(At::path(&self.kept(path)?), want)
    }

    /// Stages a node for `path`.
    pub fn stage(&self, path: &VPath, new: &NewNode) -> Result<Box<dyn Staged>> {
        self.inner.stage(At::path(&self.kept(path)?), new)
    }

    /// Makes a change whose paths are kept paths already.
    pub fn change(&self, change: &Change<'_>) -> Result<()> {
        self.inner.change(change)
    }
}

/// `Ok(None)` when nothing has that name or its parent is no directory.
pub(super) fn absent<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// `Ok(None)` when there is no such attribute, or the node is of a kind that can have none (`user.` on links and devices).
pub(super) fn no_xattr<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::XattrNotFound || refused(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Is it a "not here", rather than a failure?
pub(super) fn refused(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unsupported | ErrorKind::NotPermitted | ErrorKind::PermissionDenied
    )
}

/// Which of `names` a user may see, under the names users call them.
pub(super) fn visible_xattrs(names: Vec<OsString>) -> Vec<OsString> {
    names
        .into_iter()
        .filter_map(|name| xattr::visible(&name))
        .collect()
}

fn format_file() -> Result<VPath> {
    Ok(VPath::root().join(&Name::new(names::FORMAT_FILE)?))
}
