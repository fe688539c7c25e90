//! Counting what a tree holds.

use std::collections::HashMap;

use super::Usage;
use crate::backend::{At, Backend, Want};
use crate::error::{ErrorKind, Result};
use crate::listing::EntryBatch;
use crate::metadata::{FileId, Metadata};
use crate::path::Name;

/// A file with several names: how many of them were met.
struct Linked {
    names_met: u64,
    node: Metadata,
}

/// What nothing outside of a tree has a name for.
#[derive(Default)]
pub(super) struct OwnNodes {
    /// How many nodes.
    pub(super) nodes: u64,
    /// The regular files among them.
    pub(super) files: Vec<Metadata>,
}

impl OwnNodes {
    /// The room they take.
    pub(super) fn usage(&self) -> Usage {
        Usage {
            bytes: self.files.iter().map(|file| file.size).sum(),
            nodes: self.nodes,
        }
    }
}

/// What a walk has met so far.
#[derive(Default)]
struct Count {
    own: OwnNodes,
    linked: HashMap<FileId, Linked>,
}

impl Count {
    fn meet(&mut self, node: &Metadata) {
        if node.is_dir() || node.nlink <= 1 {
            self.add(node);
            return;
        }
        let new = Linked {
            names_met: 0,
            node: *node,
        };
        self.linked.entry(node.id).or_insert(new).names_met += 1;
    }

    fn add(&mut self, node: &Metadata) {
        self.own.nodes += 1;
        if node.is_file() {
            self.own.files.push(*node);
        }
    }

    fn walk(&mut self, backend: &dyn Backend, at: At<'_>) -> Result<()> {
        let mut folders = vec![at.path.clone()];
        while let Some(folder) = folders.pop() {
            let here = At {
                path: &folder,
                ..at
            };
            let mut listing = match backend.list(here, &Want::metadata()) {
                // What vanishes meanwhile is not there.
                Err(error) if error.kind() == ErrorKind::NotFound && folder != *at.path => continue,
                listing => listing?,
            };
            let mut more = true;
            while more {
                let mut batch = EntryBatch::new();
                more = listing.next(&mut batch)?;
                for entry in batch.iter() {
                    let path = folder.join(&Name::new(entry.name)?);
                    let node = match entry.metadata {
                        Some(node) => *node,
                        None => match backend.stat(At { path: &path, ..at }) {
                            Err(error) if error.kind() == ErrorKind::NotFound => continue,
                            node => node?,
                        },
                    };
                    self.meet(&node);
                    if node.is_dir() {
                        folders.push(path);
                    }
                }
            }
        }
        Ok(())
    }

    /// Files with names outside of what was walked count only if asked for.
    fn finish(mut self, shared: bool) -> OwnNodes {
        for (_, linked) in std::mem::take(&mut self.linked) {
            if shared || linked.names_met >= linked.node.nlink {
                self.add(&linked.node);
            }
        }
        self.own
    }
}

/// The room of all that lies below `at`, itself not included; a file with several names counts once.
pub(super) fn below(backend: &dyn Backend, at: At<'_>) -> Result<Usage> {
    let mut count = Count::default();
    count.walk(backend, at)?;
    Ok(count.finish(true).usage())
}

/// What goes with the node at `at` and all below it.
pub(super) fn only_here(backend: &dyn Backend, at: At<'_>) -> Result<OwnNodes> {
    let node = backend.stat(at)?;
    let mut count = Count::default();
    count.meet(&node);
    if node.is_dir() {
        count.walk(backend, at)?;
    }
    Ok(count.finish(false))
}
