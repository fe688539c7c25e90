//! Taking, comparing, restoring and forgetting the kept moments of a filesystem.

use std::sync::Arc;

use fs_core::snapshots::{Moment, SnapshotId, SnapshotUsage, Snapshots};
use fs_core::{Backend, Control, Error, ErrorKind, Result};

use crate::state::snapshots::{Comparison, Done, Kept, News, Overview, Since, Work};

/// What keeps its moments. `Unsupported` where nothing does.
fn of(backend: &dyn Backend) -> Result<&dyn Snapshots> {
    let snapshots = backend.extensions().snapshots;
    snapshots.ok_or_else(|| Error::new(ErrorKind::Unsupported, "snapshot"))
}

/// Does the work, and looks how it is afterwards, unless nothing changed since it had changed `known` times; `chosen` is compared with the present.
pub fn run(
    backend: Result<Arc<dyn Backend>>,
    work: &Work,
    chosen: Option<SnapshotId>,
    known: Option<u64>,
    control: &Control,
) -> News {
    let backend = match backend {
        Ok(backend) => backend,
        Err(error) => {
            return News {
                done: Done::Failed(error),
                now: None,
            };
        }
    };
    let done = of(&*backend)
        .and_then(|snapshots| carry_out(snapshots, work))
        .unwrap_or_else(Done::Failed);
    let now = of(&*backend).and_then(|snapshots| match snapshots.changes() {
        changes if changes.is_some() && changes == known => Ok(None),
        _ => overview(snapshots, chosen, control).map(Some),
    });
    News {
        done,
        now: now.ok().flatten(),
    }
}

fn carry_out(snapshots: &dyn Snapshots, work: &Work) -> Result<Done> {
    Ok(match work {
        Work::Look => Done::Looked,
        Work::Take(name) if name.trim().is_empty() => Done::Taken(snapshots.take(&name_of_now())?),
        Work::Take(name) => Done::Taken(snapshots.take(name.trim())?),
        Work::Delete(id) => {
            snapshots.delete(*id)?;
            Done::Deleted
        }
    })
}

/// The time as a name: no colon may stand in it.
fn name_of_now() -> String {
    jiff::Zoned::now()
        .strftime("%-d %b %Y, %H.%M.%S")
        .to_string()
}

fn overview(
    snapshots: &dyn Snapshots,
    chosen: Option<SnapshotId>,
    control: &Control,
) -> Result<Overview> {
    // Counted first: what changes meanwhile is looked at again.
    let changes = snapshots.changes();
    let usage = snapshots.usage()?;
    let (mut all, mut comparison) = (Vec::new(), None);
    for snapshot in snapshots.list()?.into_iter().rev() {
        let different = snapshots.diff(Moment::Snapshot(snapshot.id), Moment::Now, control)?;
        let own = usage.snapshots.iter().find(|(id, _)| *id == snapshot.id);
        all.push(Kept {
            usage: own.map_or_else(SnapshotUsage::default, |(_, usage)| *usage),
            since: Since::of(&different),
            snapshot: snapshot.clone(),
        });
        if chosen == Some(snapshot.id) {
            let of = snapshot.id;
            comparison = Some(Comparison {
                of,
                changes: different,
            });
        }
    }
    Ok(Overview {
        all,
        usage: usage.now,
        total_bytes: usage.total_bytes,
        comparison,
        changes,
    })
}
