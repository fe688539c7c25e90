//! The sheet of shortcuts, and what this program is.

use egui::{Grid, Ui};

use super::{Weight, button_ui, buttons_ui, default_focus, text_ui, title_ui};
use crate::command::{Command, Menu, WindowCommand, table};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::ui::Cx;
use crate::widget::scroll_list;

/// All shortcuts, menu by menu.
pub(super) fn shortcuts_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let (accent, muted) = (ui.tokens().accent, ui.tokens().muted);
    title_ui(ui, Icon::Help, accent, "Shortcuts");
    scroll_list(metrics().row * metrics().dialog_rows).show(ui, |ui| {
        for menu in Menu::ALL {
            let verbs: Vec<_> = table::of(menu)
                .filter(|verb| !verb.keys.is_empty())
                .collect();
            if verbs.is_empty() {
                continue;
            }
            ui.add_space(metrics().gap);
            ui.label(Type::Caption.rich(menu.label().to_uppercase()).color(muted));
            Grid::new(("shortcuts", menu.label()))
                .num_columns(2)
                .min_col_width(metrics().sidebar)
                .show(ui, |ui| {
                    for verb in verbs {
                        let keys: Vec<String> = verb
                            .keys
                            .iter()
                            .map(|key| ui.ctx().format_shortcut(key))
                            .collect();
                        ui.label(verb.label);
                        ui.label(Type::Secondary.rich(keys.join("   ")).color(muted));
                        ui.end_row();
                    }
                });
        }
    });
    close_ui(ui, cx);
}

/// Name, version, licence.
pub(super) fn about_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let color = ui.tokens().accent;
    title_ui(ui, Icon::Layers, color, "Lamina");
    text_ui(ui, concat!("Version ", env!("CARGO_PKG_VERSION")));
    text_ui(
        ui,
        "A file manager in which every tab is a filesystem, and every filesystem can be a layer.",
    );
    text_ui(
        ui,
        "MIT or Apache-2.0, as you like. Icons: Phosphor (MIT). Fonts: Inter and JetBrains Mono (OFL).",
    );
    close_ui(ui, cx);
}

fn close_ui(ui: &mut Ui, cx: &Cx<'_>) {
    buttons_ui(ui, |ui| {
        let close = button_ui(ui, "Close", Weight::Primary, true);
        if close.clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        default_focus(ui, &close);
    });
}
