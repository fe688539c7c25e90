//! Removing: to the trash, which can be undone, or for good.

use super::Run;
use crate::backend::{At, Backend, Change, Node};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::journal::{Act, Outcome, Stamp};
use crate::ops::place::Place;
use crate::ops::tree::{Root, Tree};
use crate::path::{Name, VPath};

/// So many go to the trash between two journal entries.
const TRASH_GROUP: usize = 64;

impl Run<'_, '_> {
    pub(super) fn trash(&mut self, tree: &Tree) -> Result<()> {
        for group in tree.roots.chunks(TRASH_GROUP) {
            self.reporter.check()?;
            let steps: Vec<_> = group
                .iter()
                .filter_map(|root| Some((root, tree.items.get(root.items.start)?)))
                .collect();
            let acts = steps.iter().map(|(root, item)| Act::Restore {
                at: root.source.clone(),
                stamp: Stamp::of(&item.metadata),
                trash: None,
            });
            self.writer.intend(acts.collect())?;
            let mut outcomes = Vec::with_capacity(steps.len());
            for (root, _) in steps {
                outcomes.push(self.discard(&root.source));
            }
            self.writer.confirm(outcomes)?;
        }
        Ok(())
    }

    fn discard(&mut self, place: &Place) -> Outcome {
        let discarded = self.backend(place).and_then(|backend| {
            let trash = backend.extensions().trash;
            let trash = trash.ok_or_else(|| Error::new(ErrorKind::Unsupported, "trash"))?;
            trash.discard(&place.path)
        });
        match discarded {
            Ok(id) => {
                self.report.items += 1;
                self.reporter.done(1, 0);
                Outcome::Trashed(id)
            }
            Err(e) => {
                self.fail(place.clone(), e);
                Outcome::Failed
            }
        }
    }

    /// Removes everything in the tree for good, from the innermost out, never through a link: each folder is held on to, and must be the one that was
    /// scanned.
    pub(super) fn remove(&mut self, tree: &Tree) -> Result<()> {
        for root in &tree.roots {
            let backend = self.backend(&root.source)?;
            let mut end = root.items.end;
            while end > root.items.start {
                self.reporter.check()?;
                let start = siblings(tree, root, end);
                self.remove_siblings(tree, start..end, &*backend);
                end = start;
            }
        }
        Ok(())
    }

    fn remove_siblings(
        &mut self,
        tree: &Tree,
        range: std::ops::Range<usize>,
        backend: &dyn Backend,
    ) {
        let places: Vec<_> = range
            .clone()
            .rev()
            .filter(|index| tree.items.get(*index).is_some_and(|i| i.problem.is_none()))
            .filter_map(|index| Some((index, tree.source(index)?)))
            .collect();
        let parent = tree.items.get(range.start).and_then(|item| item.parent);
        let holder = match parent.map(|parent| hold(tree, parent, backend)).transpose() {
            Ok(holder) => holder.flatten(),
            Err(e) => {
                for (_, place) in places {
                    self.fail(place, e.clone());
                }
                return;
            }
        };
        let names: Vec<VPath> = places
            .iter()
            .map(|(_, place)| match (&holder, place.path.file_name()) {
                (Some(_), Some(name)) => VPath::root().join(&name),
                _ => place.path.clone(),
            })
            .collect();
        let changes: Vec<_> = places
            .iter()
            .zip(&names)
            .map(|((index, _), path)| {
                let at = match &holder {
                    Some(node) => At::in_dir(node, path),
                    None => At::path(path),
                };
                match tree.items.get(*index) {
                    Some(item) if item.metadata.is_dir() => Change::Rmdir(at),
                    _ => Change::Unlink(at),
                }
            })
            .collect();
        let results = backend.change_all(&changes);
        for ((_, place), result) in places.iter().zip(results) {
            match result {
                Ok(()) => {
                    self.report.items += 1;
                    self.reporter.done(1, 0);
                }
                Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty && self.left_something() => {}
                Err(e) => self.fail(place.clone(), e),
            }
        }
        if let Some(name) = places.last().and_then(|(_, place)| place.path.file_name()) {
            self.show(&name);
        }
    }

    fn show(&mut self, name: &Name) {
        self.reporter.current(&name.display());
    }
}

/// The start of the run of items before `end` that are in one folder.
fn siblings(tree: &Tree, root: &Root, end: usize) -> usize {
    let parent = |index: usize| tree.items.get(index).map(|item| item.parent);
    let mut start = end - 1;
    while start > root.items.start
        && parent(start - 1) == parent(end - 1)
        && end - start < super::GROUP
    {
        start -= 1;
    }
    start
}

/// The folder itself, if the backend can hold on to it. Error: another one has its name now.
fn hold(tree: &Tree, index: usize, backend: &dyn Backend) -> Result<Option<Node>> {
    let (Some(item), Some(path)) = (
        tree.items.get(index),
        tree.items.get(index).and_then(|item| item.folder.as_ref()),
    ) else {
        return Ok(None);
    };
    match backend.pin(At::path(path)) {
        Ok(node) if node.id() == item.metadata.id => Ok(Some(node)),
        Ok(_) => Err(Error::new(ErrorKind::Busy, "remove")
            .with_path(path)
            .with_detail("another folder has its name now")),
        Err(e) if e.kind() == ErrorKind::Unsupported => Ok(None),
        Err(e) => Err(e),
    }
}
