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

/// Asks the desktop for a path. `rfd` says the same when the user cancels and when there is no dialog, so the bus is asked first.
pub fn pick(pick: Pick) -> Picked {
    if !has_portal() {
        return Picked::NoDialog(pick);
    }
    let dialog = rfd::FileDialog::new();
    let path = match pick {
        Pick::Folder => dialog.pick_folder(),
        Pick::File => dialog.pick_file(),
        Pick::NewFile => dialog.save_file(),
    };
    path.map_or(Picked::Cancelled, Picked::Path)
}

/// Is a desktop portal on the session bus, or can it be started?
fn has_portal() -> bool {
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() {
        return false;
    }
    // The bus's own tool answers without a D-Bus library; where it is missing there is no desktop either.
    std::process::Command::new("dbus-send")
        .args([
            "--session",
            "--print-reply",
            "--reply-timeout=2000",
            "--dest=org.freedesktop.portal.Desktop",
            "/org/freedesktop/portal/desktop",
            "org.freedesktop.DBus.Properties.Get",
            "string:org.freedesktop.portal.FileChooser",
            "string:version",
        ])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
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
