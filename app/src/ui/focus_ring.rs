//! The ring around what has the keyboard, once the keyboard is used: the same for every widget, drawn over the layer it is in.

use egui::{Event, StrokeKind, Ui};

use super::Drafts;
use crate::theme::{UiTokens as _, metrics};

/// Notes which of keyboard and pointer was used last. Before anything else looks at what was pressed.
pub(super) fn note(ui: &Ui, drafts: &mut Drafts) {
    ui.input(|input| {
        for event in &input.events {
            match event {
                Event::Key { pressed: true, .. } => drafts.keyboard_used = true,
                Event::PointerButton { pressed: true, .. } => drafts.keyboard_used = false,
                _ => {}
            }
        }
    });
}

/// Draws the ring. Fields have a cursor and a border of their own, and lists a row that has it.
pub(super) fn focus_ring_ui(ui: &Ui, drafts: &Drafts) {
    let focused = ui.memory(|memory| memory.focused());
    let Some(id) = focused.filter(|_| drafts.keyboard_used) else {
        return;
    };
    if ui.ctx().text_edit_focused() || drafts.lists.values().any(|list| *list == id) {
        return;
    }
    let Some(response) = ui.ctx().read_response(id) else {
        return;
    };
    let m = metrics();
    // Apart from it by as much as it is wide, so that it is seen around what has its colour, too.
    ui.ctx().layer_painter(response.layer_id).rect_stroke(
        response.rect.expand(m.ring),
        f32::from(m.radius) + m.ring,
        ui.tokens().ring(),
        StrokeKind::Outside,
    );
}
