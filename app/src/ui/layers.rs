//! The panel at the bottom of a stack's tab: a strip of its layers from the base to the one that is written, or a list of them from the top down.

use egui::{Align, Button, Layout, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo};

use super::{Cx, text};
use crate::command::table;
use crate::state::FsInfo;
use crate::state::layers::{LayerInfo, Tally};
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};
use crate::widget::{IconButton, elided};

/// How high the panel of a stack is, in a pane with `room` for it and the rows.
pub(super) fn height(cx: &Cx<'_>, info: &FsInfo, room: f32) -> f32 {
    let m = metrics();
    if !cx.state.settings.show_layers {
        return m.strip;
    }
    let all = info.layers.len() as f32 * m.layer_row;
    let most = (room * m.layers_share - m.strip).max(m.layer_row);
    // The line above the panel is part of it.
    m.strip + all.min(most).floor() + m.line
}

/// The panel; `active`: its pane is the one commands act on.
pub(super) fn panel_ui(ui: &mut Ui, cx: &Cx<'_>, info: &FsInfo, active: bool) {
    let m = metrics();
    let expanded = cx.state.settings.show_layers;
    let area = ui.available_rect_before_wrap();
    let (head, list) = area.split_top_bottom_at_y(area.top() + m.strip);
    let mut head = ui.new_child(egui::UiBuilder::new().max_rect(head));
    head_ui(&mut head, cx, info, expanded, active);
    if expanded {
        let mut list = ui.new_child(egui::UiBuilder::new().max_rect(list));
        list_ui(&mut list, info);
    }
}

fn head_ui(ui: &mut Ui, cx: &Cx<'_>, info: &FsInfo, expanded: bool, active: bool) {
    let m = metrics();
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = m.space;
        ui.add_space(m.space);
        let (icon, name) = if expanded {
            (Icon::CaretDown, "Hide list of layers")
        } else {
            (Icon::CaretUp, "List layers")
        };
        verb_button(ui, cx, IconButton::new(icon, name), "layer_list", active);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(m.gap);
            review_ui(ui, cx, info, active);
            let shown = cx.state.settings.show_deleted;
            let name = if shown {
                "Hide deleted entries"
            } else {
                "Show deleted entries"
            };
            let icon = if shown { Icon::Eye } else { Icon::EyeClosed };
            let button = IconButton::new(icon, name).selected(shown);
            verb_button(ui, cx, button, "show_deleted", active);
            ui.add_space(m.space);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                if expanded {
                    let title = format!("Layers · {}", info.layers.len());
                    ui.label(Type::Strong.rich(title));
                } else {
                    chips_ui(ui, info);
                }
            });
        });
    });
}

/// A button that gives the command of a verb. In the other pane it only makes that pane the active one.
fn verb_button(ui: &mut Ui, cx: &Cx<'_>, button: IconButton<'_>, id: &str, active: bool) {
    let clicked = button.show(ui).clicked();
    let verb = table::get(id).filter(|_| clicked && active);
    if let Some(command) = verb.and_then(|verb| (verb.command)(cx.state)) {
        cx.send(command);
    }
}

fn review_ui(ui: &mut Ui, cx: &Cx<'_>, info: &FsInfo, active: bool) {
    let total = info.tally.map(|tally| (tally.total(), tally.is_complete));
    let (label, any) = match total {
        None => ("Review".to_owned(), true),
        Some((0, _)) => ("No changes".to_owned(), false),
        Some((n, true)) => (
            format!("Review {}", text::count(n, "change", "changes")),
            true,
        ),
        Some((n, false)) => (
            format!("Review {} changes and more", text::grouped(n as u64)),
            true,
        ),
    };
    if !any {
        let muted = ui.tokens().muted;
        ui.label(Type::Secondary.rich(label).color(muted));
        return;
    }
    let clicked = ui.add(Button::new(Type::Secondary.rich(label))).clicked();
    let verb = table::get("review_changes").filter(|_| clicked && active);
    if let Some(command) = verb.and_then(|verb| (verb.command)(cx.state)) {
        cx.send(command);
    }
}

/// One hue from strong (base) to faint (top), so that the order reads without a legend.
fn strength(at: usize, count: usize) -> f32 {
    let m = metrics();
    1.0 - (1.0 - m.layer_faintest) * at as f32 / count.saturating_sub(1).max(1) as f32
}

/// One chip for each layer; in a narrow pane only their bars, and the name of the one that is written.
fn chips_ui(ui: &mut Ui, info: &FsInfo) {
    let m = metrics();
    let count = info.layers.len();
    let width = (ui.available_width() / count as f32 - m.space).min(m.tab_width_max);
    let narrow = width < m.layer_chip_min;
    for (at, layer) in info.layers.iter().enumerate() {
        let is_top = at == info.top_layer();
        let width = match (narrow, is_top) {
            (false, _) => width,
            (true, false) => m.gap,
            (true, true) => ui.available_width() - m.space,
        };
        let size = egui::vec2(width.max(m.gap), m.row);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        chip_ui(ui, rect, layer, is_top, strength(at, count));
        described(&response, layer, is_top, None);
        response.on_hover_text(format!("{}: {}", layer.name, role(is_top)));
    }
}

fn chip_ui(ui: &Ui, rect: Rect, layer: &LayerInfo, is_top: bool, strength: f32) {
    let (m, tokens) = (metrics(), ui.tokens());
    let bar = Rect::from_min_size(rect.min, egui::vec2(m.space, rect.height()));
    let hue = tokens.hue(FsKind::Stack).gamma_multiply(strength);
    if rect.width() > m.sidebar_narrow {
        ui.painter().rect_filled(rect, m.radius, tokens.hover());
        let icon = if is_top { Icon::Rename } else { Icon::Lock };
        let corner = egui::pos2(
            rect.right() - m.space - m.icon,
            rect.center().y - m.icon / 2.0,
        );
        let icon_rect = Rect::from_min_size(corner, egui::Vec2::splat(m.icon));
        icon.paint(ui.painter(), icon_rect, m.pad, tokens.muted);
        let room = icon_rect.left() - bar.right() - m.gap;
        let galley = elided(ui.painter(), &layer.name, &Type::Secondary.font(), room);
        let pos = egui::pos2(bar.right() + m.gap, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(pos, galley, tokens.text);
    }
    ui.painter().rect_filled(bar, m.space / 2.0, hue);
}

fn role(is_top: bool) -> &'static str {
    if is_top {
        "changes go here"
    } else {
        "only read"
    }
}

/// What a screen reader says of a layer.
fn described(response: &egui::Response, layer: &LayerInfo, is_top: bool, tally: Option<Tally>) {
    response.widget_info(|| {
        let mut label = format!("Layer {}, {}", layer.name, role(is_top));
        if let Some(tally) = tally {
            label.push_str(&format!(", {}", counts(tally)));
        }
        WidgetInfo::labeled(Role::Label, true, label)
    });
}

/// `2 added, 1 changed, 3 deleted`.
pub(super) fn counts(tally: Tally) -> String {
    let parts = [
        (tally.added, "added"),
        (tally.changed, "changed"),
        (tally.deleted, "deleted"),
    ];
    let told: Vec<_> = parts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", text::grouped(n as u64)))
        .collect();
    match (told.is_empty(), tally.is_complete) {
        (true, _) => "no changes".to_owned(),
        (false, true) => told.join(", "),
        (false, false) => format!("{} and more", told.join(", ")),
    }
}

/// The layers from the top down.
fn list_ui(ui: &mut Ui, info: &FsInfo) {
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for (at, layer) in info.layers.iter().enumerate().rev() {
            row_ui(ui, info, at, layer);
        }
    });
}

fn row_ui(ui: &mut Ui, info: &FsInfo, at: usize, layer: &LayerInfo) {
    let (m, tokens) = (metrics(), ui.tokens());
    let is_top = at == info.top_layer();
    let size = egui::vec2(ui.available_width(), m.layer_row);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let tally = info.tally.filter(|_| is_top);
    described(&response, layer, is_top, tally);
    let painter = ui.painter();
    let bar = Rect::from_min_size(rect.min, egui::vec2(m.space, rect.height()))
        .shrink2(egui::vec2(0.0, m.line));
    let color = tokens
        .hue(FsKind::Stack)
        .gamma_multiply(strength(at, info.layers.len()));
    painter.rect_filled(bar, 0.0, color);
    let kind = FsKind::from(layer.kind);
    let icon = Rect::from_center_size(
        egui::pos2(bar.right() + m.pad + m.icon / 2.0, rect.center().y),
        egui::Vec2::splat(m.icon),
    );
    kind.icon().paint(painter, icon, m.icon, tokens.hue(kind));

    let mut right = rect.right() - m.pad;
    let role_icon = if is_top { Icon::Rename } else { Icon::Lock };
    let role_rect = Rect::from_center_size(
        egui::pos2(right - m.icon / 2.0, rect.center().y),
        egui::Vec2::splat(m.icon),
    );
    role_icon.paint(painter, role_rect, m.icon, tokens.muted);
    right = role_rect.left() - m.gap;
    let what = match tally {
        Some(tally) => counts(tally),
        None => role(is_top).to_owned(),
    };
    let galley = elided(
        painter,
        &what,
        &Type::Secondary.font(),
        (rect.width() / 2.0).max(0.0),
    );
    let left = right - galley.size().x;
    painter.galley(
        egui::pos2(left, rect.center().y - galley.size().y / 2.0),
        galley,
        tokens.muted,
    );

    let start = icon.right() + m.gap;
    let room = (left - m.pad - start).max(0.0);
    let name = elided(painter, &layer.name, &Type::Body.font(), room);
    let detail = format!("{} · {}", kind.word(), layer.location);
    let detail = elided(painter, &detail, &Type::Secondary.font(), room);
    let top = rect.center().y - (name.size().y + detail.size().y) / 2.0;
    let below = top + name.size().y;
    painter.galley(egui::pos2(start, top), name, tokens.text);
    painter.galley(egui::pos2(start, below), detail, tokens.muted);
    response.on_hover_text(format!("{}\n{}", layer.location, role(is_top)));
}
