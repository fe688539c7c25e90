//! The panel of a filesystem that keeps moments of itself: a strip, or the moments and what became of one of them since.

mod changes;
mod moments;

use egui::{Align, Button, Key, Layout, Modifiers, TextEdit, Ui, UiBuilder};
use fs_core::ops::FsRef;
use fs_core::snapshots::SnapshotId;

use super::{Cx, Drafts, text};
use crate::command::{Command, FsCommand, SnapshotCommand, WindowCommand};
use crate::state::FsInfo;
use crate::state::snapshots::{Snapshots, Work};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::widget::IconButton;

/// What is being typed or asked in the panel.
#[derive(Default)]
pub struct SnapshotsDraft {
    /// The name of the snapshot that is being taken.
    pub name: Option<NameDraft>,
    /// The snapshot that would be deleted.
    pub confirm: Option<SnapshotId>,
}

/// A name being typed.
#[derive(Default)]
pub struct NameDraft {
    text: String,
    has_focus: bool,
}

/// How high the panel is, in a pane with `room` for it and the rows.
pub(super) fn height(cx: &Cx<'_>, snapshots: &Snapshots, room: f32) -> f32 {
    let m = metrics();
    if !cx.state.settings.show_snapshots {
        return m.strip;
    }
    // The present is a row too; what changed since one of them wants more.
    let rows = (snapshots.all.len() + 1) as f32 * m.layer_row;
    let wanted = if snapshots.chosen.is_some() {
        rows.max(m.layer_row * m.snapshot_rows)
    } else {
        rows
    };
    let most = (room * m.layers_share - m.strip).max(m.layer_row);
    m.strip + wanted.min(most).floor() + m.line
}

/// The panel.
pub(super) fn panel_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, fs: &FsRef, info: &FsInfo) {
    let Some(snapshots) = &info.snapshots else {
        return;
    };
    let m = metrics();
    let area = ui.available_rect_before_wrap();
    let (head, body) = area.split_top_bottom_at_y(area.top() + m.strip);
    let mut head = ui.new_child(UiBuilder::new().max_rect(head));
    head_ui(&mut head, cx, &mut drafts.snapshots, fs, snapshots);
    if !cx.state.settings.show_snapshots {
        return;
    }
    let line = body.top();
    ui.painter()
        .hline(body.x_range(), line, ui.tokens().line_stroke());
    let body = body.with_min_y(line + m.line);
    let shares = body.width() >= 2.0 * m.pane_min;
    match snapshots.chosen() {
        Some(kept) if shares => {
            let (left, right) = body.split_left_right_at_fraction(0.5);
            let mut left = ui.new_child(UiBuilder::new().max_rect(left));
            moments::moments_ui(&mut left, cx, fs, snapshots);
            let edge = right.left().round();
            ui.painter()
                .vline(edge, right.y_range(), ui.tokens().line_stroke());
            let right = right.with_min_x(edge + m.line);
            let mut right = ui.new_child(UiBuilder::new().max_rect(right));
            changes::changes_ui(&mut right, cx, drafts, fs, info, kept);
        }
        // In a narrow pane one or the other.
        Some(kept) => {
            let mut body = ui.new_child(UiBuilder::new().max_rect(body));
            changes::changes_ui(&mut body, cx, drafts, fs, info, kept);
        }
        None => {
            let mut body = ui.new_child(UiBuilder::new().max_rect(body));
            moments::moments_ui(&mut body, cx, fs, snapshots);
        }
    }
}

fn order(cx: &Cx<'_>, fs: &FsRef, command: SnapshotCommand) {
    cx.send(Command::Fs(FsCommand::Snapshots(fs.clone(), command)));
}

fn head_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    draft: &mut SnapshotsDraft,
    fs: &FsRef,
    snapshots: &Snapshots,
) {
    let m = metrics();
    let expanded = cx.state.settings.show_snapshots;
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = m.space;
        ui.add_space(m.space);
        let (icon, name) = if expanded {
            (Icon::CaretDown, "Hide snapshots")
        } else {
            (Icon::CaretUp, "List snapshots")
        };
        if IconButton::new(icon, name).show(ui).clicked() {
            cx.send(Command::Window(WindowCommand::ToggleSnapshots));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(m.gap);
            if draft.name.is_some() {
                name_ui(ui, cx, draft, fs);
            } else if take_ui(ui) {
                order(cx, fs, SnapshotCommand::AskName);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let (title, detail) = title(snapshots);
                let color = ui.tokens().muted;
                ui.spacing_mut().item_spacing.x = m.gap;
                if expanded {
                    ui.label(Type::Strong.rich(title));
                } else {
                    ui.label(Type::Secondary.rich(title).color(color));
                }
                ui.add(egui::Label::new(Type::Secondary.rich(detail).color(color)).truncate());
            });
        });
    });
}

fn take_ui(ui: &mut Ui) -> bool {
    let label = Type::Secondary.rich("Take snapshot");
    let button = Button::new((Icon::Snapshot.atom(), label));
    ui.add(button).clicked()
}

fn title(snapshots: &Snapshots) -> (String, String) {
    match snapshots.all.as_slice() {
        [] => (
            "No snapshots".to_owned(),
            "Keep this moment, to look at it or go back to it later".to_owned(),
        ),
        [last, ..] => (
            format!("Snapshots · {}", snapshots.all.len()),
            format!(
                "last “{}”, {} in all",
                last.snapshot.name,
                text::size(snapshots.total_bytes)
            ),
        ),
    }
}

/// The field for the name of a snapshot that is being taken, from the right.
fn name_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &mut SnapshotsDraft, fs: &FsRef) {
    let m = metrics();
    let Some(name) = &mut draft.name else {
        return;
    };
    let cancel = IconButton::new(Icon::Close, "Take no snapshot");
    let cancelled = cancel.show(ui).clicked();
    let take = ui.button(Type::Secondary.rich("Take")).clicked();
    let field = TextEdit::singleline(&mut name.text)
        .hint_text("Name, or none for the time")
        .align(egui::Align2::LEFT_CENTER)
        .char_limit(fs_core::snapshots::SNAPSHOT_NAME_MAX_CHARS)
        .desired_width(m.tab_width_max.min(ui.available_width() - m.pad));
    let response = ui.add(field).accessible_name("Name of the snapshot");
    if !std::mem::replace(&mut name.has_focus, true) {
        response.request_focus();
    }
    let enter = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let escape = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
    if take || enter {
        let text = std::mem::take(&mut name.text);
        order(cx, fs, SnapshotCommand::Do(Work::Take(text)));
        draft.name = None;
    } else if cancelled || escape {
        draft.name = None;
    }
}
