//! gocryptfs, what people encrypt a folder with otherwise; where the program and FUSE are there.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Bench, Result};

/// A fresh one on the disk, mounted while this lives.
pub struct Gocryptfs {
    folder: tempfile::TempDir,
}

impl Gocryptfs {
    /// Makes and mounts one; `Err` says why there is none.
    pub fn mount(bench: &Bench) -> Result<Self> {
        let folder = bench.disk()?;
        let cipher = folder.path().join("cipher");
        let plain = folder.path().join("plain");
        std::fs::create_dir(&cipher)?;
        std::fs::create_dir(&plain)?;
        // Its password costs as little as it may: unlocking is not what is measured.
        gocryptfs(&["-init", "-scryptn", "10"], &[&cipher])?;
        gocryptfs(&[], &[&cipher, &plain])?;
        Ok(Self { folder })
    }

    /// The folder with the plain files.
    pub fn plain(&self) -> PathBuf {
        self.folder.path().join("plain")
    }
}

impl Drop for Gocryptfs {
    fn drop(&mut self) {
        if let Err(error) = Command::new("umount").arg(self.plain()).status() {
            eprintln!("umount: {error}");
        }
    }
}

fn gocryptfs(options: &[&str], folders: &[&Path]) -> Result {
    let done = Command::new("gocryptfs")
        .args(["-q", "-extpass", "echo password"])
        .args(options)
        .arg("--")
        .args(folders)
        .output()
        .map_err(|error| format!("gocryptfs: {error}"))?;
    match done.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&done.stderr).trim().into()),
    }
}
