//! Answers for programs: one JSON document for each command. Names that are not UTF-8 have their bytes beside them.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use fs_core::resolve::leaves_root;
use fs_core::{At, Backend, Metadata, VPath};
use serde::Serialize;

use super::print;

/// Shared by all commands that tell something.
#[derive(clap::Args)]
pub struct Output {
    /// Tells it as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Writes a document to the standard output.
pub fn write(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = print::out();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// A file, folder or link.
#[derive(Serialize)]
pub struct Item {
    /// Its path inside its filesystem.
    pub path: String,
    /// Its bytes, when they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<Vec<u8>>,
    kind: fs_core::FileKind,
    size: u64,
    allocated: u64,
    /// In octal, as `chmod` takes it.
    mode: String,
    uid: u32,
    gid: u32,
    links: u64,
    inode: u64,
    modified_ns: i64,
    changed_ns: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_bytes: Option<Vec<u8>>,
    /// It is a link that leads out of the sandbox, and is not followed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    escapes: bool,
}

impl Item {
    /// What is at `path`; of a link its target too.
    pub fn new(backend: &dyn Backend, path: &VPath, metadata: &Metadata) -> fs_core::Result<Self> {
        let (target, target_bytes) = if metadata.is_symlink() {
            let (target, bytes) = text(&backend.read_link(At::path(path))?);
            (Some(target), bytes)
        } else {
            (None, None)
        };
        let escapes = metadata.is_symlink() && leaves_root(backend, path);
        let (path, path_bytes) = text(path.as_os_str());
        Ok(Self {
            escapes,
            path,
            path_bytes,
            kind: metadata.kind,
            size: metadata.size,
            allocated: metadata.allocated,
            mode: format!("{:04o}", metadata.mode),
            uid: metadata.uid,
            gid: metadata.gid,
            links: metadata.nlink,
            inode: metadata.id.ino,
            modified_ns: metadata.mtime.nanos(),
            changed_ns: metadata.ctime.nanos(),
            target,
            target_bytes,
        })
    }
}

/// A name as text, and its bytes when the text does not say all.
pub fn text(name: &OsStr) -> (String, Option<Vec<u8>>) {
    match name.to_str() {
        Some(text) => (text.to_owned(), None),
        None => (
            name.to_string_lossy().into_owned(),
            Some(name.as_bytes().to_vec()),
        ),
    }
}
