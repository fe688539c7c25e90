//! `lamina recover`

use std::ffi::OsString;
use std::io::Write;

use fs_core::ops::{FsRef, Monitor, Operation, Pending};
use fs_core::resolve::Last;
use fs_core::{Control, Time};
use serde::Serialize;

use super::context::Context;
use super::json::{self, Output};
use super::outcome::{Misuse, Outcome, tell};
use super::print;

/// `lamina recover [--finish|--undo|--leave] [LOCATION...]`
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("end"))]
pub struct Arguments {
    /// Goes on with them.
    #[arg(long, group = "end")]
    finish: bool,
    /// Takes back what they did.
    #[arg(long, group = "end")]
    undo: bool,
    /// Leaves what they did as it is.
    #[arg(long, group = "end")]
    leave: bool,
    /// Only what touched these. What an encrypted vault took part in is known only when that vault is named here.
    #[arg(value_name = "LOCATION")]
    locations: Vec<OsString>,
    /// Only this one, by its number.
    #[arg(long, value_name = "NUMBER")]
    id: Option<u64>,
    #[command(flatten)]
    output: Output,
}

/// An operation that was interrupted.
#[derive(Serialize)]
struct Row {
    id: u64,
    name: String,
    began_ns: i64,
    /// It was being undone.
    undoing: bool,
    steps: usize,
    can_finish: bool,
    /// What it was to act on.
    subjects: Vec<String>,
    /// Where that was to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    into: Option<String>,
    /// The encrypted filesystem that keeps its journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<String>,
}

impl Row {
    fn of(pending: &Pending) -> Self {
        let into = match &pending.operation {
            Operation::Copy(transfer) | Operation::Move(transfer) => Some(&transfer.into),
            _ => None,
        };
        Self {
            id: pending.id.0,
            name: line(pending),
            began_ns: pending.time.nanos(),
            undoing: pending.undoing,
            steps: pending.steps,
            can_finish: pending.can_finish,
            subjects: pending
                .operation
                .subjects()
                .iter()
                .map(print::place)
                .collect(),
            into: into.map(print::place),
            inside: pending.inside.as_ref().map(|fs| fs.as_str().to_owned()),
        }
    }

    /// What tells it from another one of the same name.
    fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let began = print::time(Time::from_nanos(self.began_ns));
        write!(out, "{began}  {}  ", self.id)?;
        print::raw(out, self.name.as_ref())?;
        if let Some(first) = self.subjects.first() {
            write!(out, "  ")?;
            print::raw(out, first.as_ref())?;
        }
        match self.subjects.len() {
            0 | 1 => {}
            more => write!(out, " and {} more", more - 1)?,
        }
        if let Some(into) = &self.into {
            write!(out, " -> ")?;
            print::raw(out, into.as_ref())?;
        }
        writeln!(out)
    }
}

/// Lists what was interrupted, or ends it.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut named: Vec<FsRef> = Vec::new();
    for location in &arguments.locations {
        named.push(context.place(location, Last::Keep)?.fs);
    }
    let engine = context.engine()?;
    let mut pending = engine.pending();
    pending.retain(|it| {
        let touched = it.operation.filesystems();
        let is_named = named.is_empty() || touched.iter().any(|fs| named.contains(fs));
        is_named && arguments.id.is_none_or(|id| it.id.0 == id)
    });
    if !(arguments.finish || arguments.undo || arguments.leave) {
        return list(&pending, &arguments.output);
    }
    if let (Some(id), true) = (arguments.id, pending.is_empty()) {
        return Err(Misuse(format!("nothing that was interrupted has the number {id}")).into());
    }
    let control = Control::new();
    let monitor = Monitor::silent(&control);
    for it in pending {
        if arguments.leave {
            engine.dismiss(it.id)?;
            continue;
        }
        if arguments.finish && !it.can_finish {
            let text = format!(
                "{}: what it worked with was in memory and is gone",
                line(&it)
            );
            return Err(Misuse(text).into());
        }
        context.open_again(&it.operation);
        let report = if arguments.finish {
            engine.finish(it.id, monitor)?
        } else {
            engine.undo(it.id, monitor)?
        };
        for failure in &report.failed {
            outcome.note(print::place(&failure.place), &failure.error);
        }
        tell(report.sentence());
    }
    Ok(outcome)
}

fn list(pending: &[Pending], output: &Output) -> anyhow::Result<Outcome> {
    let rows: Vec<Row> = pending.iter().map(Row::of).collect();
    if output.json {
        json::write(&rows)?;
        return Ok(Outcome::Done);
    }
    let mut out = print::out();
    for row in &rows {
        row.print(&mut out)?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn line(pending: &Pending) -> String {
    let name = pending.operation.name();
    match pending.undoing {
        true => format!("Undo: {name}"),
        false => name,
    }
}
