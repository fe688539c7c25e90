//! The list: one focusable widget over any number of rows, of which only the visible ones cost anything.
//!
//! Rows come from a [`RowSource`], what the user did goes out as [`RowsEvent`]s; selection and cursor belong to the
//! caller. Position and column widths live in a [`RowsState`], which the caller keeps with the tab.
//!
//! A row's icon and text are its handle: they select on press and can be dragged. The rest of the row selects on release
//! and starts a rubber band.

mod columns;
mod keys;
mod paint;
mod pointer;
mod scroll_bar;
mod source;
mod state;

pub use columns::Column;
pub use source::{BandPhase, DropHint, How, Row, RowSource, RowsEvent};
pub use state::RowsState;

use egui::{Align2, EventFilter, Rect, Response, Role, Sense, Ui, UiBuilder, Vec2, WidgetInfo};

use crate::theme::metrics;
use columns::Placed;

/// A list to show. Build it each frame, then [`Rows::show`].
pub struct Rows<'a> {
    /// Where the rows come from.
    pub source: &'a dyn RowSource,
    /// The first one is the name, which takes the room that is left.
    pub columns: &'a [Column],
    /// Sorted by which column, ascending or not.
    pub sort: Option<(usize, bool)>,
    /// The row that keyboard commands are about.
    pub cursor: Option<usize>,
    /// Does this list's pane have the keyboard?
    pub active: bool,
    /// What a drop right now would go to.
    pub drop: DropHint,
    /// A row whose name is being edited: it is not painted, see [`RowsOutput::editing`].
    pub editing: Option<usize>,
    /// Height of a row in points.
    pub row_height: f32,
    /// What a screen reader calls the list.
    pub name: &'a str,
}

/// What came of showing a list.
pub struct RowsOutput {
    /// The list as a whole: has it the focus?
    pub response: Response,
    /// What the user did, in order.
    pub events: Vec<RowsEvent>,
    /// Where the rows are.
    pub body: Rect,
    /// The row under the pointer, also while something is dragged.
    pub pointer_row: Option<usize>,
    /// Is the pointer over the rows or the room below them, also while something is dragged?
    pub pointer_inside: bool,
    /// Where the name of [`Rows::editing`] would be; `None` while its row is out of sight.
    pub editing: Option<Rect>,
}

/// What the parts of the list share while one frame is drawn.
struct Frame<'a> {
    rows: &'a Rows<'a>,
    columns: Vec<Placed>,
    body: Rect,
    /// The body and the lane of the scroll bar: rows are filled up to the edge.
    lane: Rect,
    len: usize,
    list: Response,
}

impl Frame<'_> {
    /// How many rows fit, as a fraction.
    fn visible(&self) -> f64 {
        f64::from(self.body.height()) / f64::from(self.rows.row_height)
    }

    /// The top of a row on screen, on a whole pixel.
    fn row_top(&self, ui: &Ui, row: usize, state: &RowsState) -> f32 {
        let offset = (row as f64 - state.position()) * f64::from(self.rows.row_height);
        let ppp = ui.pixels_per_point();
        ((self.body.top() + offset as f32) * ppp).round() / ppp
    }

    /// A place on screen, in rows from the first one.
    fn rows_at(&self, y: f32, state: &RowsState) -> f64 {
        state.position() + f64::from((y - self.body.top()) / self.rows.row_height)
    }

    fn row_at(&self, y: f32, state: &RowsState) -> Option<usize> {
        let at = self.rows_at(y, state);
        (at >= 0.0)
            .then_some(at as usize)
            .filter(|&row| row < self.len)
    }
}

impl Rows<'_> {
    /// Shows the list in all the room that `ui` has left.
    pub fn show(
        &self,
        ui: &mut Ui,
        id_salt: impl std::hash::Hash + std::fmt::Debug,
        state: &mut RowsState,
    ) -> RowsOutput {
        let m = metrics();
        let id = ui.make_persistent_id(id_salt);
        let area = ui.available_rect_before_wrap();
        ui.advance_cursor_after_rect(area);

        let (header, below) = area.split_top_bottom_at_y(area.top() + m.header);
        let bar = Align2::RIGHT_TOP
            .align_size_within_rect(Vec2::new(m.scroll_bar, below.height()), below);
        let body = below.with_max_x(bar.left());
        let header_row = header.with_max_x(bar.left());

        let list = ui.interact(body, id, Sense::click_and_drag());
        let len = self.source.len();
        list.widget_info(|| WidgetInfo::labeled(Role::ListBox, true, self.name));

        let mut events = Vec::new();
        let columns = columns::place(
            self.columns,
            state.widths(self.columns),
            header_row.x_range(),
        );
        columns::header_ui(ui, self, &columns, header, id, state, &mut events);

        let frame = Frame {
            rows: self,
            columns,
            body,
            lane: below,
            len,
            list,
        };
        if frame.list.has_focus() {
            let filter = EventFilter {
                horizontal_arrows: true,
                vertical_arrows: true,
                escape: true,
                tab: false,
            };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
            keys::handle(ui, &frame, state, &mut events);
        }
        pointer::wheel(ui, &frame, state);
        let scroll_bar = scroll_bar::drag(ui, &frame, bar, id, state);
        pointer::scroll_at_the_edges(ui, &frame, state);
        state.settle(len, frame.visible());

        let builder = UiBuilder::new()
            .scope_id(id.with("rows"))
            .max_rect(body)
            .accessibility_parent(id);
        let mut rows_ui = ui.new_child(builder);
        rows_ui.set_clip_rect(below.intersect(ui.clip_rect()));
        let editing = self.rows_ui(&mut rows_ui, &frame, state, &mut events);
        pointer::background(ui, &frame, state, &mut events);
        pointer::band(&rows_ui, &frame, state, &mut events);
        paint::over_all(&rows_ui, &frame);
        if let Some(response) = scroll_bar {
            scroll_bar::paint(ui, &frame, bar, state, &response);
        }

        let pointer_inside = ui.rect_contains_pointer(body);
        let pointer = ui
            .input(|i| i.pointer.latest_pos())
            .filter(|_| pointer_inside);
        RowsOutput {
            pointer_row: pointer.and_then(|pos| frame.row_at(pos.y, state)),
            response: frame.list,
            events,
            body,
            pointer_inside,
            editing,
        }
    }

    fn rows_ui(
        &self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        state: &mut RowsState,
        events: &mut Vec<RowsEvent>,
    ) -> Option<Rect> {
        let mut editing = None;
        let mut text = String::new();
        let mut cache = std::mem::take(&mut state.galleys);
        cache.begin(ui.painter());
        let first = state.position() as usize;
        let last = (state.position() + frame.visible()).ceil() as usize;
        for row in first..last.min(frame.len) {
            let top = frame.row_top(ui, row, state);
            let rect = Rect::from_min_size(
                egui::pos2(frame.body.left(), top),
                Vec2::new(frame.body.width(), self.row_height),
            );
            let id = frame.list.id.with(self.source.key(row));
            // Not focusable: the list as a whole is.
            let response = ui.interact(rect, id, Sense::CLICK | Sense::DRAG);
            let painted = paint::row(
                ui,
                frame,
                row,
                rect,
                &response,
                &mut cache,
                &mut text,
                state.keyboard_used,
            );
            if self.editing == Some(row) {
                editing = Some(painted.name_room);
            }
            pointer::row(ui, frame, row, &response, painted.handle, state, events);
            self.describe(ui, frame, row, &response, &mut text);
        }
        state.galleys = cache;
        editing
    }

    /// Tells a screen reader about a row.
    fn describe(
        &self,
        ui: &Ui,
        frame: &Frame<'_>,
        row: usize,
        response: &Response,
        text: &mut String,
    ) {
        let selected = self.source.is_selected(row);
        response.widget_info(|| {
            let name = self.source.row(row).name.into_owned();
            WidgetInfo::labeled(Role::ListBoxOption, true, name)
        });
        let described = ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_selected(selected);
            node.set_position_in_set(row + 1);
            node.set_size_of_set(frame.len);
            text.clear();
            for placed in frame.columns.iter().skip(1) {
                if !text.is_empty() {
                    text.push_str(", ");
                }
                self.source.cell(row, placed.column, text);
            }
            node.set_description(text.as_str());
        });
        if described.is_some() && self.cursor == Some(row) {
            let row_node = response.id.accesskit_id();
            ui.ctx()
                .accesskit_node_builder(frame.list.id, |node| node.set_active_descendant(row_node));
        }
    }
}
