//! The list: the layers from the top down, and what can be done with each.

use egui::{Align, Layout, Rect, ScrollArea, Sense, Ui, UiBuilder};
use fs_core::ops::FsRef;

use super::chips::strength;
use super::{counts, described, role};
use crate::command::{Command, FsCommand};
use crate::state::FsInfo;
use crate::state::layers::{LayerInfo, LayersEdit};
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};
use crate::ui::Cx;
use crate::widget::{IconButton, elided};

/// The rows.
pub(super) fn list_ui(ui: &mut Ui, cx: &Cx<'_>, fs: Option<&FsRef>, info: &FsInfo) {
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for (at, layer) in info.layers.iter().enumerate().rev() {
            row_ui(ui, cx, fs, info, at, layer);
        }
    });
}

fn row_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    fs: Option<&FsRef>,
    info: &FsInfo,
    at: usize,
    layer: &LayerInfo,
) {
    let (m, tokens) = (metrics(), ui.tokens());
    let is_top = at == info.top_layer();
    let size = egui::vec2(ui.available_width(), m.layer_row);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let tally = info.tally.filter(|_| is_top && info.hidden.is_empty());
    let role = role(info, at);
    described(&response, layer, role, tally);
    let hovered = ui.rect_contains_pointer(rect);
    if hovered {
        ui.painter().rect_filled(rect, 0.0, tokens.hover());
    }
    let bar = Rect::from_min_size(rect.min, egui::vec2(m.space, rect.height()))
        .shrink2(egui::vec2(0.0, m.line));
    let strength = strength(at, info.layers.len());
    let hue = match layer.hidden {
        true => tokens.line,
        false => tokens.hue(FsKind::Stack).gamma_multiply(strength),
    };
    ui.painter().rect_filled(bar, 0.0, hue);

    let eye = Rect::from_min_size(
        egui::pos2(bar.right() + m.space, rect.center().y - m.control / 2.0),
        egui::Vec2::splat(m.control),
    );
    if let (Some(fs), Some(number)) = (fs, layer.at) {
        eye_ui(ui, cx, fs, info, layer, number, eye);
    }
    let kind = FsKind::from(layer.kind);
    let icon = Rect::from_center_size(
        egui::pos2(eye.right() + m.space + m.icon / 2.0, rect.center().y),
        egui::Vec2::splat(m.icon),
    );
    let (name_color, icon_color) = match layer.hidden {
        true => (tokens.faint, tokens.faint),
        false => (tokens.text, tokens.hue(kind)),
    };
    kind.icon().paint(ui.painter(), icon, m.icon, icon_color);

    let mut right = rect.right() - m.pad;
    let role_icon = match (layer.hidden, is_top) {
        (true, _) => Icon::EyeClosed,
        (false, true) if info.hidden.is_empty() => Icon::Rename,
        (false, _) => Icon::Lock,
    };
    let role_rect = Rect::from_center_size(
        egui::pos2(right - m.icon / 2.0, rect.center().y),
        egui::Vec2::splat(m.icon),
    );
    role_icon.paint(ui.painter(), role_rect, m.icon, tokens.muted);
    right = role_rect.left() - m.gap;
    let what = match tally {
        Some(tally) => counts(tally),
        None => role.to_owned(),
    };
    let most = (rect.width() / 2.0).max(0.0);
    let galley = elided(ui.painter(), &what, &Type::Secondary.font(), most);
    let mut left = right - galley.size().x;
    let pos = egui::pos2(left, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(pos, galley, tokens.muted);
    if let (Some(fs), Some(number)) = (fs, layer.at) {
        let width = 3.0 * m.control + 2.0 * m.space;
        let room = Rect::from_min_max(
            egui::pos2(left - m.gap - width, rect.top()),
            egui::pos2(left - m.gap, rect.bottom()),
        );
        actions_ui(ui, cx, fs, info, layer, number, room, hovered);
        left = room.left();
    }

    let painter = ui.painter();
    let start = icon.right() + m.gap;
    let room = (left - m.pad - start).max(0.0);
    let name = elided(painter, &layer.name, &Type::Body.font(), room);
    let detail = format!("{} · {}", kind.word(), layer.location);
    let detail = elided(painter, &detail, &Type::Secondary.font(), room);
    let top = rect.center().y - (name.size().y + detail.size().y) / 2.0;
    let below = top + name.size().y;
    painter.galley(egui::pos2(start, top), name, name_color);
    painter.galley(egui::pos2(start, below), detail, tokens.muted);
    response.on_hover_text(format!("{}\n{role}", layer.location));
}

/// Leaves it out, or takes it in again.
fn eye_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    fs: &FsRef,
    info: &FsInfo,
    layer: &LayerInfo,
    number: usize,
    rect: Rect,
) {
    let (icon, verb) = match layer.hidden {
        true => (Icon::EyeClosed, "Show"),
        false => (Icon::Eye, "Hide"),
    };
    let name = format!("{verb} layer {}", layer.name);
    let last = !layer.hidden && info.shown_layers().count() < 2;
    let tooltip = match (last, layer.hidden) {
        (true, _) => "One layer stays shown",
        (false, true) => "Take it in again",
        (false, false) => "See the stack without it; nothing can be changed meanwhile",
    };
    let mut ui = ui.new_child(UiBuilder::new().max_rect(rect));
    let button = IconButton::new(icon, &name).tooltip(tooltip).enabled(!last);
    if button.show(&mut ui).clicked() {
        let command = FsCommand::ShowLayer(fs.clone(), number, layer.hidden);
        cx.send(Command::Fs(command));
    }
}

/// Moving it and taking it out. Seen on the row under the pointer, and when one of them has the focus.
#[expect(clippy::too_many_arguments, reason = "a row and where in it")]
fn actions_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    fs: &FsRef,
    info: &FsInfo,
    layer: &LayerInfo,
    number: usize,
    rect: Rect,
    hovered: bool,
) {
    let of_file: Vec<usize> = info.layers.iter().filter_map(|layer| layer.at).collect();
    let highest = of_file.last().copied().unwrap_or_default();
    // A stack at the bottom is one layer of the file, and several of these rows.
    let lowest = usize::from(info.layers.iter().any(|layer| layer.at.is_none()));
    let becomes_top = number + 1 == highest;
    let up = if becomes_top {
        "To the top: changes go there then"
    } else {
        "Over the layer above"
    };
    let down = if number == highest {
        "Under the layer below, which is written then"
    } else {
        "Under the layer below"
    };
    let out = match info.layers.len() {
        ..=2 => "A stack needs two layers",
        _ => "Take it out of the stack; what it holds stays where it is",
    };
    let name = &layer.name;
    let buttons = [
        (
            Icon::Close,
            format!("Take {name} out"),
            out,
            info.layers.len() > 2,
            LayersEdit::Remove(number),
        ),
        (
            Icon::Down,
            format!("Move {name} down"),
            down,
            number > lowest,
            LayersEdit::Raise(number.wrapping_sub(1)),
        ),
        (
            Icon::Up,
            format!("Move {name} up"),
            up,
            number < highest,
            LayersEdit::Raise(number),
        ),
    ];
    let builder = UiBuilder::new()
        .max_rect(rect)
        .layout(Layout::right_to_left(Align::Center));
    let mut ui = ui.new_child(builder);
    ui.spacing_mut().item_spacing.x = metrics().space;
    let id = ui.make_persistent_id(("layer actions", number));
    let focused = ui.data(|data| data.get_temp(id).unwrap_or(false));
    if !hovered && !focused {
        ui.set_opacity(0.0);
    }
    let mut has_focus = false;
    for (icon, name, tooltip, enabled, edit) in buttons {
        let button = IconButton::new(icon, &name)
            .tooltip(tooltip)
            .enabled(enabled);
        let response = button.show(&mut ui);
        has_focus |= response.has_focus();
        if response.clicked() {
            cx.send(Command::Fs(FsCommand::EditLayers(fs.clone(), edit)));
        }
    }
    if has_focus != focused {
        ui.data_mut(|data| data.insert_temp(id, has_focus));
        ui.request_repaint();
    }
}
