//! The folders in a folder, to complete a path with.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::ops::{Filesystems as _, Place};
use fs_core::resolve::PosixResolver;
use fs_core::{At, Backend, EntryBatch, FileKind, Name, Result, VPath, Want};

use super::mounts::Mounts;

/// More are not listed: nobody looks through them, and a longer beginning is typed as fast.
const MOST: usize = 20_000;

/// Names in order, with those of links to folders. Names that are no text can't be typed and are left out.
pub fn names(mounts: &Mounts, place: &Place, cancel: &AtomicBool) -> Result<Vec<String>> {
    let backend = mounts.backend(&place.fs)?;
    let folder = PosixResolver.canonicalize(&*backend, raw(&place.path))?;
    let mut listing = backend.list(At::path(&folder), &Want::names())?;
    let (mut names, mut batch) = (Vec::new(), EntryBatch::new());
    loop {
        let more = listing.next(&mut batch)?;
        for entry in batch.iter() {
            let is_folder = match entry.kind {
                FileKind::Directory => true,
                FileKind::Symlink => leads_to_folder(&*backend, &folder, entry.name),
                _ => false,
            };
            names.extend(entry.name.to_str().filter(|_| is_folder).map(str::to_owned));
        }
        batch.clear();
        if !more || names.len() >= MOST || cancel.load(Ordering::Relaxed) {
            break;
        }
    }
    names.sort_by_cached_key(|name| name.to_lowercase());
    Ok(names)
}

fn leads_to_folder(backend: &dyn Backend, folder: &VPath, name: &std::ffi::OsStr) -> bool {
    let look = || -> Result<bool> {
        let target = PosixResolver.canonicalize(backend, raw(&folder.join(&Name::new(name)?)))?;
        Ok(backend.stat(At::path(&target))?.is_dir())
    };
    look().unwrap_or(false)
}

fn raw(path: &VPath) -> &Path {
    Path::new(path.as_os_str())
}
