//! Cut, copy and paste of files, here and with other programs.

use std::path::PathBuf;

use fs_core::VPath;
use fs_core::ops::{FsRef, Operation, Place};

use super::App;
use crate::background::Request;
use crate::state::Clip;
use crate::state::filesystem::{HOST, host_path};
use crate::state::toast::Level;

impl App {
    pub(super) fn clip(&mut self, items: Vec<Place>, cut: bool) {
        let paths: Vec<PathBuf> = items
            .iter()
            .filter_map(|item| Some(host_path(item)?.to_path_buf()))
            .collect();
        // Another program can only read files of this computer; it always copies them.
        if !paths.is_empty() && paths.len() == items.len() {
            self.background.send(Request::SetClipboardFiles(paths));
        }
        self.state.clip = Some(Clip { items, cut });
    }

    pub(super) fn paste(&mut self, into: Place) {
        match &self.state.clip {
            Some(clip) if clip.items.iter().any(|item| item.fs.as_str() != HOST) || clip.cut => {
                self.paste_clip(into);
            }
            // Another program may have copied something since.
            _ => self.background.send(Request::GetClipboardFiles(into)),
        }
    }

    /// The answer of the desktop's clipboard.
    pub(super) fn paste_files(&mut self, paths: Vec<PathBuf>, into: Place) {
        let sources = self.host_places(&paths);
        if sources.is_empty() {
            self.paste_clip(into);
        } else {
            self.copy_into(sources, into);
        }
    }

    fn paste_clip(&mut self, into: Place) {
        match self.state.clip.clone() {
            Some(clip) if clip.cut => {
                self.state.clip = None;
                self.submit(Operation::move_into(clip.items, into));
            }
            Some(clip) => self.copy_into(clip.items, into),
            None => self.note(Level::Note, "The clipboard holds no files"),
        }
    }

    /// Copying into the folder the items are in makes duplicates of them.
    fn copy_into(&mut self, sources: Vec<Place>, into: Place) {
        let here = sources
            .iter()
            .all(|source| source.parent().as_ref() == Some(&into));
        self.submit(if here {
            Operation::Duplicate(sources)
        } else {
            Operation::copy(sources, into)
        });
    }

    /// Paths of this computer, as places.
    pub(super) fn host_places(&self, paths: &[PathBuf]) -> Vec<Place> {
        paths
            .iter()
            .filter_map(|path| Some(Place::new(FsRef::new(HOST), VPath::lexical(path).ok()?)))
            .map(|place| self.through_folder(place))
            .filter(|place| !place.path.is_root())
            .collect()
    }
}
