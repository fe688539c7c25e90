//! The desktop's clipboard for files, its file dialog, and programs of other people.

use std::path::{Path, PathBuf};

use super::message::Picked;
use crate::command::Pick;

/// Puts files on the clipboard, as other file managers read them (`text/uri-list`).
pub fn set_files(paths: &[PathBuf]) {
    let set = arboard::Clipboard::new().and_then(|mut clipboard| clipboard.set().file_list(paths));
    if let Err(error) = set {
        tracing::info!("the desktop's clipboard takes no files: {error}");
    }
}

/// The files on the clipboard.
pub fn files() -> Vec<PathBuf> {
    arboard::Clipboard::new()
        .and_then(|mut clipboard| clipboard.get().file_list())
        .unwrap_or_default()
}

/// Has the desktop a file dialog? `rfd` speaks to it through a library that it loads when it needs it.
pub fn has_file_dialog() -> bool {
    crate::display::loads("libdbus-1.so.3") && super::portal::has_file_dialog()
}

/// Asks the desktop for a path. `rfd` says the same when the user cancels and when there is no dialog, so [`has_file_dialog`] must have been asked before.
pub fn pick(pick: Pick) -> Picked {
    let dialog = rfd::FileDialog::new();
    let picked = match pick {
        Pick::Folder => dialog.pick_folder().map(Picked::Path),
        Pick::File => dialog.pick_file().map(Picked::Path),
        Pick::NewFile => dialog.save_file().map(Picked::NewPath),
        Pick::Files(into) => dialog.pick_files().map(|files| Picked::Files(files, into)),
    };
    picked.unwrap_or(Picked::Cancelled)
}

/// What to say when a file could not be opened in its program.
pub fn no_program(path: &Path, error: &opener::OpenError) -> String {
    tracing::info!("open {}: {error}", path.display());
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    format!("No program on this computer opens “{name}”")
}
