//! Opening, making and saving filesystems.

use std::path::Path;
use std::sync::Arc;

use fs_backends::location::{Kind, Location, OpenHow, Part, Root, StackFile, StackLayer};
use fs_backends::{IndexedBackend, MemoryBackend, SqliteBackend};
use fs_core::ops::FsRef;
use fs_core::{At, Backend, Error, ErrorKind, Result, VPath};

use super::message::MountInfo;
use super::mounts::{Mount, Mounts};
use super::seen::Seen;
use super::{sample, stack};
use crate::command::Secret;
use crate::state::dialog::{Layer, NewFilesystem};
use crate::state::filesystem::{SAMPLE, place_of};

/// How a filesystem is opened.
pub struct How {
    /// The password, if one was given.
    pub secret: Option<Secret>,
    /// So that nothing can be changed.
    pub read_only: bool,
    /// Layers of a stack that are left out, by their number in its file.
    pub hidden: Vec<usize>,
    /// A layer that was used over another base is used over this one from now on.
    pub accept_base: bool,
}

/// Opens the filesystem at `location` and keeps it under `fs`.
pub fn mount(
    mounts: &Mounts,
    seen: &Seen,
    fs: &FsRef,
    location: &Location,
    how: How,
) -> Result<MountInfo> {
    // The host may have been opened by an operation before any tab shows it.
    let hidden = how.hidden.clone();
    let mount = match mounts.get(fs) {
        Ok(mount) => mount,
        Err(_) => {
            let lent = mounts
                .lent(fs)
                .filter(|_| !how.read_only)
                .map(|backend| Mount {
                    parts: vec![Part {
                        location: location.clone(),
                        backend: backend.clone(),
                    }],
                    backend,
                    encrypted: false,
                    read_only: false,
                    memory: None,
                    stack: None,
                });
            let mount = match lent {
                Some(mount) => mount,
                None => open(mounts, fs, location, how)?,
            };
            mounts.insert(fs.clone(), mount.clone());
            mount
        }
    };
    let (layers, made_of) = stack::layers(mounts, location, &hidden)?;
    Ok(MountInfo {
        capabilities: mount.backend.capabilities(At::path(&VPath::root())),
        encrypted: mount.encrypted && keeps_password(location),
        read_only: mount.read_only,
        layers,
        made_of,
        keeps_snapshots: mount.backend.extensions().snapshots.is_some(),
        older: seen.meet(&mount.parts),
        network: location.network_filesystem().filter(|_| !mount.read_only),
    })
}

fn open(mounts: &Mounts, fs: &FsRef, location: &Location, how: How) -> Result<Mount> {
    let How {
        secret,
        read_only,
        hidden,
        accept_base,
    } = how;
    match location.root() {
        Root::Memory { limit_bytes, .. } => {
            let memory = match limit_bytes {
                Some(limit) => MemoryBackend::with_limit(*limit),
                None => MemoryBackend::new().within_machine(),
            };
            if fs.as_str() == SAMPLE {
                sample::fill(&memory)?;
            }
            Ok(in_memory(memory))
        }
        Root::Saved(path) if !read_only => {
            let password = secret.as_ref().map(|secret| secret.0.as_str());
            let memory = MemoryBackend::open_saved(path, password)?;
            Ok(in_memory(memory.within_machine()))
        }
        _ => {
            let how = OpenHow {
                password: &|_| secret.as_ref().map(|secret| secret.0.clone()),
                open_already: &|location| Some(mounts.get(&place_of(location).fs).ok()?.backend),
                read_only,
                accept_base,
                without_layers: &hidden,
                ..OpenHow::default()
            };
            let opened = location.open(&how)?;
            Ok(Mount {
                backend: opened.backend.clone(),
                encrypted: opened.is_private,
                memory: None,
                read_only,
                parts: opened.parts.clone(),
                stack: (opened.kind() == Kind::Stack).then_some(opened),
            })
        }
    }
}

fn in_memory(memory: MemoryBackend) -> Mount {
    let memory = Arc::new(memory);
    Mount {
        encrypted: memory.is_encrypted(),
        backend: memory.clone(),
        memory: Some(memory),
        stack: None,
        read_only: false,
        parts: Vec::new(),
    }
}

/// Is what is at `location` opened with its password again, so that it can be locked? (What is in memory only would be gone, a stack is not encrypted
/// itself.)
fn keeps_password(location: &Location) -> bool {
    match location.root() {
        Root::Vault(_) | Root::Store(_) | Root::Saved(_) => true,
        Root::Snapshot { of, .. } => matches!(**of, Root::Saved(_)),
        _ => false,
    }
}

/// Makes a filesystem; mounting the location it returns opens it.
pub fn create(new: &NewFilesystem, secret: Option<Secret>) -> Result<Location> {
    match new {
        NewFilesystem::Memory(name) => Ok(Location::new(Root::memory(name.clone()))),
        NewFilesystem::Saved(path) => {
            if path.symlink_metadata().is_ok() {
                return Err(Error::new(ErrorKind::AlreadyExists, "make").with_path(path));
            }
            let memory = MemoryBackend::new();
            if let Some(secret) = secret {
                memory.set_password(Some(&secret.0))?;
            }
            memory.save_to(path)?;
            Location::new(Root::Saved(path.clone())).settled()
        }
        NewFilesystem::Vault(path) => {
            match secret {
                Some(secret) => SqliteBackend::create_encrypted(path, &secret.0)?,
                None => SqliteBackend::create(path)?,
            }
            .close()?;
            Location::new(Root::Vault(path.clone())).settled()
        }
        NewFilesystem::Store(path) => {
            match secret {
                Some(secret) => IndexedBackend::create_encrypted(path, &secret.0)?,
                None => IndexedBackend::create(path)?,
            }
            .close()?;
            Location::new(Root::Store(path.clone())).settled()
        }
        NewFilesystem::Stack { file, layers } => create_stack(file, layers),
    }
}

fn create_stack(file: &Path, layers: &[Layer]) -> Result<Location> {
    let name = file
        .file_name()
        .map(|name| {
            name.to_string_lossy()
                .trim_end_matches(".stack.ron")
                .to_owned()
        })
        .unwrap_or_default();
    let layers = layers
        .iter()
        .map(|layer| StackLayer {
            name: layer.name.clone(),
            location: layer.fs.as_str().to_owned(),
        })
        .collect();
    StackFile { name, layers }.create(file)?;
    Location::new(Root::Stack(file.to_path_buf())).settled()
}
