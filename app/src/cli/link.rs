//! `lamina ln`

use std::ffi::OsString;

use anyhow::Context as _;
use fs_core::resolve::Last;
use fs_core::{At, Change, Error, ErrorKind, NewNode};

use super::context::Context;
use super::outcome::Outcome;

/// `lamina ln [-s] TARGET LINK`
#[derive(clap::Args)]
pub struct Arguments {
    /// A symbolic link, with TARGET as its text.
    #[arg(short)]
    symbolic: bool,
    /// What it leads to.
    target: OsString,
    /// The new name.
    link: OsString,
}

/// Makes a link.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut link = context.place(&arguments.link, Last::Keep)?;
    let backend = context.backend(&link)?;
    let into = backend.stat(At::path(&link.path)).is_ok_and(|m| m.is_dir());
    if into && let Some(name) = std::path::Path::new(&arguments.target).file_name() {
        link = link.join(&fs_core::Name::new(name)?);
    }
    if arguments.symbolic {
        let new = NewNode::symlink(arguments.target.clone());
        let made = backend.change(&Change::Create(At::path(&link.path), &new));
        made.with_context(|| arguments.link.display().to_string())?;
        return Ok(Outcome::Done);
    }
    let target = context.place(&arguments.target, Last::Keep)?;
    let shown = || {
        let (target, link) = (arguments.target.display(), arguments.link.display());
        format!("{link} to {target}")
    };
    if target.fs != link.fs {
        return Err(Error::new(ErrorKind::CrossDevice, "link")).with_context(shown);
    }
    let made = backend.change(&Change::Link {
        from: At::path(&target.path),
        to: At::path(&link.path),
    });
    made.with_context(shown)?;
    Ok(Outcome::Done)
}
