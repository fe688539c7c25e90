//! Changing attributes.

use super::{GROUP, Run};
use crate::backend::{At, Change};
use crate::error::Result;
use crate::metadata::{Metadata, SetAttr, SetTime};
use crate::ops::journal::Act;
use crate::ops::operation::{AttrChange, Attributes};
use crate::ops::place::Place;
use crate::ops::tree::{Item, Tree};

/// Bits that a change of owner clears (`chown(2)`).
const SET_ID: u32 = 0o6000;

impl Run<'_, '_> {
    pub(super) fn set_attributes(&mut self, tree: &Tree, change: &AttrChange) -> Result<()> {
        for root in &tree.roots {
            let backend = self.backend(&root.source)?;
            // From the innermost out: a folder may shut itself.
            let indices: Vec<usize> = root.items.clone().rev().collect();
            for group in indices.chunks(GROUP) {
                self.reporter.check()?;
                let (mut steps, mut right_already) = (Vec::new(), 0);
                for index in group {
                    match tree.source(*index).zip(tree.items.get(*index)) {
                        Some((place, item)) => match step(place, item, change) {
                            Some(step) => steps.push(step),
                            None => right_already += 1,
                        },
                        None => continue,
                    }
                }
                self.report.items += right_already;
                self.reporter.done(right_already, 0);
                if steps.is_empty() {
                    continue;
                }
                let acts = steps.iter().map(|(_, act, _)| act.clone()).collect();
                let changes: Vec<_> = steps
                    .iter()
                    .map(|(place, _, set)| Change::SetAttr(At::path(&place.path), set))
                    .collect();
                let results = self.announced(&*backend, acts, &changes)?;
                drop(changes);
                for ((place, ..), result) in steps.into_iter().zip(results) {
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

/// What is set on an item, and how to take it back; `None` when it is as asked already.
fn step(place: Place, item: &Item, change: &AttrChange) -> Option<(Place, Act, SetAttr)> {
    let set = wanted(item, change);
    (set != SetAttr::default()).then(|| {
        let act = Act::SetAttr {
            at: place.clone(),
            kind: item.metadata.kind,
            attr: before(&item.metadata, &set),
        };
        (place, act, set)
    })
}

/// What of an item is not as asked.
fn wanted(item: &Item, change: &AttrChange) -> SetAttr {
    let now = &item.metadata;
    let mode = change.mode.filter(|_| !now.is_symlink()).map(|mode| {
        if item.parent.is_some() {
            mode.of_content(now.mode, now.is_dir())
        } else {
            mode.of_item(now.mode)
        }
    });
    let uid = change.uid.filter(|uid| *uid != now.uid);
    let gid = change.gid.filter(|gid| *gid != now.gid);
    let owner_changes = uid.or(gid).is_some();
    SetAttr {
        // Asked for again, because the change of owner clears the set-id bits.
        mode: mode.filter(|mode| *mode != now.mode || owner_changes && mode & SET_ID != 0),
        uid,
        gid,
        size: None,
        mtime: change
            .mtime
            .filter(|time| *time != now.mtime)
            .map(SetTime::To),
        atime: change
            .atime
            .filter(|time| *time != now.atime)
            .map(SetTime::To),
        btime: None,
    }
}

/// The values of what will be changed.
fn before(now: &Metadata, set: &SetAttr) -> Attributes {
    let owner_changes = set.uid.or(set.gid).is_some();
    let mode_changes = set.mode.is_some() || owner_changes && now.mode & SET_ID != 0;
    Attributes {
        mode: (mode_changes && !now.is_symlink()).then_some(now.mode),
        uid: set.uid.and(Some(now.uid)),
        gid: set.gid.and(Some(now.gid)),
        mtime: set.mtime.and(Some(now.mtime)),
        atime: set.atime.and(Some(now.atime)),
    }
}
