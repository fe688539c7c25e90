//! A node that appears whole, on any backend: staged where it can be, otherwise made under a temporary name and renamed.

use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::backend::{At, Backend, Change, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{File, OpenOptions, Staged};
use crate::metadata::{FileId, NewKind, NewNode, SetAttr};
use crate::path::{Name, VPath};

/// Prepares a node that appears at `at` when it is committed.
pub(super) fn stage(
    backend: &Arc<dyn Backend>,
    capabilities: Capabilities,
    at: &VPath,
    new: &NewNode,
) -> Result<Box<dyn Staged>> {
    if capabilities.contains(Capabilities::STAGE) {
        match backend.stage(At::path(at), new) {
            Err(e) if e.kind() == ErrorKind::Unsupported => {}
            done => return done,
        }
    }
    Ok(Box::new(Temporary::create(backend, at, new)?))
}

/// Is it one that its backend knows nothing of, to be committed by itself?
pub(super) fn is_temporary(staged: &dyn Staged) -> bool {
    let any: &dyn std::any::Any = staged;
    any.is::<Temporary>()
}

/// A hidden name in the same folder that nothing has.
pub(super) fn aside(at: &VPath) -> VPath {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let text = format!(".lamina-{:08x}-{count}", uuid::Uuid::new_v4().as_fields().0);
    match (at.parent(), Name::new(text)) {
        (Some(folder), Ok(name)) => folder.join(&name),
        _ => at.clone(),
    }
}

/// Gives a name only if it is free, as safely as the backend can.
pub(super) fn rename_to_free(backend: &dyn Backend, from: &VPath, to: &VPath) -> Result<()> {
    let rename = |mode| {
        backend.change(&Change::Rename {
            from: At::path(from),
            to: At::path(to),
            mode,
        })
    };
    match rename(RenameMode::NoReplace) {
        Err(e) if e.kind() == ErrorKind::Unsupported => {}
        done => return done,
    }
    match backend.stat(At::path(to)) {
        Err(e) if e.kind() == ErrorKind::NotFound => rename(RenameMode::Replace),
        Err(e) => Err(e),
        Ok(_) => Err(Error::new(ErrorKind::AlreadyExists, "rename").with_path(to)),
    }
}

struct Temporary {
    backend: Arc<dyn Backend>,
    temp: VPath,
    at: VPath,
    file: Option<Box<dyn File>>,
    committed: bool,
}

impl Temporary {
    fn create(backend: &Arc<dyn Backend>, at: &VPath, new: &NewNode) -> Result<Self> {
        let temp = aside(at);
        let file = if new.kind == NewKind::File {
            Some(backend.open(At::path(&temp), &OpenOptions::create_new(new.mode))?)
        } else {
            backend.change(&Change::Create(At::path(&temp), new))?;
            None
        };
        Ok(Self {
            backend: backend.clone(),
            temp,
            at: at.clone(),
            file,
            committed: false,
        })
    }
}

impl Staged for Temporary {
    fn file(&mut self) -> Option<&mut dyn File> {
        match &mut self.file {
            Some(file) => Some(&mut **file),
            None => None,
        }
    }

    fn set_attr(&mut self, attr: &SetAttr) -> Result<()> {
        self.backend
            .change(&Change::SetAttr(At::path(&self.temp), attr))
    }

    fn set_xattr(&mut self, name: &OsStr, value: &[u8]) -> Result<()> {
        self.backend
            .change(&Change::SetXattr(At::path(&self.temp), name, Some(value)))
    }

    fn commit(mut self: Box<Self>, mode: RenameMode) -> Result<FileId> {
        if let Some(file) = self.file.take() {
            file.sync(false)?;
        }
        let id = self.backend.stat(At::path(&self.temp))?.id;
        if mode == RenameMode::NoReplace {
            rename_to_free(&*self.backend, &self.temp, &self.at)?;
        } else {
            self.backend.change(&Change::Rename {
                from: At::path(&self.temp),
                to: At::path(&self.at),
                mode,
            })?;
        }
        self.committed = true;
        Ok(id)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.file = None;
        if !self.committed {
            // Already an abort; the error that led here is the one that is told.
            let _ = self.backend.change(&Change::Unlink(At::path(&self.temp)));
        }
    }
}

/// A further name of what is at `existing`, that appears at `at` when it is committed.
pub(super) fn link(backend: &Arc<dyn Backend>, existing: &VPath, at: &VPath) -> Box<dyn Staged> {
    Box::new(FurtherName {
        backend: backend.clone(),
        existing: existing.clone(),
        at: at.clone(),
    })
}

struct FurtherName {
    backend: Arc<dyn Backend>,
    existing: VPath,
    at: VPath,
}

impl FurtherName {
    fn link(&self, to: &VPath) -> Result<()> {
        self.backend.change(&Change::Link {
            from: At::path(&self.existing),
            to: At::path(to),
        })
    }
}

/// It has the content and the attributes of the file it is a name of.
impl Staged for FurtherName {
    fn file(&mut self) -> Option<&mut dyn File> {
        None
    }

    fn set_attr(&mut self, _attr: &SetAttr) -> Result<()> {
        Ok(())
    }

    fn set_xattr(&mut self, _name: &OsStr, _value: &[u8]) -> Result<()> {
        Ok(())
    }

    fn commit(self: Box<Self>, mode: RenameMode) -> Result<FileId> {
        if mode == RenameMode::NoReplace {
            self.link(&self.at)?;
        } else {
            let temporary = aside(&self.at);
            self.link(&temporary)?;
            let renamed = self.backend.change(&Change::Rename {
                from: At::path(&temporary),
                to: At::path(&self.at),
                mode,
            });
            if renamed.is_err() {
                // The error that led here is the one that is told.
                let _ = self.backend.change(&Change::Unlink(At::path(&temporary)));
            }
            renamed?;
        }
        Ok(self.backend.stat(At::path(&self.at))?.id)
    }
}
