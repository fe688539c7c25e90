//! `lamina check`

use std::ffi::OsString;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

use fs_backends::location::Kind;
use fs_core::maintenance::Damage;
use fs_core::ops::Place;
use fs_core::resolve::Last;
use fs_core::{At, Backend, Control, ErrorKind, Metadata, Name, OpenOptions, Result, VPath, Want};
use fs_core::{Error, listing};
use serde::Serialize;

use super::context::Context;
use super::json::{self, Output};
use super::kept::Kept;
use super::outcome::{Outcome, tell};
use super::{print, salvage, work};

/// `lamina check T...`
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    output: Output,
    /// Filesystems, or places in them.
    #[arg(value_name = "T", required = true)]
    targets: Vec<OsString>,
}

/// Whether damage is put right.
#[derive(clap::Args)]
pub struct Repair {
    /// Shows what can be put right and asks whether to do it.
    #[arg(long)]
    repair: bool,
    /// Does not ask.
    #[arg(long, requires = "repair")]
    yes: bool,
}

impl Repair {
    /// Was it asked for?
    pub fn is_wanted(&self) -> bool {
        self.repair
    }
}

/// What was found in one target.
#[derive(Serialize)]
pub struct Report {
    target: String,
    items: u64,
    bytes: u64,
    /// Files that nothing can be compared with yet.
    unproved: u64,
    damages: Vec<Damage>,
    /// Of the damages, so many were put right.
    repaired: u64,
}

impl Report {
    /// Of a filesystem that can't be opened.
    pub fn of_salvage(
        target: String,
        report: &fs_backends::salvage::Report,
        damages: Vec<Damage>,
    ) -> Self {
        Self {
            target,
            items: report.files + report.folders + report.others,
            bytes: report.bytes,
            unproved: 0,
            damages,
            repaired: 0,
        }
    }
}

/// Reads every name, every attribute and every byte; of a whole vault or store everything below them too.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut reports = Vec::new();
    for text in &arguments.targets {
        match target(context, text, &mut outcome) {
            Ok(report) => finish(report, &arguments.output, &mut reports),
            Err(error) => outcome.pass_over(error)?,
        }
    }
    if arguments.output.json {
        json::write(&reports)?;
    }
    Ok(outcome)
}

fn target(context: &Context, text: &OsString, outcome: &mut Outcome) -> anyhow::Result<Report> {
    let place = match context.place_to_read(text, Last::Follow) {
        Ok(place) => place,
        Err(why) => return salvage::explain(context, text, None, why, outcome),
    };
    let backend = context.backend(&place)?;
    let whole = place.path.is_root().then(|| {
        let location = context.location(text)?;
        anyhow::Ok(Kept::of(location, backend.clone()))
    });
    match whole.transpose()?.flatten() {
        Some(kept) => look_into(&kept, text.display().to_string(), outcome),
        None => work::run("checking", "nothing was changed", |control| {
            Ok(Check::new(&*backend, &place, outcome, control).tree(text)?)
        }),
    }
}

/// Tells what is wrong with a vault or store that can't be opened because of `why`.
pub fn unopened(
    context: &Context,
    text: &OsString,
    kind: Kind,
    why: anyhow::Error,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let report = salvage::explain(context, text, Some(kind), why, &mut outcome)?;
    let mut reports = Vec::new();
    finish(report, output, &mut reports);
    if let Some(report) = reports.first() {
        json::write(report)?;
    }
    Ok(outcome)
}

/// Checks a vault or store, and repairs it when asked to.
pub fn kept(kept: &Kept, repair: &Repair, output: &Output) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut report = look_into(kept, kept.location().to_string(), &mut outcome)?;
    let plan: Vec<Damage> = report
        .damages
        .iter()
        .filter(|damage| damage.repair.is_some())
        .cloned()
        .collect();
    if repair.repair && !plan.is_empty() {
        for damage in &plan {
            let done = damage.repair.as_deref().unwrap_or_default();
            tell(format_args!("{damage}: would {done}"));
        }
        if repair.yes || agreed(plan.len())? {
            report.repaired = work::run("repairing", "nothing was repaired", |control| {
                Ok(kept.maintenance()?.repair(&plan, control)?)
            })?;
            // What is told is how it is now.
            outcome = Outcome::default();
            let repaired = report.repaired;
            report = look_into(kept, report.target, &mut outcome)?;
            report.repaired = repaired;
        }
    }
    let mut reports = Vec::new();
    finish(report, output, &mut reports);
    if let Some(report) = reports.first() {
        json::write(report)?;
    }
    Ok(outcome)
}

fn agreed(count: usize) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        tell("nothing was repaired: --yes does it without asking");
        return Ok(false);
    }
    eprint!("Repair {count} damages as shown? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn look_into(kept: &Kept, target: String, outcome: &mut Outcome) -> anyhow::Result<Report> {
    let mut damages = Vec::new();
    let checked = work::run("checking", "nothing was changed", |control| {
        let maintenance = kept.maintenance()?;
        Ok(maintenance.check(control, &mut |damage| damages.push(damage))?)
    })?;
    for damage in &damages {
        tell(damage);
        if !damage.kind.is_harmless() {
            *outcome = (*outcome).max(Outcome::Damaged);
        }
    }
    Ok(Report {
        target,
        items: checked.nodes,
        bytes: checked.content_bytes,
        unproved: checked.unproved,
        damages,
        repaired: 0,
    })
}

fn finish(report: Report, output: &Output, reports: &mut Vec<Report>) {
    if output.json {
        reports.push(report);
        return;
    }
    let Report {
        target,
        items,
        bytes,
        unproved,
        repaired,
        ..
    } = report;
    println!("{target}: {items} items, {bytes} bytes read");
    if unproved > 0 {
        println!(
            "{target}: {unproved} files have no checksum yet: still being written, or left by a kill"
        );
    }
    if repaired > 0 {
        println!("{target}: {repaired} damages repaired");
    }
}

struct Check<'a> {
    backend: &'a dyn Backend,
    place: &'a Place,
    outcome: &'a mut Outcome,
    control: &'a Control,
    buffer: Vec<u8>,
    items: u64,
    bytes: u64,
    damages: Vec<Damage>,
}

impl<'a> Check<'a> {
    fn new(
        backend: &'a dyn Backend,
        place: &'a Place,
        outcome: &'a mut Outcome,
        control: &'a Control,
    ) -> Self {
        Self {
            backend,
            place,
            outcome,
            control,
            buffer: vec![0; 1 << 20],
            items: 0,
            bytes: 0,
            damages: Vec::new(),
        }
    }

    fn tree(mut self, target: &OsString) -> Result<Report> {
        let mut stack = vec![self.place.path.clone()];
        while let Some(path) = stack.pop() {
            self.control.check()?;
            self.control.add_items(1);
            self.items += 1;
            let below = self
                .backend
                .stat(At::path(&path))
                .and_then(|metadata| self.item(&path, &metadata));
            match below {
                Ok(below) => stack.extend(below),
                Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
                Err(e) => {
                    self.outcome.note(print::shown(path.as_os_str()), &e);
                    self.damages.extend(damage(path, &e));
                }
            }
        }
        Ok(Report {
            target: target.display().to_string(),
            items: self.items,
            bytes: self.bytes,
            unproved: 0,
            damages: self.damages,
            repaired: 0,
        })
    }

    /// Reads one item; of a folder returns what is in it.
    fn item(&mut self, path: &VPath, metadata: &Metadata) -> Result<Vec<VPath>> {
        let at = At::path(path);
        for name in self.backend.list_xattrs(at)? {
            self.backend.get_xattr(at, &name)?;
        }
        if metadata.is_symlink() {
            self.backend.read_link(at)?;
        } else if metadata.is_file() {
            let file = self.backend.open(at, &OpenOptions::read())?;
            let mut offset = 0;
            loop {
                let read = file.read_at(&mut self.buffer, offset)?;
                if read == 0 {
                    break;
                }
                offset += read as u64;
                self.control.add_bytes(read as u64);
                self.control.check()?;
            }
            self.bytes += offset;
        } else if metadata.is_dir() {
            let batch = listing::collect(self.backend.list(at, &Want::names())?)?;
            let names = batch.iter().map(|entry| Name::new(entry.name));
            return names.map(|name| Ok(path.join(&name?))).collect();
        }
        Ok(Vec::new())
    }
}

/// What can't be read because it is damaged, in the words of a check from below.
fn damage(path: VPath, error: &Error) -> Option<Damage> {
    (error.kind() == ErrorKind::Corrupted).then(|| Damage {
        kind: fs_core::maintenance::DamageKind::ContentChanged,
        path: Some(path),
        detail: error.detail().unwrap_or("it can't be read").to_owned(),
        repair: None,
    })
}
