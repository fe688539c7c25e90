//! What the mouse does in a list.

use egui::{DragAndDrop, Event, MouseWheelUnit, PointerButton, Rect, Response, Ui};

use super::state::{Band, Press};
use super::{BandPhase, Frame, How, RowsEvent, RowsState};
use crate::theme::metrics;

/// Rows for one notch of the wheel.
const ROWS_A_NOTCH: f64 = 3.0;

/// Scrolling at the very edge, in rows a second; beyond it up to four times as fast.
const EDGE_ROWS_PER_SEC: f64 = 15.0;

pub(super) fn wheel(ui: &Ui, frame: &Frame<'_>, state: &mut RowsState) {
    if !ui.rect_contains_pointer(frame.body) {
        return;
    }
    ui.input_mut(|input| {
        let zooming = input.modifiers.command;
        input.events.retain(|event| {
            let Event::MouseWheel { unit, delta, .. } = event else {
                return true;
            };
            if zooming {
                return true;
            }
            let rows = -f64::from(delta.y);
            match unit {
                MouseWheelUnit::Line => state.scroll_rows((rows * ROWS_A_NOTCH).round()),
                MouseWheelUnit::Page => state.scroll_rows((rows * frame.visible()).round()),
                MouseWheelUnit::Point => state.scroll_by(rows / f64::from(frame.rows.row_height)),
            }
            false
        });
    });
}

/// One row: presses, clicks and the beginning of drags.
pub(super) fn row(
    ui: &Ui,
    frame: &Frame<'_>,
    row: usize,
    response: &Response,
    handle: Rect,
    state: &mut RowsState,
    events: &mut Vec<RowsEvent>,
) {
    let source = frame.rows.source;
    let key = source.key(row);
    let (primary, secondary, modifiers, origin) = ui.input(|i| {
        let pressed = |button| i.pointer.button_pressed(button);
        (
            pressed(PointerButton::Primary),
            pressed(PointerButton::Secondary),
            i.modifiers,
            i.pointer.press_origin(),
        )
    });
    let select = |how| RowsEvent::Select { row, how };
    if response.is_pointer_button_down_on() && (primary || secondary) {
        frame.list.request_focus();
        state.keyboard_used = false;
        let selected = source.is_selected(row);
        if secondary {
            if !selected {
                events.push(select(How::Only));
            }
        } else {
            let how = match (modifiers.shift, modifiers.command) {
                (false, false) => How::Only,
                (false, true) => How::Toggle,
                (true, false) => How::Range,
                (true, true) => How::AddRange,
            };
            let on_handle = origin.is_some_and(|pos| handle.contains(pos));
            // What is selected already stays until the button comes up: it may be dragged.
            let later = !on_handle || selected && matches!(how, How::Only | How::Toggle);
            if !later {
                events.push(select(how));
            }
            let on_release = later.then_some(how);
            state.press = Some(Press {
                key,
                on_handle,
                on_release,
            });
        }
    }

    let press = state.press.filter(|press| press.key == key);
    if response.drag_started_by(PointerButton::Primary) {
        match press {
            Some(press) if press.on_handle => events.push(RowsEvent::Drag { row }),
            _ => begin_band(ui, frame, state, events),
        }
        state.press = None;
    }
    if response.clicked_by(PointerButton::Primary) {
        if response.double_clicked() && !modifiers.any() {
            events.push(RowsEvent::Activate {
                row,
                new_tab: false,
            });
        } else if let Some(how) = press.map_or(Some(How::Only), |press| press.on_release) {
            events.push(select(how));
        }
        state.press = None;
    }
    if response.middle_clicked() {
        events.push(RowsEvent::Activate { row, new_tab: true });
    }
    if let (true, Some(at)) = (
        response.secondary_clicked(),
        response.interact_pointer_pos(),
    ) {
        events.push(RowsEvent::Menu { row: Some(row), at });
    }
}

/// The room below the rows.
pub(super) fn background(
    ui: &Ui,
    frame: &Frame<'_>,
    state: &mut RowsState,
    events: &mut Vec<RowsEvent>,
) {
    let list = &frame.list;
    if list.is_pointer_button_down_on() && ui.input(|i| i.pointer.any_pressed()) {
        list.request_focus();
        state.keyboard_used = false;
    }
    if list.drag_started_by(PointerButton::Primary) {
        begin_band(ui, frame, state, events);
    }
    let modifiers = ui.input(|i| i.modifiers);
    if list.clicked_by(PointerButton::Primary) && !modifiers.command && !modifiers.shift {
        events.push(RowsEvent::SelectNone);
    }
    if let (true, Some(at)) = (list.secondary_clicked(), list.interact_pointer_pos()) {
        events.push(RowsEvent::SelectNone);
        events.push(RowsEvent::Menu { row: None, at });
    }
}

fn begin_band(ui: &Ui, frame: &Frame<'_>, state: &mut RowsState, events: &mut Vec<RowsEvent>) {
    let (origin, modifiers) = ui.input(|i| (i.pointer.press_origin(), i.modifiers));
    let Some(origin) = origin else {
        return;
    };
    let how = Band::how(modifiers);
    let from = frame.rows_at(origin.y, state);
    state.band = Some(Band {
        origin: (origin.x - frame.body.left(), from),
        rows: 0..0,
        how,
    });
    events.push(RowsEvent::Band {
        phase: BandPhase::Begin,
        rows: 0..0,
        how,
    });
}

/// Follows a rubber band and paints it.
pub(super) fn band(ui: &Ui, frame: &Frame<'_>, state: &mut RowsState, events: &mut Vec<RowsEvent>) {
    let Some(mut band) = state.band.take() else {
        return;
    };
    let how = band.how;
    let (pointer, down, escape) = ui.input_mut(|i| {
        let escape = i.consume_key(egui::Modifiers::NONE, egui::Key::Escape);
        (i.pointer.latest_pos(), i.pointer.primary_down(), escape)
    });
    let Some(pointer) = pointer.filter(|_| !escape) else {
        events.push(RowsEvent::Band {
            phase: BandPhase::Cancel,
            rows: 0..0,
            how,
        });
        return;
    };
    let to = frame.rows_at(pointer.y, state);
    let (low, high) = (
        band.origin.1.min(to).max(0.0),
        band.origin.1.max(to).max(0.0),
    );
    let end = (high.ceil() as usize).min(frame.len);
    let rows = (low as usize).min(end)..end;
    if rows != band.rows {
        band.rows = rows.clone();
        events.push(RowsEvent::Band {
            phase: BandPhase::Change,
            rows: rows.clone(),
            how,
        });
    }
    if !down {
        events.push(RowsEvent::Band {
            phase: BandPhase::End,
            rows,
            how,
        });
        return;
    }
    let edge = metrics().edge;
    let y = |rows: f64| {
        let offset = (rows - state.position()) * f64::from(frame.rows.row_height);
        // Far beyond the edges is as good as just beyond them, and exact in f32.
        frame.body.top() + (offset as f32).clamp(-edge, frame.body.height() + edge)
    };
    let corner = egui::pos2(frame.body.left() + band.origin.0, y(band.origin.1));
    super::paint::band(ui, Rect::from_two_pos(corner, egui::pos2(pointer.x, y(to))));
    state.band = Some(band);
}

/// While something is dragged near the upper or lower edge, the list moves.
pub(super) fn scroll_at_the_edges(ui: &Ui, frame: &Frame<'_>, state: &mut RowsState) {
    let banding = state.band.is_some();
    if !banding && !DragAndDrop::has_any_payload(ui.ctx()) {
        return;
    }
    let Some(pointer) = ui.input(|i| i.pointer.latest_pos()) else {
        return;
    };
    let (body, edge) = (frame.body, metrics().edge);
    // A band may be pulled out of the list; a drag that has left it is about something else.
    if !body.x_range().contains(pointer.x) || !banding && !body.contains(pointer) {
        return;
    }
    let into =
        (body.top() + edge - pointer.y).max(0.0) - (pointer.y - (body.bottom() - edge)).max(0.0);
    if into == 0.0 || body.height() < 4.0 * edge {
        return;
    }
    let speed = f64::from(-into / edge).clamp(-4.0, 4.0) * EDGE_ROWS_PER_SEC;
    let before = state.position();
    let dt = ui.input(|i| i.stable_dt.min(0.1));
    state.scroll_by(speed * f64::from(dt));
    state.settle(frame.len, frame.visible());
    if state.position() != before {
        ui.ctx().request_repaint();
    }
}
