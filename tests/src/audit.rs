//! What must hold of a filesystem after a crash or a fault.

use std::sync::Arc;

use fs_core::maintenance::Damage;
use fs_core::{Backend, Control, FileStorage, Result};

use crate::script::Files;

/// Every file two levels down, with its bytes.
///
/// Errors: those of reading.
pub fn files(fs: &FileStorage<Arc<dyn Backend>>) -> Result<Files> {
    let mut all = Files::new();
    for folder in fs.read_dir("/")? {
        let folder = folder?.path().to_path_buf();
        for file in fs.read_dir(&folder)? {
            let path = file?.path().to_path_buf();
            let bytes = fs.read(&path)?;
            all.insert(path.to_str().unwrap().to_owned(), bytes);
        }
    }
    Ok(all)
}

/// What a check finds, leftovers included. A filesystem without one has nothing to find.
///
/// # Panics
/// When the check itself fails.
pub fn findings(backend: &dyn Backend) -> Vec<Damage> {
    let mut found = Vec::new();
    if let Some(maintenance) = backend.extensions().maintenance {
        maintenance
            .check(&Control::new(), &mut |damage| found.push(damage))
            .unwrap();
    }
    found
}

/// Nothing is damaged; leftovers of what was interrupted are no damage.
///
/// # Panics
/// When something is.
pub fn is_sound(backend: &dyn Backend, what: &str) {
    let mut found = findings(backend);
    found.retain(|damage| !damage.kind.is_harmless());
    assert!(found.is_empty(), "{what}: {found:?}");
}

/// After a collection not even leftovers are there.
///
/// # Panics
/// When something is.
pub fn is_clean(backend: &dyn Backend, what: &str) {
    if let Some(maintenance) = backend.extensions().maintenance {
        maintenance.collect(0, &Control::new()).unwrap();
    }
    let found = findings(backend);
    assert!(found.is_empty(), "{what}: {found:?}");
}
