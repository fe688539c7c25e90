//! Searching below the folder of a tab.

use std::time::{Duration, Instant};

use fs_core::VPath;
use fs_core::ops::FsRef;

use super::{App, Refresh};
use crate::background::{FollowRequest, ListRequest, Request, SearchRequest};
use crate::state::filesystem::HOST;
use crate::state::{Arrival, Load, Search, SearchProgress, Tab, TabId, View};

impl App {
    /// Opens the search field of the active tab; what is looked for already stays.
    pub(super) fn open_search(&mut self) {
        let Some(id) = self.state.tab().map(|tab| tab.id) else {
            return;
        };
        let position = self.drafts.rows(id).position();
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        let search = tab.search.get_or_insert_with(|| Search {
            before: (
                tab.cursor.as_ref().map(|cursor| cursor.name.clone()),
                position,
            ),
            ..Search::default()
        });
        self.drafts.open_search(id, search.text.clone());
        if !tab.arrange.filter.is_empty() {
            tab.arrange.filter.clear();
            self.rearrange(id);
        }
        self.drafts.close_filter(id);
    }

    /// Looks for something else; for nothing: shows the folder.
    pub(super) fn look_for(&mut self, id: TabId, text: String) {
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        let Some(search) = &mut tab.search else {
            return;
        };
        let was_on = search.is_on();
        search.text = text;
        search.progress = SearchProgress::default();
        search.stopped = false;
        search.busy = false;
        if !search.is_on() && !was_on {
            return;
        }
        tab.selection = Default::default();
        tab.rename = None;
        tab.arrival = Arrival::Fresh;
        self.drafts.rows(id).set_position(0.0);
        self.list(id, true);
    }

    /// Shows the folder again, as it was.
    pub(super) fn end_search(&mut self, id: TabId) {
        self.drafts.show_search(id, None);
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        let Some(search) = tab.search.take() else {
            return;
        };
        if tab.arrange.column == crate::state::Column::Folder {
            tab.arrange.column = self.state.settings.sort_column;
            tab.arrange.descending = self.state.settings.sort_descending;
        }
        if !search.is_on() {
            return;
        }
        let (cursor, position) = search.before;
        tab.selection = Default::default();
        tab.rename = None;
        tab.arrival = Arrival::Restore { cursor, position };
        self.list(id, true);
    }

    /// Asks for what is found below a folder.
    pub(super) fn search(&mut self, below: ListRequest) {
        let leave_out = self.served_in(&below.place.fs);
        let Some(tab) = self.state.workspace.tab_mut(below.tab) else {
            return;
        };
        let Some(search) = &mut tab.search else {
            return;
        };
        search.stopped = false;
        search.busy = true;
        let text = search.text.trim().to_owned();
        if below.stream {
            // Until the first rows come, those of before stay.
            tab.view.streaming = true;
        }
        self.background.send(Request::Search(SearchRequest {
            below,
            text,
            leave_out,
        }));
    }

    /// Folders that are not looked into: this program serves them itself.
    fn served_in(&self, fs: &FsRef) -> Vec<VPath> {
        if fs.as_str() != HOST {
            return Vec::new();
        }
        let served = self.state.filesystems.values();
        let served = served.filter_map(|info| info.folder.as_ref());
        let served = served.filter_map(|folder| VPath::lexical(&folder.dir).ok());
        served.collect()
    }

    /// Looks again where something of what a tab found changed; cursor, selection and the rows in sight stay.
    pub(super) fn follow_found(&mut self, id: TabId) {
        let Some(tab) = self.state.workspace.tab_mut(id) else {
            return;
        };
        let (Some(search), Some(place)) = (&mut tab.search, tab.place.clone()) else {
            return;
        };
        if !matches!(tab.load, Load::Ready) {
            return self.list(id, false);
        }
        search.busy = true;
        let (text, progress) = (search.text.trim().to_owned(), search.progress);
        let (generation, cancel) = tab.supersede();
        let below = ListRequest {
            tab: id,
            generation,
            place,
            arrange: tab.arrange.clone(),
            cancel,
            stream: false,
        };
        let view = tab.view.clone();
        let leave_out = self.served_in(&below.place.fs);
        let now = Refresh {
            asked: Instant::now(),
            took: Duration::ZERO,
        };
        self.refreshes.insert(id, now);
        self.background.send(Request::Follow(FollowRequest {
            search: SearchRequest {
                below,
                text,
                leave_out,
            },
            view,
            progress,
        }));
    }

    /// Something was found, or the search came farther.
    pub(super) fn found(&mut self, id: TabId, view: View, progress: SearchProgress) {
        if let Some(tab) = self.state.workspace.tab_mut(id)
            && let Some(search) = &mut tab.search
        {
            search.progress = progress;
            search.busy = view.streaming;
        }
        self.take_view(id, view);
    }

    /// The user came back to the window: what was found where nobody tells of changes is looked for again.
    pub(super) fn search_unwatched(&mut self) {
        let is_unwatched = |tab: &&Tab| {
            let search = tab.search.as_ref();
            tab.shows_found() && search.is_some_and(|search| search.progress.unwatched)
        };
        let shown = self.state.workspace.tabs().filter(is_unwatched);
        for id in shown.map(|tab| tab.id) {
            self.background.all_changed(id);
            self.drafts.changed.insert(id);
        }
    }

    /// Something was done to these filesystems: what was found in them is looked for again.
    pub(super) fn search_again(&mut self, touched: &[FsRef]) {
        let shows = |tab: &&Tab| {
            let done = matches!(tab.load, Load::Ready);
            done && tab.shows_found() && tab.fs().is_some_and(|fs| touched.contains(fs))
        };
        let tabs: Vec<TabId> = self
            .state
            .workspace
            .tabs()
            .filter(shows)
            .map(|tab| tab.id)
            .collect();
        tabs.into_iter().for_each(|id| self.list(id, false));
    }
}
