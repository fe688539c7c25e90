//! `lamina memory`

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use fs_backends::MemoryBackend;
use fs_backends::location::Root;
use fs_core::{Error, ErrorKind};

use super::context::Context;
use super::outcome::Outcome;
use super::passwd::new_password;

/// `lamina memory ...`
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Encrypts it with another password, or with its first one.
    Passwd {
        /// The file it is saved in.
        file: OsString,
        /// The first line of FILE is the new password; otherwise LAMINA_NEW_PASSWORD, otherwise a prompt.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<OsString>,
    },
}

/// Looks after a saved memory filesystem.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let Action::Passwd {
        file,
        new_password_file,
    } = &arguments.action;
    change_password(context, file, new_password_file.as_ref())
        .with_context(|| file.display().to_string())?;
    Ok(Outcome::Done)
}

fn change_password(
    context: &Context,
    file: &OsString,
    new_password_file: Option<&OsString>,
) -> anyhow::Result<()> {
    let location = context.location(file)?;
    let path: &Path = match location.root() {
        Root::Saved(path) | Root::Path(path) if location.inner().is_root() => path,
        _ => return Err(Error::new(ErrorKind::UnknownFormat, "open").into()),
    };
    let memory = match MemoryBackend::open_saved(path, None) {
        Err(e) if e.kind() == ErrorKind::PasswordNeeded => {
            let old = context.keys().of(&location).ok_or(e)?;
            MemoryBackend::open_saved(path, Some(old.as_str()))?
        }
        loaded => loaded?,
    };
    memory.set_password(Some(&new_password(new_password_file)?))?;
    Ok(memory.save_to(path)?)
}
