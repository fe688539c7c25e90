//! The fields of forms, and what typed paths mean.

use std::path::{Path, PathBuf};

use egui::{TextEdit, Ui};

use super::{Weight, button_ui};
use crate::command::{Command, FsCommand, Pick, Secret};
use crate::theme::{Type, UiTokens as _, metrics};
use crate::ui::Cx;
use crate::ui::drafts::Form;
use crate::widget::{elided_start, select_all};

/// What is wrong with what was typed.
pub(in crate::ui::dialog) fn error_ui(ui: &mut Ui, form: &Form) {
    if let Some(error) = &form.error {
        let color = ui.tokens().danger;
        ui.add(egui::Label::new(Type::Secondary.rich(error).color(color)).wrap());
    }
}

/// What a field is for.
pub(in crate::ui::dialog) fn label_ui(ui: &mut Ui, text: &str) {
    let color = ui.tokens().muted;
    ui.label(Type::Secondary.rich(text).color(color));
}

/// A field with its label; tells whether Enter was pressed in it.
pub(super) fn text_field_ui(
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

/// A field for a password, with its label. `focus`: it gets the keyboard, and what is in it is selected.
pub(in crate::ui::dialog) fn secret_ui(
    ui: &mut Ui,
    secret: &mut Secret,
    label: &str,
    focus: bool,
) -> egui::Response {
    label_ui(ui, label);
    let id = ui.make_persistent_id(("secret", label));
    let field = TextEdit::singleline(&mut *secret.0)
        .id(id)
        .password(true)
        .desired_width(f32::INFINITY)
        .margin(margin());
    let response = ui.add(field).accessible_name(label);
    if focus {
        response.request_focus();
    }
    if focus || response.gained_focus() {
        select_all(ui, id, &secret.0);
    }
    response
}

/// Room around what is typed.
fn margin() -> egui::Margin {
    egui::Margin::symmetric(metrics().gap as i8, (metrics().space * 1.5) as i8)
}

/// A field for a host path, with a button that asks the desktop for it.
pub(in crate::ui::dialog) fn path_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    form: &mut Form,
    label: &str,
    pick: Pick,
) -> bool {
    label_ui(ui, label);
    let m = metrics();
    ui.horizontal(|ui| {
        let room = ui.available_width() - m.tab_width_min - m.gap;
        let response = long_field_ui(ui, &mut form.path, label, room);
        if std::mem::take(&mut form.fresh) {
            response.request_focus();
            select_all(ui, response.id, &form.path);
        }
        let enter = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if button_ui(ui, "Browse…", Weight::Plain, true).clicked() {
            cx.send(Command::Fs(FsCommand::Pick(pick)));
        }
        enter && !form.path.is_empty()
    })
    .inner
}

/// A field for a path, which shows its end, the name, while nobody types into it.
fn long_field_ui(ui: &mut Ui, path: &mut String, label: &str, room: f32) -> egui::Response {
    let id = ui.make_persistent_id(("path", label));
    let is_at_rest = !ui.memory(|memory| memory.has_focus(id)) && !path.is_empty();
    let mut field = TextEdit::singleline(path)
        .id(id)
        .hint_text("Path")
        .desired_width(room)
        .margin(margin());
    if is_at_rest {
        // What it would show is the beginning.
        field = field.text_color(egui::Color32::TRANSPARENT);
    }
    let shown = field.show(ui);
    let response = shown.response.response.accessible_name(label);
    if !is_at_rest {
        return response;
    }
    let font = egui::TextStyle::Body.resolve(ui.style());
    let inside = shown.text_clip_rect;
    let end = elided_start(ui.painter(), path, &font, inside.width());
    let is_whole = end.text() == path;
    let at = egui::pos2(inside.left(), shown.galley_pos.y);
    ui.painter().galley(at, end, ui.visuals().text_color());
    if is_whole {
        return response;
    }
    if response.gained_focus() {
        // Where it was seen.
        let end = egui::text::CCursor::new(path.chars().count());
        let mut state = shown.state;
        let cursor = egui::text::CCursorRange::one(end);
        state.cursor.set_char_range(Some(cursor));
        state.store(ui.ctx(), id);
    }
    response.on_hover_text(path.as_str())
}

/// The path typed into a form, if it is one.
pub(in crate::ui::dialog) fn typed(form: &Form) -> Option<PathBuf> {
    absolute(&form.path, form.home.as_deref(), form.base.as_deref())
}

/// A typed path, if it is one: `~` is home, and what does not begin at the root counts from `base`, or from home.
fn absolute(text: &str, home: Option<&Path>, base: Option<&Path>) -> Option<PathBuf> {
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
        base.or(home).map(|base| base.join(path))
    }
}

/// The path with an extension, unless it has it.
pub(in crate::ui::dialog) fn with_extension(
    path: Option<PathBuf>,
    extension: &str,
) -> Option<PathBuf> {
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
        let base = Some(Path::new("/b"));
        assert_eq!(absolute("~/x", Some(home), base), Some("/home/a/x".into()));
        assert_eq!(absolute("x", Some(home), None), Some("/home/a/x".into()));
        assert_eq!(absolute("x", Some(home), base), Some("/b/x".into()));
        assert_eq!(absolute("/x", Some(home), base), Some("/x".into()));
        assert_eq!(absolute("x", None, None), None);
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
