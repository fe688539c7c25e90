//! The scroll bar: always there, so that nothing jumps, and exact for any number of rows.

use egui::{Align2, Id, Rect, Role, Sense, Ui, Vec2, WidgetInfo};

use super::{Frame, RowsState};
use crate::theme::{UiTokens as _, metrics};

pub(super) fn ui(ui: &Ui, frame: &Frame<'_>, bar: Rect, id: Id, state: &mut RowsState) {
    let (tokens, m) = (ui.tokens(), metrics());
    let last = frame.len as f64 - frame.visible();
    if last <= 0.0 {
        state.grab = None;
        return;
    }
    let response = ui.interact(bar, id.with("scroll bar"), Sense::CLICK | Sense::DRAG);
    response.widget_info(|| WidgetInfo::labeled(Role::ScrollBar, true, "Scroll"));

    let share = (frame.visible() / frame.len as f64) as f32;
    let height = (bar.height() * share)
        .max(m.scroll_handle_min)
        .min(bar.height());
    let travel = f64::from(bar.height() - height);
    let handle_at = |position: f64| {
        let top = (position / last * travel) as f32;
        Align2::CENTER_TOP
            .align_size_within_rect(Vec2::new(bar.width() - 2.0 * m.line - 2.0, height), bar)
            .translate(Vec2::new(0.0, top))
    };

    let pointer = response.interact_pointer_pos();
    let pressed = response.is_pointer_button_down_on() && ui.input(|i| i.pointer.primary_pressed());
    if let (true, Some(pointer)) = (pressed, pointer) {
        let handle = handle_at(state.position());
        if handle.y_range().contains(pointer.y) {
            state.grab = Some(f64::from(pointer.y - handle.top()));
        } else {
            let page = frame.visible().floor().max(1.0);
            state.scroll_rows(if pointer.y < handle.top() {
                -page
            } else {
                page
            });
        }
    }
    if let (true, Some(grab), Some(pointer)) = (response.dragged(), state.grab, pointer) {
        let top = f64::from(pointer.y - bar.top()) - grab;
        let position = (top / travel).clamp(0.0, 1.0) * last;
        // Whole rows, but for the very end.
        state.set_position(if position >= last {
            last
        } else {
            position.round()
        });
    }
    if !response.is_pointer_button_down_on() {
        state.grab = None;
    }
    state.settle(frame.len, frame.visible());

    let color = if state.grab.is_some() {
        tokens.muted
    } else if response.hovered() {
        tokens.input_border
    } else {
        tokens.dimmed(tokens.input_border)
    };
    ui.painter()
        .rect_filled(handle_at(state.position()), f32::from(m.radius), color);
}
