//! From a location to a tab that shows it.

use std::path::PathBuf;

use fs_backends::location::{Location, Root};
use fs_core::ops::Place;

use super::App;
use crate::background::message::Settled;
use crate::background::shown_at;
use crate::command::OpenIn;
use crate::state::filesystem::{HOST, SAMPLE, location_of};
use crate::state::toast::Level;
use crate::state::{Arrival, Dialog, FsStatus, PaneId, Tab, TabId};

/// How many filesystems the list of recent ones holds.
const RECENT: usize = 12;

impl App {
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
                    name: name.into(),
                    rename: false,
                });
                self.remember(&place);
                if let OpenIn::Tab(tab) = open_in {
                    self.drafts.path_leads(tab);
                }
                self.show_place(place, open_in, arrival);
                self.close_form();
                let tab = self.state.workspace.active_tab().map(|tab| tab.id);
                self.put_in_order(location, tab);
            }
            Err(error) => {
                self.put_in_order(location, None);
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

    /// One of the locations the program was started with has a tab, or none.
    fn put_in_order(&mut self, location: &Location, tab: Option<TabId>) {
        let tabs = self.starting.settled(location, tab);
        if tabs.len() > 1 {
            for tab in tabs {
                self.state
                    .workspace
                    .move_tab(tab, PaneId::First, usize::MAX);
            }
        }
    }

    pub(super) fn show_place(&mut self, place: Place, open_in: OpenIn, arrival: Arrival) {
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

    pub(super) fn remember(&mut self, place: &Place) {
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

    /// Closes the dialog that was answered, and no other: what a crash interrupted may be asked about just now.
    fn close_form(&mut self) {
        if matches!(self.state.dialog, Some(Dialog::Open(_) | Dialog::Create(_))) {
            self.state.dialog = None;
            self.ask_next();
        }
    }

    fn has_form(&self) -> bool {
        matches!(
            self.state.dialog,
            Some(
                Dialog::Open(_) | Dialog::Create(_) | Dialog::MountFolder(_) | Dialog::AddLayer(_)
            )
        )
    }

    /// What went wrong stands in the dialog, if there is one.
    pub(super) fn fail_form(&mut self, text: String) {
        if self.has_form() {
            self.drafts.form.error = Some(text);
            self.drafts.form.fresh = true;
        } else {
            self.note(Level::Error, text);
        }
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
