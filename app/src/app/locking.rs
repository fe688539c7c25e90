//! Unlocking and locking encrypted filesystems.

use std::time::Instant;

use fs_backends::location::Root;
use fs_core::ops::FsRef;

use super::App;
use crate::background::Request;
use crate::command::{Over, Secret};
use crate::state::filesystem::Locked;
use crate::state::toast::Level;
use crate::state::{After, Dialog, FsStatus, Load};

impl App {
    pub(super) fn unlock(&mut self, fs: &FsRef, secret: Secret, read_only: bool) {
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        let FsStatus::Locked(locked) = &info.status else {
            return;
        };
        if locked.seconds_left(Instant::now()) == 0 {
            info.read_only = read_only;
            self.mount(fs, Some(secret));
        }
    }

    /// As [`lock`](Self::lock), but what is not saved is saved first, unasked: who locks everything goes away.
    pub(super) fn lock_saved(&mut self, fs: &FsRef) {
        match self.state.filesystems.get(fs) {
            Some(info) if info.unsaved => self.lock_unsaved(fs, true),
            _ => self.lock(fs),
        }
    }

    /// Locks a memory filesystem: once it is saved, or with the loss of what is not.
    pub(super) fn lock_unsaved(&mut self, fs: &FsRef, save: bool) {
        self.state.dialog = None;
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        match (save, &info.saved) {
            (true, Some(file)) => {
                let request = Request::Save(fs.clone(), file.path.clone(), Over::Own, None);
                self.lock_when_saved.insert(fs.clone());
                self.background.send(request);
            }
            (true, None) => {}
            (false, _) => {
                info.unsaved = false;
                self.lock(fs);
            }
        }
    }

    /// Closes an encrypted filesystem. Nothing of it stays in the window.
    pub(super) fn lock(&mut self, fs: &FsRef) {
        self.lock_snapshots(fs);
        let busy = self
            .state
            .operations
            .active()
            .any(|(_, running)| running.touches(fs));
        let layer = self
            .state
            .filesystems
            .values()
            .any(|info| info.made_of.contains(fs));
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        if busy || layer {
            let user = if busy {
                "an operation; stop it"
            } else {
                "a stack; close that"
            };
            let text = format!("{} is in use by {user} before locking", info.name);
            self.note(Level::Error, text);
            return;
        }
        if info.unsaved {
            self.state.dialog = Some(Dialog::LockUnsaved(fs.clone()));
            return;
        }
        if info.folder.is_some() {
            return self.unmount_folder(fs, After::Lock);
        }
        self.shut(fs, FsStatus::Locked(Locked::default()));
    }

    /// Closes a filesystem whose tabs stay. Nothing of it stays in the window.
    pub(super) fn shut(&mut self, fs: &FsRef, status: FsStatus) {
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        // Nobody reads on in a filesystem that is closed.
        if let Some(job) = info.care.job.take() {
            job.control.cancel();
        }
        info.care = Default::default();
        info.status = status;
        info.tally = None;
        info.snapshots = None;
        for tab in self
            .state
            .workspace
            .tabs_mut()
            .filter(|tab| tab.fs() == Some(fs))
        {
            tab.supersede();
            tab.view = Default::default();
            tab.load = Load::Loading;
            tab.cursor = None;
            tab.anchor = None;
            tab.selection = Default::default();
            tab.rename = None;
            tab.search = None;
            tab.recount();
        }
        if self
            .state
            .clip
            .as_ref()
            .is_some_and(|clip| clip.items.iter().any(|item| item.fs == *fs))
        {
            self.state.clip = None;
        }
        self.drafts.forget_secret(fs);
        self.drafts.forget_content();
        // They may name what is in it.
        self.state.toasts.forget_done();
        self.background.send(Request::Unmount(fs.clone()));
    }

    /// The snapshots of a filesystem that are shown are locked with it.
    fn lock_snapshots(&mut self, fs: &FsRef) {
        let filesystems = &self.state.filesystems;
        let Some(info) = filesystems.get(fs) else {
            return;
        };
        let of_it = |root: &Root| matches!(root, Root::Snapshot { of, .. } if **of == *info.location.root());
        let shown: Vec<FsRef> = filesystems
            .iter()
            .filter(|(_, info)| info.is_open() && of_it(info.location.root()))
            .map(|(fs, _)| fs.clone())
            .collect();
        shown.iter().for_each(|fs| self.lock(fs));
    }
}
