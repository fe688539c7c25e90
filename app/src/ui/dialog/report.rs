//! What failed in an operation, item by item.

use egui::Ui;
use fs_core::ops::FsRef;

use super::{Weight, button_ui, buttons_ui, default_focus, text_ui, title_ui};
use crate::command::{Command, FileCommand, FsCommand, WindowCommand};
use crate::state::{FsInfo, OpId, Stage};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::ui::view_state::SALVAGE;
use crate::ui::{Cx, error_sentence};
use crate::widget::scroll_list;

/// The dialog.
pub(super) fn report_ui(ui: &mut Ui, cx: &Cx<'_>, op: OpId) {
    let Some(running) = cx.state.operations.get(op) else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    let Stage::Done(report) = &running.stage else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    let (danger, muted) = (ui.tokens().danger, ui.tokens().muted);
    title_ui(ui, Icon::Warning, danger, &running.operation.name());
    text_ui(
        ui,
        &format!(
            "{} of {} items failed. What failed is untouched at its source.",
            report.failed.len(),
            report.items + report.failed.len() as u64
        ),
    );
    scroll_list(metrics().row * metrics().dialog_rows_few).show(ui, |ui| {
        for failure in &report.failed {
            ui.add(egui::Label::new(error_sentence(&failure.place.label(), &failure.error)).wrap())
                .on_hover_text(failure.error.to_string());
            ui.add(
                egui::Label::new(
                    Type::Secondary
                        .rich(failure.place.path.display())
                        .color(muted),
                )
                .truncate(),
            );
        }
    });
    buttons_ui(ui, |ui| {
        let close = button_ui(ui, "Close", Weight::Primary, true);
        if close.clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        default_focus(ui, &close);
        let mut damaged = report.failed.iter().map(|failure| &failure.place.fs);
        let is_salvageable = |fs: &&FsRef| {
            cx.state
                .filesystems
                .get(fs)
                .is_some_and(FsInfo::is_salvageable)
        };
        let damaged = damaged.find(is_salvageable);
        if let Some(fs) = damaged
            && button_ui(ui, SALVAGE, Weight::Plain, true).clicked()
        {
            cx.send(Command::Fs(FsCommand::AskSalvage(fs.clone())));
        }
        if button_ui(ui, "Copy list", Weight::Plain, true).clicked() {
            let lines: Vec<String> = report
                .failed
                .iter()
                .map(|failure| failure.error.to_string())
                .collect();
            cx.send(Command::File(FileCommand::CopyText(lines.join("\n"))));
        }
    });
}
