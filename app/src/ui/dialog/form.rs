//! Opening and making a filesystem of each kind: one line that explains it, the fields it needs, one button.

use std::path::{Path, PathBuf};

use egui::{TextEdit, Ui};
use fs_backends::location::{Kind, Location, Root};
use fs_core::ops::FsRef;

use super::{Weight, button_ui, buttons_ui, cancel_ui, text_ui, title_ui};
use crate::command::{Command, FsCommand, OpenIn, Pick};
use crate::state::dialog::{Layer, NewFilesystem};
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};
use crate::ui::drafts::Form;
use crate::ui::{Cx, Drafts};

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
    ui.checkbox(
        &mut drafts.form.read_only,
        "Read-only: nothing in it can be changed",
    );
    if kind == Kind::Host && drafts.form.read_only {
        label_ui(
            ui,
            "It opens as a sandbox folder; links that lead out of it are not followed.",
        );
    }
    error_ui(ui, &drafts.form);
    let path = absolute(&drafts.form.path, drafts.form.home.as_deref());
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

/// Making.
pub(super) fn create_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, kind: Kind) {
    let (title, line) = match kind {
        Kind::Memory => (
            "New memory filesystem",
            "Scratch space: fast, and gone when you close it, unless you save it.",
        ),
        Kind::Vault => (
            "New vault",
            "A whole tree in one file that standard SQLite or SQLCipher tools can open.",
        ),
        Kind::Store => (
            "New store",
            "An index, and each file as a plain blob beside it. Good for large files.",
        ),
        _ => (
            "New stack of layers",
            "Seen as one filesystem. Only the top layer is written; those below never change.",
        ),
    };
    header_ui(ui, kind, title, line);
    let form = &mut drafts.form;
    let mut enter = false;
    match kind {
        Kind::Memory => {
            enter |= text_field_ui(ui, &mut form.name, "Name", "scratch", &mut form.fresh)
        }
        Kind::Vault => {
            enter |= path_ui(ui, cx, form, "File", Pick::NewFile);
            password_ui(ui, form);
        }
        Kind::Store => enter |= path_ui(ui, cx, form, "Folder", Pick::NewFile),
        _ => {
            layers_ui(ui, cx, form);
            enter |= path_ui(ui, cx, form, "Stack file", Pick::NewFile);
        }
    }
    error_ui(ui, form);
    let wish = wish(cx, form, kind);
    let creating = drafts.creating;
    buttons_ui(ui, |ui| {
        let label = if creating { "Making…" } else { "Make" };
        let ready = wish.is_some() && !creating;
        let go = button_ui(ui, label, Weight::Primary, ready).clicked() || (enter && ready);
        cancel_ui(ui, cx);
        if let (true, Some(new)) = (go, wish) {
            let secret = if kind == Kind::Vault {
                drafts.form.secret()
            } else {
                None
            };
            drafts.form.error = None;
            cx.send(Command::Fs(FsCommand::Create(new, secret)));
        }
    });
}

/// Saving a memory filesystem.
pub(super) fn save_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, fs: &FsRef) {
    let name = cx
        .state
        .filesystems
        .get(fs)
        .map(|info| info.name.clone())
        .unwrap_or_default();
    header_ui(
        ui,
        Kind::Memory,
        &format!("Save {name}"),
        "Everything it holds goes into one file that can be opened again.",
    );
    if drafts.form.path.is_empty()
        && drafts.form.fresh
        && let Some(home) = &drafts.form.home
    {
        drafts.form.path = home
            .join(format!("{name}.mem"))
            .to_string_lossy()
            .into_owned();
    }
    let enter = path_ui(ui, cx, &mut drafts.form, "File", Pick::NewFile);
    error_ui(ui, &drafts.form);
    let path = with_extension(
        absolute(&drafts.form.path, drafts.form.home.as_deref()),
        "mem",
    );
    buttons_ui(ui, |ui| {
        let go = button_ui(ui, "Save", Weight::Primary, path.is_some()).clicked() || enter;
        cancel_ui(ui, cx);
        if let (true, Some(path)) = (go, path) {
            cx.send(Command::Fs(FsCommand::Save(fs.clone(), path)));
        }
    });
}

fn header_ui(ui: &mut Ui, kind: Kind, title: &str, line: &str) {
    let kind = FsKind::from(kind);
    let hue = ui.tokens().hue(kind);
    title_ui(ui, kind.icon(), hue, title);
    text_ui(ui, line);
    ui.add_space(metrics().space);
}

fn error_ui(ui: &mut Ui, form: &Form) {
    if let Some(error) = &form.error {
        let color = ui.tokens().danger;
        ui.add(egui::Label::new(Type::Secondary.rich(error).color(color)).wrap());
    }
}

fn label_ui(ui: &mut Ui, text: &str) {
    let color = ui.tokens().muted;
    ui.label(Type::Secondary.rich(text).color(color));
}

/// A field with its label; tells whether Enter was pressed in it.
fn text_field_ui(
    ui: &mut Ui,
    text: &mut String,
    label: &str,
    hint: &str,
    fresh: &mut bool,
) -> bool {
    label_ui(ui, label);
    let field = TextEdit::singleline(text)
        .hint_text(hint)
        .desired_width(f32::INFINITY)
        .margin(margin());
    let response = ui.add(field).accessible_name(label);
    if std::mem::take(fresh) {
        response.request_focus();
    }
    response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter))
}

fn margin() -> egui::Margin {
    egui::Margin::symmetric(metrics().gap as i8, (metrics().space * 1.5) as i8)
}

/// A field for a host path, with a button that asks the desktop for it.
fn path_ui(ui: &mut Ui, cx: &Cx<'_>, form: &mut Form, label: &str, pick: Pick) -> bool {
    label_ui(ui, label);
    let m = metrics();
    ui.horizontal(|ui| {
        let room = ui.available_width() - m.tab_width_min - m.gap;
        let field = TextEdit::singleline(&mut form.path)
            .hint_text("Path")
            .desired_width(room - 2.0 * m.gap)
            .margin(margin());
        let response = ui.add(field).accessible_name(label);
        if std::mem::take(&mut form.fresh) {
            response.request_focus();
        }
        let enter = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if button_ui(ui, "Browse…", Weight::Plain, true).clicked() {
            cx.send(Command::Fs(FsCommand::Pick(pick)));
        }
        enter && !form.path.is_empty()
    })
    .inner
}

fn password_ui(ui: &mut Ui, form: &mut Form) {
    ui.checkbox(&mut form.encrypt, "Lock it with a password");
    if !form.encrypt {
        return;
    }
    for (label, secret) in [
        ("Password", &mut form.secret),
        ("Password again", &mut form.repeat),
    ] {
        label_ui(ui, label);
        let field = TextEdit::singleline(&mut *secret.0)
            .password(true)
            .desired_width(f32::INFINITY)
            .margin(margin());
        ui.add(field).accessible_name(label);
    }
    let message = if form.secret.0.is_empty() {
        "Without the password nobody can read it, you neither. Write it down."
    } else if form.secret.0 != form.repeat.0 {
        "The two are not the same yet."
    } else {
        "Keep it safe: without it nobody can read the vault."
    };
    label_ui(ui, message);
}

fn layers_ui(ui: &mut Ui, cx: &Cx<'_>, form: &mut Form) {
    label_ui(
        ui,
        "Layers, the top one first; pick them in order from the base up",
    );
    let candidates: Vec<_> = cx
        .state
        .filesystems
        .iter()
        .filter(|(_, info)| {
            info.is_open() && info.location.host_path().is_some() && info.kind != Kind::Host
        })
        .collect();
    form.layers
        .retain(|layer| candidates.iter().any(|(fs, _)| *fs == layer));
    for (at, fs) in form.layers.clone().iter().enumerate().rev() {
        let Some((_, info)) = candidates.iter().find(|(known, _)| *known == fs) else {
            continue;
        };
        let role = if at + 1 == form.layers.len() {
            "changes go here"
        } else {
            "only read"
        };
        ui.horizontal(|ui| {
            let kind = FsKind::from(info.kind);
            let (hue, muted) = (ui.tokens().hue(kind), ui.tokens().muted);
            kind.icon().show(ui, metrics().icon, hue);
            ui.label(&info.name);
            ui.label(Type::Secondary.rich(role).color(muted));
            if ui
                .button(Icon::Close.atom())
                .on_hover_text(format!("Take {} out", info.name))
                .clicked()
            {
                form.layers.remove(at);
            }
        });
    }
    let free: Vec<_> = candidates
        .iter()
        .filter(|(fs, _)| !form.layers.contains(fs))
        .collect();
    if free.is_empty() && form.layers.is_empty() {
        text_ui(
            ui,
            "Open the vaults, stores and sandbox folders that shall be layers first.",
        );
    }
    ui.horizontal_wrapped(|ui| {
        for (fs, info) in free {
            let kind = FsKind::from(info.kind);
            let button = ui.button((Icon::Plus.atom(), kind.icon().atom(), &*info.name));
            let name = format!("Put {} on top", info.name);
            button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
            if button.on_hover_text(&name).clicked() {
                form.layers.push((*fs).clone());
            }
        }
    });
}

/// What shall be made, once the form says enough.
fn wish(cx: &Cx<'_>, form: &Form, kind: Kind) -> Option<NewFilesystem> {
    let path = absolute(&form.path, form.home.as_deref());
    Some(match kind {
        Kind::Memory => {
            let name = form.name.trim();
            let name = if name.is_empty() { "scratch" } else { name };
            let valid = !name.contains(['/', ':']);
            let taken = cx
                .state
                .filesystems
                .contains_key(&FsRef::new(format!("memory:{name}")));
            NewFilesystem::Memory((valid && !taken).then(|| name.to_owned())?)
        }
        Kind::Vault => {
            let ready =
                !form.encrypt || (!form.secret.0.is_empty() && form.secret.0 == form.repeat.0);
            NewFilesystem::Vault(with_extension(path, "db").filter(|_| ready)?)
        }
        Kind::Store => NewFilesystem::Store(path?),
        _ => {
            let layers: Vec<Layer> = form
                .layers
                .iter()
                .filter_map(|fs| {
                    Some(Layer {
                        name: cx.state.filesystems.get(fs)?.name.clone(),
                        fs: fs.clone(),
                    })
                })
                .collect();
            let file = with_extension(path, "stack.ron")?;
            (layers.len() >= 2).then_some(NewFilesystem::Stack { file, layers })?
        }
    })
}

/// A typed path, if it is one: `~` is home, and anything else counts from there.
fn absolute(text: &str, home: Option<&Path>) -> Option<PathBuf> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let path = match (text.strip_prefix('~'), home) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(text),
    };
    if path.is_absolute() {
        Some(path)
    } else {
        home.map(|home| home.join(path))
    }
}

fn with_extension(path: Option<PathBuf>, extension: &str) -> Option<PathBuf> {
    let path = path?;
    let name = path.file_name()?.to_string_lossy().into_owned();
    if name.ends_with(&format!(".{extension}")) {
        return Some(path);
    }
    Some(path.with_file_name(format!("{name}.{extension}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_paths_count_from_home() {
        let home = Path::new("/home/a");
        assert_eq!(absolute("~/x", Some(home)), Some("/home/a/x".into()));
        assert_eq!(absolute("x", Some(home)), Some("/home/a/x".into()));
        assert_eq!(absolute("/x", Some(home)), Some("/x".into()));
        assert_eq!(absolute("x", None), None);
        assert_eq!(
            with_extension(Some("/a/taxes".into()), "db"),
            Some("/a/taxes.db".into())
        );
        assert_eq!(
            with_extension(Some("/a/x.db".into()), "db"),
            Some("/a/x.db".into())
        );
    }
}
