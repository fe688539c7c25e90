//! `lamina find`

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use fs_core::resolve::Last;
use fs_core::{At, Backend, Control, ErrorKind, FileKind, Metadata, VPath, extensions};
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
    /// In every name that fits.
    literal: String,
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
        let literal = match &arguments.name {
            Some(glob) if !arguments.ignore_case => literal(glob).to_owned(),
            _ => String::new(),
        };
        Ok(Self {
            name,
            kind,
            literal,
        })
    }

    fn matches(&self, path: &VPath, metadata: &Metadata) -> bool {
        let name = path.as_split_last().map(|(_, name)| name);
        self.fits(name, metadata.kind)
    }

    /// `name`: `None` for the root, which has none.
    fn fits(&self, name: Option<&OsStr>, kind: FileKind) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
            && self
                .name
                .as_ref()
                .is_none_or(|glob| name.is_some_and(|name| glob.is_match(Path::new(name))))
    }

    /// What fits below a folder, in the order of a walk; `None` where the filesystem can't tell faster than a walk.
    fn search(&self, backend: &dyn Backend, folder: &VPath) -> anyhow::Result<Option<Vec<VPath>>> {
        let Some(search) = backend.extensions().search else {
            return Ok(None);
        };
        let wanted = extensions::Wanted {
            contains: self.literal.as_bytes(),
            fits: &|name, kind| self.fits(Some(name), kind),
        };
        let mut paths = Vec::new();
        let mut found = |path, _| {
            paths.push(path);
            Ok(())
        };
        match search.search(folder, &wanted, &Control::new(), &mut found) {
            Ok(()) => {
                paths.sort_unstable();
                Ok(Some(paths))
            }
            // A walk finds what is not damaged.
            Err(error) if error.kind() == ErrorKind::Corrupted => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The longest text that every name a glob fits contains.
fn literal(glob: &str) -> &str {
    if glob.contains(['[', ']', '{', '}', '\\']) {
        return "";
    }
    let parts = glob.split(['*', '?']);
    parts.max_by_key(|part| part.len()).unwrap_or_default()
}

/// One path a line, as the filesystem names it.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let wanted = Wanted::new(arguments)?;
    let mut outcome = Outcome::default();
    let mut items = Vec::new();
    let mut out = print::out();
    for text in &arguments.targets {
        let mut target = |outcome: &mut Outcome| -> anyhow::Result<()> {
            let place = context.place_to_read(text, Last::Follow)?;
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
            let start = backend.stat(At::path(&place.path));
            let start = start.with_context(|| text.display().to_string())?;
            give(&place.path, &start)?;
            if !start.is_dir() {
                return Ok(());
            }
            if let Some(paths) = wanted.search(&*backend, &place.path)? {
                for path in paths {
                    match backend.stat(At::path(&path)) {
                        Ok(metadata) => give(&path, &metadata)?,
                        Err(error) => outcome.note(print::shown(path.as_os_str()), &error),
                    }
                }
            } else {
                walk(&*backend, &place.path, &mut |step| {
                    match step {
                        Step::Item(item) => give(item.path, item.metadata)?,
                        Step::Failed(path, error) => {
                            outcome.note(print::shown(path.as_os_str()), &error)
                        }
                        Step::Leave(_) => {}
                    }
                    Ok(())
                })?;
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
        json::write(&items)?;
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_glob_needs_is_in_every_name_it_fits() {
        for (glob, expected) in [
            ("*.txt", ".txt"),
            ("report*", "report"),
            ("a*long?er*b", "long"),
            ("plain", "plain"),
            ("*", ""),
            ("", ""),
            ("*.{txt,md}", ""),
            ("[ab]cdef", ""),
            ("a\\*cdef", ""),
        ] {
            assert_eq!(literal(glob), expected, "{glob}");
        }
    }
}
