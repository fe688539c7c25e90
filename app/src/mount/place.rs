//! May something be mounted at a folder? Every refusal says why in a sentence.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_core::{Error, ErrorKind, Result};

use super::device;

fn refuse(kind: ErrorKind, dir: &Path, why: &'static str) -> Error {
    Error::new(kind, "mount").with_path(dir).with_detail(why)
}

fn failed(dir: &Path) -> impl Fn(io::Error) -> Error {
    move |error| Error::from_io(error, "mount").with_path(dir)
}

/// The absolute path of `dir`, an empty folder nothing is mounted at. What a killed process left mounted there is taken off.
///
/// `inside`: folders of the host that are to be mounted; nothing may be mounted inside itself.
pub fn check(dir: &Path, inside: &[PathBuf]) -> Result<PathBuf> {
    if fs::symlink_metadata(dir).is_err_and(|e| e.raw_os_error() == Some(libc::ENOTCONN)) {
        device::detach(dir, true)?;
    }
    let dir = &fs::canonicalize(dir).map_err(failed(dir))?;
    let metadata = fs::metadata(dir).map_err(failed(dir))?;
    if !metadata.is_dir() {
        return Err(refuse(
            ErrorKind::NotADirectory,
            dir,
            "something is mounted at an empty folder",
        ));
    }
    let parent = dir.parent().map(fs::metadata).transpose();
    let parent = parent.map_err(failed(dir))?;
    if parent.is_none_or(|parent| parent.dev() != metadata.dev()) {
        return Err(refuse(
            ErrorKind::Busy,
            dir,
            "another filesystem is mounted there already",
        ));
    }
    let mut entries = fs::read_dir(dir).map_err(failed(dir))?;
    if entries.next().is_some() {
        return Err(refuse(
            ErrorKind::DirectoryNotEmpty,
            dir,
            "what is in it would be hidden; choose an empty folder",
        ));
    }
    let is_around = |folder: &PathBuf| fs::canonicalize(folder).is_ok_and(|it| dir.starts_with(it));
    if inside.iter().any(is_around) {
        return Err(refuse(
            ErrorKind::IntoItself,
            dir,
            "it lies inside the folder that is to be mounted",
        ));
    }
    Ok(dir.clone())
}
