//! Looking after vaults and stores, and the passwords of memory filesystems. Each job runs to its end on a thread of its filesystem and is answered once.

use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::maintenance::Maintenance;
use fs_core::{Backend, Control, Error, ErrorKind, Result};

use super::message::CareNews;
use super::mounts::Mount;
use super::open;
use crate::state::care::{Found, Outcome, Work};

/// More findings are counted, not listed: nobody reads on, and a ruined vault may have millions.
const LISTED: usize = 1000;
/// Blobs that belong to nothing are left alone so long: a copy that is running may be about to name them.
const GRACE_SECONDS: u64 = 24 * 60 * 60;

/// What looks after it. `Unsupported` where nothing does.
fn of(backend: &dyn Backend) -> Result<&dyn Maintenance> {
    let maintenance = backend.extensions().maintenance;
    maintenance.ok_or_else(|| Error::new(ErrorKind::Unsupported, "look after"))
}

/// Does the work.
pub fn run(mount: Result<Mount>, work: &Work, control: &Control) -> CareNews {
    let task = work.task();
    let done = mount.and_then(|mount| {
        if let Some(memory) = &mount.memory {
            let outcome = in_memory(memory, work)?;
            return Ok(CareNews {
                outcome,
                info: None,
            });
        }
        let kept = of(&*mount.backend)?;
        let outcome = carry_out(kept, work, control)?;
        Ok(CareNews {
            outcome,
            info: Some(Arc::new(kept.info()?)),
        })
    });
    done.unwrap_or_else(|error| CareNews {
        outcome: Some(match error.kind() {
            ErrorKind::Cancelled => Outcome::Stopped(task),
            _ => Outcome::Failed(task, error),
        }),
        info: None,
    })
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
            open::change_password(memory, old, new, file)?;
            Ok(Some(Outcome::PasswordChanged))
        }
        _ => Err(Error::new(ErrorKind::Unsupported, "look after")),
    }
}

fn carry_out(kept: &dyn Maintenance, work: &Work, control: &Control) -> Result<Option<Outcome>> {
    Ok(Some(match work {
        Work::Look => return Ok(None),
        Work::Check => Outcome::Checked(Arc::new(check(kept, control)?)),
        Work::Repair(plan) => {
            let repaired = kept.repair(plan, control)?;
            let found = check(kept, control)?;
            Outcome::Checked(Arc::new(Found { repaired, ..found }))
        }
        Work::Compact => {
            let removed = kept.collect(GRACE_SECONDS, control)?;
            let mut reclaimed = kept.compact(control)?;
            reclaimed.files += removed.files;
            reclaimed.bytes += removed.bytes;
            Outcome::Compacted(reclaimed)
        }
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
