//! What looking after vaults and stores has in common.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use fs_backends::location::{Kind, Location, Root};
use fs_core::maintenance::{Info, Maintenance, Reclaimed};
use fs_core::{Backend, Control, Error, ErrorKind, Time};
use serde::Serialize;

use super::context::Context;
use super::json::{self, Output};
use super::outcome::Outcome;
use super::print;

/// An open filesystem that is kept in files of its own.
pub struct Kept {
    location: Location,
    backend: Arc<dyn Backend>,
}

impl Kept {
    /// Opens the whole filesystem that `text` names, for changes; a bare path is taken for one of this kind, whatever it is called.
    pub fn open(context: &Context, text: &OsStr, kind: Kind) -> anyhow::Result<Self> {
        Self::open_as(context, text, kind, false)
    }

    /// As [`Kept::open`], to look at it: another program may have it open, and nothing needs to be writable.
    pub fn look(context: &Context, text: &OsStr, kind: Kind) -> anyhow::Result<Self> {
        Self::open_as(context, text, kind, true)
    }

    fn open_as(
        context: &Context,
        text: &OsStr,
        kind: Kind,
        read_only: bool,
    ) -> anyhow::Result<Self> {
        let named = context.location(text)?;
        let root = match (named.root(), kind) {
            (Root::Path(path), Kind::Vault) => Root::Vault(path.clone()),
            (Root::Path(path), Kind::Store) => Root::Store(path.clone()),
            (root, _) => root.clone(),
        };
        let location = Location::new(root);
        let open = || {
            if location.kind() != kind {
                return Err(Error::new(ErrorKind::UnknownFormat, "open").into());
            }
            let backend = context.whole(&location, read_only)?;
            anyhow::Ok(Self {
                location: location.clone(),
                backend,
            })
        };
        open().with_context(|| text.display().to_string())
    }

    /// The filesystem of a place, when the place is all of it.
    pub fn of(location: Location, backend: Arc<dyn Backend>) -> Option<Self> {
        backend.extensions().maintenance?;
        Some(Self { location, backend })
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// What it can do for itself.
    pub fn maintenance(&self) -> fs_core::Result<&dyn Maintenance> {
        let maintenance = self.backend.extensions().maintenance;
        maintenance.ok_or_else(|| Error::new(ErrorKind::Unsupported, "look after"))
    }
}

/// Tells what a filesystem is made of.
pub fn info(kept: &Kept, output: &Output) -> anyhow::Result<Outcome> {
    #[derive(Serialize)]
    struct Document {
        location: String,
        #[serde(flatten)]
        info: Info,
    }
    let info = kept.maintenance()?.info()?;
    if output.json {
        let location = kept.location.to_string();
        json::write(&Document { location, info })?;
        return Ok(Outcome::Done);
    }
    let mut out = print::out();
    let counts = info.counts;
    let sizes = info.sizes;
    let created = print::time(Time::from_nanos(info.created_ns));
    writeln!(out, "{} {}", info.kind, kept.location)?;
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
pub fn copy(kept: &Kept, to: &OsString) -> anyhow::Result<Outcome> {
    let to = std::env::current_dir()?.join(to);
    kept.maintenance()?.backup(&to, &Control::new())?;
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
        0 => writeln!(out, "{}: {shown} given back", kept.location)?,
        files => writeln!(
            out,
            "{}: {files} files removed, {shown} given back",
            kept.location
        )?,
    }
    out.flush()?;
    Ok(Outcome::Done)
}
