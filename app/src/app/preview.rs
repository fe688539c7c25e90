//! Which entry is previewed: the one under the cursor of the active tab.

use fs_core::Result;

use super::App;
use crate::background::Request;
use crate::state::preview::{Preview, PreviewKey};
use crate::state::{AppState, Generation, Load};

impl App {
    /// Follows the cursor. `true` when something changed that has to be drawn.
    pub(super) fn update_preview(&mut self) -> bool {
        let state = &mut self.state;
        let filesystems = &state.filesystems;
        state
            .preview
            .keep_only(|place| filesystems.get(&place.fs).is_some_and(|fs| fs.is_open()));
        let wanted = wanted(state);
        if wanted == self.state.preview.key {
            return false;
        }
        if let Some((generation, cancel)) = self.state.preview.want(wanted)
            && let Some(key) = &self.state.preview.key
        {
            let place = self.through_folder(key.place.clone());
            self.background.send(Request::Preview {
                place,
                cancel,
                generation,
            });
        }
        true
    }

    /// The answer to a preview.
    pub(super) fn previewed(&mut self, generation: Generation, result: Result<Preview>) {
        let of = self.state.preview.key.as_ref();
        let of = of.map(|key| key.place.fs.clone());
        if let (Some(fs), Err(error)) = (of, &result) {
            self.note_damage(&fs, error);
        }
        self.state.preview.answer(generation, result);
    }
}

fn wanted(state: &AppState) -> Option<PreviewKey> {
    if !state.settings.show_preview {
        return None;
    }
    let tab = state.tab()?;
    let place = tab.place.as_ref()?;
    let cursor = tab.cursor.as_ref()?;
    if !matches!(tab.load, Load::Ready) {
        return None;
    }
    let entry = tab
        .view
        .row(cursor.row)
        .filter(|entry| entry.name == cursor.name.as_os_str())
        .filter(|_| !tab.view.is_deleted(cursor.row))?;
    Some(PreviewKey {
        place: cursor.name.at(place),
        kind: entry.kind,
        size_bytes: entry.metadata.map(|metadata| metadata.size),
        mtime: entry.metadata.map(|metadata| metadata.mtime),
    })
}
