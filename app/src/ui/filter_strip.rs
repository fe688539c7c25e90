//! The strip over the list with the field that filters the folder, and the look of such strips.

use egui::{Key, Ui};

use super::{Cx, Drafts};
use crate::command::{Command, ListCommand};
use crate::state::{Tab, TabId};
use crate::theme::{Icon, UiTokens as _, metrics};
use crate::widget::{icon_button, search_field};

/// A strip over the list of a tab, as high as the path.
pub(super) fn field_strip_ui(ui: &mut Ui, id: (&'static str, TabId), add: impl FnOnce(&mut Ui)) {
    let m = metrics();
    let margin = egui::Margin::symmetric(m.pad as i8, m.space as i8);
    let frame = egui::Frame::new()
        .fill(ui.tokens().surface)
        .inner_margin(margin);
    egui::Panel::top(id)
        .exact_size(m.path)
        .resizable(false)
        .frame(frame)
        .show(ui, add);
}

/// The strip, while the field is open.
pub(super) fn strip_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab) {
    let Some(draft) = drafts.filters.get_mut(&tab.id) else {
        return;
    };
    let id = ui.make_persistent_id(("filter field", tab.id));
    let mut close = false;
    field_strip_ui(ui, ("filter", tab.id), |ui| {
        ui.horizontal_centered(|ui| {
            let m = metrics();
            ui.spacing_mut().item_spacing.x = m.gap;
            let width = ui.available_width() - m.control - m.gap;
            let hint = "Show names that contain…";
            let response = search_field(ui, id, &mut draft.text, "Filter", hint, width);
            if draft.fresh {
                response.request_focus();
                draft.fresh = false;
            }
            if response.changed() {
                cx.send(Command::List(
                    tab.id,
                    ListCommand::Filter(draft.text.clone()),
                ));
            }
            let done = icon_button(ui, Icon::Close, "Show all").clicked();
            let left = response.has_focus() || response.lost_focus();
            close = done || (left && ui.input(|input| input.key_pressed(Key::Escape)));
        });
    });
    if close {
        drafts.close_filter(tab.id);
        cx.send(Command::List(tab.id, ListCommand::Filter(String::new())));
    }
}
