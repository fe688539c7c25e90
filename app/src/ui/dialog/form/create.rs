//! Making a filesystem of each kind.

use egui::{Checkbox, Ui};
use fs_backends::location::Kind;
use fs_core::ops::FsRef;

use super::fields::{error_ui, label_ui, path_ui, secret_ui, text_field_ui, typed, with_extension};
use super::layers::layers_ui;
use super::{Weight, button_ui, buttons_ui, cancel_ui, check_ui, header_ui};
use crate::command::{Command, FsCommand, Pick};
use crate::state::dialog::{Layer, NewFilesystem};
use crate::ui::drafts::Form;
use crate::ui::{Cx, Drafts};

/// Making.
pub(in crate::ui::dialog) fn create_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, kind: Kind) {
    let (title, line) = match kind {
        Kind::Memory => (
            "New memory filesystem",
            "Scratch space: fast, and gone when you close it, unless you save it.",
        ),
        Kind::Vault => (
            "New vault",
            "A whole tree in one file that standard SQLite or SQLCipher tools can open.",
        ),
        Kind::Store if drafts.form.encrypt => (
            "New store",
            "An index, and each file as a blob beside it, all of it encrypted. Good for large files.",
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
        Kind::Memory => enter |= memory_ui(ui, cx, form),
        Kind::Vault => {
            enter |= path_ui(ui, cx, form, "File", Pick::NewFile);
            enter |= password_ui(ui, form, enter);
        }
        Kind::Store => {
            enter |= path_ui(ui, cx, form, "Folder", Pick::NewFile);
            enter |= password_ui(ui, form, enter);
        }
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
            let secret = drafts.form.secret();
            drafts.form.error = None;
            cx.send(Command::Fs(FsCommand::Create(new, secret)));
        }
    });
}

/// A name, or the file it is kept in.
fn memory_ui(ui: &mut Ui, cx: &Cx<'_>, form: &mut Form) -> bool {
    let mut enter = if form.keep {
        path_ui(ui, cx, form, "File", Pick::NewFile)
    } else {
        text_field_ui(ui, &mut form.name, "Name", "scratch", &mut form.fresh)
    };
    let keep = Checkbox::new(&mut form.keep, "Keep it in a file");
    if check_ui(ui, true, keep).changed() {
        form.fresh = true;
        form.encrypt &= form.keep;
        let name = memory_name(form);
        if let (true, Some(home)) = (form.path.is_empty(), &form.home) {
            let path = home.join(format!("{name}.mem"));
            form.path = path.to_string_lossy().into_owned();
        }
    }
    if form.keep {
        label_ui(
            ui,
            "It is written when you save it (Ctrl+S), all at once; in between it is in memory.",
        );
        enter |= password_ui(ui, form, enter);
    }
    enter
}

fn memory_name(form: &Form) -> String {
    let name = form.name.trim();
    if name.is_empty() { "scratch" } else { name }.to_owned()
}

/// Whether it gets a password, and which; `entered`: Enter was pressed in the field before. Was it pressed in one of these?
pub(super) fn password_ui(ui: &mut Ui, form: &mut Form, entered: bool) -> bool {
    let encrypt = Checkbox::new(&mut form.encrypt, "Lock it with a password");
    let asked = check_ui(ui, true, encrypt).changed();
    if !form.encrypt {
        return false;
    }
    // What is missing yet is what comes next.
    let asked = asked || (entered && !form.has_secret());
    let first = secret_ui(ui, &mut form.secret, "Password", asked);
    let second = secret_ui(ui, &mut form.repeat, "Password again", false);
    let left = first.lost_focus() || second.lost_focus();
    let enter = left && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if enter && !form.has_secret() {
        second.request_focus();
    }
    let message = if form.secret.0.is_empty() {
        "Without the password nobody can read it, you neither. Write it down."
    } else if form.secret.0 != form.repeat.0 {
        "The two are not the same yet."
    } else {
        "Keep it safe: without it nobody can read what is inside."
    };
    label_ui(ui, message);
    enter
}

/// What shall be made, once the form says enough.
fn wish(cx: &Cx<'_>, form: &Form, kind: Kind) -> Option<NewFilesystem> {
    let path = typed(form);
    Some(match kind {
        Kind::Memory if form.keep => {
            let ready = form.has_secret();
            NewFilesystem::Saved(with_extension(path, "mem").filter(|_| ready)?)
        }
        Kind::Memory => {
            let name = memory_name(form);
            let valid = !name.contains(['/', ':']);
            let taken = cx
                .state
                .filesystems
                .contains_key(&FsRef::new(format!("memory:{name}")));
            NewFilesystem::Memory((valid && !taken).then_some(name)?)
        }
        Kind::Vault => {
            let ready = form.has_secret();
            NewFilesystem::Vault(with_extension(path, "db").filter(|_| ready)?)
        }
        Kind::Store => NewFilesystem::Store(path.filter(|_| form.has_secret())?),
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
