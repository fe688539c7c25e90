//! Another password for a vault or store.

use std::ffi::OsString;
use std::io::IsTerminal as _;

use fs_core::{Error, ErrorKind};
use zeroize::Zeroizing;

use super::context::Context;
use super::kept::Kept;
use super::outcome::{Misuse, Outcome};

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
