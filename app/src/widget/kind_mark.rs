//! The shape and hue of a kind of filesystem: the same wherever it appears.

use egui::Color32;

use crate::theme::{FsKind, Icon, Tokens};

/// Icon and colour of a filesystem; a locked vault is a grey lock.
pub fn kind_mark(tokens: &Tokens, kind: FsKind, locked: bool) -> (Icon, Color32) {
    if locked {
        (Icon::Locked, tokens.faint)
    } else {
        (kind.icon(), tokens.hue(kind))
    }
}
