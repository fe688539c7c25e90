//! What the user chose once and for all. Written to `settings.ron`, readable and editable by hand.

use super::Column;

/// All settings. A field that is missing in the file has its default.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The form of the file this was read from.
    pub version: FileVersion,
    /// Colours.
    pub theme: ThemeChoice,
    /// Names with a leading dot are shown.
    pub show_hidden: bool,
    /// What a layer of a stack deleted is listed too.
    pub show_deleted: bool,
    /// The strip of a stack lists its layers.
    pub show_layers: bool,
    /// The strip of a filesystem that keeps moments lists them.
    pub show_snapshots: bool,
    /// Folders stand before files.
    pub folders_first: bool,
    /// The column that new tabs are sorted by.
    pub sort_column: Column,
    /// Largest first.
    pub sort_descending: bool,
    /// Height of rows.
    pub density: Density,
    /// Nothing moves by itself; `None`: as the desktop has it.
    pub reduced_motion: Option<bool>,
    /// The sidebar is shown.
    pub show_sidebar: bool,
    /// The preview is shown.
    pub show_preview: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: FileVersion::default(),
            theme: ThemeChoice::System,
            show_hidden: false,
            show_deleted: false,
            show_layers: false,
            show_snapshots: false,
            folders_first: true,
            sort_column: Column::Name,
            sort_descending: false,
            density: Density::Normal,
            reduced_motion: None,
            show_sidebar: true,
            show_preview: false,
        }
    }
}

/// The form of a file of ours. A program reads forms up to its own, and keeps its hands off later ones.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct FileVersion(pub u32);

impl Default for FileVersion {
    fn default() -> Self {
        Self(1)
    }
}

/// Which colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ThemeChoice {
    /// Those of the desktop.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What the desktop says of looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appearance {
    /// Dark colours; `None`: it says nothing.
    pub dark: Option<bool>,
    /// Nothing shall move by itself.
    pub reduced_motion: bool,
}

/// How high rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Density {
    /// Many rows.
    Compact,
    /// As designed.
    Normal,
    /// Easy to hit.
    Comfortable,
}

impl Settings {
    /// How new tabs are arranged.
    pub fn arrange(&self) -> super::Arrange {
        super::Arrange {
            column: self.sort_column,
            descending: self.sort_descending,
            folders_first: self.folders_first,
            show_hidden: self.show_hidden,
            show_deleted: self.show_deleted,
            filter: String::new(),
        }
    }
}
