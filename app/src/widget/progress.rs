//! How far something is.

use egui::{Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo};

use super::button::icon_button;
use crate::theme::{Icon, Type, UiTokens as _, metrics};

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

/// How an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It works.
    Running,
    /// It was told to wait.
    Paused,
    /// It waits for an answer.
    Asking,
    /// It is over, and something failed.
    Failed,
    /// It is over.
    Done,
}

/// An operation to show.
#[derive(Clone, Copy, Debug)]
pub struct ProgressRow<'a> {
    /// "Copying 140 files to taxes.db".
    pub title: &'a str,
    /// "1.2 of 3.4 GB, about 2 min".
    pub detail: &'a str,
    /// How far it is, 0 to 1, when known.
    pub fraction: Option<f32>,
    /// How it stands.
    pub stand: Stand,
}

/// What was clicked on an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressClick {
    /// Hold it.
    Pause,
    /// Go on.
    Resume,
    /// Stop it.
    Cancel,
    /// Show what it asks or what failed.
    Details,
    /// Take it off the list.
    Dismiss,
}

impl ProgressRow<'_> {
    /// Shows it over the whole width.
    pub fn show(&self, ui: &mut Ui) -> Option<ProgressClick> {
        let (tokens, m) = (ui.tokens(), metrics());
        let (icon, color) = match self.stand {
            Stand::Running => (Icon::Copy, tokens.accent),
            Stand::Paused => (Icon::Pause, tokens.muted),
            Stand::Asking => (Icon::Help, tokens.warn),
            Stand::Failed => (Icon::Error, tokens.danger),
            Stand::Done => (Icon::Success, tokens.ok),
        };
        let mut click = None;
        ui.horizontal(|ui| {
            icon.show(ui, m.icon_large, color);
            let buttons = 2.0 * (m.control + m.gap);
            let width = (ui.available_width() - buttons).max(m.column_min);
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.add(egui::Label::new(self.title).truncate());
                if matches!(self.stand, Stand::Running | Stand::Paused) {
                    progress_bar(
                        ui,
                        self.fraction,
                        width,
                        self.stand == Stand::Paused,
                        self.title,
                    );
                }
                let detail = Type::Secondary.rich(self.detail).color(tokens.muted);
                ui.add(egui::Label::new(detail).truncate());
            });
            let buttons: &[(Icon, &str, ProgressClick)] = match self.stand {
                Stand::Running => &[
                    (Icon::Pause, "Pause", ProgressClick::Pause),
                    (Icon::Close, "Cancel", ProgressClick::Cancel),
                ],
                Stand::Paused => &[
                    (Icon::Play, "Resume", ProgressClick::Resume),
                    (Icon::Close, "Cancel", ProgressClick::Cancel),
                ],
                Stand::Asking => &[
                    (Icon::Help, "Answer", ProgressClick::Details),
                    (Icon::Close, "Cancel", ProgressClick::Cancel),
                ],
                Stand::Failed => &[
                    (Icon::Info, "Show what failed", ProgressClick::Details),
                    (Icon::Close, "Dismiss", ProgressClick::Dismiss),
                ],
                Stand::Done => &[(Icon::Close, "Dismiss", ProgressClick::Dismiss)],
            };
            for &(icon, name, what) in buttons {
                if icon_button(ui, icon, name).clicked() {
                    click = Some(what);
                }
            }
        });
        click
    }
}
