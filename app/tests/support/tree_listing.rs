//! A listing of a host tree that shares no code with the program: what `stat(2)` says and every byte.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What there is to know of one name.
#[derive(Debug, PartialEq)]
struct Line {
    mode: u32,
    /// Of a folder: only its own, for the root has a name and a time of its own.
    mtime: (i64, i64),
    content: Content,
    /// The first name of the same file.
    first: PathBuf,
}

#[derive(Debug, PartialEq)]
enum Content {
    Folder,
    Bytes(Vec<u8>),
    Link(PathBuf),
    Other(u64),
}

fn listing(root: &Path) -> BTreeMap<PathBuf, Line> {
    let mut paths = vec![root.to_owned()];
    let mut all = Vec::new();
    while let Some(path) = paths.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                paths.push(entry.path());
            }
            all.push(entry.path());
        }
    }
    all.sort();
    let mut firsts = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for path in all {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().to_owned();
        let id = (metadata.dev(), metadata.ino());
        let first = firsts.entry(id).or_insert_with(|| name.clone()).clone();
        let content = if metadata.is_dir() {
            Content::Folder
        } else if metadata.is_symlink() {
            Content::Link(fs::read_link(&path).unwrap())
        } else if metadata.is_file() {
            Content::Bytes(fs::read(&path).unwrap())
        } else {
            Content::Other(metadata.rdev())
        };
        let line = Line {
            mode: metadata.mode(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            content,
            first,
        };
        lines.insert(name, line);
    }
    lines
}

/// Fails with the names that differ.
#[track_caller]
pub fn assert_equal_trees(first: &Path, second: &Path) {
    let (a, b) = (listing(first), listing(second));
    let different: Vec<_> = a
        .keys()
        .chain(b.keys())
        .filter(|name| a.get(*name) != b.get(*name))
        .take(10)
        .map(|name| {
            let shown = |line: Option<&Line>| line.map(|l| (l.mode, l.mtime, l.first.clone()));
            (name, shown(a.get(name)), shown(b.get(name)))
        })
        .collect();
    assert!(different.is_empty(), "{different:#?}");
}
