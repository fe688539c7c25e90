//! Choosing the layers of a new stack among the open filesystems.

use egui::Ui;
use fs_backends::location::Kind;

use super::fields::label_ui;
use super::text_ui;
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};
use crate::ui::Cx;
use crate::ui::drafts::Form;

/// The layers chosen so far, the top one first, and those that can be put on top.
pub(super) fn layers_ui(ui: &mut Ui, cx: &Cx<'_>, form: &mut Form) {
    label_ui(
        ui,
        "Layers, the top one first; pick them in order from the base up",
    );
    let candidates: Vec<_> = cx
        .state
        .filesystems
        .iter()
        .filter(|(_, info)| {
            info.is_open() && info.location.host_path().is_some() && info.kind != Kind::Host
        })
        .collect();
    form.layers
        .retain(|layer| candidates.iter().any(|(fs, _)| *fs == layer));
    for (at, fs) in form.layers.clone().iter().enumerate().rev() {
        let Some((_, info)) = candidates.iter().find(|(known, _)| *known == fs) else {
            continue;
        };
        let role = if at + 1 == form.layers.len() {
            "changes go here"
        } else {
            "only read"
        };
        ui.horizontal(|ui| {
            let kind = FsKind::from(info.kind);
            let (hue, muted) = (ui.tokens().hue(kind), ui.tokens().muted);
            kind.icon().show(ui, metrics().icon, hue);
            ui.label(&info.name);
            ui.label(Type::Secondary.rich(role).color(muted));
            if ui
                .button(Icon::Close.atom())
                .on_hover_text(format!("Take {} out", info.name))
                .clicked()
            {
                form.layers.remove(at);
            }
        });
    }
    let free: Vec<_> = candidates
        .iter()
        .filter(|(fs, _)| !form.layers.contains(fs))
        .collect();
    if free.is_empty() && form.layers.is_empty() {
        text_ui(
            ui,
            "Open the vaults, stores and sandbox folders that shall be layers first.",
        );
    }
    ui.horizontal_wrapped(|ui| {
        for (fs, info) in free {
            let kind = FsKind::from(info.kind);
            let button = ui.button((Icon::Plus.atom(), kind.icon().atom(), &*info.name));
            let name = format!("Put {} on top", info.name);
            button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
            if button.on_hover_text(&name).clicked() {
                form.layers.push((*fs).clone());
            }
        }
    });
}
