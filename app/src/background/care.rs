//! Looking after vaults and stores, and the passwords of memory filesystems. Each job runs to its end on a thread of its filesystem and is answered once.

use std::path::Path;
use std::sync::Arc;

use fs_backends::location::Root;
use fs_backends::salvage::Salvage;
use fs_backends::{MemoryBackend, StdFsBackend};
use fs_core::maintenance::{Info, Maintenance};
use fs_core::{Backend, Control, Error, ErrorKind, Result, VPath};

use super::message::CareNews;
use super::mounts::Mount;
use super::{rescue, save};
use crate::command::Secret;
use crate::state::care::{DAY_SECONDS, Found, Outcome, Task, Work};

/// More findings are counted, not listed: nobody reads on, and a ruined vault may have millions.
const LISTED: usize = 1000;
/// What looks after it. `Unsupported` where nothing does.
fn of(backend: &dyn Backend) -> Result<&dyn Maintenance> {
    let maintenance = backend.extensions().maintenance;
    maintenance.ok_or_else(|| Error::new(ErrorKind::Unsupported, "look after"))
}

/// Does the work.
pub fn run(mount: Result<Mount>, work: &Work, control: &Control) -> CareNews {
    let task = work.task();
    if let Work::Salvage { root, to, password } = work {
        let outcome = salvage(root, to, password.as_ref(), control);
        return told(task, outcome.map(|outcome| (Some(outcome), None)));
    }
    let done = mount.and_then(|mount| {
        if let Some(memory) = &mount.memory {
            let outcome = in_memory(memory, work)?;
            return Ok((outcome, None));
        }
        let kept = of(&*mount.backend)?;
        let outcome = carry_out(kept, work, control)?;
        let info = match (kept.info(), &outcome) {
            (Ok(info), _) => Some(Arc::new(info)),
            (Err(error), None) => return Err(error),
            // What was done counts, even where damage lets nothing be counted.
            (Err(_), Some(_)) => None,
        };
        Ok((outcome, info))
    });
    told(task, done)
}

fn told(task: Task, done: Result<(Option<Outcome>, Option<Arc<Info>>)>) -> CareNews {
    let (outcome, info) = done.unwrap_or_else(|error| {
        let failed = match error.kind() {
            ErrorKind::Cancelled => Outcome::Stopped(task),
            _ => Outcome::Failed(task, error),
        };
        (Some(failed), None)
    });
    CareNews { outcome, info }
}

/// Saves what can be read of a filesystem that can't be opened.
fn salvage(
    root: &Root,
    to: &Path,
    password: Option<&Secret>,
    control: &Control,
) -> Result<Outcome> {
    let password = password.map(|secret| secret.0.as_str());
    let salvage = Salvage::open(root, password, control)?;
    let folder = VPath::lexical(to)?;
    let host = StdFsBackend::new();
    let report = rescue::save(&salvage, &host, &folder, control, &mut |_| {})?;
    Ok(Outcome::Salvaged(to.to_owned(), Arc::new(report)))
}

/// What can be done for a memory filesystem that is kept in a file: only its password is looked after.
fn in_memory(memory: &MemoryBackend, work: &Work) -> Result<Option<Outcome>> {
    match work {
        Work::Look => Ok(None),
        Work::Password {
            old,
            new,
            file: Some(file),
        } => {
            save::change_password(memory, old, new, file)?;
            Ok(Some(Outcome::PasswordChanged))
        }
        _ => Err(Error::new(ErrorKind::Unsupported, "look after")),
    }
}

fn carry_out(kept: &dyn Maintenance, work: &Work, control: &Control) -> Result<Option<Outcome>> {
    Ok(Some(match work {
        Work::Look => return Ok(None),
        Work::Salvage { .. } => return Err(Error::new(ErrorKind::Unsupported, "salvage")),
        Work::Check => Outcome::Checked(Arc::new(check(kept, control)?)),
        Work::Repair(plan) => {
            let repaired = kept.repair(plan, control)?;
            let found = check(kept, control)?;
            Outcome::Checked(Arc::new(Found { repaired, ..found }))
        }
        Work::Compact => {
            let removed = kept.collect(DAY_SECONDS, control)?;
            let mut reclaimed = kept.compact(control)?;
            reclaimed.files += removed.files;
            reclaimed.bytes += removed.bytes;
            Outcome::Compacted(reclaimed)
        }
        Work::Collect(grace_seconds) => Outcome::Collected(kept.collect(*grace_seconds, control)?),
        Work::Backup(to) => {
            kept.backup(to, control)?;
            Outcome::BackedUp(to.clone())
        }
        Work::Password { old, new, .. } => {
            kept.change_password(&old.0, &new.0)?;
            Outcome::PasswordChanged
        }
    }))
}

fn check(kept: &dyn Maintenance, control: &Control) -> Result<Found> {
    let (mut damages, mut serious) = (Vec::new(), 0);
    let checked = kept.check(control, &mut |damage| {
        serious += u64::from(!damage.kind.is_harmless());
        if damages.len() < LISTED {
            damages.push(damage);
        }
    })?;
    Ok(Found {
        checked,
        damages,
        serious,
        repaired: 0,
    })
}
