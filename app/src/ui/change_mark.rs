//! The square that says what became of an entry: A, M, R or D.

use egui::{Align2, Color32, Rect, StrokeKind, Ui};

use crate::theme::{Tokens, Type, UiTokens as _, metrics};

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It was not there.
    Added,
    /// It is another one.
    Changed,
    /// It is elsewhere.
    Moved,
    /// It is gone.
    Deleted,
}

impl Mark {
    fn look(self, tokens: &Tokens) -> (&'static str, Color32) {
        match self {
            Self::Added => ("A", tokens.ok),
            Self::Changed => ("M", tokens.warn),
            Self::Moved => ("R", tokens.accent),
            Self::Deleted => ("D", tokens.danger),
        }
    }

    /// Paints it into a line, its left edge at `left`; answers where it is.
    pub(super) fn paint(self, ui: &Ui, line: Rect, left: f32) -> Rect {
        let m = metrics();
        let rect = square(line, left);
        let (letter, color) = self.look(ui.tokens());
        let stroke = egui::Stroke::new(m.line, color);
        ui.painter()
            .rect_stroke(rect, m.space, stroke, StrokeKind::Inside);
        let font = Type::Caption.font();
        ui.painter()
            .text(rect.center(), Align2::CENTER_CENTER, letter, font, color);
        rect
    }
}

/// Room for a mark in a line.
pub(super) fn square(line: Rect, left: f32) -> Rect {
    let side = metrics().icon;
    let middle = egui::pos2(left + side / 2.0, line.center().y);
    Rect::from_center_size(middle, egui::Vec2::splat(side))
}
