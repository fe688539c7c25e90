//! The field over the name of an entry that is being renamed.

use egui::text::{CCursor, CCursorRange};
use egui::{Key, Rect, TextEdit, Ui};
use fs_core::Name;

use super::{Cx, Drafts};
use crate::command::{Command, FileCommand, ListCommand};
use crate::state::{RelPath, Tab};
use crate::theme::{Type, UiTokens as _, metrics};

/// Draws the field at `rect`. Enter renames, Escape does not, and neither does a click elsewhere lose what was typed: it renames too.
pub(super) fn rename_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab, rect: Rect) {
    let Some(draft) = drafts.rename.as_mut().filter(|draft| draft.tab == tab.id) else {
        return;
    };
    let Some(place) = tab.place.as_ref().map(|place| draft.name.at(place)) else {
        return;
    };
    let (m, tokens) = (metrics(), ui.tokens());
    let complaint = complaint(tab, &draft.name, &draft.text);
    let fresh = draft.select.is_some();
    let field = TextEdit::singleline(&mut draft.text)
        .font(Type::Body.font())
        .margin(egui::Margin::symmetric(m.space as i8, 0))
        .align(egui::Align2::LEFT_CENTER);
    let id = ui.make_persistent_id(("rename", &draft.name));
    // Its text stands where the name stood, and it is as high as its row.
    let rect = rect.with_min_x(rect.left() - m.space - m.line);
    let response = ui
        .scope(|ui| {
            ui.spacing_mut().interact_size.y = rect.height();
            ui.put(rect, field.id(id))
        })
        .inner
        .accessible_name("New name");
    if let Some(stem) = draft.select.take() {
        response.request_focus();
        let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
        let range = CCursorRange::two(CCursor::new(0), CCursor::new(stem));
        state.cursor.set_char_range(Some(range));
        state.store(ui.ctx(), id);
    }
    if let Some(complaint) = complaint {
        let below = egui::pos2(rect.left(), rect.bottom() + m.space);
        egui::Tooltip::always_open(
            ui.ctx().clone(),
            ui.layer_id(),
            id.with("complaint"),
            egui::PopupAnchor::Position(below),
        )
        .show(|ui| ui.label(Type::Secondary.rich(complaint).color(tokens.danger)));
    }
    if fresh {
        return;
    }
    let escape = ui.input(|input| input.key_pressed(Key::Escape));
    if escape {
        drafts.rename = None;
        cx.send(Command::List(tab.id, ListCommand::CancelRename));
    } else if response.lost_focus() {
        let name = std::mem::take(&mut draft.text);
        drafts.rename = None;
        let usable = complaint.is_none();
        cx.send(if usable {
            Command::File(FileCommand::Rename(tab.id, place, name))
        } else {
            Command::List(tab.id, ListCommand::CancelRename)
        });
    }
}

/// Why this can't be the name.
fn complaint(tab: &Tab, old: &RelPath, text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("A name is needed");
    }
    let Ok(name) = Name::new(text) else {
        return Some(if text.len() > fs_core::path::NAME_MAX_BYTES {
            "The name is too long"
        } else {
            "A name can't be “.” or “..” or contain a slash"
        });
    };
    let hint = tab.cursor.as_ref().map_or(0, |cursor| cursor.row);
    let new = old.beside(&name);
    let taken =
        new != *old && tab.view.len() < 20_000 && tab.view.row_of(new.as_os_str(), hint).is_some();
    taken.then_some("Something with this name is there already")
}
