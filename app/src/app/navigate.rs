//! Going from place to place, with a history that brings back what was seen.

use std::path::Path;
use std::time::{Duration, Instant};

use fs_core::ops::Place;
use fs_core::{ErrorKind, FileKind};

use super::{App, Refresh};
use crate::background::message::Target;
use crate::background::{ListRequest, Request};
use crate::command::{Command, FileCommand, OpenIn};
use crate::state::toast::Level;
use crate::state::{
    Arrival, FsStatus, Load, RelPath, Search, Tab, TabId, View, Visit,
    filesystem::{HOST, host_path},
};

/// Visits kept in each direction.
const HISTORY: usize = 100;
/// Changes from outside are shown this much later, all at once.
const REFRESH_AFTER: Duration = Duration::from_millis(250);

impl App {
    /// Shows a place and remembers the one before.
    pub(super) fn go(&mut self, tab: TabId, place: Place) {
        self.go_with(tab, place, Arrival::Fresh);
    }

    /// Shows the folder of an entry, with the cursor on it.
    pub(super) fn reveal(&mut self, tab: TabId, place: &Place) {
        if let Some((folder, name)) = place.path.split_last() {
            let arrival = Arrival::Reveal {
                name: name.into(),
                rename: false,
            };
            self.go_with(tab, place.with_path(folder), arrival);
        }
    }

    pub(super) fn go_with(&mut self, id: TabId, place: Place, arrival: Arrival) {
        let pane = self.state.workspace.find(id).map(|(pane, _)| pane);
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        if tab.place.as_ref() == Some(&place) && !tab.shows_found() {
            tab.arrival = arrival;
            self.list(id, false);
            return;
        }
        let leaves = |here: &Place| here.fs != place.fs && here.fs.as_str() != HOST;
        if tab.place.as_ref().is_some_and(leaves)
            && let Some(pane) = pane
        {
            // The last tab of a filesystem closes it, and a vault would have to be unlocked again: its tab stays.
            self.add_tab(pane, Some(place), arrival);
            return;
        }
        // The Welcome tab that becomes a folder is not worth going back to.
        if tab.place.is_some() {
            let position = self.drafts.rows(id).position();
            tab.back.push(tab.visit(position));
            tab.back.drain(..tab.back.len().saturating_sub(HISTORY));
        }
        tab.forward.clear();
        self.show(id, Some(place), arrival);
    }

    /// Shows a place; the history stays as it is.
    pub(super) fn show(&mut self, id: TabId, place: Option<Place>, arrival: Arrival) {
        self.show_with(id, place, arrival, None);
    }

    /// The same with a search that is done there.
    fn show_with(
        &mut self,
        id: TabId,
        place: Option<Place>,
        arrival: Arrival,
        search: Option<Search>,
    ) {
        let place = place.map(|place| self.through_folder(place));
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        let old = std::mem::take(&mut tab.view);
        self.background.send(Request::Drop(old));
        tab.load = if place.is_some() {
            Load::Loading
        } else {
            Load::Ready
        };
        tab.place = place;
        tab.folder = None;
        tab.cursor = None;
        tab.anchor = None;
        self.drafts.rows(id).set_position(0.0);
        tab.rename = None;
        tab.arrange.filter.clear();
        tab.search = search.map(|search| Search {
            busy: false,
            ..search
        });
        tab.arrival = arrival;
        if !matches!(tab.arrival, Arrival::Restore { .. }) {
            tab.selection = Default::default();
        }
        tab.recount();
        let text = tab.search.as_ref().map(|search| search.text.clone());
        self.drafts.close_filter(id);
        self.drafts.show_search(id, text);
        if tab.place.is_some() {
            self.mount_for(id);
            self.list(id, true);
        } else {
            tab.supersede();
            self.background.send(Request::Forget(id));
        }
    }

    /// Lists the folder of a tab, if its filesystem is open; `stream`: first rows at once.
    pub(super) fn list(&mut self, id: TabId, stream: bool) {
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        let Some(place) = tab.place.clone() else {
            return;
        };
        if !self
            .state
            .filesystems
            .get(&place.fs)
            .is_some_and(|fs| fs.is_open())
        {
            return;
        }
        let (generation, cancel) = tab.supersede();
        if !matches!(tab.load, Load::Ready) {
            tab.load = Load::Loading;
        }
        let found = tab.shows_found();
        let request = ListRequest {
            tab: id,
            generation,
            place,
            arrange: tab.arrange.clone(),
            cancel,
            stream: stream || !matches!(tab.load, Load::Ready),
        };
        let now = Refresh {
            asked: Instant::now(),
            took: Duration::ZERO,
        };
        self.refreshes.insert(id, now);
        if found {
            self.search(request);
        } else {
            self.background.send(Request::List(request));
        }
    }

    /// One step back, to what was seen there.
    pub(super) fn back(&mut self, id: TabId) {
        if let Some(tab) = self.state.workspace.tab_mut(id)
            && let Some(visit) = tab.back.pop()
        {
            tab.forward.push(tab.visit(self.drafts.rows(id).position()));
            self.revisit(id, visit);
        }
    }

    /// One step forward.
    pub(super) fn forward(&mut self, id: TabId) {
        if let Some(tab) = self.state.workspace.tab_mut(id)
            && let Some(visit) = tab.forward.pop()
        {
            tab.back.push(tab.visit(self.drafts.rows(id).position()));
            self.revisit(id, visit);
        }
    }

    pub(super) fn revisit(&mut self, id: TabId, visit: Visit) {
        if let Some(tab) = self.state.workspace.tab_mut(id) {
            tab.selection = visit.selection;
        }
        let arrival = Arrival::Restore {
            cursor: visit.cursor,
            position: visit.position,
        };
        self.show_with(id, visit.place, arrival, visit.search);
    }

    /// To the parent folder, with the cursor on where we came from.
    pub(super) fn up(&mut self, id: TabId) {
        let place = self
            .state
            .workspace
            .tab(id)
            .and_then(|tab| tab.place.clone());
        if let Some(place) = place {
            self.reveal(id, &place);
        }
    }

    /// Lists anew what is shown, or tries again what failed.
    pub(super) fn refresh(&mut self, id: TabId) {
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        if !matches!(tab.load, Load::Ready) {
            tab.load = Load::Loading;
        }
        self.mount_for(id);
        self.list(id, false);
    }

    /// Stops listing. What is shown stays.
    pub(super) fn stop(&mut self, id: TabId) {
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        tab.supersede();
        if matches!(tab.load, Load::Loading) {
            tab.load = Load::Stopped;
        }
        tab.view.streaming = false;
        if let Some(search) = &mut tab.search {
            search.stopped = true;
            search.busy = false;
        }
    }

    /// Lists tabs again whose folder changed, not more often than they can be listed.
    pub(super) fn refresh_changed(&mut self, ctx: &egui::Context) {
        self.drafts.changed.extend(self.background.take_changed());
        if self.drafts.changed.is_empty() {
            return;
        }
        let now = Instant::now();
        for id in std::mem::take(&mut self.drafts.changed) {
            let Some(tab) = self.state.workspace.tab(id) else {
                continue;
            };
            let searching = tab.search.as_ref().is_some_and(|search| search.busy);
            let (busy, found) = (tab.view.streaming || searching, tab.shows_found());
            let wait = self.refreshes.get(&id).map_or(Duration::ZERO, |refresh| {
                let pause = REFRESH_AFTER.max(refresh.took * 4);
                (refresh.asked + pause).saturating_duration_since(now)
            });
            if busy || !wait.is_zero() {
                self.drafts.changed.insert(id);
                ctx.request_repaint_after(wait.max(Duration::from_millis(50)));
            } else if found {
                self.follow_found(id);
            } else {
                self.list(id, false);
            }
        }
    }

    /// Opens an entry.
    pub(super) fn activate(&mut self, id: TabId, name: &RelPath, open_in: OpenIn) {
        let Some(tab) = self.state.workspace.tab(id) else {
            return;
        };
        let Some(folder) = &tab.place else {
            return;
        };
        let place = self.through_folder(name.at(folder));
        if place.fs != folder.fs {
            // It is mounted there: its own tab shows it.
            return self.show_place(place, OpenIn::NewTab, Arrival::Fresh);
        }
        let hint = tab.cursor.as_ref().map_or(0, |cursor| cursor.row);
        let row = tab.view.row_of(name.as_os_str(), hint);
        if row.is_some_and(|row| tab.view.is_deleted(row)) {
            let text = format!("“{}” is deleted; restore it to open it", place.label());
            return self.note(Level::Note, text);
        }
        let is_host = place.fs.as_str() == crate::state::filesystem::HOST;
        let kind = kind_of(tab, name);
        // Only a host folder can be a store; every other folder is just a folder, and needs no question.
        if kind == Some(FileKind::Directory) && !is_host {
            self.enter(id, place, open_in);
        } else {
            self.background.send(Request::Activate {
                tab: id,
                place,
                open_in,
            });
        }
    }

    /// The answer to [`Self::activate`].
    pub(super) fn activated(&mut self, id: TabId, place: &Place, open_in: OpenIn, target: Target) {
        if self
            .drafts
            .form
            .browser
            .as_ref()
            .is_some_and(|browser| browser.tab == id)
            && !matches!(target, Target::Folder(_))
        {
            // In our file dialog, what is opened is chosen.
            self.drafts.form.browser_choice = host_path(place).map(Path::to_path_buf);
            return;
        }
        let typed = self.drafts.path_leads(id);
        match target {
            Target::File(place, _) if typed => self.reveal(id, &place),
            Target::Folder(place) => self.enter(id, place, open_in),
            Target::Filesystem(location) => {
                self.run(Command::Open(location, OpenIn::NewTab));
            }
            Target::File(_, _) if place.fs.as_str() == crate::state::filesystem::HOST => {
                self.run_file(FileCommand::OpenInProgram(place.clone()));
            }
            Target::File(..) => self.state.settings.show_preview = true,
        }
    }

    fn enter(&mut self, id: TabId, place: Place, open_in: OpenIn) {
        match open_in {
            OpenIn::Tab(tab) => self.go(tab, place),
            OpenIn::NewTab | OpenIn::Pane(_) | OpenIn::ReadOnly => {
                let pane = match open_in {
                    OpenIn::Pane(pane) => pane,
                    _ => self
                        .state
                        .workspace
                        .find(id)
                        .map_or(self.state.workspace.active_pane(), |(pane, _)| pane),
                };
                self.add_tab(pane, Some(place), Arrival::Fresh);
            }
        }
    }

    /// Takes a view that arrived.
    pub(super) fn take_view(&mut self, id: TabId, view: View) {
        if let Some(refresh) = self.refreshes.get_mut(&id)
            && !view.streaming
        {
            refresh.took = refresh.asked.elapsed();
        }
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            self.background.send(Request::Drop(view));
            return;
        };
        let listed = (!view.streaming).then(|| tab.fs().cloned()).flatten();
        let old = super::listing::arrive(tab, view, self.drafts.rows(id));
        self.background.send(Request::Drop(old));
        self.begin_rename(id);
        if let Some(fs) = listed {
            self.count_changes(&fs);
            self.look_at_snapshots(&fs);
        }
    }

    /// A folder that is gone leads to the nearest one that is there, unless it was asked for just now.
    pub(super) fn list_failed(&mut self, id: TabId, error: fs_core::Error) {
        let of = self
            .state
            .workspace
            .tab(id)
            .and_then(|tab| tab.fs().cloned());
        if let Some(fs) = of {
            self.note_damage(&fs, &error);
        }
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        if error.kind() == ErrorKind::Closed
            && let Some(fs) = tab.fs().cloned()
            && let Some(info) = self.state.filesystems.get_mut(&fs)
            && info.is_open()
        {
            info.status = FsStatus::Failed(error.clone());
        }
        let old = std::mem::take(&mut tab.view);
        tab.load = Load::Failed(error);
        if let Some(search) = &mut tab.search {
            search.busy = false;
        }
        tab.cursor = None;
        tab.recount();
        self.background.send(Request::Drop(old));
    }
}

fn kind_of(tab: &Tab, name: &RelPath) -> Option<FileKind> {
    let hint = tab.cursor.as_ref().map_or(0, |cursor| cursor.row);
    let row = tab.view.row_of(name.as_os_str(), hint)?;
    Some(tab.view.row(row)?.kind)
}
