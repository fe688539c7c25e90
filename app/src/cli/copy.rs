//! `lamina cp` and `lamina mv`

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use fs_core::ops::{
    Conflict, Decision, Decisions, Failure, Loss, Monitor, Operation, Place, Progress, Transfer,
};
use fs_core::resolve::Last;
use fs_core::{At, Control, Error, ErrorKind};

use super::context::Context;
use super::escape;
use super::outcome::{Misuse, Outcome, tell};
use super::print;

/// `lamina cp [-r] [--replace|--skip|--keep-both] SRC... DST`
#[derive(clap::Args)]
pub struct CopyArguments {
    /// Folders with all that is in them.
    #[arg(short, short_alias = 'R', long)]
    recursive: bool,
    #[command(flatten)]
    common: Common,
}

/// `lamina mv [--replace|--skip|--keep-both] SRC... DST`
#[derive(clap::Args)]
pub struct MoveArguments {
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
struct Common {
    /// Files that are there are replaced (and go to the trash of their filesystem).
    #[arg(long, group = "conflict")]
    replace: bool,
    /// Files that are there stay; those that would replace them stay where they are.
    #[arg(long, group = "conflict")]
    skip: bool,
    /// What would replace a file gets another name.
    #[arg(long, group = "conflict")]
    keep_both: bool,
    /// Sources, and the folder they go into (or the new name of a single source).
    #[arg(value_name = "SRC... DST", num_args = 2.., required = true)]
    paths: Vec<OsString>,
}

impl Common {
    fn decision(&self) -> Option<Decision> {
        if self.replace {
            Some(Decision::Replace)
        } else if self.keep_both {
            Some(Decision::KeepBoth)
        } else {
            self.skip.then_some(Decision::Skip)
        }
    }
}

/// Copies.
pub fn copy(context: &Context, arguments: &CopyArguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let common = &arguments.common;
    let (mut sources, target) = places(context, common, Context::place_to_copy)?;
    context.refuse_unwanted_passwords()?;
    if !arguments.recursive {
        let mut files = Vec::new();
        for source in sources {
            let metadata = context.backend(&source)?.stat(At::path(&source.path))?;
            if metadata.is_dir() {
                outcome.note(
                    format_args!("{}: without -r", print::place(&source)),
                    &Error::new(ErrorKind::IsADirectory, "copy"),
                );
            } else {
                files.push(source);
            }
        }
        sources = files;
    }
    let groups = transfers(context, sources, target)?;
    for transfer in groups {
        run(context, Operation::Copy(transfer), common, &mut outcome)?;
    }
    Ok(outcome)
}

/// Moves.
pub fn move_(context: &Context, arguments: &MoveArguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let common = &arguments.common;
    let (sources, target) = places(context, common, Context::place)?;
    context.refuse_unwanted_passwords()?;
    if let Some(root) = sources.iter().find(|source| source.path.is_root()) {
        return Err(Error::new(ErrorKind::IsRoot, "move")).with_context(|| print::place(root));
    }
    for transfer in transfers(context, sources, target)? {
        run(context, Operation::Move(transfer), common, &mut outcome)?;
    }
    Ok(outcome)
}

/// Opens what a text names.
type OpenSource = fn(&Context, &OsStr, Last) -> anyhow::Result<Place>;

/// Where sources and target are. A source that is a link is copied itself; a target that leads to a folder is that folder. The target comes first: where
/// sources lie in it, they are opened for changes with it.
fn places(
    context: &Context,
    common: &Common,
    open_source: OpenSource,
) -> anyhow::Result<(Vec<Place>, Place)> {
    let Some((target, sources)) = common.paths.split_last() else {
        return Err(Misuse("a source and a target are needed".to_owned()).into());
    };
    let followed = context.place(target, Last::Follow);
    let target = match followed {
        Ok(place) if is_folder(context, &place)? => place,
        _ => context.place(target, Last::Keep)?,
    };
    let sources = sources
        .iter()
        .map(|source| {
            let place = open_source(context, source, Last::Keep)?;
            let there = context.backend(&place)?.stat(At::path(&place.path));
            there.with_context(|| source.display().to_string())?;
            Ok(place)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok((sources, target))
}

fn is_folder(context: &Context, place: &Place) -> fs_core::Result<bool> {
    match context.backend(place)?.stat(At::path(&place.path)) {
        Ok(metadata) => Ok(metadata.is_dir()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// As `cp(1)`: into a folder that is there, otherwise under the target's name. The root of a filesystem has no name: what is in it goes.
fn transfers(
    context: &Context,
    sources: Vec<Place>,
    target: Place,
) -> anyhow::Result<Vec<Transfer>> {
    let folder = is_folder(context, &target)?;
    let (roots, named): (Vec<_>, Vec<_>) = sources
        .into_iter()
        .partition(|source| source.path.is_root());
    if !folder && named.len() + roots.len() > 1 {
        let text = format!(
            "{} is no folder; several sources need one",
            print::place(&target)
        );
        return Err(Misuse(text).into());
    }
    let mut transfers = Vec::new();
    if !roots.is_empty() {
        transfers.push(Transfer {
            sources: roots,
            into: target.clone(),
            name: None,
            contents: true,
        });
    }
    if !named.is_empty() {
        let (into, name) = match target.path.split_last() {
            Some((parent, name)) if !folder => (target.with_path(parent), Some(name)),
            _ => (target, None),
        };
        transfers.push(Transfer {
            sources: named,
            into,
            name,
            contents: false,
        });
    }
    Ok(transfers)
}

fn run(
    context: &Context,
    operation: Operation,
    common: &Common,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let engine = context.engine()?;
    let control = Control::new();
    let shows = std::io::stderr().is_terminal();
    let progress = |progress: &Progress| {
        if shows {
            show(progress);
        }
    };
    let monitor = Monitor {
        control: &control,
        progress: &progress,
    };
    let plan = engine.plan(operation, monitor)?;
    let decision = common.decision();
    for conflict in &plan.preflight().conflicts {
        let error = match decision {
            None => Error::new(ErrorKind::AlreadyExists, "copy")
                .with_detail("say --replace, --skip or --keep-both"),
            Some(Decision::Replace) if !conflict.replaceable() => irreplaceable(conflict),
            Some(_) => continue,
        };
        outcome.note(print::place(&conflict.target), &error);
    }
    if plan.preflight().replaces_for_good && decision == Some(Decision::Replace) {
        tell("there is no trash there: what is replaced can't be brought back");
    }
    let decisions = Decisions::all(decision.unwrap_or_default());
    let report = engine.run(&plan, &decisions, monitor)?;
    if shows {
        eprint!("\r\x1b[K");
    }
    for failure in &report.failed {
        match of_target(context, &report.operation, failure) {
            Some((target, error)) => outcome.note(target, &error),
            None => outcome.note(print::place(&failure.place), &failure.error),
        }
    }
    if !report.skipped.is_empty() && decision == Some(Decision::Skip) {
        tell(format_args!("{} skipped", report.skipped.len()));
    }
    for (loss, count) in &report.losses {
        told(*loss, *count);
    }
    for (loss, count) in &plan.preflight().losses {
        told(*loss, *count);
    }
    Ok(())
}

/// What the target refuses is told of it, and not of the file that was to come: its name, and why. Of one that is full, how much is needed and free.
fn of_target(
    context: &Context,
    operation: &Operation,
    failure: &Failure,
) -> Option<(String, Error)> {
    let (Operation::Copy(transfer) | Operation::Move(transfer)) = operation else {
        return None;
    };
    let into = &transfer.into;
    let source = print::place(&failure.place);
    let kind = failure.error.kind();
    let detail = match kind {
        ErrorKind::ReadOnly if failure.place.fs != into.fs => {
            format!("nothing of {source} was stored")
        }
        ErrorKind::NoSpace | ErrorKind::QuotaExceeded => {
            let size = |bytes| humansize::format_size(bytes, humansize::BINARY);
            let bytes = |place: &Place| {
                let backend = context.backend(place).ok()?;
                Some(backend.stat(At::path(&place.path)).ok()?.size)
            };
            let free = || {
                let backend = context.backend(into).ok()?;
                let space = backend
                    .extensions()
                    .space?
                    .space(At::path(&into.path))
                    .ok()?;
                space.available_bytes
            };
            let needs = bytes(&failure.place)
                .map_or_else(String::new, |bytes| format!(" needs {}", size(bytes)));
            let free =
                free().map_or_else(String::new, |bytes| format!(", {} are free", size(bytes)));
            format!(
                "{source}{needs}{free}; nothing of it was stored, and what is there is as it was"
            )
        }
        _ => return None,
    };
    Some((
        print::place(into),
        Error::new(kind, "copy").with_detail(detail),
    ))
}

/// A file and a folder never replace each other.
fn irreplaceable(conflict: &Conflict) -> Error {
    let (kind, detail) = match conflict.target_metadata.is_dir() {
        true => (
            ErrorKind::IsADirectory,
            "what is no folder can't replace it",
        ),
        false => (ErrorKind::NotADirectory, "a folder can't replace it"),
    };
    Error::new(kind, "replace").with_detail(detail)
}

fn told(loss: Loss, count: u64) {
    if loss.matters() {
        tell(format_args!(
            "{} of {count} can't be kept there",
            loss.text()
        ));
    }
}

fn show(progress: &Progress) {
    let percent = progress.fraction() * 100.0;
    let size = humansize::format_size(progress.done_bytes, humansize::DECIMAL);
    let current = &progress.current;
    let mut out = std::io::stderr().lock();
    // Only for the eye.
    let _ = write!(
        out,
        "\r\x1b[K{percent:3.0} %  {size}  {}",
        escape::line(current)
    )
    .and_then(|()| out.flush());
}
