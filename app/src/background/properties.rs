//! Facts, sums and checksums for the properties dialog, and what becomes of a wish for other attributes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fs_backends::location::{Kind, Location};
use fs_core::ops::{AttrChange, Operation, Place};
use fs_core::{
    At, Backend, Capabilities, EntryBatch, FileKind, Metadata, OpenOptions, Result, VPath, Want,
};
use sha2::{Digest as _, Sha256};

use super::message::Event;
use super::mounts::Mounts;
use super::names::{self, Names};
use super::outbox::Outbox;
use crate::state::Generation;
use crate::state::filesystem::HOST;
use crate::state::properties::{AttrWish, Checksum, Count, Facts, Grant, Grants, Usage, Xattr};

/// Sums and progress are told so often.
const TELL: Duration = Duration::from_millis(500);
/// Longer values of extended attributes are not shown.
const XATTR_SHOWN_BYTES: usize = 200;
/// So much of a file is read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Reads facts of `items`, then counts what is below them, telling the sums twice a second.
pub fn read(
    mounts: &Mounts,
    items: &[Place],
    cancel: &AtomicBool,
    generation: Generation,
    outbox: &Outbox,
) {
    let mut names = Names::default();
    let facts = items
        .iter()
        .map(|place| facts(mounts, &mut names, place))
        .collect();
    outbox.send(Event::Facts(generation, facts));
    let mut count = Counting {
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
        count.usage.count = Count::Complete;
        (count.tell)(count.usage);
    }
}

fn facts(mounts: &Mounts, names: &mut Names, place: &Place) -> Result<Facts> {
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
    Ok(Facts {
        link_target,
        xattrs: xattrs(&*backend, at),
        owner: names.user(metadata.uid),
        group: names.group(metadata.gid),
        grants: grants(place, backend.capabilities(at), &metadata),
        metadata,
    })
}

fn xattrs(backend: &dyn Backend, at: At<'_>) -> Vec<Xattr> {
    let names = backend.list_xattrs(at).unwrap_or_default();
    let shown = |name: &std::ffi::OsString| {
        let value = backend.get_xattr(at, name).ok()?;
        let text = std::str::from_utf8(&value).ok();
        let text = text.map(|text| text.trim_end_matches('\0'));
        let is_shown =
            |text: &&str| text.len() <= XATTR_SHOWN_BYTES && !text.chars().any(char::is_control);
        Some(match text.filter(is_shown) {
            Some(text) => text.to_owned(),
            None => format!("{} bytes", value.len()),
        })
    };
    names
        .iter()
        .map(|name| Xattr {
            name: name.to_string_lossy().into_owned(),
            value: shown(name).unwrap_or_else(|| "can't be read".to_owned()),
        })
        .collect()
}

/// A host asks who one is; filesystems of our own ask nobody.
fn grants(place: &Place, powers: Capabilities, metadata: &Metadata) -> Grants {
    let location = Location::parse(place.fs.as_str(), std::path::Path::new("/"));
    let of_host = place.fs.as_str() == HOST || location.is_ok_and(|l| l.kind() == Kind::VRoot);
    let (mut owns, mut rules) = (true, true);
    if of_host {
        let rights = names::rights(metadata.uid);
        (owns, rules) = (rights.is_owner || rights.is_root, rights.is_root);
    }
    let grant = |power: Capabilities, may: bool| match powers.contains(power) {
        false => Grant::Absent,
        true if may && powers.contains(Capabilities::WRITE) => Grant::Change,
        true => Grant::Look,
    };
    Grants {
        // A symbolic link has no permissions of its own.
        mode: if metadata.is_symlink() {
            Grant::Absent
        } else {
            grant(Capabilities::MODE, owns)
        },
        owner: grant(Capabilities::OWNER, rules),
        group: grant(Capabilities::OWNER, owns),
    }
}

/// The operation a wish asks for. Error: a sentence.
pub fn operation(wish: AttrWish) -> std::result::Result<Operation, String> {
    let uid = wish.owner.as_deref().map(names::uid).transpose()?;
    let gid = wish.group.as_deref().map(names::gid).transpose()?;
    Ok(Operation::SetAttr {
        items: wish.items,
        change: AttrChange {
            mode: wish.mode,
            uid,
            gid,
            ..AttrChange::default()
        },
        recursive: wish.recursive,
    })
}

/// The SHA-256 of a file, with progress.
pub fn checksum(
    mounts: &Mounts,
    place: &Place,
    cancel: &AtomicBool,
    generation: Generation,
    outbox: &Outbox,
) {
    let digest = || -> Result<Option<String>> {
        let backend = mounts.get(&place.fs)?.backend;
        let file = backend.open(At::path(&place.path), &OpenOptions::read())?;
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; CHUNK_BYTES]);
        let (mut offset, mut told) = (0_u64, Instant::now());
        loop {
            let read = file.read_at(&mut buffer, offset)?;
            if cancel.load(Ordering::Relaxed) {
                return Ok(None);
            }
            if read == 0 {
                break;
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            offset += read as u64;
            if told.elapsed() >= TELL {
                told = Instant::now();
                outbox.send(Event::Checksum(generation, Checksum::Running(offset)));
            }
        }
        let digest = hasher.finalize();
        Ok(Some(
            digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    };
    let answer = match digest() {
        Ok(Some(hex)) => Checksum::Done(hex),
        Ok(None) => return,
        Err(error) => Checksum::Failed(crate::ui::error_sentence("Couldn't read it", &error)),
    };
    outbox.send(Event::Checksum(generation, answer));
}

struct Counting<'a> {
    usage: Usage,
    cancel: &'a AtomicBool,
    told: Instant,
    tell: &'a dyn Fn(Usage),
}

impl Counting<'_> {
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
            if self.told.elapsed() >= TELL {
                self.told = Instant::now();
                (self.tell)(self.usage);
            }
            if !more || self.cancel.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
    }
}
