//! `lamina vault`

use std::ffi::OsString;
use std::io::IsTerminal as _;

use fs_backends::location::Kind;
use fs_core::{Control, Error, ErrorKind};
use zeroize::Zeroizing;

use super::check;
use super::context::Context;
use super::json::Output;
use super::outcome::{Misuse, Outcome};
use super::upkeep::{Kept, copy, info, tell_reclaimed};

/// `lamina vault ...`
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Tells what it is made of.
    Info {
        /// The vault.
        vault: OsString,
        #[command(flatten)]
        output: Output,
    },
    /// Reads everything and tells what is damaged.
    Check {
        /// The vault.
        vault: OsString,
        #[command(flatten)]
        repair: check::Repair,
        #[command(flatten)]
        output: Output,
    },
    /// Encrypts it with another password.
    Passwd {
        /// The vault.
        vault: OsString,
        /// The first line of FILE is the new password; otherwise LAMINA_NEW_PASSWORD, otherwise a prompt.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<OsString>,
    },
    /// Gives unused space back to the disk.
    Compact {
        /// The vault.
        vault: OsString,
        #[command(flatten)]
        output: Output,
    },
    /// Copies it as it is at this moment; encrypted stays encrypted.
    Backup {
        /// The vault.
        vault: OsString,
        /// The new file.
        to: OsString,
    },
}

/// Looks after a vault.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let open = |text| Kept::open(context, text, Kind::Vault);
    let look = |text| Kept::look(context, text, Kind::Vault);
    match &arguments.action {
        Action::Info { vault, output } => info(&look(vault)?, output),
        Action::Check {
            vault,
            repair,
            output,
        } => match repair.is_wanted() {
            true => check::kept(&open(vault)?, repair, output),
            false => check::kept(&look(vault)?, repair, output),
        },
        Action::Passwd {
            vault,
            new_password_file,
        } => change_password(context, &open(vault)?, new_password_file.as_ref()),
        Action::Compact { vault, output } => {
            let vault = open(vault)?;
            let reclaimed = vault.maintenance()?.compact(&Control::new())?;
            tell_reclaimed(&vault, reclaimed, output)
        }
        Action::Backup { vault, to } => copy(&look(vault)?, to),
    }
}

/// Encrypts what is encrypted with another password.
pub fn change_password(
    context: &Context,
    kept: &Kept,
    new_password_file: Option<&OsString>,
) -> anyhow::Result<Outcome> {
    if kept.maintenance()?.info()?.cipher.is_none() {
        let detail = "it is not encrypted; make an encrypted one and copy into it";
        return Err(Error::new(ErrorKind::Unsupported, "change password")
            .with_detail(detail)
            .into());
    }
    let old = context.keys().of(kept.location()).unwrap_or_default();
    let new = new_password(new_password_file)?;
    kept.maintenance()?.change_password(&old, &new)?;
    Ok(Outcome::Done)
}

/// The password something gets.
pub fn new_password(file: Option<&OsString>) -> anyhow::Result<Zeroizing<String>> {
    if let Some(file) = file {
        return super::password::first_line(file.as_ref());
    }
    if let Ok(password) = std::env::var("LAMINA_NEW_PASSWORD") {
        return Ok(Zeroizing::new(password));
    }
    if !std::io::stdin().is_terminal() {
        let wanted = "the new password is missing: --new-password-file or LAMINA_NEW_PASSWORD";
        return Err(Misuse(wanted.to_owned()).into());
    }
    let ask = |prompt| rpassword::prompt_password(prompt).map(Zeroizing::new);
    let first = ask("New password: ")?;
    if first != ask("The same again: ")? {
        return Err(Misuse("the two passwords are not the same".to_owned()).into());
    }
    Ok(first)
}
