//! Facts and sums for the properties dialog.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fs_core::ops::Place;
use fs_core::{At, Backend, EntryBatch, FileKind, Result, VPath, Want};

use super::message::Event;
use super::mounts::Mounts;
use super::outbox::Outbox;
use crate::state::Generation;
use crate::state::dialog::{Facts, Usage};

/// Reads facts of `items`, then counts what is below them, telling the sums twice a second.
pub fn read(
    mounts: &Mounts,
    items: &[Place],
    cancel: &AtomicBool,
    generation: Generation,
    outbox: &Outbox,
) {
    let facts: Vec<_> = items.iter().map(|place| facts(mounts, place)).collect();
    outbox.send(Event::Facts(generation, facts));
    let mut count = Count {
        usage: Usage::default(),
        cancel,
        told: Instant::now(),
        tell: &|usage| outbox.send(Event::Usage(generation, usage)),
    };
    for place in items {
        match mounts.get(&place.fs) {
            Ok(mount) => count.entry(&*mount.backend, &place.path),
            Err(_) => count.usage.unreadable += 1,
        }
    }
    if !cancel.load(Ordering::Relaxed) {
        count.usage.complete = true;
        (count.tell)(count.usage);
    }
}

fn facts(mounts: &Mounts, place: &Place) -> Result<Facts> {
    let backend = mounts.get(&place.fs)?.backend;
    let at = At::path(&place.path);
    let metadata = backend.stat(at)?;
    let link_target = if metadata.kind == FileKind::Symlink {
        backend
            .read_link(at)
            .ok()
            .map(|target| target.to_string_lossy().into_owned())
    } else {
        None
    };
    let xattrs = backend.list_xattrs(at).unwrap_or_default();
    Ok(Facts {
        metadata,
        link_target,
        xattrs: xattrs
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect(),
    })
}

struct Count<'a> {
    usage: Usage,
    cancel: &'a AtomicBool,
    told: Instant,
    tell: &'a dyn Fn(Usage),
}

impl Count<'_> {
    fn entry(&mut self, backend: &dyn Backend, path: &VPath) {
        match backend.stat(At::path(path)) {
            Ok(metadata) if metadata.is_dir() => {
                self.usage.folders += 1;
                self.folder(backend, path.clone());
            }
            Ok(metadata) => {
                self.usage.files += 1;
                self.usage.bytes += if metadata.is_file() { metadata.size } else { 0 };
            }
            Err(_) => self.usage.unreadable += 1,
        }
    }

    fn folder(&mut self, backend: &dyn Backend, top: VPath) {
        let mut folders = vec![top];
        while let Some(folder) = folders.pop() {
            if self.one(backend, &folder, &mut folders).is_err() {
                self.usage.unreadable += 1;
            }
            if self.cancel.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn one(
        &mut self,
        backend: &dyn Backend,
        folder: &VPath,
        folders: &mut Vec<VPath>,
    ) -> Result<()> {
        let mut listing = backend.list(At::path(folder), &Want::metadata())?;
        let mut batch = EntryBatch::new();
        loop {
            let more = listing.next(&mut batch)?;
            for entry in batch.iter() {
                if entry.kind == FileKind::Directory {
                    self.usage.folders += 1;
                    folders.push(folder.join(&fs_core::Name::new(entry.name)?));
                } else {
                    self.usage.files += 1;
                    self.usage.bytes += entry
                        .metadata
                        .map_or(0, |m| if m.is_file() { m.size } else { 0 });
                }
            }
            batch.clear();
            if self.told.elapsed() >= Duration::from_millis(500) {
                self.told = Instant::now();
                (self.tell)(self.usage);
            }
            if !more || self.cancel.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
    }
}
