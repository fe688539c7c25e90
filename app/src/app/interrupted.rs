//! What a crash interrupted: offered once, and again when a vault it waits for is unlocked.

use fs_core::ops::{EntryId, FsRef};

use super::App;
use crate::state::{Dialog, Unfinished};

impl App {
    /// What a crash interrupted, as far as known by now: what is new is offered, once.
    pub(super) fn unfinished(&mut self, unfinished: Vec<Unfinished>) {
        let known = &self.state.operations.unfinished;
        let is_new = |it: &Unfinished| known.iter().all(|known| known.entry != it.entry);
        let retried = |it: &Unfinished| self.drafts.tried.contains(&it.entry);
        let news = unfinished.iter().any(|it| is_new(it) && !retried(it));
        self.drafts.offer_unfinished |= news;
        self.drafts.offer_unfinished &= !unfinished.is_empty();
        self.state.operations.unfinished = unfinished;
        self.close_decided();
        self.ask_next();
    }

    /// Something was decided about an interrupted operation; the others are asked for on.
    pub(super) fn decided(&mut self, entry: EntryId) {
        let all = &mut self.state.operations.unfinished;
        let before = all.len();
        all.retain(|it| it.entry != entry);
        if all.len() < before {
            self.drafts.tried.insert(entry);
        }
        self.close_decided();
        self.ask_next();
    }

    fn close_decided(&mut self) {
        let over = self.state.operations.unfinished.is_empty();
        if over && matches!(self.state.dialog, Some(Dialog::Unfinished)) {
            self.state.dialog = None;
        }
    }

    /// A vault was unlocked: what waited for it is offered again.
    pub(super) fn offer_again(&mut self, fs: &FsRef) {
        self.drafts.tried.clear();
        let mut all = self.state.operations.unfinished.iter();
        if all.any(|it| it.filesystems.contains(fs)) {
            self.drafts.offer_unfinished = true;
            self.ask_next();
        }
    }
}
