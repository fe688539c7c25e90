//! What the top layer of a stack changed, looked up folder by folder.

use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::extensions::{Difference, LayerChange as Found, Layers};
use fs_core::{At, Backend, Error, ErrorKind, FileKind, Name, Result, VPath, Want, listing};

use crate::state::layers::{Changes, LayerChange};

/// More changes than these are not told one by one.
pub const MOST: usize = 10_000;

/// All changes, by path; `sums`: with what new folders hold in all. `Cancelled`.
pub fn find(backend: &dyn Backend, sums: bool, cancel: &AtomicBool) -> Result<Changes> {
    let layers = backend
        .extensions()
        .layers
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, "changes"))?;
    let walk = Walk {
        backend,
        layers,
        sums,
        cancel,
    };
    let mut changes = Changes {
        list: Vec::new(),
        is_complete: true,
    };
    walk.folder(&VPath::root(), &mut changes)?;
    Ok(changes)
}

struct Walk<'a> {
    backend: &'a dyn Backend,
    layers: &'a dyn Layers,
    sums: bool,
    cancel: &'a AtomicBool,
}

impl Walk<'_> {
    /// Folders of both layers are walked as deep as paths go; those are short.
    fn folder(&self, dir: &VPath, changes: &mut Changes) -> Result<()> {
        self.check()?;
        for found in self.layers.changes(dir)? {
            if changes.list.len() >= MOST {
                changes.is_complete = false;
                return Ok(());
            }
            let path = dir.join(&found.name);
            if found.difference != Difference::Merged {
                changes.list.push(self.change(path, &found)?);
                continue;
            }
            if attributes_differ(&found) {
                changes.list.push(LayerChange {
                    path: path.clone(),
                    difference: Difference::Merged,
                    is_folder: true,
                    bytes: None,
                    bytes_below: None,
                    items: 0,
                });
            }
            self.folder(&path, changes)?;
        }
        Ok(())
    }

    fn change(&self, path: VPath, found: &Found) -> Result<LayerChange> {
        let file_bytes = |metadata: Option<fs_core::Metadata>| {
            metadata
                .filter(|metadata| metadata.is_file())
                .map(|metadata| metadata.size)
        };
        let seen = found.now.or(found.below);
        let is_folder = seen.is_some_and(|metadata| metadata.is_dir());
        let (mut bytes, mut items) = (file_bytes(found.now), 0);
        if self.sums && found.now.is_some_and(|now| now.is_dir()) {
            let mut sum = 0;
            self.sum(&path, &mut sum, &mut items)?;
            bytes = Some(sum);
        }
        Ok(LayerChange {
            path,
            difference: found.difference,
            is_folder,
            bytes,
            bytes_below: file_bytes(found.below),
            items,
        })
    }

    /// Bytes and entries below a folder, not following links.
    fn sum(&self, dir: &VPath, bytes: &mut u64, items: &mut u64) -> Result<()> {
        let mut folders = vec![dir.clone()];
        while let Some(dir) = folders.pop() {
            self.check()?;
            let entries = listing::collect(self.backend.list(At::path(&dir), &Want::metadata())?)?;
            for entry in entries.iter() {
                *items += 1;
                match (entry.kind, entry.metadata) {
                    (FileKind::Directory, _) => folders.push(dir.join(&Name::new(entry.name)?)),
                    (FileKind::File, Some(metadata)) => *bytes += metadata.size,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Cancelled, "changes"));
        }
        Ok(())
    }
}

/// Is a folder of both layers another one than below, apart from what is in it?
fn attributes_differ(found: &Found) -> bool {
    let Some((now, below)) = found.now.zip(found.below) else {
        return false;
    };
    (now.mode, now.uid, now.gid) != (below.mode, below.uid, below.gid)
}
