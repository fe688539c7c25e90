//! `lamina chmod`

use std::ffi::OsString;

use fs_core::resolve::Last;
use fs_core::{At, Change, SetAttr};

use super::context::Context;
use super::mode::Mode;
use super::outcome::Outcome;
use super::print;

/// `lamina chmod MODE T...`
#[derive(clap::Args)]
pub struct Arguments {
    /// `644`, `u+x`, `go-w,a+X`.
    #[arg(allow_hyphen_values = true)]
    mode: Mode,
    /// Files and folders; links are followed.
    #[arg(value_name = "T", required = true)]
    targets: Vec<OsString>,
}

/// Changes permissions.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for text in &arguments.targets {
        let place = context.place(text, Last::Follow)?;
        let backend = context.backend(&place)?;
        let at = At::path(&place.path);
        let done = backend.stat(at).and_then(|metadata| {
            let mode = arguments.mode.apply(metadata.mode, metadata.is_dir());
            backend.change(&Change::SetAttr(at, &SetAttr::mode(mode)))
        });
        if let Err(e) = done {
            outcome.note(print::shown(text), &e);
        }
    }
    Ok(outcome)
}
