//! Saving what can be read of a damaged filesystem.

use std::path::Path;

use egui::Ui;
use fs_backends::location::{Location, Root};
use fs_backends::salvage::Report;
use fs_core::ops::FsRef;

use super::care::{headline_ui, order, running_ui};
use super::form::{error_ui, path_ui, secret_ui, typed};
use super::{Weight, button_ui, buttons_ui, cancel_ui, default_focus, text_ui, title_ui};
use crate::command::{CareCommand, Command, OpenIn, Pick, WindowCommand};
use crate::state::care::{Outcome, Task, Work};
use crate::state::{FsInfo, FsStatus};
use crate::theme::{FsKind, Icon, UiTokens as _};
use crate::ui::drafts::Form;
use crate::ui::{Cx, Drafts, text};

/// The dialog.
pub(super) fn salvage_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, fs: &FsRef) {
    let Some(info) = cx.state.filesystems.get(fs) else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    let kind = FsKind::from(info.kind);
    let hue = ui.tokens().hue(kind);
    let title = format!("Save what can be read of {}", info.name);
    title_ui(ui, kind.icon(), hue, &title);
    match (&info.care.job, &info.care.outcome) {
        (Some(job), _) if job.task == Task::Salvage => {
            running_ui(ui, cx, fs, &info.care, job);
            close_ui(ui, cx, "Close, go on working");
        }
        (_, Some(Outcome::Salvaged(to, report))) => salvaged_ui(ui, cx, to, report),
        _ => ask_ui(ui, cx, &mut drafts.form, fs, info),
    }
}

fn close_ui(ui: &mut Ui, cx: &Cx<'_>, label: &str) {
    buttons_ui(ui, |ui| {
        let close = button_ui(ui, label, Weight::Plain, true);
        if close.clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        default_focus(ui, &close);
    });
}

/// Where it goes, and with which password it is read.
fn ask_ui(ui: &mut Ui, cx: &Cx<'_>, form: &mut Form, fs: &FsRef, info: &FsInfo) {
    text_ui(
        ui,
        "Everything in it that can still be read is copied to a new folder, and a report of what is missing beside it. The damaged one is only read, never changed: keep it until you have what you need.",
    );
    if info.is_open() {
        text_ui(
            ui,
            if info.encrypted {
                "It is locked for that; afterwards its password opens it again."
            } else {
                "It is closed for that, and opened again when it is done."
            },
        );
    }
    let mut enter = path_ui(ui, cx, form, "New or empty folder", Pick::NewFile);
    if form.encrypt {
        let field = secret_ui(ui, &mut form.secret, "Its password", false);
        enter |= field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    }
    error_ui(ui, form);
    // What is being opened is open in a moment, or damaged too much.
    let to = typed(form).filter(|_| !matches!(info.status, FsStatus::Opening));
    buttons_ui(ui, |ui| {
        let save = button_ui(ui, "Save what can be read", Weight::Primary, to.is_some());
        cancel_ui(ui, cx);
        if let (true, Some(to)) = (save.clicked() || enter, to) {
            let work = Work::Salvage {
                root: info.location.root().clone(),
                to,
                password: form.secret(),
            };
            order(cx, fs, CareCommand::Do(work));
        }
    });
}

/// What came of it: first what is there.
fn salvaged_ui(ui: &mut Ui, cx: &Cx<'_>, to: &Path, report: &Report) {
    let (ok, warn) = (ui.tokens().ok, ui.tokens().warn);
    let count = |n: u64, one, many| text::count(n as usize, one, many);
    let whole = count(report.files, "file is as it was", "files are as they were");
    headline_ui(ui, Icon::Success, ok, &whole);
    let folders = count(report.folders, "folder", "folders");
    let bytes = text::size(report.bytes);
    text_ui(ui, &format!("{folders}, {bytes} in all."));
    let lines = [
        (
            report.part,
            "part is missing, and zeros stand there",
            "“.damaged” is at the end of their names",
        ),
        (
            report.unproven,
            "nothing proves that this is what was written last",
            "“.unproven” is at the end of their names",
        ),
        (
            report.lost,
            "nothing is left but the name",
            "The report, report.json, tells which",
        ),
    ];
    for (number, what, how) in lines.into_iter().filter(|(number, ..)| *number > 0) {
        let number = count(number, "file or folder", "files or folders");
        headline_ui(ui, Icon::Warning, warn, &format!("{number}: {what}"));
        text_ui(ui, &format!("{how}."));
    }
    text_ui(ui, &to.display().to_string());
    buttons_ui(ui, |ui| {
        let show = button_ui(ui, "Show the folder", Weight::Primary, true);
        if show.clicked() {
            let place = Location::new(Root::Host(to.to_path_buf()));
            cx.send(Command::Window(WindowCommand::CloseDialog));
            cx.send(Command::Open(place, OpenIn::NewTab));
        }
        default_focus(ui, &show);
        if button_ui(ui, "Close", Weight::Plain, true).clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
    });
}
