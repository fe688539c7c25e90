//! A short message over the window.

use egui::{Color32, Frame, Margin, Ui};

use super::button::icon_button;
use crate::theme::{Icon, UiTokens as _, metrics};

/// What was clicked in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToastClick {
    /// What it offers: "Undo".
    Action,
    /// Away with it.
    Close,
}

/// A message: `icon` in `color`, a sentence, what it offers. `None` while nothing was clicked.
pub fn toast_ui(
    ui: &mut Ui,
    icon: Icon,
    color: Color32,
    text: &str,
    action: Option<&str>,
) -> Option<ToastClick> {
    let (tokens, m) = (ui.tokens(), metrics());
    let mut click = None;
    Frame::new()
        .fill(tokens.raised)
        .stroke(tokens.line_stroke())
        .corner_radius(m.radius_popover)
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(Margin::symmetric(m.pad as i8, m.space as i8))
        .show(ui, |ui| {
            ui.set_max_width(m.toast);
            ui.horizontal(|ui| {
                icon.show(ui, m.icon, color);
                let buttons = m.control + m.gap + action.map_or(0.0, |_| m.strip * 2.0);
                ui.scope(|ui| {
                    ui.set_max_width((m.toast - buttons - m.icon - m.gap).max(m.column_min));
                    ui.add(egui::Label::new(text).wrap());
                });
                if let Some(action) = action
                    && ui
                        .button(crate::theme::Type::Strong.rich(action).color(tokens.accent))
                        .clicked()
                {
                    click = Some(ToastClick::Action);
                }
                if icon_button(ui, Icon::Close, "Close").clicked() {
                    click = Some(ToastClick::Close);
                }
            });
        });
    click
}
