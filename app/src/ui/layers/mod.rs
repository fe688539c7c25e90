//! The panel at the bottom of a stack's tab: a strip of its layers from the base to the one that is written, or a list of them from the top down.

mod chips;
mod rows;

use egui::{Align, Button, Layout, Role, Ui, WidgetInfo};
use fs_core::ops::FsRef;

use super::{Cx, text};
use crate::command::table;
use crate::state::FsInfo;
use crate::state::layers::{LayerInfo, Tally};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::widget::IconButton;

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
pub(super) fn panel_ui(ui: &mut Ui, cx: &Cx<'_>, fs: Option<&FsRef>, info: &FsInfo, active: bool) {
    let m = metrics();
    let expanded = cx.state.settings.show_layers;
    let area = ui.available_rect_before_wrap();
    let (head, list) = area.split_top_bottom_at_y(area.top() + m.strip);
    let mut head = ui.new_child(egui::UiBuilder::new().max_rect(head));
    head_ui(&mut head, cx, info, expanded, active);
    if expanded {
        let mut list = ui.new_child(egui::UiBuilder::new().max_rect(list));
        rows::list_ui(&mut list, cx, fs, info);
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
            if info.hidden.is_empty() {
                review_ui(ui, cx, info, active);
            }
            let shown = cx.state.settings.show_deleted;
            let name = if shown {
                "Hide deleted entries"
            } else {
                "Show deleted entries"
            };
            let icon = if shown { Icon::Eye } else { Icon::EyeClosed };
            let button = IconButton::new(icon, name).selected(shown);
            verb_button(ui, cx, button, "show_deleted", active);
            if expanded && ui.button(Type::Secondary.rich("Add layer…")).clicked() {
                give(cx, "add_layer", active);
            }
            ui.add_space(m.space);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                if expanded {
                    let title = format!("Layers · {}", info.layers.len());
                    ui.label(Type::Strong.rich(title));
                    hidden_ui(ui, info);
                } else {
                    chips::chips_ui(ui, info);
                }
            });
        });
    });
}

/// A button that gives the command of a verb. In the other pane it only makes that pane the active one.
fn verb_button(ui: &mut Ui, cx: &Cx<'_>, button: IconButton<'_>, id: &str, active: bool) {
    if button.show(ui).clicked() {
        give(cx, id, active);
    }
}

fn give(cx: &Cx<'_>, id: &str, active: bool) {
    let verb = table::get(id).filter(|_| active);
    if let Some(command) = verb.and_then(|verb| (verb.command)(cx.state)) {
        cx.send(command);
    }
}

/// Why nothing can be changed while a layer is left out.
fn hidden_ui(ui: &mut Ui, info: &FsInfo) {
    let hidden: Vec<&str> = info
        .layers
        .iter()
        .filter(|layer| layer.hidden)
        .map(|layer| layer.name.as_str())
        .collect();
    let sentence = match hidden.as_slice() {
        [] => return,
        [only] => format!("{only} is hidden; show it to edit"),
        many => format!("{} layers are hidden; show them to edit", many.len()),
    };
    let color = ui.tokens().warn;
    ui.add_space(metrics().gap);
    ui.add(egui::Label::new(Type::Secondary.rich(sentence).color(color)).truncate());
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
    if ui.add(Button::new(Type::Secondary.rich(label))).clicked() {
        give(cx, "review_changes", active);
    }
}

fn role(info: &FsInfo, at: usize) -> &'static str {
    match info.layers.get(at) {
        Some(layer) if layer.hidden => "hidden",
        _ if at == info.top_layer() && info.hidden.is_empty() => "changes go here",
        _ => "only read",
    }
}

/// What a screen reader says of a layer.
fn described(response: &egui::Response, layer: &LayerInfo, role: &str, tally: Option<Tally>) {
    response.widget_info(|| {
        let mut label = format!("Layer {}, {role}", layer.name);
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
