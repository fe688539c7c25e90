//! The strip at the bottom of a stack's tab: its layers from the base to the one that is written.

use egui::{Rect, Ui};

use crate::state::FsInfo;
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};

/// The strip.
pub(super) fn strip_ui(ui: &mut Ui, info: &FsInfo) {
    let (m, tokens) = (metrics(), ui.tokens());
    let count = info.layers.len();
    let top = count.saturating_sub(1);
    let hue = tokens.hue(FsKind::Stack);
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = m.space;
        ui.add_space(m.gap);
        let width = ((ui.available_width() - m.gap) / count as f32 - m.space).min(m.tab_width_max);
        for (at, name) in info.layers.iter().enumerate() {
            let (rect, response) =
                ui.allocate_exact_size(egui::vec2(width, m.control), egui::Sense::hover());
            ui.painter().rect_filled(rect, m.radius, tokens.hover());
            // One hue from strong (base) to faint (top), so that the order reads without a legend.
            let strength = 1.0 - 0.7 * at as f32 / top.max(1) as f32;
            let bar = Rect::from_min_size(rect.min, egui::vec2(m.space, rect.height()));
            ui.painter()
                .rect_filled(bar, m.space / 2.0, hue.gamma_multiply(strength));
            let icon = if at == top { Icon::Rename } else { Icon::Lock };
            let corner = egui::pos2(
                rect.right() - m.icon - m.space,
                rect.center().y - m.icon / 2.0,
            );
            let icon_rect = Rect::from_min_size(corner, egui::Vec2::splat(m.icon));
            icon.paint(ui.painter(), icon_rect, m.pad, tokens.muted);
            let room = icon_rect.left() - bar.right() - 2.0 * m.gap;
            let galley = crate::widget::elided(ui.painter(), name, &Type::Secondary.font(), room);
            let pos = egui::pos2(bar.right() + m.gap, rect.center().y - galley.size().y / 2.0);
            ui.painter().galley(pos, galley, tokens.text);
            let role = if at == top {
                "changes go here"
            } else {
                "only read"
            };
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Label, true, format!("Layer {name}, {role}"))
            });
            response.on_hover_text(format!("{name}: {role}"));
        }
    });
}
