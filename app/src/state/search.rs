//! A search below the folder of a tab: its rows are what was found, wherever below it is.

use super::RelPath;

/// The search of a tab.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// What is looked for, as it was typed; nothing yet when it is empty, and then the folder is listed as ever.
    pub text: String,
    /// How far it has come.
    pub progress: SearchProgress,
    /// A worker looks for it, or looks again where something changed.
    pub busy: bool,
    /// The user stopped it.
    pub stopped: bool,
    /// What had the cursor before, and the first row in sight: what ending the search comes back to.
    pub before: (Option<RelPath>, f64),
}

/// How far a search has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchProgress {
    /// Folders that were looked into; 0 where the filesystem finds names without looking into folders.
    pub folders: usize,
    /// Folders among them that could not be read.
    pub unreadable: usize,
    /// There is more than what is shown.
    pub cut_off: bool,
    /// Nobody tells of changes in some of the folders.
    pub unwatched: bool,
}

impl Search {
    /// Is there something to look for?
    pub fn is_on(&self) -> bool {
        !self.text.trim().is_empty()
    }
}
