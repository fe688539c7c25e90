//! Opening, making and saving filesystems.

use std::path::Path;
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_backends::location::{Location, Root};
use fs_core::ops::FsRef;
use fs_core::{At, Error, ErrorKind, Result, VPath};

use super::message::MountInfo;
use super::mounts::{Mount, Mounts};
use super::sample;
use crate::command::Secret;
use crate::state::dialog::NewFilesystem;
use crate::state::filesystem::SAMPLE;

/// Opens the filesystem at `location` and keeps it under `fs`.
pub fn mount(
    mounts: &Mounts,
    fs: &FsRef,
    location: &Location,
    secret: Option<Secret>,
) -> Result<MountInfo> {
    let mount = open(fs, location, secret)?;
    let capabilities = mount.backend.capabilities(At::path(&VPath::root()));
    let info = MountInfo {
        capabilities,
        encrypted: mount.encrypted,
        layers: Vec::new(),
    };
    mounts.insert(fs.clone(), mount);
    Ok(info)
}

fn open(fs: &FsRef, location: &Location, _secret: Option<Secret>) -> Result<Mount> {
    match location.root() {
        Root::Memory(_) => {
            let memory = MemoryBackend::new();
            if fs.as_str() == SAMPLE {
                sample::fill(&memory)?;
            }
            Ok(in_memory(memory))
        }
        Root::Saved(path) => Ok(in_memory(MemoryBackend::load_from(path)?)),
        _ => Err(Error::new(ErrorKind::Unsupported, "open")),
    }
}

fn in_memory(memory: MemoryBackend) -> Mount {
    let memory = Arc::new(memory);
    Mount {
        backend: memory.clone(),
        encrypted: false,
        memory: Some(memory),
    }
}

/// Makes a filesystem; opening it is another request.
pub fn create(_mounts: &Mounts, new: &NewFilesystem, _secret: Option<Secret>) -> Result<Location> {
    match new {
        NewFilesystem::Memory(name) => Ok(Location::new(Root::Memory(name.clone()))),
        _ => Err(Error::new(ErrorKind::Unsupported, "make")),
    }
}

/// Writes a memory filesystem to a file.
pub fn save(mounts: &Mounts, fs: &FsRef, path: &Path) -> Result<()> {
    match mounts.get(fs)?.memory {
        Some(memory) => memory.save_to(path),
        None => Err(Error::new(ErrorKind::Unsupported, "save")),
    }
}
