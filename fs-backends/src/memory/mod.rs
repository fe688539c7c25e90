//! A filesystem in memory, with instant snapshots.

mod bytes;
mod content;
mod entry_name;
mod nodes;
mod saved;
mod store;
mod table;
mod transaction;

pub use content::MemoryContent;
pub use store::MemoryStore;

use fs_core::Result;

use crate::virtual_fs::VirtualFs;

/// A filesystem in memory: gone when the program ends unless it is saved.
///
/// `clone` is an instant, independent snapshot: it costs the same however much is in it, and neither side sees what the other does
/// afterwards. Open files and staged nodes stay with the original.
pub type MemoryBackend = VirtualFs<MemoryStore>;

impl MemoryBackend {
    /// An empty filesystem without a limit.
    pub fn new() -> Self {
        Self::build(MemoryStore::empty(None))
    }

    /// An empty filesystem whose content may take at most `limit_bytes`; beyond it writes answer `NoSpace` and change nothing.
    pub fn with_limit(limit_bytes: u64) -> Self {
        Self::build(MemoryStore::empty(Some(limit_bytes)))
    }

    /// Puts the content of `snapshot` in place of what is here. Open files whose node is gone keep what they had.
    pub fn restore(&self, snapshot: &Self) -> Result<()> {
        self.restore_with(|open| {
            self.store().replace(snapshot.store().image(), open);
            Ok(())
        })
    }

    /// Counts changes: equal numbers mean that nothing changed in between.
    pub fn generation(&self) -> u64 {
        self.store().generation()
    }

    /// Is there anything that was not saved (or loaded) as it is now? New filesystems are unmodified.
    pub fn is_modified(&self) -> bool {
        self.store().generation() != self.store().saved_generation()
    }

    /// Sweeping an image can't fail in memory unless it is damaged; then the rest stays as it is.
    fn build(store: MemoryStore) -> Self {
        Self::over_swept(store)
    }
}

impl Clone for MemoryBackend {
    fn clone(&self) -> Self {
        let store = self.store();
        Self::build(MemoryStore::from_image(store.image(), store.limit_bytes()))
    }
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}
