//! The rules where the conformance suite does not reach: shared content, open files, drafts, pins, trash.

mod attributes;
mod batches;
mod content;
mod drafts;
mod names;
mod remembered;
mod trash;

use fs_core::{At, Backend, Change, ErrorKind, File, NewNode, OpenOptions, RenameMode, VPath};

use crate::MemoryBackend;

pub(super) fn path(text: &str) -> VPath {
    VPath::new(text).unwrap()
}

pub(super) fn create(fs: &impl Backend, at: &str, new: &NewNode) {
    fs.change(&Change::Create(At::path(&path(at)), new))
        .unwrap();
}

fn write(fs: &impl Backend, at: &str, bytes: &[u8]) {
    let how = OpenOptions {
        create: true,
        truncate: true,
        ..OpenOptions::read_write()
    };
    fs.open(At::path(&path(at)), &how)
        .unwrap()
        .write_at(bytes, 0)
        .unwrap();
}

fn open(fs: &impl Backend, at: &str) -> Box<dyn File> {
    fs.open(At::path(&path(at)), &OpenOptions::read_write())
        .unwrap()
}

fn read_all(file: &dyn File) -> Vec<u8> {
    let mut bytes = vec![0; file.metadata().unwrap().size as usize];
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), bytes.len());
    bytes
}

fn read(fs: &impl Backend, at: &str) -> Vec<u8> {
    read_all(&*fs.open(At::path(&path(at)), &OpenOptions::read()).unwrap())
}

fn used(fs: &MemoryBackend) -> u64 {
    fs.extensions()
        .space
        .unwrap()
        .space(At::path(&VPath::root()))
        .unwrap()
        .used_bytes
}

pub(super) fn rename(
    fs: &impl Backend,
    from: &str,
    to: &str,
    mode: RenameMode,
) -> Result<(), ErrorKind> {
    let (from, to) = (path(from), path(to));
    let change = Change::Rename {
        from: At::path(&from),
        to: At::path(&to),
        mode,
    };
    fs.change(&change).map_err(|error| error.kind())
}

/// Commits a staged file with `bytes`.
fn save(fs: &impl Backend, at: &str, bytes: &[u8]) {
    let at = path(at);
    let mut staged = fs.stage(At::path(&at), &NewNode::file()).unwrap();
    staged.file().unwrap().write_at(bytes, 0).unwrap();
    staged.commit(RenameMode::Replace).unwrap();
}
