//! `lamina tree`

use std::ffi::OsString;
use std::io::Write as _;

use anyhow::Context as _;
use fs_core::At;
use fs_core::resolve::Last;
use serde::Serialize;

use super::context::Context;
use super::json::{self, Output};
use super::outcome::Outcome;
use super::print;
use super::walk::{Step, walk};

/// `lamina tree [-a] [-L LEVELS] T...`
#[derive(clap::Args)]
pub struct Arguments {
    /// With names that begin with a dot.
    #[arg(short)]
    all: bool,
    /// No deeper than this.
    #[arg(short = 'L', value_name = "LEVELS")]
    levels: Option<usize>,
    #[command(flatten)]
    output: Output,
    /// Folders.
    #[arg(value_name = "T", default_value = ".")]
    targets: Vec<OsString>,
}

#[derive(Serialize)]
struct Row {
    depth: usize,
    #[serde(flatten)]
    item: json::Item,
}

/// Draws each folder with what is below it.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut rows = Vec::new();
    let mut out = print::out();
    for text in &arguments.targets {
        let mut target = |outcome: &mut Outcome| -> anyhow::Result<()> {
            let place = context.place_to_read(text, Last::Follow)?;
            let backend = context.backend(&place)?;
            if !arguments.output.json {
                print::raw(&mut out, text)?;
                writeln!(out)?;
            }
            let start = backend.stat(At::path(&place.path));
            if !start.with_context(|| text.display().to_string())?.is_dir() {
                return Ok(());
            }
            let mut hidden: Option<usize> = None;
            let (mut folders, mut files) = (0u64, 0u64);
            walk(&*backend, &place.path, &mut |step| {
                let item = match step {
                    Step::Item(item) => item,
                    Step::Failed(path, error) => {
                        outcome.note(print::shown(path.as_os_str()), &error);
                        return Ok(());
                    }
                    Step::Leave(_) => return Ok(()),
                };
                // Nothing below a hidden folder is shown either.
                if hidden.is_some_and(|depth| item.depth > depth) {
                    return Ok(());
                }
                let name = item.path.file_name();
                let dotted = name
                    .as_ref()
                    .is_some_and(|name| name.as_bytes().starts_with(b"."));
                hidden = (dotted && !arguments.all).then_some(item.depth);
                if hidden.is_some() || arguments.levels.is_some_and(|most| item.depth >= most) {
                    return Ok(());
                }
                if item.metadata.is_dir() {
                    folders += 1;
                } else {
                    files += 1;
                }
                if arguments.output.json {
                    rows.push(Row {
                        depth: item.depth,
                        item: json::Item::new(&*backend, item.path, item.metadata)?,
                    });
                    return Ok(());
                }
                let (own, above) = item.last.split_last().unwrap_or((&true, &[]));
                for last in above {
                    write!(out, "{}", if *last { "    " } else { "│   " })?;
                }
                write!(out, "{}", if *own { "└── " } else { "├── " })?;
                if let Some(name) = name {
                    print::raw(&mut out, name.as_os_str())?;
                }
                if item.metadata.is_symlink() {
                    print::target(&mut out, &*backend, item.path)?;
                }
                writeln!(out)?;
                Ok(())
            })?;
            if !arguments.output.json {
                writeln!(out, "\n{folders} folders, {files} files")?;
            }
            Ok(())
        };
        if let Err(error) = target(&mut outcome) {
            outcome.pass_over(error)?;
        }
    }
    out.flush()?;
    drop(out);
    if arguments.output.json {
        json::write(&rows)?;
    }
    Ok(outcome)
}
