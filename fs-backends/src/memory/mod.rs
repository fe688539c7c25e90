//! A filesystem in memory, with instant snapshots.

mod bytes;
mod content;
mod entry_name;
mod limit;
mod nodes;
mod saved;
mod snapshots;
mod store;
mod table;
mod transaction;

pub use content::MemoryContent;
pub use limit::default_limit_bytes;
pub use store::MemoryStore;

pub(crate) use saved::{is_saved, is_sealed, replace_file, salvage};

use fs_core::Result;

use content::Limits;
use store::Image;

use crate::virtual_fs::VirtualFs;

/// A filesystem in memory: gone when the program ends unless it is saved.
///
/// `clone` is an instant, independent copy: it costs the same however much is in it, and neither side sees what the other does
/// afterwards. Open files, staged nodes and named snapshots stay with the original, which counts what the two share, as the copy does.
pub type MemoryBackend = VirtualFs<MemoryStore>;

impl MemoryBackend {
    /// An empty filesystem without a limit.
    pub fn new() -> Self {
        Self::build(MemoryStore::empty(Limits::default()))
    }

    /// An empty filesystem whose content, with what only its snapshots hold, may take at most `limit_bytes`; beyond it writes answer `NoSpace`
    /// and change nothing.
    pub fn with_limit(limit_bytes: u64) -> Self {
        let limits = Limits {
            own_bytes: Some(limit_bytes),
            ..Limits::default()
        };
        Self::build(MemoryStore::empty(limits))
    }

    /// Puts the content of `snapshot` in place of what is here. Open files whose node is gone keep what they had.
    pub fn restore(&self, snapshot: &Self) -> Result<()> {
        self.put_in_place(snapshot.store().image()).map(drop)
    }

    /// Answers the generation it is then.
    fn put_in_place(&self, image: Image) -> Result<u64> {
        let mut generation = 0;
        self.restore_with(|open| {
            generation = self.store().replace(image, open);
            Ok(())
        })?;
        self.store().kept().replaced();
        Ok(generation)
    }

    /// The most its content may take, with what only snapshots hold. It is saved with it; `None`: there is no such limit.
    pub fn limit_bytes(&self) -> Option<u64> {
        self.store().limits().own_bytes
    }

    /// Another limit from now on. More may be there already; then nothing can grow.
    pub fn set_limit_bytes(&self, limit_bytes: Option<u64>) {
        self.store().limits_mut().own_bytes = limit_bytes;
        self.store().snapshots_changed();
    }

    /// Keeps it to [what the machine gives](default_limit_bytes) as long as it has no limit of its own.
    #[must_use]
    pub fn within_machine(self) -> Self {
        self.store().limits_mut().machine_bytes = default_limit_bytes();
        self
    }

    /// Counts changes: equal numbers mean that nothing changed in between.
    pub fn generation(&self) -> u64 {
        self.store().generation()
    }

    /// Is there anything that was not saved (or loaded) as it is now? New filesystems are unmodified.
    pub fn is_modified(&self) -> bool {
        self.store().is_modified()
    }

    /// Sweeping an image can't fail in memory unless it is damaged; then the rest stays as it is.
    fn build(store: MemoryStore) -> Self {
        Self::over_swept(store)
    }
}

impl Clone for MemoryBackend {
    fn clone(&self) -> Self {
        let store = self.store();
        let copy = MemoryStore::from_image(store.image(), store.limits());
        copy.password().clone_from(&store.password());
        Self::build(copy)
    }
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}
