//! Opening, making, locking, saving and closing filesystems.

use std::path::PathBuf;
use std::time::Instant;

use fs_backends::location::{Kind, Location, Root};
use fs_core::ops::{FsRef, Place};
use fs_core::{Capabilities, Error, ErrorKind};

use super::App;
use crate::background::message::{MountInfo, Settled};
use crate::background::{Request, shown_at};
use crate::command::{FsCommand, OpenIn, Secret};
use crate::state::filesystem::{HOST, Locked, SAMPLE, location_of, place_of};
use crate::state::toast::Level;
use crate::state::{Arrival, Dialog, FsInfo, FsStatus, Load, PaneId, Tab, TabId, UserFolderKind};

/// How many filesystems the list of recent ones holds.
const RECENT: usize = 12;

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
                open.iter().for_each(|fs| self.lock(fs));
            }
            FsCommand::Retry(fs) => self.mount(&fs, None),
            FsCommand::Create(new, secret) => {
                self.drafts.creating = true;
                self.background.send(Request::Create { new, secret });
            }
            FsCommand::Save(fs, path, replace) => {
                self.state.dialog = None;
                let own = self.state.filesystems.get(&fs).is_some_and(
                    |info| matches!(info.location.root(), Root::Saved(own) if *own == path),
                );
                self.background
                    .send(Request::Save(fs, path, replace || own));
            }
            FsCommand::Close(fs) => self.close_filesystem(&fs),
            FsCommand::Review(fs) => self.review(fs),
            FsCommand::Discard(fs, paths) => self.discard_changes(&fs, paths),
            FsCommand::Pick(pick) => self.background.send(Request::Pick(pick)),
            FsCommand::Ask(kind) => {
                self.drafts.begin_form(kind, self.home());
                self.state.dialog = Some(Dialog::Open(kind));
            }
            FsCommand::AskNew(kind) => {
                self.drafts.begin_form(kind, self.home());
                self.state.dialog = Some(Dialog::Create(kind));
            }
        }
    }

    /// The filesystem that is there to try things in.
    pub(super) fn open_sample(&mut self) {
        let fs = FsRef::new(SAMPLE);
        let location = Location::new(Root::Memory("sample".to_owned()));
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
                encrypted: false,
                read_only: false,
                wrong_passwords: 0,
                layers: Vec::new(),
                tally: None,
                made_of: Vec::new(),
            });
    }

    fn mount(&mut self, fs: &FsRef, secret: Option<Secret>) {
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

    /// The answer to opening a location.
    pub(super) fn settled(
        &mut self,
        location: &Location,
        result: fs_core::Result<Settled>,
        open_in: OpenIn,
    ) {
        match result {
            Ok(mut settled) => {
                let what = format!("Couldn't open {}: it is not there", location.title());
                if let OpenIn::Tab(tab) = open_in
                    && settled.is_missing
                    && self.drafts.path_fails(tab, &what)
                {
                    return;
                }
                if open_in == OpenIn::ReadOnly {
                    settled.location = guarded(settled.location);
                }
                let (place, reveal) = shown_at(&settled);
                let arrival = reveal.map_or(Arrival::Fresh, |name| Arrival::Reveal {
                    name,
                    rename: false,
                });
                self.remember(&place);
                if let OpenIn::Tab(tab) = open_in {
                    self.drafts.path_leads(tab);
                }
                self.show_place(place, open_in, arrival);
                self.close_form();
            }
            Err(error) => {
                let text = format!(
                    "Couldn't open {}: {}",
                    location.title(),
                    error.kind().text()
                );
                match open_in {
                    OpenIn::Tab(tab) => self.path_fails(tab, text),
                    _ => self.fail_form(text),
                }
            }
        }
    }

    fn show_place(&mut self, place: Place, open_in: OpenIn, arrival: Arrival) {
        if open_in == OpenIn::ReadOnly && !self.guard(&place) {
            return;
        }
        match open_in {
            OpenIn::Tab(tab) => self.go_with(tab, place, arrival),
            OpenIn::Pane(pane) => {
                self.add_tab(pane, Some(place), arrival);
            }
            OpenIn::NewTab | OpenIn::ReadOnly => {
                // What is open already is shown, not opened twice; folders of this computer may be.
                let same = |tab: &Tab| tab.place.as_ref().is_some_and(|p| p.fs == place.fs);
                let open = (place.fs.as_str() != HOST)
                    .then(|| {
                        self.state
                            .workspace
                            .tabs()
                            .find(|tab| same(tab))
                            .map(|tab| tab.id)
                    })
                    .flatten();
                match open {
                    Some(tab) => {
                        self.state.workspace.show(tab);
                        if !place.path.is_root() {
                            self.go_with(tab, place, arrival);
                        }
                    }
                    None => {
                        let pane = self.state.workspace.active_pane();
                        self.replace_welcome(pane);
                        self.add_tab(pane, Some(place), arrival);
                        self.drop_replaced();
                    }
                }
            }
        }
    }

    /// Before a filesystem is opened: it shall not be changed. `false`: it is open already and can be.
    fn guard(&mut self, place: &Place) -> bool {
        let root = Place::new(place.fs.clone(), Default::default());
        if let Some(location) = location_of(&root) {
            self.introduce(&place.fs, location);
        }
        let Some(info) = self.state.filesystems.get_mut(&place.fs) else {
            return false;
        };
        let in_use = matches!(info.status, FsStatus::Open | FsStatus::Opening);
        if in_use && !info.read_only {
            let text = format!(
                "{} is open already and can be changed; close it first",
                info.name
            );
            self.note(Level::Note, text);
            return false;
        }
        info.read_only = true;
        true
    }

    /// An untouched Welcome tab gives way to the first thing that is opened.
    fn replace_welcome(&mut self, pane: PaneId) {
        let shown = self
            .state
            .workspace
            .pane(pane)
            .and_then(|pane| pane.shown_tab());
        self.drafts.replaced = shown.filter(|id| {
            self.state.workspace.tab(*id).is_some_and(|tab| {
                tab.place.is_none() && tab.back.is_empty() && tab.forward.is_empty()
            })
        });
    }

    fn drop_replaced(&mut self) {
        if let Some(tab) = self.drafts.replaced.take() {
            self.state.workspace.remove(tab);
            self.state.workspace.closed.pop();
        }
    }

    fn remember(&mut self, place: &Place) {
        let root = Place::new(place.fs.clone(), Default::default());
        if place.fs.as_str() == HOST || place.fs.as_str() == SAMPLE {
            return;
        }
        if let Some(location) = location_of(&root) {
            self.state.recent.retain(|recent| *recent != location);
            self.state.recent.insert(0, location);
            self.state.recent.truncate(RECENT);
        }
    }

    /// The answer to opening a filesystem.
    pub(super) fn mounted(&mut self, fs: &FsRef, result: fs_core::Result<MountInfo>) {
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
                info.read_only = mount.read_only;
                info.layers = mount.layers;
                info.made_of = mount.made_of;
                let was_locked = mount.encrypted;
                self.drafts.forget_secret(fs);
                self.background.send(Request::Adopt(fs.clone()));
                if was_locked {
                    self.offer_again(fs);
                }
                let tabs: Vec<TabId> = self.state.workspace.tabs_of(fs).map(|tab| tab.id).collect();
                tabs.into_iter().for_each(|tab| self.list(tab, true));
            }
            Err(error) => {
                info.status = match error.kind() {
                    ErrorKind::PasswordNeeded => FsStatus::Locked(Locked::default()),
                    ErrorKind::WrongPassword => FsStatus::Locked(Locked::after_wrong(
                        info.wrong_passwords + 1,
                        Instant::now(),
                    )),
                    _ => FsStatus::Failed(error),
                };
                if info.is_locked() {
                    info.encrypted = true;
                    self.drafts.select_secret(fs);
                }
            }
        }
    }

    fn unlock(&mut self, fs: &FsRef, secret: Secret, read_only: bool) {
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

    /// Closes an encrypted filesystem. Nothing of it stays in the window.
    fn lock(&mut self, fs: &FsRef) {
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
        info.status = FsStatus::Locked(Locked::default());
        info.tally = None;
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
        self.background.send(Request::Unmount(fs.clone()));
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
            Err(error) => self.fail_form(crate::ui::error_sentence("Couldn't make it", &error)),
        }
    }

    /// Closes the dialog that was answered, and no other: what a crash interrupted may be asked about just now.
    fn close_form(&mut self) {
        if matches!(self.state.dialog, Some(Dialog::Open(_) | Dialog::Create(_))) {
            self.state.dialog = None;
            self.ask_next();
        }
    }

    /// What went wrong stands in the dialog, if there is one.
    pub(super) fn fail_form(&mut self, text: String) {
        if matches!(self.state.dialog, Some(Dialog::Open(_) | Dialog::Create(_))) {
            self.drafts.form.error = Some(text);
        } else {
            self.note(Level::Error, text);
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

/// A location that can be guarded as a whole: a folder of this computer becomes a world of its own.
fn guarded(location: Location) -> Location {
    match location.root() {
        Root::Host(path) => Location::new(Root::VRoot(path.join(inner_of(&location)))),
        _ => location,
    }
}

/// The place inside a location, as a path to be joined.
fn inner_of(location: &Location) -> PathBuf {
    let inner = location.inner().as_path();
    inner.strip_prefix("/").unwrap_or(inner).to_path_buf()
}
