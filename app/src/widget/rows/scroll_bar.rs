//! The scroll bar: always there, so that nothing jumps, and exact for any number of rows.

use egui::{Align2, Id, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo};

use super::{Frame, RowsState};
use crate::theme::{UiTokens as _, metrics};

/// Where the handle of a bar is.
struct Handle {
    bar: Rect,
    height: f32,
    /// How far its upper end can go, points.
    travel: f64,
    /// The position of the list at its lower end.
    last: f64,
}

impl Handle {
    /// `None`: everything is in sight.
    fn new(frame: &Frame<'_>, bar: Rect) -> Option<Self> {
        let last = frame.len as f64 - frame.visible();
        if last <= 0.0 {
            return None;
        }
        let share = (frame.visible() / frame.len as f64) as f32;
        let height = (bar.height() * share)
            .max(metrics().scroll_handle_min)
            .min(bar.height());
        Some(Self {
            bar,
            height,
            travel: f64::from(bar.height() - height),
            last,
        })
    }

    fn rect(&self, position: f64) -> Rect {
        let m = metrics();
        let top = (position / self.last * self.travel) as f32;
        let width = self.bar.width() - 2.0 * (m.line + m.line);
        Align2::CENTER_TOP
            .align_size_within_rect(Vec2::new(width, self.height), self.bar)
            .translate(Vec2::new(0.0, top))
    }
}

/// Follows the pointer; `None`: everything is in sight, and there is nothing to draw.
pub(super) fn drag(
    ui: &Ui,
    frame: &Frame<'_>,
    bar: Rect,
    id: Id,
    state: &mut RowsState,
) -> Option<Response> {
    let Some(handle) = Handle::new(frame, bar) else {
        state.grab = None;
        return None;
    };
    let response = ui.interact(bar, id.with("scroll bar"), Sense::CLICK | Sense::DRAG);
    response.widget_info(|| WidgetInfo::labeled(Role::ScrollBar, true, "Scroll"));
    let pointer = response.interact_pointer_pos();
    let pressed = response.is_pointer_button_down_on() && ui.input(|i| i.pointer.primary_pressed());
    if let (true, Some(pointer)) = (pressed, pointer) {
        let rect = handle.rect(state.position());
        if rect.y_range().contains(pointer.y) {
            state.grab = Some(f64::from(pointer.y - rect.top()));
        } else {
            let page = frame.visible().floor().max(1.0);
            state.scroll_rows(if pointer.y < rect.top() { -page } else { page });
        }
    }
    if let (true, Some(grab), Some(pointer)) = (response.dragged(), state.grab, pointer) {
        let top = f64::from(pointer.y - bar.top()) - grab;
        let position = (top / handle.travel).clamp(0.0, 1.0) * handle.last;
        // Whole rows, but for the very end.
        state.set_position(if position >= handle.last {
            handle.last
        } else {
            position.round()
        });
    }
    if !response.is_pointer_button_down_on() {
        state.grab = None;
    }
    state.settle(frame.len, frame.visible());
    Some(response)
}

/// Draws the handle, over rows that are filled up to the edge.
pub(super) fn paint(ui: &Ui, frame: &Frame<'_>, bar: Rect, state: &RowsState, response: &Response) {
    let (tokens, m) = (ui.tokens(), metrics());
    let Some(handle) = Handle::new(frame, bar) else {
        return;
    };
    let color = if state.grab.is_some() {
        tokens.muted
    } else if response.hovered() {
        tokens.input_border
    } else {
        tokens.dimmed(tokens.input_border)
    };
    ui.painter()
        .rect_filled(handle.rect(state.position()), f32::from(m.radius), color);
}
