//! What is asked before a copy is made or a password is changed.

use egui::{Checkbox, Ui};
use fs_backends::location::Kind;

use super::super::form::{error_ui, label_ui, path_ui, secret_ui, typed, with_extension};
use super::super::{check_ui, text_ui};
use super::Answer;
use crate::command::Pick;
use crate::state::FsInfo;
use crate::state::care::{DAY_SECONDS, Work};
use crate::theme::{Type, UiTokens as _};
use crate::ui::Cx;
use crate::ui::drafts::Form;

/// Where the copy goes.
pub(super) fn backup_ui(ui: &mut Ui, cx: &Cx<'_>, form: &mut Form, info: &FsInfo) -> Answer {
    let what = if info.encrypted {
        "A copy of this moment, encrypted with the same password. You can go on working meanwhile."
    } else {
        "A copy of this moment. You can go on working meanwhile."
    };
    text_ui(ui, what);
    let enter = path_ui(ui, cx, form, "Copy to", Pick::NewFile);
    error_ui(ui, form);
    let path = typed(form);
    let path = match info.kind {
        Kind::Vault => with_extension(path, "db"),
        _ => path,
    };
    Answer {
        label: "Back up",
        work: path.map(Work::Backup),
        enter,
    }
}

/// What is removed of a store that belongs to nothing.
pub(super) fn collect_ui(ui: &mut Ui, form: &mut Form) -> Answer {
    text_ui(
        ui,
        "Removes blobs that belong to no file of the store: what a crash or a program that was killed left behind. Files, and what is in the trash, keep theirs.",
    );
    let all = Checkbox::new(&mut form.young, "Also those of the last 24 hours");
    check_ui(ui, true, all);
    let grace = if form.young { 0 } else { DAY_SECONDS };
    Answer {
        label: "Collect",
        work: Some(Work::Collect(grace)),
        enter: false,
    }
}

/// The password it has, and the one it gets.
pub(super) fn password_ui(ui: &mut Ui, form: &mut Form, info: &FsInfo) -> Answer {
    let has_one = info.saved.as_ref().is_none_or(|saved| saved.encrypted);
    let file = info.saved.as_ref().map(|saved| saved.path.clone());
    if file.is_some() {
        text_ui(ui, "It is saved with the new password, as it is now.");
    }
    let fresh = std::mem::take(&mut form.fresh);
    if has_one {
        let old = secret_ui(ui, &mut form.old, "Password now", fresh);
        form.wrong &= !old.changed();
    }
    secret_ui(ui, &mut form.secret, "New password", fresh && !has_one);
    let last = secret_ui(ui, &mut form.repeat, "New password again", false);
    let (old, new) = (&form.old.0, &form.secret.0);
    if form.wrong {
        let danger = ui.tokens().danger;
        let sentence = "That is not the password it has. Nothing was changed.";
        ui.label(Type::Secondary.rich(sentence).color(danger));
    } else if new.is_empty() && has_one {
        label_ui(
            ui,
            "Copies made before keep the old one. Without the password nobody can read it, you neither.",
        );
    } else if new.is_empty() {
        label_ui(
            ui,
            "Without the password nobody can read it, you neither. Write it down.",
        );
    } else if **new != *form.repeat.0 {
        label_ui(ui, "The two new ones are not the same yet.");
    } else {
        label_ui(ui, "Copies made before stay as they are.");
    }
    let ready = (!has_one || !old.is_empty()) && !new.is_empty() && **new == *form.repeat.0;
    let enter = last.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    let label = if has_one {
        "Change password"
    } else {
        "Set password"
    };
    let work = || Work::Password {
        old: form.old.clone(),
        new: form.secret.clone(),
        file,
    };
    Answer {
        label,
        work: ready.then(work),
        enter,
    }
}
