//! Who holds which content: nothing is reaped while someone reads it.

use std::sync::Arc;

use foldhash::HashMap;
use fs_core::Result;
use parking_lot::Mutex;

use super::Shared;
use super::store::{Content, ContentId, ContentStore as _, NodeStore};

/// The contents in use, and by how many files.
#[derive(Default)]
pub(super) struct Held(Mutex<HashMap<ContentId, Holders>>);

#[derive(Default)]
struct Holders {
    count: usize,
    /// No node names it: to be reaped when the last holder lets go.
    orphan: bool,
}

impl Held {
    /// Notes that no node names `content` (or that one does again). `true`: nobody holds it either, reap it now.
    pub(super) fn set_orphan(&self, content: ContentId, orphan: bool) -> bool {
        match self.0.lock().get_mut(&content) {
            Some(holders) => {
                holders.orphan = orphan;
                false
            }
            None => orphan,
        }
    }

    /// Does more than one file hold it?
    pub(super) fn is_shared(&self, content: ContentId) -> bool {
        self.0
            .lock()
            .get(&content)
            .is_some_and(|holders| holders.count > 1)
    }

    /// All that are held.
    pub(super) fn contents(&self) -> Vec<ContentId> {
        self.0.lock().keys().copied().collect()
    }
}

/// A held content. While it lives, the content is not reaped.
pub(super) struct Hold<S: NodeStore> {
    shared: Arc<Shared<S>>,
    id: ContentId,
    content: Mutex<Option<Arc<dyn Content>>>,
}

impl<S: NodeStore> Hold<S> {
    /// Holds existing content; opened when it is first needed.
    pub(super) fn existing(shared: &Arc<Shared<S>>, id: ContentId) -> Self {
        Self::new(shared, id, None, false)
    }

    /// Holds content no node names yet.
    pub(super) fn orphan(shared: &Arc<Shared<S>>, content: Arc<dyn Content>) -> Self {
        Self::new(shared, content.id(), Some(content), true)
    }

    fn new(
        shared: &Arc<Shared<S>>,
        id: ContentId,
        content: Option<Arc<dyn Content>>,
        orphan: bool,
    ) -> Self {
        if !id.is_empty() {
            let mut held = shared.open.held.0.lock();
            let holders = held.entry(id).or_default();
            holders.count += 1;
            holders.orphan |= orphan;
        }
        Self {
            shared: Arc::clone(shared),
            id,
            content: Mutex::new(content),
        }
    }

    pub(super) fn id(&self) -> ContentId {
        self.id
    }

    /// The same content, opened for writing.
    pub(super) fn reopen(&self, content: &Arc<dyn Content>) {
        *self.content.lock() = Some(Arc::clone(content));
    }

    /// The content to read; `None` when it is empty.
    pub(super) fn content(&self) -> Result<Option<Arc<dyn Content>>> {
        if self.id.is_empty() {
            return Ok(None);
        }
        let mut content = self.content.lock();
        if content.is_none() {
            *content = Some(self.shared.store.content().open(self.id)?);
        }
        Ok(content.clone())
    }
}

impl<S: NodeStore> Drop for Hold<S> {
    fn drop(&mut self) {
        if self.id.is_empty() {
            return;
        }
        let mut held = self.shared.open.held.0.lock();
        let reap = match held.get_mut(&self.id) {
            Some(holders) if holders.count <= 1 => {
                let orphan = holders.orphan;
                held.remove(&self.id);
                orphan
            }
            Some(holders) => {
                holders.count -= 1;
                false
            }
            None => false,
        };
        drop(held);
        if reap {
            *self.content.lock() = None;
            self.shared.reap_contents(vec![self.id]);
        }
    }
}
