//! The tabs of a pane: icon in its hue, title, close button; what does not fit is in a list at the end.

use egui::{Align2, Color32, Id, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo};

use super::button::IconButton;
use crate::theme::{Icon, Type, UiTokens as _, metrics};

/// A tab to show.
#[derive(Clone, Copy, Debug)]
pub struct TabLook<'a> {
    /// What stays the same when tabs move.
    pub key: u64,
    /// Icon of its kind.
    pub icon: Icon,
    /// Its hue.
    pub color: Color32,
    /// Its name.
    pub title: &'a str,
    /// Where it is, for its tooltip.
    pub tooltip: &'a str,
}

/// What the user did with the tabs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TabEvent {
    /// Show it.
    Activate(usize),
    /// Close it.
    Close(usize),
    /// It was dragged to another place in the strip.
    Move {
        /// From where.
        from: usize,
        /// To where.
        to: usize,
    },
    /// It is being dragged.
    Drag(usize),
    /// Its context menu is wanted.
    Menu(usize, egui::Pos2),
    /// A new one is wanted.
    New,
}

/// The tabs of a pane.
#[derive(Clone, Copy, Debug)]
pub struct TabStrip<'a> {
    /// In order.
    pub tabs: &'a [TabLook<'a>],
    /// The one that is shown.
    pub active: usize,
    /// Has its pane the keyboard?
    pub pane_active: bool,
    /// A drop right now would go to this one.
    pub drop: Option<usize>,
}

/// What came of showing the tabs.
#[derive(Debug, Default)]
pub struct TabStripOutput {
    /// What the user did, in order.
    pub events: Vec<TabEvent>,
    /// The tab under the pointer, also while something is dragged.
    pub pointer_tab: Option<usize>,
}

impl TabStrip<'_> {
    /// Shows them over the whole width of `ui`, one tab high.
    pub fn show(
        &self,
        ui: &mut Ui,
        id_salt: impl std::hash::Hash + std::fmt::Debug,
    ) -> TabStripOutput {
        let (tokens, m) = (ui.tokens(), metrics());
        let id = ui.make_persistent_id(id_salt);
        let (strip, _) =
            ui.allocate_exact_size(Vec2::new(ui.available_width(), m.tab), Sense::hover());
        let mut out = TabStripOutput::default();
        let buttons = 2.0 * m.control + m.gap;
        let room = (strip.width() - buttons).max(m.tab_width_min);
        let fits = ((room / m.tab_width_min) as usize).max(1);
        let shown = fits.min(self.tabs.len());
        let first = (self.active + 1).saturating_sub(shown);
        let width = (room / shown.max(1) as f32)
            .clamp(m.tab_width_min, m.tab_width_max)
            .floor();

        let line = ui.painter().round_to_pixel_center(strip.bottom() - m.line);
        ui.painter()
            .hline(strip.x_range(), line, tokens.line_stroke());
        let mut left = strip.left();
        for (index, tab) in self.tabs.iter().enumerate().skip(first).take(shown) {
            let rect = Rect::from_min_size(egui::pos2(left, strip.top()), Vec2::new(width, m.tab));
            self.tab_ui(ui, id, index, tab, rect, &mut out);
            left += width;
        }
        self.drag_to_reorder(ui, id, strip, first, shown, width, &mut out);
        if self.pane_active {
            let over = strip.with_max_y(strip.top() + m.ring);
            ui.painter().rect_filled(over, 0.0, tokens.accent);
        }

        let rest = Rect::from_min_max(egui::pos2(left, strip.top()), strip.max)
            .shrink2(Vec2::new(m.space, 0.0));
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        ui.scope_builder(egui::UiBuilder::new().max_rect(rest).layout(layout), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            if IconButton::new(Icon::Plus, "New tab").show(ui).clicked() {
                out.events.push(TabEvent::New);
            }
            if shown < self.tabs.len() {
                let all = IconButton::new(Icon::CaretDown, "All tabs").show(ui);
                egui::Popup::menu(&all).show(|ui| {
                    for (index, tab) in self.tabs.iter().enumerate() {
                        let icon = tab.icon.atom_sized(m.icon, Some(tab.color));
                        if ui.button((icon, tab.title)).clicked() {
                            out.events.push(TabEvent::Activate(index));
                        }
                    }
                });
            }
        });
        out
    }

    fn tab_ui(
        &self,
        ui: &mut Ui,
        id: Id,
        index: usize,
        tab: &TabLook<'_>,
        rect: Rect,
        out: &mut TabStripOutput,
    ) {
        let (tokens, m) = (ui.tokens(), metrics());
        let active = index == self.active;
        let response = ui.interact(rect, id.with(tab.key), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::selected(Role::Tab, true, active, tab.title));
        if ui.rect_contains_pointer(rect) {
            out.pointer_tab = Some(index);
        }

        if active {
            ui.painter().rect_filled(rect, 0.0, tokens.surface);
        } else if response.hovered() {
            let above_line = rect.with_max_y(rect.bottom() - m.line);
            ui.painter().rect_filled(above_line, 0.0, tokens.hover());
        }
        let edge = ui.painter().round_to_pixel_center(rect.right() - m.line);
        let edge_range = if active {
            rect.y_range()
        } else {
            rect.y_range().shrink(m.gap)
        };
        ui.painter().vline(edge, edge_range, tokens.line_stroke());
        if self.drop == Some(index) {
            let inner = rect.shrink(m.line);
            ui.painter().rect(
                inner,
                0.0,
                tokens.drop_fill(),
                tokens.ring(),
                egui::StrokeKind::Inside,
            );
        }
        if response.has_focus() {
            ui.painter().rect_stroke(
                rect.shrink(m.line),
                0.0,
                tokens.ring(),
                egui::StrokeKind::Inside,
            );
        }

        let icon = Align2::LEFT_CENTER
            .align_size_within_rect(Vec2::splat(m.icon), rect.with_min_x(rect.left() + m.pad));
        tab.icon.paint(ui.painter(), icon, m.icon, tab.color);
        let closable = active || response.hovered() || ui.rect_contains_pointer(rect);
        let close = Align2::RIGHT_CENTER.align_size_within_rect(
            Vec2::splat(m.row_compact),
            rect.with_max_x(rect.right() - m.gap),
        );
        let text_end = if closable {
            close.left() - m.space
        } else {
            rect.right() - m.pad
        };
        let text = Rect::from_x_y_ranges(icon.right() + m.gap..=text_end, rect.y_range());
        let color = if active { tokens.text } else { tokens.muted };
        let galley = super::elided(ui.painter(), tab.title, &Type::Body.font(), text.width());
        let at = Align2::LEFT_CENTER.align_size_within_rect(galley.size(), text);
        ui.painter().galley(at.min, galley, color);

        if closable {
            let clicked = ui
                .scope_builder(
                    egui::UiBuilder::new()
                        .max_rect(close)
                        .id_salt(("close", tab.key)),
                    |ui| {
                        let name = format!("Close {}", tab.title);
                        IconButton::new(Icon::Close, &name)
                            .size(m.row_compact)
                            .show(ui)
                            .clicked()
                    },
                )
                .inner;
            if clicked {
                out.events.push(TabEvent::Close(index));
            }
        }
        Self::tab_events(ui, index, &response, out);
        if !egui::DragAndDrop::has_any_payload(ui.ctx()) {
            response.on_hover_text(tab.tooltip);
        }
    }

    fn tab_events(ui: &Ui, index: usize, response: &Response, out: &mut TabStripOutput) {
        let pressed =
            response.is_pointer_button_down_on() && ui.input(|i| i.pointer.primary_pressed());
        if pressed || response.clicked() {
            out.events.push(TabEvent::Activate(index));
        }
        if response.middle_clicked() {
            out.events.push(TabEvent::Close(index));
        }
        if response.drag_started_by(egui::PointerButton::Primary) {
            out.events.push(TabEvent::Drag(index));
        }
        if let (true, Some(at)) = (
            response.secondary_clicked(),
            response.interact_pointer_pos(),
        ) {
            out.events.push(TabEvent::Menu(index, at));
        }
    }

    /// A tab that is dragged over another one takes its place.
    #[expect(
        clippy::too_many_arguments,
        reason = "the geometry of the strip, used once"
    )]
    fn drag_to_reorder(
        &self,
        ui: &Ui,
        id: Id,
        strip: Rect,
        first: usize,
        shown: usize,
        width: f32,
        out: &mut TabStripOutput,
    ) {
        let dragged = ui.ctx().dragged_id();
        let from = self
            .tabs
            .iter()
            .position(|tab| Some(id.with(tab.key)) == dragged);
        let pointer = ui
            .input(|i| i.pointer.latest_pos())
            .filter(|pos| strip.contains(*pos));
        let (Some(from), Some(pointer)) = (from, pointer) else {
            return;
        };
        let over = ((pointer.x - strip.left()) / width) as usize;
        let to = first + over.min(shown.saturating_sub(1));
        if to != from {
            out.events.push(TabEvent::Move { from, to });
        }
    }
}
