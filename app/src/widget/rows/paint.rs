//! How a row looks.

use egui::{Align, Align2, Rect, Response, Stroke, StrokeKind, Ui, Vec2};

use super::{DropHint, Frame};
use crate::theme::{Type, UiTokens as _, metrics};
use crate::widget::galley_cache::GalleyCache;

/// Where things went.
pub(super) struct PaintedRow {
    /// Icon and text: what can be dragged.
    pub(super) handle: Rect,
    /// The room of the name.
    pub(super) name_room: Rect,
}

#[expect(
    clippy::too_many_arguments,
    reason = "called once, from the loop over the rows"
)]
pub(super) fn row(
    ui: &Ui,
    frame: &Frame<'_>,
    row: usize,
    rect: Rect,
    response: &Response,
    cache: &mut GalleyCache,
    text: &mut String,
    keyboard_used: bool,
) -> PaintedRow {
    let (tokens, m, painter, rows) = (ui.tokens(), metrics(), ui.painter(), frame.rows);
    let selected = rows.source.is_selected(row);
    let dragging = egui::DragAndDrop::has_any_payload(ui.ctx());
    let whole = rect.with_max_x(frame.lane.right());
    if rows.drop == DropHint::Row(row) {
        painter.rect_filled(whole, 0.0, tokens.drop_fill());
    } else if selected {
        painter.rect_filled(whole, 0.0, tokens.selection(rows.active));
    } else if response.contains_pointer() && !dragging {
        painter.rect_filled(whole, 0.0, tokens.hover());
    }
    let at_cursor = rows.cursor == Some(row);
    if at_cursor && rows.active {
        let bar = rect.with_max_x(rect.left() + m.ring);
        painter.rect_filled(bar, 0.0, tokens.accent);
    }

    let what = rows.source.row(row);
    let dim = |color| {
        if what.dimmed {
            tokens.dimmed(color)
        } else {
            color
        }
    };
    let icon_rect = Align2::LEFT_CENTER
        .align_size_within_rect(Vec2::splat(m.icon), rect.with_min_x(rect.left() + m.pad));
    what.icon.paint(
        painter,
        icon_rect,
        m.icon,
        dim(what.icon_color.unwrap_or(tokens.muted)),
    );

    if let Some(badge) = what.badge {
        let corner = Rect::from_min_size(
            icon_rect.right_bottom() - Vec2::splat(m.badge),
            Vec2::splat(m.badge),
        )
        .translate(Vec2::splat(m.line));
        painter.rect_filled(corner, m.badge / 2.0, tokens.surface);
        badge.paint(painter, corner, m.badge, dim(tokens.text));
    }

    let mut name_room = rect.with_min_x(icon_rect.right() + m.gap);
    let mut handle = icon_rect;
    for place in &frame.columns {
        let first = place.column == 0;
        let range = place.text_range();
        let (style, color) = if first {
            name_room.max.x = range.max;
            (Type::Body, tokens.text)
        } else {
            text.clear();
            rows.source.cell(row, place.column, text);
            (
                Type::Secondary,
                if selected { tokens.text } else { tokens.muted },
            )
        };
        let room = if first {
            name_room
        } else {
            Rect::from_x_y_ranges(range, rect.y_range())
        };
        if first && rows.editing == Some(row) || room.width() <= 0.0 {
            continue;
        }
        let shown = if first {
            what.name.as_ref()
        } else {
            text.as_str()
        };
        let galley = cache.text(painter, shown, style, room.width());
        let align = if first { Align::Min } else { place.align };
        let at = Align2([align, Align::Center]).align_size_within_rect(galley.size(), room);
        painter.galley(at.min, galley, dim(color));
        if first {
            handle = handle.union(at);
            if what.struck {
                painter.hline(
                    at.x_range(),
                    at.center().y,
                    Stroke::new(m.line, tokens.text),
                );
            }
        }
    }

    if rows.drop == DropHint::Row(row) || at_cursor && keyboard_used && frame.list.has_focus() {
        painter.rect_stroke(whole, 0.0, tokens.ring(), StrokeKind::Inside);
    }
    PaintedRow {
        handle: handle.with_min_y(rect.top()).with_max_y(rect.bottom()),
        name_room,
    }
}

/// The outline around a list that is a drop target as a whole.
pub(super) fn over_all(ui: &Ui, frame: &Frame<'_>) {
    if frame.rows.drop == DropHint::All {
        let tokens = ui.tokens();
        ui.painter()
            .rect_filled(frame.lane, 0.0, tokens.drop_fill());
        ui.painter()
            .rect_stroke(frame.lane, 0.0, tokens.ring(), StrokeKind::Inside);
    }
}

/// The rubber band.
pub(super) fn band(ui: &Ui, rect: Rect) {
    let tokens = ui.tokens();
    let stroke = Stroke::new(metrics().line, tokens.accent);
    ui.painter()
        .rect(rect, 0.0, tokens.drop_fill(), stroke, StrokeKind::Inside);
}
