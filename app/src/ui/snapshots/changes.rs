//! What became of a snapshot since, and what can be done with it.

use egui::{Align, Button, Label, Layout, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo};
use fs_core::ops::{FsRef, Place};
use fs_core::snapshots::{ChangeKind, SnapshotChange};

use super::{Cx, SnapshotsDraft, order};
use crate::command::{Command, SnapshotCommand};
use crate::state::FsInfo;
use crate::state::snapshots::{Kept, Work};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::ui::change_mark::Mark;
use crate::ui::{Drafts, text};
use crate::widget::{IconButton, elided};

/// The part of the panel.
pub(super) fn changes_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    fs: &FsRef,
    info: &FsInfo,
    kept: &Kept,
) {
    let m = metrics();
    let area = ui.available_rect_before_wrap();
    let (head, list) = area.split_top_bottom_at_y(area.top() + m.path);
    let mut head = ui.new_child(egui::UiBuilder::new().max_rect(head));
    head_ui(&mut head, cx, &mut drafts.snapshots, fs, kept);
    let comparison = info
        .snapshots
        .as_ref()
        .and_then(|it| it.comparison.as_ref());
    let mut list = ui.new_child(egui::UiBuilder::new().max_rect(list));
    let Some(comparison) = comparison else {
        return line_ui(&mut list, "Looking what changed since…");
    };
    if comparison.changes.is_empty() {
        return line_ui(&mut list, "Nothing changed since.");
    }
    list.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .id_salt(("changes", fs.as_str()))
        .auto_shrink(false)
        .show_rows(&mut list, m.row, comparison.changes.len(), |ui, rows| {
            for change in comparison.changes.get(rows).unwrap_or_default() {
                change_ui(ui, cx, fs, change);
            }
        });
}

fn line_ui(ui: &mut Ui, line: &str) {
    let m = metrics();
    let muted = ui.tokens().muted;
    ui.horizontal(|ui| {
        ui.add_space(m.pad);
        ui.label(Type::Secondary.rich(line).color(muted));
    });
}

fn head_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &mut SnapshotsDraft, fs: &FsRef, kept: &Kept) {
    let m = metrics();
    let id = kept.snapshot.id;
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = m.space;
        ui.add_space(m.space);
        if IconButton::new(Icon::Back, "All snapshots")
            .show(ui)
            .clicked()
        {
            order(cx, fs, SnapshotCommand::Choose(None));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(m.gap);
            if draft.confirm == Some(id) {
                return confirm_ui(ui, cx, draft, fs, kept);
            }
            if IconButton::new(Icon::Trash, "Delete snapshot…")
                .show(ui)
                .clicked()
            {
                draft.confirm = Some(id);
            }
            let small = |label: &str| Button::new(Type::Secondary.rich(label));
            let back = ui.add(small("Go back to it")).on_hover_text(
                "Everything is as it was then; what is there now becomes a snapshot",
            );
            if back.clicked() {
                order(cx, fs, SnapshotCommand::GoBack(id));
            }
            let open = ui
                .add(small("Open"))
                .on_hover_text("In a tab of its own, read-only");
            if open.clicked() {
                order(cx, fs, SnapshotCommand::Open(id));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let title = format!("Since “{}”", kept.snapshot.name);
                ui.add(Label::new(Type::Strong.rich(title)).truncate());
            });
        });
    });
}

/// Asks before a snapshot is forgotten, from the right.
fn confirm_ui(ui: &mut Ui, cx: &Cx<'_>, draft: &mut SnapshotsDraft, fs: &FsRef, kept: &Kept) {
    let danger = ui.tokens().danger;
    if ui.button(Type::Secondary.rich("Keep")).clicked() {
        draft.confirm = None;
    }
    let delete = Button::new(Type::Secondary.rich("Delete").color(danger));
    if ui.add(delete).clicked() {
        let work = Work::Delete(kept.snapshot.id);
        order(cx, fs, SnapshotCommand::Do(work));
    }
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        let question = format!(
            "Delete “{}” for good? It frees {}",
            kept.snapshot.name,
            text::size(kept.usage.own_bytes)
        );
        ui.add(Label::new(Type::Secondary.rich(question)).truncate());
    });
}

fn mark(change: &SnapshotChange) -> (Mark, &'static str) {
    match change.kind() {
        ChangeKind::Added => (Mark::Added, "added"),
        ChangeKind::Changed => (Mark::Changed, "changed"),
        ChangeKind::Moved => (Mark::Moved, "moved"),
        ChangeKind::Removed => (Mark::Deleted, "removed"),
    }
}

/// What it weighs, or where it was.
fn weight(change: &SnapshotChange) -> String {
    if let Some(from) = &change.moved_from {
        return format!("was {}", from.display());
    }
    let is_folder = [&change.before, &change.after]
        .into_iter()
        .flatten()
        .any(|metadata| metadata.is_dir());
    if is_folder {
        return "folder".to_owned();
    }
    let size =
        |metadata: &Option<fs_core::Metadata>| metadata.as_ref().map(|it| text::size(it.size));
    match (size(&change.before), size(&change.after)) {
        (Some(before), Some(after)) if before != after => format!("{after}, was {before}"),
        (_, Some(size)) | (Some(size), None) => size,
        (None, None) => String::new(),
    }
}

/// One change; a click shows it in the list.
fn change_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, change: &SnapshotChange) {
    let (m, tokens) = (metrics(), ui.tokens());
    let (rect, response) =
        ui.allocate_exact_size(egui::vec2(ui.available_width(), m.row), Sense::click());
    let path = change.path.display();
    let (mark, word) = mark(change);
    let weight = weight(change);
    response.widget_info(|| {
        WidgetInfo::labeled(Role::Button, true, format!("{path}, {word}, {weight}"))
    });
    let painter = ui.painter();
    if response.hovered() {
        painter.rect_filled(rect, 0.0, tokens.hover());
    }
    if response.has_focus() {
        painter.rect_stroke(rect, 0.0, tokens.ring(), egui::StrokeKind::Inside);
    }
    let mark = mark.paint(ui, rect, rect.left() + m.pad);
    let start = mark.right() + m.gap;
    let room = rect.right() - m.pad - start;
    let right = elided(painter, &weight, &Type::Secondary.font(), room / 2.0);
    let left = rect.right() - m.pad - right.size().x;
    let name = elided(
        painter,
        &path,
        &Type::Body.font(),
        (left - m.gap - start).max(0.0),
    );
    let at = Rect::from_min_max(egui::pos2(start, rect.top()), rect.max);
    let middle = |height: f32| (at.center().y - height / 2.0).round();
    if change.after.is_none() {
        let y = rect.center().y.round();
        let stroke = egui::Stroke::new(m.line, tokens.muted);
        painter.hline(start..=start + name.size().x, y, stroke);
    }
    let y = middle(name.size().y);
    painter.galley(egui::pos2(start, y), name, tokens.text);
    let y = middle(right.size().y);
    painter.galley(egui::pos2(left, y), right, tokens.muted);
    if response.clicked()
        && change.after.is_some()
        && let Some(tab) = cx.state.tab()
    {
        let place = Place::new(fs.clone(), change.path.clone());
        cx.send(Command::Reveal(tab.id, place));
    }
    response.on_hover_text(path.as_ref());
}
