//! A field to search or filter with.

use egui::{Id, Response, TextEdit, Ui};

use super::button::IconButton;
use crate::theme::{Icon, Type, UiTokens as _, metrics};

/// A one-line field with a magnifying glass and, once there is text, a button that clears it. `name` is read aloud; the field keeps the keyboard by its
/// `id`, whatever appears beside it.
pub fn search_field(
    ui: &mut Ui,
    id: Id,
    text: &mut String,
    name: &str,
    hint: &str,
    width: f32,
) -> Response {
    let (tokens, m) = (ui.tokens(), metrics());
    let glass = Icon::Search.atom_sized(m.icon, Some(tokens.muted));
    let mut response = ui
        .add(
            TextEdit::singleline(text)
                .id(id)
                .align(egui::Align2::LEFT_CENTER)
                .prefix(glass)
                .hint_text(Type::Body.rich(hint).color(tokens.faint))
                .desired_width(width),
        )
        .accessible_name(name);
    if !text.is_empty() {
        let side = m.row_compact;
        let rect = egui::Align2::RIGHT_CENTER
            .align_size_within_rect(egui::Vec2::splat(side), response.rect.shrink(m.space));
        let clear = ui.scope_builder(egui::UiBuilder::new().max_rect(rect), |ui| {
            IconButton::new(Icon::Close, "Clear").size(side).show(ui)
        });
        if clear.inner.clicked() {
            text.clear();
            response.mark_changed();
            response.request_focus();
        }
    }
    response
}
