//! Giving free pages back to the host: in small transactions, so that others get their turn and a kill costs nothing.

use fs_core::maintenance::Reclaimed;
use fs_core::{Control, Error, Result};

use crate::catalog::keeper::{LOG_BYTES, VACUUM_PAGES, checkpoint, vacuum_some};
use crate::catalog::store::{CatalogContent, CatalogStore};
use crate::virtual_fs::NodeStore as _;

/// Removes what nobody names, moves the last pages into free places and cuts the file, until nothing is free.
pub(super) fn compact<C: CatalogContent>(
    store: &CatalogStore<C>,
    control: &Control,
) -> Result<Reclaimed> {
    let database = store.database();
    // The log counts: what was deleted a moment ago is still in it.
    let length = || {
        std::fs::metadata(database.path())
            .map(|file| file.len() + database.log_bytes())
            .map_err(|error| Error::from_io(error, "compact").with_path(database.path()))
    };
    let before = length()?;
    while store.content().reap_some()? {
        control.check()?;
    }
    store.barrier()?;
    loop {
        control.check()?;
        let more = database.exclusively(|db| {
            let more = vacuum_some(db, VACUUM_PAGES)?;
            // Only a checkpoint shortens the file, and the log must not grow without bound. It makes the names of blobs durable, so blobs come first.
            if !more || database.log_bytes() > LOG_BYTES {
                store.content().sync_outside()?;
                checkpoint(db)?;
            }
            Ok(more)
        })?;
        control.add_items(1);
        if !more {
            break;
        }
    }
    Ok(Reclaimed {
        files: 0,
        bytes: before.saturating_sub(length()?),
    })
}
