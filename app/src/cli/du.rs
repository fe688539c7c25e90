//! `lamina du`

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::Write as _;

use anyhow::Context as _;
use fs_core::resolve::Last;
use fs_core::{At, FileId, Metadata, VPath};
use serde::Serialize;

use super::context::Context;
use super::json::{self, Output};
use super::outcome::Outcome;
use super::print;
use super::walk::{Step, walk};

/// `lamina du [-s] [-H] [--apparent-size] T...`
#[derive(clap::Args)]
pub struct Arguments {
    /// Only the sum of each target.
    #[arg(short)]
    summary: bool,
    /// Sizes people can read.
    #[arg(short = 'H', long)]
    human: bool,
    /// How long files are, not what they take: holes count.
    #[arg(long)]
    apparent_size: bool,
    #[command(flatten)]
    output: Output,
    /// Folders.
    #[arg(value_name = "T", default_value = ".")]
    targets: Vec<OsString>,
}

#[derive(Serialize)]
struct Row {
    bytes: u64,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<Vec<u8>>,
}

/// What everything takes; files with several names count once.
struct Sum {
    apparent: bool,
    seen: HashSet<FileId>,
    /// Of the folders that are open, the innermost last.
    open: Vec<u64>,
}

impl Sum {
    fn add(&mut self, metadata: &Metadata) {
        if metadata.is_dir() {
            self.open.push(0);
        } else if metadata.nlink < 2 || self.seen.insert(metadata.id) {
            let bytes = match self.apparent {
                true => metadata.size,
                false => metadata.allocated,
            };
            if let Some(folder) = self.open.last_mut() {
                *folder += bytes;
            }
        }
    }

    fn leave(&mut self) -> u64 {
        let bytes = self.open.pop().unwrap_or(0);
        if let Some(above) = self.open.last_mut() {
            *above += bytes;
        }
        bytes
    }
}

/// One folder a line, what is in it first.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut rows = Vec::new();
    let mut out = print::out();
    for text in &arguments.targets {
        let mut target = |outcome: &mut Outcome| -> anyhow::Result<()> {
            let place = context.place_to_read(text, Last::Follow)?;
            let backend = context.backend(&place)?;
            let mut sum = Sum {
                apparent: arguments.apparent_size,
                seen: HashSet::new(),
                open: vec![0],
            };
            let mut give = |path: &VPath, bytes: u64| -> anyhow::Result<()> {
                if arguments.summary && *path != place.path {
                    return Ok(());
                }
                if arguments.output.json {
                    let (path, path_bytes) = json::text(path.as_os_str());
                    rows.push(Row {
                        bytes,
                        path,
                        path_bytes,
                    });
                    return Ok(());
                }
                match arguments.human {
                    true => write!(
                        out,
                        "{}\t",
                        humansize::format_size(bytes, humansize::BINARY)
                    )?,
                    false => write!(out, "{bytes}\t")?,
                }
                print::raw(&mut out, path.as_os_str())?;
                writeln!(out)?;
                Ok(())
            };
            let start = backend.stat(At::path(&place.path));
            let start = start.with_context(|| text.display().to_string())?;
            if start.is_dir() {
                walk(&*backend, &place.path, &mut |step| match step {
                    Step::Item(item) => {
                        sum.add(item.metadata);
                        Ok(())
                    }
                    Step::Leave(path) => {
                        let bytes = sum.leave();
                        give(path, bytes)
                    }
                    Step::Failed(path, error) => {
                        outcome.note(print::shown(path.as_os_str()), &error);
                        let bytes = sum.leave();
                        give(path, bytes)
                    }
                })?;
            } else {
                sum.add(&start);
                let bytes = sum.leave();
                give(&place.path, bytes)?;
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
