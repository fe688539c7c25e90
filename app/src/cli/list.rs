//! `lamina ls`

use std::ffi::OsString;
use std::io::Write;

use anyhow::Context as _;
use fs_core::ops::Place;
use fs_core::resolve::Last;
use fs_core::{At, Backend, Error, ErrorKind, Metadata, Name, Result, VPath};

use super::context::Context;
use super::json::{self, Output};
use super::outcome::Outcome;
use super::print;
use super::walk;

/// `lamina ls [-l] [-a] [-R] T...`
#[derive(clap::Args)]
pub struct Arguments {
    /// With kind, permissions, links, owner, size and time.
    #[arg(short)]
    long: bool,
    /// With names that begin with a dot.
    #[arg(short)]
    all: bool,
    /// With everything below.
    #[arg(short = 'R')]
    recursive: bool,
    #[command(flatten)]
    output: Output,
    /// What to list.
    #[arg(value_name = "T", default_value = ".")]
    targets: Vec<OsString>,
}

/// Lists each target.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut out = print::out();
    let mut outcome = Outcome::default();
    let mut items = Vec::new();
    let several = !arguments.output.json && (arguments.targets.len() > 1 || arguments.recursive);
    for text in &arguments.targets {
        let mut lister = Lister {
            arguments,
            items: &mut items,
        };
        if let Err(error) = lister.target(context, &mut out, &mut outcome, text, several) {
            outcome.pass_over(error)?;
        }
    }
    out.flush()?;
    drop(out);
    if arguments.output.json {
        json::write(&items)?;
    }
    Ok(outcome)
}

fn is_outside(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::EscapesRoot)
}

struct Lister<'a> {
    arguments: &'a Arguments,
    items: &'a mut Vec<json::Item>,
}

impl Lister<'_> {
    fn target(
        &mut self,
        context: &Context,
        out: &mut dyn Write,
        outcome: &mut Outcome,
        text: &OsString,
        titled: bool,
    ) -> anyhow::Result<()> {
        let place = match context.place_to_read(text, Last::Follow) {
            Ok(place) => place,
            Err(error) if is_outside(&error) => return Err(error),
            // A link that leads nowhere is listed itself.
            Err(_) => context.place_to_read(text, Last::Keep)?,
        };
        let backend = context.backend(&place)?;
        let metadata = backend.stat(At::path(&place.path));
        let metadata = metadata.with_context(|| text.display().to_string())?;
        if metadata.is_dir() {
            return self.folder(&*backend, out, outcome, &place, titled);
        }
        let name = place.path.file_name();
        let name = name.map_or_else(|| text.clone(), |name| name.as_os_str().to_owned());
        self.line(&*backend, out, &name, &place.path, &metadata)
    }

    fn folder(
        &mut self,
        backend: &dyn Backend,
        out: &mut dyn Write,
        outcome: &mut Outcome,
        start: &Place,
        titled: bool,
    ) -> anyhow::Result<()> {
        let mut stack = vec![start.path.clone()];
        let mut first = true;
        while let Some(folder) = stack.pop() {
            let entries = match self.entries(backend, &folder) {
                Ok(entries) => entries,
                Err(e) if folder == start.path => return Err(e.into()),
                Err(e) => {
                    outcome.note(print::shown(folder.as_os_str()), &e);
                    continue;
                }
            };
            if titled {
                if !first {
                    writeln!(out)?;
                }
                print::raw(out, folder.as_os_str())?;
                writeln!(out, ":")?;
            }
            first = false;
            let mut below = Vec::new();
            for (name, metadata) in entries {
                let path = folder.join(&name);
                self.line(backend, out, name.as_os_str(), &path, &metadata)?;
                if self.arguments.recursive && metadata.is_dir() {
                    below.push(path);
                }
            }
            stack.extend(below.into_iter().rev());
        }
        Ok(())
    }

    fn entries(&self, backend: &dyn Backend, folder: &VPath) -> Result<Vec<(Name, Metadata)>> {
        let mut entries = walk::entries(backend, folder)?;
        entries.retain(|(name, _)| self.arguments.all || !name.as_bytes().starts_with(b"."));
        Ok(entries)
    }

    fn line(
        &mut self,
        backend: &dyn Backend,
        out: &mut dyn Write,
        name: &std::ffi::OsStr,
        path: &VPath,
        metadata: &Metadata,
    ) -> anyhow::Result<()> {
        if self.arguments.output.json {
            self.items.push(json::Item::new(backend, path, metadata)?);
            return Ok(());
        }
        if self.arguments.long {
            write!(
                out,
                "{} {:>3} {:>5} {:>5} {:>12} {} ",
                print::mode(metadata),
                metadata.nlink,
                metadata.uid,
                metadata.gid,
                metadata.size,
                print::time(metadata.mtime)
            )?;
        }
        print::raw(out, name)?;
        if self.arguments.long && metadata.is_symlink() {
            print::target(out, backend, path)?;
        }
        writeln!(out)?;
        Ok(())
    }
}
