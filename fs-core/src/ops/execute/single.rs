//! Operations of one step: rename, new file, new folder, link.

use super::Run;
use crate::backend::{At, Change, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Metadata, NewNode};
use crate::ops::journal::{Act, Outcome, Stamp};
use crate::ops::operation::LinkTo;
use crate::ops::place::Place;
use crate::ops::preflight::Decisions;
use crate::ops::stage::rename_to_free;
use crate::path::Name;

impl Run<'_, '_> {
    pub(super) fn rename(&mut self, item: &Place, name: &Name) -> Result<()> {
        let folder = item
            .parent()
            .ok_or_else(|| Error::new(ErrorKind::IsRoot, "rename").with_path(&item.path))?;
        let to = folder.join(name);
        let goal = self.goal(&folder)?;
        let backend = &*goal.backend;
        let metadata = backend.stat(At::path(&item.path))?;
        self.writer.intend(vec![Act::Rename {
            from: to.clone(),
            to: item.clone(),
            stamp: Stamp::of(&metadata),
        }])?;
        let folds = !goal.capabilities.contains(Capabilities::CASE_SENSITIVE);
        let renamed = if folds && same_but_case(item, name) {
            backend.change(&Change::Rename {
                from: At::path(&item.path),
                to: At::path(&to.path),
                mode: RenameMode::Replace,
            })
        } else {
            rename_to_free(backend, &item.path, &to.path)
        };
        match renamed {
            Err(e) if e.kind() == ErrorKind::CrossDevice => {
                self.writer.confirm(vec![Outcome::Failed])?;
                self.cross(vec![(item.clone(), to)], &Decisions::default())
            }
            done => self.one(done, to),
        }
    }

    /// An empty file or folder.
    pub(super) fn create(&mut self, at: &Place, new: &NewNode) -> Result<()> {
        self.make(at, &new.clone(), &Change::Create(At::path(&at.path), new))
    }

    pub(super) fn link(&mut self, at: &Place, to: &LinkTo) -> Result<()> {
        match to {
            LinkTo::Symbolic(target) => {
                let new = NewNode::symlink(target.clone());
                self.make(at, &new, &Change::Create(At::path(&at.path), &new))
            }
            LinkTo::Hard(file) if file.fs != at.fs => {
                Err(Error::new(ErrorKind::CrossDevice, "link").with_path(&file.path))
            }
            LinkTo::Hard(file) => {
                let change = Change::Link {
                    from: At::path(&file.path),
                    to: At::path(&at.path),
                };
                self.make(at, &NewNode::file(), &change)
            }
        }
    }

    fn make(&mut self, at: &Place, new: &NewNode, change: &Change<'_>) -> Result<()> {
        let backend = self.backend(at)?;
        let now = crate::Time::now();
        self.writer.intend(vec![Act::Remove {
            at: at.clone(),
            stamp: Stamp {
                ino: None,
                kind: new.kind.kind(),
                size: 0,
                mtime: now,
            },
        }])?;
        let made: Result<Metadata> = backend
            .change(change)
            .and_then(|()| backend.stat(At::path(&at.path)));
        match made {
            Ok(metadata) => {
                let made = Outcome::Made(Stamp::of(&metadata));
                self.writer.confirm(vec![made])?;
                self.count(at.clone());
                Ok(())
            }
            Err(e) => self.one(Err(e), at.clone()),
        }
    }

    /// Confirms the one step.
    fn one(&mut self, done: Result<()>, at: Place) -> Result<()> {
        let outcome = match done {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Failed,
        };
        self.writer.confirm(vec![outcome])?;
        done?;
        self.count(at);
        Ok(())
    }

    fn count(&mut self, at: Place) {
        self.report.items += 1;
        self.reporter.done(1, 0);
        self.report.results.push(at);
    }
}

fn same_but_case(item: &Place, name: &Name) -> bool {
    item.path
        .file_name()
        .is_some_and(|old| old.display().to_lowercase() == name.display().to_lowercase())
}
