//! What the window shows, as plain data. Only [`App::logic`](crate::app) changes it; the UI reads it and sends commands.

mod at_stake;
pub mod care;
pub mod dialog;
pub mod file_type;
pub mod filesystem;
pub mod folder_mount;
mod ids;
pub mod layers;
mod layers_history;
pub mod layout;
mod operations;
pub mod preview;
pub mod properties;
pub mod rel_path;
mod search;
mod selection;
pub mod session;
mod settings;
pub mod snapshots;
pub mod tab;
pub mod toast;
pub mod view;
mod workspace;

use std::collections::BTreeMap;
use std::path::PathBuf;

use fs_backends::location::Location;
use fs_core::ops::{FsRef, Place};

pub use at_stake::AtStake;
pub use dialog::Dialog;
pub use filesystem::{FsInfo, FsStatus};
pub use folder_mount::{After, FolderMount, FolderStage};
pub use ids::{Generation, OpId, TabId, ToastId};
pub use layers_history::{LayersHistory, LayersStep, Way};
pub use operations::{Operations, Running, Stage, Undoable, Unfinished};
pub use rel_path::RelPath;
pub use search::{Search, SearchProgress};
pub use selection::Selection;
pub use session::Session;
pub use settings::{Appearance, Density, FileVersion, Settings, ThemeChoice};
pub use tab::{Arrange, Arrival, Column, Cursor, Load, Tab, Visit};
pub use toast::Toasts;
pub use view::{Chunk, Counts, EntryFacts, LinkTarget, View};
pub use workspace::{Pane, PaneId, Workspace};

/// Everything the window shows.
#[derive(Debug, Default)]
pub struct AppState {
    /// Panes and tabs.
    pub workspace: Workspace,
    /// Filesystems that are open, opening, locked or failed.
    pub filesystems: BTreeMap<FsRef, FsInfo>,
    /// What runs and what can be undone.
    pub operations: Operations,
    /// What was cut or copied.
    pub clip: Option<Clip>,
    /// The dialog in front.
    pub dialog: Option<Dialog>,
    /// Messages in the corner.
    pub toasts: Toasts,
    /// What the user chose.
    pub settings: Settings,
    /// Folders of the user: home, downloads and so on; those that exist.
    pub places: Vec<UserFolder>,
    /// Filesystems opened lately, newest first.
    pub recent: Vec<Location>,
    /// Places kept by the user.
    pub bookmarks: Vec<Location>,
    /// The preview of the entry under the cursor.
    pub preview: preview::PreviewState,
    /// The command palette is open.
    pub palette: bool,
    /// The list of operations is open.
    pub show_operations: bool,
    /// What the desktop says of looks.
    pub appearance: Appearance,
    /// How the user divided the window.
    pub sizes: layout::Sizes,
    /// Where the window stands.
    pub window: layout::WindowPlace,
    /// The user was told that this desktop delivers no dropped files.
    pub told_about_drops: bool,
    /// The program may end: nothing holds it back, or the user said so.
    pub leaving: bool,
}

/// A folder of the user that the sidebar lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFolder {
    /// Which one.
    pub kind: UserFolderKind,
    /// Where it is.
    pub path: PathBuf,
}

/// Which folder of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum UserFolderKind {
    Home,
    Desktop,
    Documents,
    Downloads,
    Music,
    Pictures,
    Videos,
    Computer,
}

impl UserFolderKind {
    /// What the sidebar calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Home => "Home",
            Self::Desktop => "Desktop",
            Self::Documents => "Documents",
            Self::Downloads => "Downloads",
            Self::Music => "Music",
            Self::Pictures => "Pictures",
            Self::Videos => "Videos",
            Self::Computer => "This computer",
        }
    }
}

/// What was cut or copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// The entries.
    pub items: Vec<Place>,
    /// Pasting moves them.
    pub cut: bool,
}

impl AppState {
    /// Shall nothing move by itself?
    pub fn is_still(&self) -> bool {
        let chosen = self.settings.reduced_motion;
        chosen.unwrap_or(self.appearance.reduced_motion)
    }

    /// The tab commands act on.
    pub fn tab(&self) -> Option<&Tab> {
        self.workspace.active_tab()
    }

    /// The filesystem of a tab.
    pub fn fs_of(&self, tab: &Tab) -> Option<&FsInfo> {
        self.filesystems.get(tab.fs()?)
    }

    /// Places of the entries a command acts on.
    pub fn targets(&self) -> Vec<Place> {
        let Some(tab) = self.tab() else {
            return Vec::new();
        };
        let Some(place) = &tab.place else {
            return Vec::new();
        };
        tab.targets().iter().map(|way| way.at(place)).collect()
    }

    /// Has the active tab something to act on? Cheaper than [`Self::targets`].
    pub fn has_targets(&self) -> bool {
        self.tab().is_some_and(|tab| {
            tab.place.is_some() && matches!(tab.load, Load::Ready) && tab.has_targets()
        })
    }
}
