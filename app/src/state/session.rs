//! What comes back after the program was closed or killed: tabs, panes, sizes, recent places. Written to `session.ron` whenever it changes.

use fs_backends::location::Location;
use fs_core::ops::Place;
use fs_core::{Capabilities, VPath};

use super::layout::{Sizes, WindowPlace};
use super::{AppState, Column, PaneId, Tab, filesystem::location_of};

/// The tabs and panes of a window.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Session {
    /// The form of the file this was read from.
    pub version: super::FileVersion,
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
    /// How the window is divided.
    pub sizes: Sizes,
    /// Where it stands.
    pub window: WindowPlace,
    /// The user was told that this desktop delivers no dropped files.
    pub told_about_drops: bool,
}

/// One pane.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SessionPane {
    /// Its tabs.
    pub tabs: Vec<SessionTab>,
    /// The tab that is shown.
    pub shown: usize,
}

/// One tab.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SessionTab {
    /// Where it is; `None` is the Welcome tab.
    pub location: Option<Location>,
    /// What it is sorted by.
    pub sort_column: Column,
    /// Largest first.
    pub sort_descending: bool,
}

impl SessionTab {
    fn of(state: &AppState, tab: &Tab) -> Self {
        let place = tab.place.as_ref();
        Self {
            location: place.and_then(|place| state.location_to_keep(place)),
            sort_column: match tab.arrange.column {
                // Only what a search found has a folder, and searches don't come back.
                Column::Folder => Column::Name,
                column => column,
            },
            sort_descending: tab.arrange.descending,
        }
    }
}

impl AppState {
    /// Where a place is, as it may be written down: names in an encrypted filesystem stand in clear nowhere else, so of those only the root.
    pub fn location_to_keep(&self, place: &Place) -> Option<Location> {
        let is_private = self.filesystems.get(&place.fs).is_some_and(|info| {
            info.encrypted
                || info.is_locked()
                || info.capabilities.contains(Capabilities::ENCRYPTED)
        });
        match is_private {
            true => location_of(&Place::new(place.fs.clone(), VPath::root())),
            false => location_of(place),
        }
    }
}

impl Default for SessionTab {
    fn default() -> Self {
        Self {
            location: None,
            sort_column: Column::Name,
            sort_descending: false,
        }
    }
}

impl Session {
    /// The session as it is now.
    pub fn of(state: &AppState) -> Self {
        Self {
            version: Default::default(),
            panes: state
                .workspace
                .panes()
                .map(|(_, pane)| SessionPane {
                    tabs: pane
                        .tabs
                        .iter()
                        .filter_map(|id| state.workspace.tab(*id))
                        .map(|tab| SessionTab::of(state, tab))
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
            sizes: state.sizes.clone(),
            window: state.window,
            told_about_drops: state.told_about_drops,
        }
    }
}
