//! The menu bar, made from the table of verbs.

use egui::{Align, Button, Layout, MenuBar, Ui};

use super::{Cx, Drafts};
use crate::command::{Menu, Verb, table};
use crate::theme::{Icon, Type, UiTokens as _, metrics};

/// The bar.
pub(super) fn menu_bar_ui(ui: &mut Ui, cx: &Cx<'_>, _drafts: &mut Drafts) {
    let m = metrics();
    MenuBar::new().ui(ui, |ui| {
        ui.add_space(m.gap);
        for menu in Menu::ALL {
            ui.menu_button(menu.label(), |ui| {
                ui.set_width(m.sidebar + m.sidebar_narrow);
                for (at, verb) in table::of(menu).enumerate() {
                    if verb.starts_group && at > 0 {
                        ui.separator();
                    }
                    verb_ui(ui, cx, verb);
                }
            });
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(m.gap);
            palette_button_ui(ui, cx);
        });
    });
}

fn palette_button_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let Some(palette) = table::get("palette") else {
        return;
    };
    let shortcut = palette
        .keys
        .first()
        .map(|key| ui.ctx().format_shortcut(key))
        .unwrap_or_default();
    let muted = ui.tokens().muted;
    let button = Button::new((
        Icon::Search.atom_sized(metrics().icon, Some(muted)),
        Type::Secondary.rich("All commands").color(muted),
        Type::Secondary.rich(shortcut).color(ui.tokens().faint),
    ))
    .frame(false);
    if ui.add(button).clicked()
        && let Some(command) = (palette.command)(cx.state)
    {
        cx.send(command);
    }
}

/// One line of a menu: icon, label, shortcut; disabled with a reason.
pub(super) fn verb_ui(ui: &mut Ui, cx: &Cx<'_>, verb: &Verb) {
    let availability = (verb.enabled)(cx.state);
    let checked = verb.checked.is_some_and(|checked| checked(cx.state));
    let icon = match verb.icon {
        _ if checked => Some(Icon::Check),
        icon => icon,
    };
    let color = if availability.is_ok() {
        ui.tokens().muted
    } else {
        ui.tokens().dimmed(ui.tokens().muted)
    };
    let size = egui::Vec2::splat(metrics().icon);
    let image = icon.map_or_else(
        || egui::Atom::paint(size, |_, _| {}),
        |icon| icon.atom_sized(metrics().icon, Some(color)),
    );
    let mut button = Button::new((image, verb.label(cx.state)))
        .min_size(egui::vec2(ui.available_width(), metrics().row));
    if let Some(key) = verb.keys.first() {
        button = button.shortcut_text(ui.ctx().format_shortcut(key));
    }
    let response = ui.add_enabled(availability.is_ok(), button);
    let response = match availability {
        Ok(()) => response,
        Err(reason) => response.on_disabled_hover_text(reason),
    };
    if response.clicked() {
        if let Some(command) = (verb.command)(cx.state) {
            cx.send(command);
        }
        ui.close();
    }
}
