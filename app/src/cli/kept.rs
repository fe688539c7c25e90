//! A vault or store as a whole, opened to look after it.

use std::ffi::OsStr;
use std::sync::Arc;

use anyhow::Context as _;
use fs_backends::location::{Kind, Location, Root};
use fs_core::maintenance::Maintenance;
use fs_core::{Backend, Error, ErrorKind};

use super::context::Context;

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
            let backend = match context.whole(&location, read_only) {
                Ok(backend) => backend,
                Err(error) => return Err(of_another_kind(&named, kind).map_or(error, Into::into)),
            };
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

/// What to say instead, where something of another kind is kept at a path.
fn of_another_kind(named: &Location, wanted: Kind) -> Option<Error> {
    let found = named.settled().ok()?.kind();
    let (what, command) = match found {
        _ if found == wanted => return None,
        Kind::Vault => ("a vault", "vault"),
        Kind::Store => ("a store", "store"),
        Kind::Memory => ("a saved memory filesystem", "memory"),
        _ => return None,
    };
    let host_path = named.host_path()?;
    host_path.exists().then(|| {
        let detail = format!("it is {what}; lamina {command} looks after it");
        Error::new(ErrorKind::UnknownFormat, "open").with_detail(detail)
    })
}
