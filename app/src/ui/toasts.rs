//! Messages at the bottom left.

use std::time::Duration;

use egui::{Align2, Area, Order, Ui};

use super::Cx;
use crate::command::{Command, FileCommand, FsCommand, WindowCommand};
use crate::state::toast::{Level, Toast, ToastAction};
use crate::state::{Dialog, Way};
use crate::theme::{Icon, UiTokens as _, global_id, metrics};
use crate::widget::{self, ToastClick};

/// A message that is no error goes after this time, unless the pointer is over it.
const STAYS_SECS: f64 = 7.0;

/// All messages, the newest at the bottom; `floor`: nothing below this height is covered.
pub(super) fn toasts_ui(ui: &Ui, cx: &Cx<'_>, floor: Option<f32>) {
    if cx.state.toasts.iter().next().is_none() {
        return;
    }
    let m = metrics();
    let window = ui.content_rect();
    let floor = floor.unwrap_or(window.bottom() - m.status);
    let corner = egui::pos2(window.left() + m.pad, floor - m.pad);
    Area::new(global_id("toasts"))
        .order(Order::Foreground)
        .pivot(Align2::LEFT_BOTTOM)
        .fixed_pos(corner)
        .show(ui.ctx(), |ui| {
            for toast in cx.state.toasts.iter() {
                toast_ui(ui, cx, toast);
                ui.add_space(m.space);
            }
        });
}

fn toast_ui(ui: &mut Ui, cx: &Cx<'_>, toast: &Toast) {
    let tokens = ui.tokens();
    let (icon, color) = match toast.level {
        Level::Done => (Icon::Success, tokens.ok),
        Level::Note => (Icon::Info, tokens.accent),
        Level::Error => (Icon::Error, tokens.danger),
    };
    let offer = toast.action.as_ref().map(|action| match action {
        ToastAction::Undo(_) | ToastAction::Layers(..) => "Undo",
        ToastAction::ShowReport(_) => "Show",
    });
    let shown = ui.scope(|ui| widget::toast_ui(ui, icon, color, &toast.text, offer));
    if shown.inner == Some(ToastClick::Action) {
        match toast.action.clone() {
            Some(ToastAction::Layers(fs, number)) => {
                cx.send(Command::Fs(FsCommand::StepLayers(fs, Way::Back, number)));
            }
            Some(ToastAction::Undo(entry)) => cx.send(Command::File(FileCommand::Undo(entry))),
            Some(ToastAction::ShowReport(op)) => {
                cx.send(Command::Window(WindowCommand::Dialog(Dialog::Report(op))));
            }
            None => {}
        }
    }
    if shown.inner.is_some() {
        cx.send(Command::Window(WindowCommand::Dismiss(toast.id)));
    }
    expire(ui, cx, toast, shown.response.contains_pointer());
}

/// Errors stay; everything else goes in time.
fn expire(ui: &Ui, cx: &Cx<'_>, toast: &Toast, held: bool) {
    if toast.level == Level::Error {
        return;
    }
    let id = ui.make_persistent_id(("toast", toast.id));
    let now = ui.input(|input| input.time);
    let mut since = ui.data_mut(|data| *data.get_temp_mut_or_insert_with(id, || now));
    if held {
        since = now;
        ui.data_mut(|data| data.insert_temp(id, now));
    }
    if now - since >= STAYS_SECS {
        cx.send(Command::Window(WindowCommand::Dismiss(toast.id)));
    } else {
        ui.request_repaint_after(Duration::from_secs_f64(STAYS_SECS - (now - since)));
    }
}
