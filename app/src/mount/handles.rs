//! What the kernel holds open, by the numbers it was given.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fuser::FileHandle;
use parking_lot::RwLock;

use super::attributes::{Answer, Failure};

/// Things the kernel holds open, by number.
pub struct Handles<T> {
    next: AtomicU64,
    open: RwLock<HashMap<u64, Arc<T>>>,
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self {
            next: AtomicU64::new(1),
            open: RwLock::default(),
        }
    }
}

impl<T> Handles<T> {
    /// Keeps it open.
    pub fn insert(&self, open: T) -> FileHandle {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.write().insert(number, Arc::new(open));
        FileHandle(number)
    }

    /// What is open under this number.
    pub fn get(&self, handle: FileHandle) -> Answer<Arc<T>> {
        let open = self.open.read();
        open.get(&handle.0).cloned().ok_or(Failure(libc::EBADF))
    }

    /// Closes it, when whoever uses it now is done.
    pub fn remove(&self, handle: FileHandle) {
        let closed = self.open.write().remove(&handle.0);
        // Closing may take long; nobody waits for the lock meanwhile.
        drop(closed);
    }
}
