//! What can be done for vaults and stores alike.

use std::ffi::OsString;
use std::io::Write as _;

use anyhow::Context as _;
use fs_backends::location::Kind;
use fs_core::Time;
use fs_core::maintenance::{Info, Reclaimed};
use serde::Serialize;

use super::context::{Context, is_in_use};
use super::json::{self, Output};
use super::kept::Kept;
use super::make::in_a_folder;
use super::outcome::Outcome;
use super::passwd::change_password;
use super::{check, print, salvage, work};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Action {
    /// Tells what it is made of.
    Info {
        /// The vault or store.
        location: OsString,
        #[command(flatten)]
        output: Output,
    },
    /// Reads everything and tells what is damaged.
    Check {
        /// The vault or store.
        location: OsString,
        #[command(flatten)]
        repair: check::Repair,
        #[command(flatten)]
        output: Output,
    },
    /// Gives it another password.
    Passwd {
        /// The vault or store.
        location: OsString,
        /// The first line of FILE is the new password; otherwise LAMINA_NEW_PASSWORD, otherwise a prompt.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<OsString>,
    },
    /// Gives unused space of its database back to the disk.
    Compact {
        /// The vault or store.
        location: OsString,
        #[command(flatten)]
        output: Output,
    },
    /// Copies it as it is at this moment; encrypted stays encrypted.
    Backup {
        /// The vault or store.
        location: OsString,
        /// The new file or folder.
        to: OsString,
    },
    /// Saves what can be read of a damaged one. It is never changed.
    Salvage {
        /// The vault or store, whole or not.
        location: OsString,
        /// A new or empty folder, anywhere.
        target: OsString,
        #[command(flatten)]
        output: Output,
    },
}

/// Looks after a vault or store.
pub fn run(context: &Context, kind: Kind, action: &Action) -> anyhow::Result<Outcome> {
    let open = |text| Kept::open(context, text, kind);
    let look = |text| Kept::look(context, text, kind);
    match action {
        Action::Info { location, output } => info(&look(location)?, output),
        Action::Check {
            location,
            repair,
            output,
        } => {
            let kept = match repair.is_wanted() {
                true => open(location),
                false => look(location),
            };
            match kept {
                Ok(kept) => check::kept(&kept, repair, output),
                Err(why) => check::unopened(context, location, kind, why, output),
            }
        }
        Action::Passwd {
            location,
            new_password_file,
        } => change_password(context, &open(location)?, new_password_file.as_ref()),
        Action::Compact { location, output } => {
            let kept = open(location)?;
            let safe = "what was given back so far stays so, and all that is in it is as it was";
            let reclaimed = work::run("compacting", safe, |control| {
                Ok(kept.maintenance()?.compact(control)?)
            })?;
            tell_reclaimed(&kept, reclaimed, output)
        }
        Action::Backup { location, to } if kind == Kind::Store => {
            // It completes its blobs first, unless another program does.
            let kept = match open(location) {
                Err(error) if is_in_use(&error) => look(location)?,
                opened => opened?,
            };
            copy(&kept, to)
        }
        Action::Backup { location, to } => copy(&look(location)?, to),
        Action::Salvage {
            location,
            target,
            output,
        } => salvage::run_as(context, kind, location, target, output),
    }
}

/// Tells what a filesystem is made of.
fn info(kept: &Kept, output: &Output) -> anyhow::Result<Outcome> {
    #[derive(Serialize)]
    struct Document {
        location: String,
        #[serde(flatten)]
        info: Info,
    }
    let info = kept.maintenance()?.info()?;
    if output.json {
        let location = kept.location().to_string();
        json::write(&Document { location, info })?;
        return Ok(Outcome::Done);
    }
    let mut out = print::out();
    let counts = info.counts;
    let sizes = info.sizes;
    let created = print::time(Time::from_nanos(info.created_ns));
    writeln!(out, "{} {}", info.kind, kept.location())?;
    writeln!(out, "format       {}", info.format)?;
    writeln!(out, "identity     {}", info.uuid)?;
    writeln!(out, "made         {created}")?;
    writeln!(out, "generation   {}", info.generation)?;
    match &info.cipher {
        Some(cipher) => writeln!(
            out,
            "encrypted    {}, {}, {}",
            cipher.cipher, cipher.authentication, cipher.key_derivation
        )?,
        None => writeln!(out, "encrypted    no")?,
    }
    writeln!(out, "checked by   {}", info.integrity)?;
    writeln!(out, "page         {} bytes", info.page_bytes)?;
    writeln!(
        out,
        "holds        {} files, {} folders, {} links, {} special, {} in the trash",
        counts.files, counts.folders, counts.symlinks, counts.special, counts.trash
    )?;
    writeln!(
        out,
        "contents     {} ({} to be removed), {} blobs",
        counts.contents, counts.unnamed_contents, counts.blobs
    )?;
    for (name, bytes) in [
        ("files", sizes.content_bytes),
        ("stored", sizes.stored_bytes),
        ("database", sizes.database_bytes),
        ("unused in it", sizes.free_bytes),
        ("log", sizes.log_bytes),
        ("blobs", sizes.blob_bytes),
        ("disk free", sizes.host_available_bytes),
    ] {
        let shown = humansize::format_size(bytes, humansize::BINARY);
        writeln!(out, "{name:<12} {bytes} bytes ({shown})")?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// Copies it to a new place on the host.
fn copy(kept: &Kept, to: &OsString) -> anyhow::Result<Outcome> {
    let shown = || to.display().to_string();
    let path = std::env::current_dir()?.join(to);
    in_a_folder(&path).with_context(shown)?;
    work::run(
        "copying",
        "there is no copy, and nothing was changed",
        |control| Ok(kept.maintenance()?.backup(&path, control)?),
    )
    .with_context(shown)?;
    Ok(Outcome::Done)
}

/// Tells what was given back.
pub fn tell_reclaimed(
    kept: &Kept,
    reclaimed: Reclaimed,
    output: &Output,
) -> anyhow::Result<Outcome> {
    if output.json {
        json::write(&reclaimed)?;
        return Ok(Outcome::Done);
    }
    let shown = humansize::format_size(reclaimed.bytes, humansize::BINARY);
    let mut out = print::out();
    match reclaimed.files {
        0 => writeln!(out, "{}: {shown} given back", kept.location())?,
        files => writeln!(
            out,
            "{}: {files} files removed, {shown} given back",
            kept.location()
        )?,
    }
    out.flush()?;
    Ok(Outcome::Done)
}
