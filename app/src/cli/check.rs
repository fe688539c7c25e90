//! `lamina check`

use std::ffi::OsString;

use fs_core::ops::Place;
use fs_core::resolve::Last;
use fs_core::{At, Backend, Metadata, Name, OpenOptions, Result, VPath, Want, listing};

use super::context::Context;
use super::outcome::Outcome;

/// `lamina check T...`
#[derive(clap::Args)]
pub struct Arguments {
    /// Filesystems, or places in them.
    #[arg(value_name = "T", required = true)]
    targets: Vec<OsString>,
}

/// Reads every name, every attribute and every byte.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for text in &arguments.targets {
        let place = context.place(text, Last::Follow)?;
        let backend = context.backend(&place)?;
        let mut check = Check {
            backend: &*backend,
            place: &place,
            outcome: &mut outcome,
            buffer: vec![0; 1 << 20],
            items: 0,
            bytes: 0,
        };
        check.tree();
        println!(
            "{}: {} items, {} bytes read",
            text.display(),
            check.items,
            check.bytes
        );
    }
    Ok(outcome)
}

struct Check<'a> {
    backend: &'a dyn Backend,
    place: &'a Place,
    outcome: &'a mut Outcome,
    buffer: Vec<u8>,
    items: u64,
    bytes: u64,
}

impl Check<'_> {
    fn tree(&mut self) {
        let mut stack = vec![self.place.path.clone()];
        while let Some(path) = stack.pop() {
            self.items += 1;
            let below = self
                .backend
                .stat(At::path(&path))
                .and_then(|metadata| self.item(&path, &metadata));
            match below {
                Ok(below) => stack.extend(below),
                Err(e) => self.outcome.note(path.display(), &e),
            }
        }
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
