//! Messages at the bottom left.

use std::time::Duration;

use egui::{Align2, Area, Button, Frame, Order, Ui};

use super::Cx;
use crate::command::{Command, FileCommand, WindowCommand};
use crate::state::Dialog;
use crate::state::toast::{Level, Toast, ToastAction};
use crate::theme::{Icon, Type, UiTokens as _, global_id, metrics};

/// A message that is no error goes after this time, unless the pointer is over it.
const STAYS_SECS: f64 = 7.0;

/// All messages, the newest at the bottom.
pub(super) fn toasts_ui(ui: &Ui, cx: &Cx<'_>) {
    if cx.state.toasts.iter().next().is_none() {
        return;
    }
    let m = metrics();
    let corner = ui.content_rect().left_bottom() + egui::vec2(m.pad, -m.status - m.pad);
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
    let (m, tokens) = (metrics(), ui.tokens());
    let (icon, color) = match toast.level {
        Level::Done => (Icon::Success, tokens.ok),
        Level::Note => (Icon::Info, tokens.accent),
        Level::Error => (Icon::Error, tokens.danger),
    };
    let shown = Frame::popup(ui.style())
        .inner_margin(egui::Margin::symmetric(m.pad as i8, m.gap as i8))
        .show(ui, |ui| {
            ui.set_max_width(m.toast);
            ui.horizontal(|ui| {
                icon.show(ui, m.icon, color);
                ui.add(egui::Label::new(Type::Body.rich(&toast.text)).wrap());
                action_ui(ui, cx, toast);
                let close = Button::new(Icon::Close.atom()).frame_when_inactive(false);
                if ui.add(close).on_hover_text("Dismiss").clicked() {
                    cx.send(Command::Window(WindowCommand::Dismiss(toast.id)));
                }
            });
        });
    expire(ui, cx, toast, shown.response.contains_pointer());
}

fn action_ui(ui: &mut Ui, cx: &Cx<'_>, toast: &Toast) {
    let Some(action) = toast.action else {
        return;
    };
    let label = match action {
        ToastAction::Undo(_) => "Undo",
        ToastAction::ShowReport(_) => "Show",
    };
    let accent = ui.tokens().accent;
    if ui.button(Type::Strong.rich(label).color(accent)).clicked() {
        cx.send(match action {
            ToastAction::Undo(entry) => Command::File(FileCommand::Undo(entry)),
            ToastAction::ShowReport(op) => {
                Command::Window(WindowCommand::Dialog(Dialog::Report(op)))
            }
        });
        cx.send(Command::Window(WindowCommand::Dismiss(toast.id)));
    }
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
