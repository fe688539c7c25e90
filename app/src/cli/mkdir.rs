//! `lamina mkdir`

use std::ffi::OsString;

use fs_core::ops::Place;
use fs_core::resolve::Last;
use fs_core::{At, Backend, Change, ErrorKind, NewNode, Result, VPath};

use super::context::Context;
use super::outcome::Outcome;
use super::print;

/// `lamina mkdir [-p] T...`
#[derive(clap::Args)]
pub struct Arguments {
    /// Missing folders above too; nothing to complain about when it is there.
    #[arg(short)]
    parents: bool,
    /// Folders to make.
    #[arg(value_name = "T", required = true)]
    targets: Vec<OsString>,
}

/// Makes folders.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for text in &arguments.targets {
        let done = if arguments.parents {
            let place = context.place_to_make(text)?;
            make_all(&*context.backend(&place)?, &place)
        } else {
            let place = context.place(text, Last::Keep)?;
            make(&*context.backend(&place)?, &place.path)
        };
        if let Err(e) = done {
            outcome.note(print::shown(text), &e);
        }
    }
    Ok(outcome)
}

fn make(backend: &dyn Backend, path: &VPath) -> Result<()> {
    backend.change(&Change::Create(At::path(path), &NewNode::directory()))
}

fn make_all(backend: &dyn Backend, place: &Place) -> Result<()> {
    let mut missing = Vec::new();
    let mut at = Some(place.path.clone());
    while let Some(path) = at {
        match backend.stat(At::path(&path)) {
            Ok(_) => break,
            Err(e) if e.kind() == ErrorKind::NotFound => missing.push(path.clone()),
            Err(e) => return Err(e),
        }
        at = path.parent();
    }
    for path in missing.iter().rev() {
        match make(backend, path) {
            // Somebody else was faster.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            done => done?,
        }
    }
    if backend.stat(At::path(&place.path))?.is_dir() {
        Ok(())
    } else {
        Err(fs_core::Error::new(
            ErrorKind::NotADirectory,
            "create folder",
        ))
    }
}
