//! `lamina rm`

use std::ffi::OsString;

use fs_core::ops::{Decisions, Monitor, Operation};
use fs_core::resolve::Last;
use fs_core::{At, Control, Error, ErrorKind};

use super::context::Context;
use super::outcome::Outcome;
use super::print;

/// `lamina rm [-r] T...`
#[derive(clap::Args)]
pub struct Arguments {
    /// Folders with all that is in them.
    #[arg(short, short_alias = 'R', long)]
    recursive: bool,
    /// What to remove; a link goes itself, never what it leads to.
    #[arg(value_name = "T", required = true)]
    targets: Vec<OsString>,
}

/// Removes for good.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut items = Vec::new();
    for text in &arguments.targets {
        let place = context.place(text, Last::Keep)?;
        let refused = match context.backend(&place)?.stat(At::path(&place.path)) {
            Err(e) => Some(e),
            Ok(_) if place.path.is_root() => Some(Error::new(ErrorKind::IsRoot, "remove")),
            Ok(metadata) if metadata.is_dir() && !arguments.recursive => {
                Some(Error::new(ErrorKind::IsADirectory, "remove").with_detail("without -r"))
            }
            Ok(_) => None,
        };
        match refused {
            Some(e) => outcome.note(print::shown(text), &e),
            None => items.push(place),
        }
    }
    let control = Control::new();
    let monitor = Monitor::silent(&control);
    let engine = context.engine()?;
    let plan = engine.plan(Operation::Delete(items), monitor)?;
    let report = engine.run(&plan, &Decisions::default(), monitor)?;
    for failure in &report.failed {
        outcome.note(print::place(&failure.place), &failure.error);
    }
    Ok(outcome)
}
