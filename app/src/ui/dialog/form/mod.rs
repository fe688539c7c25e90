//! Opening, making and saving a filesystem of each kind: one line that explains it, the fields it needs, one button.

mod add_layer;
mod create;
mod fields;
mod layers;

use egui::{Checkbox, Ui};
use fs_backends::location::{Kind, Location, Root};
use fs_core::ops::FsRef;

use super::{Weight, button_ui, buttons_ui, cancel_ui, check_ui, text_ui, title_ui};
use crate::command::{Command, FsCommand, OpenIn, Over, Pick};
use crate::theme::{FsKind, UiTokens as _, metrics};
use crate::ui::{Cx, Drafts};
pub(super) use add_layer::add_layer_ui;
pub(super) use create::create_ui;
pub(super) use fields::{error_ui, label_ui, path_ui, secret_ui, typed, with_extension};

/// Opening.
pub(super) fn open_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, kind: Kind) {
    let (title, line, label, pick) = match kind {
        Kind::Host => (
            "Open folder",
            "Any folder of this computer.",
            "Folder",
            Pick::Folder,
        ),
        Kind::VRoot => (
            "Open sandbox folder",
            "The folder becomes a world of its own: no link and no path leads out of it.",
            "Folder",
            Pick::Folder,
        ),
        Kind::Memory => (
            "Open memory filesystem",
            "Loads a saved memory filesystem; changes stay in memory until you save it again.",
            "File",
            Pick::File,
        ),
        Kind::Vault => (
            "Open vault",
            "A whole tree in one file. If it is encrypted, its tab asks for the password.",
            "File",
            Pick::File,
        ),
        Kind::Store => (
            "Open store",
            "A folder with an index and blobs.",
            "Folder",
            Pick::Folder,
        ),
        Kind::Stack => (
            "Open stack",
            "Several filesystems seen as one, as a stack file lists them.",
            "File",
            Pick::File,
        ),
    };
    header_ui(ui, kind, title, line);
    let enter = path_ui(ui, cx, &mut drafts.form, label, pick);
    let read_only = Checkbox::new(
        &mut drafts.form.read_only,
        "Read-only: nothing in it can be changed",
    );
    check_ui(ui, true, read_only);
    if kind == Kind::Host && drafts.form.read_only {
        label_ui(
            ui,
            "It opens as a sandbox folder; links that lead out of it are not followed.",
        );
    }
    error_ui(ui, &drafts.form);
    let path = typed(&drafts.form);
    buttons_ui(ui, |ui| {
        let go = button_ui(ui, "Open", Weight::Primary, path.is_some()).clicked() || enter;
        cancel_ui(ui, cx);
        if let (true, Some(path)) = (go, path) {
            let root = match kind {
                Kind::Host => Root::Path(path),
                Kind::VRoot => Root::VRoot(path),
                Kind::Memory => Root::Saved(path),
                Kind::Vault => Root::Vault(path),
                Kind::Store => Root::Store(path),
                Kind::Stack => Root::Stack(path),
            };
            let open_in = if drafts.form.read_only {
                OpenIn::ReadOnly
            } else {
                OpenIn::NewTab
            };
            cx.send(Command::Open(Location::new(root), open_in));
        }
    });
}

/// Saving a memory filesystem.
pub(super) fn save_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, fs: &FsRef) {
    let info = cx.state.filesystems.get(fs);
    let name = info.map(|info| info.name.clone()).unwrap_or_default();
    let saved = info.and_then(|info| info.saved.as_ref());
    header_ui(
        ui,
        Kind::Memory,
        &format!("Save {name}"),
        "Everything it holds goes into one file that can be opened again.",
    );
    if drafts.form.path.is_empty()
        && drafts.form.fresh
        && let Some(path) = match (saved, &drafts.form.home) {
            (Some(saved), _) => Some(saved.path.clone()),
            (None, home) => home.as_ref().map(|home| home.join(format!("{name}.mem"))),
        }
    {
        drafts.form.path = path.to_string_lossy().into_owned();
    }
    let mut enter = path_ui(ui, cx, &mut drafts.form, "File", Pick::NewFile);
    if saved.is_some_and(|saved| saved.encrypted) {
        label_ui(ui, "It is locked with the password it has.");
    } else {
        enter |= create::password_ui(ui, &mut drafts.form, enter);
    }
    error_ui(ui, &drafts.form);
    let path = with_extension(typed(&drafts.form), "mem");
    buttons_ui(ui, |ui| {
        let ready = path.is_some() && drafts.form.has_secret();
        let go = button_ui(ui, "Save", Weight::Primary, ready).clicked() || (enter && ready);
        cancel_ui(ui, cx);
        if let (true, Some(path)) = (go, path) {
            let over = match drafts.form.confirmed.as_ref() == Some(&path) {
                true => Over::Anything,
                false => Over::Own,
            };
            let secret = drafts.form.secret();
            cx.send(Command::Fs(FsCommand::Save(fs.clone(), path, over, secret)));
        }
    });
}

pub(super) fn header_ui(ui: &mut Ui, kind: Kind, title: &str, line: &str) {
    let kind = FsKind::from(kind);
    let hue = ui.tokens().hue(kind);
    title_ui(ui, kind.icon(), hue, title);
    text_ui(ui, line);
    ui.add_space(metrics().space);
}
