//! Trees, folder by folder, in the order of their names; without recursion, so that no depth is too deep.

use fs_core::{At, Backend, Metadata, Name, Result, VPath, Want, listing};

/// What is in a folder, sorted by name.
pub fn entries(backend: &dyn Backend, folder: &VPath) -> Result<Vec<(Name, Metadata)>> {
    let listing = backend.list(At::path(folder), &Want::metadata())?;
    let mut entries = Vec::new();
    for entry in listing::collect(listing)?.iter() {
        let name = Name::new(entry.name)?;
        let metadata = match entry.metadata {
            Some(metadata) => *metadata,
            None => backend.stat(At::path(&folder.join(&name)))?,
        };
        entries.push((name, metadata));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

/// A step of a walk.
pub enum Step<'a> {
    /// An item, before what is in it.
    Item(Item<'a>),
    /// The end of a folder.
    Leave(&'a VPath),
    /// A folder that can't be listed.
    Failed(&'a VPath, fs_core::Error),
}

/// An item on the way.
pub struct Item<'a> {
    /// Where it is.
    pub path: &'a VPath,
    /// What it is.
    pub metadata: &'a Metadata,
    /// So many folders above it, the start not counted.
    pub depth: usize,
    /// For each folder above, and last for itself: is it the last one there?
    pub last: &'a [bool],
}

struct Folder {
    path: VPath,
    rest: std::vec::IntoIter<(Name, Metadata)>,
}

/// Visits everything below `start`, which is a folder; links are not followed. An error from `visit` ends the walk.
pub fn walk(
    backend: &dyn Backend,
    start: &VPath,
    visit: &mut dyn FnMut(Step<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut stack = vec![Folder {
        path: start.clone(),
        rest: entries(backend, start)?.into_iter(),
    }];
    let mut last = Vec::new();
    while let Some(folder) = stack.last_mut() {
        let Some((name, metadata)) = folder.rest.next() else {
            visit(Step::Leave(&folder.path))?;
            stack.pop();
            last.pop();
            continue;
        };
        let path = folder.path.join(&name);
        last.push(folder.rest.len() == 0);
        let depth = last.len() - 1;
        visit(Step::Item(Item {
            path: &path,
            metadata: &metadata,
            depth,
            last: &last,
        }))?;
        if metadata.is_dir() {
            match entries(backend, &path) {
                Ok(below) => {
                    stack.push(Folder {
                        path,
                        rest: below.into_iter(),
                    });
                    continue;
                }
                Err(error) => visit(Step::Failed(&path, error))?,
            }
        }
        last.pop();
    }
    Ok(())
}
