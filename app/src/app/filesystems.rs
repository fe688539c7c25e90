//! What the window knows of filesystems: getting to know, mounting, making, saving and closing them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fs_backends::location::{Kind, Location, Root};
use fs_core::ops::{FsRef, Place};
use fs_core::{Capabilities, Error, ErrorKind};

use super::App;
use crate::background::Request;
use crate::background::message::MountInfo;
use crate::command::{FsCommand, OpenIn, Secret};
use crate::state::filesystem::{Locked, SAMPLE, SavedFile, host_path, location_of, place_of};
use crate::state::toast::Level;
use crate::state::{Arrival, Dialog, FsInfo, FsStatus, Tab, TabId, UserFolderKind};

impl App {
    /// Carries out a command on filesystems.
    pub(super) fn run_fs(&mut self, command: FsCommand) {
        match command {
            FsCommand::Unlock(fs, secret, read_only) => self.unlock(&fs, secret, read_only),
            FsCommand::Lock(fs) => self.lock(&fs),
            FsCommand::LockAll => {
                let open: Vec<FsRef> = self
                    .state
                    .filesystems
                    .iter()
                    .filter(|(_, info)| info.encrypted && info.is_open())
                    .map(|(fs, _)| fs.clone())
                    .collect();
                open.iter().for_each(|fs| self.lock_saved(fs));
            }
            FsCommand::LockUnsaved(fs, save) => self.lock_unsaved(&fs, save),
            FsCommand::EditLayers(fs, edit) => drop(self.edit_layers(&fs, edit)),
            FsCommand::StepLayers(fs, way, number) => self.step_layers(&fs, way, number),
            FsCommand::ShowLayer(fs, at, shown) => self.show_layer(&fs, at, shown),
            FsCommand::AskLayer(fs) => {
                self.drafts.begin_form(Kind::Stack, self.home());
                self.state.dialog = Some(Dialog::AddLayer(fs));
            }
            FsCommand::Retry(fs) => self.mount(&fs, None),
            FsCommand::RetryReadOnly(fs) => {
                if let Some(info) = self.state.filesystems.get_mut(&fs) {
                    info.read_only = true;
                    self.mount(&fs, None);
                }
            }
            FsCommand::AcceptBase(fs) => {
                self.state.dialog = None;
                self.mount_as(&fs, None, true);
            }
            FsCommand::Create(new, secret) => {
                self.drafts.creating = true;
                self.background.send(Request::Create { new, secret });
            }
            FsCommand::Save(fs, path, over, secret) => {
                self.state.dialog = None;
                self.background.send(Request::Save(fs, path, over, secret));
            }
            FsCommand::TakeFile(fs) => self.take_file(&fs),
            FsCommand::Close(fs) => self.close_filesystem(&fs),
            FsCommand::Review(fs) => self.review(fs),
            FsCommand::Discard(fs, paths) => self.discard_changes(&fs, paths),
            FsCommand::Snapshots(fs, command) => self.run_snapshots(&fs, command),
            FsCommand::Care(fs, command) => self.run_care(&fs, command),
            FsCommand::Folder(fs, command) => self.run_folder(&fs, command),
            FsCommand::Pick(pick) => self.background.send(Request::Pick(pick)),
            FsCommand::Ask(kind) => {
                self.drafts.begin_form(kind, self.home());
                self.state.dialog = Some(Dialog::Open(kind));
            }
            FsCommand::AskSalvage(fs) => self.ask_salvage(&fs),
            FsCommand::AskNew(kind) => {
                self.drafts.begin_form(kind, self.home());
                self.suggest_place(kind);
                self.state.dialog = Some(Dialog::Create(kind));
            }
        }
    }

    /// Where a new vault or store may go: into the folder that is shown, or home, by a name that is free there as far as one can see.
    fn suggest_place(&mut self, kind: Kind) {
        let (name, extension) = match kind {
            Kind::Vault => ("New vault", ".db"),
            Kind::Store => ("New store", ""),
            _ => return,
        };
        let tab = self.state.tab();
        let shown = tab.and_then(|tab| host_path(tab.place.as_ref()?));
        let Some(base) = shown.map(Path::to_path_buf).or_else(|| self.home()) else {
            return;
        };
        let is_taken = |name: &str| {
            let shows = |tab: &Tab| tab.view.row_of(OsStr::new(name), 0).is_some();
            shown.is_some() && tab.is_some_and(shows)
        };
        let mut free = format!("{name}{extension}");
        let mut number = 1;
        while is_taken(&free) {
            number += 1;
            free = format!("{name} {number}{extension}");
        }
        self.drafts.form.path = base.join(free).to_string_lossy().into_owned();
        self.drafts.form.base = Some(base);
    }

    /// The filesystem that is there to try things in.
    pub(super) fn open_sample(&mut self) {
        let fs = FsRef::new(SAMPLE);
        let location = Location::new(Root::memory("sample"));
        self.introduce(&fs, location);
        self.mount(&fs, None);
    }

    /// Makes a filesystem known, if it is not.
    pub(super) fn introduce(&mut self, fs: &FsRef, location: Location) {
        let kind = location.kind();
        self.state
            .filesystems
            .entry(fs.clone())
            .or_insert_with(|| FsInfo {
                name: if kind == Kind::Host {
                    "This computer".to_owned()
                } else {
                    location.title()
                },
                kind,
                location,
                capabilities: Capabilities::empty(),
                status: FsStatus::Failed(Error::new(ErrorKind::Closed, "open")),
                unsaved: false,
                saved: None,
                encrypted: false,
                read_only: false,
                wrong_passwords: 0,
                layers: Vec::new(),
                hidden: Vec::new(),
                tally: None,
                made_of: Vec::new(),
                folder: None,
                snapshots: None,
                care: Default::default(),
            });
    }

    pub(super) fn mount(&mut self, fs: &FsRef, secret: Option<Secret>) {
        self.mount_as(fs, secret, false);
    }

    /// Opens it; `accept_base`: a layer that was used over another base is used over this one from now on.
    fn mount_as(&mut self, fs: &FsRef, secret: Option<Secret>, accept_base: bool) {
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        let old = std::mem::replace(&mut info.status, FsStatus::Opening);
        info.wrong_passwords = match old {
            FsStatus::Locked(locked) if secret.is_some() => locked.wrong,
            _ => 0,
        };
        let request = Request::Mount {
            fs: fs.clone(),
            location: info.location.clone(),
            secret,
            read_only: info.read_only,
            hidden: info.hidden.clone(),
            accept_base,
        };
        self.background.send(request);
    }

    /// Opens the filesystem of a tab unless it is open, opening or locked.
    pub(super) fn mount_for(&mut self, id: TabId) {
        let Some(place) = self
            .state
            .workspace
            .tab(id)
            .and_then(|tab| tab.place.clone())
        else {
            return;
        };
        if !self.state.filesystems.contains_key(&place.fs) {
            let Some(location) = location_of(&Place::new(place.fs.clone(), Default::default()))
            else {
                return;
            };
            self.introduce(&place.fs, location);
        }
        let failed = self
            .state
            .filesystems
            .get(&place.fs)
            .is_some_and(|info| matches!(info.status, FsStatus::Failed(_)));
        if failed {
            self.mount(&place.fs, None);
        }
    }

    /// The answer to opening a filesystem.
    pub(super) fn mounted(&mut self, fs: &FsRef, result: fs_core::Result<MountInfo>) {
        match &result {
            Ok(_) => drop(self.before_edit.remove(fs)),
            Err(error) if self.put_layers_back(fs, error) => return,
            Err(_) => {}
        }
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            // Its tabs were closed meanwhile.
            self.background.send(Request::Unmount(fs.clone()));
            return;
        };
        match result {
            Ok(mount) => {
                info.status = FsStatus::Open;
                info.capabilities = mount.capabilities;
                info.encrypted = mount.encrypted;
                if let Root::Saved(path) = info.location.root() {
                    info.saved = Some(SavedFile {
                        path: path.clone(),
                        encrypted: mount.encrypted,
                    });
                }
                info.read_only = mount.read_only;
                info.layers = mount.layers;
                info.made_of = mount.made_of;
                info.snapshots = mount.keeps_snapshots.then(Default::default);
                let was_locked = mount.encrypted;
                for older in mount.older {
                    let text = older.sentence(&older.location.title());
                    // It stays until it was read.
                    self.state.toasts.push(Level::Error, text, None);
                }
                if let Some(kind) = mount.network {
                    let text = format!(
                        "{} lies on a network filesystem ({kind}). Open it on one computer at a time: two that write to it at once destroy it.",
                        info.name
                    );
                    self.state.toasts.push(Level::Note, text, None);
                }
                self.drafts.forget_secret(fs);
                self.background.send(Request::Adopt(fs.clone()));
                if was_locked {
                    self.offer_again(fs);
                }
                let tabs: Vec<TabId> = self.state.workspace.tabs_of(fs).map(|tab| tab.id).collect();
                tabs.into_iter().for_each(|tab| self.list(tab, true));
                self.find_snapshots(fs);
            }
            Err(error) => {
                let (read_only, wrong) = (info.read_only, info.wrong_passwords + 1);
                let locked = match error.kind() {
                    ErrorKind::PasswordNeeded => Some(Locked::default()),
                    ErrorKind::WrongPassword => {
                        Some(Locked::after_wrong(info.kind, wrong, Instant::now()))
                    }
                    _ => None,
                };
                info.status = match locked {
                    Some(locked) => FsStatus::Locked(Locked {
                        read_only,
                        ..locked
                    }),
                    None => FsStatus::Failed(error),
                };
                if info.is_locked() {
                    info.encrypted = true;
                    self.drafts.select_secret(fs);
                }
            }
        }
    }

    fn close_filesystem(&mut self, fs: &FsRef) {
        let tabs: Vec<TabId> = self.state.workspace.tabs_of(fs).map(|tab| tab.id).collect();
        for tab in tabs {
            self.run_tab(crate::command::TabCommand::Close(tab));
        }
    }

    /// The answer to making a filesystem: it is opened.
    pub(super) fn created(&mut self, result: fs_core::Result<Location>) {
        self.drafts.creating = false;
        match result {
            Ok(location) => {
                let secret = self.drafts.form.take_secret();
                let place = place_of(&location);
                self.remember(&place);
                self.introduce(&place.fs, location);
                self.mount(&place.fs, secret);
                self.state.dialog = None;
                self.show_place(place, OpenIn::NewTab, Arrival::Fresh);
            }
            Err(error) => self.fail_form(crate::ui::create_sentence(&error)),
        }
    }

    /// The user's home folder, once it is known.
    pub(super) fn home(&self) -> Option<PathBuf> {
        let home = self
            .state
            .places
            .iter()
            .find(|folder| folder.kind == UserFolderKind::Home)?;
        Some(home.path.clone())
    }
}
