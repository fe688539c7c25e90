//! `lamina find`

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;

use fs_core::resolve::Last;
use fs_core::{At, FileKind, Metadata, VPath};
use globset::{GlobBuilder, GlobMatcher};

use super::context::Context;
use super::json::{self, Output};
use super::outcome::{Misuse, Outcome};
use super::print;
use super::walk::{Step, walk};

/// `lamina find T... [--name GLOB] [--type KIND]`
#[derive(clap::Args)]
pub struct Arguments {
    /// Only names like this: * any text, ? any character, [ab] one of these, {a,b} one of these texts.
    #[arg(long, value_name = "GLOB")]
    name: Option<String>,
    /// Capital and small letters are the same.
    #[arg(short, long)]
    ignore_case: bool,
    /// Only files (f), folders (d) or links (l).
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<Kind>,
    #[command(flatten)]
    output: Output,
    /// Where to look.
    #[arg(value_name = "T", required = true)]
    targets: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// A file.
    F,
    /// A folder.
    D,
    /// A symbolic link.
    L,
}

struct Wanted {
    name: Option<GlobMatcher>,
    kind: Option<FileKind>,
}

impl Wanted {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let name = match &arguments.name {
            Some(glob) => Some(
                GlobBuilder::new(glob)
                    .case_insensitive(arguments.ignore_case)
                    .build()
                    .map_err(|e| Misuse(format!("“{glob}”: {}", e.kind())))?
                    .compile_matcher(),
            ),
            None => None,
        };
        let kind = arguments.kind.map(|kind| match kind {
            Kind::F => FileKind::File,
            Kind::D => FileKind::Directory,
            Kind::L => FileKind::Symlink,
        });
        Ok(Self { name, kind })
    }

    fn matches(&self, path: &VPath, metadata: &Metadata) -> bool {
        self.kind.is_none_or(|kind| kind == metadata.kind)
            && self.name.as_ref().is_none_or(|glob| {
                path.file_name()
                    .is_some_and(|name| glob.is_match(Path::new(name.as_os_str())))
            })
    }
}

/// One path a line, as the filesystem names it.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let wanted = Wanted::new(arguments)?;
    let mut outcome = Outcome::default();
    let mut items = Vec::new();
    let mut out = print::out();
    for text in &arguments.targets {
        let place = context.place(text, Last::Follow)?;
        let backend = context.backend(&place)?;
        let mut give = |path: &VPath, metadata: &Metadata| -> anyhow::Result<()> {
            if wanted.matches(path, metadata) {
                if arguments.output.json {
                    items.push(json::Item::new(&*backend, path, metadata)?);
                } else {
                    print::raw(&mut out, path.as_os_str())?;
                    writeln!(out)?;
                }
            }
            Ok(())
        };
        let start = backend.stat(At::path(&place.path))?;
        give(&place.path, &start)?;
        if start.is_dir() {
            walk(&*backend, &place.path, &mut |step| {
                match step {
                    Step::Item(item) => give(item.path, item.metadata)?,
                    Step::Failed(path, error) => outcome.note(path.display(), &error),
                    Step::Leave(_) => {}
                }
                Ok(())
            })?;
        }
    }
    out.flush()?;
    drop(out);
    if arguments.output.json {
        json::write(&items)?;
    }
    Ok(outcome)
}
