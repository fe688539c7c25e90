//! Columns: where they are, and their headers.

use egui::{Align, Align2, CursorIcon, Id, Rangef, Rect, Role, Sense, Ui, Vec2, WidgetInfo};

use super::{Rows, RowsEvent, RowsState};
use crate::theme::{Icon, Type, UiTokens as _, metrics};

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its header.
    pub title: &'static str,
    /// Its width in points until the user changes it; the first column takes what is left.
    pub width: f32,
    /// Where its text stands: `Align::Max` for numbers.
    pub align: Align,
    /// When there is no room, the column with the highest rank goes first; 0 stays.
    pub drop_rank: u8,
}

/// A column that has room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) column: usize,
    pub(super) align: Align,
    pub(super) x: Rangef,
}

impl Placed {
    /// The part in which text may stand.
    pub(super) fn text_range(&self) -> Rangef {
        self.x.shrink(metrics().gap)
    }
}

/// Gives the columns their places within `x`, dropping those for which the name would become too narrow.
pub(super) fn place(columns: &[Column], widths: &[f32], x: Rangef) -> Vec<Placed> {
    let mut shown: Vec<usize> = (1..columns.len()).collect();
    let width = |column: usize| widths.get(column).copied().unwrap_or(0.0);
    loop {
        let others: f32 = shown.iter().map(|&column| width(column)).sum();
        if x.span() - others >= metrics().name_column_min {
            break;
        }
        let rank = |&&column: &&usize| columns.get(column).map_or(0, |c| c.drop_rank);
        match shown
            .iter()
            .filter(|column| rank(column) > 0)
            .max_by_key(rank)
            .copied()
        {
            Some(first) => shown.retain(|&column| column != first),
            None => break,
        }
    }
    let others: f32 = shown.iter().map(|&column| width(column)).sum();
    let mut left = x.min;
    std::iter::once(0)
        .chain(shown)
        .filter_map(|column| {
            let spec = columns.get(column)?;
            let width = if column == 0 {
                (x.span() - others).max(0.0)
            } else {
                width(column)
            };
            let placed = Placed {
                column,
                align: spec.align,
                x: Rangef::new(left, left + width),
            };
            left += width;
            Some(placed)
        })
        .collect()
}

/// Draws the headers: a click sorts, the borders can be dragged.
pub(super) fn header_ui(
    ui: &mut Ui,
    rows: &Rows<'_>,
    placed: &[Placed],
    area: Rect,
    id: Id,
    state: &mut RowsState,
    events: &mut Vec<RowsEvent>,
) {
    let tokens = ui.tokens();
    let line = tokens.line_stroke();
    for (place, next) in placed
        .iter()
        .zip(placed.iter().skip(1).map(Some).chain([None]))
    {
        let Some(column) = rows.columns.get(place.column) else {
            continue;
        };
        let rect = Rect::from_x_y_ranges(place.x, area.y_range());
        let sorted = rows
            .sort
            .filter(|&(by, _)| by == place.column)
            .map(|(_, ascending)| ascending);
        let response = ui.interact(rect, id.with(("header", place.column)), Sense::CLICK);
        response.widget_info(|| {
            let order = match sorted {
                Some(true) => ", ascending",
                Some(false) => ", descending",
                None => "",
            };
            WidgetInfo::labeled(Role::ColumnHeader, true, format!("{}{order}", column.title))
        });
        if response.clicked() {
            events.push(RowsEvent::Sort(place.column));
        }
        if response.hovered() {
            ui.painter().rect_filled(rect, 0.0, tokens.hover());
        }
        title(ui, place, column, rect, sorted);
        if next.is_some() {
            let x = ui.painter().round_to_pixel_center(rect.right());
            ui.painter()
                .vline(x, rect.y_range().shrink(metrics().space), line);
        }
    }
    // The border left of a column moves it: the name column takes up the difference.
    for place in placed.iter().skip(1) {
        let zone = Rect::from_center_size(
            egui::pos2(place.x.min, area.center().y),
            Vec2::new(metrics().column_grab, area.height()),
        );
        let response = ui
            .interact(zone, id.with(("border", place.column)), Sense::DRAG)
            .on_hover_and_drag_cursor(CursorIcon::ResizeColumn);
        if let (true, Some(pointer)) = (response.dragged(), response.interact_pointer_pos()) {
            state.set_width(place.column, place.x.max - pointer.x);
        }
    }
    let y = ui
        .painter()
        .round_to_pixel_center(area.bottom() - line.width);
    ui.painter().hline(area.x_range(), y, line);
}

fn title(ui: &Ui, place: &Placed, column: &Column, rect: Rect, sorted: Option<bool>) {
    let (tokens, m) = (ui.tokens(), metrics());
    let mut range = place.text_range();
    if place.column == 0 {
        range.min = rect.left() + m.pad;
    }
    let color = if sorted.is_some() {
        tokens.text
    } else {
        tokens.muted
    };
    let galley = crate::widget::elided(
        ui.painter(),
        column.title,
        &Type::Secondary.font(),
        range.span(),
    );
    let room = Rect::from_x_y_ranges(range, rect.y_range());
    let align = Align2([column.align, Align::Center]);
    let text = align.align_size_within_rect(galley.size(), room);
    ui.painter().galley(text.min, galley, color);
    if let Some(ascending) = sorted {
        let icon = if ascending {
            Icon::CaretUp
        } else {
            Icon::CaretDown
        };
        let size = Vec2::splat(m.pad);
        let beside = if column.align == Align::Max {
            egui::pos2(
                text.left() - m.space - size.x,
                text.center().y - size.y / 2.0,
            )
        } else {
            egui::pos2(text.right() + m.space, text.center().y - size.y / 2.0)
        };
        icon.paint(
            ui.painter(),
            Rect::from_min_size(beside, size),
            size.x,
            color,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        let column = |title, width, drop_rank| Column {
            title,
            width,
            align: Align::Min,
            drop_rank,
        };
        vec![
            column("Name", 0.0, 0),
            column("Size", 90.0, 0),
            column("Modified", 130.0, 1),
            column("Layer", 80.0, 2),
        ]
    }

    fn titles(width: f32) -> Vec<&'static str> {
        let columns = columns();
        let widths: Vec<f32> = columns.iter().map(|c| c.width).collect();
        let placed = place(&columns, &widths, Rangef::new(0.0, width));
        assert!(
            (placed.last().unwrap().x.max - width).abs() < 0.01,
            "they fill the width"
        );
        placed.iter().map(|p| columns[p.column].title).collect()
    }

    #[test]
    fn layer_then_modified_drop_out_first() {
        assert_eq!(titles(500.0), ["Name", "Size", "Modified", "Layer"]);
        assert_eq!(titles(499.0), ["Name", "Size", "Modified"]);
        assert_eq!(titles(400.0), ["Name", "Size"]);
        assert_eq!(titles(290.0), ["Name", "Size"]);
    }
}
