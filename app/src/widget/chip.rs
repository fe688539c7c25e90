//! The name of a filesystem with the shape and hue of its kind: the same wherever it appears.

use egui::{Color32, Ui};

use crate::theme::{FsKind, Icon, Tokens};

/// Icon and colour of a filesystem; a locked vault is a grey lock.
pub fn kind_mark(tokens: &Tokens, kind: FsKind, locked: bool) -> (Icon, Color32) {
    if locked {
        (Icon::Locked, tokens.faint)
    } else {
        (kind.icon(), tokens.hue(kind))
    }
}

/// Icon in its hue and name, as one line.
pub fn kind_chip(ui: &mut Ui, kind: FsKind, locked: bool, name: &str) {
    let (icon, color) = kind_mark(crate::theme::UiTokens::tokens(ui), kind, locked);
    let m = crate::theme::metrics();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = m.space;
        icon.show(ui, m.icon, color);
        ui.label(crate::theme::Type::Strong.rich(name));
    });
}
