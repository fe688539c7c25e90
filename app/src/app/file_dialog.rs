//! Paths that are asked for: the answers of the desktop's file dialog, our own in its place, and what is saved there.

use std::path::{Path, PathBuf};

use fs_backends::location::{Kind, Location, Root};
use fs_core::ErrorKind;
use fs_core::ops::FsRef;

use super::App;
use crate::background::message::{Picked, SavedAs};
use crate::command::{FileCommand, Pick};
use crate::state::filesystem::{SavedFile, place_of};
use crate::state::toast::Level;
use crate::state::{Arrival, Dialog, Tab};
use crate::ui::dialog::browser::Browser;

impl App {
    /// A path from the desktop's file dialog goes into the field of ours.
    pub(super) fn picked(&mut self, picked: Picked) {
        match picked {
            Picked::Path(path) => self.drafts.form.path = path.to_string_lossy().into_owned(),
            Picked::NewPath(path) => {
                self.drafts.form.path = path.to_string_lossy().into_owned();
                self.drafts.form.confirmed = Some(path);
            }
            Picked::Files(paths, into) => {
                self.run_file(FileCommand::Import(paths, into));
            }
            Picked::Cancelled => {}
            Picked::NoDialog(pick) => self.browse(pick),
        }
    }

    /// Opens our own file dialog, for the desktop has none.
    fn browse(&mut self, pick: Pick) {
        if let Pick::Files(into) = &pick {
            self.state.dialog = Some(Dialog::AddFiles(into.clone()));
        }
        let start = self.home().unwrap_or_else(|| PathBuf::from("/"));
        let tab = Tab::new(None, self.state.settings.arrange());
        let id = self.state.workspace.add_loose(tab);
        self.drafts.form.browser = Some(Browser::new(id, pick));
        self.show(id, Some(place_of(&Location::host(start))), Arrival::Fresh);
    }

    /// The answer to saving a memory filesystem.
    pub(super) fn saved(&mut self, fs: &FsRef, path: &Path, result: fs_core::Result<SavedAs>) {
        let lock = self.lock_when_saved.remove(fs);
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        match result {
            Ok(saved) if info.kind == Kind::Stack => {
                info.unsaved = false;
                let text = format!("Saved what {} holds in memory", info.name);
                self.note(Level::Done, with_other(text, saved.other.as_deref()));
            }
            Ok(SavedAs { encrypted, other }) => {
                info.unsaved = false;
                let own = matches!(info.location.root(), Root::Saved(own) if own == path);
                info.encrypted |= encrypted && own;
                info.saved = Some(SavedFile {
                    path: path.to_path_buf(),
                    encrypted,
                });
                let text = format!("Saved {} to {}", info.name, path.display());
                self.drafts.form.forget_secrets();
                self.note(Level::Done, with_other(text, other.as_deref()));
                if lock {
                    self.lock(fs);
                }
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && info.kind == Kind::Stack => {
                let layer = error.path().unwrap_or(path).to_path_buf();
                self.state.dialog = Some(Dialog::ChangedOutside(fs.clone(), layer));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let own = info.saved.as_ref().is_some_and(|own| own.path == path);
                self.state.dialog = Some(match own {
                    true => Dialog::ChangedOutside(fs.clone(), path.to_path_buf()),
                    false => Dialog::Replace(fs.clone(), path.to_path_buf()),
                });
            }
            Err(error) => {
                let text = crate::ui::save_sentence(&info.name, &error);
                self.drafts.form.forget_secrets();
                self.note(Level::Error, text);
            }
        }
    }
}

/// Says where what another program wrote is, if it was kept.
fn with_other(text: String, other: Option<&Path>) -> String {
    match other.and_then(Path::file_name) {
        Some(other) => format!(
            "{text}; what the other program wrote is in {} beside it",
            other.display()
        ),
        None => text,
    }
}
