//! `lamina cat`

use std::ffi::OsString;
use std::io::{self, Write as _};

use anyhow::Context as _;
use fs_core::resolve::Last;
use fs_core::{At, OpenOptions};

use super::context::Context;
use super::outcome::Outcome;

/// `lamina cat T...`
#[derive(clap::Args)]
pub struct Arguments {
    /// Files to print.
    #[arg(value_name = "T", required = true)]
    targets: Vec<OsString>,
}

/// The bytes of each file, one after the other.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut out = io::stdout().lock();
    let mut buffer = vec![0; 1 << 20];
    for text in &arguments.targets {
        let place = context.place_to_read(text, Last::Follow)?;
        let shown = || text.display().to_string();
        let backend = context.backend(&place)?;
        let file = backend.open(At::path(&place.path), &OpenOptions::read());
        let file = file.with_context(shown)?;
        let mut at = 0;
        loop {
            let read = file.read_at(&mut buffer, at).with_context(shown)?;
            if read == 0 {
                break;
            }
            out.write_all(buffer.get(..read).unwrap_or_default())?;
            at += read as u64;
        }
    }
    out.flush()?;
    Ok(Outcome::Done)
}
