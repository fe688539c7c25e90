//! Where on the host the layers of a stack stand, so that the one that is written is never inside another, nor another in it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_core::{Result, VPath};

use super::{Location, Root, StackFile};

/// Stacks within stacks that are looked into.
const DEPTH_MAX: usize = 16;

/// What a layer takes of the host.
#[derive(Debug)]
pub(super) struct Ground {
    /// The folder, or the file it is kept in, without links.
    item: PathBuf,
    /// Device and inode, which other mounts of it share.
    id: (u64, u64),
    is_folder: bool,
    /// The place inside what is kept there.
    inner: VPath,
}

/// How two layers meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// They are one place.
    Same,
    /// One is inside the other.
    Inside,
}

impl Ground {
    fn new(path: &Path, inner: VPath) -> Option<Self> {
        let item = path.canonicalize().ok()?;
        let metadata = item.metadata().ok()?;
        Some(Self {
            id: (metadata.dev(), metadata.ino()),
            is_folder: metadata.is_dir(),
            item,
            inner,
        })
    }

    /// Do both take the same? A vault that lies in a folder is no part of it: its raw file can't be opened meanwhile.
    fn clash(&self, other: &Self) -> Option<Clash> {
        if self.id == other.id {
            return if self.inner == other.inner {
                Some(Clash::Same)
            } else {
                let inside =
                    self.inner.starts_with(&other.inner) || other.inner.starts_with(&self.inner);
                inside.then_some(Clash::Inside)
            };
        }
        let inside = self.item.starts_with(&other.item) || other.item.starts_with(&self.item);
        (self.is_folder && other.is_folder && inside).then_some(Clash::Inside)
    }
}

/// Which of the layers `below` has something that `layer` has too, and how they meet.
pub(super) fn clash(below: &[Vec<Ground>], layer: &[Ground]) -> Option<(usize, Clash)> {
    below.iter().enumerate().find_map(|(index, other)| {
        let pairs = other.iter().flat_map(|a| layer.iter().map(move |b| (a, b)));
        pairs
            .into_iter()
            .find_map(|(a, b)| a.clash(b))
            .map(|clash| (index, clash))
    })
}

/// What the layer at `location` takes, the layers of a stack included. What can't be found is told when it is opened.
pub(super) fn grounds(location: &Location) -> Result<Vec<Ground>> {
    let mut found = Vec::new();
    collect(location, 0, &mut found)?;
    Ok(found)
}

fn collect(location: &Location, depth: usize, found: &mut Vec<Ground>) -> Result<()> {
    let settled = location.settled()?;
    let inner = settled.inner();
    match settled.root() {
        Root::Host(path) | Root::VRoot(path) => {
            let path = path.join(relative(inner));
            found.extend(Ground::new(&path, VPath::root()));
        }
        Root::Vault(path) | Root::Store(path) | Root::Saved(path) => {
            found.extend(Ground::new(path, inner.clone()));
        }
        Root::Stack(path) if depth < DEPTH_MAX => {
            if let Ok(path) = path.canonicalize() {
                let folder = path.parent().unwrap_or(Path::new("/"));
                for layer in StackFile::read(&path)?.locations(folder)? {
                    collect(&layer, depth + 1, found)?;
                }
            }
        }
        Root::Stack(_) | Root::Path(_) | Root::Memory { .. } | Root::Snapshot { .. } => {}
    }
    Ok(())
}

fn relative(path: &VPath) -> &Path {
    let path = path.as_path();
    path.strip_prefix("/").unwrap_or(path)
}
