//! `lamina recover`

use std::ffi::OsString;

use fs_core::Control;
use fs_core::ops::{FsRef, Monitor, Pending};
use fs_core::resolve::Last;

use super::context::Context;
use super::outcome::{Misuse, Outcome, tell};

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
        named.is_empty() || touched.iter().any(|fs| named.contains(fs))
    });
    let control = Control::new();
    let monitor = Monitor::silent(&control);
    for it in pending {
        if !(arguments.finish || arguments.undo || arguments.leave) {
            println!("{}", line(&it));
            continue;
        }
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
            outcome.note(format_args!("{:?}", failure.place), &failure.error);
        }
        tell(report.sentence());
    }
    Ok(outcome)
}

fn line(pending: &Pending) -> String {
    let name = pending.operation.name();
    match pending.undoing {
        true => format!("Undo: {name}"),
        false => name,
    }
}
