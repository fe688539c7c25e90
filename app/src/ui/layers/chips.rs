//! The strip: one chip for each layer, from the base to the one that is written.

use egui::{Rect, Sense, Ui};

use super::{described, role};
use crate::state::FsInfo;
use crate::state::layers::LayerInfo;
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};
use crate::widget::elided;

/// One hue from strong (base) to faint (top), so that the order reads without a legend.
pub(super) fn strength(at: usize, count: usize) -> f32 {
    let m = metrics();
    1.0 - (1.0 - m.layer_faintest) * at as f32 / count.saturating_sub(1).max(1) as f32
}

/// One chip for each layer; in a narrow pane only their bars, and the name of the one that is written.
pub(super) fn chips_ui(ui: &mut Ui, info: &FsInfo) {
    let m = metrics();
    let count = info.layers.len();
    let width = (ui.available_width() / count as f32 - m.space).min(m.tab_width_max);
    let narrow = width < m.layer_chip_min;
    for (at, layer) in info.layers.iter().enumerate() {
        let is_top = at == info.top_layer() && info.hidden.is_empty();
        let width = match (narrow, is_top) {
            (false, _) => width,
            (true, false) => m.gap,
            (true, true) => ui.available_width() - m.space,
        };
        let size = egui::vec2(width.max(m.gap), m.row);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let role = role(info, at);
        chip_ui(ui, rect, layer, is_top, strength(at, count));
        described(&response, layer, role, None);
        response.on_hover_text(format!("{}: {role}", layer.name));
    }
}

fn chip_ui(ui: &Ui, rect: Rect, layer: &LayerInfo, is_top: bool, strength: f32) {
    let (m, tokens) = (metrics(), ui.tokens());
    let bar = Rect::from_min_size(rect.min, egui::vec2(m.space, rect.height()));
    let hue = tokens.hue(FsKind::Stack).gamma_multiply(strength);
    if rect.width() > m.sidebar_narrow {
        ui.painter().rect_filled(rect, m.radius, tokens.hover());
        let icon = match (layer.hidden, is_top) {
            (true, _) => Icon::EyeClosed,
            (false, true) => Icon::Rename,
            (false, false) => Icon::Lock,
        };
        let corner = egui::pos2(
            rect.right() - m.space - m.icon,
            rect.center().y - m.icon / 2.0,
        );
        let icon_rect = Rect::from_min_size(corner, egui::Vec2::splat(m.icon));
        icon.paint(ui.painter(), icon_rect, m.pad, tokens.muted);
        let room = icon_rect.left() - bar.right() - m.gap;
        let galley = elided(ui.painter(), &layer.name, &Type::Secondary.font(), room);
        let pos = egui::pos2(bar.right() + m.gap, rect.center().y - galley.size().y / 2.0);
        let color = if layer.hidden {
            tokens.faint
        } else {
            tokens.text
        };
        ui.painter().galley(pos, galley, color);
    }
    ui.painter().rect_filled(bar, m.space / 2.0, hue);
}
