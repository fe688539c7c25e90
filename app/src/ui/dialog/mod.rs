//! Dialogs: one at a time, in front of the window. Escape cancels; what has the focus at first is safe.

pub mod browser;
mod care;
mod conflicts;
mod form;
mod help;
mod mount;
pub mod properties;
mod questions;
mod report;
mod review;
mod salvage;

use egui::{Align, Align2, Button, Layout, Modal, Ui};

use super::{Cx, Drafts};
use crate::command::{Command, FileCommand, WindowCommand};
use crate::state::Dialog;
use crate::theme::{Icon, Type, UiTokens as _, global_id, metrics};

/// The dialog, when there is one.
pub(super) fn dialog_ui(ui: &Ui, cx: &Cx<'_>, drafts: &mut Drafts) {
    let Some(dialog) = &cx.state.dialog else {
        return;
    };
    let may_browse = matches!(
        dialog,
        Dialog::Open(_)
            | Dialog::Create(_)
            | Dialog::Save(_)
            | Dialog::MountFolder(_)
            | Dialog::Care(_)
            | Dialog::Salvage(_)
            | Dialog::AddFiles(_)
            | Dialog::AddLayer(_)
    );
    if may_browse && drafts.form.browser.is_some() {
        return browser::browser_ui(ui, cx, drafts);
    }
    let m = metrics();
    let id = global_id("dialog");
    let mut area = Modal::default_area(id);
    if matches!(dialog, Dialog::Care(_)) {
        // What comes and goes in it moves no button away from under the pointer.
        let room = ui.content_rect().height() - m.dialog_grows;
        // It ends above the bottom, as long as it fits at all.
        let height = ui
            .memory(|memory| memory.area_rect(id))
            .map_or(0.0, |it| it.height());
        let most = ui.content_rect().height() - height - m.gap;
        let top = (room / 2.0).min(most).max(m.gap).round();
        area = area.anchor(Align2::CENTER_TOP, egui::vec2(0.0, top));
    }
    let modal = Modal::new(id)
        .area(area)
        .frame(frame(ui))
        .show(ui.ctx(), |ui| {
            let many_buttons = matches!(dialog, Dialog::Preflight { .. } | Dialog::Shortcuts);
            let width = match dialog {
                Dialog::Review(_) | Dialog::Care(_) | Dialog::UnmountFolder { .. } => m.dialog_wide,
                _ if many_buttons => m.dialog_wide,
                _ => m.dialog,
            };
            // With its frame, and a little of the window beside it.
            let most = ui.content_rect().width() - 2.0 * (m.pad * 1.5 + m.gap);
            ui.set_width(width.min(most));
            ui.spacing_mut().item_spacing = egui::vec2(m.gap, m.gap);
            match dialog {
                Dialog::Preflight { op, preflight } => {
                    conflicts::preflight_ui(ui, cx, drafts, *op, preflight)
                }
                Dialog::Delete(items) => questions::delete_ui(ui, cx, items),
                Dialog::Report(op) => report::report_ui(ui, cx, *op),
                Dialog::Open(kind) => form::open_ui(ui, cx, drafts, *kind),
                Dialog::Create(kind) => form::create_ui(ui, cx, drafts, *kind),
                Dialog::Save(fs) => form::save_ui(ui, cx, drafts, fs),
                Dialog::Replace(fs, path) => {
                    questions::replace_ui(ui, cx, fs, path, drafts.form.secret());
                }
                Dialog::ChangedOutside(fs, path) => {
                    questions::changed_outside_ui(ui, cx, fs, path);
                }
                Dialog::LockUnsaved(fs) => questions::lock_unsaved_ui(ui, cx, fs),
                // The file dialog, which has just been answered.
                Dialog::AddFiles(_) => cx.send(Command::Window(WindowCommand::CloseDialog)),
                Dialog::CloseUnsaved(tab) => questions::close_unsaved_ui(ui, cx, *tab),
                Dialog::Care(fs) => care::care_ui(ui, cx, drafts, fs),
                Dialog::Salvage(fs) => salvage::salvage_ui(ui, cx, drafts, fs),
                Dialog::AddLayer(fs) => form::add_layer_ui(ui, cx, drafts, fs),
                Dialog::AcceptBase(fs) => questions::accept_base_ui(ui, cx, fs),
                Dialog::MountFolder(fs) => mount::mount_ui(ui, cx, drafts, fs),
                Dialog::UnmountFolder { fs, then, users } => {
                    mount::unmount_ui(ui, cx, fs, *then, users.as_deref());
                }
                Dialog::Quit(at_stake) => questions::quit_ui(ui, cx, at_stake),
                Dialog::Unfinished => {
                    questions::unfinished_ui(ui, cx, &cx.state.operations.unfinished);
                }
                Dialog::Review(review) => review::review_ui(ui, cx, drafts, review),
                Dialog::Properties(properties) => {
                    properties::properties_ui(ui, cx, drafts, properties);
                }
                Dialog::Shortcuts => help::shortcuts_ui(ui, cx),
                Dialog::About => help::about_ui(ui, cx),
            }
        });
    if modal.should_close() {
        cx.send(match dialog {
            // An operation that is not answered is not done.
            Dialog::Preflight { op, .. } => Command::File(FileCommand::Cancel(*op)),
            _ => Command::Window(WindowCommand::CloseDialog),
        });
    }
}

/// The frame of every dialog.
fn frame(ui: &Ui) -> egui::Frame {
    let m = metrics();
    egui::Frame::popup(ui.style())
        .corner_radius(m.radius_dialog)
        .inner_margin(egui::Margin::same((m.pad * 1.5) as i8))
}

/// The title of a dialog, with the icon of what it is about.
fn title_ui(ui: &mut Ui, icon: Icon, color: egui::Color32, title: &str) {
    ui.horizontal(|ui| {
        icon.show(ui, metrics().icon_large, color);
        ui.add(egui::Label::new(Type::Title.rich(title)).wrap());
    });
}

/// A paragraph.
fn text_ui(ui: &mut Ui, text: &str) {
    let color = ui.tokens().muted;
    ui.add(egui::Label::new(Type::Body.rich(text).color(color)).wrap());
}

/// How a button looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// What one most likely wants.
    Primary,
    /// Anything else.
    Plain,
    /// It destroys something.
    Danger,
}

fn button_ui(ui: &mut Ui, label: &str, weight: Weight, enabled: bool) -> egui::Response {
    let (m, tokens) = (metrics(), ui.tokens());
    let size = egui::vec2(m.tab_width_min, m.menu);
    let button = match weight {
        Weight::Primary if enabled => {
            Button::new(Type::Strong.rich(label).color(tokens.on_accent)).fill(tokens.accent)
        }
        Weight::Danger if enabled => Button::new(Type::Strong.rich(label).color(tokens.danger)),
        _ => Button::new(label),
    };
    ui.add_enabled(enabled, button.min_size(size))
}

/// A check box or radio button, with a border that is seen on a dialog.
fn check_ui(ui: &mut Ui, enabled: bool, check: impl egui::Widget) -> egui::Response {
    ui.scope(|ui| {
        let (fill, border) = (ui.tokens().sunken, ui.tokens().input_stroke());
        let widgets = &mut ui.visuals_mut().widgets;
        // With the focus, too: the tick would not be seen on its colour.
        let states = [
            &mut widgets.inactive,
            &mut widgets.hovered,
            &mut widgets.active,
        ];
        for state in states {
            state.bg_fill = fill;
            state.bg_stroke = border;
        }
        ui.add_enabled(enabled, check)
    })
    .inner
}

/// The row of buttons at the bottom, from the right.
fn buttons_ui<R>(ui: &mut Ui, buttons: impl FnOnce(&mut Ui) -> R) -> R {
    ui.add_space(metrics().gap);
    let height = metrics().menu;
    ui.allocate_ui_with_layout(
        egui::vec2(ui.available_width(), height),
        Layout::right_to_left(Align::Center),
        buttons,
    )
    .inner
}

/// The Cancel button; closes the dialog.
fn cancel_ui(ui: &mut Ui, cx: &Cx<'_>) -> egui::Response {
    let response = button_ui(ui, "Cancel", Weight::Plain, true);
    if response.clicked() {
        cx.send(Command::Window(WindowCommand::CloseDialog));
    }
    response
}

/// Gives the focus to a button when nothing has it, so that Enter is the safe answer.
fn default_focus(ui: &Ui, response: &egui::Response) {
    let inside = ui.memory(|memory| memory.focused());
    if inside.is_none() {
        response.request_focus();
    }
}
