//! What comes back after the program was closed or killed: tabs, panes, recent places. Written to `session.ron` whenever it changes.

use fs_backends::location::Location;

use super::{AppState, PaneId, Tab, filesystem::location_of};

/// The tabs and panes of a window.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Session {
    /// Tabs of each pane.
    pub panes: Vec<SessionPane>,
    /// Is the second pane the active one?
    pub second_active: bool,
    /// Filesystems opened lately, newest first.
    pub recent: Vec<Location>,
    /// Places kept by the user.
    pub bookmarks: Vec<Location>,
    /// Filesystems that were opened so that nothing can be changed.
    pub read_only: Vec<Location>,
}

/// One pane.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SessionPane {
    /// Its tabs; `None` is the Welcome tab.
    pub tabs: Vec<Option<Location>>,
    /// The tab that is shown.
    pub shown: usize,
}

impl Session {
    /// The session as it is now.
    pub fn of(state: &AppState) -> Self {
        let location = |tab: &Tab| location_of(tab.place.as_ref()?);
        Self {
            panes: state
                .workspace
                .panes()
                .map(|(_, pane)| SessionPane {
                    tabs: pane
                        .tabs
                        .iter()
                        .filter_map(|id| state.workspace.tab(*id))
                        .map(location)
                        .collect(),
                    shown: pane.shown,
                })
                .collect(),
            second_active: state.workspace.active_pane() == PaneId::Second,
            recent: state.recent.clone(),
            bookmarks: state.bookmarks.clone(),
            read_only: state
                .filesystems
                .values()
                .filter(|info| info.read_only)
                .map(|info| info.location.clone())
                .collect(),
        }
    }
}
