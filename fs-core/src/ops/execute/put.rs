//! Files, links and special nodes on their way to a target: staged one by one, committed in batches.
//!
//! A staged node is nowhere to be seen until its batch is committed: the journal is told first, then all appear in one step where the backend can.

use std::sync::Arc;

use super::attributes::Origin;
use super::{Run, content};
use crate::backend::{At, Backend, Change, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{OpenOptions, Staged};
use crate::metadata::{FileId, FileKind, Metadata, NewKind, NewNode};
use crate::ops::journal::{Act, Outcome, Stamp};
use crate::ops::place::{FsRef, Place};
use crate::ops::stage;
use crate::path::VPath;

/// A batch is committed when it holds so many nodes or bytes.
const BATCH_NODES: usize = 256;
const BATCH_BYTES: u64 = 64 << 20;

/// Where nodes go.
#[derive(Clone)]
pub(super) struct Goal {
    pub(super) fs: FsRef,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) capabilities: Capabilities,
}

impl Goal {
    pub(super) fn place(&self, path: &VPath) -> Place {
        Place::new(self.fs.clone(), path.clone())
    }
}

/// A node to bring.
pub(super) struct Job {
    /// What the caller knows it by.
    pub(super) tag: usize,
    /// Where it comes from.
    pub(super) source: Place,
    /// The filesystem that is.
    pub(super) from: Arc<dyn Backend>,
    /// Where it goes.
    pub(super) target: VPath,
    /// Whether something has the name.
    pub(super) how: How,
}

/// What becomes of the target's name.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// It is free.
    New,
    /// An unfinished copy of the same operation has it.
    Over,
    /// This file has it and goes to the trash, or for good where there is none.
    Replace(Metadata),
}

/// A node that arrived.
pub(super) struct Arrival {
    pub(super) tag: usize,
    pub(super) target: VPath,
    /// The source as it was when it was read.
    pub(super) seen: Metadata,
    /// What was made.
    pub(super) stamp: Stamp,
}

struct Ready {
    job: Job,
    staged: Box<dyn Staged>,
    seen: Metadata,
    /// The name it is made under when the old file is exchanged for it.
    aside: Option<VPath>,
}

/// Staged nodes waiting for their commit.
pub(super) struct Batch {
    goal: Goal,
    ready: Vec<Ready>,
    bytes: u64,
    /// Are the steps journalled? Not on the way back: the acts being taken back are still there.
    journalled: bool,
    /// What has arrived so far.
    pub(super) arrivals: Vec<Arrival>,
}

impl Batch {
    pub(super) fn new(goal: Goal, journalled: bool) -> Self {
        Self {
            goal,
            ready: Vec::new(),
            bytes: 0,
            journalled,
            arrivals: Vec::new(),
        }
    }

    /// Forgets what is staged: nothing of it ever appears.
    pub(super) fn abandon(&mut self) {
        self.ready.clear();
        self.bytes = 0;
    }
}

impl Run<'_, '_> {
    /// Stages a node and commits the batch when it is full. Errors: `Cancelled`, and what ends the whole operation; what ends one item is reported.
    pub(super) fn put(&mut self, batch: &mut Batch, job: Job) -> Result<()> {
        self.reporter.check()?;
        if let Some(name) = job.target.file_name() {
            self.reporter.current(&name.display());
        }
        match self.prepare(&batch.goal, &job) {
            Ok((staged, seen, aside)) => {
                batch.bytes += seen.size;
                batch.ready.push(Ready {
                    job,
                    staged,
                    seen,
                    aside,
                });
            }
            Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
            Err(e) => self.fail(job.source, e),
        }
        if batch.ready.len() >= BATCH_NODES || batch.bytes >= BATCH_BYTES {
            self.flush(batch)?;
        }
        Ok(())
    }

    /// As [`Run::put`], for a further name of what is at `existing` already: it takes the place of the file `job` replaces.
    pub(super) fn put_link(
        &mut self,
        batch: &mut Batch,
        job: Job,
        existing: &VPath,
        seen: Metadata,
    ) -> Result<()> {
        self.reporter.check()?;
        let aside = aside_for(&batch.goal, &job);
        let at = aside.as_ref().unwrap_or(&job.target);
        let staged = stage::link(&batch.goal.backend, existing, at);
        self.reporter.done(0, seen.size);
        batch.ready.push(Ready {
            job,
            staged,
            seen,
            aside,
        });
        if batch.ready.len() >= BATCH_NODES {
            self.flush(batch)?;
        }
        Ok(())
    }

    fn prepare(
        &mut self,
        goal: &Goal,
        job: &Job,
    ) -> Result<(Box<dyn Staged>, Metadata, Option<VPath>)> {
        // Within a filesystem everything is read of one node, without looking its path up anew each time.
        let pin = match is_within(goal, job) {
            true => Some(job.from.pin(At::path(&job.source.path)))
                .filter(|pin| !matches!(pin, Err(error) if error.kind() == ErrorKind::Unsupported)),
            false => None,
        };
        let (pin, root) = (pin.transpose()?, VPath::root());
        let at = match &pin {
            Some(pin) => At::in_dir(pin, &root),
            None => At::path(&job.source.path),
        };
        let named = |error: Error| error.with_path(&job.source.path);
        let seen = job.from.stat(at).map_err(named)?;
        let new = NewNode {
            kind: new_kind(&*job.from, at, &seen).map_err(named)?,
            mode: seen.mode & 0o777,
            owner: None,
        };
        let aside = aside_for(goal, job);
        let name = aside.as_ref().unwrap_or(&job.target);
        let mut staged = stage::stage(&goal.backend, goal.capabilities, name, &new)?;
        if seen.is_file() {
            self.fill(goal, (job, at), &mut staged, &seen)?;
        }
        let origin = Origin {
            backend: &*job.from,
            at,
            path: &job.source.path,
            metadata: &seen,
        };
        let losses = self.carrier.carry(origin, &mut staged, goal.capabilities)?;
        for loss in losses {
            self.lose(loss);
        }
        Ok((staged, seen, aside))
    }

    fn fill(
        &mut self,
        goal: &Goal,
        (job, at): (&Job, At<'_>),
        staged: &mut Box<dyn Staged>,
        seen: &Metadata,
    ) -> Result<()> {
        if is_within(goal, job) && staged.fill_from(at, self.reporter.control())? {
            self.reporter.done(0, seen.size);
            return Ok(());
        }
        let from = job
            .from
            .open(At::path(&job.source.path), &OpenOptions::read())?;
        let Some(to) = staged.file() else {
            return Err(Error::new(ErrorKind::Unsupported, "copy").with_path(&job.target));
        };
        content::copy(&*from, to, &mut self.buffer, &mut self.reporter)
            .map_err(|e| e.or_path(&job.source.path))
    }

    /// Makes everything staged appear.
    pub(super) fn flush(&mut self, batch: &mut Batch) -> Result<()> {
        let ready = std::mem::take(&mut batch.ready);
        batch.bytes = 0;
        if ready.is_empty() {
            return Ok(());
        }
        let goal = batch.goal.clone();
        if batch.journalled {
            let acts = ready.iter().map(|ready| act(&goal, ready)).collect();
            self.writer.intend(acts)?;
        }
        let count = ready.len();
        let mut outcomes = vec![Outcome::Failed; count];
        let mut together = Vec::with_capacity(count);
        let mut jobs = Vec::with_capacity(count);
        for (index, ready) in ready.into_iter().enumerate() {
            let Ready {
                job,
                staged,
                seen,
                aside,
            } = ready;
            let mode = match job.how {
                How::New => RenameMode::NoReplace,
                How::Over => RenameMode::Replace,
                How::Replace(_) => {
                    let outcome = self.replace(&goal, &job, staged, aside);
                    self.note(batch, job, seen, outcome, &mut outcomes, index);
                    continue;
                }
            };
            if stage::is_temporary(&*staged) {
                let outcome = staged.commit(mode).map(|id| made(&seen, id));
                self.note(batch, job, seen, outcome, &mut outcomes, index);
                continue;
            }
            together.push((staged, mode));
            jobs.push((index, job, seen));
        }
        let committed = goal.backend.commit_all(together);
        for ((index, job, seen), committed) in jobs.into_iter().zip(committed) {
            let outcome = committed.map(|id| made(&seen, id));
            self.note(batch, job, seen, outcome, &mut outcomes, index);
        }
        if batch.journalled {
            self.writer.confirm(outcomes)?;
        }
        Ok(())
    }

    /// Records what became of one node.
    fn note(
        &mut self,
        batch: &mut Batch,
        job: Job,
        seen: Metadata,
        outcome: Result<Outcome>,
        outcomes: &mut [Outcome],
        index: usize,
    ) {
        match outcome {
            Ok(mut outcome) => {
                let mut stamp = Stamp::copy_of(&seen);
                if let Outcome::Made(made) = &mut outcome {
                    // A target that does not keep times gives its own; what says it is empty may hold something.
                    let own = !batch.goal.capabilities.contains(Capabilities::TIMES)
                        || (seen.is_file() && seen.size == 0);
                    if let Some(now) = own
                        .then(|| batch.goal.backend.stat(At::path(&job.target)).ok())
                        .flatten()
                    {
                        *made = Stamp::of(&now);
                    }
                    stamp = *made;
                }
                self.reporter.done(1, 0);
                self.report.items += 1;
                self.report.bytes += if seen.is_file() { seen.size } else { 0 };
                batch.arrivals.push(Arrival {
                    tag: job.tag,
                    target: job.target,
                    seen,
                    stamp,
                });
                if let Some(slot) = outcomes.get_mut(index) {
                    *slot = outcome;
                }
            }
            Err(e) => self.fail(job.source, e),
        }
    }

    /// The old file to the trash, the new one in its place; at every moment the name holds one of the two where the backend can exchange names.
    fn replace(
        &mut self,
        goal: &Goal,
        job: &Job,
        staged: Box<dyn Staged>,
        aside: Option<VPath>,
    ) -> Result<Outcome> {
        let backend = &goal.backend;
        let How::Replace(old) = job.how else {
            return Err(Error::new(ErrorKind::InvalidInput, "replace"));
        };
        let now = backend.stat(At::path(&job.target))?;
        if !Stamp::of(&old).matches(&now) {
            return Err(Error::new(ErrorKind::Busy, "replace")
                .with_path(&job.target)
                .with_detail("it changed after you decided"));
        }
        let Some(trash) = backend.extensions().trash else {
            staged.commit(RenameMode::Replace)?;
            return Ok(Outcome::Done);
        };
        let Some(aside) = aside else {
            let id = trash.discard(&job.target)?;
            return match staged.commit(RenameMode::NoReplace) {
                Ok(_) => Ok(Outcome::Trashed(id)),
                Err(e) => {
                    trash.restore(&id, &job.target, RenameMode::NoReplace)?;
                    Err(e)
                }
            };
        };
        staged.commit(RenameMode::NoReplace)?;
        let exchange = || {
            backend.change(&Change::Rename {
                from: At::path(&aside),
                to: At::path(&job.target),
                mode: RenameMode::Exchange,
            })
        };
        let kept = exchange().and_then(|()| {
            trash
                .discard_as(&aside, &job.target)
                .or_else(|e| exchange().and(Err(e)))
        });
        match kept {
            Ok(id) => Ok(Outcome::Trashed(id)),
            Err(e) => {
                // The new one is what lies aside now.
                backend.change(&Change::Unlink(At::path(&aside)))?;
                Err(e)
            }
        }
    }
}

/// Can the filesystem copy it by itself?
fn is_within(goal: &Goal, job: &Job) -> bool {
    goal.capabilities.contains(Capabilities::SERVER_SIDE_COPY) && job.source.fs == goal.fs
}

/// The name something is made under first when it is to be exchanged for the file it replaces.
fn aside_for(goal: &Goal, job: &Job) -> Option<VPath> {
    let exchange = matches!(job.how, How::Replace(_))
        && goal.backend.extensions().trash.is_some()
        && goal.capabilities.contains(Capabilities::RENAME_EXCHANGE);
    exchange.then(|| stage::aside(&job.target))
}

fn made(seen: &Metadata, id: FileId) -> Outcome {
    Outcome::Made(Stamp {
        ino: Some(id.ino),
        ..Stamp::copy_of(seen)
    })
}

/// How to take a staged node's appearance back.
fn act(goal: &Goal, ready: &Ready) -> Act {
    let at = goal.place(&ready.job.target);
    let new = Stamp::copy_of(&ready.seen);
    match ready.job.how {
        How::Replace(old) if goal.backend.extensions().trash.is_some() => Act::Replaced {
            aside: match &ready.aside {
                Some(aside) => goal.place(aside),
                None => at.clone(),
            },
            at,
            new,
            old: Stamp::of(&old),
            trash: None,
        },
        _ => Act::Remove { at, stamp: new },
    }
}

/// A new node of the kind of one that is there.
pub(super) fn new_kind(from: &dyn Backend, at: At<'_>, metadata: &Metadata) -> Result<NewKind> {
    Ok(match metadata.kind {
        FileKind::File => NewKind::File,
        FileKind::Directory => NewKind::Directory,
        FileKind::Symlink => NewKind::Symlink(from.read_link(at)?),
        FileKind::Fifo => NewKind::Fifo,
        FileKind::Socket => NewKind::Socket,
        FileKind::CharDevice => NewKind::CharDevice(metadata.rdev),
        FileKind::BlockDevice => NewKind::BlockDevice(metadata.rdev),
    })
}
