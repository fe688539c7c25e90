//! Changing attributes.

use super::{GROUP, Run};
use crate::backend::{At, Change};
use crate::error::Result;
use crate::metadata::{Metadata, SetAttr};
use crate::ops::journal::Act;
use crate::ops::operation::Attributes;
use crate::ops::tree::Tree;

impl Run<'_, '_> {
    pub(super) fn set_attributes(&mut self, tree: &Tree, attr: &Attributes) -> Result<()> {
        let (all, link) = (SetAttr::from(*attr), without_mode(attr));
        for root in &tree.roots {
            let backend = self.backend(&root.source)?;
            // From the innermost out: a folder may shut itself.
            let indices: Vec<usize> = root.items.clone().rev().collect();
            for group in indices.chunks(GROUP) {
                self.reporter.check()?;
                let steps: Vec<_> = group
                    .iter()
                    .filter_map(|index| Some((tree.source(*index)?, tree.items.get(*index)?)))
                    .collect();
                let acts = steps.iter().map(|(place, item)| Act::SetAttr {
                    at: place.clone(),
                    kind: item.metadata.kind,
                    attr: before(&item.metadata, attr),
                });
                let changes: Vec<_> = steps
                    .iter()
                    .map(|(place, item)| {
                        let set = if item.metadata.is_symlink() {
                            &link
                        } else {
                            &all
                        };
                        Change::SetAttr(At::path(&place.path), set)
                    })
                    .collect();
                let results = self.announced(&*backend, acts.collect(), &changes)?;
                drop(changes);
                for ((place, _), result) in steps.into_iter().zip(results) {
                    match result {
                        Ok(()) => {
                            self.report.items += 1;
                            self.reporter.done(1, 0);
                        }
                        Err(e) => self.fail(place, e),
                    }
                }
            }
        }
        Ok(())
    }
}

/// A symbolic link has no mode of its own.
fn without_mode(attr: &Attributes) -> SetAttr {
    SetAttr {
        mode: None,
        ..SetAttr::from(*attr)
    }
}

/// The values of what will be changed.
fn before(metadata: &Metadata, attr: &Attributes) -> Attributes {
    Attributes {
        mode: attr
            .mode
            .filter(|_| !metadata.is_symlink())
            .and(Some(metadata.mode)),
        uid: attr.uid.and(Some(metadata.uid)),
        gid: attr.gid.and(Some(metadata.gid)),
        mtime: attr.mtime.and(Some(metadata.mtime)),
        atime: attr.atime.and(Some(metadata.atime)),
    }
}
