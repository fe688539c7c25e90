//! Looking after a vault or store: what it is made of, what can be done, and what came of it, in one dialog.

mod facts;
mod forms;
mod outcome;

pub(super) use outcome::headline_ui;

use egui::{Align, Layout, Ui};
use fs_backends::location::Kind;
use fs_core::ops::FsRef;

use super::{Weight, button_ui, buttons_ui, default_focus, text_ui, title_ui};
use crate::command::{CareCommand, CarePart, Command, FsCommand, WindowCommand};
use crate::state::FsInfo;
use crate::state::care::{Care, Job, Task, Work};
use crate::theme::{FsKind, Type, UiTokens as _, metrics};
use crate::ui::{Cx, Drafts, text};
use crate::widget::progress_bar;

/// How often what is being done shows how far it is.
const TICK: std::time::Duration = std::time::Duration::from_millis(100);

/// The dialog.
pub(super) fn care_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, fs: &FsRef) {
    let Some(info) = cx.state.filesystems.get(fs) else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    if !info.is_open() {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    }
    let kind = FsKind::from(info.kind);
    let hue = ui.tokens().hue(kind);
    title_ui(ui, kind.icon(), hue, &info.name);
    let care = &info.care;
    match &info.saved {
        Some(saved) => text_ui(ui, &saved.path.display().to_string()),
        // Where there is no room for both, what is asked goes before what is told.
        None if is_low(ui) && (drafts.form.care != CarePart::Outcome || care.found.is_some()) => {}
        None => facts::facts_ui(ui, info),
    }
    if info.kind != Kind::Memory {
        actions_ui(ui, cx, fs, info, drafts.form.care);
    }
    let form = &mut drafts.form;
    let answer = match (&care.job, form.care) {
        (Some(job), _) if job.task != Task::Look => {
            running_ui(ui, cx, fs, care, job);
            None
        }
        (_, CarePart::Backup) => Some(forms::backup_ui(ui, cx, form, info)),
        (_, CarePart::Collect) => Some(forms::collect_ui(ui, form)),
        (_, CarePart::Password) => Some(forms::password_ui(ui, form, info)),
        (_, part) => {
            outcome::outcome_ui(ui, cx, fs, care, part);
            None
        }
    };
    buttons_ui(ui, |ui| {
        if let Some(Answer { label, work, enter }) = answer {
            let go = button_ui(ui, label, Weight::Primary, work.is_some());
            if form.care == CarePart::Collect {
                default_focus(ui, &go);
            }
            if let (true, Some(work)) = (go.clicked() || enter, work) {
                form.wrong = false;
                order(cx, fs, CareCommand::Do(work));
            }
        }
        let label = if care.is_busy() {
            "Close, go on working"
        } else {
            "Close"
        };
        let close = button_ui(ui, label, Weight::Plain, true);
        if close.clicked() {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        if form.care == CarePart::Outcome {
            default_focus(ui, &close);
        }
    });
}

/// What a form asks for.
struct Answer {
    /// What its button says.
    label: &'static str,
    /// What would be done, once everything is there.
    work: Option<Work>,
    /// Enter was pressed in its last field.
    enter: bool,
}

/// Is the window too low for a dialog that grows?
fn is_low(ui: &Ui) -> bool {
    ui.content_rect().height() < metrics().dialog_grows + metrics().facts
}

pub(super) fn order(cx: &Cx<'_>, fs: &FsRef, command: CareCommand) {
    cx.send(Command::Fs(FsCommand::Care(fs.clone(), command)));
}

/// What can be done.
fn actions_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, info: &FsInfo, part: CarePart) {
    ui.add_space(metrics().space);
    let idle = !info.care.is_busy();
    let show = |part| CareCommand::Show(part);
    let actions = [
        (true, "Check", CareCommand::Do(Work::Check), false),
        (
            true,
            "Back up…",
            show(CarePart::Backup),
            part == CarePart::Backup,
        ),
        (
            !info.read_only,
            "Compact",
            CareCommand::Do(Work::Compact),
            false,
        ),
        (
            info.kind == Kind::Store && !info.read_only,
            "Collect…",
            show(CarePart::Collect),
            part == CarePart::Collect,
        ),
        (
            info.encrypted && !info.read_only,
            "Change password…",
            show(CarePart::Password),
            part == CarePart::Password,
        ),
    ];
    ui.horizontal(|ui| {
        for (offered, label, command, open) in actions {
            if !offered {
                continue;
            }
            let button = egui::Button::selectable(open, label)
                .frame_when_inactive(true)
                .min_size(egui::vec2(metrics().tab_width_min, metrics().menu));
            if ui.add_enabled(idle, button).clicked() {
                order(cx, fs, command);
            }
        }
    });
    ui.add_space(metrics().space);
}

/// How far something is, and the way to stop it.
pub(super) fn running_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, care: &Care, job: &Job) {
    let m = metrics();
    ui.ctx().request_repaint_after(TICK);
    let done = job.control.done_bytes();
    let all = care.info.as_ref().map_or(0, |info| match job.task {
        Task::Check | Task::Repair => info.sizes.stored_bytes,
        _ => info.sizes.database_bytes + info.sizes.blob_bytes,
    });
    let fraction = (all > 0 && done > 0).then(|| (done as f32 / all as f32).min(1.0));
    let mut line = format!("{}…", job.task.running());
    if job.control.is_cancelled() {
        "Stopping…".clone_into(&mut line);
    } else if done > 0 {
        line = format!("{} {}", line, text::size(done));
        if all > done {
            line.push_str(&format!(" of {}", text::size(all)));
        }
    }
    ui.horizontal(|ui| {
        ui.label(Type::Body.rich(&line));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let stoppable = job.task.can_stop() && !job.control.is_cancelled();
            if stoppable && button_ui(ui, "Stop", Weight::Plain, true).clicked() {
                order(cx, fs, CareCommand::Stop);
            }
        });
    });
    progress_bar(ui, fraction, ui.available_width(), false, &line);
    ui.add_space(m.space);
}
