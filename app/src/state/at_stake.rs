//! What would be stopped or lost if the program ended now.

use super::{AppState, FsInfo};

/// What holds the window open until the user says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtStake {
    /// How many operations run.
    pub running: usize,
    /// Names of filesystems with unsaved content.
    pub unsaved: Vec<String>,
    /// Names of filesystems that are mounted as folders.
    pub mounted: Vec<String>,
}

impl AtStake {
    /// As things are.
    pub fn in_state(state: &AppState) -> Self {
        let names = |which: fn(&FsInfo) -> bool| -> Vec<String> {
            let all = state.filesystems.values().filter(|info| which(info));
            all.map(|info| info.name.clone()).collect()
        };
        Self {
            running: state.operations.active().count(),
            unsaved: names(|info| info.unsaved),
            mounted: names(|info| info.folder.is_some()),
        }
    }

    /// May the program end without a question?
    pub fn is_nothing(&self) -> bool {
        self.running == 0 && self.unsaved.is_empty() && self.mounted.is_empty()
    }
}
