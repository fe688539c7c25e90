//! `lamina touch`

use std::ffi::OsString;

use fs_core::resolve::Last;
use fs_core::{At, Change, ErrorKind, NewNode, SetAttr, SetTime};

use super::context::Context;
use super::outcome::Outcome;
use super::print;

/// `lamina touch T...`
#[derive(clap::Args)]
pub struct Arguments {
    /// Files.
    #[arg(value_name = "T", required = true)]
    targets: Vec<OsString>,
}

/// Makes what is missing, sets the times of what is there.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let now = SetAttr {
        mtime: Some(SetTime::Now),
        atime: Some(SetTime::Now),
        ..SetAttr::default()
    };
    for text in &arguments.targets {
        let place = context.place(text, Last::Create)?;
        let backend = context.backend(&place)?;
        let at = At::path(&place.path);
        let done = match backend.change(&Change::Create(at, &NewNode::file())) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                backend.change(&Change::SetAttr(at, &now))
            }
            done => done,
        };
        if let Err(e) = done {
            outcome.note(print::shown(text), &e);
        }
    }
    Ok(outcome)
}
