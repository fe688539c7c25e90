//! A button that is only an icon.

use egui::{Button, Response, Ui, Vec2};

use crate::theme::{Icon, metrics};

/// A button that is only an icon. Its name is read aloud and shown as its tooltip.
#[derive(Clone, Copy)]
pub struct IconButton<'a> {
    icon: Icon,
    name: &'a str,
    tooltip: &'a str,
    enabled: bool,
    selected: bool,
    size: f32,
}

impl<'a> IconButton<'a> {
    /// `name` is what it does: "Back".
    pub fn new(icon: Icon, name: &'a str) -> Self {
        Self {
            icon,
            name,
            tooltip: name,
            enabled: true,
            selected: false,
            size: metrics().control,
        }
    }

    /// Another tooltip: with the shortcut, or why it is disabled.
    #[must_use]
    pub fn tooltip(self, tooltip: &'a str) -> Self {
        Self { tooltip, ..self }
    }

    /// Can it be used now?
    #[must_use]
    pub fn enabled(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }

    /// Is what it switches on?
    #[must_use]
    pub fn selected(self, selected: bool) -> Self {
        Self { selected, ..self }
    }

    /// Its side in points.
    #[must_use]
    pub fn size(self, size: f32) -> Self {
        Self { size, ..self }
    }

    /// Shows it.
    pub fn show(self, ui: &mut Ui) -> Response {
        let icon = self.icon.atom_sized(metrics().icon, None);
        let button = Button::new(icon)
            .selected(self.selected)
            .frame_when_inactive(self.selected)
            .min_size(Vec2::splat(self.size));
        let padded = ui.scope(|ui| {
            let padding = ((self.size - metrics().icon) / 2.0).max(0.0);
            ui.spacing_mut().button_padding = Vec2::splat(padding);
            ui.spacing_mut().interact_size = Vec2::splat(self.size);
            ui.add_enabled(self.enabled, button)
        });
        padded
            .inner
            .accessible_name(self.name)
            .on_hover_text(self.tooltip)
            .on_disabled_hover_text(self.tooltip)
    }
}

/// An icon that is a button.
pub fn icon_button(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    IconButton::new(icon, name).show(ui)
}
