//! What opening an entry means: a folder, a filesystem of ours, or a file.

use std::path::Path;

use fs_backends::location::{HostItem, Location, Root, probe};
use fs_core::ops::Place;
use fs_core::resolve::{Last, PathResolver as _, PosixResolver};
use fs_core::{Backend, FileKind, Result};

use super::message::{Settled, Target};
use crate::state::filesystem::{host_path, place_of};

/// Follows links to the end and looks what is there.
pub fn activate(backend: &dyn Backend, place: &Place) -> Result<Target> {
    let raw = Path::new(place.path.as_os_str());
    let resolved = PosixResolver.resolve(backend, raw, Last::Follow)?;
    let kind = backend.stat(resolved.at())?.kind;
    if let Some(path) = host_path(place)
        && let Some(root) = own_filesystem(path)?
    {
        return Ok(Target::Filesystem(Location::new(root)));
    }
    Ok(match kind {
        FileKind::Directory => Target::Folder(place.clone()),
        kind => Target::File(place.clone(), kind),
    })
}

/// The filesystem of ours kept at a host path, if there is one.
fn own_filesystem(path: &Path) -> Result<Option<Root>> {
    let path = path.to_path_buf();
    let kind = Location::new(Root::Path(path.clone())).kind();
    Ok(match probe(&path)? {
        HostItem::Store => Some(Root::Store(path)),
        HostItem::Saved | HostItem::EncryptedSaved => Some(Root::Saved(path)),
        HostItem::Stack => Some(Root::Stack(path)),
        HostItem::EncryptedVault => Some(Root::Vault(path)),
        // Other programs keep plain SQLite files under every name; only `.db` promises a vault.
        HostItem::PlainVault | HostItem::Open if kind == fs_backends::location::Kind::Vault => {
            Some(Root::Vault(path))
        }
        HostItem::Open if kind == fs_backends::location::Kind::Memory => Some(Root::Saved(path)),
        _ => None,
    })
}

/// What a location is: its kind, and whether a host path is a plain file.
pub fn settle(location: &Location) -> Result<Settled> {
    let location = location.settled()?;
    let found = match location.root() {
        Root::Host(path) => Some(probe(path)?),
        _ => None,
    };
    Ok(Settled {
        location,
        is_missing: found == Some(HostItem::Missing),
        // Of the host it is a file, whatever is kept in it.
        is_file: !matches!(
            found,
            None | Some(HostItem::Missing | HostItem::Folder | HostItem::Store)
        ),
    })
}

/// The folder that shows a settled location, and the entry in it that gets the cursor.
pub fn shown_at(settled: &Settled) -> (Place, Option<fs_core::Name>) {
    let place = place_of(&settled.location);
    match (settled.is_file, place.path.split_last()) {
        (true, Some((folder, name))) => (place.with_path(folder), Some(name)),
        _ => (place, None),
    }
}
