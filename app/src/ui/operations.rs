//! The list of operations over the status bar: running, waiting, failed, done.

use egui::{Align, Area, Button, Frame, Layout, Order, Ui};

use super::{Cx, text};
use crate::command::{Command, FileCommand, WindowCommand};
use crate::state::{Dialog, OpId, Running, Stage};
use crate::theme::{Icon, Type, UiTokens as _, global_id, metrics};
use crate::widget::{icon_button, progress_bar, scroll_list};

/// The popover, when it is open.
pub(super) fn popover_ui(ui: &Ui, cx: &Cx<'_>) {
    if !cx.state.show_operations {
        return;
    }
    let m = metrics();
    let corner = ui.content_rect().right_bottom() - egui::vec2(m.gap, m.status + m.gap);
    Area::new(global_id("operations"))
        .order(Order::Foreground)
        .pivot(egui::Align2::RIGHT_BOTTOM)
        .fixed_pos(corner)
        .show(ui.ctx(), |ui| {
            Frame::popup(ui.style())
                .inner_margin(egui::Margin::same(m.pad as i8))
                .show(ui, |ui| {
                    ui.set_width(m.dialog);
                    header_ui(ui, cx);
                    scroll_list(m.dialog).show(ui, |ui| {
                        let mut any = false;
                        for (id, running) in cx.state.operations.newest_first() {
                            any = true;
                            operation_ui(ui, cx, id, running);
                        }
                        if !any {
                            let color = ui.tokens().muted;
                            ui.label(
                                Type::Body
                                    .rich("Nothing runs, and nothing has.")
                                    .color(color),
                            );
                        }
                    });
                });
        });
}

fn header_ui(ui: &mut Ui, cx: &Cx<'_>) {
    ui.horizontal(|ui| {
        ui.label(Type::Strong.rich("Operations"));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, Icon::Close, "Close").clicked() {
                cx.send(Command::Window(WindowCommand::ToggleOperations));
            }
            let over = cx
                .state
                .operations
                .newest_first()
                .any(|(_, running)| running.is_over());
            if ui
                .add_enabled(over, Button::new("Clear finished"))
                .clicked()
            {
                cx.send(Command::File(FileCommand::ForgetFinished));
            }
        });
    });
    ui.add_space(metrics().gap);
}

fn operation_ui(ui: &mut Ui, cx: &Cx<'_>, id: OpId, running: &Running) {
    let tokens = ui.tokens();
    let (icon, color, line) = match &running.stage {
        Stage::Done(report) if !report.failed.is_empty() => {
            (Icon::Warning, tokens.danger, running.done())
        }
        Stage::Done(report) if report.cancelled => (
            Icon::Stop,
            tokens.muted,
            format!("Stopped: {}", running.name()),
        ),
        Stage::Done(_) => (Icon::Success, tokens.ok, running.done()),
        Stage::Failed(_) => (Icon::Error, tokens.danger, running.name()),
        _ if running.paused => (Icon::Pause, tokens.warn, running.running()),
        _ => (Icon::Spinner, tokens.accent, running.running()),
    };
    ui.horizontal(|ui| {
        icon.show(ui, metrics().icon, color);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            buttons_ui(ui, cx, id, running);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(Type::Body.rich(line)).truncate());
            });
        });
    });
    if let Stage::Working(progress) = &running.stage {
        let width = ui.available_width();
        let name = running.running();
        progress_bar(ui, Some(progress.fraction()), width, running.paused, &name);
    }
    ui.label(Type::Secondary.rich(detail(running)).color(tokens.muted));
    ui.add_space(metrics().gap);
}

fn detail(running: &Running) -> String {
    match &running.stage {
        Stage::Planning => "Looking what there is to do".to_owned(),
        Stage::Asking(_) => "Waits for your answer".to_owned(),
        Stage::Working(progress) => {
            let mut parts = vec![format!(
                "{} of {} items",
                text::grouped(progress.done_items),
                text::grouped(progress.total_items)
            )];
            if progress.total_bytes > 0 {
                parts.push(format!(
                    "{} of {}",
                    text::size(progress.done_bytes),
                    text::size(progress.total_bytes)
                ));
            }
            if running.paused {
                parts.push("paused".to_owned());
                return parts.join(" · ");
            }
            if let Some(rate) = progress.bytes_per_second {
                parts.push(format!("{}/s", text::size(rate as u64)));
            }
            if let Some(left) = progress.left {
                parts.push(text::left(left));
            }
            parts.join(" · ")
        }
        Stage::Done(report) => {
            let mut line = text::count(report.items as usize, "item", "items");
            if report.bytes > 0 {
                line.push_str(&format!(", {}", text::size(report.bytes)));
            }
            if !report.failed.is_empty() {
                line.push_str(&format!(" · {} failed", report.failed.len()));
            }
            if !report.skipped.is_empty() {
                line.push_str(&format!(" · {} skipped", report.skipped.len()));
            }
            line
        }
        Stage::Failed(error) => super::error_sentence("Nothing was done", error),
    }
}

fn buttons_ui(ui: &mut Ui, cx: &Cx<'_>, id: OpId, running: &Running) {
    let mut button = |icon: Icon, name: &str| icon_button(ui, icon, name).clicked();
    match &running.stage {
        Stage::Done(report) => {
            if !report.failed.is_empty() && button(Icon::Info, "Show what failed") {
                cx.send(Command::Window(WindowCommand::Dialog(Dialog::Report(id))));
            }
            let undoable = report.entry.filter(|entry| {
                cx.state
                    .operations
                    .undo
                    .iter()
                    .any(|undo| undo.entry == *entry)
            });
            if let Some(entry) = undoable
                && button(Icon::Undo, "Undo")
            {
                cx.send(Command::File(FileCommand::Undo(entry)));
            }
        }
        Stage::Failed(_) => {}
        _ => {
            if button(Icon::Close, "Stop") {
                cx.send(Command::File(FileCommand::Cancel(id)));
            }
            let (icon, name) = if running.paused {
                (Icon::Play, "Resume")
            } else {
                (Icon::Pause, "Pause")
            };
            if button(icon, name) {
                cx.send(Command::File(FileCommand::Pause(id, !running.paused)));
            }
        }
    }
}
