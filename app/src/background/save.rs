//! Saving memory filesystems, and the layers of stacks that are in memory, to their files.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use fs_backends::MemoryBackend;
use fs_backends::location::Opened;
use fs_core::ops::FsRef;
use fs_core::{Error, ErrorKind, Result};

use super::message::SavedAs;
use super::mounts::Mounts;
use crate::command::{Over, Secret};

/// Writes a memory filesystem to a file, which `secret` encrypts from now on. `AlreadyExists` when something is there that it may not write `over`:
/// something else than what was loaded from there or saved there last.
pub fn save(
    mounts: &Mounts,
    fs: &FsRef,
    path: &Path,
    over: Over,
    secret: Option<&Secret>,
) -> Result<SavedAs> {
    let mount = mounts.get(fs)?;
    if let Some(stack) = &mount.stack {
        return save_layers(stack, path, over);
    }
    let Some(memory) = mount.memory else {
        return Err(Error::new(ErrorKind::Unsupported, "save").with_path(path));
    };
    if over == Over::Own && !memory.is_kept_in(path) && path.symlink_metadata().is_ok() {
        return Err(Error::new(ErrorKind::AlreadyExists, "save").with_path(path));
    }
    if let Some(secret) = secret {
        memory.set_password(Some(&secret.0))?;
    }
    let other = keep_other(path, over)?;
    match over {
        Over::Own => memory.save_to(path)?,
        Over::Anything | Over::KeepingOther => memory.save_over(path)?,
    }
    Ok(SavedAs {
        encrypted: memory.is_encrypted(),
        other,
    })
}

/// Writes the layers of a stack that are in memory to their files; `changed`: the one that another program changed, if one did. `Unsupported` where those
/// are saved by others.
fn save_layers(stack: &Opened, changed: &Path, over: Over) -> Result<SavedAs> {
    if !stack.is_unsaved() {
        let error = Error::new(ErrorKind::Unsupported, "save");
        return Err(error.with_detail("its layers in memory are saved from their own tabs"));
    }
    let other = keep_other(changed, over)?;
    match over {
        Over::Own => stack.save()?,
        Over::Anything | Over::KeepingOther => stack.save_over(changed)?,
    }
    Ok(SavedAs {
        encrypted: false,
        other,
    })
}

/// Copies what another program wrote to a file beside it, under a name that is free, before it is written over.
fn keep_other(path: &Path, over: Over) -> Result<Option<PathBuf>> {
    if over != Over::KeepingOther {
        return Ok(None);
    }
    let failed = |error| Error::from_io(error, "keep a copy").with_path(path);
    let mut from = match File::open(path) {
        Ok(from) => from,
        // It went away meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    for number in 2.. {
        let other = path.with_file_name(format!("{stem} ({number}).{extension}"));
        let mut new = File::options();
        // Nobody may read the copy who may not read what it is of.
        let mut to = match new.write(true).create_new(true).mode(0o600).open(&other) {
            Ok(to) => to,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(failed(error)),
        };
        let copied = io::copy(&mut from, &mut to)
            .and_then(|_| to.set_permissions(from.metadata()?.permissions()))
            .and_then(|()| to.sync_all());
        return match copied {
            Ok(()) => Ok(Some(other)),
            Err(error) => {
                // Half a copy is none; that it can't be removed matters less.
                std::fs::remove_file(&other).ok();
                Err(failed(error))
            }
        };
    }
    Ok(None)
}

/// Gives a memory filesystem another password, or its first one, and saves it with that.
pub fn change_password(
    memory: &MemoryBackend,
    old: &Secret,
    new: &Secret,
    file: &Path,
) -> Result<()> {
    let had_one = memory.is_encrypted();
    if had_one && !memory.has_password(&old.0) {
        return Err(Error::new(ErrorKind::WrongPassword, "change password").with_path(file));
    }
    memory.set_password(Some(&new.0))?;
    memory.save_to(file).inspect_err(|_| {
        // The file has the old one still, and what is saved next must not have another.
        let back = memory.set_password(had_one.then_some(old.0.as_str()));
        if let Err(error) = back {
            tracing::error!("the new password stays until it is saved: {error}");
        }
    })
}
