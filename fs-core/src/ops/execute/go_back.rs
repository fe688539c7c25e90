//! Going back to a snapshot, and back from there.

use super::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::journal::{Act, Outcome};
use crate::ops::place::Place;
use crate::snapshots::{Snapshot, SnapshotId};

impl Run<'_, '_> {
    /// Puts a snapshot in place of what is there.
    pub(super) fn go_back(&mut self, at: &Place, to: SnapshotId) -> Result<()> {
        let act = Act::GoBack {
            at: at.clone(),
            to: None,
        };
        self.writer.intend(vec![act])?;
        let before = self.put_in_place(at, to);
        let outcome = match &before {
            Ok(before) => Outcome::Kept(before.id),
            Err(_) => Outcome::Failed,
        };
        self.writer.confirm(vec![outcome])?;
        match before {
            Ok(_) => {
                self.report.items += 1;
                self.reporter.done(1, 0);
            }
            Err(e) => self.fail(at.clone(), e),
        }
        Ok(())
    }

    /// Undo: what was there comes back. What was done since is kept as a snapshot too, so nothing is lost.
    pub(super) fn return_to(&self, at: &Place, to: Option<SnapshotId>) -> Result<()> {
        match to {
            Some(before) => self.put_in_place(at, before).map(drop),
            None => Ok(()),
        }
    }

    /// Answers the snapshot that holds what was there.
    fn put_in_place(&self, at: &Place, to: SnapshotId) -> Result<Snapshot> {
        let backend = self.backend(at)?;
        let snapshots = backend.extensions().snapshots;
        let snapshots = snapshots.ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "go back to a snapshot").with_path(&at.path)
        })?;
        snapshots.restore(to)
    }
}
