//! Stacks of layers: how much the top layer changed, reviewing it, and taking it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::ops::{FsRef, Operation, Place};
use fs_core::{ErrorKind, VPath};

use super::App;
use crate::background::Request;
use crate::state::layers::{Changes, Review, Tally};
use crate::state::{Dialog, Generation};

/// A count of changes that is under way.
pub(super) struct Counting {
    generation: Generation,
    cancel: Arc<AtomicBool>,
}

impl App {
    /// Counts what the top layer of a stack changed, unless an operation is changing it just now: its end counts.
    pub(super) fn count_changes(&mut self, fs: &FsRef) {
        let layered = |fs| {
            self.state
                .filesystems
                .get(fs)
                .is_some_and(|info| info.is_open() && info.is_layered() && info.hidden.is_empty())
        };
        let busy = self
            .state
            .operations
            .active()
            .any(|(_, running)| running.touches(fs));
        if busy || !layered(fs) {
            return;
        }
        let counting = Counting {
            generation: Generation::fresh(),
            cancel: Arc::default(),
        };
        self.background.send(Request::Changes {
            fs: fs.clone(),
            sums: false,
            cancel: counting.cancel.clone(),
            generation: counting.generation,
        });
        if let Some(old) = self.counting.insert(fs.clone(), counting) {
            old.cancel.store(true, Ordering::Relaxed);
        }
    }

    /// Opens the dialog that reviews the changes of a stack's top layer.
    pub(super) fn review(&mut self, fs: FsRef) {
        self.drafts.review = Default::default();
        self.state.dialog = Some(Dialog::Review(Review {
            fs,
            changes: None,
            error: None,
            generation: Generation::fresh(),
            cancel: Arc::default(),
        }));
        self.look_again();
    }

    /// Asks for what the open review shows.
    fn look_again(&mut self) {
        let Some(Dialog::Review(review)) = &mut self.state.dialog else {
            return;
        };
        review.cancel.store(true, Ordering::Relaxed);
        review.cancel = Arc::default();
        review.generation = Generation::fresh();
        self.background.send(Request::Changes {
            fs: review.fs.clone(),
            sums: true,
            cancel: review.cancel.clone(),
            generation: review.generation,
        });
    }

    /// The answer to a count or a review.
    pub(super) fn changes_found(
        &mut self,
        fs: &FsRef,
        generation: Generation,
        result: fs_core::Result<Changes>,
    ) {
        if let Ok(changes) = &result {
            let is_count = self
                .counting
                .get(fs)
                .is_some_and(|counting| counting.generation == generation);
            if let (true, Some(info)) = (is_count, self.state.filesystems.get_mut(fs)) {
                info.tally = Some(Tally::of(changes));
                self.counting.remove(fs);
            }
        }
        let Some(Dialog::Review(review)) = &mut self.state.dialog else {
            return;
        };
        if review.generation != generation {
            return;
        }
        match result {
            Ok(changes) => {
                self.drafts
                    .review
                    .retain(|path| changes.list.iter().any(|change| change.path == *path));
                review.changes = Some(Arc::new(changes));
                review.error = None;
            }
            Err(error) if error.kind() == ErrorKind::Cancelled => {}
            Err(error) => review.error = Some(error),
        }
    }

    /// Takes changes of the top layer back.
    pub(super) fn discard_changes(&mut self, fs: &FsRef, paths: Vec<VPath>) {
        if paths.is_empty() {
            return;
        }
        let places = paths.into_iter().map(|path| Place::new(fs.clone(), path));
        self.submit(Operation::Revert(places.collect()));
    }

    /// Something was done to these filesystems: what is told of their layers is looked up again.
    pub(super) fn layers_changed(&mut self, touched: &[FsRef]) {
        touched.iter().for_each(|fs| self.count_changes(fs));
        let reviewed = matches!(&self.state.dialog, Some(Dialog::Review(review)) if touched.contains(&review.fs));
        if reviewed {
            self.look_again();
        }
    }
}
