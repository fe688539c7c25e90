//! What only a stack of layers can do: bringing back what its top layer deleted or changed.
//!
//! Every step is one step of the top layer. A file that is changed back goes to the trash first, which leaves a deletion, and then that is taken back.

use super::Run;
use super::take_back::{changed, look};
use crate::backend::Backend;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::{Deletions, Difference, LayerChange};
use crate::ops::journal::{Act, Outcome, Stamp};
use crate::ops::operation::Attributes;
use crate::ops::place::Place;
use crate::{At, Change, SetAttr};

impl Run<'_, '_> {
    /// Takes deletions of the top layer back.
    pub(super) fn reveal(&mut self, items: &[Place]) -> Result<()> {
        for item in items {
            self.reporter.check()?;
            let done = match self.change_of(item) {
                Ok(Some(change)) if change.difference == Difference::Deleted => {
                    self.reveal_one(item, &change)
                }
                Ok(_) => Err(Error::new(ErrorKind::NotFound, "restore")
                    .with_path(&item.path)
                    .with_detail("the top layer has not deleted it")),
                Err(e) => Err(e),
            };
            self.told(item, done)?;
        }
        Ok(())
    }

    /// Takes changes of the top layer back.
    pub(super) fn revert(&mut self, items: &[Place]) -> Result<()> {
        for item in items {
            self.reporter.check()?;
            let done = match self.change_of(item) {
                Ok(Some(change)) => self.revert_one(item, &change),
                // Taken back already.
                Ok(None) => continue,
                Err(e) => Err(e),
            };
            self.told(item, done)?;
        }
        Ok(())
    }

    /// Notes what came of an item; only a cancel ends the run.
    fn told(&mut self, item: &Place, done: Result<()>) -> Result<()> {
        match done {
            Ok(()) => {
                self.report.items += 1;
                self.reporter.done(1, 0);
                self.report.results.push(item.clone());
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::Cancelled => Err(e),
            Err(e) => {
                self.fail(item.clone(), e);
                Ok(())
            }
        }
    }

    /// What the top layer did to an item; `None`: nothing.
    fn change_of(&self, item: &Place) -> Result<Option<LayerChange>> {
        let backend = self.backend(item)?;
        let layers = backend.extensions().layers;
        let layers = layers
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, "restore").with_path(&item.path))?;
        let Some((dir, name)) = item.path.split_last() else {
            return Err(Error::new(ErrorKind::IsRoot, "restore"));
        };
        let changes = layers.changes(&dir)?;
        Ok(changes.into_iter().find(|change| change.name == name))
    }

    fn revert_one(&mut self, item: &Place, change: &LayerChange) -> Result<()> {
        match (change.difference, change.now, change.below) {
            (Difference::Deleted, ..) => self.reveal_one(item, change),
            (Difference::Added, Some(now), _) => self.trash_one(item, Stamp::copy_of(&now)),
            (Difference::Changed, Some(now), Some(_)) => {
                self.trash_one(item, Stamp::copy_of(&now))?;
                self.reveal_one(item, change)
            }
            (Difference::Merged, Some(now), Some(below)) => {
                let of = |metadata: &crate::Metadata| Attributes {
                    mode: Some(metadata.mode),
                    uid: Some(metadata.uid),
                    gid: Some(metadata.gid),
                    ..Attributes::default()
                };
                let set = SetAttr::from(of(&below));
                let act = Act::SetAttr {
                    at: item.clone(),
                    kind: now.kind,
                    attr: of(&now),
                };
                let backend = self.backend(item)?;
                let step = Change::SetAttr(At::path(&item.path), &set);
                let results = self.announced(&*backend, vec![act], &[step])?;
                results.into_iter().collect()
            }
            _ => Ok(()),
        }
    }

    fn trash_one(&mut self, item: &Place, stamp: Stamp) -> Result<()> {
        let backend = self.backend(item)?;
        let trash = backend.extensions().trash;
        let trash = trash
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, "trash").with_path(&item.path))?;
        self.writer.intend(vec![Act::Restore {
            at: item.clone(),
            stamp,
            trash: None,
        }])?;
        let discarded = trash.discard(&item.path);
        let outcome = match &discarded {
            Ok(id) => Outcome::Trashed(id.clone()),
            Err(_) => Outcome::Failed,
        };
        self.writer.confirm(vec![outcome])?;
        discarded.map(drop)
    }

    fn reveal_one(&mut self, item: &Place, change: &LayerChange) -> Result<()> {
        let below = change
            .below
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "restore").with_path(&item.path))?;
        let backend = self.backend(item)?;
        self.writer.intend(vec![Act::Conceal {
            at: item.clone(),
            stamp: Stamp::copy_of(&below),
        }])?;
        let revealed = deletions(&*backend, item)
            .and_then(|deletions| deletions.reveal(&item.path))
            .and_then(|()| backend.stat(At::path(&item.path)));
        let outcome = match &revealed {
            Ok(now) => Outcome::Made(Stamp::of(now)),
            Err(_) => Outcome::Failed,
        };
        self.writer.confirm(vec![outcome])?;
        revealed.map(drop)
    }

    /// Undo: what lies below is deleted again, if it still is what was brought back.
    pub(super) fn conceal_again(&self, at: &Place, stamp: &Stamp) -> Result<()> {
        let backend = self.backend(at)?;
        match look(&*backend, at)? {
            None => Ok(()),
            Some(now) if stamp.matches(&now) => {
                let concealed = deletions(&*backend, at)?.conceal(&at.path);
                match concealed {
                    // The top layer has its own by now.
                    Err(e) if e.kind() == ErrorKind::AlreadyExists => Err(changed(at)),
                    done => done,
                }
            }
            Some(_) => Err(changed(at)),
        }
    }
}

fn deletions<'a>(backend: &'a dyn Backend, at: &Place) -> Result<&'a dyn Deletions> {
    let deletions = backend.extensions().deletions;
    deletions.ok_or_else(|| Error::new(ErrorKind::Unsupported, "restore").with_path(&at.path))
}
