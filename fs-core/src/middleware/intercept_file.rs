//! Open files and staged nodes of an [`Intercept`](super::intercept::Intercept).

use std::ffi::OsStr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::intercept::{Call, Hook, Op, Verdict, around, through};
use crate::backend::{At, Node, RenameMode};
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{File, Staged};
use crate::metadata::{FileId, Metadata, SetAttr};
use crate::path::VPath;

fn read(
    (hook, path): (&dyn Hook, &VPath),
    into: &mut [u8],
    read: impl FnOnce(&mut [u8]) -> Result<usize>,
) -> Result<usize> {
    let call = Call {
        op: Op::Read,
        path,
        bytes: into.len(),
    };
    through(hook, call, |verdict| match verdict {
        Verdict::Go => read(into),
        Verdict::Short(len, _) => {
            let len = len.min(into.len());
            read(into.get_mut(..len).unwrap_or_default())
        }
        Verdict::Fail(error) => Err(error.or_path(path)),
    })
}

fn write<T>(
    (hook, path): (&dyn Hook, &VPath),
    from: &[u8],
    write: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<T> {
    let call = Call {
        op: Op::Write,
        path,
        bytes: from.len(),
    };
    through(hook, call, |verdict| match verdict {
        Verdict::Go => write(from),
        Verdict::Short(len, error) => {
            let head = from.get(..len.min(from.len())).unwrap_or_default();
            write(head).and(Err(error.or_path(path)))
        }
        Verdict::Fail(error) => Err(error.or_path(path)),
    })
}

pub(super) struct HookedFile<H> {
    pub(super) hook: Arc<H>,
    pub(super) path: VPath,
    pub(super) file: Box<dyn File>,
}

impl<H: Hook> HookedFile<H> {
    fn seen(&self) -> (&dyn Hook, &VPath) {
        (&*self.hook, &self.path)
    }

    fn call<T>(&self, op: Op, call: impl FnOnce(&dyn File) -> Result<T>) -> Result<T> {
        around(&*self.hook, op, &self.path, || call(&*self.file))
    }
}

impl<H: Hook> File for HookedFile<H> {
    fn metadata(&self) -> Result<Metadata> {
        self.call(Op::Stat, |file| file.metadata())
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        read(self.seen(), into, |into| self.file.read_at(into, offset))
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        write(self.seen(), from, |from| self.file.write_at(from, offset))
    }

    fn append(&self, from: &[u8]) -> Result<u64> {
        write(self.seen(), from, |from| self.file.append(from))
    }

    fn set_len(&self, size_bytes: u64) -> Result<()> {
        self.call(Op::SetLen, |file| file.set_len(size_bytes))
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        self.call(Op::SetAttr, |file| file.set_attr(attr))
    }

    fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        self.call(Op::Write, |file| file.punch_hole(offset, len))
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        self.file.next_data(offset)
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        self.call(Op::FileSync, |file| file.sync(data_only))
    }
}

/// A staged node is the file it gives out. The lock never waits: whoever holds the node holds it alone.
pub(super) struct HookedStaged<H> {
    hook: Arc<H>,
    path: VPath,
    staged: Mutex<Box<dyn Staged>>,
    has_file: bool,
}

impl<H: Hook> HookedStaged<H> {
    pub(super) fn new(hook: Arc<H>, path: VPath, staged: Box<dyn Staged>, has_file: bool) -> Self {
        Self {
            hook,
            path,
            staged: Mutex::new(staged),
            has_file,
        }
    }

    pub(super) fn into_parts(self) -> (VPath, Box<dyn Staged>) {
        (self.path, self.staged.into_inner())
    }

    fn seen(&self) -> (&dyn Hook, &VPath) {
        (&*self.hook, &self.path)
    }

    fn on_file<T>(&self, call: impl FnOnce(&dyn File) -> Result<T>) -> Result<T> {
        match self.staged.lock().file() {
            Some(file) => call(file),
            None => Err(Error::new(ErrorKind::BadHandle, "write staged file")),
        }
    }
}

impl<H: Hook> Staged for HookedStaged<H> {
    fn file(&mut self) -> Option<&mut dyn File> {
        self.has_file.then_some(self as &mut dyn File)
    }

    fn set_attr(&mut self, attr: &SetAttr) -> Result<()> {
        self.staged.get_mut().set_attr(attr)
    }

    fn set_xattr(&mut self, name: &OsStr, value: &[u8]) -> Result<()> {
        self.staged.get_mut().set_xattr(name, value)
    }

    fn fill_from(&mut self, source: At<'_>, control: &Control) -> Result<bool> {
        let staged = self.staged.get_mut();
        around(&*self.hook, Op::FillFrom, &self.path, || {
            staged.fill_from(source, control)
        })
    }

    fn secure(&mut self) -> Result<()> {
        let staged = self.staged.get_mut();
        match self.has_file {
            true => around(&*self.hook, Op::FileSync, &self.path, || staged.secure()),
            false => staged.secure(),
        }
    }

    fn node(&self) -> Result<Node> {
        self.staged.lock().node()
    }

    fn commit(self: Box<Self>, mode: RenameMode) -> Result<FileId> {
        let hook = self.hook.clone();
        let (path, staged) = (*self).into_parts();
        around(&*hook, Op::Commit, &path, || staged.commit(mode))
    }
}

impl<H: Hook> File for HookedStaged<H> {
    fn metadata(&self) -> Result<Metadata> {
        self.on_file(|file| file.metadata())
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        read(self.seen(), into, |into| {
            self.on_file(|file| file.read_at(into, offset))
        })
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        write(self.seen(), from, |from| {
            self.on_file(|file| file.write_at(from, offset))
        })
    }

    fn append(&self, from: &[u8]) -> Result<u64> {
        write(self.seen(), from, |from| {
            self.on_file(|file| file.append(from))
        })
    }

    fn set_len(&self, size_bytes: u64) -> Result<()> {
        around(&*self.hook, Op::SetLen, &self.path, || {
            self.on_file(|file| file.set_len(size_bytes))
        })
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        self.on_file(|file| file.set_attr(attr))
    }

    fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        self.on_file(|file| file.punch_hole(offset, len))
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        self.on_file(|file| file.next_data(offset))
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        around(&*self.hook, Op::FileSync, &self.path, || {
            self.on_file(|file| file.sync(data_only))
        })
    }
}
