//! `lamina snapshot`

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use fs_backends::location::Location;
use fs_core::snapshots::{ChangeKind, Moment, Snapshot, SnapshotChange, SnapshotUsage, Snapshots};
use fs_core::{Backend, Control, Error, ErrorKind, Time};
use serde::Serialize;

use super::context::Context;
use super::json::{self, Output};
use super::outcome::Outcome;
use super::print;

/// `lamina snapshot ...`
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Tells which snapshots there are, when they were taken and what they take.
    List {
        /// The filesystem.
        location: OsString,
        #[command(flatten)]
        output: Output,
    },
    /// Keeps how the filesystem is now.
    Take {
        /// The filesystem.
        location: OsString,
        /// What it is called; otherwise the date and time.
        name: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Puts what a snapshot holds in place of what is there, which is kept as a snapshot too.
    Restore {
        /// The filesystem.
        location: OsString,
        /// The snapshot.
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Forgets snapshots.
    Delete {
        /// The filesystem.
        location: OsString,
        /// The snapshots.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Tells what changed since a snapshot, or from one to another; exit code 1 when something did.
    Diff {
        /// The filesystem.
        location: OsString,
        /// The earlier snapshot.
        from: String,
        /// The later one; otherwise the filesystem as it is.
        to: Option<String>,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Serialize)]
struct SnapshotRow {
    id: u64,
    name: String,
    taken_ns: i64,
    #[serde(flatten)]
    usage: SnapshotUsage,
}

#[derive(Serialize)]
struct List {
    now: SnapshotUsage,
    snapshots: Vec<SnapshotRow>,
    total_bytes: u64,
}

#[derive(Serialize)]
struct Named {
    id: u64,
    name: String,
    taken_ns: i64,
}

impl From<&Snapshot> for Named {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            id: snapshot.id.0,
            name: snapshot.name.clone(),
            taken_ns: snapshot.taken.nanos(),
        }
    }
}

#[derive(Serialize)]
struct ChangeRow {
    change: ChangeKind,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from_bytes: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_after: Option<u64>,
}

/// The filesystem that keeps snapshots.
struct Kept(Arc<dyn Backend>);

impl Kept {
    fn open(context: &Context, text: &OsStr) -> anyhow::Result<Self> {
        let open = || {
            let location = context.location(text)?;
            let backend = context.whole(&Location::new(location.root().clone()), false)?;
            match backend.extensions().snapshots {
                Some(_) => anyhow::Ok(Self(backend)),
                None => Err(Error::new(ErrorKind::Unsupported, "snapshot")
                    .with_detail("only filesystems in memory keep snapshots")
                    .into()),
            }
        };
        open().with_context(|| text.display().to_string())
    }

    fn snapshots(&self) -> fs_core::Result<&dyn Snapshots> {
        let snapshots = self.0.extensions().snapshots;
        snapshots.ok_or_else(|| Error::new(ErrorKind::Unsupported, "snapshot"))
    }
}

/// Works with the snapshots of a filesystem in memory.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    match &arguments.action {
        Action::List { location, output } => {
            list(Kept::open(context, location)?.snapshots()?, output)
        }
        Action::Take {
            location,
            name,
            output,
        } => {
            let kept = Kept::open(context, location)?;
            let now = || print::time(Time::now()).replace(':', ".");
            let name = name.clone().unwrap_or_else(now);
            let taken = kept.snapshots()?.take(&name)?;
            tell(&taken, &format!("taken: {}", taken.name), output)
        }
        Action::Restore {
            location,
            name,
            output,
        } => {
            let kept = Kept::open(context, location)?;
            let snapshots = kept.snapshots()?;
            let before = snapshots.restore(snapshots.find(name)?.id)?;
            let text = format!("restored: {name}; what was there is kept: {}", before.name);
            tell(&before, &text, output)
        }
        Action::Delete { location, names } => {
            let kept = Kept::open(context, location)?;
            let snapshots = kept.snapshots()?;
            let mut outcome = Outcome::default();
            for name in names {
                let deleted = snapshots.find(name).and_then(|it| snapshots.delete(it.id));
                if let Err(e) = deleted {
                    outcome.note(name, &e);
                }
            }
            Ok(outcome)
        }
        Action::Diff {
            location,
            from,
            to,
            output,
        } => {
            let kept = Kept::open(context, location)?;
            let snapshots = kept.snapshots()?;
            let moment = |name: &String| Ok(Moment::Snapshot(snapshots.find(name)?.id));
            let to = to.as_ref().map_or(Ok(Moment::Now), moment);
            let changes =
                moment(from).and_then(|from| snapshots.diff(from, to?, &Control::new()))?;
            diff(&changes, output)
        }
    }
}

fn list(snapshots: &dyn Snapshots, output: &Output) -> anyhow::Result<Outcome> {
    let usage = snapshots.usage()?;
    let rows: Vec<SnapshotRow> = snapshots
        .list()?
        .into_iter()
        .map(|snapshot| SnapshotRow {
            id: snapshot.id.0,
            taken_ns: snapshot.taken.nanos(),
            usage: usage
                .snapshots
                .iter()
                .find(|(id, _)| *id == snapshot.id)
                .map_or_else(SnapshotUsage::default, |(_, usage)| *usage),
            name: snapshot.name,
        })
        .collect();
    if output.json {
        json::write(&List {
            now: usage.now,
            snapshots: rows,
            total_bytes: usage.total_bytes,
        })?;
        return Ok(Outcome::Done);
    }
    let mut out = print::out();
    let size = |bytes| humansize::format_size(bytes, humansize::BINARY);
    for row in &rows {
        let taken = print::time(Time::from_nanos(row.taken_ns));
        let (all, own) = (size(row.usage.content_bytes), size(row.usage.own_bytes));
        writeln!(
            out,
            "{taken}  {all:>11}  {own:>11} of its own  {}",
            row.name
        )?;
    }
    let (now, total) = (size(usage.now.content_bytes), size(usage.total_bytes));
    writeln!(out, "now {now}, with all snapshots {total}")?;
    out.flush()?;
    Ok(Outcome::Done)
}

fn tell(snapshot: &Snapshot, text: &str, output: &Output) -> anyhow::Result<Outcome> {
    if output.json {
        json::write(&Named::from(snapshot))?;
        return Ok(Outcome::Done);
    }
    let mut out = print::out();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(Outcome::Done)
}

fn diff(changes: &[SnapshotChange], output: &Output) -> anyhow::Result<Outcome> {
    if output.json {
        let rows: Vec<ChangeRow> = changes.iter().map(row).collect();
        json::write(&rows)?;
    } else {
        let mut out = print::out();
        for change in changes {
            let mark = match change.kind() {
                ChangeKind::Added => "+ ",
                ChangeKind::Removed => "- ",
                ChangeKind::Changed => "~ ",
                ChangeKind::Moved => "> ",
            };
            out.write_all(mark.as_bytes())?;
            if let Some(from) = &change.moved_from {
                print::raw(&mut out, from.as_os_str())?;
                out.write_all(b" -> ")?;
            }
            print::raw(&mut out, change.path.as_os_str())?;
            writeln!(out)?;
        }
        out.flush()?;
    }
    Ok(match changes {
        [] => Outcome::Done,
        _ => Outcome::Failed,
    })
}

fn row(change: &SnapshotChange) -> ChangeRow {
    let (path, path_bytes) = json::text(change.path.as_os_str());
    let moved_from = change.moved_from.as_ref();
    let moved_from = moved_from.map(|from| json::text(from.as_os_str()));
    let (moved_from, moved_from_bytes) = moved_from.unzip();
    ChangeRow {
        change: change.kind(),
        path,
        path_bytes,
        moved_from,
        moved_from_bytes: moved_from_bytes.flatten(),
        size_before: change.before.as_ref().map(|before| before.size),
        size_after: change.after.as_ref().map(|after| after.size),
    }
}
