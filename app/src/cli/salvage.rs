//! `lamina salvage`, and what is told of a filesystem that is too damaged to open.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;

use anyhow::Context as _;
use fs_backends::location::{Kind, Location, Root};
use fs_backends::salvage::{Item, Report, Salvage, State};
use fs_core::maintenance::Damage;
use fs_core::{At, Error, ErrorKind};

use super::check;
use super::context::Context;
use super::json::{self, Output};
use super::outcome::{Outcome, tell};
use super::{print, work};
use crate::background::rescue;

/// `lamina salvage DAMAGED TARGET`
#[derive(clap::Args)]
pub struct Arguments {
    /// The vault, store or saved memory filesystem, whole or not. It is never changed.
    damaged: OsString,
    /// A new or empty folder, anywhere.
    target: OsString,
    #[command(flatten)]
    output: Output,
}

/// Saves everything that can be read.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let root = root_of(context, &arguments.damaged, None)?;
    save(context, root, &arguments.target, &arguments.output)
}

/// `lamina vault salvage`, `lamina store salvage`.
pub fn run_as(
    context: &Context,
    kind: Kind,
    damaged: &OsStr,
    target: &OsStr,
    output: &Output,
) -> anyhow::Result<Outcome> {
    save(
        context,
        root_of(context, damaged, Some(kind))?,
        target,
        output,
    )
}

/// What a text names, as a filesystem of this kind if one is wanted.
fn root_of(context: &Context, text: &OsStr, kind: Option<Kind>) -> anyhow::Result<Root> {
    let location = context.location(text)?;
    let root = match (location.root(), kind) {
        (Root::Path(path), Some(Kind::Vault)) => Root::Vault(path.clone()),
        (Root::Path(path), Some(Kind::Store)) => Root::Store(path.clone()),
        _ => {
            let settled = location.settled();
            let settled = settled.with_context(|| text.display().to_string())?;
            match settled.root() {
                // A store without its index looks like any folder.
                Root::Host(path) if path.join("blobs").is_dir() => Root::Store(path.clone()),
                root => root.clone(),
            }
        }
    };
    match root {
        Root::Vault(_) | Root::Store(_) | Root::Saved(_) => Ok(root),
        _ => Err(Error::new(ErrorKind::UnknownFormat, "salvage")
            .with_detail("no vault, store or saved memory filesystem is kept there"))
        .with_context(|| text.display().to_string()),
    }
}

/// Reads it, with a password where it needs one.
fn open(context: &Context, root: &Root) -> anyhow::Result<Salvage> {
    let location = Location::new(root.clone());
    let read = |password: Option<&str>| {
        work::run("reading", "nothing was changed", |control| {
            Ok(Salvage::open(root, password, control)?)
        })
    };
    let error = match read(None) {
        Ok(salvage) => return Ok(salvage),
        Err(error) => error,
    };
    let kind = error.downcast_ref::<Error>().map(Error::kind);
    let password = match kind {
        Some(ErrorKind::PasswordNeeded) => context.keys().of(&location),
        Some(ErrorKind::UnknownFormat) => context.keys().given(&location)?,
        _ => None,
    };
    match password {
        Some(password) => read(Some(&password)),
        None => Err(error),
    }
    .with_context(|| location.to_string())
}

fn save(context: &Context, root: Root, target: &OsStr, output: &Output) -> anyhow::Result<Outcome> {
    let salvage = open(context, &root)?;
    for damage in salvage.damages() {
        tell(damage);
    }
    let mut findings = Findings::default();
    let place = context.place_to_make(target)?;
    let backend = context.backend(&place)?;
    if let Some(folder) = place.path.parent() {
        match backend.stat(At::path(&folder)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let error = error.with_detail("the folder it would be in is missing");
                return Err(error).with_context(|| target.display().to_string());
            }
            _ => {}
        }
    }
    let safe = format!(
        "what was saved so far is in {}; the damaged filesystem is unchanged",
        target.display()
    );
    let report = work::run("saving", safe, |control| {
        Ok(rescue::save(
            &salvage,
            &*backend,
            &place.path,
            control,
            &mut |item| {
                findings.tell(&item.detail, told(item));
            },
        )?)
    })
    .with_context(|| target.display().to_string())?;
    findings.finish("report.json has all");
    if output.json {
        json::write(&report)?;
    } else {
        let mut out = print::out();
        writeln!(out, "{}: {}", target.display(), summary(&report))?;
        out.flush()?;
    }
    Ok(
        match report.is_whole() && salvage.damages().iter().all(|it| it.kind.is_harmless()) {
            true => Outcome::Done,
            false => Outcome::Damaged,
        },
    )
}

/// Findings of one kind that are told; the others are counted.
const ALIKE_MAX: u64 = 20;

/// What is wrong, without drowning what is rare in what is everywhere.
#[derive(Default)]
struct Findings(BTreeMap<String, u64>);

impl Findings {
    fn tell(&mut self, detail: &str, finding: impl std::fmt::Display) {
        let alike = self.0.entry(detail.to_owned()).or_default();
        *alike += 1;
        if *alike <= ALIKE_MAX {
            tell(finding);
        }
    }

    /// Tells how many were not told; `where_all` says who tells them.
    fn finish(self, where_all: &str) {
        for (detail, alike) in self.0 {
            if let Some(more @ 1..) = alike.checked_sub(ALIKE_MAX) {
                tell(format_args!("{more} more: {detail} ({where_all})"));
            }
        }
    }
}

fn told(item: &Item) -> String {
    let from = item.from.display();
    let lost: u64 = item.lost.iter().map(|(from, to)| to - from).sum();
    let state = match item.state {
        State::Whole => "whole",
        State::Unproven => "unproven",
        State::Part => "not whole",
        State::Lost => "lost",
    };
    match lost {
        0 => format!("{state}: {from}: {}", item.detail),
        lost => format!("{state}: {from}: {} ({lost} bytes missing)", item.detail),
    }
}

fn summary(report: &Report) -> String {
    let past = match report.snapshots {
        0 => String::new(),
        1 => "; of the present and a snapshot".to_owned(),
        count => format!("; of the present and {count} snapshots"),
    };
    format!(
        "{} files whole, {} unproven, {} not whole, {} lost; {} folders, {} links and others{past}",
        report.files, report.unproven, report.part, report.lost, report.folders, report.others
    )
}

/// Tells what is wrong with a filesystem that can't be opened because of `why`, as far as can be known. Nothing to tell: the error stands.
pub fn explain(
    context: &Context,
    text: &OsStr,
    kind: Option<Kind>,
    why: anyhow::Error,
    outcome: &mut Outcome,
) -> anyhow::Result<check::Report> {
    let known = why
        .chain()
        .find_map(|error| error.downcast_ref::<Error>())
        .map(Error::kind);
    let may_be_damage = matches!(
        known,
        Some(
            ErrorKind::Corrupted
                | ErrorKind::UnknownFormat
                | ErrorKind::WrongPassword
                | ErrorKind::PasswordNeeded
                | ErrorKind::NotFound
        )
    );
    let Ok(root) = root_of(context, text, kind) else {
        return Err(why);
    };
    if !may_be_damage {
        return Err(why);
    }
    let Ok(salvage) = open(context, &root) else {
        return Err(why);
    };
    let mut damages: Vec<Damage> = Vec::new();
    let report = work::run("checking", "nothing was changed", |control| {
        Ok(salvage.check(control, &mut |damage| damages.push(damage))?)
    })?;
    if damages.is_empty() {
        return Err(why);
    }
    tell(format_args!("{why:#}"));
    let mut findings = Findings::default();
    for damage in &damages {
        findings.tell(&damage.detail, damage);
    }
    findings.finish("--json tells all");
    tell(format_args!(
        "it can't be opened; lamina salvage would save: {}",
        summary(&report)
    ));
    *outcome = (*outcome).max(Outcome::Damaged);
    Ok(check::Report::of_salvage(
        text.display().to_string(),
        &report,
        damages,
    ))
}
