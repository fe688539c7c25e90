//! What comes back from the last session.

use fs_backends::location::Root;

use super::App;
use crate::state::filesystem::{SAMPLE, place_of};
use crate::state::{Arrival, FsStatus, PaneId, Session};

impl App {
    /// The tabs of the last session. Vaults come back locked; what was in memory only is gone, and its tab says so.
    pub(super) fn restore(&mut self, session: &Session) {
        for location in &session.read_only {
            let fs = place_of(location).fs;
            self.introduce(&fs, location.clone());
            if let Some(info) = self.state.filesystems.get_mut(&fs) {
                info.read_only = true;
            }
        }
        for (pane_id, saved) in [PaneId::First, PaneId::Second]
            .into_iter()
            .zip(&session.panes)
        {
            let mut ids = Vec::new();
            for saved in &saved.tabs {
                let id = self.add_tab(pane_id, None, Arrival::Fresh);
                ids.push(id);
                if let Some(tab) = self.state.workspace.tab_mut(id) {
                    tab.arrange.column = saved.sort_column;
                    tab.arrange.descending = saved.sort_descending;
                }
                let Some(location) = &saved.location else {
                    continue;
                };
                let place = place_of(location);
                let is_gone = in_memory_only(location.root()) && place.fs.as_str() != SAMPLE;
                if is_gone && !self.state.filesystems.contains_key(&place.fs) {
                    self.introduce(&place.fs, location.at(Default::default()));
                    if let Some(info) = self.state.filesystems.get_mut(&place.fs) {
                        info.status = FsStatus::Gone;
                    }
                }
                self.show(id, Some(place), Arrival::Fresh);
            }
            if let Some(shown) = ids.get(saved.shown) {
                self.state.workspace.show(*shown);
            }
        }
        let active = if session.second_active {
            PaneId::Second
        } else {
            PaneId::First
        };
        self.state.workspace.activate(active);
    }
}

/// Is nothing of it on a disk?
fn in_memory_only(root: &Root) -> bool {
    match root {
        Root::Memory { .. } => true,
        Root::Snapshot { of, .. } => in_memory_only(of),
        _ => false,
    }
}
