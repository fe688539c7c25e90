//! How far something is.

use egui::{Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo};

use crate::theme::{UiTokens as _, metrics};

/// A thin bar, `width` points wide; `None` while nobody knows how much there is. `name` is read aloud.
pub fn progress_bar(
    ui: &mut Ui,
    fraction: Option<f32>,
    width: f32,
    paused: bool,
    name: &str,
) -> Response {
    let (tokens, m) = (ui.tokens(), metrics());
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, m.space), Sense::hover());
    let painter = ui.painter();
    let radius = m.space / 2.0;
    painter.rect_filled(rect, radius, tokens.line);
    let color = if paused { tokens.muted } else { tokens.accent };
    let done = match fraction {
        Some(fraction) => Rect::from_min_size(
            rect.min,
            Vec2::new(width * fraction.clamp(0.0, 1.0), m.space),
        ),
        None => rect.shrink2(Vec2::new(width / 3.0, 0.0)),
    };
    painter.rect_filled(done, radius, color);
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, name);
        info.value = fraction.map(f64::from);
        info
    });
    response
}
